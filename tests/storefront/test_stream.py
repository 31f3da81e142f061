"""GET /v1/operations/N/stream: the stages as they come, from the first to the last."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from models.enums import Stage
from storefront import following as looks
from tests.infrastructure.eventually import assert_eventually
from tests.storefront.api import Api


@dataclass
class Event:
    kind: str
    id: str
    data: Any


class Events:
    """Server-sent events, read one by one, as the standard says."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def next(self) -> Event:
        event = await asyncio.wait_for(self._read(), 10)
        assert event is not None, "the stream has ended"
        return event

    async def rest(self) -> list[Event]:
        """What is still to come, to the end of the stream."""
        events = []
        async with asyncio.timeout(10):
            while (event := await self._read()) is not None:
                events.append(event)
        return events

    async def _read(self) -> Event | None:
        fields: dict[str, str] = {}
        async for line in self._lines:
            if not line and "data" in fields:
                return Event(fields.get("event", "message"), fields.get("id", ""), json.loads(fields["data"]))
            if not line or line.startswith(":"):
                continue
            name, _, value = line.partition(": ")
            fields[name] = value
        return None


@asynccontextmanager
async def following(api: Api, operation: int, last: str | None = None) -> AsyncIterator[Events]:
    headers = {} if last is None else {"Last-Event-ID": last}
    async with api.shop.stream("GET", f"/v1/operations/{operation}/stream", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Events(answer)


async def test_a_follower_sees_the_stages_passed_then_those_to_come_and_the_end(api: Api) -> None:
    await api.started_order()
    async with following(api, 1) as events:
        passed = [await events.next(), await events.next()]
        await api.enter(1, Stage.WAITING_FOR_FUNDS, "5.00 EUR needed")
        waiting = await events.next()
        await api.enter(1, Stage.COMPLETED)
        rest = await events.rest()

    assert [event.data["stage"] for event in passed] == ["accepted", "checking_balance"]
    assert waiting.kind == "stage"
    assert waiting.data["waits_for"] == "money on the upstream account", "how much there is, is not the shop's"
    assert waiting.data["at"].endswith("Z")
    assert waiting.id == str(waiting.data["id"])
    assert [event.kind for event in rest] == ["stage", "end"]
    assert rest[0].data["stage"] == "completed"
    assert rest[1].data == {"operation": 1, "stage": "completed"}


async def test_what_a_stream_begins_with_is_an_event(sqlite_api: Api) -> None:
    await sqlite_api.order()
    await sqlite_api.enter(1, Stage.CANCELLED)

    text = (await sqlite_api.shop.get("/v1/operations/1/stream")).text

    first, second, *_ = [block.splitlines() for block in text.split("\n\n")]
    assert [line.partition(": ")[0] for line in sorted(first)] == ["data", "event", "id", "retry"]
    assert "event: stage" in first
    assert "retry: 1000" in first
    assert [line.partition(": ")[0] for line in sorted(second)] == ["data", "event", "id"]


async def test_a_follower_that_comes_back_goes_on_where_it_was(sqlite_api: Api) -> None:
    await sqlite_api.started_order()
    async with following(sqlite_api, 1) as events:
        first = await events.next()
    await sqlite_api.enter(1, Stage.CANCELLED)

    async with following(sqlite_api, 1, last=first.id) as events:
        rest = await events.rest()
    async with following(sqlite_api, 1, last=rest[-2].id) as events:
        nothing_more = await events.rest()

    assert [event.data["stage"] for event in rest] == ["checking_balance", "cancelled", "cancelled"]
    assert [event.kind for event in nothing_more] == ["end"]


async def test_an_event_id_that_was_never_given_means_from_the_beginning(sqlite_api: Api) -> None:
    await sqlite_api.order()

    async with following(sqlite_api, 1, last="nonsense") as events:
        assert (await events.next()).data["stage"] == "accepted"


async def test_a_follower_that_goes_away_is_no_longer_served(sqlite_api: Api, caplog: pytest.LogCaptureFixture) -> None:
    await sqlite_api.order()
    caplog.set_level("INFO", logger="storefront.access")
    async with following(sqlite_api, 1) as events:
        await events.next()
        served = len(sqlite_api.server.server_state.tasks)

    def gone() -> bool:
        return len(sqlite_api.server.server_state.tasks) < served

    await assert_eventually(gone, timeout=5 * looks.INTERVAL_SECONDS + 2)
    await assert_eventually(lambda: "GET /v1/operations/1/stream 200" in caplog.text)


async def test_streams_end_at_once_when_the_server_stops(sqlite_api: Api) -> None:
    await sqlite_api.started_order()
    async with following(sqlite_api, 1) as events:
        passed = [await events.next(), await events.next()]
        assert passed[-1].data["stage"] == "checking_balance"

        sqlite_api.server.should_exit = True
        async with asyncio.timeout(3):
            rest = await events.rest()

    assert rest == []  # without `end`: the client connects again, to the next server
