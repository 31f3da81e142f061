"""The figures of the installation: what waits, runs or is open, by few statements, and never what was true before."""

import re
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel, select

from models.beat import Beat
from models.catalogue import UpstreamAccount
from models.circuits import CircuitNote, CircuitState
from models.columns import units, utc_now
from models.database import Database
from models.enums import (
    EventKind,
    FailureClass,
    IncidentKind,
    IntentState,
    OperationKind,
    ReservationState,
    ServiceStatus,
    Stage,
    UpstreamStatus,
)
from models.events import UpstreamEvent
from models.incident import Incident
from models.order import Intent, Operation, Reservation, Service
from models.webhooks import WebhookDelivery, WebhookEndpoint, WebhookMessage
from orders.reading import figures
from orders.reading.figures import InstallationFigures, families
from tests.infrastructure.processes import free_port
from tests.metrics.shown import Shown
from tests.storefront.catalogue import fill_catalogue
from tests.storefront.long_tables import rows_of_years

pytestmark = pytest.mark.dialects
AGO = utc_now() - timedelta(minutes=20)
EARLIER = AGO - timedelta(minutes=20)


@pytest.fixture
async def database(migrated_database_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_database_url)
    await fill_catalogue(database)
    yield database
    await database.close()


@pytest.fixture
async def installation(database: Database) -> AsyncIterator[InstallationFigures]:
    reader = InstallationFigures(database.url)
    yield reader
    await reader.close()


async def shown(installation: InstallationFigures) -> Shown:
    return Shown.registry(await installation.registry())


async def add(database: Database, *rows: SQLModel) -> None:
    async with database.write() as session:
        for row in rows:
            session.add(row)
            await session.flush()


def service(number: int) -> Service:
    return Service(
        id=number,
        customer="Jane Doe",
        plan_id=1,
        product_type="vds",
        module_id=2,
        account_id=1,
        status=ServiceStatus.ORDERED,
        name=f"secret-{number}.example.test",
        mark=f"rf-{number}",
        period_months=1,
    )


def operation(number: int, stage: Stage, failure: FailureClass | None = None, by: str = "main") -> Operation:
    return Operation(
        id=number,
        service_id=number,
        kind=OperationKind.OPEN,
        upstream_name=by,
        stage=stage,
        failure_class=failure,
        stage_since=AGO,
        ended_at=AGO if stage.is_final else None,
    )


async def test_operations_are_counted_by_what_they_do_and_where_they_stand(
    database: Database, installation: InstallationFigures
) -> None:
    await add(
        database,
        *(service(number) for number in (1, 2, 3, 4)),
        operation(1, Stage.RETRYING, FailureClass.NOT_SENT),
        operation(2, Stage.RETRYING, FailureClass.NOT_SENT),
        operation(3, Stage.NEEDS_ATTENTION, FailureClass.REJECTED, by=""),
        operation(4, Stage.COMPLETED),
    )
    seen = await shown(installation)

    retrying = {"kind": "open", "stage": "retrying", "account": "main", "failure": "not_sent"}
    assert seen.value("resellflow_operations", **retrying) == 2
    assert seen.value("resellflow_operations_oldest_timestamp_seconds", **retrying) == pytest.approx(AGO.timestamp())
    assert seen.value("resellflow_operations", stage="needs_attention", account="by_hand", failure="rejected") == 1
    assert seen.value("resellflow_operations") == 3, "what has ended is not counted"
    assert seen.value("resellflow_database_up") == 1


async def test_money_intents_signals_and_incidents(database: Database, installation: InstallationFigures) -> None:
    async with database.write() as session:
        account = (await session.exec(select(UpstreamAccount))).one()
        account.balance, account.balance_at, account.credit_limit = Decimal("10.00"), AGO, Decimal("2.50")
        account.set_aside, account.charged, account.refunded = units(Decimal(5)), units(Decimal(70)), units(Decimal(3))
        account.waiting, account.polled_at = 2, AGO
        breaker = CircuitNote(state=CircuitState.OPEN, since=AGO, why="no answer", next_try=AGO)
        account.circuits = {
            name: breaker.model_dump(mode="json")
            for name in ("account", "read GET /v1/services/17", "read GET /v1/services/4")
        }
        account.failing_lists = {"vds": {"since": AGO.isoformat(), "why": "HTTP 502"}}
    waiting = [
        Reservation(operation_id=number, account_id=1, state=ReservationState.WAITING, amount=Decimal("4.00"))
        for number in (1, 2)
    ]
    event = UpstreamEvent(
        event_id="e1",
        account_id=1,
        product_type="vds",
        upstream_number="900001",
        kind=EventKind.OPENED,
        status=int(UpstreamStatus.ACTIVE),
        operation_id=1,
        seen_at=AGO,
    )
    await add(
        database,
        service(1),
        service(2),
        operation(1, Stage.WAITING_FOR_FUNDS, FailureClass.FUNDS),
        operation(2, Stage.WAITING_FOR_FUNDS, FailureClass.FUNDS),
        *waiting,
        Intent(operation_id=1, account_id=1, attempt=1, mark="rf-1", state=IntentState.UNKNOWN, created_at=AGO),
        Intent(operation_id=2, account_id=1, attempt=1, mark="rf-2", state=IntentState.NOT_SENT, created_at=AGO),
        event,
        Incident(kind=IncidentKind.LATE_YES, fingerprint="f", message="Jane Doe", at=AGO),
        Incident(kind=IncidentKind.LATE_YES, fingerprint="g", message="over", at=AGO, closed_at=AGO),
    )
    seen = await shown(installation)

    money = {
        part: seen.value(f"resellflow_account_money_{part}", account="main", currency="EUR")
        for part in ("balance", "credit_limit", "reserved", "free", "waiting", "short")
    }
    assert money == {"balance": 10, "credit_limit": 2.5, "reserved": 5, "free": 7.5, "waiting": 8, "short": 0.5}
    assert seen.value("resellflow_account_charged_total", account="main") == 70
    assert seen.value("resellflow_account_refunded_total", account="main") == 3
    assert seen.value("resellflow_account_waiting_orders", account="main") == 2
    assert seen.value("resellflow_intents_unsettled", account="main", state="unknown") == 1
    assert seen.value("resellflow_intents_unsettled") == 1
    assert seen.value("resellflow_signals_waiting", account="main") == 1
    assert seen.value("resellflow_incidents_open", kind="late_yes") == 1
    assert seen.value("resellflow_account_health", account="main", health="partly") == 1
    assert seen.value("resellflow_account_health", account="main") == 1, "one of them"
    assert seen.value("resellflow_account_failing_lists", account="main") == 1
    assert seen.value("resellflow_account_polled_timestamp_seconds") == pytest.approx(AGO.timestamp())
    assert {one.labels["breaker"] for one in seen.all("resellflow_breaker_open")} == {
        "account",
        "read GET /v1/services/{number}",
    }, "a breaker for each service would be a series for each service"
    assert_names_nobody(seen)


async def test_webhooks_that_wait(database: Database, installation: InstallationFigures) -> None:
    await add(
        database,
        WebhookEndpoint(name="shop", url="https://jane.example.test", failing_since=AGO),
        WebhookEndpoint(name="books", url="https://books.example.test"),
        WebhookEndpoint(name="gone", url="https://gone.example.test", active=False, failing_since=EARLIER),
        WebhookEndpoint(name="old", url="https://old.example.test", active=False),
        WebhookMessage(message_id="m1", kind="k", at=AGO, spread_at=AGO),
        WebhookMessage(message_id="m2", kind="k", spread_at=AGO),
        WebhookMessage(message_id="m3", kind="k"),
        WebhookDelivery(endpoint_id=1, message_id=2),
        WebhookDelivery(endpoint_id=1, message_id=1),
    )
    seen = await shown(installation)

    states = {one.labels["state"]: one.value for one in seen.all("resellflow_webhook_endpoints")}
    assert states == {"well": 1, "failing": 1, "switched_off": 1, "inactive": 1}
    since = seen.value("resellflow_webhook_failing_since_timestamp_seconds")
    assert since == pytest.approx(EARLIER.timestamp()), "also what a receiver had switched off: nobody else says so"
    assert seen.value("resellflow_webhook_waiting", state="delivery") == 2
    assert seen.value("resellflow_webhook_waiting", state="new") == 1
    oldest = seen.value("resellflow_webhook_waiting_oldest_timestamp_seconds", state="delivery")
    assert oldest == pytest.approx(AGO.timestamp())
    assert_names_nobody(seen)


async def test_it_is_read_once_in_ten_seconds(
    database: Database, installation: InstallationFigures, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await shown(installation)).value("resellflow_operations") == 0
    await add(database, service(1), operation(1, Stage.ACCEPTED))
    assert (await shown(installation)).value("resellflow_operations") == 0, "what was read a moment ago"

    now = time.monotonic() + figures.KEPT_SECONDS
    monkeypatch.setattr("orders.reading.figures.time.monotonic", lambda: now)
    assert (await shown(installation)).value("resellflow_operations") == 1


async def test_a_database_that_is_away_is_said_and_nothing_else(
    database: Database, installation: InstallationFigures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was true before would look as if it still were, and an alert would not fire."""
    assert "resellflow_incidents_open" not in (await shown(installation)).names
    assert "resellflow_account_health" in (await shown(installation)).names

    now = time.monotonic() + figures.KEPT_SECONDS
    monkeypatch.setattr("orders.reading.figures.time.monotonic", lambda: now)
    monkeypatch.setattr(installation, "_database", Database(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"))
    away = await shown(installation)
    assert away.names == {"resellflow_database_up"}
    assert away.value("resellflow_database_up") == 0

    monkeypatch.setattr(installation, "_database", Database(database.url))
    back = await shown(installation)
    assert back.value("resellflow_database_up") == 1, "a failure is not kept"
    await installation.close()


@pytest.mark.proof
async def test_it_reads_only_what_waits_however_much_was_sold(database: Database) -> None:
    """What has ended is not passed, as the rows read from each table show."""
    async with database.write() as session:
        connection = await session.connection()
        for model, rows in rows_of_years():
            await connection.execute(sa.insert(model), rows)
    asked: list[tuple[str, Any]] = []

    def on_execute(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    sa.event.listen(database.engine.sync_engine, "before_cursor_execute", on_execute)
    async with database.read() as session:
        await families(session)
    sa.event.remove(database.engine.sync_engine, "before_cursor_execute", on_execute)

    assert len(asked) <= 16
    async with database.engine.connect() as connection:
        for statement, parameters in asked:
            if database.is_sqlite:
                plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            else:
                await connection.exec_driver_sql("SET enable_seqscan = off")
                plan = await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
            steps = [str(tuple(row)[-1]) for row in plan]
            assert not [step for step in steps if passes_all(step)], f"{statement}\n{steps}"


BIG = ("operation", "intent", "upstream_event", "incident", "webhook_delivery", "webhook_message", "reservation")


def passes_all(step: str) -> bool:
    """A step of a plan that reads a big table from end to end."""
    words = step.replace("->", " ").split()
    if words[0] == "SCAN":
        return words[1] in BIG and "INDEX" not in words
    return words[:3] == ["Seq", "Scan", "on"] and not {*words[3:4]}.isdisjoint(BIG)


def assert_names_nobody(seen: Shown) -> None:
    values = {value for one in seen.samples for value in one.labels.values()}
    assert not [value for value in values if re.search(r"Jane|example|(?<![a-z])\d", value)]


async def test_backups_that_were_never_made_are_shown_as_never(
    database: Database, installation: InstallationFigures
) -> None:
    await add(database, Beat(name="watch", at=AGO), Beat(name="backup_base", at=AGO))
    seen = await shown(installation)
    assert seen.value("resellflow_backup_timestamp_seconds", kind="base") == pytest.approx(AGO.timestamp())
    assert [seen.value("resellflow_backup_timestamp_seconds", kind=kind) for kind in ("dump", "check", "copy")] == [
        0
    ] * 3
    assert seen.value("resellflow_beat_timestamp_seconds") == pytest.approx(AGO.timestamp()), "of the watch alone"
