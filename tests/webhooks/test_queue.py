"""The queue's transactions, on both databases."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from activities.webhooks import _Sender
from models.columns import utc_now
from models.database import Database
from models.enums import DeliveryState
from models.webhooks import WebhookEndpoint, WebhookMessage
from orders.errors import InvalidField, NotFound
from orders.webhooks import deliveries as queue
from orders.webhooks import endpoints, fanout, replay
from orders.webhooks.deliveries import Attempt
from settings import Settings
from tests.webhooks.sender import add_endpoint, deliveries, delivery, tell

URL = "https://shop.example.com/hooks"


@pytest.mark.dialects
async def test_a_message_goes_once_to_each_endpoint_however_many_spread_it(either_database: Database) -> None:
    database = either_database
    await add_endpoint(database, URL, "one")
    await add_endpoint(database, URL, "two")
    await add_endpoint(database, URL, "choosy", kinds=["resellflow.service.closed.v1"])
    ids = await tell(database, 1, 2, 3)
    await asyncio.gather(*(fanout.fan_out(database) for _ in range(4)))
    assert await fanout.fan_out(database) == 0
    assert sorted((one.webhook, one.message_id) for one in await deliveries(database)) == sorted(
        (name, message_id) for name in ("one", "two") for message_id in ids
    )


@pytest.mark.dialects
async def test_what_is_due_goes_and_comes_back_until_it_is_taken_or_given_up(either_database: Database) -> None:
    database = either_database
    await add_endpoint(database, URL)
    await tell(database, 1, 2)
    await fanout.fan_out(database)
    first, second = await queue.due(database, but_not=[])
    assert (first.attempts, first.endpoint_name, first.data["task"]) == (0, "shop", 1)
    assert await queue.due(database, but_not=[first.endpoint]) == []
    failed = Attempt(500, 12, "answered 500", "oh\u00f6" * 100)
    assert await queue.record(database, first, failed, again_in=timedelta(hours=1)), "it begins to fail"
    assert not await queue.record(database, second, failed, again_in=None)
    assert await queue.due(database, but_not=[]) == []
    assert [one.state for one in await deliveries(database)] == [DeliveryState.PENDING, DeliveryState.GIVEN_UP]
    async with database.write() as session:
        endpoint = await endpoints.endpoint_named(session, "shop")
        assert await endpoints.resume(session, endpoint, actor="olga") == 1
    [again] = await queue.due(database, but_not=[])
    assert (again.message_id, again.attempts) == (first.message_id, 1)
    assert not await queue.record(database, again, Attempt(200, 3), again_in=None)
    async with database.write() as session:
        await replay.replay_one(session, second.delivery, actor="olga")
    [replayed] = await queue.due(database, but_not=[])
    assert (replayed.message_id, replayed.attempts) == (second.message_id, 0)
    assert len((await delivery(database, second.delivery)).log) == 1, "the log stays"


async def test_all_since_a_time_also_for_an_endpoint_that_came_later(either_database: Database) -> None:
    database = either_database
    now = utc_now()
    await add_endpoint(database, URL, "early")
    await tell(database, 1, at=now - timedelta(hours=3))
    await tell(database, 2, at=now - timedelta(minutes=5))
    await fanout.fan_out(database)
    for outgoing in await queue.due(database, but_not=[]):
        await queue.record(database, outgoing, Attempt(204, 1), again_in=None)
    await add_endpoint(database, URL, "late")
    for name in ("early", "late"):
        async with database.write() as session:
            endpoint = await endpoints.endpoint_named(session, name)
            assert await replay.replay_since(session, endpoint, now - timedelta(hours=1), actor="olga") == 1
    assert {(one.endpoint_name, one.data["task"]) for one in await queue.due(database, but_not=[])} == {
        ("early", 2),
        ("late", 2),
    }


async def test_an_endpoint_is_removed_with_its_log(either_database: Database) -> None:
    database = either_database
    await add_endpoint(database, URL)
    await tell(database, 1)
    await fanout.fan_out(database)
    [outgoing] = await queue.due(database, but_not=[])
    await queue.record(database, outgoing, Attempt(None, 1, "no answer"), again_in=timedelta(0))
    async with database.write() as session:
        await endpoints.remove_endpoint(session, await endpoints.endpoint_named(session, "shop"), actor="olga")
    assert await deliveries(database) == []
    async with database.read() as session:
        with pytest.raises(NotFound):
            await endpoints.endpoint_named(session, "shop")
        assert (await session.get_one(WebhookMessage, 1)).spread_at is not None


async def test_what_happened_while_nobody_listened_is_not_sent_to_the_first_who_does(either_database: Database) -> None:
    database = either_database
    await tell(database, 1, 2, 3)
    assert (await queue.backlog(database)).has_new, "there is no endpoint, and it is listed as an event all the same"
    assert [await fanout.fan_out(database) for _ in range(2)] == [3, 0]
    assert await deliveries(database) == []
    await tell(database, 4)
    await add_endpoint(database, URL)
    assert await queue.backlog(database) == queue.Backlog(False, frozenset()), "4 is older than it"
    await tell(database, 5)
    assert (await queue.backlog(database)).has_new
    async with database.write() as session:
        await fanout.skip_new(session)
    assert (await queue.backlog(database)).has_new, "somebody listens"
    await fanout.fan_out(database)
    assert [outgoing.data["task"] for outgoing in await queue.due(database, but_not=[])] == [5]
    async with database.write() as session:
        endpoint = await endpoints.endpoint_named(session, "shop")
        assert await replay.replay_since(session, endpoint, utc_now() - timedelta(hours=1), actor="olga") == 5


async def test_a_batch_is_spread_by_as_many_statements_as_one_message(either_database: Database) -> None:
    database = either_database
    await add_endpoint(database, URL, "one")
    await add_endpoint(database, URL, "two")
    costs = []
    for several in ([1], list(range(2, 100))):
        await tell(database, *several)
        with counted(database) as statements:
            assert await fanout.fan_out(database) == len(several)
        costs.append(len(statements))
    assert costs == [5, 5], "messages, the counter, their positions, endpoints, the deliveries"


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    sa.event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sa.event.remove(database.engine.sync_engine, "before_cursor_execute", note)


@pytest.mark.parametrize("listens", [True, False])
async def test_a_look_that_finds_nothing_is_one_statement(either_database: Database, listens: bool) -> None:
    database = either_database
    if listens:
        await add_endpoint(database, URL)
    sending = _Sender(database, Settings())
    assert not await sending.dispatch()
    with counted(database) as statements:
        assert [await sending.dispatch() for _ in range(5)] == [False] * 5
    assert len(statements) == 5
    await sending.close()


async def test_an_address_that_messages_may_not_go_to_is_not_added(database: Database) -> None:
    endpoint = WebhookEndpoint(name="shop", url="https://10.0.0.7/hooks", secret_env="SECRET")
    async with database.write() as session:
        with pytest.raises(InvalidField, match="private"):
            await endpoints.add_endpoint(session, endpoint, private=False, actor="olga")
