"""What one sweep of a long list costs: `python -m tests.poller.measure_sweep SERVICES [URL]`."""

import asyncio
import os
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import select

from activities.poller import lists
from activities.poller.freshness import Freshness
from activities.poller.lists import KnownLists, ListPoll
from models.catalogue import UpstreamAccount
from models.database import Database
from models.migrate import migrate
from models.order import Service
from orders.drift import comparing
from orders.events import sweeps
from settings import Settings
from tests.flow.shop import PASSWORD, PASSWORD_VARIABLE, USER, open_upstream, stock_catalogue
from upstreams.connections import Connections
from upstreams.port import Upstream

SERVICES = """
INSERT INTO service (customer, plan_id, product_type, module_id, account_id, status, status_since, name, name_is_ours,
 mark, upstream_number, upstream_tariff, period_months, parameters, addons, renewal_owner, ip, expires_on,
 cost_amount, cost_currency, created_at)
SELECT 'c-1', 1, 'vds', 1, 1, 'active', first_seen_at, name, true, 'rf-tests-' || number, number, '58', 1, '{}',
 '{}', 'resellflow', '', expires_on, cost_amount, cost_currency, first_seen_at FROM upstream_snapshot
 WHERE product_type = 'vds'
"""


OF_SERVICES = """
UPDATE upstream_snapshot SET service_id = (SELECT service.id FROM service WHERE upstream_number = number)
"""


@asynccontextmanager
async def measured(what: str) -> AsyncIterator[None]:
    began, cpu = time.monotonic(), time.process_time()
    slowest, ends = 0.0, asyncio.Event()

    async def turns() -> None:
        nonlocal slowest
        while not ends.is_set():
            before = time.monotonic()
            await asyncio.sleep(0.01)
            slowest = max(slowest, time.monotonic() - before)

    turning = asyncio.create_task(turns())
    yield
    ends.set()
    await turning
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{what}: {time.monotonic() - began:.1f} s, CPU {time.process_time() - cpu:.1f} s, "
        f"the loop was held {slowest * 1000:.0f} ms at most; {memory} MiB at most",
        flush=True,
    )


async def look(database: Database, upstream: Upstream, known: KnownLists, *, every_row: bool) -> ListPoll:
    found = await lists.begin(database, known, 1, "vds", every_row=every_row)
    await found.read(upstream, known, Freshness())
    return found


async def measure(count: int, url: str) -> None:
    await asyncio.to_thread(migrate, url)
    os.environ[PASSWORD_VARIABLE] = PASSWORD
    database = Database(url)
    async with open_upstream() as simulator:
        await stock_catalogue(database, simulator.url)
        body = {"account": USER, "type": "vds", "pricelist": 58, "domain": "existing.example.test", "count": count}
        simulator.client.timeout = 300
        await simulator.admin("POST", "/items/many", body)
        connections = Connections.of(Settings(database_url=url, plain_http_upstreams="127.0.0.1"))
        async with database.read() as session:
            upstream = await connections.to((await session.exec(select(UpstreamAccount))).one())
        known = KnownLists()
        async with measured("first look"):
            await look(database, upstream, known, every_row=False)
        async with database.write() as session:
            connection = await session.connection()
            await connection.execute(sa.text(SERVICES))
            await connection.execute(
                sa.text(
                    "UPDATE upstream_snapshot SET service_id = (SELECT id FROM service WHERE upstream_number = number)"
                )
            )
        async with measured("ordinary look"):
            await look(database, upstream, known, every_row=False)
        async with measured("look of the sweep"):
            found = await look(database, upstream, known, every_row=True)
        async with measured("what the list does not show"):
            await sweeps.not_shown(database, 1, "vds", found.shown, found.known_numbers, complete=found.complete)
        async with measured("drift, none"):
            await comparing.compare(database, 1, "vds", complete=True)
        async with database.write() as session:
            await (await session.connection()).execute(sa.update(Service).values(cost_amount=4))
        for what in ("drift, every price, new", "drift, every price, known"):
            async with measured(what):
                await comparing.compare(database, 1, "vds", complete=True)
        await connections.close()
    await database.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        address = sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{Path(directory) / 'r.db'}"
        asyncio.run(measure(int(sys.argv[1]), address))
