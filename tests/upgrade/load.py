"""Storefronts that order all the time, and orders that wait for something."""

import asyncio
import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from benchmarks.soak.api import Answer, Api, Panel, Violation
from benchmarks.soak.customers import Ledger
from benchmarks.soak.parts import OPERATOR_TOKEN, SHOP_TOKEN
from tests.upgrade.installation import Failed

NEVER = 300.0
"""Seconds for one step, or without an operation that ends."""
QUIET_RATE = 0.4
"""Orders a second before and after the roll."""
MOST_NOT_BEGUN = 10
ENDED = frozenset({"completed", "cancelled"})
PERIOD = {"period_months": 1, "customer": "c-1"}


@dataclass
class Waiting:
    """Operations that the old program has left waiting, by what they wait for."""

    confirmation: list[int] = field(default_factory=list)
    money: list[int] = field(default_factory=list)
    people: list[int] = field(default_factory=list)

    @property
    def all(self) -> list[int]:
        return [*self.confirmation, *self.money, *self.people]


@dataclass(frozen=True)
class Pace:
    """The load during the roll: so many orders a second, for so many seconds at most."""

    rate: float
    seconds: float


class Storefronts:
    """They order at the API, wherever it is, until each order has an answer."""

    def __init__(self, http: httpx.AsyncClient, api_url: str, panel: Panel) -> None:
        self.answers: Counter[str] = Counter()
        self.ledger = Ledger()
        self.violations: list[Violation] = []
        self.panel = panel
        self._shop = Api(http, api_url, SHOP_TOKEN, self.answers)
        self.operator = Api(http, api_url, OPERATOR_TOKEN, self.answers)
        self.held_back = 0
        """How often orders had to wait because the machine was too busy for more."""
        self.measured: list[int] = []
        """The operations that were ordered during the roll."""
        self.answer_seconds: list[float] = []
        """How long each of them waited for its answer, with all repeated requests."""
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._chance = random.Random(4711)  # noqa: S311 - repeatable on purpose
        self._asked: set[asyncio.Task[None]] = set()

    def move(self, api_url: str) -> None:
        """All requests go there from now on, as through a proxy."""
        self._shop.move(api_url)
        self.operator.move(api_url)

    async def run(self, over: asyncio.Event) -> None:
        """Orders at the quiet rate, except during a roll, until it is over and each has its answer. Fewer while many
        have not begun: on a busy machine the rehearsal would only wait for them."""
        while not over.is_set():
            await self._quiet.wait()
            while len(await self.operator.all("/v1/operations?stage=accepted")) > MOST_NOT_BEGUN and not over.is_set():
                self.held_back += 1
                await asyncio.sleep(2)
            self._begin_one()
            await asyncio.sleep(1 / QUIET_RATE)
        await asyncio.gather(*list(self._asked))

    async def roll(self, pace: Pace, over: asyncio.Event) -> None:
        """The load of the roll, until it is over. Each order comes at its time, whatever became of those before.
        Returns once all of them have their answers."""
        self._quiet.clear()
        loop = asyncio.get_running_loop()
        began, orders = loop.time(), []
        try:
            while not over.is_set() and loop.time() - began < pace.seconds:
                orders.append(self._begin_one(measured=True))
                await asyncio.sleep(max(0.0, began + len(orders) / pace.rate - loop.time()))
            await asyncio.gather(*orders)
        finally:
            self._quiet.set()

    def _begin_one(self, *, measured: bool = False) -> asyncio.Task[None]:
        task = asyncio.create_task(self._one(measured))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)
        return task

    async def _one(self, measured: bool) -> None:
        began = asyncio.get_running_loop().time()
        try:
            _, operation = await self.order("VDS-1")
        except Violation as violation:
            self.violations.append(violation)
        else:
            if measured:
                self.measured.append(operation)
                self.answer_seconds.append(asyncio.get_running_loop().time() - began)

    async def order(self, plan: str) -> tuple[int, int]:
        """Its service and its operation."""
        answer = await self._ask("/v1/services", {"plan": plan, **PERIOD}, "open")
        return int(answer.body["service"]["number"]), int(answer.body["operation"]["number"])

    async def change_plan(self, service: int, plan: str) -> int:
        answer = await self._ask(f"/v1/services/{service}/change-plan", {"plan": plan}, "change_plan")
        return int(answer.body["operation"]["number"])

    async def _ask(self, path: str, body: dict[str, Any], kind: str) -> Answer:
        answer = await self._shop.ask("POST", path, body, self._chance)
        self.ledger.note(answer, kind)
        if not answer.ok:
            raise Violation(f"POST {path} {body}: {answer.status} {answer.detail}")
        return answer

    async def stage(self, operation: int) -> str:
        return str((await self.operator.send("GET", f"/v1/operations/{operation}")).body["stage"])

    async def until(self, operation: int, stage: str, within: float = NEVER) -> None:
        """Raises Failed with the stage that it has instead."""
        ends, seen = asyncio.get_running_loop().time() + within, ""
        while asyncio.get_running_loop().time() < ends:
            if (seen := await self.stage(operation)) == stage:
                return
            await asyncio.sleep(0.2)
        raise Failed(f"operation {operation} is {seen} and not {stage} after {within:g} s")

    async def until_all_have_ended(self, within: float = NEVER) -> None:
        """Raises Failed if for so many seconds none of them ends."""
        loop = asyncio.get_running_loop()
        fewest, ends = math.inf, loop.time() + within
        while under_way := await self.under_way():
            if len(under_way) < fewest:
                fewest, ends = len(under_way), loop.time() + within
            if loop.time() > ends:
                shown = ", ".join(f"{one['number']} {one['stage']}" for one in under_way[:10])
                raise Failed(f"of {len(under_way)} operations none has ended for {within:g} s: {shown}")
            await asyncio.sleep(1)

    async def under_way(self) -> list[dict[str, Any]]:
        return [one for one in await self.operator.all("/v1/operations") if one["stage"] not in ENDED]

    # What the upstream and its people do

    async def waiting_for_confirmation(self) -> int:
        """An order whose service somebody at the upstream has still to open. Others of this moment may share that."""
        await self.panel.call("PATCH", "/settings", {"opening": "manual"})
        _, operation = await self.order("VDS-1")
        await self.until(operation, "awaiting_confirmation")
        await self.panel.call("PATCH", "/settings", {"opening": "auto"})
        return operation

    async def open_all(self) -> None:
        """Somebody at the upstream opens what waits for that."""
        for item in await self.panel.items():
            if item["status"] not in (2, 3, 4):
                await self.panel.call("POST", f"/items/{item['id']}/open")

    async def waiting_for_money(self) -> int:
        _, operation = await self.order("SECOND")
        await self.until(operation, "waiting_for_funds")
        return operation

    async def pay(self, account: str, amount: int) -> None:
        await self.panel.call("POST", f"/accounts/{account}/top-up", {"amount": str(amount)})

    async def waiting_for_people(self) -> int:
        """A change to a plan with a larger disk, which people make at this upstream."""
        service, operation = await self.order("VDS-1")
        await self.until(operation, "completed")
        change = await self.change_plan(service, "VDS-2")
        await self.until(change, "awaiting_manual_task")
        return change


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that so large a share of them does not exceed; 0 of none."""
    return round(sorted(values)[math.ceil(share * len(values)) - 1], 2) if values else 0.0
