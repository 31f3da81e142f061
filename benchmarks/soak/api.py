"""Callers of the public API, and of the simulator's administration."""

import asyncio
import os
import random
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx

KEY_HEADER = "Idempotency-Key"
NOT_NOW = frozenset({429, 502, 503, 504})
LONGEST_PAUSE = 3.0
PATIENCE = 180.0
"""Seconds within which every request gets a definite answer: no outage is so long, not even on a busy machine, where
a process that is killed again and again takes long to start."""
Json = dict[str, Any]


class Violation(Exception):
    """Something that Resellflow promises did not hold. `service`: the number of the service concerned, if one is."""

    def __init__(self, what: str, service: int | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.service = service


@dataclass(frozen=True)
class Answer:
    status: int
    body: Json

    @property
    def ok(self) -> bool:
        return self.status < 400

    @property
    def detail(self) -> str:
        return str(self.body.get("detail", self.body))


class Api:
    """One token's view of the API. It repeats a request until there is a definite answer."""

    def __init__(self, http: httpx.AsyncClient, url: str, token: str, seen: Counter[str]) -> None:
        self._http = http
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._seen = seen
        """What came back, by method and status or kind of error; shared by all callers."""

    def move(self, url: str) -> None:
        """The API is elsewhere from now on, also for requests that are being repeated."""
        self._url = url

    async def once(self, method: str, path: str, body: object = None, key: str | None = None) -> Answer:
        """One attempt. Raises httpx.TransportError when no answer comes."""
        headers = self._headers | ({KEY_HEADER: key} if key else {})
        try:
            answer = await self._http.request(method, self._url + path, json=body, headers=headers)
        except httpx.TransportError as error:
            self._seen[f"{method} {type(error).__name__}"] += 1
            raise
        self._seen[f"{method} {answer.status_code}"] += 1
        try:
            found = answer.json()
        except ValueError:
            found = {"detail": answer.text[:300]}
        return Answer(answer.status_code, found if isinstance(found, dict) else {"list": found})

    async def send(self, method: str, path: str, body: object = None, key: str | None = None) -> Answer:
        """Until an answer comes that will not be another one in a moment. Only requests that may be repeated: reads,
        those with a key, and those whose second try is refused. Raises Violation for an error of the API itself, and
        when no definite answer comes."""
        pause, ends, last = 0.1, time.monotonic() + PATIENCE, "no answer"
        while time.monotonic() < ends:
            try:
                answer = await self.once(method, path, body, key)
            except httpx.TransportError as error:
                last = type(error).__name__
            else:
                if answer.status == httpx.codes.INTERNAL_SERVER_ERROR:
                    raise Violation(f"{method} {path} {body}: 500 {answer.detail}")
                if answer.status not in NOT_NOW:
                    return answer
                last = f"{answer.status} {answer.detail}"
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        raise Violation(f"{method} {path} {body} has no definite answer after {PATIENCE:g} s; the last: {last}")

    async def ask(self, method: str, path: str, body: object, chance: random.Random) -> Answer:
        """A request with a key of its own, as a storefront makes it. It is repeated until it is answered, and now and
        then although it was. Raises Violation if one key led to two operations."""
        key = os.urandom(8).hex()
        twice_at_once = chance.random() < 0.05
        again_later = chance.random() < 0.1
        answers = [await self.send(method, path, body, key)]
        if twice_at_once:
            answers = list(await asyncio.gather(*(self.send(method, path, body, key) for _ in range(2))))
        if again_later:
            await asyncio.sleep(chance.uniform(0, 3))
            answers.append(await self.send(method, path, body, key))
        numbers = {operation_of(answer) for answer in answers if answer.ok}
        if len(numbers) > 1:
            raise Violation(f"{method} {path} with one key {key} led to operations {sorted(numbers)}")
        return next((answer for answer in answers if answer.ok), answers[0])

    async def all(self, path: str) -> list[Json]:
        """All pages of a list."""
        found: list[Json] = []
        cursor = ""
        joint = "&" if "?" in path else "?"
        while True:
            answer = await self.send("GET", f"{path}{joint}limit=200{cursor}")
            assert answer.ok, answer
            found += answer.body["items"]
            if not (following := answer.body.get("next_cursor")):
                return found
            cursor = f"&cursor={following}"


def operation_of(answer: Answer) -> int:
    """The number of the operation that was accepted."""
    operation = answer.body.get("operation", answer.body)
    return int(operation["number"])


class Panel:
    """The simulator's administration: what the upstream's staff can do and see."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http = http
        self._url = f"{url}/_sim"

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """Repeated while the simulator is away. Raises httpx.HTTPStatusError for what makes no sense there."""
        while True:
            try:
                answer = await self._http.request(method, self._url + path, json=body)
            except httpx.TransportError:
                await asyncio.sleep(0.3)
                continue
            answer.raise_for_status()
            return answer.json() if answer.content else None

    async def items(self, **filters: str) -> list[Json]:
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        found: list[Json] = (await self.call("GET", f"/items?{query}"))["items"]
        return found

    async def charges(self) -> list[Json]:
        found: list[Json] = (await self.call("GET", "/charges"))["charges"]
        return found
