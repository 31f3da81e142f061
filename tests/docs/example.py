"""Runs what the pages tell people to type, against a shop."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count

import httpx
from pydantic import SecretStr
from sqlmodel import select

from models.enums import Stage
from models.messages import TaskCompletion
from models.order import Task
from orders.errors import Refused
from settings import Settings
from stack.embedded import temporal_program
from storefront.app import create_app
from tests.cli.shell import Shell
from tests.docs.pages import words
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually

STOREFRONT, OPERATOR = "LONG-RANDOM-TEXT", "ANOTHER-LONG-TEXT"
NUMBER = 7
"""The operation, and its service, that the pages take for their example."""
ITEM = re.compile(r"\b9000\d\d\b")
ARCHIVE = "/var/archive/resellflow"
_items = count(950001)


@dataclass
class Example:
    """A shop, somebody at its shell, and its API. A command is run for an operation of the shop instead of number 7."""

    shop: Shop
    shell: Shell
    archive: str
    """A folder instead of the one that the page archives to."""

    async def run(self, command: str, operation: int, item: str | None = None) -> None:
        """Run it, and fail unless it works."""
        mine = command.replace(f"service-{NUMBER}-open-{NUMBER}", f"service-{operation}-open-{operation}")
        mine = re.sub(rf"(?<=[ /]){NUMBER}(?=[ /]|$)", str(operation), mine)
        mine = ITEM.sub(lambda _: item or str(next(_items)), mine)  # each decision names an item of its own
        mine = mine.replace(ARCHIVE, self.archive)
        program, *arguments = words(mine)
        match program:
            case "resell":
                (await self.shell.resell(*arguments)).done()
            case "temporal":
                await self._temporal(arguments)
            case "curl":
                await self._curl(arguments)
            case _:
                raise AssertionError(f"nobody knows how to run {command!r} here")

    async def rejected(self) -> int:
        """An order that needs a person."""
        await self.shop.upstream.fault(
            function="*.order.param", sok=True, times=1, kind="error", error={"type": "value", "object": "domain"}
        )
        order = await self.shop.order(parameters={"template": "debian-12"})
        await self.reaches(order.operation, Stage.NEEDS_ATTENTION)
        return order.operation

    async def too_dear(self) -> int:
        """An order that costs 40.00 EUR, which is more than anybody expected."""
        await self.shop.upstream.admin("PATCH", "/pricelists/59", {"prices": {"1": "40.00"}})
        order = await self.shop.order("VDS-2")
        await self.reaches(order.operation, Stage.NEEDS_ATTENTION)
        await self.shop.upstream.admin("PATCH", "/pricelists/59", {"prices": {"1": "10.00"}})
        return order.operation

    @asynccontextmanager
    async def by_hand(self) -> AsyncIterator[tuple[int, str]]:
        """A manual task that may be said to be done, and the workflow that waits for it."""
        upstream = self.shop.upstream
        opened = await self.shop.order()
        await self.reaches(opened.operation, Stage.COMPLETED)
        change = await self.shop.resellflow.change_plan(opened.service, "VDS-2", key=f"plan-{opened.service}")
        await self.shop.until_left_to_people(change.operation)
        number = (await self.shop.service(opened.service)).upstream_number
        await upstream.admin("PATCH", f"/items/{number}", {"pricelist": 59})
        async with self.shop.database.read() as session:
            task = (await session.exec(select(Task).where(Task.operation_id == change.operation))).one()
        yield task.id or 0, change.workflow_id
        async with self.shop.database.read() as session:
            in_hands_of = (await session.get_one(Task, task.id)).assignee or "anna"
        with suppress(Refused):  # what was typed has ended it
            await self.shop.resellflow.complete_task(task.id or 0, TaskCompletion(actor=in_hands_of, note="done"))
        await self.reaches(change.operation, Stage.COMPLETED, Stage.CANCELLED)

    async def reaches(self, operation: int, *stages: Stage) -> None:
        async def there() -> bool:
            return (await self.shop.operation(operation)).stage in stages

        await assert_eventually(there, timeout=45, message=f"operation {operation} is {stages}")

    async def _temporal(self, arguments: list[str]) -> None:
        process = await asyncio.create_subprocess_exec(
            temporal_program(),
            *arguments,
            env={**os.environ, **self.shell.variables},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await asyncio.wait_for(process.communicate(), 45)
        assert process.returncode == 0, f"temporal {arguments}:\n{out.decode()}"

    async def _curl(self, arguments: list[str]) -> None:
        method, url, headers, body = "", "", httpx.Headers(), None
        rest = iter(arguments)
        for word in rest:
            match word:
                case "-s" | "-sN":
                    pass
                case "-X":
                    method = next(rest)
                case "-H":
                    name, _, value = next(rest).partition(": ")
                    headers[name] = value.replace("$TOKEN", OPERATOR)
                case "-d":
                    body = next(rest)
                case _:
                    url = word.replace("$API", "http://127.0.0.1:8080")
        async with self._api() as api:
            answer = await api.request(method or ("POST" if body else "GET"), url, headers=headers, content=body)
        assert answer.is_success, f"{url}: {answer.text}"

    @asynccontextmanager
    async def _api(self) -> AsyncIterator[httpx.AsyncClient]:
        tokens = {"storefront_tokens": {"shop": SecretStr(STOREFRONT)}, "operator_tokens": {"ann": SecretStr(OPERATOR)}}
        settings = Settings(**{**self.shop.settings.model_dump(), **tokens})
        app = create_app(self.shop.resellflow, settings)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), timeout=45) as client:
            yield client
        await app.state.context.close()
