"""The sweep: an order that is started anew hears its events again, and it shows that it lives while it works."""

import asyncio
import math
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import select
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities import heartbeat, sweeping
from activities.sweeping import SweepActivities
from models.catalogue import ProcessingModule, TariffPlan
from models.columns import utc_now
from models.database import Database
from models.enums import EventKind, OperationKind, Stage
from models.events import UpstreamEvent
from models.messages import SweepInput
from models.order import Operation, Service
from settings import Settings
from temporal import delivery
from temporal.healing import Healed, Healer
from tests.flow.shop import stock_catalogue
from tests.infrastructure.databases import copy_of

ACCOUNT = 1


@pytest.fixture
async def orders(migrated_sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """One order that waits for its confirmation, has been told of it, and whose workflow is gone."""
    database = Database(copy_of(migrated_sqlite_template, tmp_path))
    await stock_catalogue(database, "http://upstream.invalid/billmgr")
    async with database.write() as session:
        plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == "VDS-1"))).one()
        module = (await session.exec(select(ProcessingModule).where(ProcessingModule.name == "main-vds"))).one()
        service = Service(
            customer="c-1",
            plan_id=plan.id or 0,
            product_type="vds",
            module_id=module.id or 0,
            account_id=ACCOUNT,
            name="v1.example.com",
            mark="rf-abcde-1",
            upstream_number="17",
            period_months=1,
        )
        session.add(service)
        await session.flush()
        long_ago = utc_now() - timedelta(hours=1)
        operation = Operation(
            service_id=service.id or 0,
            kind=OperationKind.OPEN,
            upstream_name="main",
            stage=Stage.AWAITING_CONFIRMATION,
            stage_since=long_ago,
            workflow_started_at=long_ago,
        )
        session.add(operation)
        await session.flush()
        session.add(
            UpstreamEvent(
                event_id="e-1",
                account_id=ACCOUNT,
                product_type="vds",
                upstream_number="17",
                kind=EventKind.OPENED,
                status=2,
                operation_id=operation.id,
                met=True,
                delivered_at=long_ago,
            )
        )
    yield database
    await database.close()


class NothingRuns:
    async def list_workflows(self, query: str) -> AsyncIterator[Any]:
        nothing: list[Any] = []
        for execution in nothing:
            yield execution

    def get_workflow_handle(self, workflow_id: str, *, run_id: str | None = None) -> Any:
        return self

    async def describe(self) -> Any:
        raise RPCError("no such workflow", RPCStatusCode.NOT_FOUND, b"")


async def test_an_order_started_anew_hears_its_events_again(orders: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []

    async def start_order(*_: object) -> bool:
        heard.append("started")
        return True

    async def start_watcher(*_: object) -> None:
        pass

    async def signal(client: Any, workflow_id: str, name: str, message: Any, request_id: str) -> bool:
        heard.append(request_id)
        return True

    monkeypatch.setattr(sweeping, "CHECK_RUNNING_SECONDS", 0.0)
    monkeypatch.setattr(sweeping, "start_order", start_order)
    monkeypatch.setattr(sweeping, "start_poller", start_watcher)
    monkeypatch.setattr(sweeping, "start_webhook_sender", start_watcher)
    monkeypatch.setattr(delivery, "signal", signal)
    client: Any = NothingRuns()
    sweep = SweepActivities(orders, client, Settings())
    monkeypatch.setattr(sweeping, "INTERVAL_SECONDS", 0.5)
    lap = await ActivityEnvironment().run(sweep.sweep_orders, SweepInput(lap=timedelta(seconds=0.3)))
    assert heard[:2] == ["started", "e-1"]
    assert lap.started >= 1
    async with orders.read() as session:
        event = (await session.exec(select(UpstreamEvent))).one()
    assert event.delivered_at is not None


async def test_what_is_seen_of_an_order_before_its_workflow_is_started_waits_for_it(
    orders: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    async with orders.write() as session:
        operation = (await session.exec(select(Operation))).one()
        event = (await session.exec(select(UpstreamEvent))).one()
        operation.workflow_started_at = event.delivered_at = None

    async def start_order(*_: object) -> bool:
        async with orders.write() as session:
            (await session.exec(select(Operation))).one().workflow_started_at = utc_now()
        heard.append("started")
        return True

    async def start_watcher(*_: object) -> None:
        pass

    async def signal(client: Any, workflow_id: str, name: str, message: Any, request_id: str) -> bool:
        heard.append(request_id)
        return "started" in heard

    for name, replacement in (
        ("start_order", start_order), ("start_poller", start_watcher), ("start_webhook_sender", start_watcher)
    ):  # fmt: skip
        monkeypatch.setattr(sweeping, name, replacement)
    monkeypatch.setattr(delivery, "signal", signal)
    nothing_runs: Any = NothingRuns()
    assert await delivery.deliver(orders, nothing_runs, ACCOUNT) == 0
    assert heard == [], "nothing that could hear it runs"
    sweep = SweepActivities(orders, nothing_runs, Settings())
    await ActivityEnvironment().run(sweep.sweep_orders, SweepInput(lap=timedelta(seconds=1)))
    assert heard == ["started", "e-1"]


async def test_an_order_is_not_kept_from_its_start_by_turns_that_come_after_it(
    orders: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by the soak: each look was interrupted, and began again with low numbers, whose turn had come since."""
    now = utc_now()
    async with orders.write() as session:
        first = (await session.exec(select(Operation))).one()
        service = await session.get_one(Service, first.service_id)
        other = Service(**service.model_dump(exclude={"id", "mark", "upstream_number"}), mark="rf-abcde-2")
        session.add(other)
        await session.flush()
        waiting = Operation(service_id=other.id, kind=OperationKind.OPEN, stage=Stage.ACCEPTED)
        waiting.stage_since = now - timedelta(minutes=5)
        first.stage, first.stage_since, first.workflow_started_at = Stage.ACCEPTED, now, None
        session.add_all([first, waiting])
    tried: list[object] = []

    async def start_order(*arguments: object) -> bool:
        tried.append(arguments[-1])
        raise RPCError("no answer in time", RPCStatusCode.DEADLINE_EXCEEDED, b"")

    monkeypatch.setattr(sweeping, "start_order", start_order)
    monkeypatch.setattr(sweeping, "INTERVAL_SECONDS", 0.5)
    sweep = SweepActivities(orders, NothingRuns(), Settings())  # type: ignore[arg-type]
    await ActivityEnvironment().run(sweep.sweep_orders, SweepInput(lap=timedelta(seconds=0.3)))
    assert tried[0] == waiting.id


async def test_where_there_is_nothing_to_do_a_look_is_one_statement(
    orders: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []
    event.listen(orders.engine.sync_engine, "before_cursor_execute", lambda *about: statements.append(about[2]))

    async def start_watcher(*_: object) -> None:
        pass

    monkeypatch.setattr(sweeping, "start_poller", start_watcher)
    monkeypatch.setattr(sweeping, "start_webhook_sender", start_watcher)
    monkeypatch.setattr(sweeping, "INTERVAL_SECONDS", 0.01)
    sweep = SweepActivities(orders, NothingRuns(), Settings())  # type: ignore[arg-type]
    sweep._watch_is_due_at = math.inf
    environment = ActivityEnvironment()
    looks: list[str] = []

    async def enough() -> None:
        looks.append("look")
        if len(looks) == 10:
            environment.worker_shutdown()

    monkeypatch.setattr(sweep, "_deliver_again", enough)
    await environment.run(sweep.sweep_orders, SweepInput(lap=timedelta(seconds=30)))
    assert len(looks) == 10
    assert len(statements) == 10 + 2, "one more looks for accounts that want a poller, one for numbers at the end"


async def test_a_worker_that_stops_reports_what_was_given_since_its_last_look(
    orders: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = ActivityEnvironment()
    sweep = SweepActivities(orders, NothingRuns(), Settings())  # type: ignore[arg-type]

    async def order_and_stop() -> None:
        async with orders.write() as session:
            service = (await session.exec(select(Service))).one()
            session.add(Service(**service.model_dump(exclude={"id", "mark", "upstream_number"}), mark="rf-abcde-2"))
        environment.worker_shutdown()

    async def start_watcher(*_: object) -> None:
        pass

    monkeypatch.setattr(sweeping, "start_poller", start_watcher)
    monkeypatch.setattr(sweeping, "start_webhook_sender", start_watcher)
    monkeypatch.setattr(sweep, "_deliver_again", order_and_stop)
    lap = await environment.run(sweep.sweep_orders, SweepInput(lap=timedelta(seconds=30)))
    assert lap.numbers["service"] == 2


async def test_it_beats_while_a_look_takes_its_time(orders: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = SweepActivities(orders, NothingRuns(), Settings())  # type: ignore[arg-type]
    async with orders.write() as session:
        (await session.exec(select(Operation))).one().workflow_started_at = None

    async def slowly(*_: object) -> int:
        await asyncio.sleep(0.3)
        return 1

    async def none(*_: object) -> None:
        pass

    monkeypatch.setattr(heartbeat, "INTERVAL_SECONDS", 0.05)
    monkeypatch.setattr(sweeping, "INTERVAL_SECONDS", 0.01)
    monkeypatch.setattr(sweep, "_start_accepted", slowly)
    monkeypatch.setattr(sweep, "_keep_pollers", none)
    beats: list[Any] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details[0])
    lap = await environment.run(sweep.sweep_orders, SweepInput(lap=timedelta(seconds=0.1)))
    assert lap.started == 1
    assert len(beats) >= 3
    assert beats[0] == {"started": 0, "pollers": [], "numbers": {}}


async def test_a_server_that_can_not_tell_whose_tasks_fail_is_asked_and_said_once(
    orders: Database, caplog: pytest.LogCaptureFixture
) -> None:
    class OlderServer(NothingRuns):
        async def list_workflows(self, query: str) -> AsyncIterator[Any]:
            if "TemporalReportedProblems" in query:
                raise RPCError("no such search attribute", RPCStatusCode.INVALID_ARGUMENT, b"")
            yield

    healer = Healer(orders, OlderServer())  # type: ignore[arg-type]
    for _ in range(2):
        assert await healer.end_failing() == Healed()
    [line] = [record.message for record in caplog.records if record.name == "temporal.healing"]
    assert "this Temporal server does not report whose tasks fail" in line
