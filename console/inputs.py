"""The inputs of a form that makes a request to the API, from the request's own model, and what was typed as its body.

What a value may be chosen from is said by whoever knows the thing (`known`). A field that nobody says anything of is an
input of its own, so that no field of a new operation is forgotten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from starlette.datastructures import FormData

from console.forms import BEFORE, text_in, valid
from console.texts import FIELDS, ON_OFF
from models.enums import AddonKind
from orders.errors import InvalidField
from orders.plans.views import PlanAddon
from orders.services.addons import OFF, ON, from_text

GROUPS = ("addons", "parameters")
"""Fields of several values, each an input of its own: `addons.ram`."""
LAST = ("reason", "reference")
"""They say nothing of what is bought, so they are asked for beside the button."""
LIMIT = "agreed_cost_limit"
NEVER = ("quote", "metadata", *LAST)


@dataclass(frozen=True)
class Input:
    """One input. `label` is translated; without one the name is shown."""

    name: str
    label: str = ""
    kind: str = "text"
    """`text`, `number`, `date`, `lines`, `tick`, `list`, `months` (a list of periods), or `fixed` (only shown)."""
    value: str = ""
    """What stands there before anybody types; of a tick what it means."""
    choices: Mapping[str, str] = field(default_factory=dict)
    """What a list offers: value -> words, which are translated."""
    stays: bool = False
    """`value` is how it is: if that is left, nothing is asked for."""
    needed: bool = False
    note: str = ""
    """In the API's words."""
    price: str = ""
    """What it is sold for a month."""
    limits: Mapping[str, str] = field(default_factory=dict)
    """`min`, `max` and `step` of a number."""


def inputs_of(model: type[BaseModel], known: Mapping[str, Sequence[Input]]) -> list[Input]:
    """In the order of the fields; those that must be filled in first, a limit of the price last."""
    found: list[Input] = []
    for name, one in sorted(model.model_fields.items(), key=lambda item: (item[0] == LIMIT, not item[1].is_required())):
        if name not in NEVER:
            found += known[name] if name in known else [_plain(name, one)]
    return found


def _plain(name: str, of: FieldInfo) -> Input:
    kind, value = ("tick", ON) if of.annotation is bool else ("text", "")
    note = "" if name in FIELDS else of.description or ""
    return Input(name, FIELDS.get(name, ""), kind, value, needed=of.is_required(), note=note)


def addon_input(one: PlanAddon, had: object) -> Input:
    """`had`: what there is of it; None: nothing."""
    name, price = f"addons.{one.name}", "" if one.price is None else f"{one.price}"
    match one.kind:
        case AddonKind.SWITCH:
            return Input(name, "", "list", str(had or OFF), ON_OFF, stays=True, price=price)
        case AddonKind.CHOICE:
            choices = {"": "–"} if had is None else {}
            choices |= {choice.name: f"{choice.name} · {choice.price}" if choice.price else choice.name
                        for choice in one.choices}  # fmt: skip
            return Input(name, "", "list", "" if had is None else str(had), choices, stays=True)
        case AddonKind.QUANTITY:
            limits = {"min": one.min, "max": one.max, "step": one.step}
            given = {limit: str(number) for limit, number in limits.items() if number is not None}
            value = "" if had is None else str(had)
            return Input(name, "", "number", value, stays=True, price=price, limits=given)


def body_of(model: type[BaseModel], form: FormData) -> Any:
    """Raises InvalidField for the first field that is wrong."""
    values: dict[str, object] = {}
    for name, of in model.model_fields.items():
        if name in GROUPS:
            values[name] = {
                key.removeprefix(f"{name}."): _value_of(name, key, form)
                for key in form
                if key.startswith(f"{name}.") and not _stays(form, key)
            }
        elif (typed := text_in(form, name)) and not _stays(form, name):
            values[name] = _typed_as(of.annotation, typed)
    return valid(model, {name: value for name, value in values.items() if value != {}})


def _stays(form: FormData, name: str) -> bool:
    before = f"{BEFORE}{name}"
    return before in form and text_in(form, before) == text_in(form, name)


def _value_of(group: str, key: str, form: FormData) -> object:
    typed = text_in(form, key)
    if not typed:
        raise InvalidField(key, "is empty; write 0 for none" if group == "addons" else "can't be taken away")
    return from_text(typed) if group == "addons" else typed


def _typed_as(annotation: object, typed: str) -> object:
    if annotation is bool:
        return typed == ON
    return from_text(typed) if annotation is int else typed
