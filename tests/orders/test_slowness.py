"""What takes longer than usual is marked once, told once, and shown with what the upstream says of it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import event
from sqlmodel import select

from models.columns import utc_now
from models.database import Database
from models.enums import MessageType, OperationKind, Stage, UpstreamStatus
from models.events import UpstreamSnapshot
from models.order import Operation, Service, StageEntry
from models.parameters import Renewal, Values
from models.patience import Patience
from models.webhooks import WebhookMessage
from orders.lifecycle import causes, slowness
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.lifecycle.stages import complete, enter
from orders.operations.registry import operation_type
from orders.operations.seen import Seen
from orders.views import PageRequest, WorkflowLinks, find_operation, list_operations
from settings import Settings, load_settings

OPEN, CLOSE, SET = OperationKind.OPEN, OperationKind.CLOSE, OperationKind.SET_PARAMETERS
LINKS = WorkflowLinks("http://127.0.0.1:8233", "default")
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("past", "usual"),
    [
        ([], HOUR),
        ([10.0] * 9, HOUR),
        ([10.0] * 10, timedelta(minutes=5)),
        ([600.0] * 50, timedelta(minutes=20)),
        ([600.0] * 48 + [9e9] * 2, timedelta(minutes=20)),
        ([600.0] * 47 + [9e9] * 3, timedelta(hours=6)),
    ],
)
def test_what_is_usual_is_learned_from_the_upstream_s_own_past(past: list[float], usual: timedelta) -> None:
    assert Patience().usual_time(OPEN, "vds", past) == usual


def test_what_is_usual_can_be_set_for_a_kind_and_for_a_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESELL_USUAL_TIMES", '{"open": 60, "open dedic": 432000}')
    monkeypatch.setenv("RESELL_UNCHANGED_AFTER", "7200")
    patience = load_settings().patience()
    assert patience.usual_time(OPEN, "vds", []) == timedelta(minutes=1)
    assert patience.usual_time(OPEN, "dedic", []) == patience.unchanged(OPEN, "dedic") == timedelta(days=5)
    assert patience.unchanged(OPEN, "vds") == 2 * HOUR
    assert patience.least == timedelta(minutes=1)
    with pytest.raises(ValidationError, match="neither a kind of operation"):
        Settings(usual_times={"opening": 1.0})


STUCK: list[tuple[str, OperationKind, Seen, timedelta, bool, str]] = [
    ("at work on it", CLOSE, Seen(UpstreamStatus.PROCESSING), 5 * HOUR, True, ""),
    ("at work on it, and active", CLOSE, Seen(UpstreamStatus.ACTIVE, at_work=True), 5 * HOUR, True, ""),
    (
        "at work for too long",
        OPEN,
        Seen(UpstreamStatus.PROCESSING),
        7 * HOUR,
        True,
        "does the upstream still work on it",
    ),
    ("not opened for too long", OPEN, Seen(UpstreamStatus.ORDERED), 7 * HOUR, False, "for 7 hours: is it paid?"),
    ("not slow yet", CLOSE, Seen(UpstreamStatus.ACTIVE), HOUR, False, ""),
    ("ok that changed nothing", CLOSE, Seen(UpstreamStatus.ACTIVE), HOUR, True, "it may want a phone call first"),
    (
        "so of a suspension",
        OperationKind.SUSPEND,
        Seen(UpstreamStatus.ACTIVE),
        HOUR,
        True,
        "its staff may have to do it",
    ),
    ("so of a value", SET, Seen(UpstreamStatus.ACTIVE), HOUR, True, "has not done it: ask the upstream's staff"),
]


@pytest.mark.parametrize(
    ("kind", "seen", "waited", "slow", "words"), [one[1:] for one in STUCK], ids=[s[0] for s in STUCK]
)
def test_what_is_accepted_and_unchanged_after_the_usual_time_is_for_a_person(
    kind: OperationKind, seen: Seen, waited: timedelta, slow: bool, words: str
) -> None:
    found = causes.why_stuck(seen, waited, 6 * HOUR, slow=slow, if_silent=operation_type(kind).if_silent)
    assert (words in found) if words else found == ""


def test_both_values_are_told() -> None:
    seen = Seen(UpstreamStatus.ACTIVE, form={"domain": "shop.example", "addon_61": "2 GB"})
    wanted = {"field.domain": "www.shop.example", "field.addon_61": "4"}
    told = operation_type(SET).missing(Values.of(wanted), seen)
    assert told == "domain: wanted www.shop.example, shows shop.example; addon_61: wanted 4, shows 2 GB"
    prolonged = Seen(UpstreamStatus.ACTIVE, date(2031, 5, 1))
    assert operation_type(OperationKind.PROLONG).missing(Renewal(), prolonged) == "it ends on 2031-05-01, as before"


@pytest.mark.parametrize(
    ("status", "detail", "cause", "words"),
    [
        (UpstreamStatus.PROCESSING, "no_module", "no module can open it", "(no_module): no module can open it"),
        (UpstreamStatus.PROCESSING, "odd", "", "item 17 is processing (odd)"),
        (UpstreamStatus.ORDERED, "", "", "if people at the upstream open it, it waits for them"),
        (UpstreamStatus.SUSPENDED, "", "suspended for abuse", "item 17 is suspended: suspended for abuse"),
    ],
)
def test_the_upstream_s_own_key_is_shown_and_explained(
    status: UpstreamStatus, detail: str, cause: str, words: str
) -> None:
    told = causes.shown("17", Seen(status, detail=detail, cause=cause))
    assert words in told
    assert detail in told


async def _awaited(database: Database, number: int = 1) -> int:
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    order = await accept_order(database, request, client="shop", key=f"k{number}", hostname_suffix="s.internal")
    async with database.write() as session:
        service = await session.get_one(Service, order.service)
        service.upstream_number = str(16 + number)
        operation = await session.get_one(Operation, order.operation)
        await enter(session, operation, Stage.AWAITING_CONFIRMATION, f"item {16 + number}")
        session.add(
            UpstreamSnapshot(
                account_id=service.account_id or 0,
                product_type="vds",
                number=str(16 + number),
                status=int(UpstreamStatus.PROCESSING),
                status_detail="need_configure",
                cause="it waits for the upstream's staff to configure it",
            )
        )
    return order.operation


async def _marked(database: Database, operation: int) -> bool:
    async with database.write() as session:
        return await slowness.mark(session, operation, 300) is not None


async def test_it_is_marked_once_told_once_and_shown_until_it_ends(database: Database) -> None:
    slow, other = await _awaited(database, 1), await _awaited(database, 2)
    assert [await _marked(database, slow), await _marked(database, slow)] == [True, False]
    says = "item 17 is processing (need_configure): it waits for the upstream's staff to configure it"
    async with database.read() as session:
        [message] = (
            await session.exec(select(WebhookMessage).where(WebhookMessage.kind == MessageType.OPERATION_SLOW))
        ).all()
        assert message.data["operation"] == slow
        assert message.data["reason"] == f"slower than usual: it is usually done within 5 minutes; {says}"
        view = await find_operation(session, LINKS, slow)
        assert (view.upstream_says, view.usual_seconds) == (says, 300)
        assert view.slow_since is not None
        assert "; slower than usual" in view.waits_for
        assert says in view.waits_for
        found = {
            wanted: [one.number for one in (await list_operations(session, LINKS, PageRequest(), slow=wanted)).items]
            for wanted in ((True,), (False,), (True, False))
        }
    assert found == {(True,): [slow], (False,): [other], (True, False): [other, slow]}

    async with database.write() as session:
        await complete(session, await session.get_one(Operation, slow), None)
    async with database.read() as session:
        view = await find_operation(session, LINKS, slow)
    assert (view.slow_since, view.usual_seconds, view.upstream_says) == (None, None, None)


async def test_another_stage_is_another_wait(shelf: Database) -> None:
    slow = await _awaited(shelf)
    assert await _marked(shelf, slow)
    async with shelf.write() as session:
        await enter(session, await session.get_one(Operation, slow), Stage.NEEDS_ATTENTION, "no")
        assert (await session.get_one(Operation, slow)).slow_since is None
    assert not await _marked(shelf, slow), "a person knows of it"


async def test_the_past_is_that_of_the_same_account_kind_and_type_without_what_people_saw_to(
    database: Database,
) -> None:
    begun = datetime(2031, 5, 1, 12, tzinfo=UTC)
    numbers = [await _awaited(database, number) for number in range(1, 5)]
    async with database.write() as session:
        for seconds, number in zip((10, 20, 30, 40), numbers, strict=True):
            operation = await session.get_one(Operation, number)
            [entry] = (
                await session.exec(
                    select(StageEntry).where(
                        StageEntry.operation_id == number, StageEntry.stage == Stage.AWAITING_CONFIRMATION
                    )
                )
            ).all()
            entry.at = begun
            operation.stage, operation.ended_at = Stage.COMPLETED, begun + timedelta(seconds=seconds)
            session.add_all([operation, entry])
        session.add(StageEntry(operation_id=numbers[1], stage=Stage.NEEDS_ATTENTION, at=utc_now()))
        other = await session.get_one(Operation, numbers[2])
        other.kind = CLOSE
        session.add(other)
    async with database.read() as session:
        assert await slowness.past_confirmations(session, "main", OPEN, "vds") == [40.0, 10.0]
        assert await slowness.past_confirmations(session, "main", OPEN, "dedic") == []
        assert await slowness.past_confirmations(session, "other", OPEN, "vds") == []


async def test_what_is_usual_is_read_from_the_latest_alone(shelf: Database) -> None:
    """Sorted or grouped, all operations that ever were would be read."""
    asked: list[tuple[str, Any]] = []
    engine = shelf.engine.sync_engine
    event.listen(
        engine, "before_cursor_execute", lambda _c, _cu, statement, given, *_: asked.append((statement, given))
    )
    async with shelf.read() as session:
        await slowness.past_confirmations(session, "main", OPEN, "vds")
        statement, given = asked[-1]
        connection = await session.connection()
        plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)).all()
    steps = [row[-1] for row in plan]
    assert not any("TEMP B-TREE" in step for step in steps), steps
