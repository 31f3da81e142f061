"""The way of an operation to which nothing has happened, in one transaction each for setting out and for the answer.

What takes several careful steps elsewhere is done here with as few statements as there are rows to be written. Each
statement names the state that it expects. If a single one does not find it, the caller leaves the transaction without
committing it, and takes the careful way: `orders.funds`, `orders.intents` and `orders.stages`, which look at everything
under locks. So both ways can be under way at once, in several workers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from models import database
from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.enums import IntentState, OperationKind, ServiceStatus, Stage
from models.money import Money
from models.order import Intent, Operation, Service, StageEntry
from orders import funds, outbox
from orders.history import write_change
from orders.stages import origin_of

SETS_OUT_FROM = frozenset({Stage.ACCEPTED, Stage.CHECKING_BALANCE})
MONEY_SET_ASIDE = "money set aside"


class NotStraight(Exception):
    """Something is not as it was read: nothing of this transaction may be kept."""


@dataclass(frozen=True)
class Outset:
    """What is about to be sent for an operation, and what is set aside for it."""

    operation: Operation
    """As it was read, with no call made for it yet."""
    account: UpstreamAccount
    cost: Money | None
    """None, or nothing: there is nothing to be set aside."""
    reading: funds.Reading | None
    price: Mapping[str, Any]
    """Columns of the operation: what it costs, and how that came about (`prices.noted`)."""
    mark: str
    request: dict[str, str]
    before: dict[str, list[str]]
    target: dict[str, str]
    """Facts that tell later whether it was done."""


async def set_out(session: AsyncSession, outset: Outset, *, lease: timedelta) -> tuple[Operation, Intent]:
    """Money, intent and stages. Returns operation and intent as they are from now on.

    Raises NotStraight, or sqlalchemy's IntegrityError where another attempt was faster.
    """
    seen, account = outset.operation, outset.account
    assert account.id is not None  # noqa: S101 - read from the database
    now = utc_now()
    claimed = await session.exec(
        update(Operation)
        .where(
            col(Operation.id) == seen.id,
            col(Operation.stage) == seen.stage,
            col(Operation.stage_since) == seen.stage_since,
            col(Operation.called_off_at).is_(None),
        )
        .values(
            stage=Stage.SUBMITTING,
            stage_since=now,
            reason="",
            failure_class=None,
            parameters={**seen.parameters, **outset.target},
            workflow_started_at=seen.workflow_started_at or now,
            **outset.price,
        )
        .returning(Operation, database.clock(session))
        .execution_options(synchronize_session=False)
    )
    row = claimed.one_or_none()
    if row is None:
        raise NotStraight
    operation, clock = row
    await _set_aside(session, outset)
    intent = Intent(
        operation_id=operation.id,
        account_id=account.id,
        attempt=1,
        send_until=database.time_of(clock) + lease,
        mark=outset.mark,
        request=outset.request,
        before=outset.before,
    )
    session.add(intent)
    reason = MONEY_SET_ASIDE if _costs(outset.cost) else ""
    passed = [(Stage.CHECKING_BALANCE, reason), (Stage.SUBMITTING, "")]
    await session.exec(
        insert(StageEntry),
        params=[{"operation_id": operation.id, "stage": stage, "at": now, "reason": why} for stage, why in passed],
    )
    if seen.stage is Stage.ACCEPTED:
        outbox.operation_started(session, operation)
    await session.flush()
    return operation, intent


async def _set_aside(session: AsyncSession, outset: Outset) -> None:
    if outset.cost is None or not _costs(outset.cost):
        return
    assert outset.reading is not None  # noqa: S101 - what costs something has had the balance read for it
    assert outset.operation.id is not None  # noqa: S101 - read from the database
    if not await funds.set_aside_at_once(session, outset.account, outset.operation.id, outset.cost, outset.reading):
        raise NotStraight


def _costs(cost: Money | None) -> bool:
    return cost is not None and cost.amount > 0


async def arrive(session: AsyncSession, operation: Operation, intent: Intent, service: Service, number: str) -> None:
    """The upstream said yes and named the item: settled, charged, linked; its confirmation is waited for.

    All three as they were when the request left. Raises NotStraight, or sqlalchemy's IntegrityError where another
    service holds the item.
    """
    assert operation.id is not None  # noqa: S101 - read from the database
    now = utc_now()
    await _claim(session, operation, now, number)
    settled = await session.exec(
        update(Intent)
        .where(col(Intent.id) == intent.id, col(Intent.state) == IntentState.PREPARED)
        .values(state=IntentState.ACCEPTED, settled_at=now, upstream_number=number)
        .execution_options(synchronize_session=False)
    )
    if settled.rowcount == 0:
        raise NotStraight
    if _costs(operation.cost):
        assert operation.cost is not None  # noqa: S101 - just looked at
        opening = operation.kind is OperationKind.OPEN
        if not await funds.charge_at_once(
            session, intent.account_id, operation.id, operation.cost.amount, names_items=opening
        ):
            raise NotStraight
    if service.upstream_number != number:
        await _link(session, operation, service, number, now)
    session.add(
        StageEntry(operation_id=operation.id, stage=Stage.AWAITING_CONFIRMATION, at=now, reason=f"item {number}")
    )


async def _claim(session: AsyncSession, operation: Operation, now: datetime, number: str) -> None:
    claimed = await session.exec(
        update(Operation)
        .where(
            col(Operation.id) == operation.id,
            col(Operation.stage) == Stage.SUBMITTING,
            col(Operation.stage_since) == operation.stage_since,
            col(Operation.called_off_at).is_(None),
        )
        .values(stage=Stage.AWAITING_CONFIRMATION, stage_since=now, reason=f"item {number}", failure_class=None)
        .execution_options(synchronize_session=False)
    )
    if claimed.rowcount == 0:
        raise NotStraight


async def _link(session: AsyncSession, operation: Operation, service: Service, number: str, now: datetime) -> None:
    """The service is this item from now on, and the upstream works on it."""
    linked = await session.exec(
        update(Service)
        .where(
            col(Service.id) == service.id,
            col(Service.upstream_number).is_(None),
            col(Service.status) == ServiceStatus.ORDERED,
        )
        .values(upstream_number=number, status=ServiceStatus.PROCESSING, status_since=now)
        .execution_options(synchronize_session=False)
    )
    if linked.rowcount == 0:
        raise NotStraight
    changes = {
        "status": (ServiceStatus.ORDERED.value, ServiceStatus.PROCESSING.value),
        "upstream_number": ("", number),
    }
    write_change(session, service, origin_of(operation), changes)
