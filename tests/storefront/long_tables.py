"""Tables as they are after years: thousands of rows of each, nearly all alike, so that what is looked for is rare."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from sqlmodel import SQLModel

from models.audit import AuditEntry
from models.columns import utc_now
from models.drift import Drift
from models.enums import (
    DeliveryState,
    DriftKind,
    DriftState,
    EventKind,
    IncidentKind,
    MessageType,
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
from models.events import UpstreamEvent, UpstreamHint, UpstreamSnapshot
from models.incident import Incident
from models.order import Intent, Operation, Reservation, Service, StageEntry, Task
from models.refund import Refund
from models.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage

ROWS = 3000
AGO = utc_now() - timedelta(days=400)


def _values(model: type[SQLModel], rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a row has that says nothing of a column is made once: a model for each row would take seconds."""
    given = list(rows)
    unsaid = model(**given[0]).model_dump(exclude={"id"})
    return [unsaid | row for row in given]


def _row(**columns: Any) -> dict[str, Any]:
    return columns


@cache
def rows_of_years() -> list[tuple[type[SQLModel], list[dict[str, Any]]]]:
    return list(_make_rows())


def _make_rows() -> Iterator[tuple[type[SQLModel], list[dict[str, Any]]]]:
    """Nearly all alike: what is looked for is rare."""

    def rare(number: int, common: Any, rarely: Any) -> Any:
        return rarely if number % 1000 == 5 else common

    n = range(1, ROWS + 1)
    yield (
        Service,
        _values(
            Service,
            (
                _row(
                    customer=f"c-{i}",
                    plan_id=rare(i, 1, 2),
                    product_type="vds",
                    module_id=2,
                    account_id=1,
                    status=rare(i, ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED),
                    name=f"n{i}",
                    mark=f"m{i}",
                    upstream_number=str(i),
                    period_months=1,
                )
                for i in n
            ),
        ),
    )
    yield (
        Operation,
        _values(
            Operation,
            (
                _row(
                    service_id=i,
                    kind=rare(i, OperationKind.OPEN, OperationKind.SUSPEND),
                    upstream_name=rare(i, "main", "quiet"),
                    stage=rare(i, Stage.COMPLETED, Stage.NEEDS_ATTENTION),
                    workflow_started_at=AGO,
                    stage_since=AGO,
                    called_off_at=rare(i, None, AGO),
                    slow_since=rare(i, None, AGO),
                )
                for i in n
            ),
        ),
    )
    yield (
        StageEntry,
        _values(
            StageEntry, (_row(operation_id=i, stage=stage) for i in n for stage in (Stage.ACCEPTED, Stage.COMPLETED))
        ),
    )
    yield (
        Task,
        _values(
            Task,
            (
                _row(
                    operation_id=i,
                    service_id=i,
                    mode=rare(i, TaskMode.AUTOMATIC, TaskMode.MANUAL),
                    state=rare(i, TaskState.DONE, TaskState.OPEN),
                    department=rare(i, "support", "sales"),
                    title="t",
                    due_at=rare(i, None, AGO),
                    assignee=rare(i, "", "olga"),
                    created_at=rare(i, utc_now(), AGO),
                )
                for i in n
            ),
        ),
    )
    yield (
        Reservation,
        _values(
            Reservation,
            (
                _row(
                    operation_id=i,
                    account_id=1,
                    amount=Decimal(1),
                    state=rare(i, ReservationState.RELEASED, ReservationState.WAITING),
                    release_number=rare(i, i, None),
                    released_at=rare(i, AGO, None),
                )
                for i in n
            ),
        ),
    )
    yield Intent, _values(Intent, (_row(operation_id=i, account_id=1, attempt=1, mark=f"m{i}") for i in n))
    yield (
        AuditEntry,
        _values(
            AuditEntry,
            (_row(actor="a", action="b", subject=s, subject_number=i) for i in n for s in ("service", "operation")),
        ),
    )
    yield (
        Incident,
        _values(
            Incident,
            (
                _row(
                    kind=rare(i, next(iter(IncidentKind)), IncidentKind("second_item")),
                    fingerprint=f"f{i}",
                    account_id=1,
                    service_id=i,
                    operation_id=i,
                    message="m",
                    closed_at=rare(i, AGO, None),
                )
                for i in n
            ),
        ),
    )
    yield (
        Drift,
        _values(
            Drift,
            (
                _row(
                    account_id=1,
                    product_type="vds",
                    item=str(i),
                    kind=rare(i, DriftKind.TERM, DriftKind.PRICE),
                    service_id=i,
                    ours="a",
                    theirs="b",
                    state=rare(i, DriftState.OVER, DriftState.APPROVED),
                    seen_at=AGO,
                )
                for i in n
            ),
        ),
    )
    yield (
        Refund,
        _values(
            Refund,
            (
                _row(
                    account_id=1,
                    source=RefundSource.EXPENSE,
                    row=str(i),
                    item=str(i),
                    amount=Decimal(1),
                    currency="EUR",
                    state=rare(i, RefundState.WRITTEN, RefundState.OPEN),
                    service_id=i,
                    operation_id=i,
                    seen_at=AGO,
                )
                for i in n
            ),
        ),
    )
    yield (
        UpstreamSnapshot,
        _values(
            UpstreamSnapshot,
            (
                _row(
                    account_id=1,
                    product_type="vds",
                    number=str(i),
                    service_id=rare(i, i, None),
                    status=int(UpstreamStatus.ACTIVE),
                    first_seen_at=AGO,
                )
                for i in n
            ),
        ),
    )
    yield (
        UpstreamEvent,
        _values(
            UpstreamEvent,
            (
                _row(
                    event_id=f"e{i}",
                    account_id=1,
                    product_type="vds",
                    upstream_number=str(i),
                    kind=rare(i, EventKind.OPENED, EventKind.VANISHED),
                    status=int(UpstreamStatus.ACTIVE),
                    service_id=i,
                    operation_id=rare(i, None, i),
                    applied_at=AGO,
                    delivered_at=rare(i, None, AGO),
                )
                for i in n
            ),
        ),
    )
    yield UpstreamHint, _values(UpstreamHint, (_row(account_id=1, upstream_number=str(i), read_at=AGO) for i in n))
    yield (
        WebhookEndpoint,
        _values(WebhookEndpoint, (_row(name=name, url="https://x.test", secret_env="S") for name in ("hook", "quiet"))),
    )
    yield (
        WebhookMessage,
        _values(
            WebhookMessage,
            (
                _row(
                    message_id=f"w{i}",
                    kind=rare(i, MessageType.SERVICE_OPENED.value, MessageType.SERVICE_CLOSED.value),
                    service_id=i,
                    spread_at=AGO,
                    position=i,
                    at=AGO,
                )
                for i in n
            ),
        ),
    )
    yield (
        WebhookDelivery,
        _values(
            WebhookDelivery,
            (
                _row(
                    endpoint_id=rare(i, 1, 2),
                    message_id=i,
                    state=rare(i, DeliveryState.DELIVERED, DeliveryState.GIVEN_UP),
                )
                for i in n
            ),
        ),
    )
    yield WebhookAttempt, _values(WebhookAttempt, (_row(delivery_id=i) for i in n))
