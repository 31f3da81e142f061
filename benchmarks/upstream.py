"""The simulator's administration: its clock of openings, what it was asked, what it charged."""

from collections import Counter
from datetime import datetime

import httpx
from pydantic import BaseModel

PAGE = 500


class Charge(BaseModel):
    item: int
    remoteid: str
    time: datetime


class _Charges(BaseModel):
    charges: list[Charge]


class _Requests(BaseModel):
    counts: dict[str, int]
    commits: dict[str, int]


class Simulator:
    """Speaks to `/_sim`. Raises httpx.HTTPError when it does not answer as it should."""

    def __init__(self, client: httpx.AsyncClient, root: str) -> None:
        self._client = client
        self.root = f"{root}/_sim"
        self._panel = f"{root}/billmgr"

    async def set(self, **knobs: object) -> None:
        await self._send("PATCH", "/settings", knobs)

    async def requests(self) -> Counter[str]:
        """All requests so far by function, those that commit marked `+ok`."""
        # The counts are wanted, the requests are not: none is as large as this number.
        found = _Requests.model_validate_json(await self._send("GET", "/requests?limit=0"))
        counts: Counter[str] = Counter()
        for function, count in found.counts.items():
            commits = found.commits.get(function, 0)
            counts[function] = count - commits
            counts[f"{function}+ok"] = commits
        return +counts

    async def opening_charges(self) -> dict[str, Charge]:
        """What was charged for orders, by mark (`remoteid`)."""
        found = _Charges.model_validate_json(await self._send("GET", "/charges?operation=open"))
        return {charge.remoteid: charge for charge in found.charges}

    async def open(self, item: int) -> None:
        """Do what a person at the upstream does in an opening by hand."""
        await self._send("POST", f"/items/{item}/open")

    async def add_account(self, name: str, password: str, balance: str, currency: str) -> None:
        body = {"name": name, "password": password, "balance": balance, "currency": currency}
        await self._send("POST", "/accounts", body)

    async def add_services(self, count: int, account: str) -> None:
        """Active services that nobody ordered."""
        body = {"account": account, "type": "vds", "pricelist": 58, "domain": "existing.example.test", "count": count}
        await self._send("POST", "/items/many", body)

    async def read_list(self, account: str, password: str, pages: int) -> None:
        """Read the list as a poller does. Writing a row for the first time costs the simulator
        ten times as much as later, which must not count as the cost of a first look."""
        fields = {"authinfo": f"{account}:{password}", "func": "vds", "out": "xml", "lang": "en", "p_cnt": str(PAGE)}
        for number in range(1, pages + 1):
            answer = await self._client.post(self._panel, data={**fields, "p_num": str(number)}, timeout=120)
            answer.raise_for_status()

    async def add_fault(self, fault: dict[str, object]) -> None:
        await self._send("POST", "/faults", fault)

    async def clear_faults(self) -> None:
        await self._send("DELETE", "/faults")

    async def _send(self, method: str, path: str, body: object = None) -> bytes:
        answer = await self._client.request(method, self.root + path, json=body, timeout=120)
        answer.raise_for_status()
        return answer.content
