"""Looks up names so that one whose resolver does not answer holds up nobody who asks for another.

asyncio asks the system in the threads of one pool: six on two processors, and long answers are parsed there, too. A
question that nobody answers holds its thread for ten seconds and more, also when whoever asked has long given up. So a
handful of requests to one upstream, or of webhooks, kept the whole process from every other host that has a name.

Here each question has a thread of its own. Whoever asks the same while it is young waits for the same thread.
"""

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Any

SHARED_SECONDS = 5.0
"""Who asks later than that asks anew: the resolver may be back, and the first question still waits for its answer."""


class Lookups:
    """The names that one event loop looks up."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._young: dict[tuple[Any, ...], asyncio.Future[Any]] = {}

    async def getaddrinfo(
        self, host: Any, port: Any, *, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> Any:
        """What the method of the loop returns. Raises socket.gaierror."""
        question = host, port, family, type, proto, flags
        answer = self._young.get(question)
        if answer is None:
            answer = self._young[question] = self._loop.create_future()
            self._loop.call_later(SHARED_SECONDS, self._forget, question, answer)
            # A daemon: a process that ends does not wait for it.
            threading.Thread(target=self._ask, args=(question, answer), name="look up", daemon=True).start()
        return await asyncio.shield(answer)

    def _ask(self, question: tuple[Any, ...], answer: asyncio.Future[Any]) -> None:
        found: Any = None
        failure: Exception | None = None
        try:
            found = socket.getaddrinfo(*question)
        except Exception as error:  # of whatever kind: it is raised where the answer is awaited
            failure = error
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._answer, question, answer, found, failure)

    def _answer(
        self, question: tuple[Any, ...], answer: asyncio.Future[Any], found: Any, failure: Exception | None
    ) -> None:
        self._forget(question, answer)
        if failure is None:
            answer.set_result(found)
        else:
            answer.set_exception(failure)
            answer.exception()  # nobody may be waiting any more

    def _forget(self, question: tuple[Any, ...], answer: asyncio.Future[Any]) -> None:
        if self._young.get(question) is answer:
            del self._young[question]


def look_up_apart() -> None:
    """From now on, for whatever looks up a name in the running loop."""
    loop = asyncio.get_running_loop()
    # The loop has no setting for it, and every client asks its loop.
    loop.getaddrinfo = Lookups(loop).getaddrinfo  # type: ignore[method-assign]
