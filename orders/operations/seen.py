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

MOST_OF_A_VALUE = 80
"""Characters of a form's value in a sentence for people."""


@dataclass(frozen=True)
class Seen:
    status: UpstreamStatus
    expires_on: date | None = None
    form: dict[str, str] = field(default_factory=dict)
    at_work: bool = False
    """The upstream has something about it under way, as a form that was read just now shows."""
    tariff: str = ""
    """The tariff's number, or its name, as the form shows it."""
    renewal: str = ""
    """How the upstream renews it, as the form shows it."""
    detail: str = ""
    """The upstream's own key for the cause of its state."""
    cause: str = ""
    """That cause in words."""
    is_dead_end: bool = False

    @classmethod
    def of_snapshot(cls, snapshot: UpstreamSnapshot) -> Self:
        return cls(
            UpstreamStatus(snapshot.status),
            snapshot.expires_on,
            snapshot.form,
            tariff=snapshot.form_tariff,
            renewal=snapshot.form_renewal,
            detail=snapshot.status_detail,
            cause=snapshot.cause,
            is_dead_end=snapshot.dead_end,
        )

    @classmethod
    def of_form(cls, item: UpstreamItem) -> Self:
        return cls(
            item.status,
            item.expires_on,
            item.raw,
            at_work=item.at_work,
            tariff=item.tariff_id or item.tariff,
            renewal=item.renewal or "",
            detail=item.status_detail,
            cause=item.cause,
            is_dead_end=item.dead_end,
        )

    @property
    def dead_end(self) -> bool:
        """The upstream does not go on with it automatically, as far as it shows."""
        return self.status is UpstreamStatus.PROCESSING and self.is_dead_end

    @property
    def called_off(self) -> bool:
        """The upstream has called off what it had accepted about an item that is there, and works on nothing else."""
        return self.is_dead_end and self.status in (UpstreamStatus.ACTIVE, UpstreamStatus.SUSPENDED)


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
    """In "60 GB" and "60 GB SSD" only the number at the beginning counts; other texts must be equal."""
    if number_of(shown) is None and (found := re.match(r"\s*(\d+)(?![\d.,])", shown)):
        shown = found[1]
    number, asked = number_of(shown), number_of(wanted)
    return number == asked if number is not None and asked is not None else shown.strip() == wanted.strip()
