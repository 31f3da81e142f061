"""How messages get to a receiver, whatever it answers."""

import base64
import hashlib
import hmac
import time
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from activities import webhooks as sender
from models.database import Database
from models.enums import DeliveryState
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.views import list_webhooks
from orders.webhooks import deliveries as queue
from orders.webhooks import endpoints, replay
from orders.webhooks import posting as webhook_post
from orders.webhooks.deliveries import Attempt, OutgoingMessage
from tests.flow.shop import stock_catalogue
from tests.infrastructure.eventually import assert_eventually
from tests.webhooks.receiver import TAKEN, Answer, Received, Receiver, receiving
from tests.webhooks.sender import SECRET, add_endpoint, deliveries, delivery, sending, tell

OTHER_SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "INTERVAL_SECONDS", 0.02)
    monkeypatch.setattr(sender, "BUSY_INTERVAL_SECONDS", 0.02)


async def until(database: Database, *states: DeliveryState) -> None:
    async def reached() -> bool:
        found = [one.state for one in await deliveries(database)]
        assert found == list(states)
        return True

    await assert_eventually(reached, message=f"deliveries are {states}")


def signed_by(secret: str, received: Received) -> bool:
    content = f"{received.id}.{received.headers['webhook-timestamp']}.".encode() + received.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return expected in received.headers["webhook-signature"].split(" ")


async def test_a_message_is_a_signed_cloud_event(database: Database, receiver: Receiver) -> None:
    await add_endpoint(database, receiver.url)
    [message_id] = await tell(database, 5)
    async with sending(database):
        await until(database, DeliveryState.DELIVERED)
    [received] = receiver.received
    assert received.path == "/hooks"
    assert received.headers["content-type"] == "application/cloudevents+json"
    assert received.id == received.event["id"] == message_id
    assert abs(int(received.headers["webhook-timestamp"]) - time.time()) < 60
    assert signed_by(SECRET, received)
    assert not signed_by(OTHER_SECRET, received)
    assert received.event["specversion"] == "1.0"
    assert received.event["type"] == "resellflow.task.overdue.v1"
    assert received.event["source"].startswith("urn:resellflow:")
    assert received.event["data"]["task"] == 5


async def test_what_is_not_taken_comes_again_with_the_same_id_and_content(
    database: Database, receiver: Receiver
) -> None:
    receiver.answers = [Answer(500, body=b"out of\r\n order"), Answer(302, {"location": receiver.url + "/elsewhere"})]
    await add_endpoint(database, receiver.url)
    await tell(database, 1)
    async with sending(database):
        await until(database, DeliveryState.DELIVERED)
    assert len(receiver.received) == 3
    assert len({(one.id, one.body, one.path) for one in receiver.received}) == 1
    [only] = await deliveries(database)
    shown = await delivery(database, only.number)
    assert [one.status_code for one in shown.log] == [500, 302, 204]
    assert [one.error for one in shown.log] == [
        "answered 500",
        "answered 302; redirects are not followed",
        None,
    ]
    assert shown.log[0].answer == "out of order"


async def test_after_the_last_try_it_is_given_up_and_can_be_sent_again_by_hand(
    database: Database, receiver: Receiver
) -> None:
    receiver.otherwise = Answer(400)
    await add_endpoint(database, receiver.url)
    await tell(database, 1)
    async with sending(database):
        await until(database, DeliveryState.GIVEN_UP)
        assert len(receiver.received) == 4, "at once, and after each of three pauses"
        async with database.read() as session:
            [webhook] = await list_webhooks(session)
        assert (webhook.failure, webhook.given_up) == ("answered 400", 1)
        assert webhook.failing_since is not None
        receiver.otherwise = TAKEN
        async with database.write() as session:
            endpoint = await endpoints.endpoint_named(session, "shop")
            assert await replay.replay_given_up(session, endpoint, actor="olga") == 1
        await until(database, DeliveryState.DELIVERED)
    assert len({one.id for one in receiver.received}) == 1
    async with database.read() as session:
        [webhook] = await list_webhooks(session)
    assert (webhook.failing_since, webhook.failure, webhook.given_up) == (None, None, 0)


async def test_gone_switches_the_endpoint_off_and_nothing_is_lost(database: Database, receiver: Receiver) -> None:
    receiver.answers = [Answer(410)]
    await add_endpoint(database, receiver.url)
    await tell(database, 1)
    async with sending(database):
        await until(database, DeliveryState.GIVEN_UP)
        await tell(database, 2)
        await until(database, DeliveryState.GIVEN_UP, DeliveryState.PENDING)
        async with database.read() as session:
            [webhook] = await list_webhooks(session)
        assert not webhook.active
        assert webhook.failing_since is not None, "the figures tell whoever watches them"
        assert "410" in (webhook.failure or "")
        assert len(receiver.received) == 1
        async with database.write() as session:
            await endpoints.resume(session, await endpoints.endpoint_named(session, "shop"), actor="olga")
        await until(database, DeliveryState.GIVEN_UP, DeliveryState.DELIVERED)


async def test_a_receiver_that_hangs_holds_up_no_other(database: Database, receiver: Receiver) -> None:
    receiver.otherwise = Answer(hang=True)
    await add_endpoint(database, receiver.url, "hangs")
    with receiving() as other:
        await add_endpoint(database, other.url, "works")
        async with sending(database):
            await tell(database, 1)
            await assert_eventually(lambda: receiver.received)
            await tell(database, 2)
            await assert_eventually(lambda: len(other.received) == 2, timeout=1, message="the other gets both")

            async def noted() -> bool:
                hanging = [one for one in await deliveries(database) if one.webhook == "hangs"]
                log = (await delivery(database, hanging[0].number)).log
                return bool(log) and log[0].error == "no answer within 1 s"

            await assert_eventually(noted)


@pytest.mark.proof
async def test_an_endpoint_that_does_not_work_is_tried_by_one_message_at_a_time(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "LONGEST_BACK_OFF", 0.3)
    receiver.answers = [Answer(503)] * 3
    await add_endpoint(database, receiver.url)
    await tell(database, 1)
    async with sending(database, webhook_retry_delays=[30.0]):
        await assert_eventually(lambda: len(receiver.received) == 1)
        await tell(database, *range(2, 12))
        await until(database, *[DeliveryState.PENDING] * 3, *[DeliveryState.DELIVERED] * 8)
    assert [one.event["data"]["task"] for one in receiver.received[:4]] == [1, 2, 3, 4], "the others waited"
    assert {one.attempts for one in await deliveries(database)} == {1}


async def test_who_resumes_or_tries_an_endpoint_does_not_wait_for_its_rest(
    database: Database, receiver: Receiver
) -> None:
    receiver.answers = [Answer(503, {"retry-after": "600"}), Answer(503, {"retry-after": "600"})]
    await add_endpoint(database, receiver.url)
    await tell(database, 1)
    async with sending(database):
        await assert_eventually(lambda: len(receiver.received) == 1)
        async with database.write() as session:
            await endpoints.ping(session, await endpoints.endpoint_named(session, "shop"))
        await assert_eventually(lambda: len(receiver.received) == 2, message="the ping is sent")
        assert receiver.received[1].type == "resellflow.ping.v1"
        await until(database, DeliveryState.PENDING, DeliveryState.PENDING)
        async with database.write() as session:
            await endpoints.resume(session, await endpoints.endpoint_named(session, "shop"), actor="olga")
        await until(database, DeliveryState.DELIVERED, DeliveryState.DELIVERED)


async def test_a_receiver_that_asks_for_a_pause_gets_it(database: Database, receiver: Receiver) -> None:
    receiver.answers = [Answer(429, {"retry-after": "3600"})]
    await add_endpoint(database, receiver.url)
    await tell(database, 1)
    async with sending(database):
        await assert_eventually(lambda: receiver.received)

        async def put_off() -> float:
            [only] = await deliveries(database)
            assert only.attempts == 1
            assert only.next_attempt_at is not None
            return (only.next_attempt_at - only.happened_at).total_seconds()

        assert await assert_eventually(put_off) == pytest.approx(3600, abs=30)


@pytest.mark.parametrize(
    "told",
    [
        "²",
        pytest.param("-5", marks=pytest.mark.proof),
        pytest.param("nan", marks=pytest.mark.proof),
        "9" * 20,
        pytest.param("Fri, 20 Nov 99999999999999999999 10:00:00 GMT", marks=pytest.mark.proof),
        pytest.param("soon", marks=pytest.mark.proof),
    ],
)
async def test_a_strange_wish_for_a_pause_costs_one_try_like_any_other(
    database: Database, receiver: Receiver, told: str
) -> None:
    receiver.otherwise = Answer(503, {"retry-after": told})
    await add_endpoint(database, receiver.url)
    await tell(database, 1)
    async with sending(database, webhook_retry_delays=[]):
        await until(database, DeliveryState.GIVEN_UP)
    assert len(receiver.received) == 1
    [only] = await deliveries(database)
    assert [one.error for one in (await delivery(database, only.number)).log] == ["answered 503"]


async def test_a_try_that_fails_in_a_way_that_nobody_foresaw_counts_too(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(told: str, _now: object) -> float:
        raise ZeroDivisionError(told)

    monkeypatch.setattr(webhook_post, "retry_after", broken)
    receiver.otherwise = Answer(503, {"retry-after": "7"})
    await add_endpoint(database, receiver.url)
    await tell(database, 1)
    async with sending(database, webhook_retry_delays=[]):
        await until(database, DeliveryState.GIVEN_UP)
    assert len(receiver.received) == 1
    [only] = await deliveries(database)
    [tried] = (await delivery(database, only.number)).log
    assert tried.error == "failed unexpectedly: ZeroDivisionError: 7"


async def test_nothing_goes_twice_while_the_database_does_not_take_down_that_it_went(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = psycopg.errors.DiskFull("no space left on device")
    refused: list[OutgoingMessage] = []
    record = queue.record

    async def recorded(
        at: Database, outgoing: OutgoingMessage, attempt: Attempt, *, again_in: timedelta | None
    ) -> bool:
        if len(refused) < 3:
            refused.append(outgoing)
            raise OperationalError("INSERT", {}, full)
        return await record(at, outgoing, attempt, again_in=again_in)

    monkeypatch.setattr(queue, "record", recorded)
    monkeypatch.setattr(sender, "RECORD_PAUSE_SECONDS", 0.02)
    await add_endpoint(database, receiver.url)
    await tell(database, 1)
    async with sending(database):
        await until(database, DeliveryState.DELIVERED)
    assert len(refused) == 3
    assert len(receiver.received) == 1


@pytest.mark.proof
async def test_each_of_several_secrets_signs_and_a_file_is_read_anew(
    database: Database, receiver: Receiver, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    await add_endpoint(database, receiver.url, secret_file=str(file))
    await tell(database, 1)
    async with sending(database):

        async def failed() -> bool:
            return [one.attempts > 0 for one in await deliveries(database)] == [True]

        await assert_eventually(failed)
        assert receiver.received == [], "nothing leaves without a signature"
        file.write_text(f"{SECRET} {OTHER_SECRET}\n")
        await until(database, DeliveryState.DELIVERED)
    [received] = receiver.received
    assert signed_by(SECRET, received)
    assert signed_by(OTHER_SECRET, received)


async def test_nothing_is_sent_to_private_addresses_unless_it_is_allowed(
    database: Database, receiver: Receiver
) -> None:
    await add_endpoint(database, receiver.url)
    await add_endpoint(database, "https://localhost:1/hooks", "by-name")
    await tell(database, 1)
    async with sending(database, webhook_private=False, webhook_retry_delays=[]):
        await until(database, DeliveryState.GIVEN_UP, DeliveryState.GIVEN_UP)
    assert receiver.received == []
    errors = {one.webhook: (await delivery(database, one.number)).log[0].error for one in await deliveries(database)}
    assert "plain http" in (errors["shop"] or "")
    assert "is private" in (errors["by-name"] or "")


async def test_messages_of_a_service_come_in_their_order(database: Database, receiver: Receiver) -> None:
    await stock_catalogue(database, "http://upstream.invalid/billmgr")
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    services = [
        (await accept_order(database, request, client="shop", key=f"order {n}", hostname_suffix="test")).service
        for n in range(3)
    ]
    await add_endpoint(database, receiver.url)
    told = {service: await tell(database, *range(1, 15), service=service) for service in services}
    async with sending(database):
        await until(database, *[DeliveryState.DELIVERED] * 42)
    for service, ids in told.items():
        assert [one.id for one in receiver.received if one.event["subject"] == str(service)] == ids


async def test_a_pause_keeps_what_happens_meanwhile(database: Database, receiver: Receiver) -> None:
    await add_endpoint(database, receiver.url)
    async with database.write() as session:
        await endpoints.pause(session, await endpoints.endpoint_named(session, "shop"), actor="olga")
    await tell(database, 1, 2)
    async with sending(database):
        await until(database, DeliveryState.PENDING, DeliveryState.PENDING)
        async with database.write() as session:
            endpoint = await endpoints.endpoint_named(session, "shop")
            assert await endpoints.resume(session, endpoint, actor="olga") == 2
        await until(database, DeliveryState.DELIVERED, DeliveryState.DELIVERED)


async def test_a_pause_takes_the_failure_away_also_that_of_what_was_on_its_way(
    database: Database, receiver: Receiver
) -> None:
    """One that is off and fails was switched off by its receiver, so a person who pauses it must end that."""

    async def paused() -> tuple[bool, object, str | None]:
        async with database.write() as session:
            await endpoints.pause(session, await endpoints.endpoint_named(session, "shop"), actor="olga")
        return await state()

    async def state() -> tuple[bool, object, str | None]:
        async with database.read() as session:
            [webhook] = await list_webhooks(session)
        return webhook.active, webhook.failing_since, webhook.failure

    receiver.answers, receiver.otherwise = [Answer(410)], Answer(hang=True)
    await add_endpoint(database, receiver.url)
    await tell(database, 1)
    async with sending(database):
        await until(database, DeliveryState.GIVEN_UP)
        assert await paused() == (False, None, None)
        async with database.write() as session:
            await endpoints.resume(session, await endpoints.endpoint_named(session, "shop"), actor="olga")
        await tell(database, 2)
        await assert_eventually(lambda: len(receiver.received) == 2)
        assert await paused() == (False, None, None)

        async def recorded() -> bool:
            return bool((await delivery(database, (await deliveries(database))[1].number)).log)

        await assert_eventually(recorded, message="the attempt that was on its way")
    assert await state() == (False, None, None)


async def test_a_webhook_that_does_not_want_a_type_does_not_get_it(database: Database, receiver: Receiver) -> None:
    await add_endpoint(database, receiver.url, kinds=["resellflow.service.closed.v1"])
    await tell(database, 1)
    async with sending(database):
        async with database.write() as session:
            await endpoints.ping(session, await endpoints.endpoint_named(session, "shop"))
        await until(database, DeliveryState.DELIVERED)
    assert [one.type for one in receiver.received] == ["resellflow.ping.v1"], "a ping is asked for by name"
