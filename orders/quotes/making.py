"""Making a quote: the request is accepted in a transaction that is rolled back, and the upstream is asked its price.

So a quote meets what the order would meet: the same checks, the same terms, the same judgement of the price.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import TariffPlan, TariffPlanPrice
from models.columns import utc_now
from models.database import Database
from models.enums import OperationKind
from models.money import Money
from models.order import Operation, Service
from models.periods import period_of_sale
from models.quote import StoredQuote
from models.rates import Rates
from orders.errors import ByHand
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.rehearsing import rehearse
from orders.money import prices
from orders.money.addonprices import addon_price, addons_total
from orders.money.prices import PriceJudgement
from orders.money.pricing import Pricing
from orders.operations.job import MONTHS, PLAN, Job, job_in
from orders.operations.registry import operation_type
from orders.services.addons import AddonValue
from orders.services.expiry import months_later
from upstreams.answers import Quote
from upstreams.connections import Connections
from upstreams.errors import UpstreamError

ASK_SECONDS = 5.0
"""The upstream is given so long to say its price."""


@dataclass(frozen=True)
class Part:
    """One part of a selling price."""

    what: str
    price: Money | None


@dataclass(frozen=True)
class Selling:
    """What it is sold for."""

    parts: tuple[Part, ...]
    total: Money | None
    missing: str
    for_this: bool
    """For what is asked for. False: for each period of the service from then on."""


@dataclass(frozen=True)
class Draft:
    """What the request would make, as it stood in the transaction that was rolled back."""

    operation: Operation
    service: Service
    job: Job | None
    """None: people carry it out."""
    by_hand: str
    """Why a person would carry it out; empty: none would."""
    selling: Selling
    next_expiry: date | None


@dataclass(frozen=True)
class Priced:
    """What it would cost."""

    judgement: PriceJudgement | None
    """None: people carry it out, so no upstream has a price."""
    asked: bool
    """The upstream has said its price now."""
    why_not: str
    """Why it has not, in words for operators; empty: it has, or need not."""
    refusal: UpstreamError | None = None
    """It was asked and would not say: the request will meet the same."""


async def draft(database: Database, accept: Callable[[AsyncSession], Awaitable[AcceptedOrder]]) -> Draft:
    """Raises what the order would raise: InvalidField, Refused, NotFound."""

    async def accepted(session: AsyncSession) -> Draft:
        return await _draft(session, await accept(session))

    return await rehearse(database, accepted)


async def _draft(session: AsyncSession, accepted: AcceptedOrder) -> Draft:
    operation = await session.get_one(Operation, accepted.operation, populate_existing=True)
    service = await session.get_one(Service, accepted.service, populate_existing=True)
    kind = operation_type(operation.kind)
    asked = kind.asked(operation)
    job, by_hand = None, ""
    try:
        job = await job_in(session, operation.id)
    except ByHand:
        by_hand = "people carry out what is done to this service"
    by_hand = by_hand or kind.needs_person(asked) or _absent(job, operation)
    plan_id = int(operation.parameters.get(PLAN) or service.plan_id)
    months = int(operation.parameters.get(MONTHS) or service.period_months)
    selling = await _selling(session, plan_id, months, kind.addons_after(asked, service), first=kind.begins)
    is_period = kind.begins or MONTHS in operation.parameters
    term = kind.new_term(asked, service)
    expiry = months_later(*term, service.anchor_day) if term is not None else service.expires_on
    return Draft(
        operation,
        service,
        job,
        by_hand,
        Selling(selling.parts, selling.total, selling.missing, for_this=is_period),
        expiry,
    )


def _absent(job: Job | None, operation: Operation) -> str:
    """What this kind of upstream can't do becomes a task for a person."""
    return dict(job.capabilities.absent()).get(operation.kind.value, "") if job is not None else ""


async def _selling(
    session: AsyncSession, plan_id: int, months: int, chosen: dict[str, AddonValue], *, first: bool
) -> Selling:
    plan = await session.get_one(TariffPlan, plan_id)
    found = await session.exec(
        select(TariffPlanPrice).where(TariffPlanPrice.plan_id == plan_id, col(TariffPlanPrice.period_months) == months)
    )
    price = found.one_or_none()
    what = f"{plan.name}{period_of_sale(months)}"
    if price is None:
        return Selling((Part(what, None),), None, "the plan has no selling price for this period", for_this=True)
    base = price.price if first else price.renewal_price or price.price
    total, unknown = addons_total(plan.addon_prices, chosen, months, base.currency)
    parts = [Part(what, base)]
    for name, value in sorted(chosen.items()):
        known = None if name in unknown else addon_price(plan.addon_prices.get(name), value, months)
        parts.append(Part(f"{name} {value}", known or (None if name in unknown else Money.zero(base.currency))))
    missing = f"the selling price of {', '.join(unknown)}" if unknown else ""
    return Selling(tuple(parts), None if unknown else base + total, missing, for_this=True)


async def price(draft: Draft, database: Database, connections: Connections, rates: Rates) -> Priced:
    """Ask the upstream, within ASK_SECONDS. If it can't be asked, the catalogue's cost counts; `why_not` says so."""
    job = draft.job
    if job is None:
        return Priced(None, asked=False, why_not="")
    if not job.capabilities.quotes:
        return Priced(_by_catalogue(job, rates, ""), asked=False, why_not="")
    try:
        async with asyncio.timeout(ASK_SECONDS):
            upstream = await connections.to(job.account)
            priced = await Pricing(database, rates).price(job, upstream)
    except TimeoutError:
        why = f"upstream {job.account.name} did not say its price within {ASK_SECONDS:.0f} seconds"
        return Priced(_by_catalogue(job, rates, why), asked=False, why_not=why)
    except UpstreamError as error:
        return Priced(_by_catalogue(job, rates, error.message), asked=False, why_not=error.message)
    refusal = priced.refusal
    if refusal is not None:
        return Priced(priced.judgement, asked=False, why_not=refusal.message, refusal=refusal)
    return Priced(priced.judgement, asked=True, why_not="")


def _by_catalogue(job: Job, rates: Rates, refused: str) -> PriceJudgement:
    terms = operation_type(job.operation.kind).terms(job)
    return prices.judge(terms, Quote(price=None), utc_now().date(), rates, refused=refused)


def _is_partial(draft: Draft, judgement: PriceJudgement) -> bool:
    """The catalogue stands in for the upstream and lacks the cost of a part: nobody can be held to the rest."""
    if draft.job is None or judgement.price.get("source") != "catalogue":
        return False
    return bool(operation_type(draft.operation.kind).terms(draft.job).stand_in.missing)


async def keep(
    database: Database,
    kind: OperationKind,
    body_hash: str,
    owner: str | None,
    draft: Draft,
    priced: Priced,
    valid: float,
) -> StoredQuote:
    """Store it. `valid`: seconds."""
    now, total = utc_now(), draft.selling.total
    cost = None if priced.judgement is None or _is_partial(draft, priced.judgement) else priced.judgement.cost
    row = StoredQuote(
        name=f"q-{secrets.token_hex(12)}",
        owner=owner,
        kind=kind,
        body_hash=body_hash,
        selling_amount=total.amount if total else None,
        selling_currency=total.currency if total else None,
        cost_amount=cost.amount if cost else None,
        cost_currency=cost.currency if cost else None,
        created_at=now,
        valid_until=now + timedelta(seconds=valid),
    )
    async with database.write() as session:
        session.add(row)
        await session.flush()
        session.expunge(row)
    return row
