"""A sender that is frozen around its send while another worker takes over: is anything charged twice?

    python -m tests.flow.freeze            the whole matrix, with times scaled down: two minutes
    python -m tests.flow.freeze --real     at real length: about five minutes

Every operation that is charged (open, prolong, change of plan) is frozen at every moment around its send, all in one
process that stops (tests.flow.frozen_sender); it wakes after 1, 3 and 7 times the lease, and after
the other worker has done everything. Charges are counted at the
upstream. `make test` runs one of these rows.
"""

import argparse
import asyncio
import itertools
import json
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from models.enums import IncidentKind, OperationKind, Stage
from models.incident import Incident
from models.messages import OrderPolicy
from models.migrate import migrate
from orders.lifecycle.acceptance import AcceptedOrder
from process_exit import leave
from settings import Settings
from starter import Resellflow
from tests.flow.frozen_sender import Moment
from tests.flow.shop import PASSWORD, PASSWORD_VARIABLE, Shop, Upstream, open_shop, open_upstream
from tests.infrastructure.processes import Program
from tests.infrastructure.temporal import TemporalServer, own_temporal_server
from worker import Activities, upstream_worker

KINDS = (OperationKind.OPEN, OperationKind.PROLONG, OperationKind.CHANGE_PLAN)
CHARGED_AS = {
    OperationKind.OPEN: "open",
    OperationKind.PROLONG: "prolong",
    OperationKind.CHANGE_PLAN: "changepricelist",
}


@dataclass(frozen=True)
class Wake:
    """When the frozen worker wakes."""

    leases: int
    others_first: bool = False
    """Not before the other worker has done everything."""

    def __str__(self) -> str:
        return f"{self.leases} leases{' and all the others' if self.others_first else ''}"


WAKES = (Wake(1), Wake(3), Wake(7), Wake(7, others_first=True))


@dataclass(frozen=True)
class Times:
    """How long things take, in seconds."""

    lease: float
    order_timeout: float
    settle_window: float
    skew: float
    heartbeat: float
    patience: float

    def settings(self) -> dict[str, Any]:
        return {
            "send_lease": self.lease,
            "clock_skew": self.skew,
            "order_timeout": self.order_timeout,
            "settle_window": self.settle_window,
            "manual_plan_changes": {},
        }


QUICK = Times(lease=2.0, order_timeout=3.0, settle_window=2.0, skew=0.3, heartbeat=4.0, patience=60.0)
REAL = Times(lease=10.0, order_timeout=30.0, settle_window=60.0, skew=2.0, heartbeat=10.0, patience=300.0)


class Hasty(Settings):
    """A frozen worker is taken for dead after `heartbeat` seconds."""

    heartbeat: float = 10.0

    def order_policy(self) -> OrderPolicy:
        return super().order_policy().model_copy(update={"heartbeat_timeout": timedelta(seconds=self.heartbeat)})


@dataclass
class Story:
    """One order whose sender freezes at a moment."""

    kind: OperationKind
    moment: Moment
    order: AcceptedOrder
    about: str
    """By what the frozen process knows its request."""

    def __str__(self) -> str:
        return f"{self.kind.value}, {self.moment.value}"


@dataclass(frozen=True)
class Outcome:
    story: Story
    charges: int
    incident: bool
    """A late yes was told."""

    @property
    def is_fine(self) -> bool:
        """Charged once and quietly; or, where no check can help, twice and loudly."""
        if self.story.moment is Moment.IN_WRITE:
            return self.charges == 1 or (self.charges == 2 and self.incident)
        return self.charges == 1 and not self.incident

    def __str__(self) -> str:
        told = ", told as an incident" if self.incident else ""
        return f"{self.story!s:50} charged {self.charges}x{told}{'' if self.is_fine else '   FAILED'}"


@dataclass
class Row:
    """All stories of one freeze, and what came of them."""

    shop: Shop
    times: Times
    moments: tuple[Moment, ...]
    kinds: tuple[OperationKind, ...] = KINDS
    stories: list[Story] = field(default_factory=list)
    frozen: Program | None = None

    async def begin(self) -> None:
        """Everything is ordered; the one who sends stops with every request at its moment."""
        wanted = list(itertools.product(self.kinds, self.moments))
        bought = [await self.shop.order() for kind, _ in wanted if kind is not OperationKind.OPEN]
        async with self._upstream_worker():
            await asyncio.gather(*(self.shop.until(order, Stage.COMPLETED, timeout=60) for order in bought))
        for kind, moment in wanted:
            domain = f"{kind.value.replace('_', '')}-{len(self.stories)}.example.test"
            if kind is OperationKind.OPEN:
                self.stories.append(Story(kind, moment, await self.shop.order(domain=domain), domain))
                continue
            service = await self.shop.service(bought.pop().service)
            assert service.id is not None
            if kind is OperationKind.PROLONG:
                order = await self.shop.resellflow.prolong(service.id, 1, key=domain)
            else:
                order = await self.shop.resellflow.change_plan(service.id, "VDS-2", key=domain)
            self.stories.append(Story(kind, moment, order, service.upstream_number or ""))
        self.frozen = Program(
            [sys.executable, "-m", "tests.flow.frozen_sender"],
            name="frozen sender",
            forked=True,
            env={
                "TEMPORAL_ADDRESS": self.shop.temporal.address,
                "TEMPORAL_NAMESPACE": self.shop.client.namespace,
                "RESELL_DATABASE_URL": self.shop.database_url,
                "FREEZE": json.dumps({story.about: story.moment.value for story in self.stories}),
                PASSWORD_VARIABLE: PASSWORD,
                **self.shop.worker_settings,
            },
        )
        self.shop.workers.append(self.frozen)
        await asyncio.to_thread(self.frozen.wait_for_line, "^stopped$", timeout=60)

    async def wake(self) -> None:
        """The frozen one goes on, and comes to the end of every request it had begun."""
        assert self.frozen is not None
        self.frozen.send_signal(signal.SIGCONT)
        for story in self.stories:
            await asyncio.to_thread(self.frozen.wait_for_line, f"^ended: {story.about}$", timeout=self.times.patience)

    async def play(self, wake: Wake) -> None:
        """Freeze, let another worker take over, wake."""
        await self.begin()
        since = time.monotonic()
        async with self._upstream_worker():
            if wake.others_first:
                await self.all_completed()
            await asyncio.sleep(max(0.0, since + wake.leases * self.times.lease - time.monotonic()))
            await self.wake()
            await self.all_completed()

    async def all_completed(self) -> None:
        ends = (self.shop.until(story.order, Stage.COMPLETED, timeout=self.times.patience) for story in self.stories)
        await asyncio.gather(*ends)

    async def charges(self) -> dict[str, int]:
        """How often each story's order was charged at the upstream."""
        items = {str(item["id"]): item for item in await self.shop.upstream.items()}
        counted: dict[str, int] = {}
        for story in self.stories:
            service = await self.shop.service(story.order.service)
            counted[str(story)] = sum(
                charge["operation"] == CHARGED_AS[story.kind]
                and (
                    items[str(charge["item"])]["domain"] == service.name
                    if story.kind is OperationKind.OPEN
                    else str(charge["item"]) == service.upstream_number
                )
                for charge in await self.shop.upstream.charges()
            )
        return counted

    async def outcomes(self) -> list["Outcome"]:
        charges = await self.charges()
        async with self.shop.database.read() as session:
            found = await session.exec(select(Incident.operation_id).where(col(Incident.kind) == IncidentKind.LATE_YES))
            told = set(found.all())
        return [Outcome(story, charges[str(story)], story.order.operation in told) for story in self.stories]

    @asynccontextmanager
    async def _upstream_worker(self) -> AsyncIterator[None]:
        activities = Activities(self.shop.database, self.shop.client, self.shop.settings)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(activities.close)
            await stack.enter_async_context(upstream_worker(self.shop.client, activities, self.shop.settings))
            yield


@asynccontextmanager
async def open_row(
    database: str,
    temporal: TemporalServer,
    upstream: Upstream,
    times: Times,
    moments: tuple[Moment, ...],
    kinds: tuple[OperationKind, ...] = KINDS,
) -> AsyncIterator[Row]:
    """A shop whose calls to the upstream nobody makes yet; the rest of it works."""
    await upstream.set(disk_change="automatic", opening_delay=0.1)
    await upstream.set_balance("1000.00")
    async with open_shop(database, temporal, upstream, worker=False, **times.settings()) as shop:
        shop.worker_settings["RESELL_MANUAL_PLAN_CHANGES"] = "{}"
        hasty = Hasty(heartbeat=times.heartbeat, **shop.settings.model_dump())
        shop.resellflow = Resellflow(shop.database, shop.client, hasty)
        async with shop.working(but_upstream=True):
            yield Row(shop, times, moments, kinds)


async def play_all(times: Times) -> int:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(own_temporal_server())
        home = stack.enter_context(tempfile.TemporaryDirectory())
        rows = [_play(server, Path(home), times, wake) for wake in WAKES]
        if times is REAL:  # they wait most of the time, and so they may side by side
            outcomes = await asyncio.gather(*rows)
        else:
            outcomes = [await row for row in rows]
    failures = sum(not outcome.is_fine for row in outcomes for outcome in row)
    print("nothing was charged twice without an incident" if not failures else f"{failures} FAILED")
    return 1 if failures else 0


async def _play(server: TemporalServer, home: Path, times: Times, wake: Wake) -> list[Outcome]:
    url = f"sqlite:///{home / f'{wake}.db'}"
    migrate(url)
    async with open_upstream() as upstream, open_row(url, server, upstream, times, tuple(Moment)) as row:
        await row.play(wake)
        outcomes = await row.outcomes()
    for outcome in outcomes:
        print(f"woken after {wake}: {outcome}", flush=True)
    return outcomes


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.flow.freeze", description=__doc__.partition("\n")[0])
    parser.add_argument("--real", action="store_true", help="with the times of a real installation")
    leave(asyncio.run(play_all(REAL if parser.parse_args().real else QUICK)))
