"""What changes at the distributor's is seen here soon by its list of events, and by the lists whatever that says."""

import json
from collections.abc import AsyncIterator

import pytest
from sqlmodel import select

from models.audit import Installation
from models.catalogue import UpstreamAccount
from models.enums import ServiceStatus
from tests.farside.conftest import OpenPair
from tests.farside.installations import Pair
from tests.flow.shop import CALM
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.proxy import Answer, Reaches, Request
from upstreams.resellflow.events import ADDRESS


@pytest.fixture
async def pair(opening: OpenPair) -> AsyncIterator[Pair]:
    """The reseller's lists are read only at the start of a lap and when somebody asks for them."""
    async with opening(idle_interval=CALM) as pair:
        yield pair


def of_events(request: Request) -> bool:
    return request.path == ADDRESS


def of_lists(request: Request) -> bool:
    return request.method == "GET" and request.path == "/v1/services"


async def cursor(pair: Pair) -> str | None:
    async with pair.reseller.database.read() as session:
        return (await session.get_one(UpstreamAccount, 1)).feed_cursor


async def begun(pair: Pair) -> str:
    """The cursor, once there is one."""
    found = await assert_eventually(lambda: cursor(pair), timeout=30, message="the list of events is read")
    assert found is not None
    return found


async def suspend_there(pair: Pair) -> None:
    """The distributor's people suspend what the reseller has bought, by their own upstream."""
    [sold] = await pair.sold()
    await pair.panel.admin("PATCH", f"/items/{sold.upstream_number}", {"status": 3, "reason": "employeesuspend"})


async def seen_suspended(pair: Pair, number: int) -> None:
    async def suspended() -> bool:
        return (await pair.reseller.service(number)).status is ServiceStatus.SUSPENDED

    await assert_eventually(suspended, timeout=60, message="the suspension is seen here")


@pytest.mark.proof
async def test_a_change_there_is_seen_here_without_a_list(pair: Pair) -> None:
    number = (await pair.bought()).id or 0
    before = await begun(pair)
    pair.line.lay(Answer.CUT, Reaches.NEVER, chosen=of_lists, times=10_000)
    await suspend_there(pair)
    await seen_suspended(pair, number)
    assert await cursor(pair) != before


@pytest.mark.proof
async def test_a_cursor_that_is_refused_has_all_lists_read_and_goes_on_from_now(pair: Pair) -> None:
    number = (await pair.bought()).id or 0
    before = await begun(pair)
    lists = pair.line.sent(of_lists)
    pair.line.lay(Answer.CUT, Reaches.NEVER, chosen=of_events, times=10_000)
    async with pair.distributor.database.write() as session:
        (await session.exec(select(Installation))).one().tag = "restored"
    await suspend_there(pair)
    pair.line.mend()
    await seen_suspended(pair, number)

    async def listed() -> bool:
        return pair.line.sent(of_lists) > lists

    await assert_eventually(listed, timeout=30, message="the lists are read, too")  # an event may come before them

    async def begun_anew() -> bool:
        return await cursor(pair) not in (before, None)

    await assert_eventually(begun_anew, timeout=30, message="the events are read from now on")


@pytest.mark.proof
async def test_an_empty_list_of_events_does_not_hide_what_the_lists_show(opening: OpenPair) -> None:
    async with opening(idle_interval=1.0) as pair:
        number = (await pair.bought()).id or 0
        await begun(pair)

        def without_events(body: bytes) -> bytes:
            page = json.loads(body)
            is_feed = isinstance(page, dict) and "more" in page
            return json.dumps(page | {"items": []}).encode() if is_feed else body

        pair.line.alter = without_events
        await suspend_there(pair)
        await seen_suspended(pair, number)
