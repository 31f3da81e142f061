"""The fast path of an operation to which nothing has happened: one transaction to begin, one for the answer.

It writes the same rows as the careful way with as few statements as possible. Each statement names the state that it
expects. If one does not find it, the caller rolls the transaction back and takes the careful way: `orders.money.funds`,
`orders.settlement.intents` and `orders.lifecycle.stages`, which look at everything under locks. So both ways can run at
once, in several workers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Update, and_, bindparam, exists, not_, update
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from models import database, rows
from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.enums import IntentState, OperationKind, ServiceStatus, Stage
from models.events import UpstreamSnapshot
from models.invariants import required
from models.money import Money
from models.order import Intent, Operation, Reservation, Service, StageEntry
from orders.accounts import pausing
from orders.installation import not_held
from orders.lifecycle.lines import tell
from orders.money import funds
from orders.services.history import change_entry, origin_of
from orders.settlement.intents import SEEN_UP_TO, THERE
from orders.webhooks import outbox

FIRST_STAGES = frozenset({Stage.ACCEPTED, Stage.CHECKING_BALANCE})
MONEY_SET_ASIDE = "money set aside"


class NotOnFastPath(Exception):
    """Something is not as it was read: nothing of this transaction may be kept."""


@dataclass(frozen=True)
class FirstRequest:
    """What is about to be sent for an operation, and what is set aside for it."""

    operation: Operation
    """The operation as it was read; no call was made for it yet."""
    account: UpstreamAccount
    cost: Money | None
    """None, or nothing: there is nothing to be set aside."""
    reading: funds.BalanceReading | None
    """None: nothing is set aside, because it costs nothing, or because the upstream shows no balance."""
    price: Mapping[str, Any]
    """Columns of the operation: what it costs, and how that came about (`prices.noted`)."""
    mark: str
    request: dict[str, str]
    before: dict[str, list[str]]
    target: dict[str, str]
    """Facts that show later whether it was done."""


async def begin(
    session: AsyncSession, first: FirstRequest, *, lease: timedelta, flight: timedelta | None = None
) -> tuple[Operation, Intent]:
    """Money, intent and stages. Returns operation and intent as they are from now on. `flight`: the account's limit of
    a whole call; None: the setting's.

    Raises NotOnFastPath, sqlalchemy's IntegrityError where another attempt was faster, or Paused.
    """
    seen, account = first.operation, first.account
    now = utc_now()
    values = {
        "stage": Stage.SUBMITTING,
        "stage_since": now,
        "reason": "",
        "failure_class": None,
        "parameters": {**seen.parameters, **first.target},
        "workflow_started_at": seen.workflow_started_at or now,
        **first.price,
    }
    claimed = await rows.change(
        session, _begin_statement(session.get_bind().dialect.name), **_seen(seen), **rows.new(**values)
    )
    if claimed is None:
        raise NotOnFastPath
    operation = Operation(**{**seen.model_dump(), **values})
    written: list[SQLModel] = []
    if first.reading is not None:
        written.append(await _set_aside(session, first))
    else:
        await pausing.check_not_paused(session, account.id)
    intent = Intent(
        operation_id=seen.id,
        account_id=account.id,
        attempt=1,
        send_until=database.time_of(claimed[0]) + lease,
        flight_seconds=None if flight is None else flight.total_seconds(),
        mark=first.mark,
        request=first.request,
        before=first.before,
    )
    intent.id = await rows.insert_numbered(session, intent)
    reason = MONEY_SET_ASIDE if first.reading is not None else ""
    written.append(StageEntry(operation_id=seen.id, stage=Stage.CHECKING_BALANCE, at=now, reason=reason))
    written.append(StageEntry(operation_id=seen.id, stage=Stage.SUBMITTING, at=now))
    if seen.stage is Stage.ACCEPTED:
        written.append(outbox.operation_started(operation))
    await rows.insert(session, *written)
    tell(session, operation, Stage.SUBMITTING, reason)
    return operation, intent


async def _set_aside(session: AsyncSession, first: FirstRequest) -> Reservation:
    cost, reading = required(first.cost, "the cost"), required(first.reading, "the balance")
    granted = await funds.set_aside_at_once(session, first.account, first.operation.id, cost, reading)
    if granted is None:
        raise NotOnFastPath
    return granted


def costs(cost: Money | None) -> bool:
    return cost is not None and cost.amount > 0


def _seen(operation: Operation) -> dict[str, Any]:
    """What a statement expects of an operation: that nothing has happened to it since it was read."""
    return {
        "operation": operation.id,
        "seen_stage": operation.stage,
        "seen_since": operation.stage_since,
    }


def _unchanged() -> ColumnElement[bool]:
    row = rows.table_of(Operation).c
    return and_(
        row.id == bindparam("operation"),
        row.stage == bindparam("seen_stage", type_=row.stage.type),
        row.stage_since == bindparam("seen_since", type_=row.stage_since.type),
        row.called_off_at.is_(None),
    )


@cache
def _begin_statement(dialect: str) -> Update:
    names = ("stage", "stage_since", "reason", "failure_class", "parameters", "workflow_started_at")
    values = rows.setting(Operation, *names, "cost_amount", "cost_currency", "price")
    statement = update(rows.table_of(Operation)).where(_unchanged(), not_held()).values(values)
    return statement.returning(database.clock(dialect))


@cache
def _acceptance_statement() -> Update:
    values = rows.setting(Operation, "stage", "stage_since", "reason", "failure_class")
    return update(rows.table_of(Operation)).where(_unchanged()).values(values)


@cache
def _intent_statement() -> Update:
    intent = rows.table_of(Intent)
    expected = and_(intent.c.id == bindparam("intent"), intent.c.state == IntentState.PREPARED)
    return update(intent).where(expected).values(rows.setting(Intent, "state", "settled_at", "upstream_number"))


@cache
def _link_statement() -> Update:
    service = rows.table_of(Service)
    snapshot = rows.table_of(UpstreamSnapshot)
    seen_before = exists().where(
        snapshot.c.account_id == service.c.account_id,
        snapshot.c.product_type == service.c.product_type,
        snapshot.c.number == bindparam("item"),
        snapshot.c.id <= bindparam("seen_up_to"),
    )
    expected = and_(
        service.c.id == bindparam("service"),
        service.c.upstream_number.is_(None),
        service.c.status == ServiceStatus.ORDERED,
        not_(seen_before),
    )
    return update(service).where(expected).values(rows.setting(Service, "upstream_number", "status", "status_since"))


async def record_acceptance(
    session: AsyncSession, operation: Operation, intent: Intent, service: Service, number: str, *, is_set_aside: bool
) -> None:
    """The upstream said yes and named the item: settled, charged, linked; its confirmation is waited for.

    All three as they were when the request left. `is_set_aside`: what it costs was set aside, and is charged now.
    Raises NotStraight, or sqlalchemy's IntegrityError where another service holds the item.
    """
    now, reason = utc_now(), f"item {number}"
    stage = {"stage": Stage.AWAITING_CONFIRMATION, "stage_since": now, "reason": reason, "failure_class": None}
    settled = {"state": IntentState.ACCEPTED, "settled_at": now, "upstream_number": number}
    _expect(await rows.changed(session, _acceptance_statement(), **_seen(operation), **rows.new(**stage)))
    _expect(await rows.changed(session, _intent_statement(), intent=intent.id, **rows.new(**settled)))
    if is_set_aside and operation.cost is not None and costs(operation.cost):
        opening = operation.kind is OperationKind.OPEN
        amount = operation.cost.amount
        _expect(await funds.charge_at_once(session, intent.account_id, operation.id, amount, names_items=opening))
    written: list[SQLModel] = [
        StageEntry(operation_id=operation.id, stage=Stage.AWAITING_CONFIRMATION, at=now, reason=reason)
    ]
    if service.upstream_number != number:
        link = {"upstream_number": number, "status": ServiceStatus.PROCESSING, "status_since": now}
        _expect(number not in intent.before.get(THERE, []))  # else it is looked at who had it before
        of_the_item = {"item": number, "seen_up_to": int(intent.before.get(SEEN_UP_TO, ["0"])[0])}
        _expect(await rows.changed(session, _link_statement(), service=service.id, **of_the_item, **rows.new(**link)))
        changes = {
            "status": (ServiceStatus.ORDERED.value, ServiceStatus.PROCESSING.value),
            "upstream_number": ("", number),
        }
        written.append(change_entry(service, origin_of(operation), changes))
    await rows.insert(session, *written)
    tell(session, operation, Stage.AWAITING_CONFIRMATION, reason)


def _expect(found: bool) -> None:
    if not found:
        raise NotOnFastPath
