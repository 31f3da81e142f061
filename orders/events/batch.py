"""What the database knows of a batch of items: their services, operations, and what the operations were notified of.

Everything is read with a few queries for the whole batch, never with one for each item.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry
from models.enums import Stage
from models.events import UpstreamEvent, UpstreamSnapshot
from models.order import Operation, Service
from orders.audit import ADOPTED, LINKED
from orders.services import history
from orders.services.naming import canonical

BATCH_SIZE = 500
"""Items of one transaction, and so the values of one IN."""

_ENDED = (Stage.QUEUED, Stage.COMPLETED, Stage.CANCELLED)


async def snapshots_of(
    session: AsyncSession, account_id: int, product_type: str, numbers: Collection[str], *, lock: bool = False
) -> Sequence[UpstreamSnapshot]:
    """What is known of these items. `lock`: nobody else changes it until this transaction ends."""
    query = select(UpstreamSnapshot).where(
        UpstreamSnapshot.account_id == account_id,
        UpstreamSnapshot.product_type == product_type,
        col(UpstreamSnapshot.number).in_(numbers),
    )
    # In one order everywhere, so that two who lock several never wait for each other.
    return (await session.exec(query.order_by(col(UpstreamSnapshot.id)).with_for_update() if lock else query)).all()


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
        await self._load_marks({shown.mark for shown in self.shown})

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
        found = await self.session.exec(
            select(  # type: ignore[call-overload]  # it knows no more than four
                UpstreamEvent.operation_id,
                UpstreamEvent.met,
                UpstreamEvent.upstream_number,
                UpstreamEvent.status,
                UpstreamEvent.cause,
            ).where(col(UpstreamEvent.operation_id).in_(operations), col(UpstreamEvent.met).is_not(None))
        )
        self._notified.update(tuple(row) for row in found.all())

    async def marks_beginning_with(self, shown: str) -> list[MarkedService]:
        """Services whose marks begin with what is shown: it may be one of theirs, cut short."""
        start = shown.strip().lower()
        if start not in self._marked:
            await self._load_marks({start})
        return self._marked[start]

    async def _load_services(self, numbers: Collection[str], names: set[str], marks: set[str]) -> None:
        found = await self.session.exec(
            select(Service).where(
                Service.account_id == self.account_id,
                Service.product_type == self.product_type,  # each type may number its items separately
                col(Service.upstream_number).in_(numbers),
            )
        )
        self.by_number = {one.upstream_number: one for one in found.all() if one.upstream_number}
        # Two questions, one for each index, and the account looked at here: marks and names are almost unique.
        shown: dict[int, Service] = {}
        if marks:
            by_mark = await self.session.exec(select(Service).where(col(Service.mark).in_(marks)))
            shown |= {one.id: one for one in by_mark.all()}
        spelled = names | {canonical(name) for name in names}
        if spelled:
            by_name = await self.session.exec(
                select(Service).where(col(Service.name).in_(spelled), col(Service.name_is_ours).is_(True))
            )
            shown |= {one.id: one for one in by_name.all()}
        self.shown = [
            one for one in shown.values() if one.account_id == self.account_id and one.product_type == self.product_type
        ]
        self.by_mark = {one.mark: one for one in self.shown}
        for one in self.shown:
            if one.name_is_ours:
                self.by_name.setdefault(one.name, []).append(one)

    async def _load_operations(self, services: Collection[int]) -> None:
        found = await self.session.exec(
            select(Operation).where(col(Operation.service_id).in_(services), col(Operation.stage).not_in(_ENDED))
        )
        self.running = {one.service_id: one for one in found.all()}
        await self.load_notified([one.id for one in self.running.values()])
        unlinked = [one.id for one in self.shown if one.upstream_number is None]
        if unlinked:
            latest = select(func.max(Operation.id)).where(col(Operation.service_id).in_(unlinked))
            last = await self.session.exec(
                select(Operation).where(col(Operation.id).in_(latest.group_by(col(Operation.service_id))))
            )
            self.last = {one.service_id: one for one in last.all()}

    async def _load_links(self, services: Collection[int]) -> None:
        found = await self.session.exec(
            select(AuditEntry.subject_number).where(
                col(AuditEntry.subject_number).in_(services),
                AuditEntry.subject == history.SUBJECT,
                col(AuditEntry.action).in_([LINKED, ADOPTED]),
            )
        )
        self.by_hand.update(found.all())

    async def _load_lookalikes(self, services: Iterable[Service]) -> None:
        marks: set[str] = set()
        names: set[str] = set()
        for one in services:
            marks |= {one.mark, one.mark.upper(), one.mark.lower()}
            if one.name_is_ours and one.name:
                names |= {one.name, one.name.upper(), f"{one.name}."}
        found: dict[int, UpstreamSnapshot] = {one.id: one for one in self.lookalikes}
        # Two questions for the two indexes, and the rest is looked at here: among conditions that most items meet, the
        # database would begin with one of those.
        for column, values in ((col(UpstreamSnapshot.mark), marks), (col(UpstreamSnapshot.name), names)):
            if values:
                rows = await self.session.exec(select(UpstreamSnapshot).where(column.in_(values)))
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
