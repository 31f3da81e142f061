"""The poller alone, with an upstream in memory: one read that fails spoils no other."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import select
from temporalio.testing import ActivityEnvironment

from activities import heartbeat
from activities.poller import schedule
from activities.poller.watch import PendingForm, Watch
from activities.polling import PollActivities
from models.audit import AuditEntry
from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.enums import EventKind, Knowledge, OperationKind, UpstreamStatus
from models.events import UpstreamEvent, UpstreamSnapshot
from models.incident import Incident
from models.messages import PollInput
from orders import events
from orders.events import PollResult, WaitingOperation
from orders.events.lists import ListScan
from settings import Settings
from tests.flow.shop import stock_catalogue
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.listing import rows_of
from upstreams.errors import ConnectionUnhealthy, OutcomeUnknown, Rejected, Scope, UpstreamError
from upstreams.port import Head, ListEnd, Listing, TakeRows, UpstreamItem

ACCOUNT = 1
NO_RIGHT = ConnectionUnhealthy("no right to call this function", scope=Scope.OPERATION)
NOT_OURS = Rejected("no right to this item", error_type="access", error_object="elid")
SILENCE = OutcomeUnknown("no answer")


def item(number: str, product_type: str = "vds", **fields: Any) -> UpstreamItem:
    made = UpstreamItem(number=number, product_type=product_type, status=UpstreamStatus.ACTIVE)
    return made.model_copy(update=fields)


class Memory:
    """An upstream and its connections: what is an exception is raised."""

    def __init__(self) -> None:
        self.lists: dict[str, tuple[UpstreamItem, ...] | Exception] = {"vds": (), "soft": ()}
        self.forms: dict[str, UpstreamItem | Exception] = {}
        self.head = Head(rows=(), in_order=False, because="it is not sorted")
        self.asked: list[str] = []
        self.connecting: list[None] = []
        self.no_password = False
        self.seconds = 0.0

    def gate(self, account: str) -> None:
        """It has none."""

    async def to(self, account: UpstreamAccount) -> "Memory":
        self.connecting.append(None)
        if self.no_password:
            raise ConnectionUnhealthy("its password is missing")
        return self

    async def list_items(self, product_type: str) -> Listing:
        self.asked.append(product_type)
        await asyncio.sleep(self.seconds)
        found = self.lists[product_type]
        if isinstance(found, Exception):
            raise found
        return Listing(items=found, complete=True, pages=1, shows_marks=Knowledge.UNKNOWN)

    async def walk_items(self, product_type: str, take: TakeRows) -> ListEnd:
        listing = await self.list_items(product_type)
        await take(rows_of(listing.items), len(listing.items))
        return ListEnd(complete=listing.complete, pages=listing.pages, shows_marks=listing.shows_marks)

    async def newest_items(self, product_type: str, count: int) -> Head:
        self.asked.append(f"head of {product_type}")
        return self.head

    async def read_item(self, product_type: str, number: str) -> UpstreamItem:
        self.asked.append(number)
        found = self.forms[number]
        if isinstance(found, Exception):
            raise found
        return found


class Purse:
    def __init__(self) -> None:
        self.granted = 0
        self.error: Exception | None = None

    async def watch_balance(self, account_id: int) -> None: ...

    async def grant_waiting(self, account_id: int) -> None:
        self.granted += 1
        if self.error:
            raise self.error


class Bench:
    def __init__(self, database: Database, **settings: Any) -> None:
        self.database, self.upstream, self.purse = database, Memory(), Purse()
        chosen: Any = {"idle_interval": 0.05, "hot_interval": 0.05, "balance_interval": 0.05} | settings
        connections: Any = self.upstream
        client: Any = None
        funds: Any = self.purse
        self.poller = PollActivities(database, connections, client, funds, Settings(**chosen))
        self.beats: list[Any] = []

    async def poll(self, seconds: float = 0.05) -> None:
        environment = ActivityEnvironment()
        environment.on_heartbeat = lambda *details: self.beats.append(details[0])
        await environment.run(self.poller.poll_upstream, PollInput(upstream="main", lap=timedelta(seconds=seconds)))

    async def poll_until(self, condition: Callable[[], Awaitable[object]], message: str) -> None:
        """Poll for as long as it takes, on a machine that has other things to do."""
        running = asyncio.create_task(self.poll(60))
        try:
            await assert_eventually(condition, timeout=30, message=message)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def unhealthy(self) -> str | None:
        async with self.database.read() as session:
            return (await session.get_one(UpstreamAccount, ACCOUNT)).unhealthy_reason

    async def said(self) -> list[str]:
        async with self.database.read() as session:
            return [entry.action for entry in (await session.exec(select(AuditEntry))).all()]

    async def snapshots(self) -> dict[str, UpstreamSnapshot]:
        async with self.database.read() as session:
            return {row.number: row for row in (await session.exec(select(UpstreamSnapshot))).all()}


@pytest.fixture
async def bench(shop_database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(schedule, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(schedule, "CALM_SECONDS", 0.02)
    database = Database(shop_database)
    await stock_catalogue(database, "http://upstream.invalid/billmgr")
    yield Bench(database)
    await database.close()


def waiting(monkeypatch: pytest.MonkeyPatch, *operations: WaitingOperation, for_funds: bool = False) -> None:
    """The database says that these wait."""

    async def look(self: PollActivities, watch: Any) -> None:
        watch.product_types = ("soft", "vds")
        watch.awaited = list(operations)
        watch.waiting_for_funds = for_funds

    monkeypatch.setattr(PollActivities, "_refresh_waiting", look)


def awaited(operation: int, kind: OperationKind = OperationKind.CHANGE_PLAN) -> WaitingOperation:
    return WaitingOperation(operation, operation, kind, str(operation), "vds", 0.0, {"pricelist": "59"})


async def test_one_list_refused_leaves_the_account_well_and_the_other_list_read(bench: Bench) -> None:
    await events.record_health(bench.database, ACCOUNT, "the password is wrong")
    bench.upstream.lists = {"soft": NO_RIGHT, "vds": (item("17"),)}
    await bench.poll(0.2)
    assert await bench.unhealthy() is None
    assert list(await bench.snapshots()) == ["17"]
    assert (await bench.said()).count("upstream_unhealthy") == 1, "our own, before"


async def test_all_lists_refused_is_an_account_in_trouble(bench: Bench) -> None:
    bench.upstream.lists = {"soft": NO_RIGHT, "vds": NO_RIGHT}
    await bench.poll()
    assert await bench.unhealthy() == NO_RIGHT.message


async def test_a_suspect_whose_form_is_refused_is_gone(bench: Bench) -> None:
    bench.upstream.lists["vds"] = (item("17"), item("18"))
    await bench.poll()
    bench.upstream.lists["vds"] = ()
    bench.upstream.forms = {"17": SILENCE, "18": NOT_OURS}

    async def one_is_gone() -> bool:
        rows = await bench.snapshots()
        return {number: row.gone for number, row in rows.items()} == {"17": False, "18": True}

    await bench.poll_until(one_is_gone, "18 is gone, 17 is not known to be")
    async with bench.database.read() as session:
        kinds = [event.kind for event in (await session.exec(select(UpstreamEvent))).all()]
    assert kinds.count(EventKind.VANISHED) == 1


async def test_forms_to_read_stay_until_they_are_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PendingForm, "__init__", _quick_form)
    waiting(monkeypatch)
    once = [PollResult(to_read=["17", "18", "19"])]
    real = ListScan.end

    async def end(look: ListScan, said: ListEnd) -> PollResult:
        if "17" in look.seen and once:
            look.result.add(once.pop())
        return await real(look, said)

    monkeypatch.setattr(ListScan, "end", end)
    bench.upstream.lists["vds"] = (item("17"), item("18"), item("19"))
    bench.upstream.forms = {"17": SILENCE, "18": item("18"), "19": NOT_OURS}

    async def answers_later() -> None:
        while bench.upstream.asked.count("17") < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        bench.upstream.forms["17"] = item("17", raw={"id": "17"})

    later = asyncio.create_task(answers_later())

    async def is_read() -> bool:
        snapshot = (await bench.snapshots()).get("17")
        return snapshot is not None and snapshot.form == {"id": "17"}

    await bench.poll_until(is_read, "the form of 17 is read after all")
    await later
    assert [bench.upstream.asked.count(number) for number in ("18", "19")] == [1, 1], "read, and refused for good"


def _quick_form(self: Any) -> None:
    self.due, self.rest = 0.0, 0.02


async def test_failing_reads_do_not_keep_money_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(monkeypatch, awaited(1), awaited(2), awaited(3), awaited(4), for_funds=True)
    bench.upstream.lists = {"soft": SILENCE, "vds": SILENCE}
    bench.upstream.forms = {str(number): SILENCE for number in range(1, 5)}
    bench.purse.error = SILENCE

    async def granted() -> bool:
        return bench.purse.granted >= 2

    await bench.poll_until(granted, "money is given out again and again")


async def test_of_an_upstream_that_is_silent_not_every_form_is_read_in_one_round(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(monkeypatch, *(awaited(number) for number in range(1, 9)))
    monkeypatch.setattr(schedule, "TICK_SECONDS", 30.0)
    bench.upstream.lists = {"soft": (), "vds": ()}
    bench.upstream.forms = {str(number): SILENCE for number in range(1, 9)}
    running = asyncio.create_task(bench.poll(0.1))
    await asyncio.sleep(0.3)
    assert len(bench.upstream.asked) == 2 + schedule.FAILURES_IN_A_ROW
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_missing_password_is_not_looked_for_at_every_tick(bench: Bench) -> None:
    bench.upstream.no_password = True
    await bench.poll(0.5)
    assert len(bench.upstream.connecting) == 1
    assert await bench.unhealthy() == "its password is missing"


async def test_a_fault_of_ours_in_one_piece_is_put_off_and_the_others_go_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    waiting(monkeypatch, awaited(1), awaited(2), for_funds=True)
    bench.upstream.lists = {"soft": ValueError("what is this row?"), "vds": (item("17"),)}
    bench.upstream.forms = {"1": KeyError("id"), "2": item("2")}

    async def others_went_on() -> bool:
        read = {"2", "17"} <= (await bench.snapshots()).keys()
        return read and bench.upstream.asked.count("vds") >= 2 and bench.purse.granted >= 2

    await bench.poll_until(others_went_on, "the others go on")
    assert bench.upstream.asked.count("soft") == 1, "put off"
    assert bench.upstream.asked.count("1") == 1, "put off"
    assert "what is this row?" in caplog.text


async def test_a_cancellation_ends_the_poller_in_the_middle_of_a_read(bench: Bench) -> None:
    bench.upstream.seconds = 30
    running = asyncio.create_task(bench.poll(30))
    await asyncio.sleep(0.2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_it_beats_while_a_listing_takes_its_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "INTERVAL_SECONDS", 0.05)
    bench.upstream.seconds = 0.3
    await bench.poll(0.1)
    assert len(bench.beats) >= 4
    assert bench.beats[0] == {"polls": 0, "events": 0, "last": ""}


async def test_what_a_narrowed_list_does_not_show_is_read_by_its_form_however_many_wait(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A filter that somebody stored in the panel narrows the list: as many wait as it has pages, and none is in it."""
    numbers = [str(number) for number in range(900001, 900004)]
    waiting(
        monkeypatch,
        *(WaitingOperation(n, n, OperationKind.OPEN, number, "vds", 1.0) for n, number in enumerate(numbers, start=1)),
    )
    bench.upstream.forms = {number: item(number) for number in numbers}

    async def all_read() -> bool:
        return set(numbers) <= set(bench.upstream.asked)

    await bench.poll_until(all_read, "the form of each item that waits is read")


async def test_while_nothing_waits_one_question_is_asked_and_the_catalogue_is_looked_at_now_and_then(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "CALM_SECONDS", 60)
    asked: list[str] = []

    @event.listens_for(bench.database.engine.sync_engine, "before_cursor_execute")
    def note(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        asked.append(statement)

    async with bench.database.read() as session:
        watch = Watch.of(await session.get_one(UpstreamAccount, ACCOUNT), bench.poller._settings)
    await bench.poller._refresh_waiting(watch)
    assert watch.product_types == ("soft", "vds")
    asked.clear()
    await bench.poller._refresh_waiting(watch)
    assert watch.product_types == ("soft", "vds")
    assert len(asked) == 1, asked


@pytest.mark.parametrize(("waited", "often"), [(1.0, True), (schedule.YOUNG_SECONDS + 1, False)])
async def test_only_a_young_order_that_waits_for_its_confirmation_has_the_database_asked_at_every_tick(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, waited: float, often: bool
) -> None:
    """One that waits for hours, for its opening or for money, is found as soon as one that is new."""
    monkeypatch.setattr(schedule, "CALM_SECONDS", 60)
    bench.upstream.forms["1"] = item("1")
    waiting(monkeypatch, WaitingOperation(1, 1, OperationKind.OPEN, "1", "vds", waited), for_funds=True)
    looks: list[None] = []
    look = PollActivities._refresh_waiting

    async def counted(self: PollActivities, watch: Any) -> None:
        looks.append(None)
        await look(self, watch)

    monkeypatch.setattr(PollActivities, "_refresh_waiting", counted)

    async def went_on() -> bool:
        return bench.purse.granted >= 3

    await bench.poll_until(went_on, "money is given out again and again")
    assert (len(looks) > 1) is often


async def test_an_account_counts_as_looked_at_once_all_its_lists_were_read(bench: Bench) -> None:
    """Orders trust the latest look for what was there before them, and what is there at the first look is no news."""
    may_go_on = asyncio.Event()
    list_items = bench.upstream.list_items

    async def held(product_type: str) -> Listing:
        if product_type == "vds":
            await may_go_on.wait()
        return await list_items(product_type)

    async def polled_at() -> object:
        async with bench.database.read() as session:
            return (await session.get_one(UpstreamAccount, ACCOUNT)).polled_at

    async def incidents() -> list[Incident]:
        async with bench.database.read() as session:
            return list((await session.exec(select(Incident))).all())

    bench.upstream.list_items = held  # type: ignore[method-assign]  # of this one object
    bench.upstream.lists = {"soft": (item("1", "soft"),), "vds": (item("2"),)}
    running = asyncio.create_task(bench.poll(60))
    await assert_eventually(bench.snapshots, timeout=30, message="the first list is read")
    assert await polled_at() is None
    may_go_on.set()
    await assert_eventually(polled_at, timeout=30, message="all lists are read")
    assert len(await bench.snapshots()) == 2
    assert await incidents() == []
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def account_of(bench: Bench) -> UpstreamAccount:
    async with bench.database.read() as session:
        return await session.get_one(UpstreamAccount, ACCOUNT)


async def test_an_account_that_answers_nothing_for_a_while_is_not_well_until_it_answers(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(schedule, "SILENT_SECONDS", 0.3)
    bench.upstream.lists = {"soft": SILENCE, "vds": OutcomeUnknown("an HTML page came back instead of an answer")}
    await bench.poll(0.1)
    assert (await account_of(bench)).unreachable_since is None, "a moment's trouble is none"
    before = utc_now()

    async def said() -> bool:
        return (await account_of(bench)).unreachable_reason is not None

    await bench.poll_until(said, "it is said")
    found = await account_of(bench)
    assert found.unreachable_reason in (SILENCE.message, "an HTML page came back instead of an answer")
    assert found.unreachable_since is not None
    assert found.unreachable_since >= before
    assert found.unhealthy_reason is None, "orders may be tried: it has not refused us"
    assert "upstream main has given no usable answer since" in caplog.text

    await bench.poll(0.1)  # another run knows of it
    assert (await account_of(bench)).unreachable_since == found.unreachable_since
    bench.upstream.lists = {"soft": (), "vds": (item("17"),)}

    async def well() -> bool:
        account = await account_of(bench)
        return account.unreachable_reason is None and account.failing_lists == {}

    await bench.poll_until(well, "it is well again")
    assert (await bench.said()).count("upstream_unreachable") == 1
    assert (await bench.said()).count("upstream_reachable_again") == 1
    assert "upstream main answers again" in caplog.text


@pytest.mark.parametrize("error", [SILENCE, NO_RIGHT, Rejected("no such list")])
async def test_a_list_that_fails_for_a_while_among_others_is_named_until_it_can_be_read(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: UpstreamError
) -> None:
    monkeypatch.setattr(schedule, "SILENT_SECONDS", 0.2)
    waiting(monkeypatch)
    bench.upstream.lists = {"soft": error, "vds": (item("17"),)}

    async def named() -> bool:
        return "soft" in (await account_of(bench)).failing_lists

    await bench.poll_until(named, "it is named")
    found = await account_of(bench)
    assert list(found.failing_lists) == ["soft"]
    assert found.failing_lists["soft"]["why"] == error.message
    assert (found.unreachable_reason, found.unhealthy_reason) == (None, None)
    bench.upstream.lists["soft"] = ()

    async def readable() -> bool:
        return (await account_of(bench)).failing_lists == {}

    await bench.poll_until(readable, "it can be read")


async def test_a_list_that_hangs_stays_named_while_nothing_of_it_was_read(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A read that hangs makes the rest between two reads longer, so that the trouble seems too young to be reported."""
    monkeypatch.setattr(schedule, "SILENT_SECONDS", 0.2)
    waiting(monkeypatch)
    bench.upstream.lists = {"soft": SILENCE, "vds": (item("17"),)}

    async def named() -> bool:
        return "soft" in (await account_of(bench)).failing_lists

    await bench.poll_until(named, "it is named")
    bench.upstream.seconds = 0.3
    before = bench.upstream.asked.count("soft")

    async def read_twice() -> bool:
        return bench.upstream.asked.count("soft") >= before + 2

    await bench.poll_until(read_twice, "a read that hung was judged, and the next one began")
    assert await named()
    assert "the list of soft can be read again" not in caplog.text
