"""What people decide about a difference: our record takes the upstream's value over, or it may stay so."""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import PlanMapping
from models.columns import utc_now
from models.drift import Drift
from models.enums import DriftKind, DriftState, RenewalOwner, ServiceStatus, Source
from models.events import UpstreamSnapshot
from models.order import RUNNING, Operation, Service
from orders import audit
from orders.drift.comparing import OF_ITEMS, UNDECIDED, differences, report_open
from orders.errors import NotFound, Refused
from orders.incidents.record import checked_note
from orders.services import addons, expiry
from orders.services.history import Origin, changing
from orders.services.mappings import mapping_of
from orders.services.state import anchor_of, differing
from orders.services.tracking import take_over_plan

NOUN = "drift"


async def ignore(session: AsyncSession, number: int, *, actor: str, reason: str) -> None:
    """It may stay so, until either value changes. Raises NotFound, Refused, InvalidField."""
    row = await _open(session, number)
    await _decide(session, row, DriftState.IGNORED, actor, checked_note(reason))


async def approve(session: AsyncSession, number: int, *, actor: str, reason: str) -> None:
    """The service takes over what its item shows. Raises NotFound, Refused, InvalidField."""
    reason = checked_note(reason)
    row = await _open(session, number)
    if row.kind in OF_ITEMS or row.service_id is None:
        raise Refused(
            f"item {row.item} is no service of ours: link or adopt it, close it at the upstream, or ignore it"
        )
    found = await session.exec(select(Service).where(Service.id == row.service_id).with_for_update())
    service = found.one()
    running = await session.exec(select(Operation.id).where(Operation.service_id == service.id, RUNNING))
    if (operation := running.first()) is not None:
        raise Refused(f"operation {operation} of service {service.id} is under way: wait until it has ended")
    snapshots = await session.exec(
        select(UpstreamSnapshot).where(
            UpstreamSnapshot.account_id == row.account_id,
            UpstreamSnapshot.product_type == row.product_type,
            col(UpstreamSnapshot.number) == row.item,
        )
    )
    snapshot = snapshots.one_or_none()
    mapping = await mapping_of(session, service)
    if service.upstream_number != row.item or differences(service, snapshot, mapping).get(row.kind) != (
        row.ours,
        row.theirs,
    ):
        raise Refused("the two values are not what they were: look again after the next sweep (resell sweep)")
    async with changing(session, service, Origin(actor, "drift_approved", reason=reason, source=Source.PERSON)):
        await _take_over(session, service, snapshot, mapping, row.kind)
    await _decide(session, row, DriftState.APPROVED, actor, reason)


async def _take_over(
    session: AsyncSession,
    service: Service,
    snapshot: UpstreamSnapshot | None,
    mapping: PlanMapping | None,
    kind: DriftKind,
) -> None:
    if snapshot is None or kind is DriftKind.GONE:
        service.status, service.status_since = ServiceStatus.CLOSED, utc_now()
        return
    match kind:
        case DriftKind.PRICE:
            service.cost_amount, service.cost_currency = snapshot.cost_amount, snapshot.cost_currency
        case DriftKind.TERM if snapshot.expires_on is not None:
            service.anchor_day = expiry.anchor_after(anchor_of(service), snapshot.expires_on)
            service.expires_on = snapshot.expires_on
        case DriftKind.STATUS:
            for name, value in differing(service, snapshot).items():
                if name in ("status", "suspend_reason"):
                    setattr(service, name, value)
            service.status_since = utc_now()
        case DriftKind.RENEWAL:
            service.renewed_by = RenewalOwner.UPSTREAM if snapshot.renews else RenewalOwner.STOREFRONT
        case DriftKind.PLAN:
            if not await take_over_plan(session, service, snapshot.tariff_id, None):
                raise Refused(f"exactly one plan must be mapped to tariff {snapshot.tariff_id}: correct the catalogue")
        case DriftKind.ADDONS if mapping is not None:
            there = addons.shown(mapping, snapshot.form)
            taken = service.addons | {name: there[name] for name in service.addons if name in there}
            service.addons = {name: value for name, value in taken.items() if not addons.is_none(value)}


async def _open(session: AsyncSession, number: int) -> Drift:
    found = await session.exec(select(Drift).where(Drift.id == number).with_for_update())
    row = found.one_or_none()
    if row is None:
        raise NotFound(NOUN, number)
    if row.state not in UNDECIDED:
        raise Refused(f"difference {number} is {row.state.value}: there is nothing to decide")
    return row


async def _decide(session: AsyncSession, row: Drift, state: DriftState, actor: str, reason: str) -> None:
    row.state, row.decided_at, row.decided_by, row.reason = state, utc_now(), actor, reason
    session.add(row)
    facts = {"kind": row.kind.value, "item": row.item, "ours": row.ours, "theirs": row.theirs, "reason": reason}
    audit.record(session, NOUN, row.id, f"drift_{state.value}", by=actor, facts=facts)
    await report_open(session, row.account_id)
