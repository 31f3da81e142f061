"""The limits of an upstream account, and who keeps to them: turns for requests at once, and a rate."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

MOST_AT_ONCE = 100
OVER_THE_SETTING = 2.0
"""Time-outs of an account may be so many times the setting; the time limits of activities follow the settings."""


class AccountLimits(BaseModel):
    """What the catalogue says of an account. None: as the setting says, or the default."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    requests_at_once: int | None = Field(
        default=None, ge=1, le=MOST_AT_ONCE, description=f"a whole number from 1 to {MOST_AT_ONCE}"
    )
    requests_per_second: float | None = Field(
        default=None, gt=0, le=10_000, allow_inf_nan=False, description="a number above 0, like 50"
    )
    connect_timeout: float | None = Field(
        default=None, gt=0, le=15, allow_inf_nan=False, description="seconds, at most 15"
    )
    read_timeout: float | None = Field(default=None, gt=0, le=600, allow_inf_nan=False, description="seconds, like 12")
    order_timeout: float | None = Field(default=None, gt=0, le=600, allow_inf_nan=False, description="seconds, like 30")


@dataclass(frozen=True)
class Limits:
    """Those in force. Times in seconds."""

    requests_at_once: int = 20
    requests_per_second: float = 50.0
    connect_timeout: float | None = None
    """None: as for every account (`upstreams.httpcalls.CONNECT_TIMEOUT`)."""
    read_timeout: float = 12.0
    order_timeout: float = 30.0

    @property
    def of_one_function(self) -> int:
        """Requests at once of one function, or of one kind of operation."""
        return max(1, self.requests_at_once // 2)


def limits_of(said: AccountLimits, *, read_timeout: float, order_timeout: float) -> Limits:
    """The limits of an account. `read_timeout` and `order_timeout`: the settings."""
    default = Limits()
    return Limits(
        requests_at_once=said.requests_at_once or default.requests_at_once,
        requests_per_second=said.requests_per_second or default.requests_per_second,
        connect_timeout=said.connect_timeout,
        read_timeout=min(said.read_timeout or read_timeout, OVER_THE_SETTING * read_timeout),
        order_timeout=min(said.order_timeout or order_timeout, OVER_THE_SETTING * order_timeout),
    )


class NoTurn(Exception):
    """No turn came in time. Its text says what is taken."""


class Turns:
    """Requests under way, by function. Who waits is served in order, as far as the function's share allows."""

    def __init__(self) -> None:
        self._under_way: Counter[str] = Counter()
        self._changed = asyncio.Condition()
        self._tokens, self._filled_at = 0.0, float("-inf")

    @asynccontextmanager
    async def turn(self, key: str, limits: Limits, patience: float) -> AsyncIterator[None]:
        """One place of the account and of the function, and one of this second's requests. Raises NoTurn."""
        try:
            async with asyncio.timeout(patience):
                async with self._changed:
                    await self._changed.wait_for(lambda: self._has_place(key, limits))
                    self._under_way[key] += 1
        except TimeoutError:
            raise NoTurn(self._taken(key, limits)) from None
        try:
            await self._in_this_second(limits.requests_per_second, patience)
            yield
        finally:
            self._under_way[key] -= 1
            async with self._changed:
                self._changed.notify_all()

    def _has_place(self, key: str, limits: Limits) -> bool:
        return self._under_way.total() < limits.requests_at_once and self._under_way[key] < limits.of_one_function

    def _taken(self, key: str, limits: Limits) -> str:
        if self._under_way[key] >= limits.of_one_function:
            return f"{limits.of_one_function} requests like it are under way, the most allowed"
        return f"{limits.requests_at_once} requests of the account are under way, the most allowed"

    async def _in_this_second(self, rate: float, patience: float) -> None:
        """A bucket that holds the requests of one second, and may go below empty: then one waits for what is owed."""
        now = asyncio.get_running_loop().time()
        burst = max(1.0, rate)
        self._tokens = min(burst, self._tokens + (now - self._filled_at) * rate)
        self._filled_at = now
        owed = (1.0 - self._tokens) / rate
        if owed > patience:
            raise NoTurn(f"{rate:g} requests a second are the most allowed")
        self._tokens -= 1.0
        if owed > 0:
            await asyncio.sleep(owed)
