"""A list, page by page: only rows that are not as they were judged last are read at all, and those in batches."""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Collection, Iterable, Sequence

from sqlalchemy import update
from sqlmodel import col

from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.enums import EventKind, UpstreamStatus
from models.events import HELD_BACK_AT_MOST, UpstreamEvent, UpstreamList, UpstreamSnapshot
from models.outages import outage_of
from models.public_words import public
from orders.events.batch import BATCH_SIZE, Batch, snapshots_of
from orders.events.differences import compare, held_back_fields, is_unexplained, listed_fields
from orders.events.known import Known
from orders.events.reconciling import Reconciliation
from orders.events.result import PollResult
from orders.events.sweeps import note_missed
from orders.events.waiting import CONFIRMABLE, waiting_operations
from orders.settlement.intents import learn
from upstreams.port import ListedPage, ListedRow, ListEnd, UnusableRow, UpstreamItem

logger = logging.getLogger(__name__)

FIRST_SCAN_BATCH = 200
"""Rows in a batch of a first look, which has many batches, so that each should be short."""
ROWS_PER_YIELD = 50
"""Rows that are read before other work of the event loop has its turn."""
GIVEN_UP_AT = SPLIT_SIZE = 20
"""Rows that are tried together once a batch has failed, before each is tried alone. If all of the first ones fail, it
is not their fault."""
STORE_AFTER_ENTRIES = 500
"""The progress is written in a separate statement only after this many further entries."""

Progress = Callable[[int, int | None], None]


class ListScan:
    """One look at a list: `begin`, `rows` for each page, `end`. Each batch is a transaction of its own, between which
    others may write; what was taken in stays if the look is broken off."""

    def __init__(
        self, database: Database, known: Known, progress: Progress | None = None, *, every_row: bool = False
    ) -> None:
        """`every_row`: rows that are as they were judged last are compared with their snapshots, too."""
        self._database = database
        self._every_row = every_row
        self._passed_over: set[str] = set()
        """Rows that another look would pass over."""
        self._known = known
        self._progress = progress
        self._waiting: dict[str, tuple[UpstreamItem, str]] = {}
        self._judged: set[str] = set()
        self._found_new = False
        self._found_older = False
        """It shows an item that was not known, and whose number is not higher than all that were known before."""
        self._highest: int | None = None
        self._there: frozenset[str] = frozenset()
        self._again: frozenset[str] = frozenset()
        """Items that were known, and those to be judged again, when the look began: what came since, from the head of
        the list or a form, is not for this one to report."""
        self.seen: set[str] = set()
        self.result = PollResult()

    async def begin(self) -> None:
        """To be awaited before the first page is asked for: what changes from here on is heeded in the next look."""
        async with self._database.read() as session:
            await self._known.refresh(session)
        self._there, self._again = frozenset(self._known.digests), frozenset(self._known.rejudge)
        if not self._known.loaded:
            self._highest = max(map(_as_number, self._there), default=None)

    async def rows(self, rows: Sequence[ListedRow], total: int | None = None) -> None:
        """Take in a page."""
        if not (isinstance(rows, ListedPage) and self._passes_over(rows)):
            await self._read_rows(rows)
        if not self._known.loaded and self._progress is not None:
            self._progress(len(self.seen), total)

    def _passes_over(self, page: ListedPage) -> bool:
        """Whether all of its rows are as they were judged last."""
        if self._every_row or not self._known.are_as_judged(page.digests):
            return False
        self.seen.update(page.digests)
        return True

    async def _read_rows(self, rows: Sequence[ListedRow]) -> None:
        twice = _shown_twice(rows)
        for count, row in enumerate(rows, start=1):
            self.seen.add(row.number)
            if self._known.is_as_judged(row.number, row.digest):
                if not self._every_row or row.number in self._known.held_digests:
                    continue
                self._passed_over.add(row.number)
            if row.number in twice:
                self._hold_back(row.number, "", "it is shown twice, with different values")
                continue
            item = self._read(row)
            if item is None:
                continue
            self._waiting[row.number] = (item, row.digest)
            if len(self._waiting) >= (BATCH_SIZE if self._known.loaded else FIRST_SCAN_BATCH):
                await self._judge()
            elif count % ROWS_PER_YIELD == 0:
                await asyncio.sleep(0)

    def _read(self, row: ListedRow) -> UpstreamItem | None:
        """None: it is held back."""
        try:
            return row.item()
        except UnusableRow as reason:
            self._hold_back(row.number, row.digest, str(reason))
        except Exception as error:  # of whatever kind: no row spoils the list that it stands in
            if row.number not in self._known.held_digests:
                logger.exception("%s: a row of %s can't be read", self._known.upstream, self._known.product_type)
            self._hold_back(row.number, row.digest, f"it can't be read ({type(error).__name__})")
        return None

    def _hold_back(self, number: str, digest: str, why: str) -> None:
        """The whole row. What was known of its item stays. `digest`: it is judged again once it has another one; empty:
        in every look."""
        known = self._known
        if number not in known.held_digests:
            logger.warning("%s: row %s of %s is held back: %s", known.upstream, number, known.product_type, why)
        known.held_digests[number] = digest
        known.held_back[number] = why
        if number in known.digests:
            known.digests[number] = ""  # it is held back until it is judged, even if it looks as it did before

    async def end_of_part(self) -> PollResult:
        """Only some rows of the list were asked for: nothing is missing, and nothing is learned of the list itself."""
        await self._judge()
        if self._judged:  # an order that waits since the last look has its item judged, too
            await self._confirm(self._judged)
        return self.result

    async def judge(self) -> None:
        """Judge what waits to be judged: later, something newer may be known of it."""
        await self._judge()

    async def end(self, end: ListEnd) -> PollResult:
        """The last page has been taken in."""
        await self._judge()
        if end.complete:
            await self._note_missing()
            self._known.rejudge -= self._again  # what it does not show can't be judged by it
        await self._confirm()
        await self._note(end)
        return self.result

    async def _judge(self) -> None:
        """What waits to be judged: what is only written differently is remembered, the rest is written down."""
        rows, self._waiting = self._waiting, {}
        if not rows:
            return
        self._judged |= rows.keys()
        try:
            await self._judge_together(rows)
        except Exception as error:  # of whatever kind: what a database refuses of one row may not stop the list
            if outage_of(error):
                raise
            spoiling = await self._judge_split(rows)
            if len(spoiling) == len(rows) > 1:
                raise  # it is not the rows
            for number, failure in spoiling.items():
                if number not in self._known.held_digests:
                    about = (self._known.upstream, number, self._known.product_type)
                    logger.error("%s: row %s of %s can't be written down", *about, exc_info=failure)
                self._hold_back(number, "", f"it can't be written down ({_error_name(failure)})")

    async def _judge_split(self, rows: dict[str, tuple[UpstreamItem, str]]) -> dict[str, Exception]:
        """One of them spoils the others: they are taken in apart. Returns those that can't be, and why."""
        spoiling: dict[str, Exception] = {}
        pairs, tried = list(rows.items()), 0
        while pairs:
            part, pairs = dict(pairs[:SPLIT_SIZE]), pairs[SPLIT_SIZE:]
            tried += len(part)
            try:
                await self._judge_together(part)
            except Exception as error:  # as above; raised again by the caller where it is not the rows
                if outage_of(error):
                    raise
                if len(part) == 1:
                    spoiling |= dict.fromkeys(part, error)
                    continue
                for number, row in part.items():
                    spoiling |= await self._judge_split({number: row})
                if len(spoiling) == tried >= GIVEN_UP_AT:
                    return dict.fromkeys(rows, error)
        return spoiling

    async def _judge_together(self, rows: dict[str, tuple[UpstreamItem, str]]) -> None:
        missed: list[str] = []
        changed = rows if not self._known.loaded else await self._changed_rows(rows, missed)
        digests = {number: digest for number, (_, digest) in rows.items() if number not in changed}
        if changed:
            async with self._database.write() as session:
                account = await session.get_one(UpstreamAccount, self._known.account_id)
                reconciliation = Reconciliation(session, account, self._known.product_type)
                await reconciliation.load(list(changed), [item for item, _ in changed.values()])
                for count, (number, (item, digest)) in enumerate(changed.items(), start=1):
                    await reconciliation.row(item, digest, rejudge=number in self._known.rejudge)
                    if count % ROWS_PER_YIELD == 0:
                        await asyncio.sleep(0)
                await reconciliation.write()
                # With them: whoever begins the sweep anew does not find them any more.
                await note_missed(session, self._known.account_id, self._known.product_type, missed)
            digests |= reconciliation.digests(changed)
            new = changed.keys() - self._known.digests.keys()
            self._found_new |= bool(new)
            self._found_older |= any(not self._is_newer(number) for number in new)
            self.result.add(reconciliation.result)
        # Only now, as only now it is committed.
        self._known.digests |= digests
        self._note_held_back(rows)
        self._known.rejudge -= rows.keys()
        self._known.gone -= rows.keys()

    def _note_held_back(self, rows: dict[str, tuple[UpstreamItem, str]]) -> None:
        """Which of these show something that nobody believes."""
        for number, (item, _) in rows.items():
            self._known.held_digests.pop(number, None)
            held = held_back_fields(item)
            if held:
                self._known.held_back[number] = "; ".join(f"{public(name)} {shown}" for name, shown in held.items())
            else:
                self._known.held_back.pop(number, None)

    def _is_newer(self, number: str) -> bool:
        return self._highest is not None and _as_number(number) > self._highest

    async def _changed_rows(
        self, rows: dict[str, tuple[UpstreamItem, str]], missed: list[str]
    ) -> dict[str, tuple[UpstreamItem, str]]:
        """Those that are to be written down. `missed` gets the numbers of those that another look would pass over."""
        known = self._known
        async with self._database.read() as session:
            found = await snapshots_of(session, known.account_id, known.product_type, list(rows))
        snapshots = {row.number: row for row in found}
        missed += [
            number
            for number in self._passed_over & rows.keys()
            if (row := snapshots.get(number)) is None or row.gone or compare(row, rows[number][0])
        ]
        return {
            number: row
            for number, row in rows.items()
            if number in known.rejudge or _is_changed(snapshots.get(number), row[0])
        }

    async def _note_missing(self) -> None:
        """A complete list does not show these."""
        missing = sorted((self._known.digests.keys() & self._there) - self.seen)
        for start in range(0, len(missing), BATCH_SIZE):
            numbers = missing[start : start + BATCH_SIZE]
            async with self._database.write() as session:
                account = await session.get_one(UpstreamAccount, self._known.account_id)
                reconciliation = Reconciliation(session, account, self._known.product_type)
                await reconciliation.load(numbers)
                there = {number for number in numbers if reconciliation.note_missing(number)}
                await reconciliation.write()
            for number in numbers:
                if number in there:
                    self._known.digests[number] = ""
                else:
                    del self._known.digests[number]
                    self._known.gone.add(number)
            self.result.add(reconciliation.result)

    async def _confirm(self, numbers: Collection[str] | None = None) -> None:
        """Tell operations that wait for a state which their item is in already, though no row has changed. `numbers`:
        of these items; else of all."""
        known = self._known
        items = None if numbers is None else (known.product_type, numbers)
        async with self._database.read() as session:
            waiting = [
                operation
                for operation in await waiting_operations(session, known.upstream, CONFIRMABLE, items=items)
                if operation.product_type == known.product_type
            ]
            if not waiting:
                return
            awaited = {operation.upstream_number for operation in waiting}
            rows = await snapshots_of(session, known.account_id, known.product_type, awaited)
            snapshots = {row.number: row for row in rows}
            batch = Batch(session, known.account_id, known.product_type)
            await batch.load_notified([operation.number for operation in waiting])
        ready = {
            row.number
            for operation in waiting
            if (row := snapshots.get(operation.upstream_number)) is not None
            and (met := operation.outcome(row)) is not None
            and not batch.was_notified(operation.number, row, met=met)
        }
        if not ready:
            return
        async with self._database.write() as session:
            account = await session.get_one(UpstreamAccount, known.account_id)
            reconciliation = Reconciliation(session, account, known.product_type)
            await reconciliation.load(ready)
            await reconciliation.confirm_waiting()
            await reconciliation.write()
        self.result.add(reconciliation.result)

    async def _note(self, end: ListEnd) -> None:
        """Write down what was learned of the list itself; most looks teach nothing."""
        known = self._known
        # What came on top while the list was read makes it incomplete, and no look less than the first.
        only_newer = known.read_to_the_end and not self._found_older
        is_loaded = known.loaded or end.complete or not self._found_new or only_newer
        known.read_to_the_end = True
        shows = learn(end.shows_marks, known.lists_show_marks)
        heeded = (known.audit_entry, known.stage_entry) if not known.rejudge else known.stored
        due = sum(heeded) - sum(known.stored) >= STORE_AFTER_ENTRIES or not known.is_stored
        if end.complete:
            for number in known.held_back.keys() - self.seen:
                del known.held_back[number]
                known.held_digests.pop(number, None)
        held_back = self._held_back()
        due = due or held_back != known.stored_held_back
        if is_loaded is known.loaded and shows is known.lists_show_marks and not known.gone and not due:
            return
        async with self._database.write() as session:
            account = await session.get_one(UpstreamAccount, known.account_id)
            row = await session.get(UpstreamList, (known.account_id, known.product_type))
            if row is None:
                row = UpstreamList(account_id=known.account_id, product_type=known.product_type)
            row.audit_entry, row.stage_entry = heeded
            row.held_back = held_back
            if is_loaded and row.loaded_at is None:
                row.loaded_at = row.listed_at = utc_now()
                self._record_first_look(session.add, account)
            session.add(row)
            for start in range(0, len(known.gone), BATCH_SIZE):
                numbers = sorted(known.gone)[start : start + BATCH_SIZE]
                await session.exec(
                    update(UpstreamSnapshot)
                    .where(
                        col(UpstreamSnapshot.account_id) == known.account_id,
                        col(UpstreamSnapshot.product_type) == known.product_type,
                        col(UpstreamSnapshot.number).in_(numbers),
                        col(UpstreamSnapshot.gone).is_(True),
                    )
                    .values(row_digest=None)
                )
            account.lists_show_marks = learn(end.shows_marks, account.lists_show_marks)  # last: see ListLearning
        known.loaded, known.lists_show_marks, known.stored = is_loaded, shows, heeded
        known.gone, known.is_stored, known.stored_held_back = set(), True, held_back

    def _held_back(self) -> dict[str, str]:
        return dict(list(self._known.held_back.items())[:HELD_BACK_AT_MOST])

    def _record_first_look(self, add: Callable[[UpstreamEvent], None], account: UpstreamAccount) -> None:
        """One event instead of one for each item."""
        known = self._known
        about = f"{account.name}|{known.product_type}|{EventKind.FIRST_LOOK}|{utc_now().isoformat()}"
        add(
            UpstreamEvent(
                event_id=hashlib.sha256(about.encode()).hexdigest()[:40],
                account_id=known.account_id,
                product_type=known.product_type,
                upstream_number="",
                kind=EventKind.FIRST_LOOK,
                changes={"items": ["", str(len(known.digests))]},
                status=int(UpstreamStatus.UNKNOWN),
            )
        )
        self.result.events += 1


def _shown_twice(rows: Iterable[ListedRow]) -> set[str]:
    """Numbers that rows of one page show with different values."""
    digests: dict[str, set[str]] = {}
    for row in rows:
        digests.setdefault(row.number, set()).add(row.digest)
    return {number for number, found in digests.items() if len(found) > 1}


def _error_name(error: Exception) -> str:
    return type(getattr(error, "orig", None) or error).__name__


def _as_number(text: str) -> int:
    """-1 for a number that is none: nobody knows whether it is newer than others."""
    return int(text) if text.isascii() and text.isdigit() else -1


def _is_changed(row: UpstreamSnapshot | None, item: UpstreamItem) -> bool:
    """The row shows something that the snapshot does not, or is wanted for what the snapshot lacks."""
    if row is None or row.gone or row.misses or not row.row_digest or row.tariff_unexplained:
        return True
    if row.listed != listed_fields(item) or item.tariff_id not in ("", row.tariff_id):
        return True
    return is_unexplained(row, item) or bool(compare(row, item))
