"""Remembers the requests that came in, without their secrets."""

from __future__ import annotations

import itertools
import logging
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final

from pydantic import BaseModel

log = logging.getLogger(__name__)

KEPT: Final = 20_000
MASK: Final = "***"
_SECRETS: Final = frozenset({"auth", "password", "passwd", "confirm", "key", "userpassword"})


class LoggedRequest(BaseModel):
    """One request to the panel."""

    number: int
    time: datetime
    """Real time, not the panel's."""
    method: str
    function: str
    account: str | None
    committing: bool
    parameters: dict[str, str]
    outcome: str
    """``ok``, an error as ``type/object``, or ``fault:kind:when``."""
    milliseconds: float
    """Spent on the answer, waits left out."""


class RequestLog:
    """The last requests, and counts of all since it was cleared; not kept over a restart."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.clear()

    def clear(self) -> None:
        """Forget all; numbers go on."""
        self._requests: deque[LoggedRequest] = deque(maxlen=KEPT)
        self.counts: Counter[str] = Counter()
        self.commits: Counter[str] = Counter()

    def add(
        self, method: str, params: Mapping[str, str], account: str | None, outcome: str, milliseconds: float
    ) -> None:
        """Remember one request."""
        function = params.get("func", "")
        committing = params.get("sok") == "ok"
        self.counts[function] += 1
        if committing:
            self.commits[function] += 1
        fields = {"method": method, "client": account, "ms": round(milliseconds)}
        log.debug("%s %s: %s in %.0f ms", method, function, outcome, milliseconds, extra=fields)
        self._requests.append(
            LoggedRequest.model_construct(
                number=next(self._numbers),
                time=datetime.now(UTC),
                method=method,
                function=function,
                account=account,
                committing=committing,
                parameters=masked(params),
                outcome=outcome,
                milliseconds=round(milliseconds, 3),
            )
        )

    def find(self, since: int, function: str | None) -> Iterator[LoggedRequest]:
        """Requests with a number above ``since`` whose function matches the shell pattern."""
        for request in self._requests:
            if request.number > since and (function is None or fnmatchcase(request.function, function)):
                yield request


def masked(params: Mapping[str, str]) -> dict[str, str]:
    """The parameters with passwords, sessions and keys left out."""
    shown = {name: MASK if name in _SECRETS else value for name, value in params.items() if name != "func"}
    if "authinfo" in shown:
        shown["authinfo"] = f"{shown['authinfo'].partition(':')[0]}:{MASK}"
    return shown
