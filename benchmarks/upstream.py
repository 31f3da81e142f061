"""The simulator's administration: its clock of openings, what it was asked, what it charged."""

import asyncio
from collections import Counter
from datetime import datetime

import httpx
from pydantic import BaseModel


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
        self._root = f"{root}/_sim"

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

    async def add_services(self, count: int, account: str) -> None:
        """Active services that nobody ordered."""
        busy = asyncio.Semaphore(20)

        async def add(number: int) -> None:
            async with busy:
                domain = f"existing-{number}.example.test"
                body = {"account": account, "type": "vds", "pricelist": 58, "period": 1, "status": 2, "domain": domain}
                await self._send("POST", "/items", body)

        await asyncio.gather(*(add(number) for number in range(count)))

    async def _send(self, method: str, path: str, body: object = None) -> bytes:
        answer = await self._client.request(method, self._root + path, json=body)
        answer.raise_for_status()
        return answer.content
