"""The client's check of webhooks, with messages signed by the product."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from models.columns import utc_now
from orders.webhooks.signing import cloud_event, headers
from resellflow_client import WebhookRejected, webhooks
from resellflow_client.models import Event, OperationEvent

SECRET = bytes(range(32))
TEXT = "whsec_" + base64.b64encode(SECRET).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()
DATA: dict[str, Any] = {
    "service": 7, "operation": 12, "kind": "open", "stage": "completed", "stage_before": "awaiting_confirmation",
    "reason": "", "failure_class": None, "quote": None, "reference": "cart 17", "metadata": {}, "idempotency_key": "k",
    "operation_reference": None, "operation_metadata": {},
}  # fmt: skip


def message(kind: str = "resellflow.operation.completed.v1", data: dict[str, Any] = DATA, name: str = "m-1") -> bytes:
    event = cloud_event(name, "urn:resellflow:k3x9p", kind, 7, datetime(2026, 3, 1, tzinfo=UTC), data)
    return json.dumps(event).encode()


def signed(content: bytes, *secrets: bytes, seconds_ago: int = 0) -> dict[str, str]:
    return headers("m-1", int(utc_now().timestamp()) - seconds_ago, content, secrets or (SECRET,))


def test_a_message_is_an_event_with_the_data_of_its_type() -> None:
    content = message()
    event = webhooks.verified(content, signed(content), TEXT)
    assert isinstance(event, OperationEvent)
    assert (event.data.operation, event.data.stage, event.data.reference) == (12, "completed", "cart 17")


def test_either_of_two_secrets_is_enough() -> None:
    content = message()
    assert webhooks.verified(content, signed(content), [OTHER, TEXT]).id == "m-1"
    assert webhooks.verified(content, signed(content, bytes(32), SECRET), TEXT).id == "m-1"


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_message_of_another_time_is_rejected(seconds: int) -> None:
    content = message()
    with pytest.raises(WebhookRejected, match="timestamp"):
        webhooks.verified(content, signed(content, seconds_ago=seconds), TEXT)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-signature": ""},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,###"},
        {"webhook-signature": "v2,AAAA"},
        {"webhook-timestamp": "now"},
        {"webhook-id": "m-2"},
    ],
)
def test_what_is_not_signed_as_it_must_be_is_rejected(change: dict[str, str]) -> None:
    content = message()
    with pytest.raises(WebhookRejected):
        webhooks.verified(content, signed(content) | change, TEXT)


def test_another_body_another_secret_no_secret_and_no_headers_are_rejected() -> None:
    content = message()
    for body, found, secrets in [
        (content + b" ", signed(content), [TEXT]),
        (content, signed(content), [OTHER]),
        (content, signed(content), []),
        (content, signed(content), ["whsec_*"]),
        (content, {}, [TEXT]),
    ]:
        with pytest.raises(WebhookRejected):
            webhooks.verified(body, found, secrets)


@pytest.mark.parametrize("content", [b"{}", b"\xff\xfe", b"[]", message(name="m-2"), message(data={"service": 7})])
def test_what_is_signed_and_yet_no_event_is_rejected(content: bytes) -> None:
    with pytest.raises(WebhookRejected):
        webhooks.verified(content, signed(content), TEXT)


def test_an_event_of_a_later_version_is_kept_as_it_is() -> None:
    content = message("resellflow.operation.improved.v2", {"how": "much"})
    event = webhooks.verified(content, {name.title(): value for name, value in signed(content).items()}, TEXT)
    assert isinstance(event, Event)
    assert event.data == {"how": "much"}


def test_data_that_are_not_of_the_type_are_not_taken_for_it() -> None:
    with pytest.raises(ValidationError):
        webhooks.typed(Event.model_validate_json(message(data={"service": 7})))
