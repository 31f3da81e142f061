"""What waits too long or does not work is one incident while it lasts: opened, updated, closed automatically."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from models.beat import Beat
from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.enums import EventKind, IncidentKind, MessageType, OperationKind, Stage
from models.events import UpstreamEvent
from models.incident import Incident
from models.order import Operation
from models.sweep import ListSweep
from models.watch_limits import Limits
from models.webhooks import WebhookMessage
from orders.events import sweeps
from orders.incidents.conditions import Condition, open_one
from orders.incidents.record import close_incident
from orders.watch.looking import BEAT, look, look_if_no_worker_does
from tests.orders.test_owners import ACCOUNT, add_service

AN_HOUR_AGO = timedelta(hours=1)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def watch(database: Database) -> None:
    await look(database, Limits(), LONG_AGO)


async def open_incidents(database: Database) -> dict[IncidentKind, str]:
    async with database.read() as session:
        found = await session.exec(select(Incident).where(col(Incident.closed_at).is_(None)))
        return {one.kind: one.message for one in found.all()}


async def set_account(database: Database, **values: Any) -> None:
    async with database.write() as session:
        account = await session.get_one(UpstreamAccount, ACCOUNT)
        for name, value in values.items():
            setattr(account, name, value)
        session.add(account)


async def well(database: Database) -> None:
    """Everything works: the account is read, and nothing waits."""
    await set_account(
        database,
        polled_at=utc_now(),
        unhealthy_reason=None,
        unreachable_reason=None,
        unreachable_since=None,
        paused_since=None,
        failing_lists={},
    )


async def operation(database: Database, **values: Any) -> int:
    service = await add_service(database, "17")
    before = utc_now() - AN_HOUR_AGO
    async with database.write() as session:
        fields: dict[str, Any] = {
            "workflow_started_at": before,
            "stage_since": before,
            "created_at": before,
            "upstream_name": "main",
        }
        made = Operation(service_id=service, kind=OperationKind.OPEN, **(fields | values))
        session.add(made)
        await session.flush()
        return made.id


async def not_started(database: Database) -> None:
    await operation(database, workflow_started_at=None)


async def not_delivered(database: Database) -> None:
    number = await operation(database, stage=Stage.AWAITING_CONFIRMATION)
    async with database.write() as session:
        session.add(
            UpstreamEvent(
                event_id="e-1",
                account_id=ACCOUNT,
                product_type="vds",
                upstream_number="17",
                kind=EventKind.OPENED,
                status=2,
                operation_id=number,
                seen_at=utc_now() - AN_HOUR_AGO,
            )
        )


async def stuck(database: Database) -> None:
    await operation(database, stage=Stage.RETRYING, tries=70, reason="the connection is refused")


async def slow(database: Database) -> None:
    await operation(database, stage=Stage.AWAITING_CONFIRMATION, slow_since=utc_now(), usual_seconds=300)


async def silent(database: Database) -> None:
    await set_account(database, polled_at=utc_now() - AN_HOUR_AGO)


async def unhealthy(database: Database) -> None:
    await set_account(database, unhealthy_reason="the password is refused", unhealthy_since=utc_now())


async def unreachable(database: Database) -> None:
    await set_account(database, unreachable_reason="no answer in 12 s", unreachable_since=utc_now())


async def paused(database: Database) -> None:
    await set_account(database, paused_since=utc_now(), paused_by="olga", paused_reason="they move")


async def unreadable(database: Database) -> None:
    await set_account(database, failing_lists={"vds": {"since": utc_now().isoformat(), "why": "no rights"}})


async def not_swept(database: Database) -> None:
    async with database.write() as session:
        asked = utc_now() - 2 * AN_HOUR_AGO
        session.add(ListSweep(account_id=ACCOUNT, product_type="vds", asked_at=asked, asked_by="schedule"))


CASES = {
    IncidentKind.ORDERS_NOT_STARTED: (not_started, "Operation 1 is accepted more than 60 s ago"),
    IncidentKind.SIGNALS_NOT_DELIVERED: (not_delivered, "1 events of upstream main"),
    IncidentKind.OPERATIONS_STUCK: (stuck, "after 70 tries in vain: the connection is refused"),
    IncidentKind.SLOWER_THAN_USUAL: (slow, "slower than usual at upstream main"),
    IncidentKind.POLLER_SILENT: (silent, "event-poller-main"),
    IncidentKind.UPSTREAM_UNHEALTHY: (unhealthy, "the password is refused"),
    IncidentKind.UPSTREAM_UNREACHABLE: (unreachable, "no answer in 12 s"),
    IncidentKind.UPSTREAM_PAUSED: (paused, "Upstream main is paused by olga since"),
    IncidentKind.LIST_UNREADABLE: (unreadable, "The list of vds at upstream main"),
    IncidentKind.SWEEP_OVERDUE: (not_swept, "has not ended"),
}


async def undo(database: Database) -> None:
    """Whatever it was, it is over."""
    await well(database)
    async with database.write() as session:
        for row in (await session.exec(select(Operation))).all():
            row.stage, row.slow_since, row.ended_at = Stage.COMPLETED, None, utc_now()
            session.add(row)
        for event in (await session.exec(select(UpstreamEvent))).all():
            event.delivered_at = utc_now()
            session.add(event)
        for sweep in (await session.exec(select(ListSweep))).all():
            sweep.asked_at = sweep.ended_at = utc_now()
            session.add(sweep)


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.proof] if number > 3 else []) for number, kind in enumerate(CASES)]
)
async def test_it_is_opened_once_and_closed_when_it_is_over(database: Database, kind: IncidentKind) -> None:
    make, words = CASES[kind]
    await well(database)
    await watch(database)
    assert await open_incidents(database) == {}
    await make(database)
    for _ in range(3):
        await watch(database)
    [(found, message)] = (await open_incidents(database)).items()
    assert found is kind
    assert words in message
    await undo(database)
    await watch(database)
    assert await open_incidents(database) == {}
    async with database.read() as session:
        [incident] = (await session.exec(select(Incident))).all()
        messages = (await session.exec(select(WebhookMessage.kind).order_by(col(WebhookMessage.id)))).all()
    assert (incident.closed_by, incident.closing_note) == ("resellflow", "it is over; closed automatically")
    assert list(messages) == [MessageType.INCIDENT_RAISED, MessageType.INCIDENT_CLOSED]


async def test_operations_that_wait_because_of_a_pause_are_not_stuck(shelf: Database) -> None:
    await well(shelf)
    await stuck(shelf)
    await paused(shelf)
    await watch(shelf)
    assert set(await open_incidents(shelf)) == {IncidentKind.UPSTREAM_PAUSED}
    await well(shelf)
    await watch(shelf)
    assert set(await open_incidents(shelf)) == {IncidentKind.OPERATIONS_STUCK}


async def test_one_that_a_person_has_closed_is_opened_again_only_after_it_was_over(shelf: Database) -> None:
    await well(shelf)
    await unhealthy(shelf)
    await watch(shelf)
    async with shelf.write() as session:
        await close_incident(session, 1, actor="anna", note="we know")
    await watch(shelf)
    assert await open_incidents(shelf) == {}
    await well(shelf)
    await watch(shelf)
    await unhealthy(shelf)
    await watch(shelf)
    assert list(await open_incidents(shelf)) == [IncidentKind.UPSTREAM_UNHEALTHY]


async def test_a_changed_condition_updates_its_incident(shelf: Database) -> None:
    await well(shelf)
    await unhealthy(shelf)
    await watch(shelf)
    await set_account(shelf, unhealthy_reason="the account is blocked")
    await watch(shelf)
    async with shelf.read() as session:
        [incident] = (await session.exec(select(Incident))).all()
    assert incident.message.endswith("the account is blocked")
    assert incident.updated_at is not None


async def test_the_api_looks_when_no_worker_has_looked_for_a_while(shelf: Database) -> None:
    await well(shelf)
    await not_started(shelf)
    await look_if_no_worker_does(shelf, Limits(), utc_now())
    assert await open_incidents(shelf) == {}, "a worker may be starting"
    await watch(shelf)
    await undo(shelf)
    await watch(shelf)
    await look_if_no_worker_does(shelf, Limits(), LONG_AGO)
    assert await open_incidents(shelf) == {}, "a worker has just looked"
    async with shelf.write() as session:
        beat = await session.get_one(Beat, BEAT)
        beat.at = utc_now() - AN_HOUR_AGO
        session.add(beat)
    await unhealthy(shelf)
    await look_if_no_worker_does(shelf, Limits(), LONG_AGO)
    assert set(await open_incidents(shelf)) == {IncidentKind.WORKERS_SILENT, IncidentKind.UPSTREAM_UNHEALTHY}
    await well(shelf)
    await watch(shelf)
    assert await open_incidents(shelf) == {}


async def test_what_a_process_reported_that_runs_no_more_is_closed(shelf: Database) -> None:
    """Each process that has lost Temporal rewords its incident at every look; one that was ended can close none."""
    await well(shelf)
    for process, age in (("ended", 5), ("runs", 1)):
        async with shelf.write() as session:
            condition = Condition(IncidentKind.TEMPORAL_LOST, process, f"The {process} has not reached Temporal")
            await open_one(session, condition)
            found = await session.exec(select(Incident).where(Incident.condition == condition.key))
            found.one().updated_at = utc_now() - timedelta(minutes=age)
    await watch(shelf)
    assert list((await open_incidents(shelf)).values()) == ["The runs has not reached Temporal"]


async def test_a_sweep_that_finds_more_and_more_reports_it_once_with_all_it_found(database: Database) -> None:
    """A page is a transaction of its own; what the next sweep finds is another incident."""
    for found in (["17", "19"], ["23"]):
        async with database.write() as session:
            if found == ["17", "19"]:
                await sweeps.ask(session, "anna")
            await sweeps.note_missed(session, ACCOUNT, "vds", found)
    async with database.write() as session:
        await sweeps.ask(session, "anna")
        await sweeps.note_missed(session, ACCOUNT, "vds", ["17"])
    async with database.read() as session:
        rows = await session.exec(select(Incident.message).where(Incident.kind == IncidentKind.MISSED_CHANGES))
        counts = [message.partition(" by the sweep of vds")[0] for message in rows.all()]
        sweep = await session.get_one(ListSweep, (ACCOUNT, "vds"))
    assert sorted(counts) == ["1 change was found", "3 changes were found"]
    assert (sweep.missed, sweep.missed_in_all) == (1, 4)
