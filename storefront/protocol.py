"""HTTP connections that nobody can keep us waiting on: for the head of a request, or for an answer to be read.

Whoever opens thousands of connections and sends half a request on each pays for them alone: each has a deadline, and
where there are too many, those go first that have waited longest for their request.
"""

import asyncio
import resource
from typing import ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

from storefront.limits import ConnectionLimits

_FILES_FOR_OTHERS = 200
"""Open files that are kept for others: its database, Temporal, logs."""
_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class LimitedProtocol(H11Protocol):
    """One connection. `protocol_of` makes the class that a server takes."""

    limits: ClassVar[ConnectionLimits]
    most: ClassVar[int]
    waiting: ClassVar["dict[LimitedProtocol, None]"]
    """Connections on which no request is under way, the longest first."""

    _deadline: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()
        if len(self.connections) > self.most:
            next(iter(self.waiting)).transport.abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_idle:
            self._wait_for_head()
        else:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._is_idle and not self.transport.is_closing():
            self.waiting[self] = None  # its end, if nothing more comes, is the keep-alive's

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self._stalled or self.loop.call_later(self.limits.answer_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _wait_for_head(self) -> None:
        self.waiting.setdefault(self)
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.limits.request_timeout, self._too_late)

    def _stop_waiting(self) -> None:
        self.waiting.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        if self.transport.is_closing():
            return
        begun, _ = self.conn.trailing_data
        if begun:
            self.transport.write(_TOO_LATE)
        self.transport.close()


def protocol_of(limits: ConnectionLimits) -> type[LimitedProtocol]:
    """For one server: its connections are counted together."""
    most = _at_most(limits.connections)
    return type("Protocol", (LimitedProtocol,), {"limits": limits, "most": most, "waiting": {}})


def _at_most(connections: int) -> int:
    """Fewer where the process may not open so many files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return connections
    return max(1, min(connections, files - _FILES_FOR_OTHERS))
