"""docs/webhooks.md says what is so."""

import json
import re

from activities import webhooks as sender
from models.database import Database
from models.enums import DeliveryState, MessageType
from orders.webhooks import outbox
from settings import Settings
from tests.docs.pages import Page
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import PROJECT
from tests.webhooks.receiver import Receiver
from tests.webhooks.sender import SECRET, add_endpoint, deliveries, sending, tell

PAGE = Page(PROJECT / "docs" / "webhooks.md")


def test_every_type_has_an_entry_with_an_example_of_its_shape() -> None:
    told = re.findall(r"(?m)^#### `([\w.]+)`$", PAGE.text)
    assert sorted(told) == sorted(MessageType)
    for kind in told:
        [example] = re.findall(r"(?s)```json\n(.+?)```", PAGE.section(f"`{kind}`"))
        shape = outbox.shape_of(kind)
        data = json.loads(example)
        assert set(data) == set(shape.model_fields), kind
        shape.model_validate(data)
        if shape is outbox.OperationNews and kind != MessageType.OPERATION_SLOW:  # it stays in its stage
            assert outbox.type_of_stage(data["stage"]) == kind


def test_the_delays_are_those_of_the_settings() -> None:
    units = {"s": 1, "min": 60, "h": 3600}
    [told] = re.findall(r"`RESELL_WEBHOOK_RETRY_DELAYS`: (.+?), then five times 12 h", PAGE.text)
    delays = [float(number) * units[unit] for number, unit in re.findall(r"(\d+) (\w+)", told)]
    assert delays + [12 * 3600.0] * 5 == Settings().webhook_retry_delays
    assert 2.5 < sum(Settings().webhook_retry_delays) / 86400 < 3.5


async def test_the_code_to_verify_with_verifies_what_is_sent_and_nothing_else(
    database: Database, receiver: Receiver
) -> None:
    [code] = PAGE.blocks("python")
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102 - it is ours, and this is what readers do with it
    verify = names["verify"]
    assert callable(verify)
    await add_endpoint(database, receiver.url)
    await tell(database, 1)
    async with sending(database):
        await assert_eventually(lambda: receiver.received)

        async def noted() -> bool:
            return (await deliveries(database))[0].state is DeliveryState.DELIVERED

        await assert_eventually(noted)
    [received] = receiver.received
    assert verify(received.headers, received.body, SECRET)
    assert not verify(received.headers, received.body + b" ", SECRET)
    assert not verify(received.headers | {"webhook-id": "other"}, received.body, SECRET)
    assert not verify(received.headers | {"webhook-timestamp": "1772357400"}, received.body, SECRET)
    assert sender.INTERVAL_SECONDS <= 1.0, "the page says a second"
