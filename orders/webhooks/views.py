"""Webhooks as they are shown: the endpoints, what is on its way to them, and how every try went."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy import ColumnElement, and_, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import DeliveryState
from models.order import Operation
from models.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage
from orders.access.roles import OPERATOR, Requester
from orders.errors import InvalidField, NotFound, existing
from orders.reading.documents import Document
from orders.reading.filters import newest
from orders.reading.paging import Page, PageRequest, page_of
from orders.webhooks.endpoints import NOUN, place_of_secret, visible
from orders.webhooks.sealing import sealed_secrets
from orders.webhooks.wording import data_for

_NOUN = "delivery"


class WebhookView(Document):
    """An endpoint that gets messages, and whether they arrive."""

    name: str
    url: str
    owner: str | None = Field(
        description="name of the storefront that owns it: it gets what is about that storefront's services; null: "
        "everything"
    )
    types: list[str] = Field(description="the types of messages it gets; none: all of them")
    secret_from: str = Field(description="where the secret comes from, never the secret; empty for storefronts")
    old_secrets_until: datetime | None = Field(
        description="until then messages are signed with the secrets before the newest, too; null: there is only one"
    )
    active: bool = Field(description="false: nothing is sent until it is resumed; messages are kept for it meanwhile")
    failing_since: datetime | None = Field(description="when the first of the consecutive failed attempts was made")
    failure: str | None = Field(description="why the last of them failed")
    pending: int = Field(description="messages on their way")
    given_up: int = Field(description="messages that are not tried any more after too many failures")
    created_at: datetime


class DeliveryView(Document):
    """One message on its way to one endpoint."""

    number: int
    webhook: str = Field(description="name of the endpoint")
    message_id: str = Field(description="`webhook-id`, and `id` of the CloudEvent")
    type: str
    service: int | None = Field(description="number of the service that it is about")
    state: DeliveryState
    attempts: int = Field(description="tries since it was last put into the queue")
    happened_at: datetime
    next_attempt_at: datetime | None = Field(description="null when it has ended")
    ended_at: datetime | None


class AttemptView(Document):
    at: datetime
    status_code: int | None = Field(description="null if there was no answer")
    duration_ms: int
    error: str | None = Field(description="null if the receiver accepted it")
    answer: str = Field(
        description="how the receiver's answer begins; empty where a storefront chose the address by the API"
    )


class DeliveryDetail(DeliveryView):
    """A delivery with its content and the log of its tries."""

    data: dict[str, Any]
    log: list[AttemptView] = Field(description="oldest first")


class WebhookMade(WebhookView):
    """A webhook with its secret, which nobody can read again later."""

    secret: str | None = Field(
        description="what messages are signed with; only in this answer. null in the answer to a request that was "
        "repeated too late"
    )


async def list_webhooks(session: AsyncSession, requester: Requester = OPERATOR) -> list[WebhookView]:
    """All that the requester may see, by name: there are few."""
    return await _shown(session, requester, visible(requester))


async def find_webhook(session: AsyncSession, name: str, requester: Requester = OPERATOR) -> WebhookView:
    """Raises NotFound, also for what the requester may not see."""
    found = await _shown(session, requester, and_(col(WebhookEndpoint.name) == name, visible(requester)))
    if not found:
        raise NotFound(NOUN, name)
    return found[0]


async def _shown(session: AsyncSession, requester: Requester, which: ColumnElement[bool]) -> list[WebhookView]:
    endpoints = (await session.exec(select(WebhookEndpoint).where(which).order_by(WebhookEndpoint.name))).all()
    counted = await session.exec(
        select(WebhookDelivery.endpoint_id, WebhookDelivery.state, func.count())
        .where(
            col(WebhookDelivery.state).in_((DeliveryState.PENDING, DeliveryState.GIVEN_UP)),
            col(WebhookDelivery.endpoint_id).in_([one.id for one in endpoints]),
        )
        .group_by(col(WebhookDelivery.endpoint_id), col(WebhookDelivery.state))
    )
    counts = {(endpoint, state): count for endpoint, state, count in counted.all()}
    return [
        WebhookView(
            name=one.name,
            url=one.url,
            types=one.kinds,
            owner=one.owner,
            secret_from=place_of_secret(one) if requester.is_staff else "",
            old_secrets_until=_old_secrets_until(one),
            active=one.active,
            failing_since=one.failing_since,
            failure=one.failure or None,
            pending=counts.get((one.id, DeliveryState.PENDING), 0),
            given_up=counts.get((one.id, DeliveryState.GIVEN_UP), 0),
            created_at=one.created_at,
        )
        for one in endpoints
    ]


def _old_secrets_until(endpoint: WebhookEndpoint) -> datetime | None:
    return max((one.until for one in sealed_secrets(endpoint.sealed_secrets or ()) if one.until), default=None)


async def list_deliveries(
    session: AsyncSession,
    ask: PageRequest,
    requester: Requester = OPERATOR,
    *,
    webhook: Sequence[str] | None = None,
    state: Sequence[DeliveryState] | None = None,
    service: Sequence[int] | None = None,
) -> Page[DeliveryView]:
    """A page of the deliveries that the requester may see. Raises InvalidField for a webhook that does not exist, or a
    wrong cursor."""
    ask.before(_NOUN)  # a wrong cursor is told, whatever there is
    endpoints = None if webhook is None else [await _endpoint_id(session, one, requester) for one in webhook]
    if not requester.is_staff and not endpoints:
        endpoints = [
            one for one in (await session.exec(select(WebhookEndpoint.id).where(visible(requester)))).all() if one
        ]
        if not endpoints:
            return Page(items=[], next_cursor=None)
    query = (
        select(WebhookDelivery, WebhookMessage, WebhookEndpoint)
        .join(WebhookMessage, col(WebhookDelivery.message_id) == col(WebhookMessage.id))
        .join(WebhookEndpoint, col(WebhookDelivery.endpoint_id) == col(WebhookEndpoint.id))
    )
    rows: list[tuple[WebhookDelivery, WebhookMessage, WebhookEndpoint]] = await newest(
        session,
        query,
        col(WebhookDelivery.id),
        lambda row: row[0].id,
        ask,
        _NOUN,
        (WebhookDelivery.endpoint_id, endpoints),
        (WebhookDelivery.state, state),
        (WebhookDelivery.service_id, service),
    )
    return page_of(_NOUN, ask, rows, lambda row: row[0].id, lambda row: _show(*row))


async def _endpoint_id(session: AsyncSession, name: str, requester: Requester) -> int:
    query = select(WebhookEndpoint.id).where(WebhookEndpoint.name == name, visible(requester))
    known = (await session.exec(query)).one_or_none()
    if known is None:
        raise InvalidField("webhook", f"there is no webhook {name!r}")
    return known


async def find_delivery(session: AsyncSession, number: int, requester: Requester = OPERATOR) -> DeliveryDetail:
    """The content as it is sent to the endpoint. Raises NotFound, also for what the requester may not see."""
    delivery = await session.get(WebhookDelivery, existing(_NOUN, number))
    if delivery is None:
        raise NotFound(_NOUN, number)
    message = await session.get_one(WebhookMessage, delivery.message_id)
    endpoint = await session.get_one(WebhookEndpoint, delivery.endpoint_id)
    if not (requester.is_staff or endpoint.owner == requester.name):
        raise NotFound(_NOUN, number)
    tries = await session.exec(
        select(WebhookAttempt).where(WebhookAttempt.delivery_id == number).order_by(col(WebhookAttempt.id))
    )
    log = [
        AttemptView(
            at=one.at,
            status_code=one.status_code,
            duration_ms=one.duration_ms,
            error=one.error or None,
            answer=one.answer,
        )
        for one in tries.all()
    ]
    operation = None if message.operation_id is None else await session.get(Operation, message.operation_id)
    data = data_for(message, operation, endpoint.owner)
    return DeliveryDetail(**dict(_show(delivery, message, endpoint)), data=data, log=log)


def _show(delivery: WebhookDelivery, message: WebhookMessage, endpoint: WebhookEndpoint) -> DeliveryView:
    return DeliveryView(
        number=delivery.id,
        webhook=endpoint.name,
        message_id=message.message_id,
        type=message.kind,
        service=message.service_id,
        state=delivery.state,
        attempts=delivery.attempts,
        happened_at=message.at,
        next_attempt_at=delivery.next_attempt_at if delivery.state is DeliveryState.PENDING else None,
        ended_at=delivery.ended_at,
    )
