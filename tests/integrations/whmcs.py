"""A WHMCS for a test: it calls the module's functions with PHP's command line, each call in a process of its own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.infrastructure.processes import PROJECT
from tests.integrations.installation import Installation

MODULE = PROJECT / "integrations" / "whmcs" / "modules" / "servers" / "resellflow"
HARNESS = Path(__file__).with_name("harness.php")


@dataclass
class Whmcs(Installation):
    """One installation of WHMCS, with one server in its settings."""

    module: Path = MODULE
    log: list[str] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)
    """What the last call asked of WHMCS, by `localAPI` and `logActivity`."""
    products: dict[int, dict[str, str]] = field(default_factory=dict)
    """Services as WHMCS has them."""

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
        answer = await self.run(HARNESS, call)
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
