"""What is old and done with goes, in slices; what is needed still stays, however old it is. On both databases."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel, col, select

from activities.retention import keep_by, prune_if_due
from models.audit import AuditEntry
from models.batch import BatchMember, OperationBatch
from models.columns import utc_now
from models.database import Database
from models.enums import DeliveryState, EventKind, OperationKind, ServiceStatus, Stage, UpstreamStatus
from models.events import UpstreamEvent, UpstreamHint, UpstreamSnapshot
from models.order import IntakeKey, Intent, Operation, Reservation, Service, StageEntry
from models.term import Term
from models.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage
from orders import retention
from orders.retention import Keep
from orders.views import PageRequest, WorkflowLinks, find_operation, list_audit
from settings import Settings

DAY = timedelta(days=1)
KEEP = Keep(events=10 * DAY, hints=10 * DAY, stages=10 * DAY, snapshots=10 * DAY, webhooks=10 * DAY, messages=10 * DAY)
LONG_AGO = utc_now() - 400 * DAY
LINKS = WorkflowLinks("http://ui.test", "default")


async def add(database: Database, *rows: SQLModel) -> None:
    async with database.write() as session:
        for row in rows:  # in this order: they refer to one another
            session.add(row)
            await session.flush()


async def count(database: Database, table: type[SQLModel]) -> int:
    async with database.read() as session:
        found = await session.exec(select(sa.func.count()).select_from(table))
        return int(found.one())


async def numbers(database: Database, table: Any) -> list[int]:
    async with database.read() as session:
        return [int(one) for one in (await session.exec(select(table.id).order_by(table.id))).all()]


def service(number: int, **changes: Any) -> Service:
    values: dict[str, Any] = {"customer": "c", "plan_id": 1, "product_type": "vds", "module_id": 1, "account_id": 1}
    values |= {"name": f"n{number}", "mark": f"m{number}", "period_months": 1, "upstream_number": str(number)}
    return Service(id=number, **(values | {"status": ServiceStatus.CLOSED} | changes))


def operation(number: int, *, ended: datetime | None = LONG_AGO, of: int = 1) -> Operation:
    stage = Stage.AWAITING_CONFIRMATION if ended is None else Stage.COMPLETED
    return Operation(
        id=number, service_id=of, kind=OperationKind.OPEN, stage=stage, ended_at=ended, created_at=LONG_AGO
    )


def event(number: int, **changes: Any) -> UpstreamEvent:
    values: dict[str, Any] = {"account_id": 1, "product_type": "vds", "upstream_number": "1", "kind": EventKind.OPENED}
    values |= {"status": int(UpstreamStatus.ACTIVE), "seen_at": LONG_AGO, "applied_at": LONG_AGO}
    return UpstreamEvent(id=number, event_id=f"e{number}", **(values | changes))


def snapshot(number: int, **changes: Any) -> UpstreamSnapshot:
    values: dict[str, Any] = {"account_id": 1, "product_type": "vds", "number": str(number), "gone": True}
    values |= {"status": int(UpstreamStatus.DELETED), "changed_at": LONG_AGO}
    return UpstreamSnapshot(id=number, **(values | changes))


def message(number: int, **changes: Any) -> WebhookMessage:
    values: dict[str, Any] = {"message_id": f"w{number}", "kind": "k", "at": LONG_AGO, "spread_at": LONG_AGO}
    return WebhookMessage(id=number, **(values | changes))


def delivery(number: int, state: DeliveryState, ended: datetime | None) -> WebhookDelivery:
    return WebhookDelivery(id=number, endpoint_id=1, message_id=number, state=state, ended_at=ended)


async def test_old_events_go_but_none_that_is_waited_for(database: Database) -> None:
    await add(database, service(1), operation(1), service(2), operation(2, ended=None, of=2))
    told: dict[str, Any] = {"service_id": 1, "operation_id": 1, "delivered_at": LONG_AGO}
    await add(
        database,
        event(1),
        event(2, **told),
        event(3, **(told | {"delivered_at": None})),  # its operation has not heard of it
        event(4, **(told | {"operation_id": 2, "service_id": 2})),  # its operation runs
        event(5, service_id=1, applied_at=None),  # the service does not know of it
        event(6, service_id=1, applied_at=None, kind=EventKind.HELD_BACK),  # it never will
        event(7, seen_at=utc_now()),
    )
    assert (await retention.prune(database, KEEP))["events"] == 3
    assert await numbers(database, UpstreamEvent) == [3, 4, 5, 7]


async def test_old_hints_go_when_they_were_followed(database: Database) -> None:
    await add(
        database,
        UpstreamHint(id=1, account_id=1, upstream_number="1", received_at=LONG_AGO, read_at=LONG_AGO),
        UpstreamHint(id=2, account_id=1, upstream_number="2", received_at=LONG_AGO),
        UpstreamHint(id=3, account_id=1, upstream_number="3", received_at=LONG_AGO, read_at=utc_now()),
    )
    assert (await retention.prune(database, KEEP))["hints"] == 1
    assert await numbers(database, UpstreamHint) == [2, 3]


def way(operation: int, *stages: Stage) -> list[StageEntry]:
    return [StageEntry(operation_id=operation, stage=stage, at=LONG_AGO) for stage in stages]


async def test_old_stages_go_after_the_end_and_the_last_one_stays(database: Database) -> None:
    await add(database, service(1), operation(1), service(2), operation(2, ended=None, of=2))
    await add(database, service(3), operation(3, ended=utc_now(), of=3))
    passed = (Stage.ACCEPTED, Stage.SUBMITTING)
    await add(database, *way(1, *passed, Stage.COMPLETED), *way(2, *passed), *way(3, *passed, Stage.COMPLETED))
    assert (await retention.prune(database, KEEP))["stages"] == 2
    assert await numbers(database, StageEntry) == [3, 4, 5, 6, 7, 8]
    async with database.read() as session:
        short, whole = [await find_operation(session, LINKS, number) for number in (1, 3)]
    assert [one.stage for one in short.stages] == [Stage.ACCEPTED, Stage.COMPLETED], (
        "the first says the operation itself"
    )
    assert short.history_begins_at == LONG_AGO
    assert whole.history_begins_at is None


async def test_snapshots_of_what_is_gone_go_when_nothing_refers_to_them(database: Database) -> None:
    await add(database, service(2), service(3, status=ServiceStatus.ACTIVE), service(4), operation(4, ended=None, of=4))
    await add(
        database,
        snapshot(1),
        snapshot(2, service_id=2),
        snapshot(3, service_id=3),  # its service is not closed
        snapshot(4, service_id=4),  # something is done about it
        snapshot(5, gone=False),  # the upstream lists it, as deleted
        snapshot(6, gone=False, status=int(UpstreamStatus.ACTIVE)),
        snapshot(7, changed_at=utc_now()),
        snapshot(8),
        event(1, upstream_number="8", seen_at=utc_now()),  # come back, 8 would make the same event ids
    )
    assert (await retention.prune(database, KEEP))["snapshots"] == 2
    assert await numbers(database, UpstreamSnapshot) == [3, 4, 5, 6, 7, 8]


async def test_old_webhooks_go_with_their_log_but_none_that_is_on_its_way(database: Database) -> None:
    await add(
        database,
        WebhookEndpoint(id=1, name="shop", url="https://x.test", secret_env="S"),
        message(1),
        message(2),
        message(3),
        message(4, spread_at=None),  # nobody has looked who wants it
        message(5, at=utc_now()),
        message(6),
        delivery(1, DeliveryState.DELIVERED, LONG_AGO),
        delivery(2, DeliveryState.GIVEN_UP, LONG_AGO),
        delivery(3, DeliveryState.PENDING, None),  # its endpoint is paused, say
        delivery(6, DeliveryState.DELIVERED, utc_now()),
        *(WebhookAttempt(id=i, delivery_id=i, at=LONG_AGO) for i in (1, 2, 3, 6)),
    )
    removed = await retention.prune(database, KEEP)
    assert (removed["messages"], removed["deliveries"], removed["tries"]) == (2, 2, 2)
    assert await numbers(database, WebhookMessage) == [3, 4, 5, 6]
    assert await numbers(database, WebhookDelivery) == [3, 6]
    assert await numbers(database, WebhookAttempt) == [3, 6]


async def test_what_an_order_rests_on_is_never_removed(database: Database) -> None:
    await add(
        database,
        service(1),
        operation(1),
        IntakeKey(client="shop", key="k", body_hash="h", operation_id=1, created_at=LONG_AGO),
        Intent(operation_id=1, account_id=1, attempt=1, mark="m1", created_at=LONG_AGO, settled_at=LONG_AGO),
        Reservation(operation_id=1, account_id=1, amount=Decimal(1), released_at=LONG_AGO),
        AuditEntry(actor="a", action="b", subject="operation", subject_number=1, at=LONG_AGO),
    )
    await retention.prune(database, KEEP)
    for table in (Service, Operation, IntakeKey, Intent, Reservation):
        assert await count(database, table) == 1, table
    async with database.read() as session:
        assert len((await list_audit(session, PageRequest(), subject="operation", number=1)).items) == 1


@pytest.fixture
async def many(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Twenty-five old events among young ones, removed in slices of four."""
    monkeypatch.setattr(retention, "SLICE", 4)
    monkeypatch.setattr(retention, "WINDOW", 10)
    monkeypatch.setattr(retention, "BREATH_SECONDS", 0.0)
    await add(database, *(event(i) for i in range(1, 26)), *(event(i, seen_at=utc_now()) for i in range(26, 31)))
    return database


async def test_a_slice_is_a_transaction_of_its_own(many: Database) -> None:
    sizes: list[int] = []

    def note(_c: object, cursor: Any, statement: str, *_: object) -> None:
        if statement.startswith("DELETE"):
            sizes.append(cursor.rowcount)

    sa.event.listen(many.engine.sync_engine, "after_cursor_execute", note)
    commits: list[object] = []
    sa.event.listen(many.engine.sync_engine, "commit", commits.append)
    assert (await retention.prune(many, KEEP))["events"] == 25
    assert max(sizes) == 4
    assert sum(sizes) == 25
    assert len(commits) >= len(sizes), "one each"
    assert await numbers(many, UpstreamEvent) == list(range(26, 31))


async def test_orders_get_through_meanwhile(many: Database) -> None:
    pruning = asyncio.create_task(retention.prune(many, KEEP))
    left = []
    while not pruning.done():
        await add(many, AuditEntry(actor="a", action="b", subject="order", subject_number=1))
        left.append(await count(many, UpstreamEvent))
    await pruning
    assert len(set(left)) > 2, f"between its slices, not before or after all of them: {left}"


async def test_a_repeat_removes_nothing_and_both_are_written_down(many: Database) -> None:
    await retention.prune(many, KEEP)
    assert set((await retention.prune(many, KEEP)).values()) == {0}
    async with many.read() as session:
        page = await list_audit(session, PageRequest(), subject=retention.SUBJECT, number=retention.SUBJECT_NUMBER)
    assert [(one.action, one.detail["events"]) for one in page.items] == [("pruned", "0"), ("pruned", "25")]


async def test_it_is_done_once_a_day(many: Database) -> None:
    settings = Settings(event_retention_days=10)
    assert keep_by(settings).events == 10 * DAY
    assert await prune_if_due(many, settings)
    assert not await prune_if_due(many, settings)
    async with many.write() as session:
        await session.exec(sa.update(AuditEntry).values(at=utc_now() - timedelta(hours=25)))
    assert await prune_if_due(many, settings)


async def test_what_becomes_needed_between_look_and_removal_stays(
    many: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(many, service(1), operation(1, ended=None))
    remove = retention._remove

    async def late(database: Database, rule: retention.Rule, found: Any) -> int:
        async with database.write() as session:
            await session.exec(sa.update(UpstreamEvent).where(col(UpstreamEvent.id) == 3).values(operation_id=1))
        return await remove(database, rule, found)

    monkeypatch.setattr(retention, "_remove", late)
    assert (await retention.prune(many, KEEP))["events"] == 24
    assert 3 in await numbers(many, UpstreamEvent)


def batch(number: int, **changes: Any) -> OperationBatch:
    values: dict[str, Any] = {"actor": "olga", "action": "cancel", "reason": "r", "created_at": LONG_AGO}
    return OperationBatch(id=number, **(values | {"begun_at": LONG_AGO} | changes))


async def test_batches_and_terms_go_when_they_are_over(database: Database) -> None:
    await add(database, service(1), operation(1))
    young, today = utc_now() - DAY, utc_now().date()
    await add(
        database,
        batch(1),
        batch(2, begun_at=young),
        batch(3, begun_at=None),  # a preview that nobody ran
        batch(4, begun_at=None, created_at=young),
        *(BatchMember(batch_id=number, operation_id=1, stage_since=LONG_AGO) for number in range(1, 5)),
        *(Term(service_id=1, ends_on=today - days * DAY) for days in (0, 399, 401, 500)),
    )
    removed = await retention.prune(database, KEEP)
    assert [removed[kind] for kind in ("members", "batches", "terms")] == [2, 2, 2]
    assert await numbers(database, OperationBatch) == [2, 4]
    assert await numbers(database, BatchMember) == [2, 4]
    assert await count(database, Term) == 2
