"""Forecasts as they are shown."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from pydantic import Field
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.invariants import required
from models.money import Money
from orders.accounts.views import account_named
from orders.errors import InvalidField
from orders.money.forecast.demand import Cause
from orders.money.forecast.projection import ALL, CERTAIN, Forecast, read_forecast
from orders.money.forecast.terms import Basis
from orders.reading.documents import Document, money

HOURS, MOST_HOURS, MOST_DAYS = 72, 24 * 366, 366


Exact = Callable[[Decimal], Money]


class DemandView(Document):
    """What falls due for one cause."""

    count: int = Field(description="orders, or terms of services")
    amount: Money


class UnknownCost(Document):
    """What falls due and is in no sum."""

    of: Cause
    count: int = Field(description="orders, or services")
    why: str


class ForeignCost(Document):
    """What falls due in a currency that no rate converts; it is in no sum."""

    of: Cause
    amount: Money


class ForecastDay(Document):
    """A day of UTC."""

    day: date
    due: Money = Field(description="what falls due on it")
    if_shops_prolong: Money = Field(description="what falls due on it besides, if the shops prolong")
    left: Money | None = Field(description="what is left at its end; null: the balance is not known")
    left_if_shops_prolong: Money | None


class ForecastView(Document):
    """What falls due on an upstream account, against what is there."""

    upstream: str
    at: datetime
    until: datetime
    summary: str = Field(description="the same in a sentence")
    balance: Money | None = Field(description="as last read; null: it was never read, or can't be")
    balance_at: datetime | None
    credit_limit: Money
    free: Money | None = Field(description="balance and credit, less what is set aside for orders in flight")
    line: DemandView = Field(description="orders that have no money set aside yet")
    automatic: DemandView = Field(description="terms that we prolong automatically")
    by_upstream: DemandView = Field(description="terms that the upstream renews")
    due: Money = Field(description="the sum of these three")
    left: Money | None = Field(description="free less due; below zero: so much is missing")
    short_at: datetime | None = Field(description="when more has fallen due than is there; null: it suffices")
    if_shops_prolong: DemandView = Field(description="terms that end, if their shops prolong them")
    short_at_if_shops_prolong: datetime | None = Field(description="the same with these terms")
    unknown: list[UnknownCost]
    not_converted: list[ForeignCost]
    points: list[ForecastDay] = Field(description="day by day, for a plot")


def horizon(hours: int | None, days: int | None) -> timedelta:
    """Raises InvalidField."""
    if hours is not None and days is not None:
        raise InvalidField("days", "is another way to say hours: give one of them")
    return timedelta(days=days) if days is not None else timedelta(hours=HOURS if hours is None else hours)


async def find_forecast(session: AsyncSession, name: str, span: timedelta, basis: Basis) -> ForecastView:
    """Raises NotFound."""
    return _show(await read_forecast(session, await account_named(session, name), utc_now(), span, basis))


async def list_forecasts(session: AsyncSession, span: timedelta, basis: Basis) -> Sequence[ForecastView]:
    """The forecasts of all accounts, by name."""
    accounts = (await session.exec(select(UpstreamAccount).order_by(UpstreamAccount.name))).all()
    return [_show(await read_forecast(session, account, utc_now(), span, basis)) for account in accounts]


def _show(forecast: Forecast) -> ForecastView:
    account, demand = forecast.account, forecast.demand

    def exact(amount: Decimal) -> Money:
        return required(money(amount, account.currency), "the amount")

    def of(cause: Cause) -> DemandView:
        return DemandView(count=forecast.count(cause), amount=exact(forecast.total([cause])))

    due = forecast.total(CERTAIN)
    return ForecastView(
        upstream=account.name,
        at=forecast.at,
        until=forecast.until,
        summary=forecast.in_words(),
        balance=money(account.balance, account.currency),
        balance_at=account.balance_at,
        credit_limit=exact(account.credit_limit),
        free=money(forecast.free, account.currency),
        line=of(Cause.LINE),
        automatic=of(Cause.AUTOMATIC),
        by_upstream=of(Cause.UPSTREAM),
        due=exact(due),
        left=None if forecast.free is None else exact(forecast.free - due),
        short_at=forecast.short_at(),
        if_shops_prolong=of(Cause.STOREFRONT),
        short_at_if_shops_prolong=forecast.short_at(ALL),
        unknown=[UnknownCost(of=cause, count=count, why=why) for (cause, why), count in sorted(demand.unknown.items())],
        not_converted=[
            ForeignCost(of=cause, amount=required(money(amount, currency), "the amount"))
            for (cause, currency), amount in sorted(demand.foreign.items())
        ],
        points=_points(forecast, exact),
    )


def _points(forecast: Forecast, exact: Exact) -> list[ForecastDay]:
    left = all_left = forecast.free
    points = []
    for day, certain, perhaps in forecast.by_day():
        if left is not None and all_left is not None:
            left, all_left = left - certain, all_left - certain - perhaps
        points.append(
            ForecastDay(
                day=day,
                due=exact(certain),
                if_shops_prolong=exact(perhaps),
                left=None if left is None else exact(left),
                left_if_shops_prolong=None if all_left is None else exact(all_left),
            )
        )
    return points
