"""The steps of docs/upgrade.md, the way back, and the audit."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from benchmarks.soak.api import Panel, Violation
from benchmarks.soak.audit import Books, audit, read_books
from models.database import Database
from models.enums import Stage
from tests.infrastructure.processes import Program
from tests.upgrade.installation import LOOK_SECONDS, Failed, Installation, progress
from tests.upgrade.load import Pace, Storefronts, Waiting, percentile
from tests.upgrade.trees import Tree

PLENTY = 1_000_000
OF_EACH_KIND = 2
MOVED_SECONDS = 420.0
"""Three minutes without a worker, and the half minute until a worker looks, on a machine that has more to do."""
AGREED_SECONDS = 60.0
AFTER_SECONDS = 10.0
"""Orders go on for so long when only new programs are left."""


class Rehearsal:
    """One run. `old` and `new` are the programs; `seconds` and `counts` are for the report."""

    def __init__(self, installation: Installation, old: Tree, new: Tree, http: httpx.AsyncClient, pace: Pace) -> None:
        self._at = installation
        self._old = old
        self._new = new
        self._http = http
        self._pace = pace
        self._began = time.monotonic()
        self._panel = Panel(http, installation.simulator_url)
        self.seconds: dict[str, float] = {}
        self.counts: dict[str, Any] = {}
        self.roll: dict[str, Any] = {}
        self.violations: list[str] = []
        self._worker: Program
        self._api: Program
        self._shops: Storefronts

    async def run(self) -> None:
        """Raises Failed at the first step that does not do what the page promises."""
        await self._begin()
        async with self._load():
            waiting = await self._orders_under_way()
            await self._upgrade(waiting)
            await self._finish(waiting.all, "after the upgrade")
        await self._audit("after the upgrade")
        async with self._load():
            left = [await self._shops.waiting_for_confirmation() for _ in range(OF_EACH_KIND)]
            await self._way_back(left)
            await self._finish(left, "after the way back")
        await self._audit("after the way back")

    async def _begin(self) -> None:
        at, old = self._at, self._old
        await at.start_simulator(self._new)
        await at.resell(old, "migrate")
        await at.set_up(old)
        self._worker = await at.start_worker(old)
        await at.make_current(old)
        self._api, url = await at.start_api(old)
        self._shops = Storefronts(self._http, url, self._panel)
        await self._shops.pay("main", PLENTY)
        self._done("the old program runs")

    @asynccontextmanager
    async def _load(self) -> AsyncIterator[None]:
        """Orders all the time."""
        over = asyncio.Event()
        ordering = asyncio.create_task(self._shops.run(over))
        try:
            yield
        finally:
            over.set()
            await ordering

    async def _orders_under_way(self) -> Waiting:
        waiting = Waiting()
        for _ in range(OF_EACH_KIND):
            waiting.people.append(await self._shops.waiting_for_people())
            waiting.money.append(await self._shops.waiting_for_money())
            waiting.confirmation.append(await self._shops.waiting_for_confirmation())
        self._done("orders wait for confirmation, for money and for people")
        return waiting

    async def _upgrade(self, waiting: Waiting) -> None:
        """Under the load of the roll; processes are killed on the way. The load ends after the old worker."""
        over = asyncio.Event()
        load = asyncio.create_task(self._shops.roll(self._pace, over))
        try:
            new_worker = await self._roll(waiting)
            self.counts["orders under way when the programs were replaced"] = len(await self._shops.under_way())
            await self._at.kill(self._worker)
            self._done("the old worker was killed")
            await asyncio.sleep(AFTER_SECONDS)
            self.counts["the load lasted until the programs were replaced"] = not load.done()
            over.set()
            await load
        finally:
            load.cancel()
        self._done(f"{len(self._shops.measured)} orders, {self._pace.rate:g} a second, have their answers")
        self._worker = new_worker
        await self._until_moved(self._old, self._new)

    async def _roll(self, waiting: Waiting) -> Program:
        """Migrates, makes the new worker current and replaces the API. Returns the new worker."""
        at, old, new = self._at, self._old, self._new
        self.counts["bytes of the backup"] = (await at.back_up()).stat().st_size
        self.counts["migration"] = await at.resell(new, "migrate")
        self.counts["check"] = await at.resell(new, "migrate", "--check")
        self._done("saved and migrated, while the old program works")
        new_worker = await at.start_worker(new)
        await at.make_current(new)
        self._done("new workers beside old ones")
        await at.kill(new_worker)
        new_worker = await at.start_worker(new)
        self._done("the new worker was killed and started again")
        await self._replace_api(new, kill=True)
        by_build = await at.orders_by_build(new)
        self.counts["orders by build id, both running"] = by_build
        if by_build.get(old.name, 0) < len(waiting.all):
            raise Failed(f"orders that wait should have stayed with the old version: {by_build}")
        return new_worker

    async def _stop_worker(self, successor: Program, gone: Tree, stays: Tree) -> None:
        await self._at.stop(self._worker)
        self._worker = successor
        await self._until_moved(gone, stays)

    async def _until_moved(self, gone: Tree, stays: Tree) -> None:
        """The watch moves orders whose version no worker runs."""
        ends = time.monotonic() + MOVED_SECONDS
        while left := (await self._at.orders_by_build(stays)).get(gone.name, 0):
            if time.monotonic() > ends:
                raise Failed(f"{left} orders are still with version {gone.name}, which no worker runs")
            await asyncio.sleep(LOOK_SECONDS)
        self._done(f"no worker runs {gone.name}, and its orders are with {stays.name}")

    async def _replace_api(self, tree: Tree, *, kill: bool = False) -> None:
        """A new one, the requests to it, and the end of the old one. A killed one ends before requests go elsewhere."""
        api, url = await self._at.start_api(tree)
        if kill:
            await self._at.kill(self._api)
        self._shops.move(url)
        if not kill:
            await self._at.stop(self._api)
        self._api = api
        self._done(f"API of {tree.name}")

    async def _way_back(self, left: list[int]) -> None:
        at, old, new = self._at, self._old, self._new
        old_worker = await at.start_worker(old)
        await at.make_current(old)
        await self._replace_api(old)
        by_build = await at.orders_by_build(old)
        self.counts["orders by build id, on the way back"] = by_build
        if by_build.get(new.name, 0) < len(left):
            raise Failed(f"orders that wait should have stayed with the new version: {by_build}")
        await self._stop_worker(old_worker, new, old)

    async def _finish(self, operations: list[int], when: str) -> None:
        """What they wait for happens."""
        await self._shops.pay("second", PLENTY)
        for operation in operations:
            if await self._shops.stage(operation) == "awaiting_manual_task":
                await self._change_by_hand(operation)
        await self._shops.open_all()
        for operation in operations:
            await self._shops.until(operation, "completed")
        self._done(f"what waited is completed, {when}")

    async def _change_by_hand(self, operation: int) -> None:
        """Somebody changes the tariff at the upstream and says so."""
        shown = (await self._shops.operator.send("GET", f"/v1/operations/{operation}")).body
        service = (await self._shops.operator.send("GET", f"/v1/services/{shown['service']}")).body
        wanted = {"pricelist": int(shown["parameters"]["pricelist"])}
        await self._panel.call("PATCH", f"/items/{service['upstream']['number']}", wanted)
        for task in await self._shops.operator.all("/v1/tasks?mode=manual&state=open"):
            if task["operation"] == operation:
                await self._shops.operator.send("POST", f"/v1/tasks/{task['number']}/complete", {"note": "done"})

    async def _audit(self, when: str) -> None:
        """The books of both sides, as after the soak: what was accepted has ended, and is charged once."""
        await self._shops.open_all()
        await self._shops.until_all_have_ended()
        database, ends = Database(self._at.database_url), time.monotonic() + AGREED_SECONDS
        try:
            while True:
                books = await read_books(database, self._panel)
                found = [*audit(books, self._shops.ledger), *self._shops.violations]
                if not found or time.monotonic() > ends:
                    break
                await asyncio.sleep(2)
        finally:
            await database.close()
        opened = [charge for charge in books.charges if charge["operation"] == "open"]
        completed = [one for one in books.operations.values() if one.stage == "completed" and one.kind == "open"]
        self.counts[f"orders accepted, {when}"] = len(self._shops.ledger.services)
        self.counts[f"orders completed, {when}"] = len(completed)
        self.counts[f"orders charged, {when}"] = len(opened)
        self.counts["pauses because too few orders had begun"] = self._shops.held_back
        if not len(self._shops.ledger.services) == len(completed) == len(opened):
            found.append(Violation("not each order that was accepted is completed and charged once"))
        self._measure(books)
        self.violations += [f"{when}: {one.what}" for one in found]
        self._done(f"audit {when}: {len(found)} violations, {len(opened)} orders charged once each")

    def _measure(self, books: Books) -> None:
        """What became of the orders of the roll."""
        rolled = [books.operations[number] for number in self._shops.measured if number in books.operations]
        services = {one.service_id for one in rolled}
        marks = Counter(charge["remoteid"] for charge in books.charges if charge["operation"] == "open")
        charges = [marks[books.services[service].mark] for service in services]
        seconds = [(one.ended_at - one.created_at).total_seconds() for one in rolled if one.ended_at]
        self.roll = {
            "orders accepted": len(self._shops.measured),
            "lost": len(self._shops.measured) - len(rolled),
            "completed": sum(one.stage is Stage.COMPLETED for one in rolled),
            "charges": sum(charges),
            "charged more than once": sum(count > 1 for count in charges),
            "seconds to the answer: p50, p95": [percentile(self._shops.answer_seconds, share) for share in (0.5, 0.95)],
            "seconds to the active service: p50, p95": [percentile(seconds, share) for share in (0.5, 0.95)],
        }

    def _done(self, step: str) -> None:
        self.seconds[step] = round(time.monotonic() - self._began, 1)
        progress(f"{self.seconds[step]:7.1f} s  {step}")

    @property
    def answers(self) -> dict[str, int]:
        return dict(self._shops.answers)
