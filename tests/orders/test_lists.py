"""A list of N rows costs what changed, and not N: counted in statements, at few rows and at many."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import col, select

from models.audit import AuditEntry
from models.columns import utc_now
from models.database import Database
from models.enums import EventKind, IncidentKind, Knowledge, OperationKind, Stage, UpstreamStatus
from models.events import UpstreamEvent, UpstreamList, UpstreamSnapshot
from models.incident import Incident
from models.order import Operation, Service
from orders import events
from orders.audit import OURSELVES
from orders.errors import Refused
from orders.events import Known, ListScan, PollResult
from orders.events import lists as taking
from orders.events.orphans import unexplained_items
from orders.events.reconciling import Reconciliation
from orders.lifecycle.stages import enter
from orders.services.history import Origin, changing
from orders.settlement import intents
from tests.infrastructure.listing import record_items, rows_of
from tests.orders.test_owners import MARK, NAME, add_service
from upstreams.port import ListedPage, ListedRow, ListEnd, UpstreamItem

ACCOUNT = 1


def item(number: int, **fields: Any) -> UpstreamItem:
    made = UpstreamItem(
        number=str(number), product_type="vds", status=UpstreamStatus.ACTIVE, name=f"s{number}.example.test"
    )
    return made.model_copy(update=fields)


def many(count: int, **fields: Any) -> list[UpstreamItem]:
    return [item(number, **fields) for number in range(1000, 1000 + count)]


class Watch:
    """A poller's memory of one list, and how often it asks the database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.known: Known | None = None
        self.built: list[str] = []
        """Numbers of the rows that were read."""
        self.counts = {"SELECT": 0, "INSERT": 0, "UPDATE": 0, "BEGIN": 0}
        event.listen(database.engine.sync_engine, "before_cursor_execute", self._count)

    def _count(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        word = statement.split()[0]
        if word in self.counts:
            self.counts[word] += 1

    async def look(self, items: Sequence[UpstreamItem], *, complete: bool = True, page: int = 300) -> PollResult:
        self.counts = dict.fromkeys(self.counts, 0)
        self.built = []
        self.known = self.known or await Known.load(self.database, ACCOUNT, "vds")
        look = ListScan(self.database, self.known)
        await look.begin()
        rows = [self._listed(row) for row in rows_of(items)]
        for start in range(0, len(rows), page):
            await look.rows(rows[start : start + page], len(items))
        return await look.end(ListEnd(complete=complete, pages=1, shows_marks=Knowledge.UNKNOWN))

    def _listed(self, row: ListedRow) -> ListedRow:
        def read() -> UpstreamItem:
            self.built.append(row.number)
            return row.item()

        return ListedRow(row.number, row.digest, read)


@pytest.fixture
def watch(shelf: Database) -> Watch:
    return Watch(shelf)


async def kinds(database: Database) -> list[EventKind]:
    async with database.read() as session:
        return [one.kind for one in (await session.exec(select(UpstreamEvent).order_by(col(UpstreamEvent.id)))).all()]


async def snapshots(database: Database) -> dict[str, UpstreamSnapshot]:
    async with database.read() as session:
        return {row.number: row for row in (await session.exec(select(UpstreamSnapshot))).all()}


@pytest.mark.proof
@pytest.mark.parametrize("count", [10, 1000, pytest.param(5_000, marks=pytest.mark.proof)])
async def test_a_look_without_news_asks_the_same_at_any_number_of_rows(watch: Watch, count: int) -> None:
    items = many(count)
    await watch.look(items)
    await watch.look(items)
    assert watch.counts == {"SELECT": 2, "INSERT": 0, "UPDATE": 0, "BEGIN": 0}, "what is judged again; who waits"
    assert watch.built == []


@pytest.mark.parametrize("news", ["none", "another row", "judged again"])
async def test_a_page_that_is_as_it_was_is_passed_over_without_its_rows(watch: Watch, news: str) -> None:
    items = many(20)
    await watch.look(items)
    assert watch.known is not None
    rows = rows_of([*items[:-1], item(1019, status=UpstreamStatus.SUSPENDED)] if news == "another row" else items)
    made: list[int] = []

    def row(place: int) -> ListedRow:
        made.append(place)
        return rows[place]

    look = ListScan(watch.database, watch.known)
    await look.begin()
    if news == "judged again":
        watch.known.rejudge.add("1003")
    await look.rows(ListedPage(len(rows), row, {one.number: one.digest for one in rows}), len(rows))
    await look.judge()
    assert look.seen == {one.number for one in items}
    assert bool(made) == (news != "none")
    assert look.result.events == (1 if news == "another row" else 0)
    assert watch.known.rejudge == set()


async def ours(database: Database, count: int) -> None:
    """Services that are the first items, each with an operation that waits for it."""
    first = await add_service(database, "1000")
    async with database.write() as session:
        pattern = await session.get_one(Service, first)
        for number in range(1001, 1000 + count):
            fields = pattern.model_dump(exclude={"id", "mark", "name", "upstream_number"})
            service = Service(
                **fields, mark=f"rf-abcde-{number}", name=f"s{number}.example.test", upstream_number=str(number)
            )
            session.add(service)
            await session.flush()
            session.add(
                Operation(
                    service_id=service.id or 0,
                    kind=OperationKind.SUSPEND,
                    upstream_name="main",
                    stage=Stage.AWAITING_CONFIRMATION,
                )
            )


@pytest.mark.parametrize("count", [10, pytest.param(500, marks=pytest.mark.proof)])
@pytest.mark.parametrize("waited_for", [False, True], ids=["orphans", "waited-for"])
async def test_what_changes_at_once_is_asked_about_at_once(watch: Watch, count: int, waited_for: bool) -> None:
    if waited_for:
        await ours(watch.database, count)
    await watch.look(many(count))
    digest = await watch.look(many(count, status=UpstreamStatus.SUSPENDED), page=count)
    assert digest.events == count
    assert digest.waiting == (count - 1 if waited_for else 0)
    assert watch.counts["SELECT"] <= 25
    assert watch.counts["UPDATE"] + watch.counts["BEGIN"] <= 6
    assert watch.counts["INSERT"] <= 5, "one for each table"
    assert len(watch.built) == count


async def test_a_first_look_is_one_event_and_no_order_needs_to_fear_it(watch: Watch) -> None:
    await ours(watch.database, 1)
    assert (await watch.look(many(1200), complete=False)).events == 1, "our own item has its event"
    assert await kinds(watch.database) == [EventKind.APPEARED]
    assert await loaded(watch.database) is None, "the list was not proven to be all, and brought new ones"
    await watch.look(many(1300))
    assert (await kinds(watch.database))[1:] == [EventKind.FIRST_LOOK]
    assert await loaded(watch.database) is not None
    async with watch.database.read() as session:
        (told,) = (await session.exec(select(UpstreamEvent).where(UpstreamEvent.kind == EventKind.FIRST_LOOK))).all()
    assert (told.changes, told.upstream_number) == ({"items": ["", "1300"]}, "")
    await watch.look(many(1301))
    assert (await kinds(watch.database))[2:] == [EventKind.APPEARED], "and from then on each is news"


async def loaded(database: Database) -> object:
    async with database.read() as session:
        row = await session.get(UpstreamList, (ACCOUNT, "vds"))
        return row.loaded_at if row is not None else None


async def test_a_list_that_never_proves_complete_is_loaded_when_it_brings_nothing_new(watch: Watch) -> None:
    for is_loaded in (False, True):
        await watch.look(many(20), complete=False)
        assert (await loaded(watch.database) is not None) is is_loaded


@pytest.mark.proof
async def test_a_first_look_that_was_broken_off_goes_on(watch: Watch) -> None:
    rows = rows_of(many(1500))
    known = await Known.load(watch.database, ACCOUNT, "vds")
    look = ListScan(watch.database, known)
    await look.begin()
    await look.rows(rows[:1000])  # and the process is gone
    assert len(await snapshots(watch.database)) == 1000
    await watch.look(many(1500))
    assert len(watch.built) == 500, "what was loaded stays"
    assert await kinds(watch.database) == [EventKind.FIRST_LOOK]


@pytest.mark.proof
async def test_others_may_write_between_two_slices(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    writers: list[int] = []
    real = Database.write
    monkeypatch.setattr(taking, "FIRST_SCAN_BATCH", 100)

    def counted(database: Database) -> Any:
        writers.append(len(writers))
        return real(database)

    monkeypatch.setattr(Database, "write", counted)
    await watch.look(many(1000), page=1000)
    assert len(writers) == 11, "ten slices, and the note that it is loaded"


async def test_items_of_the_first_look_are_no_strangers(watch: Watch) -> None:
    await add_service(watch.database, None, waits=True)
    await watch.look(many(3))
    async with watch.database.read() as session:
        assert await unexplained_items(session, ACCOUNT, "main") == []
    await watch.look(many(4))
    async with watch.database.read() as session:
        assert await unexplained_items(session, ACCOUNT, "main") == [("vds", "1003")]


async def test_an_item_that_was_ready_before_its_number_was_known_confirms_the_order(watch: Watch) -> None:
    await watch.look(many(3))
    service = await add_service(watch.database, None, waits=True)
    assert (await watch.look(many(3))).waiting == 0
    async with watch.database.write() as session:
        await intents.link(session, await session.get_one(Service, service), "1001", Origin(OURSELVES, "linked"))
    digest = await watch.look(many(3))
    assert (digest.events, digest.waiting) == (1, 1)
    assert (await watch.look(many(3))).events == 0, "told once"


async def test_a_stage_entered_anew_has_the_item_judged_again(watch: Watch) -> None:
    """An item with our mark was there while the order ran; then the order ends: it was paid for all the same."""
    service = await add_service(watch.database, None, waits=True)
    await watch.look([item(1000), item(1001)])
    await watch.look([item(1000), item(1001, mark=MARK, name=NAME, status=UpstreamStatus.ORDERED)])
    await watch.look([item(1000), item(1001, mark=MARK, name=NAME, status=UpstreamStatus.PROCESSING)])
    async with watch.database.write() as session:
        (operation,) = (await session.exec(select(Operation).where(Operation.service_id == service))).all()
        await enter(session, operation, Stage.CANCELLED, "not wanted any more")
    await watch.look([item(1000), item(1001, mark=MARK, name=NAME, status=UpstreamStatus.PROCESSING)])
    assert watch.built == ["1001"]
    async with watch.database.read() as session:
        assert [one.kind for one in (await session.exec(select(Incident))).all()] == [IncidentKind.PAID_LEFTOVER]


@pytest.mark.parametrize("restarted", [False, True], ids=["same-lap", "after-a-restart"])
async def test_a_service_that_was_changed_has_its_item_judged_again(watch: Watch, restarted: bool) -> None:
    service = await add_service(watch.database, "1002")
    for _ in range(3):  # the first one changes the service, which the second one heeds
        await watch.look(many(5))
    assert watch.built == []
    async with watch.database.write() as session:
        row = await session.get_one(Service, service)
        async with changing(session, row, Origin("joe", "changed")):
            row.name = "s1004.example.test"
    if restarted:
        watch.known = None
    await watch.look(many(5))
    assert sorted(watch.built) == ["1002", "1004"]
    for _ in range(2):  # what was reported is an entry of the service, too
        await watch.look(many(5))
    assert watch.built == []


async def test_what_only_a_form_changed_is_judged_by_the_list_again(watch: Watch) -> None:
    """Suspended by the form, and resumed before the list was read: the list shows what it showed before."""
    await watch.look(many(3))
    form = item(1001, status=UpstreamStatus.SUSPENDED, raw={"id": "1001"})
    await record_items(watch.database, ACCOUNT, "vds", [form], complete=False, from_form=True)
    await watch.look(many(3))
    assert watch.built == ["1001"]
    assert (await kinds(watch.database))[-2:] == [EventKind.SUSPENDED, EventKind.RESUMED]


@pytest.mark.parametrize("restarted", [False, True], ids=["same-lap", "after-a-restart"])
async def test_an_item_that_is_missing_and_comes_back_with_the_same_row(watch: Watch, restarted: bool) -> None:
    await watch.look(many(3))
    assert (await watch.look(many(2))).suspects == []
    if restarted:
        watch.known = None
    await watch.look(many(3))
    assert (await snapshots(watch.database))["1002"].misses == 0, "two misses must be in a row"
    for suspects in ([], ["1002"]):
        assert (await watch.look(many(2))).suspects == suspects
    assert (await events.record_absence(watch.database, ACCOUNT, "vds", "1002")).events == 1
    assert (await watch.look(many(2))).suspects == []
    assert (await watch.look(many(2))).suspects == []
    assert watch.counts["UPDATE"] == 0, "that it is gone is known"
    await watch.look(many(3))
    assert (await kinds(watch.database))[-2:] == [EventKind.VANISHED, EventKind.OPENED]


async def test_what_the_head_brings_while_the_list_is_read_is_not_for_the_list_to_tell(watch: Watch) -> None:
    """An item that is newer than the list is not missing from it; what changed behind it is judged by the next one."""
    service = await add_service(watch.database, "1000")
    for _ in range(3):
        await watch.look(many(3))
    assert watch.known is not None
    rows = rows_of(many(3))
    look = ListScan(watch.database, watch.known)
    await look.begin()
    await look.rows(rows)
    async with watch.database.write() as session:
        row = await session.get_one(Service, service)
        async with changing(session, row, Origin("joe", "changed")):
            row.ip = "192.0.2.1"
    head = ListScan(watch.database, watch.known)
    await head.begin()
    await head.rows(rows_of([item(1003)]))
    await head.end_of_part()
    await look.end(ListEnd(complete=True, pages=1, shows_marks=Knowledge.UNKNOWN))
    assert (await snapshots(watch.database))["1003"].misses == 0
    await watch.look(many(4))
    assert watch.built == ["1000"]


async def test_an_incomplete_list_misses_nothing(watch: Watch) -> None:
    await watch.look(many(5))
    for _ in range(3):
        assert (await watch.look(many(2), complete=False)).suspects == []
    assert all(row.misses == 0 for row in (await snapshots(watch.database)).values())


async def test_a_digest_is_kept_only_when_its_transaction_was_committed(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watch.look(many(3))
    changed = many(3, ip="192.0.2.9")
    real = Reconciliation.write

    async def failing(_: object) -> None:
        raise Refused("the database is full")

    monkeypatch.setattr(Reconciliation, "write", failing)
    with pytest.raises(Refused):
        await watch.look(changed)
    monkeypatch.setattr(Reconciliation, "write", real)
    assert (await watch.look(changed)).events == 3


async def test_a_poller_that_moved_elsewhere_knows_what_was_judged(watch: Watch) -> None:
    """The other process saw a change that was taken back since; here the row is the one that was judged first."""
    await watch.look(many(3))
    other = Watch(watch.database)
    await other.look(many(3, ip="192.0.2.9"))
    watch.known = None
    assert (await watch.look(many(3, ip="192.0.2.1"))).events == 3
    assert watch.built == ["1000", "1001", "1002"]


async def test_a_column_that_always_changes_writes_nothing(watch: Watch) -> None:
    await watch.look(many(3))
    for traffic in ("1", "2", "3"):
        assert (await watch.look(many(3, raw={"traffic": traffic}))).events == 0
        assert (watch.counts["INSERT"], watch.counts["UPDATE"], watch.counts["BEGIN"]) == (0, 0, 0)


async def test_entries_heeded_are_written_down_now_and_then(watch: Watch) -> None:
    await watch.look(many(2))
    async with watch.database.write() as session:
        for number in range(taking.STORE_AFTER_ENTRIES):
            session.add(AuditEntry(actor="t", action="t", subject="t", subject_number=number, at=utc_now()))
    await watch.look(many(2))
    assert watch.counts["UPDATE"] == 1
    watch.known = None
    await watch.look(many(2))
    await watch.look(many(2))
    assert watch.counts == {"SELECT": 2, "INSERT": 0, "UPDATE": 0, "BEGIN": 0}


async def test_the_first_look_is_over_although_orders_bring_new_items_all_the_time(watch: Watch) -> None:
    """The list is never complete then, as it changes while it is read; but a second look shows that none was missed."""
    await watch.look(many(5), complete=False)
    assert watch.known is not None
    assert not watch.known.loaded, "one look that is not complete proves nothing"
    await watch.look([*many(5), item(2001)], complete=False)
    assert watch.known.loaded


async def test_the_first_look_goes_on_while_older_items_turn_up(watch: Watch) -> None:
    await watch.look(many(5)[1:], complete=False)
    await watch.look([*many(5), item(2001)], complete=False)
    assert watch.known is not None
    assert not watch.known.loaded, "the first one was missed: there may be others"
    await watch.look([*many(5), item(2001), item(2002)], complete=False)
    assert watch.known.loaded


async def test_a_look_that_another_run_broke_off_is_no_look_to_the_end(watch: Watch) -> None:
    await watch.look(many(3), complete=False)
    watch.known = None
    await watch.look(many(6), complete=False)
    assert watch.known is not None
    assert not watch.known.loaded, "the newer ones may be what the broken look had not come to"
