"""What real services answer, by real HTTP: each channel has its own reasons, blocks no other, and shows no secret.

Apprise has the addresses of Telegram and Slack built in. These tests give its classes another one, of a server on this
machine; what is sent to it is Apprise's own.
"""

import asyncio
import json
import logging
import socket
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram
from prometheus_client import generate_latest
from sqlalchemy import update

from activities.notifying import tell
from metrics.counters import REGISTRY
from models.columns import utc_now
from models.database import Database
from models.enums import IncidentKind
from models.incident import Incident
from models.notifications import NotificationChannel
from orders.notifications import posting
from orders.notifications.channels import Channel, Channels, read_channels
from orders.notifications.posting import post
from tests.flow.shop import stock_catalogue
from tests.infrastructure.databases import copy_of
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import Program
from tests.orders.test_notifications import HOUR, channel, happen, later, look, messages, open_kinds
from tests.webhooks.receiver import Answer, Receiver, receiving

BOT, CHAT = "123456789:AAFx7vQ2mLpKq9wZ_tRb3NsYdEcHgJuVi4o", "12315544"
HOOK = "T1JJ3T3L2/A1BRTD4JG/TIiajkdnlazkcOXrIdevi7FQ"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def telegram(receiver: Receiver, monkeypatch: pytest.MonkeyPatch, **values: Any) -> Channel:
    monkeypatch.setattr(NotifyTelegram, "notify_url", f"{receiver.url}/bot")
    return channel(to=f"tgram://{BOT}/{CHAT}", **values)


def slack(receiver: Receiver, monkeypatch: pytest.MonkeyPatch, **values: Any) -> Channel:
    monkeypatch.setattr(NotifySlack, "webhook_url", f"{receiver.url}/services")
    return channel(to=f"slack://{HOOK}/#ops", **values)


TAKEN = Answer(200, body=b'{"ok":true,"result":{"message_id":1}}')


async def test_telegram_has_a_message_that_it_takes(
    shelf: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its limit is 4,096 characters. https://core.telegram.org/bots/api#sendmessage"""
    receiver.otherwise = TAKEN
    for number in range(12):
        await happen(shelf, about=f"{number} <&> {'long ' * 200}")
    assert await look(shelf, telegram(receiver, monkeypatch))
    [sent] = receiver.received
    assert sent.path == f"/hooks/bot{BOT}/sendMessage"
    assert str(sent.event["chat_id"]) == CHAT
    text = str(sent.event["text"])
    assert "Resellflow: 12 new" in text
    assert len(text) <= 4096
    shown = text.count("What to do")
    assert 3 <= shown < 10
    assert f"And {12 - shown} more" in text


async def test_slack_has_its_message(shelf: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver.otherwise = Answer(200, body=b"ok")
    number = await happen(shelf)
    assert await look(shelf, slack(receiver, monkeypatch))
    [sent] = receiver.received
    assert sent.path == f"/hooks/services/{HOOK}"
    assert f"Incident {number}" in json.dumps(sent.event)


@pytest.mark.parametrize(("scheme", "holds"), [("json", b'"message"'), ("xml", b"<Message>"), ("form", b"message=")])
async def test_a_web_address_has_it_in_its_form(scheme: str, holds: bytes, receiver: Receiver) -> None:
    to = receiver.url.replace("http", scheme, 1)
    assert await post(channel(to=to), "a title", "a body") is None
    [sent] = receiver.received
    assert holds in sent.body
    assert b"a body" in sent.body or b"a+body" in sent.body


async def test_each_of_five_channels_that_fail_at_once_has_its_own_reason() -> None:
    statuses = (400, 404, 409, 500, 502)
    with receiving() as first, receiving() as second, receiving() as third, receiving() as fourth, receiving() as fifth:
        receivers = (first, second, third, fourth, fifth)
        gate = _Gate(len(receivers))
        for one, status in zip(receivers, statuses, strict=True):
            one.otherwise = Answer(status)
            one.take = partial(gate.pass_through, one.take)  # type: ignore[method-assign]  # they answer together
        channels = [channel(one, name=f"channel-{status}") for one, status in zip(receivers, statuses, strict=True)]
        reasons = await asyncio.gather(*(post(one, "a title", "a body") for one in channels))
    for status, reason in zip(statuses, reasons, strict=True):
        assert [other for other in statuses if f"error={other}" in str(reason)] == [status], reason


class _Gate:
    """Lets requests through when all have come."""

    def __init__(self, parties: int) -> None:
        import threading

        self._barrier = threading.Barrier(parties, timeout=30)

    def pass_through(self, take: Any, request: Any) -> Answer:
        self._barrier.wait()
        answer: Answer = take(request)
        return answer


async def test_ten_hanging_channels_keep_no_eleventh_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as hanging, receiving() as well:
        hanging.otherwise = Answer(hang=True)
        many = [channel(to=f"{hanging.url.replace('http', 'json', 1)}/{number}?rto=10") for number in range(10)]
        tasks = [asyncio.create_task(post(one, "a title", "a body")) for one in many]
        try:
            await assert_eventually(lambda: len(hanging.received) == 10)
            assert await asyncio.wait_for(post(channel(well), "a title", "a body"), 30) is None
        finally:
            hanging.closing.set()
            await asyncio.gather(*tasks)


async def test_a_service_that_hangs_is_not_asked_a_second_time_meanwhile(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it does with the first request: it has got one message, not one for each attempt."""
    monkeypatch.setattr(posting, "TIMEOUT_SECONDS", 0.2)
    receiver.answers = [Answer(hang=True)]
    to = f"{receiver.url.replace('http', 'json', 1)}?rto=5"
    assert "no answer within" in str(await post(channel(to=to), "a title", "a body"))
    assert "still open" in str(await post(channel(to=to), "a title", "a body"))
    assert len(receiver.received) == 1
    receiver.closing.set()
    monkeypatch.setattr(posting, "TIMEOUT_SECONDS", 30.0)

    async def goes_through() -> bool:
        return await post(channel(to=to), "a title", "a body") is None

    await assert_eventually(goes_through)


BAD = {
    "500": Answer(500, body=b"oops"),
    "429": Answer(429, {"retry-after": "3600"}, b'{"ok":false,"parameters":{"retry_after":3600}}'),
    "garbage": Answer(600, body=b"\x00\xff<html>" * 100),
    "redirect": Answer(302, {"location": "/elsewhere"}),
}


@pytest.mark.parametrize(
    "what", [pytest.param(one, marks=[] if one in ("500", "redirect") else [pytest.mark.proof]) for one in BAD]
)
@pytest.mark.parametrize(
    "service", ["telegram", *(pytest.param(one, marks=pytest.mark.proof) for one in ("slack", "json"))]
)
async def test_a_bad_answer_is_tried_again_later_and_named_after_an_hour(
    service: str, what: str, shelf: Database, receiver: Receiver, noon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {"telegram": telegram, "slack": slack}
    office = made[service](receiver, monkeypatch) if service in made else channel(receiver)
    receiver.otherwise = BAD[what]
    await happen(shelf)
    assert not await look(shelf, office)
    tried = len(receiver.received)
    assert not await look(shelf, office)
    assert len(receiver.received) == tried, "not at once"
    pauses = [await next_pause(shelf)]
    while IncidentKind.NOT_NOTIFIED not in await open_kinds(shelf):
        later(monkeypatch, pauses[-1])
        assert not await look(shelf, office)
        pauses.append(await next_pause(shelf))
    seconds = [round(one.total_seconds(), -1) for one in pauses]
    assert seconds == [30, 60, 120, 240, 480, 900, 900, 900, 900]
    assert len(receiver.received) == tried * len(pauses)
    receiver.otherwise = Answer(200, body=b"ok") if service == "slack" else TAKEN
    later(monkeypatch, HOUR)
    gone = len(receiver.received)
    assert await look(shelf, office)
    assert len(receiver.received) == gone + 1
    assert IncidentKind.NOT_NOTIFIED not in await open_kinds(shelf)


async def next_pause(database: Database) -> timedelta:
    async with database.read() as session:
        state = await session.get_one(NotificationChannel, "office")
    assert state.next_try_at is not None
    return state.next_try_at - utc_now() + timedelta(milliseconds=1)


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    """It would take the message, and what opens the channel, to another host."""
    with receiving() as elsewhere:
        receiver.otherwise = Answer(307, {"location": elsewhere.url})
        assert "307" in str(await post(channel(receiver), "a title", "a body"))
        assert elsewhere.received == []


async def test_what_is_no_tls_is_said(receiver: Receiver) -> None:
    reason = await post(channel(to=receiver.url.replace("http", "jsons", 1)), "a title", "a body")
    assert reason
    assert receiver.received == []


async def test_what_is_no_http_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            taken, _ = server.accept()
            taken.recv(65536)
            taken.sendall(b"\x16\x03\x01 nothing that anybody reads \r\n\r\n")
            taken.close()

        answering = asyncio.create_task(asyncio.to_thread(answer))
        assert await post(channel(to=f"json://127.0.0.1:{server.getsockname()[1]}/"), "a title", "a body")
        await answering


async def test_a_refused_connection_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert await post(channel(to=f"json://127.0.0.1:{port}/"), "a title", "a body")


@pytest.mark.parametrize(
    "service",
    ["telegram", pytest.param("slack", marks=pytest.mark.proof), pytest.param("json", marks=pytest.mark.proof)],
)
async def test_no_secret_of_an_address_stands_anywhere(
    service: str, shelf: Database, receiver: Receiver, noon: None, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, tmp_path: Any,
) -> None:  # fmt: skip
    monkeypatch.setattr(NotifyTelegram, "notify_url", f"{receiver.url}/bot")
    monkeypatch.setattr(NotifySlack, "webhook_url", f"{receiver.url}/services")
    address, secrets = {
        "telegram": (f"tgram://{BOT}/{CHAT}", [BOT, BOT.split(":")[1]]),
        "slack": (f"slack://{HOOK}/#ops", HOOK.split("/")),
        "json": (receiver.url.replace("http://", "json://ops:p%40ss%2Fw0rd@"), ["p@ss/w0rd", "p%40ss%2Fw0rd"]),
    }[service]
    (tmp_path / "channels.toml").write_text(f'[channels.office]\nto = "{address}"\n')
    [office] = read_channels(str(tmp_path / "channels.toml")).channels
    echoed = f"wrong: {address} {' '.join(secrets)}".encode()
    receiver.otherwise = Answer(500, body=echoed)
    await happen(shelf)
    with caplog.at_level(logging.INFO):
        assert not await look(shelf, office)
        later(monkeypatch, HOUR + timedelta(minutes=1))
        assert not await look(shelf, office)
    assert receiver.received
    async with shelf.read() as session:
        state = await session.get_one(NotificationChannel, "office")
    seen = [caplog.text, state.last_error, generate_latest(REGISTRY).decode()]
    for secret in secrets:
        assert not [where for where in seen if secret in where]
    assert IncidentKind.NOT_NOTIFIED in await open_kinds(shelf)
    heard: list[str] = []

    async def hear(_channel: Channel, title: str, body: str) -> str | None:
        heard.append(body)
        return None

    other = channel(name="other")
    assert await tell(shelf, Channels(channels=(other,)), other, hear)
    assert not [secret for secret in secrets if secret in heard[0]]


@pytest.mark.proof
async def test_a_flood_makes_one_message_for_each_look(
    shelf: Database, receiver: Receiver, noon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2,000 incidents within a minute, and a look each ten seconds: six messages, and one that they are over."""
    office = channel(receiver)
    for turn in range(6):
        async with shelf.write() as session:
            for number in range(334):
                about = f"{turn}-{number}"
                session.add(Incident(kind=IncidentKind.ADDONS_LOST, fingerprint=about, message="long " * 200))
        assert await look(shelf, office)
        assert not await look(shelf, office)
        later(monkeypatch, timedelta(seconds=10))
    async with shelf.write() as session:
        await session.exec(update(Incident).values(closed_at=utc_now()))
    assert await look(shelf, office)
    assert not await look(shelf, office)
    said = messages(receiver)
    assert ["334 new" in one for one in said] == [True] * 5 + [False] * 2  # the last ones wait: 2,000 are looked at
    assert len(said) == 7
    assert all(len(one) < 10_000 for one in said)


@pytest.mark.proof
async def test_a_process_that_is_killed_between_sending_and_writing_down_doubles_one_message(
    migrated_sqlite_template: Path, tmp_path: Path, receiver: Receiver
) -> None:
    url = copy_of(migrated_sqlite_template, tmp_path)
    database = Database(url)
    await stock_catalogue(database, "http://upstream.invalid/billmgr")
    await happen(database, about="before")
    with receiving() as other:
        tables = [("office", receiver), ("other", other)]
        file = tmp_path / "channels.toml"
        file.write_text("".join(f'[channels.{name}]\nto = "{json_url(one)}?rto=60"\n' for name, one in tables))
        receiver.answers = [Answer(hang=True)]
        arguments = [sys.executable, "-m", "tests.orders.notifier", url, str(file)]
        first = Program(arguments, name="notifier")
        await assert_eventually(lambda: receiver.received)

        async def other_is_done() -> bool:
            async with database.read() as session:
                state = await session.get(NotificationChannel, "other")
                return state is not None and state.last_sent_at is not None and state.busy_until is None

        await assert_eventually(other_is_done)
        first.kill()
        await happen(database, IncidentKind.SECOND_ITEM, "after")
        second = Program(arguments, name="notifier")
        try:
            await assert_eventually(lambda: len(other.received) == 2)
            assert len(receiver.received) == 1, "the channel is held for a while"
            async with database.write() as session:
                state = await session.get_one(NotificationChannel, "office")
                state.busy_until = utc_now()
                session.add(state)
            await assert_eventually(lambda: len(receiver.received) == 2)
            await happen(database, IncidentKind.FOREIGN_CART, "at last")
            await assert_eventually(lambda: len(receiver.received) == 3)
        finally:
            second.kill()
    await database.close()
    told = messages(receiver)
    assert ["something about before" in one for one in told] == [True, True, False]
    assert ["something about after" in one for one in told] == [False, True, False]
    assert "something about at last" in told[2]


def json_url(receiver: Receiver) -> str:
    return receiver.url.replace("http", "json", 1)
