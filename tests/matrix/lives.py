"""Lives: the operations of one service, one after the other, each with the same fault at the same step.

A life has a shop of its own, with the workers in this process, and a simulator to itself. Faults come from the
simulator's rules and settings, and from what happens to signals on their way (`events`).
"""

from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from models.enums import OperationKind, Stage
from orders.lifecycle.acceptance import AcceptedOrder
from orders.operations.set_parameters import ServiceChange
from tests.flow.shop import USER, Shop, Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer
from tests.matrix import events
from tests.matrix.cells import (
    CART,
    IN_THE_EVENTS,
    IN_WHAT_IS_READ,
    NEVER,
    NOT_CARRIED_OUT,
    ON_THE_LINE,
    OPERATIONS,
    Cell,
    Fault,
    Step,
    operations_at,
)
from tests.matrix.outcome import Asked, Before, Ending, Outcome, judge

FUNCTIONS = {
    OperationKind.OPEN: "*.order.param",
    OperationKind.PROLONG: "service.prolong",
    OperationKind.SUSPEND: "vds.suspend",
    OperationKind.RESUME: "vds.resume",
    OperationKind.CLOSE: "vds.delete",
    OperationKind.CHANGE_PLAN: "service.changepricelist",
    OperationKind.SET_PARAMETERS: "vds.edit",
}
WITHOUT_SOK = (OperationKind.SUSPEND, OperationKind.RESUME, OperationKind.CLOSE)
PAYING = ("cartorder.create.confirm", "payment.add")
READING = ("*.order.param", "service.*", "*.edit", "vds", "subaccount", "whoami", "dashboard*")
LONG = 3600
"""Seconds for which the upstream works on an operation, until its clock is moved."""
LOOKS = 4
"""So often the poller looks at what a person is asked about, before the person counts as needed."""
LOOKS_IN_VAIN = 20
"""So often it looks for what it can't see, before the cause is taken away."""
TIMES = {"send_lease": 20.0, "order_timeout": 6.0, "read_timeout": 6.0}
"""Longer than those of other tests: a run is no measurement, and has to come to the same on a machine that is busy."""
HOURS = 5 * 3600
ENDED = (Stage.COMPLETED, Stage.NEEDS_ATTENTION, Stage.AWAITING_MANUAL_TASK)
DISTURBED = (Stage.RETRYING, Stage.OUTCOME_UNKNOWN)

HOW: dict[Fault, dict[str, Any]] = {
    Fault.CUT_BEFORE: {"kind": "cut"},
    Fault.CUT_AFTER: {"kind": "cut"},
    Fault.STALL: {"kind": "hang", "until_removed": True},
    Fault.LATE: {"kind": "stall", "until_removed": True},
    Fault.BAD_GATEWAY: {"kind": "http_502"},
    Fault.HTML: {"kind": "html"},
    Fault.GARBAGE: {"kind": "garbage"},
    Fault.TRICKLE: {"kind": "trickle", "seconds": 60.0},
    Fault.LIE: {"kind": "error", "error": {"type": "value", "object": "period"}},
}

Begin = Callable[[Shop, int, str], Coroutine[Any, Any, AcceptedOrder]]
BEGIN: dict[OperationKind, Begin] = {
    OperationKind.PROLONG: lambda shop, n, key: shop.resellflow.prolong(n, 1, key=key),
    OperationKind.SUSPEND: lambda shop, n, key: shop.resellflow.suspend(n, key=key),
    OperationKind.RESUME: lambda shop, n, key: shop.resellflow.resume(n, key=key),
    OperationKind.CLOSE: lambda shop, n, key: shop.resellflow.close_service(n, key=key),
    OperationKind.CHANGE_PLAN: lambda shop, n, key: shop.resellflow.change_plan(n, "VDS-2", key=key),
    OperationKind.SET_PARAMETERS: lambda shop, n, key: shop.resellflow.change_parameters(
        n, ServiceChange(addons=ADDONS), key=key
    ),
}
ADDONS: dict[str, int | str] = {"ram": 4}
IN_THE_ORDER_OF_A_LIFE = (
    OperationKind.OPEN, OperationKind.PROLONG, OperationKind.SET_PARAMETERS, OperationKind.SUSPEND,
    OperationKind.RESUME, OperationKind.CHANGE_PLAN, OperationKind.CLOSE,
)  # fmt: skip
assert set(IN_THE_ORDER_OF_A_LIFE) == set(OPERATIONS)


async def ask(shop: Shop, kind: OperationKind, service: int | None, key: str) -> Asked:
    """Place an operation. `service`: whose it is; None for an opening."""
    before = await Before.of(shop)
    if service is None:
        return Asked(kind, await shop.order(key=key), before)
    number = (await shop.service(service)).upstream_number or ""
    addons = {"ram": 4} if kind is OperationKind.SET_PARAMETERS else {}
    return Asked(kind, await BEGIN[kind](shop, service, key), before, number, addons)


async def until_ended(shop: Shop, order: AcceptedOrder, *, looks: int | None = None) -> bool:
    """Whether it has ended or waits for a person, by the time when the poller has looked so often. None: however often
    that is. A person is not needed for what the poller's next looks end.

    An order that is stuck is left as it is after `NEVER`; whoever judges it says so.
    """
    enough = await looked(shop, looks) if looks is not None else None
    stages: set[Stage] = set()

    async def is_over() -> bool:
        stage = (await shop.operation(order.operation)).stage
        stages.add(stage)
        return stage in ENDED or (enough is not None and await enough())

    async def completed() -> bool:
        return (await shop.operation(order.operation)).stage is Stage.COMPLETED or await seen()

    with suppress(AssertionError):
        await assert_eventually(is_over, timeout=NEVER, interval=0.2)
    if not stages & set(ENDED):
        return False
    seen = await looked(shop, LOOKS)
    with suppress(AssertionError):
        await assert_eventually(completed, timeout=NEVER, interval=0.2)
    return True


async def looked(shop: Shop, times: int) -> Callable[[], Coroutine[Any, Any, bool]]:
    """A question: has the poller read the list so often since now?"""
    before = await _reads(shop)

    async def enough() -> bool:
        return await _reads(shop) >= before + times

    return enough


async def _reads(shop: Shop) -> int:
    return int((await shop.upstream.admin("GET", "/requests?limit=0"))["counts"].get("vds", 0))


@dataclass
class Life:
    shop: Shop
    fault: Fault
    step: Step
    outcomes: dict[Cell, Outcome] = field(default_factory=dict)
    _service: int | None = None
    _count: int = 0

    @property
    def _upstream(self) -> Upstream:
        return self.shop.upstream

    @property
    def _works_long(self) -> bool:
        return self.step in (Step.WAITING, Step.EVENT_READ)

    async def run(self, kinds: Collection[OperationKind]) -> None:
        for kind in IN_THE_ORDER_OF_A_LIFE:
            if kind not in kinds or kind not in operations_at(self.step):
                continue
            service = None if kind is OperationKind.OPEN else await self._service_for(kind)
            cell = Cell(self.fault, self.step, kind)
            try:
                self.outcomes[cell] = await self._strike(kind, service)
            except AssertionError as failure:
                self.outcomes[cell] = Outcome(Ending.FAILED, (" ".join(str(failure).split())[:300],))
            await self._upstream.admin("DELETE", "/faults")
            await self._end_of_state()
            if not self.outcomes[cell].is_fine or self.outcomes[cell].ending in (Ending.PERSON, Ending.TASK):
                self._service = None

    async def _service_for(self, kind: OperationKind) -> int:
        """A service that the operation is possible for: the one at hand, or a new one if that is stuck."""
        if self._service is None:
            order = await self._clean(OperationKind.OPEN, None)
            self._service = order.service
            if kind is OperationKind.RESUME:
                await self._clean(OperationKind.SUSPEND, self._service)
        return self._service

    async def _clean(self, kind: OperationKind, service: int | None) -> AcceptedOrder:
        await self._set_delays(0.1)
        asked = await ask(self.shop, kind, service, self._key())
        await self.shop.until(asked.order, Stage.COMPLETED, timeout=NEVER)
        return asked.order

    def _key(self) -> str:
        self._count += 1
        return f"{self.fault.name}-{self.step.name}-{self._count}"

    async def _set_delays(self, seconds: float) -> None:
        await self._upstream.set(opening_delay=seconds, operation_delay=seconds if seconds > 1 else 0)

    async def _strike(self, kind: OperationKind, service: int | None) -> Outcome:
        await self._set_delays(LONG if self._works_long else 0.1)
        if self.fault in ON_THE_LINE and not self._works_long:
            await self._lay(kind)
        elif self.fault in IN_WHAT_IS_READ and self.step is not Step.WAITING:
            await self._begin_state()
            if self.step is Step.COMMITTED:
                await self._lay(kind, Fault.CUT_AFTER)
        asked = await ask(self.shop, kind, service, self._key())
        if kind is OperationKind.OPEN:
            self._service = asked.order.service
        if self.step is Step.BEFORE_INTENT and self.fault in ON_THE_LINE:
            await self._until_disturbed(asked)
        if self._works_long:
            await self._while_it_waits(asked)
        cause_gone = False
        if self.fault in (Fault.NARROWED, Fault.LIST_LATE):
            cause_gone = not await until_ended(self.shop, asked.order, looks=LOOKS_IN_VAIN)
            await self._end_of_state()
        await until_ended(self.shop, asked.order)
        await self._was_hit()
        if self.fault is Fault.LATE:
            await self._late_commit()
        outcome = await judge(self.shop, asked, cause_gone=cause_gone)
        return outcome.not_promised() if self.fault is Fault.LATE else outcome

    async def _late_commit(self) -> None:
        """The upstream carries out now what it was asked for first. It is late however slow the machine is."""
        before, hits = await self._late_ones(), await self._hits()
        await self._upstream.admin("DELETE", "/faults")

        async def is_done() -> bool:
            return await self._late_ones() == before + hits

        await assert_eventually(is_done, timeout=NEVER, message="the upstream carries it out, late")

    async def _late_ones(self) -> int:
        return sum(one["outcome"].startswith("fault:stall:before") for one in await self._upstream.requests())

    async def _lay(self, kind: OperationKind, fault: Fault | None = None) -> None:
        how = HOW[fault or self.fault]
        if self.step is Step.BEFORE_INTENT:
            for function in READING:
                await self._upstream.fault(function=function, sok=False, **how)
            return
        when = "before" if self.step in NOT_CARRIED_OUT else "after"
        if self.step in CART:
            for function in PAYING:
                await self._upstream.fault(function=function, sok=True, times=1, when=when, **how)
            return
        sok = None if kind in WITHOUT_SOK else True
        await self._upstream.fault(function=FUNCTIONS[kind], sok=sok, times=1, when=when, **how)

    async def _until_disturbed(self, asked: Asked) -> None:
        """The order has met the fault; then the upstream is well again."""

        async def disturbed() -> bool:
            assert not await self.shop.intents(asked.order.operation), "nothing is read before the intent"
            return (await self.shop.operation(asked.order.operation)).stage in (*DISTURBED, *ENDED)

        await assert_eventually(disturbed, timeout=NEVER, message="the order notices what it reads")
        await self._upstream.admin("DELETE", "/faults")

    async def _while_it_waits(self, asked: Asked) -> None:
        """The upstream has accepted it, and works on it until its clock is moved."""
        await self.shop.until(asked.order, Stage.AWAITING_CONFIRMATION, timeout=NEVER)
        if self.fault in IN_WHAT_IS_READ:
            await self._begin_state()
        else:
            if self.step is Step.EVENT_READ:
                await self._upstream.fault(function="vds*", sok=False, **HOW[self.fault])
                await self._upstream.admin("POST", "/clock", {"advance_seconds": LONG})
            else:
                await self._upstream.fault(function="vds*", sok=False, **HOW[self.fault])
            await assert_eventually(self._hits, timeout=NEVER, message="the poller reads")
            await self._upstream.admin("DELETE", "/faults")
        if self.step is Step.WAITING:
            back = HOURS if self.fault is Fault.CLOCK else 0  # what is due comes later on a clock that was put back
            await self._upstream.admin("POST", "/clock", {"advance_seconds": LONG + back})

    async def _hits(self) -> int:
        return sum(one["hits"] for one in (await self._upstream.admin("GET", "/faults"))["faults"])

    async def _was_hit(self) -> None:
        if self.fault in ON_THE_LINE and self.step not in (Step.BEFORE_INTENT, Step.WAITING, Step.EVENT_READ):
            assert await self._hits(), "the fault was never met"

    async def _begin_state(self) -> None:
        match self.fault:
            case Fault.CLOCK:
                hours = HOURS if self._count % 2 else -HOURS
                await self._upstream.admin("POST", "/clock", {"advance_seconds": hours})
            case Fault.NARROWED:
                hiding = {"vds": {"domain": "somebody-else.example.test"}}
                await self._upstream.admin("PATCH", f"/accounts/{USER}", {"filters": hiding})
            case Fault.LIST_LATE:
                await self._upstream.set(list_lag=1.5)
            case _:
                pass

    async def _end_of_state(self) -> None:
        await self._upstream.admin("PATCH", f"/accounts/{USER}", {"filters": {}})
        await self._upstream.set(list_lag=0)


@asynccontextmanager
async def open_life(
    database: str, temporal: TemporalServer, upstream: Upstream, fault: Fault, step: Step
) -> AsyncIterator[Life]:
    """A shop on this simulator, which is made as new."""
    await upstream.admin("POST", "/reset")
    await upstream.set(disk_change="automatic")
    await upstream.set_balance("1000.00")
    if step in CART:
        await upstream.set(skipbasket="ignored", prolong_cart="always", addon_cart="always")
    settings: dict[str, Any] = {"manual_plan_changes": {}, **TIMES}
    if fault is Fault.LOST:
        settings["confirmation_check_after"] = 3.0
    async with open_shop(database, temporal, upstream, worker=False, **settings) as shop:
        what = events.of(fault) if fault in IN_THE_EVENTS else None
        with events.happening(shop.client.namespace, what):
            async with shop.working():
                await shop.until_looked_at("vds")
                yield Life(shop, fault, step)


async def live(
    database: str,
    temporal: TemporalServer,
    upstream: Upstream,
    fault: Fault,
    step: Step,
    kinds: Collection[OperationKind] = OPERATIONS,
) -> dict[Cell, Outcome]:
    """The operations of these kinds, each struck by the fault at the step."""
    async with open_life(database, temporal, upstream, fault, step) as life:
        await life.run(kinds)
        return life.outcomes
