"""What the shops of a test have in common: a Resellflow that runs, and modules whose functions run in PHP processes."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.proxy import Proxy, Request
from tests.storefront.api import SHOP_TOKEN, Api


def asks(request: Request) -> bool:
    """A request that is carried out, rather than one that only reads."""
    return request.method != "GET"


@dataclass
class Installation:
    """One installation of a shop's software: `line` leads to Resellflow's API."""

    shop: Shop
    api: Api
    line: Proxy
    home: Path
    token: str = SHOP_TOKEN

    async def run(self, harness: Path, call: dict[str, Any]) -> dict[str, Any]:
        """What the harness answers; each call is a process of its own."""
        process = await asyncio.create_subprocess_exec(
            "php", str(harness), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate(json.dumps(call).encode())
        assert process.returncode == 0, output.decode()
        answer: dict[str, Any] = json.loads(output)
        return answer

    async def charges(self, *operations: str) -> list[str]:
        """What the upstream has charged for, in order."""
        charged = [str(one["operation"]) for one in await self.shop.upstream.charges()]
        return [one for one in charged if not operations or one in operations]

    async def service(self, number: int = 1) -> dict[str, Any]:
        """The service as Resellflow shows it to this shop."""
        answer: dict[str, Any] = (await self.api.shop.get(f"/v1/services/{number}")).json()
        return answer

    async def until_status(self, status: str, number: int = 1) -> None:
        async def reached() -> bool:
            return bool((await self.service(number))["status"] == status)

        await assert_eventually(reached, timeout=30, message=f"the service is {status}")

    async def settled(self) -> None:
        """Nothing is under way in Resellflow any more."""

        async def none() -> bool:
            answer = (await self.api.shop.get("/v1/operations")).json()
            return all(one["stage"] in ("completed", "cancelled") for one in answer["items"])

        await assert_eventually(none, timeout=30, message="all operations have ended")

    async def cancelled(self, operation: int) -> None:
        """A person cancels it, as soon as no request of it is under way."""

        async def is_taken() -> bool:
            answer = await self.api.operator.post(f"/v1/operations/{operation}/cancel", json={"reason": "not wanted"})
            assert answer.status_code == 200, answer.text
            return True

        await assert_eventually(is_taken, timeout=30, message="the operation can be cancelled")
        await self.settled()
