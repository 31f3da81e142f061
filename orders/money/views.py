"""What plans are sold for, as the catalogue says it now."""

from collections.abc import Mapping

from pydantic import Field
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import TariffPlan, TariffPlanPrice
from models.money import Money
from models.periods import has_next_term
from orders.errors import InvalidField
from orders.money.addonprices import addons_total
from orders.reading.documents import Document, money


class PriceView(Document):
    """What a plan is sold for."""

    plan: str = Field(description="name of the tariff plan")
    period_months: int
    price: Money | None = Field(description="for the whole period, add-ons included; null: `missing` says why")
    missing: str = Field(description="what the catalogue does not say; empty: nothing is missing")


async def find_price(
    session: AsyncSession, plan_name: str, months: int, addons: Mapping[str, int | str], *, renewal: bool
) -> PriceView:
    """Raises InvalidField for a plan that there is not."""
    plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == plan_name))).one_or_none()
    if plan is None:
        raise InvalidField("plan", f"there is no tariff plan {plan_name!r}")
    found = await session.exec(
        select(TariffPlanPrice).where(
            TariffPlanPrice.plan_id == plan.id,
            TariffPlanPrice.period_months == months,
            col(TariffPlanPrice.retired).is_(False),
        )
    )
    price = found.one_or_none()
    if price is None:
        return PriceView(plan=plan_name, period_months=months, price=None, missing="it is not sold for this period")
    if renewal and not has_next_term(months):
        return PriceView(plan=plan_name, period_months=months, price=None, missing="it has no next term")
    base = (price.renewal_price if renewal else None) or price.price
    more, unknown = addons_total(plan.addon_prices, addons, months, base.currency)
    if unknown:
        missing = f"the price of {', '.join(unknown)}"
        return PriceView(plan=plan_name, period_months=months, price=None, missing=missing)
    total = base + more
    return PriceView(plan=plan_name, period_months=months, price=money(total.amount, total.currency), missing="")
