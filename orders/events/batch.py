"""What the database knows of a batch of items: their services, operations, and what the operations were notified of.

Everything is read with a few queries for the whole batch, never with one for each item.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BindParameter, and_, bindparam, func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select

from models.audit import AuditEntry
from models.events import UpstreamEvent, UpstreamSnapshot
from models.order import RUNNING, Operation, Service
from orders.audit import ADOPTED, LINKED
from orders.services import history
from orders.services.naming import canonical

BATCH_SIZE = 500
"""Items of one transaction, and so the values of one IN."""


async def snapshots_of(
    session: AsyncSession, account_id: int, product_type: str, numbers: Collection[str], *, lock: bool = False
) -> Sequence[UpstreamSnapshot]:
    """What is known of these items. `lock`: nobody else changes it until this transaction ends."""
    values = {"account": account_id, "product_type": product_type, "numbers": list(numbers)}
    return (await session.exec(_LOCKED_SNAPSHOTS if lock else _SNAPSHOTS, params=values)).all()


def _any(name: str) -> BindParameter[Any]:
    """A parameter of a statement that is a list of values."""
    return bindparam(name, expanding=True)


# The statements are built once: what changes from batch to batch is only their parameters.
_SNAPSHOTS = select(UpstreamSnapshot).where(
    col(UpstreamSnapshot.account_id) == bindparam("account"),
    col(UpstreamSnapshot.product_type) == bindparam("product_type"),
    col(UpstreamSnapshot.number).in_(_any("numbers")),
)
# In one order everywhere, so that two who lock several never wait for each other.
_LOCKED_SNAPSHOTS = _SNAPSHOTS.order_by(col(UpstreamSnapshot.id)).with_for_update()
# A service and its operation under way are of one moment: between two statements an operation may end, and then the
# service of before it would be compared with the item of after it.
_Services = Select[Service, Operation | None]
_SERVICES: _Services = select(Service, Operation).outerjoin(
    Operation, and_(col(Operation.service_id) == col(Service.id), RUNNING)
)
_SERVICES_BY_NUMBER = _SERVICES.where(
    col(Service.account_id) == bindparam("account"),
    col(Service.product_type) == bindparam("product_type"),  # each type may number its items separately
    col(Service.upstream_number).in_(_any("numbers")),
)
_SERVICES_BY_MARK = _SERVICES.where(col(Service.mark).in_(_any("marks")))
_SERVICES_BY_NAME = _SERVICES.where(col(Service.name).in_(_any("names")), col(Service.name_is_ours).is_(True))
_NOTIFIED = sa.select(
    col(UpstreamEvent.operation_id),
    col(UpstreamEvent.met),
    col(UpstreamEvent.upstream_number),
    col(UpstreamEvent.status),
    col(UpstreamEvent.cause),
).where(col(UpstreamEvent.operation_id).in_(_any("operations")), col(UpstreamEvent.met).is_not(None))
_LINKED_BY_HAND = select(AuditEntry.subject_number).where(
    col(AuditEntry.subject_number).in_(_any("services")),
    col(AuditEntry.subject) == history.SUBJECT,
    col(AuditEntry.action).in_([LINKED, ADOPTED]),
)
# Two questions for the two indexes, and the account is looked at by who asks: among conditions that most items meet,
# the database would begin with one of those.
_STRANGERS_BY_MARK = select(UpstreamSnapshot).where(
    col(UpstreamSnapshot.mark).in_(_any("values")), col(UpstreamSnapshot.service_id).is_(None)
)
_STRANGERS_BY_NAME = select(UpstreamSnapshot).where(
    col(UpstreamSnapshot.name).in_(_any("values")), col(UpstreamSnapshot.service_id).is_(None)
)


@dataclass(frozen=True)
class MarkedService:
    """The mark and name of a service."""

    service: int
    mark: str
    name: str


@dataclass
class Batch:
    """The rows around the items of one transaction. Call `load` first."""

    session: AsyncSession
    account_id: int
    product_type: str
    by_number: dict[str, Service] = field(default_factory=dict)
    shown: list[Service] = field(default_factory=list)
    """Services of the account and type whose mark, or made-up name, one of the items shows."""
    by_mark: dict[str, Service] = field(default_factory=dict)
    by_name: dict[str, list[Service]] = field(default_factory=dict)
    """The same services by mark, and by the name that we made up."""
    running: dict[int, Operation] = field(default_factory=dict)
    """Service -> its operation under way."""
    last: dict[int, Operation] = field(default_factory=dict)
    """Service whose item is not known -> its latest operation."""
    by_hand: set[int] = field(default_factory=set)
    """Services linked or adopted by a person."""
    lookalikes: list[UpstreamSnapshot] = field(default_factory=list)
    """Items without a service that show the mark or made-up name of one of these services."""
    _read: set[int] = field(default_factory=set)
    """Services that were read, each with its operation under way."""
    _notified: set[tuple[int, bool, str, int, str]] = field(default_factory=set)
    _marked: dict[str, list[MarkedService]] = field(default_factory=dict)

    async def load(self, numbers: Collection[str], names: Iterable[str], marks: Iterable[str]) -> None:
        await self._load_services(numbers, {*names} - {""}, {*marks} - {""})
        owners = {one.id: one for one in (*self.by_number.values(), *self.shown)}
        if not owners:
            return
        await self._load_operations(owners.keys())
        await self._load_links(owners.keys())
        await self._load_lookalikes(owners.values())
        # Whose item is known by its number is asked for no mark; this looks at all services of the account.
        await self._load_marks({one.mark for one in self.shown if one.upstream_number not in self.by_number})

    async def load_services(self, services: Collection[int]) -> None:
        """Services besides those of `load`, for operations that wait."""
        known = {one.id for one in (*self.by_number.values(), *self.shown)}
        missing = [number for number in services if number not in known]
        if not missing:
            return
        found = await self.session.exec(select(Service).where(col(Service.id).in_(missing)))
        more = found.all()
        self.by_number |= {one.upstream_number: one for one in more if one.upstream_number}
        await self._load_links(missing)
        await self._load_lookalikes(more)

    def was_notified(self, operation: int, item: UpstreamSnapshot, *, met: bool) -> bool:
        """A failure is news again when the upstream names another cause: the first one may have been of something else
        that was done to the item before."""
        return (operation, met, item.number, item.status, "" if met else item.cause) in self._notified

    def note_notified(self, operation: int, item: UpstreamSnapshot, *, met: bool) -> None:
        self._notified.add((operation, met, item.number, item.status, "" if met else item.cause))

    async def load_notified(self, operations: Collection[int]) -> None:
        """Learn what these operations have received."""
        if not operations:
            return
        found = await (await self.session.connection()).execute(_NOTIFIED, {"operations": list(operations)})
        self._notified.update(tuple(row) for row in found.all())  # type: ignore[misc]  # the columns of `_NOTIFIED`

    async def marks_beginning_with(self, shown: str) -> list[MarkedService]:
        """Services whose marks begin with what is shown: it may be one of theirs, cut short."""
        start = shown.strip().lower()
        if start not in self._marked:
            await self._load_marks({start})
        return self._marked[start]

    async def _load_services(self, numbers: Collection[str], names: set[str], marks: set[str]) -> None:
        items = {"account": self.account_id, "product_type": self.product_type, "numbers": list(numbers)}
        found = await self._services(_SERVICES_BY_NUMBER, items)
        self.by_number = {one.upstream_number: one for one in found if one.upstream_number}
        # Two questions, one for each index, and the account looked at here: marks and names are almost unique.
        shown = {one.id: one for one in self.by_number.values() if one.mark in marks}
        marks = marks - {one.mark for one in shown.values()}  # no two services have one mark
        if marks:
            shown |= {one.id: one for one in await self._services(_SERVICES_BY_MARK, {"marks": list(marks)})}
        spelled = names | {canonical(name) for name in names}
        if spelled:
            shown |= {one.id: one for one in await self._services(_SERVICES_BY_NAME, {"names": list(spelled)})}
        self.shown = [
            one for one in shown.values() if one.account_id == self.account_id and one.product_type == self.product_type
        ]
        # Between two statements an order may have written down which item it is: then only the later ones show that.
        found_later = [one for one in self.shown if one.upstream_number in numbers]
        self.by_number |= {one.upstream_number: one for one in found_later if one.upstream_number}
        self.by_mark = {one.mark: one for one in self.shown}
        for one in self.shown:
            if one.name_is_ours:
                self.by_name.setdefault(one.name, []).append(one)

    async def _services(self, query: _Services, values: Mapping[str, object]) -> list[Service]:
        """A service that an earlier statement has found stays as it was then, and so does what ran then."""
        found = (await self.session.exec(query, params=values)).all()
        for service, running in found:
            if service.id not in self._read and running is not None:
                self.running[service.id] = running
            self._read.add(service.id)
        return [service for service, _ in found]

    async def _load_operations(self, services: Collection[int]) -> None:
        await self.load_notified([one.id for one in self.running.values() if one.service_id in services])
        unlinked = [one.id for one in self.shown if one.upstream_number is None]
        if unlinked:
            latest = select(func.max(Operation.id)).where(col(Operation.service_id).in_(unlinked))
            last = await self.session.exec(
                select(Operation).where(col(Operation.id).in_(latest.group_by(col(Operation.service_id))))
            )
            self.last = {one.service_id: one for one in last.all()}

    async def _load_links(self, services: Collection[int]) -> None:
        found = await self.session.exec(_LINKED_BY_HAND, params={"services": list(services)})
        self.by_hand.update(found.all())

    async def _load_lookalikes(self, services: Iterable[Service]) -> None:
        marks: set[str] = set()
        names: set[str] = set()
        for one in services:
            marks |= {one.mark, one.mark.upper(), one.mark.lower()}
            if one.name_is_ours and one.name:
                names |= {one.name, one.name.upper(), f"{one.name}."}
        found: dict[int, UpstreamSnapshot] = {one.id: one for one in self.lookalikes}
        for query, values in ((_STRANGERS_BY_MARK, marks), (_STRANGERS_BY_NAME, names)):
            if values:
                rows = await self.session.exec(query, params={"values": list(values)})
                found |= {one.id: one for one in rows.all()}
        self.lookalikes = [
            one
            for one in found.values()
            if one.account_id == self.account_id and one.product_type == self.product_type and one.service_id is None
        ]

    async def _load_marks(self, shown: set[str]) -> None:
        starts = {text.strip().lower() for text in shown} - self._marked.keys()
        if not starts:
            return
        lengths: dict[int, set[str]] = {}
        for start in starts:
            lengths.setdefault(len(start), set()).add(start)
        found = await self.session.exec(
            select(Service.id, Service.mark, Service.name).where(
                Service.account_id == self.account_id,
                or_(*(func.lower(func.substr(Service.mark, 1, size)).in_(group) for size, group in lengths.items())),
            )
        )
        for start in starts:
            self._marked[start] = []
        for number, mark, name in found.all():
            for size in lengths:
                begun = self._marked.get(mark[:size].lower())
                if begun is not None and mark[:size].lower() in starts:
                    begun.append(MarkedService(number, mark, name))
