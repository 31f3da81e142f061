"""Accounts whose money will not suffice, reported before it is gone."""

from datetime import timedelta

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.enums import IncidentKind
from models.money import Money
from orders.incidents.conditions import Condition
from orders.money.forecast.projection import CERTAIN, Forecast, read_forecast
from orders.money.forecast.terms import Basis

AGAIN_AFTER = timedelta(minutes=10)
"""Between two looks."""


async def shortages(session: AsyncSession, horizon: timedelta, basis: Basis) -> list[Condition]:
    """The accounts that are short within the horizon; zero: nobody wants to know."""
    if not horizon:
        return []
    accounts = (await session.exec(select(UpstreamAccount).order_by(UpstreamAccount.name))).all()
    found = []
    for account in accounts:
        if account.balance is None:
            continue
        forecast = await read_forecast(session, account, utc_now(), horizon, basis)
        if forecast.short_at() is not None:
            found.append(_condition(forecast))
    return found


def _condition(forecast: Forecast) -> Condition:
    account = forecast.account
    missing = Money(amount=forecast.total(CERTAIN) - (forecast.free or 0), currency=account.currency)
    message = (
        f"Account {account.name}: {forecast.in_words()}. {missing} are missing until then: top it up. "
        f"resell forecast {account.name} shows what falls due"
    )
    return Condition(
        IncidentKind.SHORT_OF_MONEY,
        account.name,
        message,
        account=account.id,
        detail={"upstream": account.name, "missing": str(missing)},
    )
