"""What the rules of `orders.decisions.allowed` look at, read from the database."""

from collections import defaultdict
from collections.abc import Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.enums import OperationKind, Stage, TaskMode
from models.events import UpstreamSnapshot
from models.order import Intent, Operation, Service, Task
from orders.decisions.allowed import Facts, Traces, traces, what_is_owed
from orders.operations.registry import operation_type
from orders.operations.seen import Seen
from upstreams.kinds import adapter_of


async def facts_of(session: AsyncSession, operation: Operation) -> Facts:
    """Under the operation's lock they stay so: intents are written and settled with the operation locked."""
    return (await facts_of_all(session, [operation]))[operation.id]


async def facts_of_all(session: AsyncSession, operations: Sequence[Operation]) -> dict[int, Facts]:
    """By operation number; at most four reads for all of them."""
    running = [operation for operation in operations if not operation.stage.is_final]
    intents = await _intents(session, [one.id for one in running])
    holders = await _holders(session, [one.id for one in running if one.stage is Stage.AWAITING_MANUAL_TASK])
    with_item = await _with_item(session, [one.id for one in running if one.kind is OperationKind.OPEN])
    accepted = {
        number: traces(intents.get(number, []), has_item=number in with_item) is Traces.ACCEPTED for number in with_item
    }
    asked = [one for one in running if one.kind is not OperationKind.OPEN and one.stage is Stage.NEEDS_ATTENTION]
    called_off = await _called_off_there(session, [one.id for one in asked])
    return {
        number: Facts(
            kind=operation.kind,
            stage=operation.stage,
            failure=operation.failure_class,
            traces=traces(intents.get(number, []), has_item=number in with_item),
            called_off=operation.called_off_at is not None,
            has_no_values=_has_no_values(operation),
            owes=what_is_owed(intents.get(number, [])),
            has_item=number in with_item,
            can_be_called_off=accepted.get(number, False) and _calls_off(with_item[number]),
            called_off_there=number in called_off,
            in_hand_of=holders.get(number, ""),
            number=number,
        )
        for operation in operations
        if (number := operation.id)
    }


def _has_no_values(operation: Operation) -> bool:
    type_ = operation_type(operation.kind)
    return type_.correctable and not type_.has_values(type_.asked(operation))


async def _intents(session: AsyncSession, numbers: list[int]) -> dict[int, list[Intent]]:
    found: dict[int, list[Intent]] = defaultdict(list)
    if numbers:
        rows = await session.exec(select(Intent).where(col(Intent.operation_id).in_(numbers)).order_by(col(Intent.id)))
        for intent in rows.all():
            found[intent.operation_id].append(intent)
    return found


async def _holders(session: AsyncSession, numbers: list[int]) -> dict[int, str]:
    """Who has the manual task of an operation in hand."""
    if not numbers:
        return {}
    rows = await session.exec(
        select(Task.operation_id, Task.assignee).where(
            col(Task.operation_id).in_(numbers), Task.mode == TaskMode.MANUAL, Task.assignee != ""
        )
    )
    return dict(rows.all())


def _calls_off(kind: str | None) -> bool:
    return kind is not None and adapter_of(kind).capabilities.call_off


async def _with_item(session: AsyncSession, numbers: list[int]) -> dict[int, str | None]:
    """Openings of which the item is known, and the kind of its upstream."""
    if not numbers:
        return {}
    rows = await session.exec(
        select(Operation.id, UpstreamAccount.kind)
        .join(Service, col(Operation.service_id) == col(Service.id))
        .outerjoin(UpstreamAccount, col(UpstreamAccount.id) == col(Service.account_id))
        .where(col(Operation.id).in_(numbers), col(Service.upstream_number).is_not(None))
    )
    return {number: kind for number, kind in rows.all() if number is not None}


async def _called_off_there(session: AsyncSession, numbers: list[int]) -> set[int]:
    """Operations whose item was last seen with what the upstream had accepted called off."""
    if not numbers:
        return set()
    rows = await session.exec(
        select(Operation.id, UpstreamSnapshot)
        .join(UpstreamSnapshot, col(UpstreamSnapshot.service_id) == col(Operation.service_id))
        .where(col(Operation.id).in_(numbers), col(UpstreamSnapshot.dead_end), col(UpstreamSnapshot.gone).is_(False))
    )
    return {number for number, snapshot in rows.all() if number is not None and Seen.of_snapshot(snapshot).called_off}
