"""Rows: all operations side by side at one step, in a worker process that halts there; then the fault strikes.

The faults are real: SIGKILL and SIGSTOP of a process, a PostgreSQL and a Temporal server that are stopped and started.
"""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from models.enums import OperationKind, Stage
from models.messages import OrderPolicy
from models.queues import ALL_ROLES, WorkerRole
from settings import Settings
from starter import Resellflow
from tests.flow.shop import PASSWORD, PASSWORD_VARIABLE, Shop, Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import Program
from tests.infrastructure.temporal import TemporalServer
from tests.matrix.cells import CART, NEVER, OF_THE_POLLER, Cell, Fault, Step, operations_at
from tests.matrix.lives import FUNCTIONS, LONG, TIMES, WITHOUT_SOK, ask, until_ended
from tests.matrix.outcome import Asked, Ending, Outcome, judge
from tests.matrix.restarts import Restart
from worker import Activities, build_workers

OUTAGE = 40.0
"""The time-out of a call while a server is restarted: its answer comes when the server is back."""


class Hasty(Settings):
    """A worker that is silent is taken for dead after seven seconds instead of ten."""

    def order_policy(self) -> OrderPolicy:
        return super().order_policy().model_copy(update={"heartbeat_timeout": timedelta(seconds=7)})


@asynccontextmanager
async def working(shop: Shop, roles: Collection[WorkerRole]) -> AsyncIterator[None]:
    """Workers of these roles, in this process."""
    activities = Activities(shop.database, shop.client, shop.settings)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(activities.close)
        for one in build_workers(shop.client, activities, shop.settings, roles):
            await stack.enter_async_context(one)
        yield


@dataclass
class Row:
    shop: Shop
    fault: Fault
    step: Step
    services: dict[OperationKind, int] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    halted: Program | None = None

    @property
    def _upstream(self) -> Upstream:
        return self.shop.upstream

    async def prepare(self) -> None:
        """A service for each operation that needs one."""
        await self._upstream.set(opening_delay=0.1)
        kinds = [kind for kind in operations_at(self.step) if kind is not OperationKind.OPEN]
        async with self.shop.working():
            orders = {kind: await self.shop.order() for kind in kinds}
            await asyncio.gather(*(self.shop.until(one, Stage.COMPLETED, timeout=NEVER) for one in orders.values()))
            if OperationKind.RESUME in orders:
                number = orders[OperationKind.RESUME].service
                suspended = await self.shop.resellflow.suspend(number, key="first")
                await self.shop.until(suspended, Stage.COMPLETED, timeout=NEVER)
        self.services = {kind: order.service for kind, order in orders.items()}

    async def come_to_the_step(self) -> None:
        """The operations are placed, and a worker process carries them out up to the step."""
        if self.step in OF_THE_POLLER:
            await self._upstream.set(opening_delay=LONG, operation_delay=LONG)
        if self.step in (Step.REQUEST_SENT, Step.COMMITTED):
            await self._hold_answers()
        for kind in operations_at(self.step):
            self.asked.append(await ask(self.shop, kind, self.services.get(kind), f"it-{kind.value}"))
        roles = [WorkerRole.POLLER] if self.fault is Fault.POLLER_KILLED else sorted(ALL_ROLES)
        given = {"step": self.step.name, "operations": [one.order.operation for one in self.asked]}
        self.halted = Program(
            [sys.executable, "-m", "tests.matrix.halted_worker"],
            name=f"worker halted at {self.step}",
            forked=True,
            env={**self.shop.environment(), "HALT": json.dumps(given | {"roles": ",".join(roles)})},
        )
        self.shop.workers.append(self.halted)
        if self.step in OF_THE_POLLER:
            await self._until_all(Stage.AWAITING_CONFIRMATION)
        match self.step:
            case Step.WAITING:
                return
            case Step.REQUEST_SENT | Step.COMMITTED:
                await assert_eventually(self._all_are_out, timeout=NEVER, message="every request is at the upstream")
            case _:
                if self.step in OF_THE_POLLER:
                    await self._upstream_finishes()
                await asyncio.to_thread(self.halted.wait_for_line, "^halted [1-9]", timeout=NEVER)

    async def _hold_answers(self) -> None:
        when = "before" if self.step is Step.REQUEST_SENT else "after"
        lost = self.fault in (Fault.KILLED, Fault.STOPPED) and when == "before"
        held = {"kind": "hang" if lost else "stall", "until_removed": True}
        for kind in operations_at(self.step):
            sok = None if kind in WITHOUT_SOK else True
            await self._upstream.fault(function=FUNCTIONS[kind], sok=sok, times=1, when=when, **held)

    async def _all_are_out(self) -> bool:
        hits = [one["hits"] for one in (await self._upstream.admin("GET", "/faults"))["faults"]]
        assert all(hits), hits
        return True

    async def _until_all(self, stage: Stage) -> None:
        await asyncio.gather(*(self.shop.until(one.order, stage, timeout=NEVER) for one in self.asked))

    async def _upstream_finishes(self) -> None:
        await self._upstream.admin("POST", "/clock", {"advance_seconds": LONG})

    async def end(self) -> dict[Cell, Outcome]:
        if self.step is Step.WAITING:
            await self._upstream_finishes()
        await asyncio.gather(*(until_ended(self.shop, one.order) for one in self.asked))
        if self.fault is Fault.STOPPED:
            await self._wake()
        return {Cell(self.fault, self.step, one.kind): await judge(self.shop, one) for one in self.asked}

    async def _wake(self) -> None:
        """The stopped worker goes on, and comes to the end of all that it had begun."""
        assert self.halted is not None
        await self._upstream.admin("DELETE", "/faults")  # the answers are there when it wakes
        self.halted.send_signal(signal.SIGCONT)
        await asyncio.to_thread(self.halted.close, timeout=NEVER)

    async def strike(self, restart: Restart | None) -> dict[Cell, Outcome]:
        assert self.halted is not None
        match self.fault:
            case Fault.KILLED:
                await asyncio.to_thread(self.halted.kill)
                async with self.shop.working():
                    return await self.end()
            case Fault.POLLER_KILLED:
                await asyncio.to_thread(self.halted.kill)
                async with working(self.shop, [WorkerRole.POLLER]):
                    return await self.end()
            case Fault.STOPPED:
                self.halted.send_signal(signal.SIGUSR2)
                await asyncio.to_thread(self.halted.wait_for_line, "^stopped$", timeout=NEVER)
                async with self.shop.working():
                    return await self.end()
            case _:
                assert restart is not None
                await restart.with_others(partial(self.halted.send_signal, signal.SIGUSR1))
                await self._upstream.admin("DELETE", "/faults")
                return await self.end()


def settings_of(fault: Fault) -> dict[str, Any]:
    settings: dict[str, Any] = {"manual_plan_changes": {}, **TIMES}
    if fault in (Fault.DATABASE, Fault.TEMPORAL):
        settings["order_timeout"] = OUTAGE
    return settings


@asynccontextmanager
async def open_row(
    database: str, temporal: TemporalServer, upstream: Upstream, fault: Fault, step: Step
) -> AsyncIterator[Row]:
    await upstream.admin("POST", "/reset")
    await upstream.set(disk_change="automatic")
    await upstream.set_balance("1000.00")
    if step in CART:
        await upstream.set(skipbasket="ignored", prolong_cart="always", addon_cart="always")
    async with open_shop(database, temporal, upstream, worker=False, **settings_of(fault)) as shop:
        shop.worker_settings["RESELL_MANUAL_PLAN_CHANGES"] = "{}"
        shop.worker_settings[PASSWORD_VARIABLE] = PASSWORD
        shop.resellflow = Resellflow(shop.database, shop.client, Hasty(**shop.settings.model_dump()))
        yield Row(shop, fault, step)


async def play(
    database: str,
    temporal: TemporalServer,
    upstream: Upstream,
    fault: Fault,
    step: Step,
    restart: Restart | None = None,
) -> dict[Cell, Outcome]:
    async with open_row(database, temporal, upstream, fault, step) as row, AsyncExitStack() as stack:
        try:
            await row.prepare()
            if restart is not None:
                await restart.all_prepared()
            if fault is Fault.POLLER_KILLED:
                await stack.enter_async_context(working(row.shop, ALL_ROLES - {WorkerRole.POLLER}))
                await row.shop._start_sweep()
            await row.come_to_the_step()
        except BaseException:
            if restart is not None:
                await restart.gives_up()
            raise
        outcomes = await row.strike(restart)
    missing = set(operations_at(step)) - {cell.operation for cell in outcomes}
    return outcomes | {Cell(fault, step, kind): Outcome(Ending.FAILED, ("not judged",)) for kind in missing}
