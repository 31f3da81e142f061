"""The Temporal Schedule of the sweep is made and updated by workers, and asks the pollers for a sweep."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from orders.events.sweep_views import list_sweeps
from orders.services import naming
from temporal.schedules import keep_service_sweep
from tests.flow.shop import Shop, Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer, own_temporal_server


@pytest_asyncio.fixture(scope="module")
async def with_schedules() -> AsyncIterator[TemporalServer]:
    """With one namespace, as the server runs workers for schedules in each."""
    async with own_temporal_server(config={"worker.perNamespaceWorkerCount": 1}, stock=1) as server:
        yield server


@pytest.fixture
async def scheduled_shop(shop_database: str, with_schedules: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    async with open_shop(shop_database, with_schedules, upstream) as shop:
        yield shop


@pytest.mark.proof
async def test_the_schedule_asks_for_a_sweep_and_keeps_what_people_set(scheduled_shop: Shop) -> None:
    shop = scheduled_shop
    queue = shop.settings.task_queue
    await keep_service_sweep(shop.client, queue, timedelta(days=1))
    schedule = shop.client.get_schedule_handle(naming.SERVICE_SWEEP_ID)
    await schedule.trigger()

    async def asked() -> bool:
        async with shop.database.read() as session:
            return {one.asked_by for one in await list_sweeps(session)} == {"schedule"}

    await assert_eventually(asked, timeout=30, message="the pollers are asked for a sweep")
    await schedule.pause(note="the upstream is being moved")
    await keep_service_sweep(shop.client, queue, timedelta(hours=2))
    described = (await schedule.describe()).schedule
    assert [one.every for one in described.spec.intervals] == [timedelta(hours=2)], "updated, and there is one only"
    assert (described.state.paused, described.state.note) == (True, "the upstream is being moved")
