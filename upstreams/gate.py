"""Whether an upstream account may be asked at all just now. One gate per account, for everything that asks it.

It shuts when the upstream asks to be left alone (429, or `Retry-After`), and when a log-in was refused. Then nothing
leaves before the next try; at that time one call goes as a probe, and the others go on once it has worked. Without a
gate each waiting order would log in again and again, until the upstream bans the account or this machine.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from upstreams.errors import LeftAlone, NotSent

SHORTEST_REST = 15.0
"""Seconds until the next try after a refusal that names no time. Each further rest is as long as the trouble lasts."""
LONGEST_REST = 300.0
"""The longest of these rests: so soon it is noticed that the trouble is over."""
LONGEST_ASKED_FOR = 3600.0
"""The longest rest that an upstream may ask for; it is asked again then, whatever it named."""
_FIRST_ANSWER_PATIENCE = 5.0
"""Seconds for which calls wait for the first answer; then they come again later. They don't go all at once: an upstream
may take its time to refuse a password."""


class Gate:
    """The gate of one account. Calls of one event loop use it; processes share what `learn` is given."""

    def __init__(self) -> None:
        self._shut_until = 0.0
        self._next_try: datetime | None = None
        self._why = ""
        self._of_login = False
        self._trouble_since: float | None = None
        self._works = False
        """Some call was answered since the gate was last shut: calls need not go one by one."""
        self._probe = asyncio.Lock()
        self._until_reported: datetime | None = None
        self._shut_at = datetime.min.replace(tzinfo=UTC)

    @property
    def next_try(self) -> datetime | None:
        """When the account is asked again (aware UTC); None: it may be asked now."""
        return self._next_try if _now() < self._shut_until else None

    def check(self, about: str, function: str) -> None:
        """Raises LeftAlone while the gate is shut. `about` names upstream and call."""
        if self.next_try is None:
            return
        raise LeftAlone(
            f"{about}: not sent, nothing is asked of the account before {self._next_try:%H:%M:%S} UTC. {self._why}",
            next_try=self._next_try,
            asked_for=not self._of_login,
            function=function,
        )

    @asynccontextmanager
    async def one_by_one_at_first(self, about: str, function: str) -> AsyncIterator[None]:
        """Until a call was answered, one call goes at a time: so a wrong password is refused once and not to each.

        Raises NotSent if the one before gets no answer for a while.
        """
        if self._works:
            yield
            return
        try:
            await asyncio.wait_for(self._probe.acquire(), _FIRST_ANSWER_PATIENCE)
        except TimeoutError:
            words = "not sent, another call is testing the account and has no answer yet"
            raise NotSent(f"{about}: {words}.", function=function) from None
        if self._works:
            self._probe.release()
            yield
            return
        try:
            yield
        finally:
            self._probe.release()

    def worked(self) -> None:
        """The account was answered to, as somebody who is logged in."""
        self._works = True
        if self.next_try is None:
            self._trouble_since = None

    def asked_to_wait(self, why: str, seconds: float | None) -> datetime:
        """The upstream wants to be left alone, for so many seconds if it named a time. Returns the next try."""
        if seconds is None:
            return self._shut(self._growing_backoff(), why, of_login=False)
        return self._shut(min(max(seconds, 1.0), LONGEST_ASKED_FOR), why, of_login=False)

    def login_refused(self, why: str) -> None:
        self._shut(self._growing_backoff(), why, of_login=True)

    def learn(self, until: datetime | None, why: str, *, well_at: datetime | None) -> None:
        """What the database has of the account: until when it is to be left alone, as another process was asked; and
        when it was last seen well, which makes a log-in that was refused before history (None: it is not well)."""
        if until is not None and until != self._until_reported:
            left = (until - datetime.now(UTC)).total_seconds()
            if left > 0 and (self._next_try is None or until > self._next_try):
                self._shut(min(left, LONGEST_ASKED_FOR), why, of_login=False)
        self._until_reported = until
        if self._of_login and well_at is not None and well_at > self._shut_at:
            self._shut_until, self._trouble_since = 0.0, None

    def _growing_backoff(self) -> float:
        now = _now()
        if self._trouble_since is None:
            self._trouble_since = now
        return min(max(SHORTEST_REST, now - self._trouble_since), LONGEST_REST)

    def _shut(self, seconds: float, why: str, *, of_login: bool) -> datetime:
        """A longer rest that was asked for before stays."""
        self._works = False
        if _now() + seconds > self._shut_until or self._next_try is None:
            self._shut_until = _now() + seconds
            self._next_try = datetime.now(UTC) + timedelta(seconds=seconds)
            self._why, self._of_login, self._shut_at = why, of_login, datetime.now(UTC)
        return self._next_try


class Gates:
    """The gates of one process, by customer account and secret: adapters come and go, and with another secret there is
    no reason to wait any more."""

    def __init__(self) -> None:
        self._gates: dict[bytes, Gate] = {}

    def of(self, *parts: str) -> Gate:
        """`parts`: who we are there, and the secret; they are not kept."""
        key = hashlib.sha256("\0".join(parts).encode()).digest()
        return self._gates.setdefault(key, Gate())


def _now() -> float:
    return time.monotonic()
