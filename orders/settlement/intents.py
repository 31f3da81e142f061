"""Intent, send, settle: the record of every call that changes or costs.

An intent is committed before its call is sent. While one is unsettled no other can be made for the same operation (the
database holds that), so a second charge would need a proof that the first call had no effect.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import (
    FailureClass,
    IntentState,
    IntentStep,
    Knowledge,
    ServiceStatus,
    UnpaidKind,
    UpstreamStatus,
)
from models.events import UpstreamSnapshot
from models.leases import LeaseTerms
from models.order import Intent, Operation, Service
from orders.accounts import pausing
from orders.errors import Refused
from orders.installation import now_unless_held
from orders.money import funds
from orders.services.history import Origin, changing
from orders.services.naming import same_mark, same_name

THERE, SEEN_UP_TO = "there", "seen_up_to"
"""Notes before the first call: numbers of items that were there, and the last snapshot that was written by then."""

_STEPS = list(IntentStep)
"""In the order in which they are made."""
_UNSETTLED = (IntentState.PREPARED, IntentState.UNKNOWN)


async def latest(session: AsyncSession, operation: int) -> Intent | None:
    found = await session.exec(
        select(Intent).where(Intent.operation_id == operation).order_by(col(Intent.id).desc()).limit(1)
    )
    return found.one_or_none()


def may_have_charged(intent: Intent | None) -> bool:
    """Whether the upstream has charged for the operation whose latest call this is, or may have.

    An accepted call that left something to be paid has charged nothing.
    """
    if intent is None:
        return False
    if intent.state is IntentState.ACCEPTED:
        return not leaves_unpaid(intent)
    return not intent.state.is_settled


def leaves_unpaid(intent: Intent) -> bool:
    return intent.state is IntentState.ACCEPTED and intent.unpaid_kind is not None


async def owed(session: AsyncSession, operation: int) -> Intent | None:
    """The accepted call whose order or cart row has yet to be paid; None if there is none, or it is paid."""
    found = await session.exec(
        select(Intent)
        .where(Intent.operation_id == operation, Intent.state == IntentState.ACCEPTED)
        .order_by(col(Intent.id).desc())
        .limit(1)
    )
    intent = found.one_or_none()
    return intent if intent is not None and leaves_unpaid(intent) else None


async def prepare(
    session: AsyncSession,
    operation: Operation,
    account_id: int,
    mark: str,
    request: dict[str, str],
    before: dict[str, list[str]],
    *,
    lease: timedelta = LeaseTerms.lease,
    flight: timedelta | None = None,
    step: IntentStep = IntentStep.SEND,
    is_sent: bool = True,
) -> Intent:
    """Write down what is about to be sent, and until when it may be (`lease` from now, by the database's clock).
    `flight`: the account's limit of a whole call; None: the setting's.

    Call it with the operation locked. Raises Refused if an earlier call is not settled or was accepted, or if the
    operation was called off. An accepted intent that left something to be paid does not forbid the steps after it.
    Raises Held while nothing may be sent, and Paused while the account is paused; the second not for what is only
    written down (`is_sent` false), because it was done by others.
    """
    if operation.called_off_at is not None:
        raise Refused(f"operation {operation.id} was called off by {operation.called_off_by}; nothing of it is sent")
    found = await session.exec(select(Intent).where(Intent.operation_id == operation.id).order_by(col(Intent.id)))
    earlier = found.all()
    for one in earlier:
        if not one.state.is_settled or (one.state is IntentState.ACCEPTED and not _may_follow(step, one)):
            raise Refused(f"operation {operation.id} has a call that is {one.state.value} already")
    if is_sent:
        await pausing.check_not_paused(session, account_id)
    entry = Intent(
        operation_id=operation.id,
        account_id=account_id,
        attempt=earlier[-1].attempt + 1 if earlier else 1,
        step=step,
        send_until=await now_unless_held(session) + lease,
        flight_seconds=None if flight is None else flight.total_seconds(),
        mark=mark,
        request=request,
        before=before,
    )
    session.add(entry)
    await session.flush()
    return entry


def _may_follow(step: IntentStep, accepted: Intent) -> bool:
    return accepted.unpaid_kind is not None and _STEPS.index(step) > _STEPS.index(accepted.step)


async def current(session: AsyncSession, intent: Intent) -> Intent:
    """The intent as it is now. Call it with the operation locked: then nobody else settles it meanwhile."""
    return await session.get_one(Intent, intent.id, populate_existing=True)


async def settle(
    session: AsyncSession,
    intent: Intent,
    state: IntentState,
    *,
    message: str = "",
    failure: FailureClass | None = None,
    unknown_since: datetime | None = None,
    reopen: bool = False,
) -> bool:
    """The call's outcome is known (or, for UNKNOWN, known to be unknown).

    False, and nothing changes, if it was settled before: a late attempt must not overwrite what is proven. `reopen` is
    for a settled call whose effect has turned up after all.
    """
    if intent.state.is_settled and not reopen:
        return False
    intent.state = state
    intent.message = message[:2000]
    intent.failure_class = failure
    now = utc_now()
    if state is IntentState.UNKNOWN:
        intent.unknown_since = intent.unknown_since or unknown_since or now
    elif state.is_settled:
        intent.settled_at = now
    session.add(intent)
    await session.flush()
    return True


async def refuse(
    session: AsyncSession, intent: Intent, *, message: str, failure: FailureClass, balance: Decimal | None = None
) -> None:
    """A definite no: nothing was charged, the money set aside is free again."""
    if not await settle(session, intent, IntentState.REFUSED, message=message, failure=failure):
        return
    await funds.release(session, intent.operation_id, refused_balance=balance)


async def accept(
    session: AsyncSession, intent: Intent, service: Service, upstream_number: str | None, origin: Origin
) -> None:
    """The upstream did it and charged for it. With a number, the service is linked to its item from now on.

    Raises Refused if another service holds that item, or if it is somebody else's, who had it before.
    """
    snapshot = await locked_snapshot(session, service, upstream_number) if upstream_number else None
    await settle(session, intent, IntentState.ACCEPTED, reopen=True)
    await funds.charge(session, intent.account_id, intent.operation_id)
    if service.status is ServiceStatus.ORDERED:
        async with changing(session, service, origin):
            service.status = ServiceStatus.PROCESSING
        service.status_since = utc_now()
        session.add(service)
    if upstream_number:
        intent.upstream_number = upstream_number
        session.add(intent)
        if service.upstream_number is None and await _was_there_before(
            session, intent, service, upstream_number, snapshot
        ):
            raise Refused(f"item {upstream_number} was at the upstream before it was ordered, and shows nothing of it")
        await link(session, service, upstream_number, origin)
    await session.flush()


async def _was_there_before(
    session: AsyncSession, intent: Intent, service: Service, number: str, snapshot: UpstreamSnapshot | None
) -> bool:
    """The item was seen before the order's first request, and shows neither mark nor name of it: no request of this
    order can have made it. An unpaid row is not meant, nor a number that is used again."""
    first = await session.exec(
        select(Intent).where(Intent.operation_id == intent.operation_id).order_by(col(Intent.id)).limit(1)
    )
    before = first.one().before
    if snapshot is None:
        return number in before.get(THERE, [])
    if snapshot.id > int(before.get(SEEN_UP_TO, ["0"])[0]) and number not in before.get(THERE, []):
        return False
    lives = not snapshot.gone and snapshot.status in (UpstreamStatus.ACTIVE, UpstreamStatus.SUSPENDED)
    shows_it = same_mark(snapshot.mark or "", service.mark) or same_name(snapshot.name, service.name)
    return lives and not shows_it


async def accept_unpaid(session: AsyncSession, intent: Intent, unpaid_kind: UnpaidKind, number: str) -> None:
    """The upstream made an order or a cart row of it: nothing is charged, the money stays set aside for paying it."""
    intent.unpaid_kind, intent.unpaid_number = unpaid_kind, number
    await settle(session, intent, IntentState.ACCEPTED, message=message_of(unpaid_kind, number), reopen=True)


def message_of(unpaid_kind: UnpaidKind, number: str) -> str:
    name = {UnpaidKind.CART_ROW: "a row in its cart", UnpaidKind.ORDER: "an order"}[unpaid_kind]
    return f"the upstream made {name} of it, to be paid there: {number or 'without a number in the answer'}"


async def link(session: AsyncSession, service: Service, upstream_number: str, origin: Origin) -> None:
    """Tie a service to its item at the upstream, and write that to its history. Raises what `tie` raises."""
    async with changing(session, service, origin):
        await tie(session, service, upstream_number, origin)


async def tie(session: AsyncSession, service: Service, upstream_number: str, origin: Origin) -> None:
    """Link without an entry in the service's history, for those who change more of it. `origin` is for another service.

    Raises Refused if either is tied to another already. A number that is used again belongs to the service that lives:
    one that is closed gives it up.
    """
    snapshot = await locked_snapshot(session, service, upstream_number)
    if service.upstream_number not in (None, upstream_number):
        raise Refused(f"service {service.id} is item {service.upstream_number} at the upstream already")
    holder = await session.exec(
        select(Service).where(
            Service.account_id == service.account_id,
            Service.product_type == service.product_type,  # each type may number its items separately
            Service.upstream_number == upstream_number,
            Service.id != service.id,
        )
    )
    other = holder.first()
    if other is not None and other.status is not ServiceStatus.CLOSED:
        raise Refused(f"item {upstream_number} at the upstream belongs to service {other.id}")
    if other is not None:
        await unlink(session, other, origin)
    service.upstream_number = upstream_number
    session.add(service)
    if snapshot is not None:
        snapshot.service_id = service.id
        session.add(snapshot)
    await session.flush()


async def locked_snapshot(session: AsyncSession, service: Service, number: str | None) -> UpstreamSnapshot | None:
    """What is known of an item of the service's account and type, locked until the end of this transaction.

    Everybody locks in one order: the operation, the item's snapshot, then the account and the service. The poller
    begins with snapshots. Whoever held an account or a service and then asked for a snapshot could wait for the poller,
    and the poller for them.
    """
    found = await session.exec(
        select(UpstreamSnapshot)
        .where(
            UpstreamSnapshot.account_id == service.account_id,
            UpstreamSnapshot.product_type == service.product_type,
            UpstreamSnapshot.number == number,
        )
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def orphan_item(session: AsyncSession, service: Service) -> None:
    """The item that the service was until now is nobody's."""
    snapshot = await locked_snapshot(session, service, service.upstream_number)
    if snapshot is not None:
        snapshot.service_id = None
        session.add(snapshot)


async def unlink(session: AsyncSession, service: Service, origin: Origin) -> None:
    """The service is another item than was thought, or none: the one it had is an orphan from now on."""
    await orphan_item(session, service)
    async with changing(session, service, origin):
        service.upstream_number = None
    session.add(service)
    await session.flush()


async def looking_for_name(session: AsyncSession, account_id: int, name: str, but_not: int) -> list[int]:
    """Other operations that look for an item of the same name (one that a customer chose).

    Their call is not settled, or it was accepted without a number.
    """
    found = await session.exec(
        select(Intent.operation_id, Service.name)
        .join(Operation, col(Intent.operation_id) == col(Operation.id))
        .join(Service, col(Operation.service_id) == col(Service.id))
        .where(
            Intent.account_id == account_id,
            col(Intent.state).in_([*_UNSETTLED, IntentState.ACCEPTED]),
            col(Service.upstream_number).is_(None),
            Intent.operation_id != but_not,
        )
    )
    return [operation for operation, other in found.all() if same_name(other, name)]


def learn(seen: Knowledge, known: Knowledge) -> Knowledge:
    """Merge a new observation into what is known. A yes, once seen, stays: it was real."""
    if known is Knowledge.YES or seen is Knowledge.UNKNOWN:
        return known
    return seen
