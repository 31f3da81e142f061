"""What is reported to the webhooks: written in the transaction that makes it true, sent later (orders.webhooks.fanout).

A message holds numbers, states and values that the API shows; neither secrets nor the customer.
"""

import uuid
from collections.abc import Mapping
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.enums import (
    AtEndOfTerm,
    EventKind,
    FailureClass,
    IncidentKind,
    MessageType,
    OperationKind,
    RefundSource,
    RenewalOwner,
    RenewalUrgency,
    Stage,
)
from models.events import UpstreamSnapshot
from models.incident import Incident
from models.money import Money
from models.order import Operation, Service, Task
from models.refund import Refund
from models.untrusted_text import masked, visible_lines
from models.webhooks import WebhookMessage

Changes = Mapping[str, tuple[str, str]]
"""Field -> (before, after)."""

_OF_SERVICES = {
    EventKind.APPEARED: MessageType.SERVICE_APPEARED,
    EventKind.OPENED: MessageType.SERVICE_OPENED,
    EventKind.SUSPENDED: MessageType.SERVICE_SUSPENDED,
    EventKind.RESUMED: MessageType.SERVICE_RESUMED,
    EventKind.CLOSED: MessageType.SERVICE_CLOSED,
    EventKind.VANISHED: MessageType.SERVICE_VANISHED,
    EventKind.PROLONGED: MessageType.SERVICE_PROLONGED,
    EventKind.SHORTENED: MessageType.SERVICE_SHORTENED,
    EventKind.PLAN_CHANGED: MessageType.SERVICE_PLAN_CHANGED,
    EventKind.PARAMETERS_CHANGED: MessageType.SERVICE_PARAMETERS_CHANGED,
    EventKind.COST_CHANGED: MessageType.SERVICE_COST_CHANGED,
    EventKind.KEY_READY: MessageType.SERVICE_KEY_READY,
    EventKind.HELD_BACK: MessageType.SERVICE_HELD_BACK,
}
"""That the upstream is busy with an item is history, but no news for a storefront."""

_OF_STAGES = {
    Stage.CHECKING_BALANCE: MessageType.OPERATION_STARTED,
    Stage.WAITING_FOR_FUNDS: MessageType.OPERATION_WAITING_FOR_FUNDS,
    Stage.AWAITING_MANUAL_TASK: MessageType.OPERATION_AWAITING_MANUAL_TASK,
    Stage.NEEDS_ATTENTION: MessageType.OPERATION_NEEDS_ATTENTION,
    Stage.COMPLETED: MessageType.OPERATION_COMPLETED,
    Stage.CANCELLED: MessageType.OPERATION_CANCELLED,
}


def type_of_stage(stage: Stage) -> MessageType | None:
    """What is reported when an operation enters this stage; None: nothing."""
    return _OF_STAGES.get(stage)


class News(BaseModel):
    """The data of a message."""

    model_config = ConfigDict(frozen=True)


class ValueChange(News):
    before: str
    after: str


class ServiceNews(News):
    """Data of `resellflow.service.…`: what the upstream changed."""

    service: int
    upstream: str
    item: str
    operation: int | None
    """The operation that waited for this, if any."""
    event: str
    """`event_id` of the change, as `/v1/upstreams/{name}/events` has it."""
    changes: dict[str, ValueChange]


class ItemNews(News):
    """Data of `resellflow.item.appeared`."""

    upstream: str
    item: str
    product_type: str
    status: str
    name: str


class OperationNews(News):
    """Data of `resellflow.operation.…`: where an operation is now."""

    service: int
    operation: int
    kind: OperationKind
    stage: Stage
    stage_before: Stage
    reason: str
    failure_class: FailureClass | None
    quote: str | None = None
    """The quote that it was ordered by."""


class RefundNews(News):
    """Data of `resellflow.operation.refunded`: the upstream paid something back for an operation."""

    service: int
    operation: int
    kind: OperationKind
    refund: int
    """Its number in `/v1/refunds`."""
    amount: str
    source: RefundSource
    row: str
    upstream: str


class TaskNews(News):
    """Data of `resellflow.task.overdue`."""

    service: int
    operation: int
    task: int
    department: str
    due_at: datetime | None


class IncidentNews(News):
    """Data of `resellflow.incident.…`: something for people to look at, or explained, or over."""

    incident: int
    kind: IncidentKind
    service: int | None
    operation: int | None
    message: str


class BalanceNews(News):
    """Data of `resellflow.upstream.…`: the money that the next orders could use on an account."""

    upstream: str
    free: str
    wanting: dict[str, str]
    """Processing module -> its minimal balance, of those that want more than is free."""


class TermNews(News):
    """Data of `resellflow.renewal.…`, and of the messages about the end of a service's term."""

    service: int
    expires_on: date | None
    """The end of the term; of a renewal that is done the new one."""
    days_left: int | None
    period_months: int
    renewal_owner: RenewalOwner
    at_end_of_term: AtEndOfTerm
    operation: int | None
    """The prolongation, if there is one."""
    stage: Stage | None
    """How far that is."""


class FailedTermNews(TermNews):
    """Data of `resellflow.renewal.failed`."""

    urgency: RenewalUrgency
    next_try_at: datetime | None
    """When it is tried again. null: it waits for money, goes on automatically, was cancelled, or is over."""


class Ping(News):
    """Data of `resellflow.ping`: a test."""

    endpoint: str


SHAPES: dict[str, type[News]] = {
    "service": ServiceNews,
    "item": ItemNews,
    "operation": OperationNews,
    "task": TaskNews,
    "incident": IncidentNews,
    "upstream": BalanceNews,
    "renewal": TermNews,
    MessageType.OPERATION_REFUNDED.value: RefundNews,
    MessageType.SERVICE_EXPIRING.value: TermNews,
    MessageType.SERVICE_RENEWAL_CHANGED.value: TermNews,
    MessageType.RENEWAL_FAILED.value: FailedTermNews,
    "ping": Ping,
}
"""A type, or its second part for all others of them -> its data."""


def shape_of(kind: str) -> type[News]:
    return SHAPES.get(kind) or SHAPES[kind.split(".")[1]]


def message(message_type: MessageType, data: News, *, service: int | None = None) -> WebhookMessage:
    """Names and values are the upstream's: they go out without what terminals and browsers obey."""
    told = {name: _plain(value) for name, value in data.model_dump(mode="json").items()}
    return WebhookMessage(
        message_id=uuid.uuid4().hex,
        kind=message_type.value,
        service_id=service,
        operation_id=getattr(data, "operation", None),
        data=told,
    )


def _plain(value: object) -> object:
    match value:
        case str():
            return visible_lines(value)
        case dict():
            return {name: _plain(one) for name, one in value.items()}
        case list():
            return [_plain(one) for one in value]
    return value


def service_changed(
    session: AsyncSession,
    service: Service,
    kind: EventKind,
    *,
    upstream: str,
    operation: int | None,
    event: str,
    changes: Changes,
) -> None:
    """The upstream changed something of a service, unasked or for an operation of ours."""
    wanted = _OF_SERVICES.get(kind)
    if wanted is None:
        return
    news = ServiceNews(
        service=service.id,
        upstream=upstream,
        item=service.upstream_number or "",
        operation=operation,
        event=event,
        changes={name: ValueChange(before=before, after=after) for name, (before, after) in changes.items()},
    )
    session.add(message(wanted, news, service=service.id))


def term_ends(session: AsyncSession, service: Service, today: date) -> None:
    """Its storefront is the one who prolongs it."""
    session.add(_of_term(MessageType.SERVICE_EXPIRING, service, None, today))


def renewal_changed(session: AsyncSession, service: Service) -> None:
    """Its storefront wants something else to become of it at the end of its term."""
    session.add(_of_term(MessageType.SERVICE_RENEWAL_CHANGED, service, None, utc_now().date()))


def renewal_upcoming(session: AsyncSession, service: Service, today: date) -> None:
    session.add(_of_term(MessageType.RENEWAL_UPCOMING, service, None, today))


def renewal_done(session: AsyncSession, service: Service, operation: Operation, today: date) -> None:
    session.add(_of_term(MessageType.RENEWAL_DONE, service, operation, today, Stage.COMPLETED))


def renewal_failed(
    session: AsyncSession,
    service: Service,
    operation: Operation | None,
    today: date,
    urgency: RenewalUrgency,
    tries_at: datetime | None,
) -> None:
    common = _term_news(service, operation, today).model_dump()
    news = FailedTermNews(**common, urgency=urgency, next_try_at=tries_at)
    session.add(message(MessageType.RENEWAL_FAILED, news, service=service.id))


def _of_term(
    wanted: MessageType, service: Service, operation: Operation | None, today: date, stage: Stage | None = None
) -> WebhookMessage:
    return message(wanted, _term_news(service, operation, today, stage), service=service.id)


def _term_news(service: Service, operation: Operation | None, today: date, stage: Stage | None = None) -> TermNews:
    ends_on = service.expires_on
    return TermNews(
        service=service.id,
        expires_on=ends_on,
        days_left=(ends_on - today).days if ends_on is not None else None,
        period_months=service.period_months,
        renewal_owner=service.renewed_by,
        at_end_of_term=service.at_end_of_term,
        operation=operation.id if operation is not None else None,
        stage=stage or (operation.stage if operation is not None else None),
    )


def item_appeared(session: AsyncSession, upstream: str, snapshot: UpstreamSnapshot, status: str) -> None:
    """An item that is no service of ours (or is not known to be one yet)."""
    news = ItemNews(
        upstream=upstream,
        item=snapshot.number,
        product_type=snapshot.product_type,
        status=status,
        name=snapshot.name,
    )
    session.add(message(MessageType.ITEM_APPEARED, news))


def stage_entered(session: AsyncSession, operation: Operation, before: Stage) -> None:
    """The operation is in another stage than before: reported where a storefront may have to act or to show it."""
    wanted = type_of_stage(operation.stage)
    if wanted is None:
        return
    if wanted is MessageType.OPERATION_STARTED and before is not Stage.ACCEPTED:
        return  # tried again from the start: it had been told
    session.add(_of_stage(operation, wanted, operation.stage, before))


def operation_started(operation: Operation) -> WebhookMessage:
    """Its workflow runs, and it was accepted until now; it may be further than that already."""
    return _of_stage(operation, MessageType.OPERATION_STARTED, Stage.CHECKING_BALANCE, Stage.ACCEPTED)


def operation_completed(operation: Operation, before: Stage) -> WebhookMessage:
    return _of_stage(operation, MessageType.OPERATION_COMPLETED, Stage.COMPLETED, before)


def operation_refunded(session: AsyncSession, operation: Operation, refund: Refund, upstream: str) -> None:
    """For our own people: it names a sum."""
    news = RefundNews(
        service=operation.service_id,
        operation=operation.id,
        kind=operation.kind,
        refund=refund.id,
        amount=str(refund.money),
        source=refund.source,
        row=refund.row,
        upstream=upstream,
    )
    session.add(message(MessageType.OPERATION_REFUNDED, news, service=operation.service_id))


def operation_slow(session: AsyncSession, operation: Operation, reason: str) -> None:
    """It waits for its confirmation longer than usual."""
    session.add(_of_stage(operation, MessageType.OPERATION_SLOW, operation.stage, operation.stage, reason))


def _of_stage(
    operation: Operation, wanted: MessageType, stage: Stage, before: Stage, reason: str | None = None
) -> WebhookMessage:
    news = OperationNews(
        service=operation.service_id,
        operation=operation.id,
        kind=operation.kind,
        stage=stage,
        stage_before=before,
        reason=masked(operation.reason if reason is None else reason),
        failure_class=operation.failure_class,
        quote=operation.quote,
    )
    return message(wanted, news, service=operation.service_id)


def task_overdue(session: AsyncSession, task: Task) -> None:
    news = TaskNews(
        service=task.service_id,
        operation=task.operation_id,
        task=task.id,
        department=task.department,
        due_at=task.due_at,
    )
    session.add(message(MessageType.TASK_OVERDUE, news, service=task.service_id))


def balance_changed(session: AsyncSession, account: UpstreamAccount, free: Money, wanting: Mapping[str, Money]) -> None:
    """Less is free on the account than some module wants at least, or it is enough again (`wanting` is empty)."""
    kind = MessageType.UPSTREAM_BALANCE_LOW if wanting else MessageType.UPSTREAM_BALANCE_ENOUGH
    minima = {name: str(minimum) for name, minimum in wanting.items()}
    session.add(message(kind, BalanceNews(upstream=account.name, free=str(free), wanting=minima)))


def incident_raised(session: AsyncSession, incident: Incident) -> None:
    session.add(_of_incident(MessageType.INCIDENT_RAISED, incident))


def incident_closed(session: AsyncSession, incident: Incident) -> None:
    """A person has explained it, or what lasted is over."""
    session.add(_of_incident(MessageType.INCIDENT_CLOSED, incident))


def _of_incident(wanted: MessageType, incident: Incident) -> WebhookMessage:
    news = IncidentNews(
        incident=incident.id,
        kind=incident.kind,
        service=incident.service_id,
        operation=incident.operation_id,
        message=incident.message,
    )
    return message(wanted, news, service=incident.service_id)
