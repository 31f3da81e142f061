"""What falls due, set against what is there. Pure but for `read_forecast`, which reads both."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.money import Money
from orders.money import funds
from orders.money.forecast.demand import Cause, Demand, Due, read_demand, today_of
from orders.money.forecast.terms import Basis

CERTAIN = frozenset({Cause.LINE, Cause.AUTOMATIC, Cause.UPSTREAM})
"""What is charged unless somebody prevents it."""
ALL = frozenset(Cause)


@dataclass(frozen=True)
class Forecast:
    """An account until a moment. Sums are in its currency."""

    account: UpstreamAccount
    at: datetime
    until: datetime
    free: Decimal | None
    """Balance and credit, less what is set aside. None: the balance was never read."""
    demand: Demand

    def total(self, causes: Iterable[Cause]) -> Decimal:
        wanted = set(causes)
        return sum((one.amount for one in self.demand.dues if one.cause in wanted), Decimal(0))

    def count(self, cause: Cause) -> int:
        return sum(one.count for one in self.demand.dues if one.cause is cause)

    def short_at(self, causes: frozenset[Cause] = CERTAIN) -> datetime | None:
        """When more has fallen due than is there; None: not until the end, or the balance is not known."""
        if self.free is None:
            return None
        left = self.free
        for at, amount in _by_moment(self.demand.dues, causes):
            left -= amount
            if left < 0:
                return at
        return None

    def by_day(self) -> Iterator[tuple[date, Decimal, Decimal]]:
        """Each day, what falls due on it, and what does only if the shops prolong."""
        certain, perhaps = dict[date, Decimal](), dict[date, Decimal]()
        for one in self.demand.dues:
            sums = certain if one.cause in CERTAIN else perhaps
            sums[today_of(one.at)] = sums.get(today_of(one.at), Decimal(0)) + one.amount
        day = today_of(self.at)
        while day <= today_of(self.until):
            yield day, certain.get(day, Decimal(0)), perhaps.get(day, Decimal(0))
            day += timedelta(days=1)

    def in_words(self) -> str:
        """`412.00 EUR due in 72 h, 130.00 EUR there: short on Tuesday, 2026-12-01 03:40 UTC`."""
        due = f"{self._money(self.total(CERTAIN))} due in {_horizon(self.until - self.at)}"
        if self.free is None:
            return f"{due}; the balance is not known"
        short = self.short_at()
        ending = f"short {_moment(short, self.at)}" if short is not None else "enough"
        return f"{due}, {self._money(self.free)} there: {ending}"

    def _money(self, amount: Decimal) -> Money:
        return Money(amount=amount, currency=self.account.currency)


def _by_moment(dues: Iterable[Due], causes: frozenset[Cause]) -> list[tuple[datetime, Decimal]]:
    sums: dict[datetime, Decimal] = {}
    for one in dues:
        if one.cause in causes:
            sums[one.at] = sums.get(one.at, Decimal(0)) + one.amount
    return sorted(sums.items())


def _moment(at: datetime, now: datetime) -> str:
    return "now" if at <= now else f"on {at:%A, %Y-%m-%d %H:%M} UTC"


def _horizon(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    return f"{hours:g} h" if hours <= 168 else f"{hours / 24:g} days"


async def read_forecast(
    session: AsyncSession, account: UpstreamAccount, now: datetime, horizon: timedelta, basis: Basis
) -> Forecast:
    """A few statements, whatever the number of services."""
    until = now + horizon
    free: Decimal | None = None
    if account.balance is not None:
        free = account.balance + account.credit_limit - await funds.held(session, account)
    return Forecast(account, now, until, free, await read_demand(session, account, now, until, basis))
