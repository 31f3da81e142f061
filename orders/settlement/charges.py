"""A charge that nothing of ours explains proves that a request was carried out, although the item does not show it yet.

It is looked for before a request that costs is sent again. Where the upstream's list of expenses can't be read, or does
not name items, it proves nothing, and what the item shows decides alone.

The other way round, an item may show what was asked for, and no charge is listed: then somebody else may have given it,
and our request was never carried out. The order goes on, and an incident reports it (`report_not_charged`).
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.database import Database
from models.enums import IncidentKind, IntentState, IntentStep, OperationKind
from models.events import UpstreamSnapshot
from models.order import Intent, Operation, Service
from orders.incidents.record import raise_incident
from orders.operations.job import Job
from orders.operations.registry import operation_type
from orders.settlement.verdicts import INCOMPLETE_AT_MOST, Judgement, Verdict
from upstreams.carts import Expense, Expenses
from upstreams.errors import ConnectionUnhealthy, OutcomeUnknown, Rejected, Scope, SetupFault
from upstreams.port import Upstream

A_DAY = timedelta(days=1)
"""The upstream's calendar may be a day off ours."""
OF_OURS = timedelta(days=3)
"""Charges of other operations of the service explain a charge for so long: more than the calendars can differ."""
NOT_CHARGED = "not_charged"
"""In a verdict's evidence: what would have been charged, and no charge is listed."""


async def unless_charged(
    database: Database, job: Job, intent: Intent, upstream: Upstream, found: Judgement, window: timedelta
) -> Judgement:
    """The verdict. While the expenses show a charge of just the order's cost that nothing explains, *not done* becomes
    *wait*; after ten windows, ten minutes at least, a person decides."""
    cost = job.operation.cost
    if found.verdict is not Verdict.NOT_DONE or intent.step is not IntentStep.SEND:
        return found
    if not operation_type(job.operation.kind).charges or cost is None or cost.amount <= 0:
        return found
    since = await _first_sent(database, job)
    listed = await _expenses(upstream, since)
    of_its_cost = [one for one in listed if one.amount == cost]
    async with database.read() as session:
        if job.operation.kind is OperationKind.OPEN:
            charges = await _of_nobodys_items(session, job, of_its_cost)
        else:
            mine = [one for one in of_its_cost if one.item == job.service.upstream_number]
            charges = mine[await _explained(session, job, since) :]
    if not charges:
        return found
    one = charges[-1]
    evidence = {**found.evidence, "charge": {"number": one.number, "item": one.item, "amount": str(cost)}}
    words = (
        f"the upstream's expenses have a charge of {cost} for item {one.item} (number {one.number}) that no other "
        "order explains, and the item does not show what was asked for yet"
    )
    unknown_since = intent.unknown_since or intent.created_at
    if utc_now() < unknown_since + max(10 * window, INCOMPLETE_AT_MOST):
        return Judgement(Verdict.WAIT, reason=words, evidence=evidence)
    return replace(found, verdict=Verdict.CANNOT_TELL, reason=words, evidence=evidence)


async def unless_not_charged(
    database: Database, job: Job, intent: Intent, upstream: Upstream, found: Judgement, window: timedelta
) -> Judgement:
    """The verdict. While the expenses show no charge for what the item shows, *done* becomes *wait*; after the window
    it stands, and its evidence says so (`NOT_CHARGED`).

    Only a complete list proves it, and only where it shows the charges of the service's other operations.
    """
    cost = job.operation.cost
    kind = job.operation.kind
    if found.verdict is not Verdict.DONE or intent.step is not IntentStep.SEND or kind is OperationKind.OPEN:
        return found
    if not operation_type(kind).charges or cost is None or cost.amount <= 0:
        return found
    since = await _first_sent(database, job)
    listed = await _listed(upstream, (since - OF_OURS - A_DAY).date())
    if listed is None or not listed.complete or not any(one.item for one in listed.entries):
        return found
    charges = sum(one.item == job.service.upstream_number for one in listed.entries)
    async with database.read() as session:
        others = await _charged_for_others(session, job, since - OF_OURS)
    if charges != others:
        return found
    if utc_now() < (intent.unknown_since or intent.created_at) + window:
        words = f"item {job.service.upstream_number} shows what was asked for, and no charge for it is listed yet"
        return Judgement(Verdict.WAIT, reason=words, evidence=found.evidence)
    return replace(found, evidence={**found.evidence, NOT_CHARGED: str(cost)})


async def report_not_charged(session: AsyncSession, operation: Operation, intent: Intent, judgement: Judgement) -> None:
    """Raise an incident if the verdict rests on an item for whose change no charge is listed.

    The operation counts as charged: too much is better than too little, and the next balance that is read is right
    either way.
    """
    cost = judgement.evidence.get(NOT_CHARGED)
    if cost is None:
        return
    service = await session.get_one(Service, operation.service_id)
    await raise_incident(
        session,
        IncidentKind.OTHER_TERM,
        f"item {service.upstream_number} of service {service.id} shows what operation {operation.id} "
        f"({operation.kind.value}) asked for, and the upstream's expenses have no charge for it. The answer to "
        f"request {intent.attempt} ({intent.created_at:%H:%M:%S} UTC) was lost. Either the request was carried out and "
        f"its charge of {cost} is not listed yet, or it was never carried out and somebody else made the same change. "
        f"Resellflow counts {cost} as charged, and sends nothing more. Look at the upstream's expenses and at who "
        "changed the item; then close this incident",
        about=f"not charged, intent {intent.id}",
        account=intent.account_id,
        service=service.id,
        operation=operation.id,
        detail={"item": service.upstream_number or "", NOT_CHARGED: str(cost)},
    )


async def _first_sent(database: Database, job: Job) -> datetime:
    async with database.read() as session:
        found = await session.exec(
            select(Intent.created_at).where(Intent.operation_id == job.number).order_by(col(Intent.id)).limit(1)
        )
        return found.one()


async def _expenses(upstream: Upstream, since: datetime) -> Collection[Expense]:
    """Those that name an item. None where this upstream, or this account, may not read them."""
    listed = await _listed(upstream, (since - A_DAY).date())
    return [] if listed is None else [one for one in listed.entries if one.item]


async def _listed(upstream: Upstream, day: date) -> Expenses | None:
    try:
        return await upstream.expenses(day)
    except (Rejected, SetupFault, OutcomeUnknown):
        return None
    except ConnectionUnhealthy as error:
        if error.scope is Scope.ACCOUNT:
            raise
        return None


async def _of_nobodys_items(session: AsyncSession, job: Job, charges: Collection[Expense]) -> list[Expense]:
    """Those for items that no list has shown and no order of ours has."""
    numbers = {one.item for one in charges}
    seen = await session.exec(
        select(UpstreamSnapshot.number).where(
            UpstreamSnapshot.account_id == job.account_id, col(UpstreamSnapshot.number).in_(numbers)
        )
    )
    ours = await session.exec(
        select(Service.upstream_number).where(
            Service.account_id == job.account_id, col(Service.upstream_number).in_(numbers)
        )
    )
    known = {*seen.all(), *ours.all()}
    return [one for one in charges if one.item not in known]


async def _explained(session: AsyncSession, job: Job, since: datetime) -> int:
    """How many other operations of the service were charged the same sum of late."""
    found = await session.exec(
        select(Operation.id)
        .join(Intent, col(Intent.operation_id) == col(Operation.id))
        .where(
            Operation.service_id == job.service.id,
            Operation.id != job.number,
            Operation.cost_amount == job.operation.cost_amount,
            Intent.state == IntentState.ACCEPTED,
            Intent.created_at > since - OF_OURS,
        )
        .distinct()
    )
    return len(found.all())


async def _charged_for_others(session: AsyncSession, job: Job, since: datetime) -> int:
    """How many other operations of the service were charged since then, whatever they cost."""
    found = await session.exec(
        select(Operation.id)
        .join(Intent, col(Intent.operation_id) == col(Operation.id))
        .where(
            Operation.service_id == job.service.id,
            Operation.id != job.number,
            col(Operation.cost_amount) > 0,
            Intent.state == IntentState.ACCEPTED,
            Intent.created_at > since,
        )
        .distinct()
    )
    return len(found.all())
