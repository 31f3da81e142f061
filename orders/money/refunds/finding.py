"""What rows of the lists say: which of them are money that came back. Pure.

A panel may list charges above zero or below it. Which of the two this one does is seen on charges of ours, whose item,
sum and day are known; before one was seen, nothing is taken for a refund.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from models.columns import of_units, units
from models.enums import RefundSource
from models.money import Money
from orders.money.refunds.watched import Charged, Watched, beside
from upstreams.ledger import LedgerRow

ITEM, TEXT, ROW = 64, 255, 128
"""Characters that are kept."""


@dataclass(frozen=True)
class Found:
    """A sum that came back, by one row."""

    source: RefundSource
    row: str
    money: Money
    item: str = ""
    text: str = ""
    on: date | None = None
    operation: int | None = None
    """The operation whose charge was lowered; None: the row says nothing of an operation."""
    once: bool = False
    """The expense is missing, which has to be seen twice."""


@dataclass
class Reading:
    """Rows of one look, taken in as they come. What is not of use is forgotten at once."""

    watched: Watched
    currency: str
    below: bool | None
    """Whether charges are below zero, as far as it is known already."""
    complete: dict[date | None, bool] = field(default_factory=dict)
    """By day that was read alone (None: all from `since` on): whether everything was shown."""
    names_items: bool = True
    """Every expense names its item."""
    _kept: dict[tuple[RefundSource, str], LedgerRow] = field(default_factory=dict)
    unreadable: int = 0
    """Rows whose sum, or number, can't be read."""

    def __post_init__(self) -> None:
        self._items = {one.item for one in self.watched.charges}

    def take(self, rows: Iterable[LedgerRow]) -> None:
        for row in rows:
            is_expense = row.source is RefundSource.EXPENSE
            self.names_items = self.names_items and bool(row.item or not is_expense)
            if not row.number or row.amount is None:
                self.unreadable += 1
            elif not is_expense or row.item in self._items or self.below is None or self._came_back(row):
                self._kept[row.source, row.number] = row

    def _came_back(self, row: LedgerRow) -> bool:
        """Whether an expense has the sign that charges do not have."""
        return row.amount is not None and row.amount.amount != 0 and (row.amount.amount < 0) is not self.below

    @property
    def side(self) -> bool | None:
        """Whether charges are below zero. None: no charge of ours is among the rows."""
        if self.below is not None:
            return self.below
        of_items: dict[str, list[LedgerRow]] = defaultdict(list)
        for row in self._expenses:
            of_items[row.item].append(row)
        exact, lower = set[bool](), set[bool]()
        for one in self.watched.charges:
            near = sorted((row for row in of_items[one.item] if _near(row.on, one.on)), key=_age)
            sums = [row.amount.amount for row in near if row.amount is not None and row.amount.amount != 0]
            if sums and units(abs(sums[0])) <= one.amount:  # what came back is listed after what was charged
                (exact if units(abs(sums[0])) == one.amount else lower).add(sums[0] < 0)
        signs = exact or lower
        return next(iter(signs)) if len(signs) == 1 else None

    @property
    def _expenses(self) -> list[LedgerRow]:
        return [row for row in self._kept.values() if row.source is RefundSource.EXPENSE]

    @property
    def undecided(self) -> bool:
        """There are expenses on both sides of zero, or below it, and it is not known which of them are charges."""
        return self.side is None and any(row.amount is not None and row.amount.amount < 0 for row in self._expenses)

    def refunds(self) -> list[Found]:
        """Rows that are money that came back, in the order of the lists."""
        side = self.side
        found = [_found(row) for row in self._kept.values() if row.source is RefundSource.PAYMENT]
        if side is not None:
            rows = [row for row in self._expenses if row.amount is not None and row.amount.amount != 0]
            found += [_found(row) for row in rows if row.amount is not None and (row.amount.amount < 0) is not side]
        return found

    def lowered(self) -> list[Found]:
        """Charges of ours whose expense is lower than what was charged, or not there any more.

        Only where exactly one expense can be that of the charge, and where everything was shown.
        """
        side = self.side
        if side is None or not self.names_items:
            return []
        return [found for one in self.watched.charges if (found := self._lowered(one, side)) is not None]

    def _lowered(self, one: Charged, side: bool) -> Found | None:
        if not self._was_shown(one.on):
            return None
        rows = [row for row in self._expenses if row.item == one.item and _near(row.on, one.on)]
        if any(row.on is None or row.amount is None or row.amount.currency != self.currency for row in rows):
            return None
        amounts = [row.amount.amount for row in rows if row.amount is not None and (row.amount.amount < 0) is side]
        if len(amounts) > 1 or any(units(abs(amount)) >= one.amount for amount in amounts):
            return None
        shown = units(abs(amounts[0])) if amounts else 0
        money = Money(amount=of_units(one.amount - shown), currency=self.currency)
        words = f"{Money(amount=of_units(shown), currency=self.currency)} instead of {_of(one, self.currency)}"
        return Found(
            RefundSource.LOWERED_EXPENSE,
            f"operation {one.operation}: {of_units(shown).normalize():f}",
            money,
            one.item,
            f"listed is {words}" if amounts else f"no expense is listed, {_of(one, self.currency)} was charged",
            one.on,
            one.operation,
            once=not amounts,
        )

    def _was_shown(self, day: date) -> bool:
        """The day of the charge and those beside it, as the calendars may differ."""
        return all(self.complete.get(None if one >= self.watched.since else one, False) for one in beside(day))


def _of(one: Charged, currency: str) -> Money:
    return Money(amount=of_units(one.amount), currency=currency)


def _age(row: LedgerRow) -> tuple[int, str]:
    """Numbers of rows grow."""
    return len(row.number), row.number


def _near(shown: date | None, ours: date) -> bool:
    return shown is None or abs(shown - ours) <= timedelta(days=1)


def _found(row: LedgerRow) -> Found:
    if row.amount is None:
        raise ValueError(f"row {row.number} has no sum")
    money = Money(amount=abs(row.amount.amount), currency=row.amount.currency)
    return Found(row.source, row.number[:ROW], money, row.item[:ITEM], row.text[:TEXT], row.on)


def problems_in_words(reading: Reading, problems: Sequence[str]) -> str:
    """Why what came back can't be read, or not all of it; empty: it can."""
    more = list(problems)
    if reading.unreadable:
        more.append(f"{reading.unreadable} rows have no number, or a sum that can't be read in one way")
    if reading.undecided:
        more.append(
            "there are expenses below zero, and no charge of ours among them shows whether those are charges or money "
            "that came back"
        )
    return "; ".join(more)
