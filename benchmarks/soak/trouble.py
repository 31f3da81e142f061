"""What breaks: answers of the upstream, and processes. The seed chooses what and when."""

import asyncio
import random
from collections import Counter

from benchmarks.soak.api import Json, Panel
from benchmarks.soak.parts import Installation, Part

READS = ("*", "vds", "soft", "*.edit", "dashboard.info")
WRITES = (
    "*",
    "*.order.param",
    "service.prolong",
    "*.edit",
    "*.suspend",
    "*.resume",
    "*.delete",
    "service.changepricelist*",
)
CUTS = ("cut", "reset", "truncate", "stall", "hang", "http_502", "http_503", "http_429", "html", "garbage", "error")
LONGEST_STALL = 4.5
"""Longer than the time-outs, shorter than time-out and settle window: what comes later is not promised."""
LONGEST_FREEZE = 8.0
"""Longer than all time-outs, shorter than lease, flight and settle window together."""
PANELS: tuple[Json, ...] = (
    {},
    {"orders_return": "none"},
    {"orders_return": "id", "list_order": "newest_first"},
    {"list_lag": 2, "deleted_rows": "vanish"},
    {"skipbasket": "ignored", "orders_return": "none"},
    {"opening_delay": 3, "operation_delay": 2, "processing_shown": "special_status"},
)
"""Kinds of panel; the seed chooses one."""


def panel_of(seed: int) -> Json:
    return {"opening_delay": 1} | PANELS[seed % len(PANELS)]


class BadUpstream:
    """Answers of the upstream that are lost, late, broken or untrue."""

    def __init__(self, panel: Panel, seed: int) -> None:
        self._panel = panel
        self._chance = random.Random(f"{seed} upstream")  # noqa: S311
        self.laid: Counter[str] = Counter()

    async def run(self, over: asyncio.Event) -> None:
        while not over.is_set():
            fault = self._fault()
            await self._panel.call("POST", "/faults", fault)
            self.laid[f"{fault['kind']} {fault['when']}"] += 1
            await asyncio.sleep(self._chance.expovariate(0.7))

    def _fault(self) -> Json:
        chance = self._chance
        changes = chance.random() < 0.6
        fault: Json = {
            "kind": chance.choice(CUTS),
            "function": chance.choice(WRITES if changes else READS),
            "sok": True if changes else None,
            "when": chance.choice(("before", "after")),
            "times": chance.randint(1, 3),
            "probability": chance.choice((1.0, 1.0, 0.4)),
            "seconds": round(chance.uniform(0.5, LONGEST_STALL), 1),
        }
        if fault["kind"] in ("http_429", "http_503"):
            fault["retry_after"] = str(chance.randint(1, 3))
        if fault["kind"] == "error":
            fault["error"] = {"type": chance.choice(("query", "value", "access", "limit", "locked"))}
        return fault


EVERY = {"worker": 18.0, "poller": 25.0, "api": 22.0, "temporal": 40.0, "postgres": 35.0, "simulator": 45.0}
"""Seconds between two disturbances of a part, on average."""


class BadProcesses:
    """Processes that are killed or frozen, each by a clock of its own: several may be away at once."""

    def __init__(self, installation: Installation, seed: int, seconds: float) -> None:
        self._installation = installation
        self._seed = seed
        self._seconds = seconds
        self.done: Counter[str] = Counter()

    async def run(self, over: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            for part in self._installation.parts:
                group.create_task(self._disturb(part, over))

    async def _disturb(self, part: Part, over: asyncio.Event) -> None:
        chance = random.Random(f"{self._seed} {part.name}")  # noqa: S311
        mean = EVERY[part.name]
        # Each at least once, however short the run is.
        pause = chance.uniform(0.1, 0.7) * min(self._seconds, 2 * mean)
        while not await _over_within(over, pause):
            if chance.random() < 0.6:
                self.done[f"{part.name} killed"] += 1
                await part.kill(chance.uniform(0, 3))
            else:
                self.done[f"{part.name} frozen"] += 1
                await part.freeze(chance.uniform(1, min(LONGEST_FREEZE, self._seconds / 3)))
            pause = chance.expovariate(1 / mean)


async def _over_within(over: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await over.wait()
    except TimeoutError:
        return False
    return True
