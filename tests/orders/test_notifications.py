"""People are told what needs them: once, that it is over, by a real service, and nothing is lost with a channel."""

import asyncio
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlmodel import col, select

from activities.notifying import notify_always, tell
from models.columns import CLOCK, utc_now
from models.database import Database
from models.enums import IncidentKind, OperationKind, Stage
from models.incident import Incident
from models.notifications import Notification, NotificationChannel
from models.order import Operation, Service
from orders.incidents.conditions import Condition, keep_one
from orders.incidents.record import close_incident, raise_incident
from orders.notifications import posting, subjects
from orders.notifications.channels import Channel, Channels
from tests.infrastructure.eventually import assert_eventually
from tests.orders.test_watch import operation
from tests.webhooks.receiver import Answer, Receiver, receiving

HOUR = timedelta(hours=1)
CONSOLE = "https://shop.example/console"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def channel(receiver: Receiver | None = None, **values: Any) -> Channel:
    address = "json://127.0.0.1:1/" if receiver is None else receiver.url.replace("http://", "json://")
    return Channel.model_validate({"name": "office", "to": address, **values})


async def look(database: Database, one: Channel) -> bool:
    return await tell(database, Channels(console=CONSOLE, channels=(one,)), one)


def messages(receiver: Receiver) -> list[str]:
    return [f"{one.event['title']}\n{one.event['message']}" for one in receiver.received]


def later(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    monkeypatch.setattr(CLOCK, "ahead", CLOCK.ahead + by)


async def happen(database: Database, kind: IncidentKind = IncidentKind.ADDONS_LOST, about: str = "1") -> int:
    async with database.write() as session:
        await raise_incident(session, kind, f"something about {about}", about=about)
        found = await session.exec(select(Incident.id).order_by(col(Incident.id).desc()).limit(1))
        return found.one()


async def close(database: Database, number: int) -> None:
    async with database.write() as session:
        await close_incident(session, number, actor="ann", note="looked at")


async def test_an_incident_is_told_once_and_that_it_is_over(
    database: Database, receiver: Receiver, noon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = channel(receiver)
    number = await happen(database)
    assert await look(database, office)
    assert not await look(database, office)
    [said] = messages(receiver)
    assert said.startswith(f"Resellflow: Incident {number}: addons_lost (new)")
    assert "something about 1" in said
    assert f"{CONSOLE}/incidents/{number}" in said
    assert "docs/operations.md#addons_lost" in said
    later(monkeypatch, timedelta(hours=3, minutes=5))
    await close(database, number)
    assert await look(database, office)
    assert "after 3 h 5 min" in messages(receiver)[1]
    assert not await look(database, office)
    assert len(receiver.received) == 2


async def test_what_changes_all_the_time_is_told_once_an_hour(
    database: Database, receiver: Receiver, noon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = channel(receiver)

    async def lasts(message: str) -> None:
        async with database.write() as session:
            await keep_one(session, Condition(IncidentKind.POLLER_SILENT, "main", message), lasts=True)

    await lasts("silent for 10 minutes")
    assert await look(database, office)
    await lasts("silent for 11 minutes")
    assert not await look(database, office)
    later(monkeypatch, HOUR)
    assert await look(database, office)
    assert "silent for 11 minutes" in messages(receiver)[1]
    assert "(changed)" in messages(receiver)[1]
    later(monkeypatch, HOUR)
    assert not await look(database, office)


@pytest.mark.proof
async def test_a_storm_is_one_message_with_a_count(database: Database, receiver: Receiver) -> None:
    for number in range(500):
        await happen(database, about=str(number))
    await happen(database, IncidentKind.SECOND_ITEM, "dear")
    assert await look(database, channel(receiver))
    assert not await look(database, channel(receiver))
    [said] = messages(receiver)
    assert said.startswith("Resellflow: 501 new")
    assert "And 491 more" in said
    assert said.index("second_item") < said.index("addons_lost")  # what costs money is said first


async def test_quiet_hours_let_only_money_through(
    database: Database, receiver: Receiver, noon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = channel(receiver, quiet="22:00-07:00")
    told = await happen(database)
    assert await look(database, office)
    later(monkeypatch, timedelta(hours=11))
    await happen(database, about="at night")
    short = await happen(database, about="is over at night")
    await happen(database, IncidentKind.SECOND_ITEM, "dear")
    await close(database, told)
    assert await look(database, office)
    assert "second_item" in messages(receiver)[1]
    assert "addons_lost" not in messages(receiver)[1]
    await close(database, short)
    assert not await look(database, office)
    later(monkeypatch, timedelta(hours=8))
    assert await look(database, office)
    morning = messages(receiver)[2]
    assert "at night" in morning
    assert f"Over: Incident {told}" in morning
    assert f"Incident {short}:" not in morning
    assert not await look(database, office)


async def test_a_channel_hears_its_causes_and_what_its_roles_can_mend(database: Database, receiver: Receiver) -> None:
    await happen(database, IncidentKind.WORKFLOW_WEDGED)
    await happen(database, IncidentKind.SHORT_OF_MONEY)
    await happen(database, IncidentKind.UPSTREAM_UNREACHABLE)
    assert await look(database, channel(receiver, causes=["incidents"], roles=["finance"]))
    [said] = messages(receiver)
    assert "short_of_money" in said
    assert "wedged" not in said
    assert await look(database, channel(receiver, name="up", causes=["upstreams"]))
    assert "upstream_unreachable" in messages(receiver)[1]


async def test_a_card_is_told_when_it_begins_when_there_is_more_and_when_it_is_empty(
    database: Database, receiver: Receiver, noon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = channel(receiver, causes=["decide"])
    first = await operation(database, stage=Stage.NEEDS_ATTENTION)
    assert await look(database, office)
    assert "Operations need a decision" in messages(receiver)[0]
    assert f"{CONSOLE}/?cause=decide" in messages(receiver)[0]
    second = await another(database, first)
    assert not await look(database, office)
    later(monkeypatch, HOUR)
    assert await look(database, office)
    assert "Changed" in messages(receiver)[1]
    later(monkeypatch, HOUR)
    await set_stage(database, first, Stage.COMPLETED)
    assert not await look(database, office)  # fewer is no news
    await set_stage(database, second, Stage.COMPLETED)
    assert await look(database, office)
    assert "Over: Operations need a decision" in messages(receiver)[2]


async def test_growth_after_a_shrink_is_news(
    database: Database, receiver: Receiver, noon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of ten cases eight are mended, then four more come: these are news, though there are fewer than ever told."""
    office = channel(receiver, causes=["decide"])
    numbers = [await operation(database, stage=Stage.NEEDS_ATTENTION)]
    numbers += [await another(database, numbers[0], mark=f"rf-abcde-{mark}") for mark in range(2, 11)]
    assert await look(database, office)
    for number in numbers[2:]:
        await set_stage(database, number, Stage.COMPLETED)
    assert not await look(database, office)
    for number in numbers[2:6]:
        await set_stage(database, number, Stage.NEEDS_ATTENTION)
    assert not await look(database, office), "once an hour at most"
    later(monkeypatch, HOUR)
    assert await look(database, office)
    assert "Changed" in messages(receiver)[1]
    assert "6 at main" in messages(receiver)[1]
    later(monkeypatch, HOUR)
    assert not await look(database, office)


async def another(
    database: Database, number: int, stage: Stage = Stage.NEEDS_ATTENTION, mark: str = "rf-abcde-2"
) -> int:
    """One more operation, of a service like the first one's."""
    async with database.write() as session:
        first = await session.get_one(Operation, number)
        like = await session.get_one(Service, first.service_id)
        service = Service(**like.model_dump(exclude={"id", "mark", "upstream_number"}), mark=mark)
        session.add(service)
        await session.flush()
        made = Operation(
            service_id=service.id,
            kind=OperationKind.SUSPEND,
            stage=stage,
            stage_since=utc_now(),
            upstream_name="main",
        )
        session.add(made)
        await session.flush()
        return made.id


async def set_stage(database: Database, number: int, stage: Stage) -> None:
    async with database.write() as session:
        operation = await session.get_one(Operation, number)
        operation.stage = stage
        session.add(operation)


async def state(database: Database) -> NotificationChannel:
    async with database.read() as session:
        return await session.get_one(NotificationChannel, "office")


async def test_a_channel_that_is_down_loses_nothing_and_is_an_incident_after_an_hour(
    database: Database, receiver: Receiver, noon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, other = channel(receiver), channel(name="other", causes=["incidents"])
    receiver.otherwise = Answer(status=503)
    await happen(database)
    assert not await look(database, office)
    assert not await look(database, office)  # too early
    assert len(receiver.received) == 1
    later(monkeypatch, timedelta(seconds=31))
    assert not await look(database, office)
    assert len(receiver.received) == 2
    assert (await state(database)).failures == 2
    later(monkeypatch, HOUR)
    assert not await look(database, office)
    assert IncidentKind.NOT_NOTIFIED in await open_kinds(database)
    heard: list[str] = []

    async def hear(_channel: Channel, title: str, body: str) -> str | None:
        heard.append(body)
        return None

    assert await tell(database, Channels(channels=(office, other)), other, hear)
    assert "through the channel office" in heard[0]
    receiver.otherwise = Answer(status=200)
    later(monkeypatch, HOUR)
    assert await look(database, office)
    assert "something about 1" in messages(receiver)[-1]
    assert IncidentKind.NOT_NOTIFIED not in await open_kinds(database)


async def open_kinds(database: Database) -> set[IncidentKind]:
    async with database.read() as session:
        found = await session.exec(select(Incident).where(col(Incident.closed_at).is_(None)))
        return {one.kind for one in found.all()}


async def test_who_is_killed_after_sending_has_it_sent_again_and_not_at_once(
    database: Database, receiver: Receiver, noon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = channel(receiver)
    await happen(database)

    async def sent_and_killed(one: Channel, title: str, body: str) -> str | None:
        assert await posting.post(one, title, body) is None
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await tell(database, Channels(console=CONSOLE, channels=(office,)), office, sent_and_killed)
    assert not await look(database, office)
    assert len(receiver.received) == 1
    later(monkeypatch, timedelta(minutes=5, seconds=1))
    assert await look(database, office)
    assert messages(receiver)[0] == messages(receiver)[1]
    assert not await look(database, office)


async def test_of_two_processes_one_sends(database: Database, receiver: Receiver) -> None:
    office = channel(receiver)
    await happen(database)
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slowly(one: Channel, title: str, body: str) -> str | None:
        begun.set()
        await may_end.wait()
        return await posting.post(one, title, body)

    first = asyncio.create_task(tell(database, Channels(channels=(office,)), office, slowly))
    await begun.wait()
    assert not await look(database, office)
    may_end.set()
    assert await first
    assert not await look(database, office)
    assert len(receiver.received) == 1


async def test_the_digest_comes_once_a_day_at_its_time_or_when_somebody_runs(
    database: Database, receiver: Receiver, noon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = channel(receiver, digest="08:00", time_zone="Europe/Amsterdam", causes=["incidents"])
    assert not await look(database, office)  # new at noon: its first one comes tomorrow
    number = await happen(database)
    assert await look(database, office)
    later(monkeypatch, timedelta(hours=22))  # 10:00 UTC: the worker was away at eight
    assert await look(database, office)
    digest = messages(receiver)[1]
    assert "1 thing needs somebody" in digest
    assert "Incidents: 1, the oldest since" in digest
    assert "1 incidents opened, 0 closed" in digest
    assert not await look(database, office)
    later(monkeypatch, timedelta(days=1))
    await close(database, number)
    assert await look(database, office)
    assert any("nothing needs anybody" in one for one in messages(receiver)[2:])
    sent = len(receiver.received)
    assert not await look(database, office)
    assert len(receiver.received) == sent


async def test_the_digest_counts_what_the_roles_of_its_channel_can_mend(
    database: Database, receiver: Receiver, noon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = channel(receiver, roles=["finance"], digest="08:00")
    assert not await look(database, office)
    later(monkeypatch, timedelta(hours=22))
    await happen(database, IncidentKind.WORKFLOW_WEDGED)
    await happen(database, IncidentKind.DRIFT)
    await happen(database, IncidentKind.SHORT_OF_MONEY)
    await operation(database, stage=Stage.NEEDS_ATTENTION)
    assert await look(database, office)
    daily = messages(receiver)[-1]
    assert "1 thing needs somebody" in daily
    assert "Incidents: 1, the oldest" in daily
    assert "To decide" not in daily
    assert "1 incidents opened, 0 closed" in daily


async def test_a_channel_that_is_taken_out_of_the_file_is_forgotten(database: Database, receiver: Receiver) -> None:
    await happen(database)
    assert await look(database, channel(receiver))
    await asyncio.wait_for(notify_always(database, Channels()), 30)
    async with database.read() as session:
        assert (await session.exec(select(Notification))).all() == []
        assert (await session.exec(select(NotificationChannel))).all() == []


async def test_a_hanging_channel_keeps_no_other_waiting(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.answers = [Answer(hang=True)]
    await happen(database, IncidentKind.UPSTREAM_UNREACHABLE)
    hanging = channel(receiver, causes=["upstreams"])
    with receiving() as well:
        other = channel(well, name="other")
        task = asyncio.create_task(notify_always(database, Channels(channels=(hanging, other))))
        try:
            await assert_eventually(lambda: receiver.received and well.received)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            receiver.closing.set()


async def test_a_mail_arrives_as_a_mail(shelf: Database) -> None:
    class Box:
        def __init__(self) -> None:
            self.mails: list[Any] = []

        async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
            self.mails.append(message_from_bytes(envelope.content))
            return "250 OK"

    box = Box()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        number = await happen(shelf, IncidentKind.SECOND_ITEM)
        assert await look(
            shelf, channel(to=f"mailto://127.0.0.1:{port}?from=resellflow@example.com&to=ops@example.com")
        )
    finally:
        controller.stop()
    [mail] = box.mails
    assert mail["To"] == "ops@example.com"
    assert f"Incident {number}" in mail["Subject"]
    text = mail.get_payload(decode=True) or mail.get_payload()[0].get_payload(decode=True)
    assert b"docs/operations.md#second_item" in text


async def test_what_mostly_ends_soon_waits_and_is_over_only_when_nothing_of_it_is_left(
    database: Database, receiver: Receiver, noon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = channel(receiver, causes=["unclear"])
    first = await operation(database, stage=Stage.OUTCOME_UNKNOWN, stage_since=utc_now())
    assert not await look(database, office)
    later(monkeypatch, timedelta(minutes=10, seconds=1))
    assert await look(database, office)
    second = await another(database, first, Stage.OUTCOME_UNKNOWN)
    await set_stage(database, first, Stage.COMPLETED)
    assert not await look(database, office)  # the younger one is left
    await set_stage(database, second, Stage.COMPLETED)
    assert await look(database, office)
    assert "Over: The outcome of requests is unclear" in messages(receiver)[1]


async def test_money_is_told_however_many_others_are_open(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subjects, "MOST", 2)
    first = [await happen(database, about=str(number)) for number in range(4)]
    await happen(database, IncidentKind.SECOND_ITEM, "dear")
    office = channel(receiver)
    assert await look(database, office)
    assert "3 new" in messages(receiver)[0]
    assert "second_item" in messages(receiver)[0]
    assert not await look(database, office)
    await close(database, first[0])
    assert await look(database, office)
    assert "1 new, 1 over" in messages(receiver)[1]


def test_a_quiet_time_may_go_over_midnight() -> None:
    night = channel(quiet="22:00-07:00", time_zone="Europe/Moscow")
    hours = {hour for hour in range(24) if night.is_quiet(datetime.fromisoformat(f"2026-03-01T{hour:02}:30+00:00"))}
    assert hours == {19, 20, 21, 22, 23, 0, 1, 2, 3}
    assert not channel().is_quiet(utc_now())
