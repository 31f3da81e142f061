"""Lead times of single plans, as the catalogue says them, added to those of the settings."""

from collections.abc import Iterable
from dataclasses import replace

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import TariffPlan
from models.renewal_terms import RenewalTerms


async def with_plans(session: AsyncSession, terms: RenewalTerms) -> RenewalTerms:
    """With what the catalogue says of every plan."""
    found = await session.exec(select(TariffPlan).where(col(TariffPlan.renewal_lead_days).is_not(None)))
    return of_plans(terms, found.all())


def of_plans(terms: RenewalTerms, plans: Iterable[TariffPlan]) -> RenewalTerms:
    """With what these plans say."""
    days = {plan.id: plan.renewal_lead_days for plan in plans}
    return replace(terms, lead_of_plan={plan: lead for plan, lead in days.items() if lead is not None})
