"""Everything that is shipped for Prometheus and Grafana, over a run in which nearly everything goes wrong.

The run is real: worker, API, PostgreSQL, Temporal, simulator, a receiver of webhooks. It is recorded, and a real
Prometheus answers every query of every panel and of every alert. Each alert lasts long enough to fire.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import httpx
import pytest
import sqlalchemy as sa
from prometheus_client.samples import Sample

from models.enums import IncidentKind, Stage
from models.migrate import migrate
from orders.incidents.record import raise_incident
from tests.flow.shop import PASSWORD, PASSWORD_VARIABLE, QUICK, USER, Shop, Upstream, open_shop, open_upstream
from tests.flow.test_process_watch import standing_still
from tests.infrastructure import temporal
from tests.infrastructure.databases import OwnServer, own_server
from tests.infrastructure.processes import Program, free_port
from tests.infrastructure.temporal import OwnTemporalServer, own_temporal_server
from tests.metrics.recording import Prometheus, Recording, Target, prometheus_over, recording
from tests.metrics.shipped import alerts, queries
from tests.webhooks.receiver import Answer, receiving
from tests.webhooks.sender import SECRET, SECRET_VARIABLE, add_endpoint

pytestmark = [pytest.mark.proof, pytest.mark.timeout(300)]
SET_UP = "v2.vds.order.param"
TOKEN = "operator-token"
POOL = 3
"""Connections of the API to its database."""
SETTINGS = {**QUICK, "settle_window": 120, "idle_interval": 0.5, "webhook_private": "true", "webhook_timeout": 1}


@dataclass
class Run:
    """A whole installation that is being recorded."""

    shop: Shop
    postgres: OwnServer
    temporal: OwnTemporalServer
    worker: Program
    api: Program
    client: httpx.AsyncClient
    recorded: Recording

    @property
    def upstream(self) -> Upstream:
        return self.shop.upstream

    async def ask(self, method: str, path: str, **body: object) -> httpx.Response | None:
        with suppress(httpx.HTTPError):
            key = os.urandom(8).hex()
            return await self.client.request(method, path, json=body or None, headers={"Idempotency-Key": key})
        return None

    async def order(self, plan: str = "VDS-1") -> None:
        answer = await self.ask("POST", "/v1/services", plan=plan, period_months=1, customer="c-1")
        assert answer is not None
        assert answer.status_code == 201, answer.text

    async def completed(self, orders: int) -> None:
        def seen(samples: list[Sample]) -> bool:
            ended = [one.value for one in samples if one.name == "resellflow_operations_ended_total"]
            return sum(ended) >= orders

        await self._until(seen, f"{orders} orders are completed")

    async def until(self, stage: Stage) -> None:
        """Some operation is in it."""

        def seen(samples: list[Sample]) -> bool:
            return any(one.name == "resellflow_operations" and one.labels["stage"] == stage for one in samples)

        await self._until(seen, f"an operation is in {stage}")

    async def healthy(self, health: str, *, minutes: int = 0) -> None:
        """The account has come to this health, for so long."""

        def seen(samples: list[Sample]) -> bool:
            return any(one.labels.get("health") == health and one.value for one in samples)

        await self._until(seen, f"it is {health}", minutes=minutes)

    async def _until(self, seen: Callable[[list[Sample]], bool], what: str, *, minutes: int = 0) -> None:
        try:
            await self.recorded.until(seen, what, minutes=minutes)
        except AssertionError as late:
            late.add_note("\n".join(self.worker.lines[-40:]))
            there = [one for one in self.recorded.last() if one.name == "resellflow_operations"]
            late.add_note("\n".join(f"{one.labels}: {one.value}" for one in there))
            raise

    async def sql(self, statement: str) -> None:
        async with self.shop.database.engine.begin() as connection:
            await connection.execute(sa.text(statement))


@pytest.fixture
async def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Run]:
    monkeypatch.setattr(temporal, "STOCK_OF_NAMESPACES", 1)
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    worker_port, sdk_port, api_port, beside = free_port(), free_port(), free_port(), free_port()
    async with AsyncExitStack() as stack:
        postgres = stack.enter_context(own_server({"archive_mode": "on", "archive_command": "false"}))
        await asyncio.to_thread(migrate, postgres.url)
        upstream = await stack.enter_async_context(open_upstream())
        await upstream.set(opening_delay=0.2)
        server = await stack.enter_async_context(own_temporal_server(stock=1))
        shop = await stack.enter_async_context(open_shop(postgres.url, server, upstream, worker=False))
        receiver = stack.enter_context(receiving())
        receiver.answers = [Answer()] * 3
        receiver.otherwise = Answer(500)
        await add_endpoint(shop.database, receiver.url)
        environment = {f"RESELL_{name.upper()}": str(value) for name, value in SETTINGS.items()} | {
            "RESELL_DATABASE_URL": postgres.url,
            "TEMPORAL_ADDRESS": server.address,
            "TEMPORAL_NAMESPACE": shop.client.namespace,
            "RESELL_WORKER_HEALTH_ADDRESS": f"127.0.0.1:{worker_port}",
            "RESELL_METRICS_TEMPORAL_ADDRESS": f"127.0.0.1:{sdk_port}",
            "RESELL_METRICS_API_ADDRESS": f"127.0.0.1:{beside}",
            "RESELL_OPERATOR_TOKENS": f"olga={TOKEN}",
            PASSWORD_VARIABLE: PASSWORD,
            SECRET_VARIABLE: SECRET,
        }
        small = {"RESELL_DATABASE_POOL": str(POOL - 1), "RESELL_DATABASE_POOL_MORE": "1", "RESELL_DATABASE_WAIT": "2.2"}
        quick = [sys.executable, "-m", "tests.metrics.quick"]
        worker = stack.enter_context(Program([*quick, "worker"], name="worker", env=environment, forked=True))
        api = stack.enter_context(
            Program([*quick, "api", str(api_port)], name="api", env=environment | small, forked=True)
        )
        client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{api_port}",
            headers={"Authorization": f"Bearer {TOKEN}"},
            trust_env=False,
            timeout=6,
        )
        await stack.enter_async_context(client)
        worker.wait_for_line("working on task queues")
        api.wait_for_http(f"http://127.0.0.1:{api_port}/readyz")
        targets = [
            Target("resellflow-worker", f"http://127.0.0.1:{worker_port}/metrics"),
            Target("resellflow-api", f"http://127.0.0.1:{beside}/metrics"),
            Target("resellflow-installation", f"http://127.0.0.1:{beside}/metrics/installation"),
            Target("resellflow-sdk", f"http://127.0.0.1:{sdk_port}/metrics"),
        ]
        recorded = await stack.enter_async_context(recording(targets))
        yield Run(shop, postgres, server, worker, api, client, recorded)


async def orders_of_every_kind(run: Run) -> None:
    """Two go well, one is confirmed late, one refused; one has no money, and one suspension is lost, another stuck."""
    await run.sql("INSERT INTO beat (name, at) VALUES ('backup_base', now() - interval '30 hours')")
    await run.sql("SELECT pg_switch_wal()")  # a segment for the archive, which fails
    await run.upstream.set_balance("22.00")
    await run.order()
    await run.order()
    await run.completed(2)
    queue = run.shop.settings.task_queue
    await run.shop.client.start_workflow("NoSuchWorkflow", id="unknown", task_queue=queue)
    await run.upstream.set(opening="manual")
    await run.order()
    await run.until(Stage.AWAITING_CONFIRMATION)
    await run.upstream.fault(function=SET_UP, sok=True, times=1, kind="error", error={"type": "value"})
    await run.order()
    await run.until(Stage.NEEDS_ATTENTION)
    await run.order("VDS-2")
    await run.until(Stage.WAITING_FOR_FUNDS)
    await run.upstream.fault(function="vds.suspend", sok=True, times=1, kind="cut", when="before")
    await run.ask("POST", "/v1/services/1/suspend")
    await run.until(Stage.OUTCOME_UNKNOWN)
    await run.upstream.fault(function="vds*", kind="http_502", when="before")
    await run.ask("POST", "/v1/services/2/suspend")
    await run.until(Stage.RETRYING)


async def upstream_away(run: Run) -> None:
    """For longer than anything may be retried or left unread."""
    await run.upstream.fault(function="*", kind="http_502", when="before")
    begun = len(run.recorded.scrapes)
    await run.healthy("unreachable", minutes=6)
    await run.recorded.more(begun + 33 - len(run.recorded.scrapes))
    await run.upstream.admin("DELETE", "/faults")
    await run.upstream.admin("PATCH", f"/accounts/{USER}", {"password": "another"})
    await run.healthy("unhealthy", minutes=3)
    await run.upstream.admin("PATCH", f"/accounts/{USER}", {"password": PASSWORD})
    await run.healthy("well")


async def temporal_away(run: Run) -> None:
    """An order is accepted, and an item is opened that another one waits for."""
    run.temporal.program.send_signal(SIGSTOP)
    try:
        for item in await run.upstream.items():
            with suppress(AssertionError):  # some are open already
                await run.upstream.admin("POST", f"/items/{item['id']}/open")
        await run.order()
        await run.recorded.more(9)
    finally:
        run.temporal.program.send_signal(SIGCONT)


async def database_away(run: Run) -> None:
    """It keeps its connections and answers nothing, while people ask."""
    await run.shop.database.close()

    async def ask_on() -> None:
        while True:
            await run.ask("GET", "/v1/operations")

    with standing_still(run.postgres):
        asking = [asyncio.create_task(ask_on()) for _ in range(12)]
        try:
            await run.recorded.until(pool_is_full, "the pool is full", minutes=7)
            assert not any(one.value for one in run.recorded.last() if one.name == "resellflow_database_up")
            assert None not in run.recorded.scrapes[-1].found.values(), "a scrape is answered all the same"
        finally:
            for one in asking:
                one.cancel()
            await asyncio.gather(*asking, return_exceptions=True)


def pool_is_full(samples: list[Sample]) -> bool:
    in_use = [one.value for one in samples if one.labels.get("state") == "in_use" and one.value >= POOL]
    return bool(in_use)


async def processes_end(run: Run) -> None:
    """First the worker, later the API; what happens meanwhile is not told to anybody."""
    await run.sql("UPDATE installation SET held_because = 'a test'")
    await run.recorded.more(4)
    await run.sql("UPDATE installation SET held_because = NULL")
    await asyncio.to_thread(run.worker.close)
    async with run.shop.database.write() as session:
        await raise_incident(session, IncidentKind.LATE_YES, "a test", about="a test")
    await run.recorded.more(9)
    await asyncio.to_thread(run.api.close)
    await run.recorded.more(12)


async def test_every_query_of_a_recorded_run_has_data_and_every_alert_fires(running: Run, tmp_path: Path) -> None:
    if not (shutil.which("prometheus") and shutil.which("promtool")):
        pytest.skip("NO PROMETHEUS, the queries under deploy/ are not run: install prometheus")
    for part in (orders_of_every_kind, upstream_away, temporal_away, database_away, processes_end):
        await part(running)
    with prometheus_over(running.recorded, tmp_path) as prometheus:
        silent = without_data(prometheus)
        quiet = [
            f"{alert.name}: lasted {lasted:.0f} of {alert.lasting:.0f} s"
            for alert in alerts()
            if (lasted := prometheus.lasted(alert.query)) < alert.lasting
        ]
    assert silent + quiet == []


def without_data(prometheus: Prometheus) -> list[str]:
    return [
        f"{one.dashboard}, {one.panel}: {one.query}" for one in queries() if not any(prometheus.over_the_run(one.query))
    ]
