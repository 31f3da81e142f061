"""A PostgreSQL server is restored to a moment, as docs/backup.md says: real orders go on, nothing is bought again."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from models.database import Database
from models.enums import Stage
from models.messages import Decision, DecisionKind
from models.migrate import migrate
from models.outages import Held
from orders.errors import Refused
from orders.lifecycle.acceptance import AcceptedOrder
from orders.linking.linker import Linker
from orders.linking.requests import AdoptRequest
from starter import Resellflow
from temporal.restoring import Restorer
from tests.backup.saved_server import SavedServer, saved_server
from tests.flow.backups import completed, resell, stop, worker_refuses
from tests.flow.shop import PASSWORD, PASSWORD_VARIABLE, Shop, Upstream, open_shop, open_upstream
from tests.infrastructure.databases import NoServer
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import Program, free_port
from tests.infrastructure.temporal import TemporalServer, own_temporal_server
from upstreams.connections import Connections

pytestmark = pytest.mark.proof
REASON = "restored from a backup"


@pytest.fixture
def saved() -> Iterator[SavedServer]:
    try:
        opened = saved_server()
        server = opened.__enter__()
    except NoServer as reason:
        pytest.skip(f"NO POSTGRESQL, no restore is rehearsed: {reason}")
    try:
        migrate(server.url)
        yield server
    finally:
        opened.__exit__(None, None, None)


@pytest.fixture
async def upstream(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Upstream]:
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    async with open_upstream() as upstream:
        await upstream.set(opening_delay=0.2)
        yield upstream


class Rehearsal:
    """An installation on the saved server, with a Temporal server whose file is kept at each stage."""

    def __init__(self, shop: Shop, saved: SavedServer, directory: Path, port: int) -> None:
        self.shop, self.saved = shop, saved
        self.now = directory / "temporal.db"
        self._directory, self._port = directory, port

    @asynccontextmanager
    async def temporal(self, *, file: Path | None = None, keep: str = "") -> AsyncIterator[None]:
        async with own_temporal_server(port=self._port, file=file or self.now, stock=1):
            yield
        if keep:
            self.kept(keep).write_bytes(self.now.read_bytes())

    def kept(self, name: str) -> Path:
        return self._directory / f"{name}.db"

    async def recover(self, to: str) -> str:
        """The server is lost. Another one takes its place, at its address."""
        server, into = self.saved.server, self.saved.server.home / "after" / "data"
        await self.shop.database.close()
        await asyncio.to_thread(server.stop)
        said = await asyncio.to_thread(self.saved.done, "recover", "--to", to, "--into", into)
        (server.home / "data").rename(server.home / "lost")
        into.rename(server.home / "data")
        await asyncio.to_thread(server.start)
        self.shop.database = Database(self.shop.database_url)
        self.shop.resellflow = Resellflow(self.shop.database, self.shop.client, self.shop.settings)
        return said

    async def worker_that_refuses(self) -> Program:
        """Somebody has forgotten `resell restored`."""
        bought = await self.shop.upstream.charges()
        worker = await worker_refuses(self.shop)
        with pytest.raises(Held, match=REASON):
            await self.shop.order()
        async with Connections.of(self.shop.settings) as connections:
            restorer = Restorer(self.shop.database, self.shop.client, connections, self.shop.settings.task_queue)
            with pytest.raises(Refused, match="leave out --temporal-only"):
                await restorer.begin_anew(await restorer.look(upstreams=False), actor="anna")
        assert await self.shop.upstream.charges() == bought
        return worker


@asynccontextmanager
async def rehearsal(saved: SavedServer, upstream: Upstream, directory: Path) -> AsyncIterator[Rehearsal]:
    port = free_port()
    away = TemporalServer(f"127.0.0.1:{port}", iter(["test-1"]))
    client = await Client.connect(away.address, namespace="test-1", data_converter=pydantic_data_converter, lazy=True)
    async with open_shop(saved.url, away, upstream, worker=False, client=client) as shop:
        yield Rehearsal(shop, saved, directory, port)
        await shop.database.close()


class Story:
    """Orders before, at and after the moment to which the server is restored."""

    first: AcceptedOrder
    """It was bought before."""
    opening: AcceptedOrder
    """It waits at that moment, and is bought afterwards."""
    prolonging: AcceptedOrder
    """The same, of the first service."""
    bought: AcceptedOrder
    """It is accepted afterwards, and bought."""
    unbought: AcceptedOrder
    """It is accepted afterwards, and nothing of it is sent."""

    async def happens(self, on: Rehearsal) -> str:
        """The moment, as an operator types it."""
        shop, saved = on.shop, on.saved
        async with on.temporal(keep="before"):
            worker = shop.start_worker()
            self.first = await shop.order()
            await completed(shop, self.first)
            await asyncio.to_thread(saved.done, "base")  # while the worker works
            await stop(worker)
        async with on.temporal(keep="same"):
            self.opening = await shop.order()
            self.prolonging = await shop.resellflow.prolong(self.first.service, 1, key="p", client="shop")
        await asyncio.to_thread(saved.later_than_bases)
        moment = saved.time()
        async with on.temporal(keep="newer"):
            worker = shop.start_worker()
            await completed(shop, self.opening, self.prolonging)
            self.bought = await shop.order()
            await completed(shop, self.bought)
            await stop(worker)
            self.unbought = await shop.order()
        await asyncio.to_thread(saved.archive_now)
        return str(moment)


@pytest.mark.parametrize("temporal", ["newer", "same"])
async def test_the_server_is_restored_to_a_moment_between_two_orders(
    saved: SavedServer, upstream: Upstream, tmp_path: Path, temporal: str
) -> None:
    """`same`: Temporal's databases are of the same server, so they are as old. Only the hold shows it."""
    story = Story()
    async with rehearsal(saved, upstream, tmp_path) as on:
        shop = on.shop
        moment = await story.happens(on)
        intended = await upstream.charges()
        assert len(intended) == 4
        assert "held" in await on.recover(moment)
        async with on.temporal(file=on.kept(temporal)):
            worker = await on.worker_that_refuses()
            said = await resell(shop, "restored", "--dry-run")
            item = str((await upstream.items())[-1]["id"])
            assert item in said, "the item of the lost order is listed"
            known = [one.workflow_id in said for one in (story.bought, story.unbought)]
            assert known == [temporal == "newer"] * 2
            await resell(shop, "restored")
            await completed(shop, story.opening)
            attention = await shop.until(story.prolonging, Stage.NEEDS_ATTENTION, timeout=60)
            assert "expiry" in attention.reason
            seen = Decision(actor="anna", reason="the upstream shows it")
            await shop.resellflow.decide(story.prolonging.operation, DecisionKind.MARK_DONE, seen)
            await completed(shop, story.prolonging)
            async with Connections.of(shop.settings) as connections:
                adopting = AdoptRequest(plan="VDS-1", customer="c-1", period_months=1)
                adopted = await Linker(shop.database, connections).adopt(
                    item, adopting, upstream=None, actor="anna", client="cli", key="adopt"
                )
            assert await upstream.charges() == intended, "nothing was bought again"
            new = await shop.order()
            await completed(shop, new)
            assert len(await upstream.charges()) == len(intended) + 1
            assert min(new.service, adopted.service or 0) > story.unbought.service
            await stop(worker)


async def test_the_server_is_restored_to_its_end_and_temporal_is_older(
    saved: SavedServer, upstream: Upstream, tmp_path: Path
) -> None:
    story = Story()
    async with rehearsal(saved, upstream, tmp_path) as on:
        shop = on.shop
        await story.happens(on)
        intended = await upstream.charges()
        await on.recover("latest")
        async with on.temporal(file=on.kept("before")):
            worker = await on.worker_that_refuses()
            await resell(shop, "restored")
            await completed(shop, story.first, story.opening, story.prolonging, story.bought)
            await completed(shop, story.unbought)
            assert len(await upstream.charges()) == len(intended) + 1, "only what nobody had sent is sent"
            items = [(await shop.service(one.service)).upstream_number for one in (story.opening, story.unbought)]
            assert len(set(items)) == 2
            await stop(worker)


async def test_a_copy_that_somebody_tries_out_sends_nothing(
    saved: SavedServer, upstream: Upstream, tmp_path: Path, temporal_server: TemporalServer
) -> None:
    """The copy's worker has the real account, and an empty Temporal that knows of nothing."""
    async with open_shop(saved.url, temporal_server, upstream, worker=False) as shop:
        order = await shop.order()
        await asyncio.to_thread(saved.done, "dump")
        [file] = saved.saved("dumps")
        await asyncio.to_thread(saved.done, "load", file, "--as", "a_copy")
        client = await temporal_server.connect(temporal_server.next_namespace())
        database = Database(saved.url_of("a_copy"))
        resellflow = Resellflow(database, client, shop.settings)
        copy = Shop(
            saved.url_of("a_copy"), database, client, temporal_server, shop.settings, resellflow, upstream,
            worker_settings=shop.worker_settings,
        )  # fmt: skip
        worker = await worker_refuses(copy)
        try:
            with pytest.raises(Held, match=REASON):
                await copy.order()
            with pytest.raises(Held, match=REASON):
                await copy.resellflow.prolong(order.service, 1, key="p", client="shop")
            assert await upstream.requests() == [], "the upstream has heard nothing at all"
            saved.sql("UPDATE installation SET held_because = NULL", "a_copy")
            await assert_eventually(upstream.charges, timeout=60, message="it was the hold that kept it from buying")
            assert not await shop.intents(order.operation), "and its owner would buy once more"
        finally:
            await stop(worker)
            await database.close()
