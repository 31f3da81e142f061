"""What the poller remembers of a list between two looks: which row of each item was judged last, and which items are
judged again in spite of the same row.

It is rebuilt from the database at the start of every lap, and changed only by what was committed. An item is judged
again if its snapshot was changed by something other than a list (its digest in the database is empty then), or if its
service was changed or an operation of it entered a stage since: both are in the audit and in the stages that
operations passed, which whoever changes something writes anyway, in the same transaction. So nobody has to remember to
notify the poller, and nothing is added to the path of an order.
"""

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry
from models.catalogue import UpstreamAccount
from models.database import Database
from models.enums import Knowledge
from models.events import TO_JUDGE, UpstreamList, UpstreamSnapshot
from models.order import Operation, Service, StageEntry
from orders.events.batch import BATCH_SIZE
from orders.services.history import SUBJECT

OVERLAP_SECONDS = 10.0
"""On PostgreSQL an entry may be committed after one of a higher number: for so long it is looked for."""


@dataclass
class Known:
    """One list of an account. `load` makes it."""

    account_id: int
    product_type: str
    upstream: str
    lists_show_marks: Knowledge
    loaded: bool
    """The first look is over."""
    audit_entry: int
    stage_entry: int
    """Heeded up to these, for certain."""
    digests: dict[str, str] = field(default_factory=dict)
    """Every item that is not gone: number -> digest of the row judged last; empty if the next row is judged."""
    rejudge: set[str] = field(default_factory=set)
    """Items to be judged whatever their rows show."""
    held_back: dict[str, str] = field(default_factory=dict)
    """Rows that were held back, whole or in part: number -> why."""
    held_digests: dict[str, str] = field(default_factory=dict)
    """Rows held back whole since this was made: number -> digest. They are judged again once they change."""
    stored_held_back: dict[str, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    """Items that are gone, which is still to be noted as known."""
    stored: tuple[int, int] = (0, 0)
    """What the database has of `audit_entry` and `stage_entry`, or is to have at least."""
    read_to_the_end: bool = False
    """A look has reached the list's end since this was made."""
    is_stored: bool = False
    """The list has a row in the database."""
    overlap: float = 0.0
    _seen_entries: dict[tuple[str, int], float] = field(default_factory=dict)
    _passed: deque[tuple[float, int, int]] = field(default_factory=deque)

    @classmethod
    async def load(cls, database: Database, account_id: int, product_type: str) -> "Known":
        """From the database: two small questions, and one for all items of the type."""
        async with database.read() as session:
            account = await session.get_one(UpstreamAccount, account_id)
            row = await session.get(UpstreamList, (account_id, product_type))
            if row is None:  # nothing has been judged yet, so there is nothing to be judged again
                positions = await session.exec(select(_last(AuditEntry), _last(StageEntry)))
                audit_entry, stage_entry = positions.one()
            else:
                audit_entry, stage_entry = row.audit_entry, row.stage_entry
            found = await session.exec(
                select(UpstreamSnapshot.number, UpstreamSnapshot.row_digest).where(
                    UpstreamSnapshot.account_id == account_id,
                    UpstreamSnapshot.product_type == product_type,
                    col(UpstreamSnapshot.gone).is_(False),
                )
            )
            held_back = dict(row.held_back) if row is not None else {}
            return cls(
                account_id=account_id,
                product_type=product_type,
                upstream=account.name,
                lists_show_marks=account.lists_show_marks,
                loaded=row is not None and row.loaded_at is not None,
                audit_entry=audit_entry,
                stage_entry=stage_entry,
                # What is held back is judged again: nobody knows whether it was held back whole.
                digests={number: "" if number in held_back else digest or "" for number, digest in found.all()},
                stored=(audit_entry, stage_entry),
                held_back=dict(held_back),
                stored_held_back=held_back,
                is_stored=row is not None,
                overlap=0.0 if database.is_sqlite else OVERLAP_SECONDS,
            )

    def is_as_judged(self, number: str, digest: str) -> bool:
        """The row need not be judged."""
        if self.held_digests.get(number) == digest and number not in self.rejudge:
            return True
        return bool(digest) and self.digests.get(number) == digest and number not in self.rejudge

    def are_as_judged(self, digests: Mapping[str, str]) -> bool:
        """None of the rows with these digests, by number, need be judged. False where there are none."""
        return bool(digests) and digests.items() <= self.digests.items() and self.rejudge.isdisjoint(digests)

    async def refresh(self, session: AsyncSession) -> None:
        """Learn what is to be judged again: one question, and two more if any service has changed."""
        now = time.monotonic()
        services: set[int] = set()
        since = {
            "account": self.account_id,
            "product_type": self.product_type,
            "audit_entry": self.audit_entry,
            "stage_entry": self.stage_entry,
        }
        found = await (await session.connection()).execute(_CHANGES, since)
        for what, number, is_gone, of, entry in found.all():
            if what == "item":
                if is_gone:
                    self.digests.pop(number, None)
                    self.gone.add(number)
                else:
                    self.digests[number] = ""
            elif (what, entry) not in self._seen_entries:
                self._seen_entries[what, entry] = now
                services.add(of)
        self._advance(now)
        changed = sorted(services - {0})
        for start in range(0, len(changed), BATCH_SIZE):
            await self._rejudge_services(session, changed[start : start + BATCH_SIZE])

    def _advance(self, now: float) -> None:
        """Entries older than the overlap need not be asked for again."""
        self._passed.append((now, self._highest("audit", self.audit_entry), self._highest("stage", self.stage_entry)))
        while self._passed and self._passed[0][0] <= now - self.overlap:
            _, self.audit_entry, self.stage_entry = self._passed.popleft()
        self._seen_entries = {
            (what, entry): at
            for (what, entry), at in self._seen_entries.items()
            if entry > (self.audit_entry if what == "audit" else self.stage_entry)
        }

    def _highest(self, what: str, at_least: int) -> int:
        return max((entry for kind, entry in self._seen_entries if kind == what), default=at_least)

    async def _rejudge_services(self, session: AsyncSession, numbers: list[int]) -> None:
        """Items that are these services, were theirs, or show their mark or name."""
        found = await session.exec(
            select(Service.id, Service.upstream_number, Service.mark, Service.name).where(
                col(Service.id).in_(numbers),
                Service.account_id == self.account_id,
                Service.product_type == self.product_type,
            )
        )
        services = found.all()
        if not services:
            return
        self.rejudge |= {item for _, item, _, _ in services if item in self.digests}
        marks = [text for _, _, mark, _ in services for text in {mark, mark.upper(), mark.lower()}]
        names = [text for _, _, _, name in services if name for text in {name, name.upper()}]
        self.rejudge |= await self._items(
            session,
            col(UpstreamSnapshot.service_id).in_([service for service, _, _, _ in services]),
            col(UpstreamSnapshot.mark).in_(marks),
            col(UpstreamSnapshot.name).in_(names),
        )

    async def _items(self, session: AsyncSession, *conditions: sa.ColumnElement[bool]) -> set[str]:
        """A question for each condition and so for its index, asked at once; the account is looked at here."""
        columns = (col(UpstreamSnapshot.account_id), col(UpstreamSnapshot.product_type), col(UpstreamSnapshot.number))
        asked: sa.CompoundSelect[Any] = sa.union_all(*(sa.select(*columns).where(one) for one in conditions))
        rows = await (await session.connection()).execute(asked)
        here = (self.account_id, self.product_type)
        return {number for account, kind, number in rows.all() if (account, kind) == here and number in self.digests}


def _last(table: type[AuditEntry] | type[StageEntry]) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.coalesce(sa.func.max(table.id), 0)).scalar_subquery()


def _changes() -> sa.CompoundSelect[Any]:
    """What is to be judged again: items whose digest is empty, and services that entries of history or stages name."""
    nothing, no = sa.literal(0), sa.literal(False)
    items: sa.Select[*tuple[Any, ...]] = sa.select(
        sa.literal("item").label("what"),
        col(UpstreamSnapshot.number).label("number"),
        col(UpstreamSnapshot.gone).label("is_gone"),
        nothing.label("of"),
        nothing.label("entry"),
    ).where(
        col(UpstreamSnapshot.account_id) == sa.bindparam("account"),
        col(UpstreamSnapshot.product_type) == sa.bindparam("product_type"),
        sa.text(TO_JUDGE),  # as the index has it
    )
    entries = sa.select(
        sa.literal("audit"),
        sa.literal(""),
        no,
        sa.case((col(AuditEntry.subject) == SUBJECT, col(AuditEntry.subject_number)), else_=0),
        col(AuditEntry.id),
    ).where(col(AuditEntry.id) > sa.bindparam("audit_entry"))
    stages = (
        sa.select(sa.literal("stage"), sa.literal(""), no, col(Operation.service_id), col(StageEntry.id))
        .join(Operation, col(StageEntry.operation_id) == col(Operation.id))
        .where(col(StageEntry.id) > sa.bindparam("stage_entry"))
    )
    return sa.union_all(items, entries, stages)


_CHANGES = _changes()
