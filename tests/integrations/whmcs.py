"""A WHMCS for a test: it calls the module's functions with PHP's command line, each call in a process of its own."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import PROJECT
from tests.infrastructure.proxy import Proxy
from tests.storefront.api import SHOP_TOKEN, Api

MODULE = PROJECT / "integrations" / "whmcs" / "modules" / "servers" / "resellflow"
HARNESS = Path(__file__).with_name("harness.php")


@dataclass
class Whmcs:
    """One installation of WHMCS and its server in the settings: `line` leads to Resellflow's API."""

    shop: Shop
    api: Api
    line: Proxy
    home: Path
    module: Path = MODULE
    log: list[str] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)
    """What the last call asked of WHMCS, by `localAPI` and `logActivity`."""
    products: dict[int, dict[str, str]] = field(default_factory=dict)
    """Services as WHMCS has them."""
    token: str = SHOP_TOKEN

    async def call(self, function: str, service: int = 41, **changes: Any) -> Any:
        """What the function returns. `changes`: of the parameters, and `model` of the service's own columns."""
        address = urlsplit(self.line.url)
        model = {"billingcycle": "Monthly", "nextduedate": "2026-03-01", "domainstatus": "Pending"}
        params: dict[str, Any] = {
            "serviceid": service,
            "userid": 7,
            "domain": f"v{service}.example.com",
            "serverhostname": address.hostname,
            "serverip": "",
            "serverport": address.port,
            "serversecure": False,
            "serverpassword": self.token,
            "configoption1": "VDS-1",
            "configoption2": "debian-12",
            "configoption3": "",
            "configoption4": "30",
            "configoptions": {},
        }
        call = {
            "module": str(self.module),
            "products": self.products,
            "function": function,
            "model": model | changes.pop("model", {}),
            "params": params | changes,
            "properties": str(self.properties(service)),
        }
        process = await asyncio.create_subprocess_exec(
            "php", str(HARNESS), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate(json.dumps(call).encode())
        assert process.returncode == 0, output.decode()
        answer = json.loads(output)
        self.log += answer["log"]
        self.asked = answer["asked"]
        return answer["result"]

    async def done(self, function: str, service: int = 41, **changes: Any) -> None:
        """The function, which is to succeed."""
        result = await self.call(function, service, **changes)
        assert result == "success", (result, self.log[-3:])

    async def cron(self) -> list[Any]:
        """The cron job has run; what it asked of WHMCS."""
        await self.call("hook:AfterCronJob")
        return self.asked

    def properties(self, service: int) -> Path:
        return self.home / f"service-{service}.json"

    def state(self, service: int = 41) -> Mapping[str, Any]:
        """What the module remembers of a service."""
        kept = json.loads(self.properties(service).read_text())
        found: dict[str, Any] = json.loads(kept["Resellflow state"])
        return found

    async def charges(self, *operations: str) -> list[str]:
        """What the upstream has charged for, in order."""
        charged = [str(one["operation"]) for one in await self.shop.upstream.charges()]
        return [one for one in charged if not operations or one in operations]

    async def settled(self) -> None:
        """Nothing is under way in Resellflow any more."""

        async def none() -> bool:
            answer = (await self.api.shop.get("/v1/operations")).json()
            return all(one["stage"] in ("completed", "cancelled") for one in answer["items"])

        await assert_eventually(none, timeout=30, message="all operations have ended")
