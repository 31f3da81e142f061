"""A Paymenter for a test: it calls the extension's functions with PHP, each call in a process of its own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.infrastructure.processes import PROJECT
from tests.integrations.installation import Installation

EXTENSION = PROJECT / "integrations" / "paymenter" / "extensions" / "Servers" / "Resellflow"
HARNESS = Path(__file__).with_name("paymenter_harness.php")
STUBS = Path(__file__).with_name("paymenter_stubs.php")


def day(after: int) -> str:
    """The date so many days from now."""
    return str((datetime.now(UTC) + timedelta(days=after)).date())


@dataclass
class Paymenter(Installation):
    """One installation of Paymenter, with one server of this extension."""

    extension: Path = EXTENSION
    asked: list[Any] = field(default_factory=list)
    """What the last call asked of Paymenter: jobs, lines in the log."""
    secret: str = ""
    """Of the webhooks."""

    def sell(self, service: int = 41, paid_for_days: int = 30, **columns: Any) -> None:
        """Somebody has bought a service and paid for it: Paymenter calls it active at once."""
        settings = {"plan": "VDS-1", "template": "debian-12", "wait": "30"} | columns.pop("settings", {})
        rows = self.rows()
        rows["services"][str(service)] = {
            "status": "active",
            "expires_at": day(paid_for_days),
            "settings": settings,
            "chosen": {"domain": f"v{service}.example.com"},
            "invoices": [],
            **columns,
        }
        self._rows.write_text(json.dumps(rows))

    def change(self, service: int = 41, **columns: Any) -> None:
        """Other columns of a service; `settings` and `chosen` are added to those that are there."""
        rows = self.rows()
        row = rows["services"][str(service)]
        if "paid_for_days" in columns:
            columns["expires_at"] = day(columns.pop("paid_for_days"))
        for name in ("settings", "chosen"):
            row[name] |= columns.pop(name, {})
        row |= columns
        self._rows.write_text(json.dumps(rows))

    def row(self, service: int = 41) -> dict[str, Any]:
        """A service as Paymenter has it."""
        found: dict[str, Any] = self.rows()["services"][str(service)]
        return found

    def note(self, key: str, service: int = 41) -> str:
        """A property of a service that staff see; empty: it has none."""
        kept = {one["key"]: one["value"] for one in self.row(service).get("properties", [])}
        return str(kept.get(key, ""))

    def state(self, service: int = 41) -> Mapping[str, Any]:
        """What the extension remembers of a service."""
        found: dict[str, Any] = json.loads(self.note("resellflow_state", service) or "{}")
        return found

    async def call(self, function: str, service: int | None = 41, **more: Any) -> Any:
        """What the function returns."""
        self._rows.write_text(json.dumps(self.rows()))
        call = {"extension": str(self.extension), "function": function, "rows": str(self._rows), "service": service}
        answer = await self.run(HARNESS, call | more)
        self.asked = answer["asked"]
        return answer["result"]

    async def done(self, function: str, service: int = 41) -> Any:
        """The function, which is to succeed, as in a job of Paymenter."""
        result = await self.call(function, service)
        assert not (isinstance(result, dict) and "exception" in result), result
        return result

    async def failed(self, function: str, service: int = 41) -> str:
        """Why a job of Paymenter failed."""
        result = await self.call(function, service)
        assert isinstance(result, dict)
        assert self.note("resellflow_says", service) == result["exception"], "staff read it below the service"
        return str(result["exception"])

    async def compare(self) -> list[Any]:
        """The scheduler has compared all services; what was asked of Paymenter."""
        await self.call("compare", None)
        return self.asked

    def rows(self) -> dict[str, Any]:
        """Paymenter's database."""
        rows: dict[str, Any] = json.loads(self._rows.read_text()) if self._rows.exists() else {}
        server = {"address": self.line.url, "token": self.token, "webhook_secret": self.secret}
        return {"server": server, "services": rows.get("services") or {}}

    @property
    def _rows(self) -> Path:
        return self.home / "paymenter.json"
