"""`python -m stack demo`: three orders, placed as a storefront would place them, and what becomes of each."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from stack.embedded import EmbeddedStack
from stack.processes import StackFailed
from stack.up import short

OPENING_SECONDS = 2
TOP_UP_AFTER_SECONDS = 4
STORY_DEADLINE_SECONDS = 90
UPSTREAM_LOGIN = "reseller"
_LEFT_BY_THE_LAST = (
    *(f"resellflow.db{suffix}" for suffix in ("", "-wal", "-shm")),
    *(f"temporal.db{suffix}" for suffix in ("", "-wal", "-shm", "-journal")),
    "simulator.json",
)


@dataclass
class Story:
    """One order and how it went."""

    title: str
    customer: str
    service: int = 0
    operation: int = 0
    stages: list[tuple[str, datetime]] = field(default_factory=list)
    waits_for_funds: asyncio.Event = field(default_factory=asyncio.Event)


class DemoFailed(StackFailed):
    """A story did not end as it should; the message says which and how."""


def begin_anew(directory: Path) -> None:
    """Forget the orders of the last demo, so that every demo shows the same."""
    for name in _LEFT_BY_THE_LAST:
        (directory / name).unlink(missing_ok=True)


async def demo(stack: EmbeddedStack) -> int:
    """Tell the three stories, print the table. The exit status is 0 only if all ended as promised."""
    console = Console(highlight=False, width=None if Console().is_terminal else 120)
    async with httpx.AsyncClient(trust_env=False, timeout=15) as http:
        shop = _Shop(stack, http, console)
        try:
            async with asyncio.timeout(STORY_DEADLINE_SECONDS):
                stories = await shop.play()
                await shop.check(stories)
                console.print(await shop.table(stories))
        except TimeoutError:
            raise DemoFailed(f"the stories did not end within {STORY_DEADLINE_SECONDS} s") from None
        console.print(
            f"\nThree orders, three services, three charges, and nobody pressed Start. Look at them again with\n"
            f"  make up ARGS='--directory {short(stack.directory)}'\n"
        )
    return 0


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class _Shop:
    """The storefront, and the hand that plays tricks on the upstream."""

    def __init__(self, stack: EmbeddedStack, http: httpx.AsyncClient, console: Console) -> None:
        self._stack = stack
        self._http = http
        self._storefront = _bearer(stack.tokens.storefront)
        self._operator = _bearer(stack.tokens.operator)
        """A storefront sees no sums, no upstream's words and no address of Temporal UI."""
        self._console = console
        self._admin = f"{stack.simulator_url}/_sim"

    async def play(self) -> list[Story]:
        await self._trick("PATCH", "/settings", {"opening_delay": OPENING_SECONDS})
        happy = Story("everything goes well", "alice")
        lost = Story("the answer is cut off after the upstream accepted", "bob")
        poor = Story("the upstream account is empty", "carol")

        self._say(f"\n1. {happy.title}. The upstream opens a server in {OPENING_SECONDS} s.")
        await self._follow(happy)

        self._say(f"\n2. {lost.title}: was it bought, or not? A second request could buy a second server.")
        await self._trick(
            "POST", "/faults", {"function": "*.order.param", "sok": True, "kind": "cut", "when": "after", "times": 1}
        )
        await self._follow(lost)

        self._say(f"\n3. {poor.title}. The order waits; in {TOP_UP_AFTER_SECONDS} s somebody tops the account up.")
        await self._trick("PATCH", f"/accounts/{UPSTREAM_LOGIN}", {"balance": "1.00"})
        topping_up = asyncio.create_task(self._top_up_when_waiting(poor))
        await self._follow(poor)
        await topping_up
        return [happy, lost, poor]

    async def _follow(self, story: Story) -> None:
        """Place the order as a storefront, and show its stages as the API streams them to an operator."""
        answer = await self._http.post(
            f"{self._stack.api_url}/v1/services",
            json={"plan": "VDS-1", "period_months": 1, "customer": story.customer},
            headers={**self._storefront, "Idempotency-Key": f"demo-{story.customer}"},
        )
        if answer.status_code != 201:
            raise DemoFailed(f"the order of {story.customer} was answered {answer.status_code}: {answer.text}")
        placed = answer.json()
        story.service = placed["service"]["number"]
        story.operation = placed["operation"]["number"]
        self._say(f"   service {story.service}, operation {story.operation} for {story.customer}")
        url = f"{self._stack.api_url}/v1/operations/{story.operation}/stream"
        async with self._http.stream("GET", url, headers=self._operator, timeout=None) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data:"):
                    self._note(story, json.loads(line.removeprefix("data:")))

    def _note(self, story: Story, event: dict[str, Any]) -> None:
        if "at" not in event:
            return
        at = datetime.fromisoformat(event["at"])
        if not story.stages or story.stages[-1][0] != event["stage"]:
            story.stages.append((event["stage"], at))
        if event["stage"] == "waiting_for_funds":
            story.waits_for_funds.set()
        since = (at - story.stages[0][1]).total_seconds()
        self._say(f"   {since:6.2f} s  {event['stage']:<22} {event.get('reason') or ''}".rstrip())

    async def _top_up_when_waiting(self, story: Story) -> None:
        await story.waits_for_funds.wait()
        await asyncio.sleep(TOP_UP_AFTER_SECONDS)
        self._say("             (20.00 EUR arrive on the upstream account)")
        await self._trick("POST", f"/accounts/{UPSTREAM_LOGIN}/top-up", {"amount": "20.00"})

    async def check(self, stories: list[Story]) -> None:
        """Count at the upstream, not in our own rows."""
        for story in stories:
            if story.stages[-1][0] != "completed":
                raise DemoFailed(f"operation {story.operation} ended as {story.stages[-1][0]}")
        charges = (await self._trick("GET", "/charges"))["charges"]
        items = (await self._trick("GET", "/items"))["items"]
        if len(charges) != len(stories) or len(items) != len(stories):
            raise DemoFailed(f"{len(stories)} orders, but {len(items)} services and {len(charges)} charges upstream")
        by_name = {story.title: [stage for stage, _ in story.stages] for story in stories}
        for stage, story in (("outcome_unknown", stories[1]), ("waiting_for_funds", stories[2])):
            if stage not in by_name[story.title]:
                raise DemoFailed(f"operation {story.operation} never was {stage}")

    async def table(self, stories: list[Story]) -> Table:
        table = Table(title="\nWhat became of the orders", show_lines=True, title_justify="left")
        table.add_column("Service", justify="right", no_wrap=True)
        table.add_column("Operation", justify="right", no_wrap=True)
        table.add_column("Stages, seconds after the order")
        table.add_column("Upstream number", no_wrap=True)
        table.add_column("Workflow in Temporal UI", overflow="fold")
        for story in stories:
            operation = await self._get(f"/v1/operations/{story.operation}")
            service = await self._get(f"/v1/services/{story.service}")
            began = story.stages[0][1]
            stages = "\n".join(f"{(at - began).total_seconds():6.2f}  {stage}" for stage, at in story.stages)
            table.add_row(
                f"{story.service} ({service['status']})",
                f"{story.operation} ({operation['kind']})",
                stages,
                service["upstream"]["number"],
                operation["workflow_url"],
            )
        return table

    async def _get(self, path: str) -> dict[str, Any]:
        answer = await self._http.get(f"{self._stack.api_url}{path}", headers=self._operator)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    async def _trick(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        answer = await self._http.request(method, f"{self._admin}{path}", json=body)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False)
