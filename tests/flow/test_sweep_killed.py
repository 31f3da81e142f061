"""A worker that is killed in the middle of a sweep: the next one begins it anew, and reports only what is so, once."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from models.drift import Drift
from models.enums import DriftKind, IncidentKind, ServiceStatus, Stage
from models.events import UpstreamSnapshot
from models.incident import Incident
from orders.events import sweeps
from orders.events.sweep_views import SweepView, list_sweeps
from orders.services import naming
from temporal.starting import start_poller
from tests.flow.shop import CALM, USER, Shop, Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import Program
from tests.infrastructure.temporal import TemporalServer

NEVER = 60
OTHERS = 2000
"""Items of nobody, older than that of our service: it is on the fifth page of its list."""


@pytest.fixture
async def long_shop(shop_database: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    body = {"account": USER, "type": "vds", "pricelist": 58, "domain": "other.example.com", "count": OTHERS}
    await upstream.admin("POST", "/items/many", body)
    async with open_shop(shop_database, temporal_server, upstream, worker=False, idle_interval=CALM) as shop:
        yield shop


@asynccontextmanager
async def worker(shop: Shop) -> AsyncIterator[Program]:
    """A worker process whose poller begins now, and does not wait until the one before is given up."""
    command = [sys.executable, "-m", "tests.flow.quick_watch", "worker"]
    with Program(command, name="worker", forked=True, env=shop.environment()) as program:
        await asyncio.to_thread(program.wait_for_line, "working on task queues")
        await shop.client.get_workflow_handle(naming.poller_id("main")).terminate("the test's")
        await start_poller(shop.client, shop.settings.task_queue, "main")
        yield program


async def sweep_of(shop: Shop) -> SweepView:
    async with shop.database.read() as session:
        return next(one for one in await list_sweeps(session) if one.product_type == "vds")


async def pages(shop: Shop) -> list[str]:
    """Those that were asked for, in order."""
    return [one["parameters"]["p_num"] for one in await shop.upstream.requests("vds")]


async def reported(shop: Shop) -> list[str]:
    async with shop.database.read() as session:
        found = await session.exec(select(Incident).where(Incident.kind == IncidentKind.MISSED_CHANGES))
        return [one.message.partition(" by the sweep")[0] for one in found.all()]


@pytest.mark.proof
async def test_it_begins_anew_and_reports_nothing_falsely(long_shop: Shop) -> None:
    shop = long_shop
    async with shop.working():
        order = await shop.order()
        await shop.until(order, Stage.COMPLETED, timeout=NEVER)
        await shop.until_looked_at("vds")
    [first, *_] = await shop.upstream.items()
    number = (await shop.service(order.service)).upstream_number
    async with shop.database.write() as session:  # a table that was restored: only a sweep finds that
        await session.exec(
            sa.update(UpstreamSnapshot).where(col(UpstreamSnapshot.number) == str(first["id"])).values(status=3)
        )
        await sweeps.ask(session, "anna")
    await shop.upstream.admin("DELETE", "/requests")
    await shop.upstream.fault(function="vds", parameters={"p_num": "3"}, kind="hang", seconds=600)

    async def third_page() -> bool:
        return "3" in await pages(shop)

    async with worker(shop) as killed:
        await assert_eventually(third_page, timeout=NEVER, message="the third page is asked for")
        killed.kill()
    halfway = await sweep_of(shop)
    assert (halfway.due, halfway.missed, await reported(shop)) == (True, 1, ["1 change was found"])

    await shop.upstream.admin("PATCH", f"/items/{number}", {"status": 3})
    await shop.upstream.admin("DELETE", "/faults")
    await shop.upstream.admin("DELETE", "/requests")

    async def ended() -> bool:
        return not (await sweep_of(shop)).due

    async with worker(shop):
        await assert_eventually(ended, timeout=NEVER, message="the sweep has ended")
    assert (await pages(shop))[:5] == ["1", "2", "3", "4", "5"]
    found = await sweep_of(shop)
    assert (found.compared, found.missed, found.missed_in_all, found.unlisted) == (OTHERS + 1, 1, 1, 0)
    assert await reported(shop) == ["1 change was found"], "what changed between is no news, and nothing counts twice"
    assert (await shop.service(order.service)).status is ServiceStatus.SUSPENDED
    async with shop.database.read() as session:
        assert set((await session.exec(select(Drift.kind).distinct())).all()) == {DriftKind.NOBODYS_ITEM}
