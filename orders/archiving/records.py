"""What an archive holds about an operation: itself, and whatever was written down while it was carried out."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import BaseModel
from sqlalchemy import ColumnElement, and_, func, tuple_
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.database import Database
from models.enums import FINAL_STAGES
from models.events import UpstreamEvent
from models.order import Intent, Operation, Reservation, Service, StageEntry
from models.parameters import public
from models.public_words import public_request
from models.refund import Refund

PAGE = 200
"""Operations that are read at a time."""


class Kind(StrEnum):
    OPERATION = "operation"
    STAGE = "stage"
    CALL = "call"
    """What was sent to the upstream and changes something or costs money, and what became of it."""
    SET_ASIDE = "set_aside"
    REFUND = "refund"
    EVENT = "event"
    """A change that was seen at the upstream."""


class Record(BaseModel):
    """A line of the file."""

    operation: int
    service: int
    record: Kind
    number: int
    """Among the records of its kind, in the whole installation."""
    at: datetime | date | None
    """When it was so; of an operation: when it ended."""
    state: str
    amount: Decimal | None = None
    currency: str | None = None
    text: str = ""
    details: dict[str, Any] = {}


@dataclass(frozen=True)
class Archived:
    """One operation."""

    records: list[Record]
    stages_are_whole: bool


def ended_between(start: datetime, end: datetime) -> ColumnElement[bool]:
    ended = col(Operation.ended_at)
    return and_(col(Operation.stage).in_(FINAL_STAGES), ended >= start, ended < end)


async def count(session: AsyncSession, start: datetime, end: datetime) -> int:
    """Operations that ended then."""
    return (await session.exec(select(func.count()).select_from(Operation).where(ended_between(start, end)))).one()


async def read(database: Database, start: datetime, end: datetime) -> AsyncIterator[Archived]:
    """Operations that ended from `start` on and before `end`, in the order in which they ended. One page is held."""
    place = tuple_(col(Operation.ended_at), col(Operation.id))
    after: tuple[datetime, int] | None = None
    while True:
        async with database.read() as session:
            query = select(Operation, Service).join(Service, col(Service.id) == col(Operation.service_id))
            query = query.where(ended_between(start, end))
            if after is not None:
                query = query.where(col(Operation.ended_at) >= after[0], place > after)
            page = (await session.exec(query.order_by(*place).limit(PAGE))).all()
            found = [one async for one in _whole(session, page)]
        for one in found:
            yield one
        if len(page) < PAGE:
            return
        last = page[-1][0]
        assert last.ended_at is not None  # noqa: S101 - it is asked for
        after = (last.ended_at, last.id)


async def _whole(session: AsyncSession, page: Sequence[tuple[Operation, Service]]) -> AsyncIterator[Archived]:
    numbers = [operation.id for operation, _ in page]
    stages, intents, refunds, events = [
        await _of(session, table, numbers) for table in (StageEntry, Intent, Refund, UpstreamEvent)
    ]
    reservations = await _of(session, Reservation, numbers)
    currencies = dict((await session.exec(select(UpstreamAccount.id, UpstreamAccount.currency))).all())
    for operation, service in page:
        number = operation.id
        about = _Records(operation, service)
        yield Archived(
            [
                about.itself(),
                *map(about.stage, stages[number]),
                *map(about.call, intents[number]),
                *(about.set_aside(one, currencies[one.account_id]) for one in reservations[number]),
                *map(about.refund, refunds[number]),
                *map(about.event, events[number]),
            ],
            operation.history_begins_at is None,
        )


async def _of(session: AsyncSession, table: Any, operations: Sequence[int]) -> "defaultdict[int, list[Any]]":
    """Rows of a table by their operations, the oldest first."""
    rows: Iterable[SQLModel] = (
        await session.exec(select(table).where(table.operation_id.in_(operations)).order_by(table.id))
    ).all()
    found: defaultdict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.operation_id].append(row)  # type: ignore[attr-defined]  # each of these tables has it
    return found


class _Records:
    def __init__(self, operation: Operation, service: Service) -> None:
        self._operation, self._service = operation, service

    def _record(self, kind: Kind, number: int, at: datetime | date | None, state: str, **more: Any) -> Record:
        return Record(
            operation=self._operation.id,
            service=self._service.id,
            record=kind,
            number=number,
            at=at,
            state=state,
            **more,
        )

    def itself(self) -> Record:
        operation, service = self._operation, self._service
        details = {
            "kind": operation.kind.value,
            "upstream": operation.upstream_name,
            "customer": service.customer,
            "storefront": service.owner,
            "name": service.name,
            "mark": service.mark,
            "item": service.upstream_number,
            "parameters": public(operation.parameters),
            "price": operation.price,
            "quote": operation.quote,
            "requested_by": operation.actor,
            "idempotency_key": operation.asked_with,
            "reference": operation.reference,
            "metadata": operation.shop_metadata,
            "created_at": operation.created_at,
            "called_off_at": operation.called_off_at,
            "history_begins_at": operation.history_begins_at,
        }
        return self._record(
            Kind.OPERATION,
            operation.id,
            operation.ended_at,
            operation.stage.value,
            amount=operation.cost_amount,
            currency=operation.cost_currency,
            text=operation.reason,
            details=dict(_filled(details)),
        )

    def stage(self, one: StageEntry) -> Record:
        return self._record(Kind.STAGE, one.id, one.at, one.stage.value, text=one.reason)

    def call(self, one: Intent) -> Record:
        details = {
            "step": one.step.value,
            "attempt": one.attempt,
            "mark": one.mark,
            "request": public_request(one.request),
            "item": one.upstream_number,
            "failure_class": None if one.failure_class is None else one.failure_class.value,
            "unknown_since": one.unknown_since,
            "settled_at": one.settled_at,
            "late_yes": one.late_yes,
        }
        return self._record(
            Kind.CALL, one.id, one.created_at, one.state.value, text=one.message, details=dict(_filled(details))
        )

    def set_aside(self, one: Reservation, currency: str) -> Record:
        return self._record(
            Kind.SET_ASIDE, one.id, one.granted_at, one.state.value, amount=one.amount, currency=currency
        )

    def refund(self, one: Refund) -> Record:
        at = one.on_day or one.seen_at
        money = {"amount": one.amount, "currency": one.currency}
        return self._record(Kind.REFUND, one.id, at, one.state.value, text=one.text, **money)

    def event(self, one: UpstreamEvent) -> Record:
        details = {"item": one.upstream_number, "status": one.status, "changes": one.changes, "met": one.met}
        return self._record(
            Kind.EVENT, one.id, one.seen_at, one.kind.value, text=one.cause, details=dict(_filled(details))
        )


def _filled(details: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in details.items() if value not in (None, "", {}, []))
