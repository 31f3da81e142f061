"""Storefronts: they ask for every kind of operation, at random, on the services that they have."""

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field

from benchmarks.soak.api import Answer, Api, Json, Violation, operation_of

PLANS = ("VDS-1", "VDS-1", "VDS-1-RAM", "VDS-2", "LICENCE", "LICENCE", "SECOND", "SECOND", "DEDICATED")
VIRTUAL = ("VDS-1", "VDS-1-RAM", "VDS-2")
AT_ONCE = 40


@dataclass
class Ledger:
    """What was accepted: it must not be lost."""

    services: dict[int, str] = field(default_factory=dict)
    """Service -> the plan that was ordered."""
    operations: dict[int, int] = field(default_factory=dict)
    """Operation -> service."""
    kinds: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def note(self, answer: Answer, kind: str) -> None:
        if not answer.ok:
            self.refused[f"{kind}: {answer.status}"] += 1
            return
        number, service = operation_of(answer), int(answer.body["service"]["number"])
        if self.operations.setdefault(number, service) != service:
            raise Violation(f"operation {number} was given out for two services", service)
        self.services.setdefault(service, str(answer.body["service"]["plan"]))
        self.kinds[kind] += 1


class Customers:
    def __init__(self, api: Api, ledger: Ledger, seed: int) -> None:
        self._api = api
        self.violations: list[Violation] = []
        self._chance = random.Random(f"{seed} customers")  # noqa: S311 - repeatable on purpose
        self._ledger = ledger
        self._acts = {
            self.order: 34,
            self.prolong: 20,
            self.change_addons: 10,
            self.suspend: 8,
            self.resume: 12,
            self.close: 6,
            self.change_plan: 8,
            self.change_name: 3,
            self.change_renewal: 3,
            self.change_password: 2,
            self.new_licence_key: 2,
            self.cancel: 6,
        }

    async def run(self, rate: float, over: asyncio.Event) -> None:
        """Ask until it is over. Returns once each request has its definite answer."""
        under_way: set[asyncio.Task[None]] = set()
        while not over.is_set():
            if len(under_way) < AT_ONCE:
                act = self._chance.choices(list(self._acts), list(self._acts.values()))[0]
                under_way.add(asyncio.create_task(self._noting(act())))
            await asyncio.sleep(self._chance.expovariate(rate))
            under_way = {task for task in under_way if not task.done()}
        await asyncio.gather(*under_way)

    async def order(self, plan: str | None = None) -> None:
        plan = plan or self._chance.choice(PLANS)
        body: Json = {"plan": plan, "period_months": 1, "customer": f"c-{self._chance.randrange(30)}"}
        if plan in VIRTUAL and self._chance.random() < 0.2:
            body["addons"] = {"ram": self._chance.choice((3, 4))}
        await self._note("POST", "/v1/services", body, "open")

    async def prolong(self) -> None:
        await self._of_service("POST", "/prolong", {"period_months": 1}, "prolong")

    async def suspend(self) -> None:
        await self._of_service("POST", "/suspend", {"urgent": self._chance.random() < 0.2}, "suspend")

    async def resume(self) -> None:
        await self._of_service("POST", "/resume", None, "resume")

    async def close(self) -> None:
        await self._of_service("DELETE", "", None, "close")

    async def change_plan(self) -> None:
        body = {"plan": self._chance.choice(VIRTUAL), "drop_addons": True}
        await self._of_service("POST", "/change-plan", body, "change_plan", VIRTUAL)

    async def change_addons(self) -> None:
        body = {"addons": {"ram": self._chance.randint(2, 8)}}
        await self._of_service("PATCH", "", body, "set_parameters", (*VIRTUAL, "SECOND"))

    async def change_name(self) -> None:
        body = {"domain": f"n{self._chance.randrange(10**9)}.example.test"}
        await self._of_service("PATCH", "", body, "set_parameters", VIRTUAL)

    async def change_renewal(self) -> None:
        body = {"renewal_owner": self._chance.choice(("resellflow", "upstream"))}
        await self._of_service("PATCH", "", body, "set_parameters")

    async def change_password(self) -> None:
        await self._of_service("PATCH", "", {"password": "new"}, "set_parameters", VIRTUAL)

    async def new_licence_key(self) -> None:
        await self._of_service("PATCH", "", {"licence_key": "new"}, "set_parameters", ("LICENCE",))

    async def cancel(self) -> None:
        if self._ledger.operations:
            number = self._chance.choice(list(self._ledger.operations)[-20:])
            answer = await self._api.send("POST", f"/v1/operations/{number}/cancel")
            self._ledger.refused["cancel: done" if answer.ok else f"cancel: {answer.status}"] += 1

    async def _of_service(
        self, method: str, path: str, body: Json | None, kind: str, plans: tuple[str, ...] = ()
    ) -> None:
        numbers = [number for number, plan in self._ledger.services.items() if not plans or plan in plans]
        if not numbers:
            return
        # Mostly a few services, so that requests for the same one meet.
        chosen = numbers[-15:] if self._chance.random() < 0.6 else numbers
        await self._note(method, f"/v1/services/{self._chance.choice(chosen)}{path}", body, kind)

    async def _note(self, method: str, path: str, body: Json | None, kind: str) -> None:
        self._ledger.note(await self._api.ask(method, path, body, self._chance), kind)

    async def _noting(self, act: Coroutine[object, object, None]) -> None:
        """A violation does not end the run: more may be found."""
        try:
            await act
        except Violation as violation:
            self.violations.append(violation)
