"""People: operators who decide and do tasks, the upstream's staff, and whoever pays the upstream."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx

from benchmarks.soak.api import Api, Json, Panel, Violation
from benchmarks.soak.audit import CHARGED_AS
from benchmarks.soak.parts import ACCOUNTS

PATIENCE = timedelta(seconds=15)
"""An operator looks at the upstream himself only after this: until then a cut request may still arrive there."""
CLOCKS = timedelta(seconds=1)
"""By so much a charge's time may be before the request's: it is a whole second."""
TERMS = (1, 3)
"""Months by which staff extend items. The first is what storefronts prolong by: such an extension and a prolongation
whose answer was lost differ only in the upstream's expenses."""
RETRIES = 4
LOOKS = 2


class Operators:
    """They decide about everything that needs attention, and do all tasks: as the API offers it, and by what the
    upstream really has."""

    def __init__(self, api: Api, panel: Panel, seed: int) -> None:
        self._api = api
        self._panel = panel
        self._chance = random.Random(f"{seed} operators")  # noqa: S311
        self._tried: Counter[tuple[int, str]] = Counter()
        self.violations: list[Violation] = []
        self.decided: Counter[str] = Counter()

    async def run(self, over: asyncio.Event) -> None:
        while not over.is_set():
            await self.work()
            await asyncio.sleep(1)

    async def work(self) -> None:
        """One look at what waits for people. A violation does not end their work."""
        try:
            await self._work()
        except Violation as violation:
            self.violations.append(violation)

    async def _work(self) -> None:
        for stage in ("needs_attention", "awaiting_confirmation"):
            for operation in await self._api.all(f"/v1/operations?stage={stage}"):
                if stage == "needs_attention" or _age(operation) > 3 * PATIENCE:
                    await self._decide(operation)
        for task in await self._api.all("/v1/tasks?mode=manual&state=open"):
            await self._do(task)

    async def _decide(self, operation: Json) -> None:
        allowed = {one["decision"]: one for one in operation["allowed_decisions"]}
        number = int(operation["number"])
        if "accept_price" in allowed:
            await self._take(number, "accept-price", {})
        elif "retry" in allowed and self._still(number, "retry", RETRIES):
            await self._take(number, "retry", {})
        elif "look_now" in allowed and self._still(number, "look-now", LOOKS):
            await self._take(number, "look-now", {})
        elif _age(operation) > PATIENCE:
            await self._end(operation, allowed)

    async def _end(self, operation: Json, allowed: Json) -> None:
        """What no retry has brought on: look at the upstream, and say what is there."""
        number = int(operation["number"])
        service = (await self._api.send("GET", f"/v1/services/{operation['service']}")).body
        items = [item for item in await self._panel.items(remoteid=service["mark"]) if item["status"] != 4]
        cancel = allowed.get("cancel")
        if operation["kind"] == "open" and items and "mark_done" in allowed:
            await self._take(number, "mark-done", {"upstream_number": str(items[0]["id"])})
        elif cancel is not None and "nothing_was_bought" not in cancel["needs"]:
            await self._take(number, "cancel", dict.fromkeys(set(cancel["needs"]) - {"reason"}, True))
        elif await self._is_charged(operation, service["mark"]):
            if "mark_done" in allowed and operation["kind"] != "open":
                await self._take(number, "mark-done", {})
        elif cancel is not None and not (operation["kind"] == "open" and items):
            await self._take(number, "cancel", {"nothing_was_bought": True})

    async def _is_charged(self, operation: Json, mark: str) -> bool:
        """Whether the upstream's statement has a charge of this kind since the operation was first sent: those of one
        service are sent one after the other."""
        stages = (await self._api.send("GET", f"/v1/operations/{operation['number']}")).body["stages"]
        sent = min((_time(one["at"]) for one in stages if one["stage"] == "submitting"), default=None)
        return sent is not None and any(
            charge["remoteid"] == mark
            and CHARGED_AS[charge["operation"]].value == operation["kind"]
            and _time(charge["time"]) >= sent - CLOCKS
            for charge in await self._panel.charges()
        )

    async def _take(self, number: int, decision: str, fields: Json) -> None:
        self._tried[number, decision] += 1
        body = {"reason": "decided in the soak", **fields}
        answer = await self._api.send("POST", f"/v1/operations/{number}/{decision}", body)
        self.decided[decision if answer.ok else f"{decision}: {answer.status}"] += 1

    def _still(self, number: int, decision: str, most: int) -> bool:
        return self._tried[number, decision] < most

    async def _do(self, task: Json) -> None:
        number = int(task["number"])
        self._tried[number, "task"] += 1
        if self._chance.random() < 0.1 or self._tried[number, "task"] > 3:
            answer = await self._api.send("POST", f"/v1/tasks/{number}/reject", {"reason": "not today"})
            self.decided["reject" if answer.ok else f"reject: {answer.status}"] += 1
            return
        await self._api.send("POST", f"/v1/tasks/{number}/take")
        operation = (await self._api.send("GET", f"/v1/operations/{task['operation']}")).body
        service = (await self._api.send("GET", f"/v1/services/{task['service']}")).body
        if service["upstream"] and service["upstream"]["number"]:
            await self._at_upstream(operation, service["upstream"]["number"])
        answer = await self._api.send("POST", f"/v1/tasks/{number}/complete", {"note": "done"})
        if answer.status == 422:
            ends = str((datetime.now(UTC) + timedelta(days=31)).date())
            answer = await self._api.send("POST", f"/v1/tasks/{number}/complete", {"note": "done", "expires_on": ends})
        self.decided["complete" if answer.ok else f"complete: {answer.status}"] += 1

    async def _at_upstream(self, operation: Json, item: str) -> None:
        """Do there what the task asks for."""
        if operation["kind"] == "change_plan":
            wanted = {"pricelist": int(operation["parameters"]["pricelist"])}
            await _possible(self._panel.call("PATCH", f"/items/{item}", wanted))


class Staff:
    """The upstream's staff: they do what they like to items that are somebody's service, or nobody's. What they do to
    an item between its purchase and our first sight of it can't be distinguished from a purchase that failed."""

    def __init__(self, api: Api, panel: Panel, seed: int) -> None:
        self._api = api
        self._panel = panel
        self._chance = random.Random(f"{seed} staff")  # noqa: S311
        self.acts: Counter[str] = Counter()

    async def run(self, over: asyncio.Event) -> None:
        while not over.is_set():
            await self.act()
            await asyncio.sleep(self._chance.expovariate(0.4))

    async def act(self) -> None:
        items = [item for item in await self._panel.items() if item["status"] in (2, 3)]
        if not items or self._chance.random() < 0.05:
            body = {
                "account": "main",
                "type": "vds",
                "pricelist": 58,
                "domain": f"f{self._chance.random()}.example.test",
            }
            await self._panel.call("POST", "/items", body)
            self.acts["bought by hand"] += 1
            return
        item = self._chance.choice(items)
        if item["remoteid"] and not await self._is_linked(item):
            return
        changes: dict[str, Json] = {
            "suspended": {"reason": "abusesuspend"},
            "resumed": {"status": 2},
            "extended": {"extend_months": self._chance.choice(TERMS)},
            "address changed": {"ip": f"192.0.2.{self._chance.randrange(1, 255)}"},
            "renewal changed": {"autoprolong": self._chance.choice(("null", "1"))},
            "removed": {},
        }
        act = self._chance.choices(list(changes), (4, 6, 3, 2, 2, 1))[0]
        if act == "removed":
            how = self._chance.choice(("deleted", "vanish"))
            done = await _possible(self._panel.call("DELETE", f"/items/{item['id']}?how={how}"))
        else:
            done = await _possible(self._panel.call("PATCH", f"/items/{item['id']}", changes[act]))
        self.acts[act if done else f"{act}: not possible"] += 1

    async def _is_linked(self, item: Json) -> bool:
        service = (await self._api.send("GET", f"/v1/services/{item['remoteid'].rpartition('-')[2]}")).body
        return bool(service["upstream"]) and service["upstream"]["number"] == str(item["id"])


class Payer:
    """Money comes late and unevenly, so that orders wait for it now and then."""

    def __init__(self, panel: Panel, seed: int) -> None:
        self._panel = panel
        self._chance = random.Random(f"{seed} payer")  # noqa: S311

    async def run(self, over: asyncio.Event) -> None:
        while not over.is_set():
            for account in ACCOUNTS:
                balance = Decimal((await self._panel.call("GET", f"/accounts/{account}"))["balance"])
                if balance < 30 and self._chance.random() < 0.5:
                    await self.pay(account, self._chance.randint(20, 400))
            await asyncio.sleep(3)

    async def pay(self, account: str, amount: int) -> None:
        await self._panel.call("POST", f"/accounts/{account}/top-up", {"amount": f"{amount}.00"})


def _age(operation: Json) -> timedelta:
    return datetime.now(UTC) - _time(operation["stage_since"])


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


async def _possible(call: Awaitable[object]) -> bool:
    """False if it makes no sense there, as a person would see."""
    try:
        await call
    except httpx.HTTPStatusError:
        return False
    return True
