"""Our messages and our check of hints agree with the published libraries of Standard Webhooks and CloudEvents."""

import base64
import json
from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks import Webhook, WebhookVerificationError

from models.columns import utc_now
from models.database import Database
from orders.events.hints import NotSigned, check_signature, check_stamp
from orders.webhooks.sealing import SECRET_PREFIX
from orders.webhooks.signing import headers
from tests.infrastructure.eventually import assert_eventually
from tests.webhooks.receiver import Received, Receiver
from tests.webhooks.sender import SECRET, add_endpoint, sending, tell

NEXT_SECRET = SECRET_PREFIX + base64.b64encode(bytes(range(32))).decode()
OTHER_SECRET = SECRET_PREFIX + base64.b64encode(bytes(range(1, 33))).decode()


async def received_by(database: Database, receiver: Receiver) -> Received:
    await add_endpoint(database, receiver.url)
    await tell(database, 5)

    async def one() -> Received:
        assert len(receiver.received) == 1
        return receiver.received[0]

    async with sending(database):
        return await assert_eventually(one, message="the message has come")


async def test_the_library_of_standard_webhooks_verifies_our_messages(database: Database, receiver: Receiver) -> None:
    received = await received_by(database, receiver)
    event = Webhook(SECRET).verify(received.body, received.headers)
    assert event["id"] == received.headers["webhook-id"]
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER_SECRET).verify(received.body, received.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(received.body + b" ", received.headers)


async def test_the_library_of_cloudevents_reads_our_messages(database: Database, receiver: Receiver) -> None:
    received = await received_by(database, receiver)
    event = from_http_event(HTTPMessage(headers=received.headers, body=received.body))
    assert event.get_specversion() == "1.0"
    assert event.get_id() == received.id
    assert event.get_type() == "resellflow.task.overdue.v1"
    assert event.get_source().startswith("urn:resellflow:")
    assert event.get_subject() is None
    time = event.get_time()
    assert time is not None
    assert abs((utc_now() - time).total_seconds()) < 60
    data = event.get_data()
    assert isinstance(data, dict)
    assert data["task"] == 5


def test_either_secret_verifies_while_a_secret_is_changed() -> None:
    content, keys = b'{"a": 1}', [base64.b64decode(one.removeprefix(SECRET_PREFIX)) for one in (SECRET, NEXT_SECRET)]
    signed = headers("msg_1", int(utc_now().timestamp()), content, keys)
    for secret in (SECRET, NEXT_SECRET):
        assert Webhook(secret).verify(content, signed) == {"a": 1}


def test_a_hint_that_the_library_of_standard_webhooks_has_signed_is_believed() -> None:
    body, now = json.dumps({"number": "17"}), datetime.now(UTC).replace(microsecond=0)
    timestamp, signature = str(int(now.timestamp())), Webhook(SECRET).sign("hint_1", now, body)
    check_stamp("hint_1", timestamp, signature, now)
    check_signature(SECRET, "hint_1", timestamp, signature, body.encode())
    check_signature(f"{NEXT_SECRET} {SECRET}", "hint_1", timestamp, signature, body.encode())
    with pytest.raises(NotSigned):
        check_signature(OTHER_SECRET, "hint_1", timestamp, signature, body.encode())
    with pytest.raises(NotSigned):
        check_signature(SECRET, "hint_2", timestamp, signature, body.encode())
