"""Which operation a sum that came back is for. By proof, or not at all: what can't be proven is for a person."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.enums import OperationKind, RefundSource, RefundState, ReservationState, ServiceStatus, Stage
from models.order import Intent, Operation, Reservation, Service
from models.refund import Refund
from orders.money.refunds.watched import A_DAY
from orders.operations.registry import operation_type

PLAN_CHANGED_WITHIN = timedelta(days=3)
"""Money for a change of plan comes back within this time."""
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_WORDS = 50
"""Words of a text that are looked up."""


@dataclass(frozen=True)
class Match:
    """The service and operation that a sum is for, as far as they are known, and why in words."""

    why: str
    service: int | None = None
    operation: int | None = None


async def match(session: AsyncSession, account: UpstreamAccount, refund: Refund) -> Match:
    """`refund` says of a lowered expense already which operation was charged."""
    if refund.source is RefundSource.LOWERED_EXPENSE and refund.operation_id is not None:
        found = Match(refund.text, refund.service_id, refund.operation_id)
    else:
        found = await _by_item(session, account, refund) if refund.item else await _by_text(session, account, refund)
        if found.service is not None:
            found = await _operation_of(session, found, found.service, refund.on_day or utc_now().date())
    if found.operation is None or found.service is None:
        return found
    return await _unless_too_much(session, account, refund, found, found.service)


async def _by_item(session: AsyncSession, account: UpstreamAccount, refund: Refund) -> Match:
    rows = await session.exec(
        select(Service.id).where(Service.account_id == account.id, Service.upstream_number == refund.item)
    )
    services = set(rows.all())
    if not services:
        sent = await session.exec(
            select(Operation.service_id)
            .join(Intent, col(Intent.operation_id) == col(Operation.id))
            .where(Intent.account_id == account.id, Intent.upstream_number == refund.item)
        )
        services = set(sent.all())
    if len(services) == 1:
        return Match(f"item {refund.item} is this service's", services.pop())
    if not services:
        return Match(f"item {refund.item} is no service of ours")
    return Match(f"item {refund.item} may be any of services {_listed(services)}")


async def _by_text(session: AsyncSession, account: UpstreamAccount, refund: Refund) -> Match:
    """A mark is ours alone, so it proves whose the sum is. A name may be of several services, or of somebody else's."""
    words = list(dict.fromkeys(_WORD.findall(refund.text)))[:_WORDS]
    marks = {part for word in words for part in (word, word.partition(".")[0])}
    found = await session.exec(select(Service.id).where(col(Service.mark).in_(marks), Service.account_id == account.id))
    services = set(found.all())
    if len(services) == 1:
        return Match("its text names the mark of this service", services.pop())
    if services:
        return Match(f"its text names the marks of services {_listed(services)}")
    if not refund.text:
        return Match("it names no item and has no text")
    named = await session.exec(
        select(Service.id).where(
            col(Service.name).in_([word.strip(".").lower() for word in words]), Service.account_id == account.id
        )
    )
    if services := set(named.all()):
        return Match(f"it names no item; its text has the name of service {_listed(services)}, which proves nothing")
    return Match("it names no item, and its text no service of ours")


async def _operation_of(session: AsyncSession, found: Match, number: int, on: date) -> Match:
    """What ended the service: its closing, or the opening that failed. Of a living one: its change of plan."""
    service = await session.get_one(Service, number)
    rows = await session.exec(select(Operation).where(Operation.service_id == number).order_by(col(Operation.id)))
    operations = list(rows.all())
    closed = [one for one in operations if operation_type(one.kind).ends_service and one.stage is Stage.COMPLETED]
    if closed and _ended_by(closed[-1], on):
        return Match(f"{found.why}, and this operation closed it", number, closed[-1].id)
    opening = next((one for one in operations if one.kind is OperationKind.OPEN), None)
    if opening is not None and opening.stage in (Stage.CANCELLED, Stage.NEEDS_ATTENTION):
        return Match(f"{found.why}, and its opening failed", number, opening.id)
    if service.status is ServiceStatus.CLOSED and not closed:
        charged = await _charged_operations(session, number)
        if len(charged) == 1:
            return Match(f"{found.why}; the upstream closed it, and charged it once", number, charged[0])
        return Match(f"{found.why}; the upstream closed it, and {len(charged)} operations were charged", number)
    changed = [
        one
        for one in operations
        if operation_type(one.kind).refunds_difference
        and one.stage is Stage.COMPLETED
        and one.ended_at is not None
        and on - PLAN_CHANGED_WITHIN <= one.ended_at.date() <= on + A_DAY
    ]
    if len(changed) == 1:
        return Match(f"{found.why}, and its plan was changed then", number, changed[0].id)
    return Match(f"{found.why}, and no operation explains why money came back", number)


def _ended_by(operation: Operation, on: date) -> bool:
    return operation.ended_at is not None and operation.ended_at.date() <= on + A_DAY


async def _charged_operations(session: AsyncSession, service: int) -> list[int]:
    found = await session.exec(
        select(Operation.id)
        .join(Reservation, col(Reservation.operation_id) == col(Operation.id))
        .where(Operation.service_id == service, col(Reservation.release_number).is_not(None))
        .order_by(col(Operation.id))
    )
    return [number for number in found.all() if number is not None]


async def _unless_too_much(
    session: AsyncSession, account: UpstreamAccount, refund: Refund, found: Match, service: int
) -> Match:
    """More than was ever charged for a service does not come back: then something else is meant."""
    if refund.currency != account.currency:
        return found
    charged = await session.exec(
        select(col(Reservation.amount))
        .join(Operation, col(Operation.id) == col(Reservation.operation_id))
        .where(
            Operation.service_id == service,
            Reservation.state == ReservationState.RELEASED,
            col(Reservation.release_number).is_not(None),
        )
    )
    back = await session.exec(
        select(col(Refund.amount)).where(
            Refund.service_id == service,
            Refund.state == RefundState.WRITTEN,
            Refund.currency == account.currency,
            col(Refund.id) != refund.id,
        )
    )
    paid, returned = sum(charged.all(), Decimal(0)), sum(back.all(), Decimal(0)) + refund.amount
    if returned <= paid:
        return found
    return Match(f"{found.why}; but {returned:.2f} would be back in all, and {paid:.2f} was charged", service)


def _listed(services: set[int]) -> str:
    return " and ".join(map(str, sorted(services)[:10]))
