"""An item as far as the goals of operations need it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Self

from models.enums import UpstreamStatus
from models.events import UpstreamSnapshot
from orders.services.meaning import number_of
from upstreams.port import UpstreamItem

NOTHING = "null"
"""The upstream's word for nothing chosen, e.g. no renewal of its own."""
MOST_OF_A_VALUE = 80
"""Characters of a form's value in a sentence for people."""
DEAD_ENDS = frozenset({"item_status_service_nosuitable", "service_status_6"})
"""Causes of a state that last until somebody at the upstream does something: nothing can open it, or it was refused."""


@dataclass(frozen=True)
class Seen:
    status: UpstreamStatus
    expires_on: date | None = None
    form: dict[str, str] = field(default_factory=dict)
    at_work: bool = False
    """The upstream has something about it under way, as a form that was read just now tells."""
    detail: str = ""
    """The upstream's own key for the cause of its state, e.g. `item_status_5_open`."""

    @classmethod
    def of_snapshot(cls, snapshot: UpstreamSnapshot) -> Self:
        return cls(UpstreamStatus(snapshot.status), snapshot.expires_on, snapshot.form, detail=snapshot.status_detail)

    @classmethod
    def of_form(cls, item: UpstreamItem) -> Self:
        return cls(item.status, item.expires_on, item.raw, item.at_work, item.status_detail)

    @property
    def dead_end(self) -> bool:
        """The upstream does not go on with it by itself, as far as it tells."""
        return self.status is UpstreamStatus.PROCESSING and self.detail in DEAD_ENDS


@dataclass(frozen=True)
class Compared:
    """A value that was asked for, beside what the item's form shows of it."""

    name: str
    shown: str
    asked: str
    same: bool


def differing(values: Iterable[Compared]) -> str:
    """Those that are not the same, in words: "tariff: wanted 59, shows 58". Empty: all are."""
    return "; ".join(
        f"{one.name}: wanted {one.asked or 'nothing'}, shows {one.shown[:MOST_OF_A_VALUE] or 'nothing'}"
        for one in values
        if not one.same
    )


def same_amount(shown: str, wanted: str) -> bool:
    """Of "60 GB" the number counts, and of "60 GB SSD" the number that it begins with; other texts must be equal."""
    if number_of(shown) is None and (found := re.match(r"\s*(\d+)(?![\d.,])", shown)):
        shown = found[1]
    number, asked = number_of(shown), number_of(wanted)
    return number == asked if number is not None and asked is not None else shown.strip() == wanted.strip()
