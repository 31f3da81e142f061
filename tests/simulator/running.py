"""A simulator running as its own process, and the words to speak to it."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import httpx
from defusedxml.ElementTree import fromstring

from tests.infrastructure.processes import Program

USER, PASSWORD = "reseller", "sec:ret"
ACCOUNTS = (f"{USER}:{PASSWORD}:100.00:EUR", "other:word:50.00:EUR")
ORDER = {"pricelist": "58", "order_period": "1", "datacenter": "1", "skipbasket": "on", "sok": "ok"}


class Simulator:
    """One ``python -m simulator`` process. `tree`: where another copy of the simulator lies."""

    def __init__(
        self, state: Path | None = None, *, accounts: tuple[str, ...] = ACCOUNTS, tree: Path | None = None
    ) -> None:
        command: list[str | Path] = [sys.executable, "-m", "simulator", "--port", "0"]
        if state is not None:
            command += ["--state", state]
        for account in accounts:
            command += ["--account", account]
        env = {} if tree is None else {"PYTHONPATH": str(tree)}
        self.program = Program(command, name="simulator", forked=tree is None, cwd=tree, env=env)
        self.url = self.program.wait_for_line(r"^simulator ready (\S+)$")[1]
        self.root = self.url.removesuffix("/billmgr")
        self.client = httpx.Client(timeout=10)

    def kill(self) -> None:
        """As a crash would."""
        self.program.kill()
        self.close()

    def stop(self) -> float:
        """As a supervisor would; tells how long it took."""
        started = time.monotonic()
        self.program.terminate()
        took = time.monotonic() - started
        self.close()
        return took

    def close(self) -> None:
        """End it if it still runs."""
        self.client.close()
        self.program.close()

    # -- the panel

    def raw(self, func: str, params: Mapping[str, str] | None = None, **more: str) -> httpx.Response:
        """A POST with one-off authentication."""
        data = {"authinfo": f"{USER}:{PASSWORD}", "func": func, **(params or {}), **more}
        return self.client.post(self.url, data={name: value for name, value in data.items() if value != "-"})

    def xml(self, func: str, params: Mapping[str, str] | None = None, **more: str) -> Element:
        """The same, read as XML."""
        answer = self.raw(func, params, **more)
        assert answer.status_code == 200
        doc: Element = fromstring(answer.content)
        assert doc.tag == "doc"
        return doc

    def json(self, func: str, params: Mapping[str, str] | None = None, *, out: str = "json", **more: str) -> Any:
        """The same, read as one of the JSON formats."""
        answer = self.raw(func, params, out=out, **more)
        assert answer.status_code == 200
        body = answer.json()
        return body["doc"] if out != "bjson" else body

    def error(self, func: str, params: Mapping[str, str] | None = None, **more: str) -> tuple[str, str | None]:
        """The type and object of the error that a call ends with."""
        error = self.xml(func, params, **more).find("error")
        assert error is not None, "the call succeeded"
        return error.attrib["type"], error.get("object")

    def order(self, **more: str) -> int:
        """Order a virtual server and pay it; the number of the service."""
        answer = self.xml("v2.vds.order.param", ORDER, **more)
        number = answer.findtext("item.id")
        assert number is not None, answer.find("error/msg")
        return int(number)

    def rows(self, func: str = "vds", **more: str) -> list[dict[str, str]]:
        """The rows of a list."""
        return [{child.tag: child.text or "" for child in row} for row in self.xml(func, more).findall("elem")]

    def wait_for_status(self, number: int, status: str) -> dict[str, str]:
        """Read the list until the service has a status."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            row = next(row for row in self.rows() if row["id"] == str(number))
            if row["status"] == status:
                return row
            time.sleep(0.02)
        raise AssertionError(f"service {number} never got status {status}: {row}")

    # -- the admin API

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """A call of the admin API that must succeed."""
        answer = self.client.request(method, f"{self.root}/_sim{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def set(self, **knobs: object) -> None:
        """Set knobs."""
        self.admin("PATCH", "/settings", knobs)

    def fault(self, **fault: object) -> int:
        """Lay a fault."""
        number: int = self.admin("POST", "/faults", fault)["id"]
        return number

    def charges(self, **filters: str) -> list[dict[str, Any]]:
        """The debits."""
        charges: list[dict[str, Any]] = self.admin("GET", f"/charges?{httpx.QueryParams(filters)}")["charges"]
        return charges

    def balance(self, account: str = USER) -> str:
        """What an account has."""
        balance: str = self.admin("GET", f"/accounts/{account}")["balance"]
        return balance
