"""A database with many operations: nearly all have ended, one in a hundred is stuck, of every cause of the inbox."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel, col

from models.audit import AuditEntry
from models.catalogue import PlanMapping, ProcessingModule, TariffPlan, UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.drift import Drift
from models.enums import (
    DriftKind,
    FailureClass,
    IncidentKind,
    IntentState,
    OperationKind,
    RefundSource,
    RefundState,
    ReservationState,
    ServiceStatus,
    Stage,
    TaskMode,
    TaskState,
    UpstreamStatus,
)
from models.events import UpstreamSnapshot
from models.incident import Incident
from models.order import Intent, Operation, Reservation, Service, StageEntry, Task
from models.refund import Refund

UPSTREAMS = ("main", "second", "third")
BATCH = 2000
STUCK_IN = (
    Stage.WAITING_FOR_FUNDS,
    Stage.NEEDS_ATTENTION,
    Stage.OUTCOME_UNKNOWN,
    Stage.AWAITING_CONFIRMATION,
    Stage.AWAITING_MANUAL_TASK,
)
STUCK_ONE_IN = 100
FAILURES = {
    Stage.WAITING_FOR_FUNDS: FailureClass.FUNDS,
    Stage.NEEDS_ATTENTION: FailureClass.REJECTED,
    Stage.OUTCOME_UNKNOWN: FailureClass.OUTCOME_UNKNOWN,
}
PASSED = (Stage.ACCEPTED, Stage.CHECKING_BALANCE, Stage.SUBMITTING, Stage.AWAITING_CONFIRMATION)
MONEY = {"cost_amount": Decimal("5.00"), "cost_currency": "EUR"}


async def fill(database: Database, operations: int) -> None:
    """Half as many services as operations: each was ordered, and most were prolonged once. `operations` of 200 or
    more."""
    async with database.write() as session:
        await _catalogue(await session.connection())
    now = utc_now()
    services = operations // 2
    for model, rows in _tables(services, now):
        for some in _batches(rows):
            unsaid = model(**some[0]).model_dump(exclude={"id"})
            async with database.write() as session:
                connection = await session.connection()
                await connection.execute(sa.insert(model), [unsaid | row for row in some])
    async with database.write() as session:
        connection = await session.connection()
        waiting = Counter(account_of(one) for one in range(1, services + 1) if stage_of(one) is Stage.WAITING_FOR_FUNDS)
        for account, number in waiting.items():
            counted = sa.update(UpstreamAccount).where(col(UpstreamAccount.id) == account)
            await connection.execute(counted.values(waiting=number, release_count=2 * services))
        if not database.is_sqlite:  # of which nobody keeps statistics
            await connection.exec_driver_sql("ANALYZE")  # as autovacuum does


async def _catalogue(connection: Any) -> None:
    """Three accounts with a module and a plan each; accounts, modules and plans have the numbers 1 to 3."""
    for number, name in enumerate(UPSTREAMS, 1):
        account = UpstreamAccount(
            name=name, kind="billmanager", url="https://upstream.test/billmgr", currency="EUR",
            settings={"dialect": 6, "username": "reseller"}, balance=Decimal("1000.00"), balance_at=utc_now(),
        )  # fmt: skip
        plan = TariffPlan(name=f"VDS-{number}", product_type="vds", resources={"disk_gb": 30})
        module = ProcessingModule(name=name, account_id=number, product_type="vds", department="support")
        mapping = PlanMapping(plan_id=number, module_id=number, tariff="58")
        for model in (account, plan, module, mapping):
            await connection.execute(sa.insert(type(model)), [model.model_dump(exclude={"id"})])


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    some: list[dict[str, Any]] = []
    for row in rows:
        some.append(row)
        if len(some) == BATCH:
            yield some
            some = []
    if some:
        yield some


def stage_of(service: int) -> Stage:
    """The stage of the last operation of this service."""
    place, rest = divmod(service, STUCK_ONE_IN // 2)
    return STUCK_IN[place % len(STUCK_IN)] if rest == 0 else Stage.COMPLETED


def account_of(service: int) -> int:
    """Most services are at the first account."""
    return 1 if service % 10 < 7 else 2 + service % 2


def _tables(services: int, now: datetime) -> Iterator[tuple[type[SQLModel], Iterable[dict[str, Any]]]]:
    """In the order of their foreign keys."""
    every = range(1, services + 1)
    last = [(one, services + one, stage_of(one)) for one in every]
    stuck = [(service, number, stage) for service, number, stage in last if stage is not Stage.COMPLETED]
    numbers = range(1, 2 * services + 1)
    yield Service, (_service(one, now) for one in every)
    yield Operation, (_operation(one, Stage.COMPLETED, OperationKind.OPEN, now) for one in every)
    yield Operation, (_operation(one, stage, OperationKind.PROLONG, now) for one, _, stage in last)
    yield Reservation, (_reservation(one, services, now) for one in numbers)
    yield StageEntry, ({"operation_id": one, "stage": stage, "at": now} for one in numbers for stage in PASSED)
    yield Intent, (_intent(one, services) for one in numbers)
    yield AuditEntry, (_audit(one, noun) for one in numbers for noun in ("operation", "service"))
    yield Task, (_task(one, services) for one in numbers)
    yield UpstreamSnapshot, (_snapshot(one, one if one <= services else None) for one in range(1, services + 201))
    yield Incident, (_incident(service, number) for service, number, _ in stuck[::10])
    yield Refund, (_refund(service, number) for service, number, _ in stuck[::10])
    yield Drift, (_drift(service) for service, _, _ in stuck[::5])


def _service(one: int, now: datetime) -> dict[str, Any]:
    return {
        "customer": f"customer-{one % 20_000}", "plan_id": account_of(one), "product_type": "vds",
        "module_id": account_of(one), "account_id": account_of(one), "status": ServiceStatus.ACTIVE,
        "name": f"host-{one}.example.test", "mark": f"mark-{one}", "upstream_number": str(one), "period_months": 1,
        "ip": f"10.{one >> 16 & 255}.{one >> 8 & 255}.{one & 255}", "reference": f"shop-{one}",
        "expires_on": (now + timedelta(days=1 + one % 30)).date(), "status_since": now, "created_at": now, **MONEY,
    }  # fmt: skip


def _operation(service: int, stage: Stage, kind: OperationKind, now: datetime) -> dict[str, Any]:
    ended = stage is Stage.COMPLETED
    since = now - timedelta(minutes=service % 10_000)
    slow = stage is Stage.AWAITING_CONFIRMATION
    return {
        "service_id": service, "kind": kind, "upstream_name": UPSTREAMS[account_of(service) - 1], "stage": stage,
        "stage_since": since, "reason": "" if ended else f"because of {service}", "failure_class": FAILURES.get(stage),
        "workflow_started_at": since, "created_at": since, "ended_at": since if ended else None,
        "slow_since": since if slow else None, "usual_seconds": 60 if slow else None, "actor": "shop",
        "reference": f"cart-{service}-{kind.value}", **MONEY,
    }  # fmt: skip


def _intent(operation: int, services: int) -> dict[str, Any]:
    service = operation if operation <= services else operation - services
    return {
        "operation_id": operation, "account_id": account_of(service), "attempt": 1, "state": IntentState.ACCEPTED,
        "mark": f"mark-{service}", "request": {"period": "1"},
    }  # fmt: skip


def _reservation(operation: int, services: int, now: datetime) -> dict[str, Any]:
    """Charged, unless it waits for money: one each minute, the last of them before the balance was read."""
    service = operation if operation <= services else operation - services
    waits = operation > services and stage_of(service) is Stage.WAITING_FOR_FUNDS
    charged_at = now - timedelta(minutes=2 * services - operation + 1)
    return {
        "operation_id": operation, "account_id": account_of(service), "amount": Decimal("5.00"),
        "state": ReservationState.WAITING if waits else ReservationState.RELEASED,
        "release_number": None if waits else operation, "released_at": None if waits else charged_at,
    }  # fmt: skip


def _refund(service: int, operation: int) -> dict[str, Any]:
    return {
        "account_id": account_of(service), "source": RefundSource.EXPENSE, "row": str(operation), "item": str(service),
        "amount": Decimal("1.00"), "currency": "EUR", "state": RefundState.OPEN, "service_id": service,
    }  # fmt: skip


def _audit(number: int, noun: str) -> dict[str, Any]:
    return {"actor": "shop", "action": "ordered", "subject": noun, "subject_number": number}


def _task(operation: int, services: int) -> dict[str, Any]:
    service = operation if operation <= services else operation - services
    by_hand = operation > services and stage_of(service) is Stage.AWAITING_MANUAL_TASK
    return {
        "operation_id": operation, "service_id": service, "department": "support", "title": f"prolong {service}",
        "mode": TaskMode.MANUAL if by_hand else TaskMode.AUTOMATIC,
        "state": TaskState.OPEN if by_hand else TaskState.DONE, "assignee": "olga" if by_hand and service % 4 else "",
    }  # fmt: skip


def _snapshot(number: int, service: int | None) -> dict[str, Any]:
    return {
        "account_id": account_of(number), "product_type": "vds", "number": str(number), "service_id": service,
        "status": int(UpstreamStatus.ACTIVE), "name": f"host-{number}.example.test", "row_digest": "judged",
    }  # fmt: skip


def _incident(service: int, operation: int) -> dict[str, Any]:
    return {
        "kind": IncidentKind.LATE_YES, "fingerprint": f"late {operation}", "account_id": account_of(service),
        "service_id": service, "operation_id": operation, "message": "a yes came late",
    }  # fmt: skip


def _drift(service: int) -> dict[str, Any]:
    return {
        "account_id": account_of(service), "product_type": "vds", "item": str(service), "kind": DriftKind.PLAN,
        "service_id": service, "ours": "VDS-1", "theirs": "VDS-9",
    }  # fmt: skip
