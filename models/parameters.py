"""What an operation was asked to do, and what it noted on its way, as typed values.

In the operation's row all of it is one flat dictionary of texts. Each class of operations (`orders.operations`) says
which model reads and writes it. This module is the only place that knows how a value looks in the row. A key that
several kinds use means the same in all of them.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict

from models.enums import RenewalOwner, RenewalSide, Stage
from models.renewal import owner_of, stored


@dataclass(frozen=True)
class Key:
    """Under which key a field lies in the row, if not under its own name. A dictionary lies under a prefix: each of its
    entries has a key of its own, the prefix and then the entry's name."""

    text: str

    def read(self, row: Mapping[str, str], others: Container[str] = ()) -> dict[str, str]:
        """The entries below the prefix, without those that lie under a key of their own."""
        return {
            name.removeprefix(self.text): value
            for name, value in row.items()
            if name.startswith(self.text) and name not in others
        }

    def written(self, entries: Mapping[str, str]) -> dict[str, str]:
        return {f"{self.text}{name}": value for name, value in entries.items()}


ADDON = Key("addon.")


class Parameters(BaseModel):
    """What any operation may have. Keys of the row that a model does not know are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    follows: int | None = None
    """The operation that left this one to be done."""
    stepped_aside: Stage | None = None
    """It stepped aside for an urgent operation in this stage: its workflow ended, and its next turn starts another."""

    @classmethod
    def of(cls, row: Mapping[str, str]) -> Self:
        """Read from an operation's row. Raises pydantic.ValidationError for a row that no version has written."""
        values: dict[str, object] = {}
        own = {key.text for _, key, is_prefix in _keys(cls) if not is_prefix}
        for name, key, is_prefix in _keys(cls):
            if is_prefix:
                values[name] = key.read(row, own)
            elif key.text in row:
                values[name] = row[key.text]
        return cls.model_validate(values)

    def row(self) -> dict[str, str]:
        """For an operation's row: what is None or False is left out."""
        written: dict[str, str] = {}
        for name, key, is_prefix in _keys(type(self)):
            value = getattr(self, name)
            if is_prefix:
                written |= key.written(value)
            elif value is not None and value is not False:
                written[key.text] = _text(value)
        return written


class Term(Parameters):
    period_months: int | None = None
    """Our months."""

    def months(self, otherwise: int) -> int:
        return otherwise if self.period_months is None else self.period_months


class Renewal(Term):
    """A prolongation. The dates are ISO dates; an empty text says that the upstream showed none."""

    expires_on: str | None = None
    """The end of the term that is to be prolonged, as the caller named it. None: he named none."""
    expires_before: str | None = None
    """The expiry before the first attempt."""
    expires_announced: str | None = None
    """The expiry that the upstream's renewal form announced."""


class NewPlan(Parameters):
    plan_id: int | None = None
    """The plan to change to."""
    tariff: Annotated[str | None, Key("pricelist")] = None
    """The upstream's tariff of that plan; empty: the plan is not mapped."""
    shown: Annotated[dict[str, str], Key("shown.")] = {}
    """What the item's form must show when it is done: field -> value."""
    addons: Annotated[dict[str, str], ADDON] = {}
    """Add-ons that are carried along."""
    dropped_addons: str | None = None
    """Add-ons that the new plan can't have and that the caller agreed to lose, in words; empty: the caller agreed, and
    there are none. None: the caller did not agree to lose any."""
    by_hand: str | None = None
    """Why only a person can do it; decided when the operation was asked for."""


NO_RENEWAL = "null"


class Values(Parameters):
    addons: Annotated[dict[str, str], ADDON] = {}
    """Our add-ons -> their new quantity or choice."""
    fields: Annotated[dict[str, str], Key("field.")] = {}
    """The upstream's form fields to set -> value."""
    domain: str | None = None
    renewal_owner: RenewalSide | None = None
    """The side alone, in the words of older versions. `renewed_by` says who is to renew it."""
    renews_automatically: bool = False
    renewal: Annotated[str | None, Key("field.autoprolong")] = None
    """The period by which the upstream is to renew it; NO_RENEWAL: it is not to."""
    new_password: bool = False
    """A new password is made up when it is sent; it is written nowhere."""
    new_key: bool = False
    """The upstream makes a new licence key; it is written nowhere here."""

    @property
    def renewed_by(self) -> RenewalOwner | None:
        """Who is to renew it; None: that stays as it is."""
        return None if self.renewal_owner is None else owner_of(self.renewal_owner, self.renews_automatically)

    def to_be_renewed_by(self, owner: RenewalOwner | None) -> "Values":
        side, automatically = (None, False) if owner is None else stored(owner)
        return self.model_copy(update={"renewal_owner": side, "renews_automatically": automatically})


def public(row: Mapping[str, str]) -> dict[str, str]:
    """A row as people see it: who renews in one word."""
    renewed_by = Values.of(row).renewed_by if "renewal_owner" in row else None
    words = {} if renewed_by is None else {"renewal_owner": renewed_by.value}
    return {name: value for name, value in row.items() if name != "renews_automatically"} | words


@cache
def _keys(model: type[Parameters]) -> tuple[tuple[str, Key, bool], ...]:
    """For each field: its name, its key in the row, whether that is a prefix."""
    found = []
    for name, field in model.model_fields.items():
        key = next((one for one in field.metadata if isinstance(one, Key)), Key(name))
        found.append((name, key, key.text.endswith(".")))
    return tuple(found)


def _text(value: Any) -> str:
    if value is True:
        return "yes"
    return str(value.value) if isinstance(value, Enum) else str(value)
