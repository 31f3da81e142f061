"""Add-ons: what may be ordered of each, in our words and in the upstream's.

Three forms: a quantity with limits, a switch, a choice of named values. A mapping that says nothing more of an add-on
than its field sells a quantity without limits.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Protocol, Self

from pydantic import PlainValidator, WithJsonSchema

from models.enums import AddonKind
from models.parameters import Values
from orders.errors import InvalidField
from orders.services.meaning import is_no, is_yes, number_of
from orders.text import check_text

AddonValue = int | str
"""The value that a service stores: a quantity, the name of a choice, or `on` or `off` for a switch."""
ON, OFF = "on", "off"


def _addon(value: object) -> bool | int | str:
    if isinstance(value, bool | int):
        return value
    if isinstance(value, str) and value.strip().isdigit():
        raise ValueError("a quantity is a whole number, without quotation marks")
    if isinstance(value, str) and value.strip():
        return check_text(value)
    raise ValueError("an add-on is a whole number, true or false, or the name of a choice")


AskedAddon = Annotated[
    bool | int | str,
    PlainValidator(_addon),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "boolean"}, {"type": "string"}]}),
]
"""What a caller may write for an add-on; which of them is right the plan's mapping says."""


def spelled_alike(body: Mapping[str, object]) -> dict[str, object]:
    """A request in which a switch is written in one way: on and off, instead of true and false."""
    asked = body.get("addons")
    if not isinstance(asked, Mapping):
        return dict(body)
    return {
        **body,
        "addons": {
            name: {True: ON, False: OFF}[value] if isinstance(value, bool) else value for name, value in asked.items()
        },
    }


class Mapped(Protocol):
    """What of a plan's mapping add-ons need."""

    addons: dict[str, str]
    addon_forms: dict[str, dict[str, object]]


@dataclass(frozen=True)
class AddonForm:
    kind: AddonKind = AddonKind.QUANTITY
    least: int = 0
    most: int | None = None
    step: int = 1
    choices: Mapping[str, str] = field(default_factory=dict)
    """Ours -> the upstream's word. A switch has two: on and off."""

    @classmethod
    def of(cls, mapping: Mapped, addon: str) -> Self:
        stored = mapping.addon_forms.get(addon, {})
        kind = AddonKind(str(stored.get("kind", AddonKind.QUANTITY)))
        choices = stored.get("choices")
        known = {str(ours): str(theirs) for ours, theirs in choices.items()} if isinstance(choices, dict) else {}
        if kind is AddonKind.SWITCH:
            known = {ON: ON, OFF: OFF} | known
        most = stored.get("max")
        return cls(
            kind=kind,
            least=_whole(stored.get("min"), 0),
            most=most if isinstance(most, int) else None,
            step=_whole(stored.get("step"), 1),
            choices=known,
        )

    def checked(self, value: object, plan: str) -> AddonValue:
        """The value as a service keeps it. Raises ValueError saying what would be right."""
        match self.kind:
            case AddonKind.QUANTITY:
                return self._checked_quantity(value, plan)
            case AddonKind.SWITCH:
                word = (ON if value else OFF) if isinstance(value, bool) else str(value).strip().lower()
                if word not in (ON, OFF):
                    raise ValueError(f"{value!r} is neither on nor off; it is a switch: true or false")
                return word
            case AddonKind.CHOICE:
                if isinstance(value, bool) or str(value) not in self.choices:
                    raise ValueError(f"{value!r} is not on offer; {plan} can have {', '.join(self.choices)}")
                return str(value)

    def _checked_quantity(self, value: object, plan: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"{value!r} is not a quantity; write a whole number")
        if value < 0:
            raise ValueError("a quantity is zero or more")
        if self.most is not None and value > self.most:
            raise ValueError(f"{value} is more than {self.most}, the most that {plan} can have")
        if value < self.least:
            raise ValueError(f"{value} is less than {self.least}, the least that {plan} can have")
        if (value - self.least) % self.step:
            below = value - (value - self.least) % self.step
            above = below + self.step
            fits = str(below) if self.most is not None and above > self.most else f"{below} or {above}"
            raise ValueError(f"{value} does not fit; {plan} has it in steps of {self.step} from {self.least}: {fits}")
        return value

    def sent(self, value: AddonValue) -> str:
        """The upstream's word for it."""
        return str(value) if self.kind is AddonKind.QUANTITY else self.choices.get(str(value), str(value))

    def read(self, shown: str) -> AddonValue | None:
        """Our word for what a form shows; None for what we have no word for."""
        match self.kind:
            case AddonKind.QUANTITY:
                found = Decimal(0) if is_no(shown) else number_of(shown)
                return int(found) if found is not None and found == found.to_integral_value() else None
            case AddonKind.SWITCH | AddonKind.CHOICE:
                for ours, theirs in self.choices.items():
                    if theirs == shown.strip():
                        return ours
                if self.kind is AddonKind.SWITCH:
                    return OFF if is_no(shown) else ON if is_yes(shown) else None
                return None


def _whole(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) else otherwise


def is_none(value: AddonValue | None) -> bool:
    """Nothing of it is had."""
    return value in (None, 0, OFF)


def without_none(values: Mapping[str, AddonValue]) -> dict[str, AddonValue]:
    return {name: value for name, value in values.items() if not is_none(value)}


def least(mapping: Mapped, name: str) -> AddonValue | None:
    """The least that a plan has of it: what to ask for where it is not wanted. None: it can't be done without."""
    form = AddonForm.of(mapping, name)
    match form.kind:
        case AddonKind.QUANTITY:
            return form.least
        case AddonKind.SWITCH:
            return OFF
        case AddonKind.CHOICE:
            return next((ours for ours, theirs in form.choices.items() if is_no(ours) or is_no(theirs)), None)


def check(asked: Mapping[str, object], mapping: Mapped | None, plan: str) -> dict[str, AddonValue]:
    """What was asked for, as a service keeps it. Raises InvalidField naming the add-on and the limit."""
    found: dict[str, AddonValue] = {}
    for addon, value in asked.items():
        if mapping is None or addon not in mapping.addons:
            known = f"known: {', '.join(sorted(mapping.addons))}" if mapping and mapping.addons else f"{plan} has none"
            raise InvalidField(f"addons.{addon}", f"unknown add-on; {known}")
        try:
            found[addon] = AddonForm.of(mapping, addon).checked(value, plan)
        except ValueError as error:
            raise InvalidField(f"addons.{addon}", str(error)) from error
    return found


def fields(values: Mapping[str, AddonValue], mapping: Mapped) -> dict[str, str]:
    """Upstream field -> value."""
    return {mapping.addons[name]: AddonForm.of(mapping, name).sent(value) for name, value in values.items()}


def values_to_set(values: Mapping[str, AddonValue], mapping: Mapped | None) -> Values:
    """Parameters of an operation that sets these add-ons; without a mapping a person does it."""
    asked = {name: str(value) for name, value in values.items()}
    return Values(addons=asked, fields=fields(values, mapping) if mapping is not None else {})


def values_of(texts: Mapping[str, str]) -> dict[str, AddonValue]:
    """The add-ons that an operation is to set, from its parameters."""
    return {name: from_text(value) for name, value in texts.items()}


def from_text(text: str) -> AddonValue:
    """A value as people type it: a whole number, or a word."""
    plain = text.strip()
    return int(plain) if re.fullmatch(r"-?[0-9]{1,9}", plain) else plain


def text(value: bool | int | str) -> str:
    """A value that a caller wrote, as text."""
    return (ON if value else OFF) if isinstance(value, bool) else str(value)


def shown(mapping: Mapped, form: Mapping[str, str]) -> dict[str, AddonValue]:
    """What a form shows of the add-ons that the mapping has words for."""
    found = {
        name: AddonForm.of(mapping, name).read(form[upstream_field])
        for name, upstream_field in mapping.addons.items()
        if upstream_field in form
    }
    return {name: value for name, value in found.items() if value is not None}


def had(mapping: Mapped, form: Mapping[str, str]) -> dict[str, AddonValue]:
    """The add-ons that the item has, as its form shows them."""
    return {name: value for name, value in shown(mapping, form).items() if not is_none(value)}


def carried(
    had: Mapping[str, AddonValue], mapping: Mapped | None, plan: str
) -> tuple[dict[str, AddonValue], dict[str, str]]:
    """What of a service's add-ons the plan can have, too; and what is lost, each with the reason."""
    kept: dict[str, AddonValue] = {}
    lost: dict[str, str] = {}
    for name, value in had.items():
        if is_none(value):
            continue
        try:
            kept |= check({name: value}, mapping, plan)
        except InvalidField as error:
            lost[name] = error.message
    return kept, lost
