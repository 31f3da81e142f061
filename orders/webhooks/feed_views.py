"""The list of all events: what the webhooks send, in the order in which it can be read to the end and missed nothing.

A cursor is a position (see `orders.webhooks.fanout`), so a reader that asks from the last one on gets every event at
least once, whoever writes meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import Installation
from models.enums import MessageType
from models.order import Operation, Service
from models.webhooks import WebhookMessage
from orders.access.ownership import visible
from orders.access.roles import OPERATOR, Requester
from orders.errors import EventsGone, InvalidField
from orders.reading.documents import Document
from orders.reading.filters import each_value
from orders.reading.paging import HIGHEST_LIMIT, cursor_text, text_of_cursor
from orders.webhooks.redaction import NOT_FOR_SHOPS
from orders.webhooks.signing import cloud_event
from orders.webhooks.wording import data_for

_NOUN = "feed"
Start = Literal["oldest", "now"]


class Event(Document):
    """An event, as webhooks send it: a CloudEvent."""

    specversion: Literal["1.0"]
    id: str = Field(description="the same as in the webhook: ignore an id that you have had")
    source: str = Field(description="this installation, by its first tag", examples=["urn:resellflow:k3x9p"])
    type: str = Field(examples=[MessageType.SERVICE_OPENED.value])
    subject: str = Field(default="", description="number of the service; absent where there is none")
    time: datetime = Field(description="when it happened")
    datacontenttype: Literal["application/json"]
    data: dict[str, Any] = Field(description="by type, see `webhooks` of this document")


class Feed(Document):
    """Events, oldest first."""

    items: list[Event]
    next_cursor: str = Field(description="keep it, and ask with it for what comes after; it is there at the end, too")
    more: bool = Field(description="there are more by now: ask again at once")


@dataclass(frozen=True)
class FeedRequest:
    """`cursor`: `next_cursor` of the answer before. Without it the list begins at `start`."""

    limit: int = HIGHEST_LIMIT
    cursor: str | None = None
    start: Start = "oldest"
    types: Sequence[MessageType] | None = None
    services: Sequence[int] | None = None


async def read_feed(session: AsyncSession, ask: FeedRequest, source: str, requester: Requester = OPERATOR) -> Feed:
    """Raises InvalidField for a cursor that is not of this list, and EventsGone for one that is too old."""
    installation = (await session.exec(select(Installation))).one()
    end = installation.last_position  # what has a position up to here is there by now, and nothing will join it
    after = _after(ask, installation)
    query = (
        select(WebhookMessage, Operation)
        .outerjoin(Operation, col(Operation.id) == col(WebhookMessage.operation_id))
        .where(col(WebhookMessage.position) > after, col(WebhookMessage.position) <= end)
        .order_by(col(WebhookMessage.position))
        .limit(ask.limit + 1)
    )
    if not requester.is_staff:
        own = select(Service.id).where(visible(requester))
        query = query.where(
            WebhookMessage.owner == requester.name,
            col(WebhookMessage.service_id).in_(own),
            col(WebhookMessage.kind).not_in(NOT_FOR_SHOPS),  # a type may have been for shops once
        )
    rows: list[tuple[WebhookMessage, Operation | None]] = await each_value(
        session, query, (WebhookMessage.service_id, ask.services), (WebhookMessage.kind, ask.types)
    )
    rows.sort(key=lambda row: row[0].position or 0)
    shown, more = rows[: ask.limit], len(rows) > ask.limit
    reader = None if requester.is_staff else requester.name
    last = shown[-1][0].position if more else end
    return Feed(
        items=[_show(message, operation, source, reader) for message, operation in shown],
        next_cursor=cursor_text(_NOUN, f"{installation.tag} {last}"),
        more=more,
    )


def _show(message: WebhookMessage, operation: Operation | None, source: str, reader: str | None) -> Event:
    data = data_for(message, operation, reader)
    event = cloud_event(message.message_id, source, message.kind, message.service_id, message.at, data)
    return Event.model_validate(event)


def _after(ask: FeedRequest, installation: Installation) -> int:
    """The position after which the answer begins."""
    if ask.cursor is None:
        return 0 if ask.start == "oldest" else installation.last_position
    tag, _, position = text_of_cursor(_NOUN, ask.cursor).partition(" ")
    if not (position.isascii() and position.isdigit() and len(position) < 12):
        raise InvalidField("cursor", "is not one that this list gave; leave it out to begin from the oldest")
    if tag != installation.tag or int(position) > installation.last_position:
        raise EventsGone("the database was restored from a backup since this cursor was given")
    if int(position) < installation.positions_removed:
        raise EventsGone("events after this cursor have been removed by age")
    return int(position)
