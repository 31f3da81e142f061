"""The page of the channels: what each is for and how it is, without its address; a trial by a worker, for an admin."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from activities.notifying import notify_always, tell
from models.audit import AuditEntry
from models.columns import utc_now
from models.database import Database
from models.enums import Role
from orders.notifications import watching
from orders.notifications.channels import Channel, Channels
from tests.console.conftest import LogIn
from tests.console.people import words
from tests.orders.test_notifications import channel
from tests.storefront.api import Api
from tests.webhooks.receiver import Answer, Receiver, receiving

WORD = "gRx7vQ2mLp"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def secret(receiver: Receiver, **values: Any) -> Channel:
    return channel(to=receiver.url.replace("http://", f"json://ops:{WORD}@"), **values)


async def read_by_a_worker(database: Database, *channels: Channel) -> None:
    async with database.write() as session:
        await watching.publish(session, channels, utc_now())


def all_day(begin: timedelta) -> str:
    """Quiet hours that begin so far from now, and last six hours."""
    begins = utc_now() + begin
    return f"{begins:%H:%M}-{begins + timedelta(hours=6):%H:%M}"


async def test_it_shows_what_each_channel_is_for_and_no_address(api: Api, log_in: LogIn, receiver: Receiver) -> None:
    viewer = await log_in(Role.VIEWER)
    assert "no worker has read a file of channels yet" in words(await viewer.page("notifications"))
    quiet, loud = all_day(timedelta(hours=-3)), all_day(timedelta(hours=3))
    office = secret(receiver, causes=["tasks", "drift"], roles=["senior"], quiet=quiet, digest="08:00")
    other = secret(receiver, name="other", quiet=loud)
    await read_by_a_worker(api.database, office, other)
    listed = await viewer.page("notifications")
    said = words(listed)
    assert "Tasks, Differences now" in said
    assert "all not now" in said
    page = await viewer.page("notifications/office")
    said = words(page)
    assert "JSON (json://…)" in said
    assert f"{quiet} UTC: now" in said
    assert "08:00 UTC" in said
    assert "everything that costs money" in said
    assert WORD not in listed + page
    assert (await viewer.client.get("notifications/no")).status_code == 404


async def test_a_trial_is_sent_by_a_worker_once_and_for_an_admin_alone(
    api: Api, log_in: LogIn, receiver: Receiver
) -> None:
    admin, senior = await log_in(Role.ADMIN), await log_in(Role.SENIOR)
    office = secret(receiver, quiet=all_day(timedelta(hours=-3)))
    await read_by_a_worker(api.database, office)
    refused = await senior.send("notifications/office/try")
    assert refused.status_code == 403
    assert "this needs the role admin" in words(refused.text)
    assert "notifications/office/try" not in await senior.page("notifications/office")
    assert (await admin.client.post("notifications/office/try", data={"csrf": "x"})).status_code == 403
    assert (await admin.send("notifications/no/try")).status_code == 404
    await look(api, office)
    assert receiver.received == []
    sent = await admin.send("notifications/office/try")
    assert (sent.status_code, sent.headers["location"]) == (303, "../office")
    assert "waits for a worker" in words(await admin.page("notifications/office"))
    await look(api, office)
    await look(api, office)
    [got] = receiver.received
    assert "this channel works" in got.event["message"]
    assert "Test message sent" in words(await admin.page("notifications/office"))
    receiver.otherwise = Answer(403)
    await admin.send("notifications/office/try")
    await look(api, office)
    said = words(await admin.page("notifications/office"))
    assert "Test message not sent" in said
    assert "error=403" in said
    async with api.database.read() as session:
        tried = await session.exec(select(AuditEntry).where(col(AuditEntry.action) == watching.TRIED))
        assert [(one.actor, one.detail) for one in tried.all()] == [("a-admin", {"channel": "office"})] * 2


async def look(api: Api, one: Channel) -> None:
    await tell(api.database, Channels(channels=(one,)), one)


async def test_a_worker_writes_down_the_channels_that_it_reads(api: Api, receiver: Receiver) -> None:
    import asyncio

    from tests.infrastructure.eventually import assert_eventually

    task = asyncio.create_task(notify_always(api.database, Channels(channels=(secret(receiver),))))

    async def are_known() -> bool:
        async with api.database.read() as session:
            return [one.name for one in await watching.list_channels(session) if one.rules] == ["office"]

    try:
        await assert_eventually(are_known)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
