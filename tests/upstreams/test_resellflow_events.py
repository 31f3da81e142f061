"""The distributor's list of events as a list of changes: which services, and nothing else of it, is believed."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from models.audit import Installation
from models.enums import EventKind
from models.order import Service
from orders.webhooks import fanout, outbox
from tests.infrastructure.proxy import Answer, Proxy
from tests.upstreams.farside import FarSide, connection, running_far_side
from upstreams.errors import NoSuchItem, OutcomeUnknown
from upstreams.resellflow import ResellflowUpstream, events


@pytest.fixture
async def far_side(migrated_sqlite_template: Path, tmp_path: Path) -> AsyncIterator[FarSide]:
    async with running_far_side(migrated_sqlite_template, tmp_path) as running:
        yield running


@pytest.fixture
async def line(far_side: FarSide) -> AsyncIterator[Proxy]:
    async with Proxy(far_side.api.address) as line:
        far_side.upstream = ResellflowUpstream(connection(line.url))
        yield line
        await far_side.upstream.aclose()


async def happens(far_side: FarSide, *numbers: str) -> None:
    """Something is told of these services, in this order."""
    async with far_side.api.database.write() as session:
        for number in numbers:
            service = await session.get_one(Service, int(number))
            outbox.service_changed(
                session, service, EventKind.SUSPENDED, upstream="main", operation=None, event=number, changes={}
            )
    await fanout.fan_out(far_side.api.database)


async def test_the_first_cursor_is_of_now_and_then_each_service_is_named_once(far_side: FarSide) -> None:
    first, second = await far_side.open("m-1"), await far_side.open("m-2")
    await fanout.fan_out(far_side.api.database)
    begun = await far_side.upstream.news(None)
    assert (begun.numbers, begun.begins_anew) == ((), True), "lists show what was before"
    await happens(far_side, second, first, second)
    news = await far_side.upstream.news(begun.cursor)
    assert (news.numbers, news.begins_anew, news.more) == ((second, first), False, False)
    again = await far_side.upstream.news(begun.cursor)
    assert again.numbers == news.numbers, "whoever crashes before the cursor is kept reads it again"
    assert (await far_side.upstream.news(news.cursor)).numbers == ()


async def restored(far_side: FarSide) -> None:
    async with far_side.api.database.write() as session:
        (await session.exec(select(Installation))).one().tag = "other"


async def grown_old(far_side: FarSide) -> None:
    async with far_side.api.database.write() as session:
        row = (await session.exec(select(Installation))).one()
        row.positions_removed = row.last_position
    await happens(far_side, "1")


@pytest.mark.parametrize("how", [restored, grown_old, None])
async def test_a_cursor_that_is_refused_leads_to_a_new_one_and_to_the_lists(
    far_side: FarSide, how: Callable[[FarSide], Any] | None
) -> None:
    await far_side.open()
    cursor = (await far_side.upstream.news(None)).cursor
    await happens(far_side, "1")
    if how is not None:
        await how(far_side)
    news = await far_side.upstream.news(cursor if how is not None else "garbled")
    assert (news.numbers, news.begins_anew) == ((), True)
    await happens(far_side, "1")
    assert (await far_side.upstream.news(news.cursor)).numbers == ("1",)


def altered(change: Callable[[list[Any]], list[Any]]) -> Callable[[bytes], bytes]:
    def alter(body: bytes) -> bytes:
        page = json.loads(body)
        return json.dumps(page | {"items": change(page["items"])} if "items" in page else page).encode()

    return alter


UNKNOWN = {"type": "resellflow.service.painted.v9", "data": {"service": 7, "colour": "blue"}}
ODD: list[Any] = [
    {},
    {"data": None},
    {"data": []},
    {"data": {"service": "x"}},
    {"data": {"service": True}},
    {"type": 3},
]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda items: items[::-1], ("1", "2")),
        pytest.param(lambda items: items * 3, ("2", "1"), marks=pytest.mark.proof),
        pytest.param(lambda items: [UNKNOWN, *items], ("7", "2", "1"), marks=pytest.mark.proof),
        (lambda items: [*ODD, *items], ("2", "1")),
        pytest.param(lambda items: [], (), marks=pytest.mark.proof),
    ],
    ids=["out of order", "thrice", "of an unknown type", "of odd forms", "empty although something happened"],
)
async def test_only_the_numbers_count(
    far_side: FarSide, line: Proxy, change: Callable[[list[Any]], list[Any]], named: tuple[str, ...]
) -> None:
    await far_side.open("m-1")
    await far_side.open("m-2")
    await fanout.fan_out(far_side.api.database)
    cursor = (await far_side.upstream.news(None)).cursor
    await happens(far_side, "2", "1")
    line.alter = altered(change)
    assert (await far_side.upstream.news(cursor)).numbers == named


async def test_a_lost_answer_loses_no_event(far_side: FarSide, line: Proxy) -> None:
    await far_side.open()
    cursor = (await far_side.upstream.news(None)).cursor
    await happens(far_side, "1")
    line.lay(Answer.CUT, chosen=lambda request: request.path == events.ADDRESS, times=3)
    with pytest.raises(OutcomeUnknown):
        await far_side.upstream.news(cursor)
    line.mend()
    assert (await far_side.upstream.news(cursor)).numbers == ("1",)


async def test_a_version_without_such_a_list_has_none(far_side: FarSide, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "ADDRESS", "/v1/no-such-address")
    for cursor in (None, "x"):
        with pytest.raises(NoSuchItem):
            await far_side.upstream.news(cursor)


async def test_pages_follow_each_other(far_side: FarSide, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PAGE_SIZE", 2)
    await far_side.open()
    cursor = (await far_side.upstream.news(None)).cursor
    await happens(far_side, "1", "1", "1")
    first = await far_side.upstream.news(cursor)
    assert (first.numbers, first.more) == (("1",), True)
    second = await far_side.upstream.news(first.cursor)
    assert (second.numbers, second.more) == (("1",), False)
