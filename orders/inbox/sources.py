"""Where the entries of the inbox come from: one SELECT for each cause, all with the same columns."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select, func, literal, null
from sqlmodel import col

from models.catalogue import UpstreamAccount
from models.drift import Drift
from models.enums import DriftState, Stage, UpstreamStatus
from models.events import UpstreamSnapshot
from models.incident import Incident
from models.order import FOR_PEOPLE, Operation, Service, Task
from orders.inbox.causes import HAVE_A_CARD, Cause


def _columns(
    key: Any,
    since: Any,
    *,
    upstream: Any = None,
    failure: Any = None,
    assignee: Any = None,
    customer: Any = None,
    service: Any = None,
    operation: Any = None,
    what: Any = None,
    why: Any = None,
) -> tuple[ColumnElement[Any], ...]:
    """The same in each source; text that is not there is empty, numbers are null."""
    texts = {
        "upstream": upstream,
        "failure": failure,
        "assignee": assignee,
        "customer": customer,
        "what": what,
        "why": why,
    }
    given = {
        name: literal("") if value is None else func.coalesce(sa.cast(value, sa.String), "")
        for name, value in texts.items()
    }
    numbers = {"service": service, "operation": operation}
    return (
        key.label("key"),
        since.label("since"),
        *(value.label(name) for name, value in given.items()),
        *((null() if value is None else value).label(name) for name, value in numbers.items()),
    )


def _operations(condition: ColumnElement[bool], since: Any) -> Select[Any]:
    return (
        sa.select(
            *_columns(
                col(Operation.id),
                since,
                upstream=Operation.upstream_name,
                failure=Operation.failure_class,
                assignee=Task.assignee,
                customer=Service.customer,
                service=Operation.service_id,
                operation=col(Operation.id),
                what=Operation.kind,
            )
        )
        .join(Service, col(Service.id) == col(Operation.service_id))
        .outerjoin(Task, col(Task.operation_id) == col(Operation.id))
        .where(condition)
    )


def _in_stage(stage: Stage) -> Select[Any]:
    return _operations(col(Operation.stage) == stage, col(Operation.stage_since))


def _slow() -> Select[Any]:
    return _operations(
        sa.and_(col(Operation.slow_since).is_not(None), col(Operation.stage) == Stage.AWAITING_CONFIRMATION),
        col(Operation.slow_since),
    )


def _tasks() -> Select[Any]:
    return (
        sa.select(
            *_columns(
                col(Task.id),
                col(Task.created_at),
                upstream=Operation.upstream_name,
                failure=Operation.failure_class,
                assignee=Task.assignee,
                customer=Service.customer,
                service=Task.service_id,
                operation=col(Task.operation_id),
                what=Task.title,
                why=Task.department,
            )
        )
        .join(Operation, col(Operation.id) == col(Task.operation_id))
        .join(Service, col(Service.id) == col(Task.service_id))
        .where(FOR_PEOPLE)
    )


def _incidents() -> Select[Any]:
    return (
        sa.select(
            *_columns(
                col(Incident.id),
                col(Incident.at),
                upstream=UpstreamAccount.name,
                customer=Service.customer,
                service=Incident.service_id,
                operation=Incident.operation_id,
                what=Incident.kind,
                why=Incident.message,
            )
        )
        .outerjoin(UpstreamAccount, col(UpstreamAccount.id) == col(Incident.account_id))
        .outerjoin(Service, col(Service.id) == col(Incident.service_id))
        .where(col(Incident.closed_at).is_(None), col(Incident.kind).not_in(HAVE_A_CARD))
    )


def _upstreams() -> Select[Any]:
    """What is wrong, or that a person has paused it. A list that can't be read alone is an incident."""
    account = UpstreamAccount
    return sa.select(
        *_columns(
            col(account.id),
            func.coalesce(account.unhealthy_since, account.unreachable_since, account.paused_since),
            upstream=account.name,
            what=account.name,
            why=func.coalesce(
                account.unhealthy_reason,
                account.unreachable_reason,
                "paused by " + col(account.paused_by) + ": " + col(account.paused_reason),
            ),
        )
    ).where(
        sa.or_(
            col(account.unhealthy_since).is_not(None),
            col(account.unreachable_since).is_not(None),
            col(account.paused_since).is_not(None),
        )
    )


def _drift() -> Select[Any]:
    return (
        sa.select(
            *_columns(
                col(Drift.id),
                col(Drift.seen_at),
                upstream=UpstreamAccount.name,
                customer=Service.customer,
                service=Drift.service_id,
                what=Drift.kind,
                why=Drift.ours + " → " + Drift.theirs,
            )
        )
        .join(UpstreamAccount, col(UpstreamAccount.id) == col(Drift.account_id))
        .outerjoin(Service, col(Service.id) == col(Drift.service_id))
        .where(col(Drift.state) == DriftState.OPEN)
    )


def _orphans() -> Select[Any]:
    snapshot = UpstreamSnapshot
    return (
        sa.select(
            *_columns(
                col(snapshot.id),
                col(snapshot.first_seen_at),
                upstream=UpstreamAccount.name,
                what=snapshot.number,
                why=snapshot.name,
            )
        )
        .join(UpstreamAccount, col(UpstreamAccount.id) == col(snapshot.account_id))
        .where(
            col(snapshot.service_id).is_(None),
            col(snapshot.gone).is_(False),
            col(snapshot.status) != int(UpstreamStatus.DELETED),
        )
    )


SOURCES: dict[Cause, Callable[[], Select[Any]]] = {
    Cause.DECIDE: lambda: _in_stage(Stage.NEEDS_ATTENTION),
    Cause.UNCLEAR: lambda: _in_stage(Stage.OUTCOME_UNKNOWN),
    Cause.MONEY: lambda: _in_stage(Stage.WAITING_FOR_FUNDS),
    Cause.TASKS: _tasks,
    Cause.INCIDENTS: _incidents,
    Cause.UPSTREAMS: _upstreams,
    Cause.SLOW: _slow,
    Cause.DRIFT: _drift,
    Cause.ORPHANS: _orphans,
}
