"""Runs something with the embedded stack around it, from a terminal: signals, messages for people, exit status."""

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager

from stack.embedded import EmbeddedStack
from stack.ports import PortsTaken
from stack.processes import StackFailed

Body = Callable[[EmbeddedStack], Coroutine[object, object, int]]
"""What is done while the stack runs; answers the exit status."""


log = logging.getLogger("stack")


def say(text: str) -> None:
    """What the one who started the stack wants to read, on standard output."""
    print(text, flush=True)


def progress(text: str) -> None:
    """What has just happened, for the log."""
    log.info("%s", text)


def run(stack: EmbeddedStack, body: Body, *, until_signal: bool = False) -> int:
    """Start the stack, do `body`, stop the stack; the exit status.

    The body's own; 1 when the stack can't start or loses a part; 128 and the signal's number when SIGINT, SIGTERM or
    SIGHUP ended it, but 0 where that is the ordinary end of the body (`until_signal`). A second signal stops without
    waiting.
    """
    return asyncio.run(_Run(stack, body, until_signal).status())


class _Run:
    def __init__(self, stack: EmbeddedStack, body: Body, until_signal: bool) -> None:
        self._stack = stack
        self._body = body
        self._until_signal = until_signal
        self._body_began = False
        self._signal: signal.Signals | None = None

    async def status(self) -> int:
        work = asyncio.create_task(self._inside_stack())
        with self._signals_to(work):
            try:
                return await work
            except asyncio.CancelledError:
                if self._signal is None:
                    raise
                return 0 if self._until_signal and self._body_began else 128 + self._signal
            except (PortsTaken, StackFailed) as failure:
                log.error("%s", failure)
                return 1

    async def _inside_stack(self) -> int:
        progress(f"Starting the stack, data in {self._stack.directory}")
        async with self._stack:
            self._body_began = True
            try:
                return await self._stack.guard(self._body(self._stack))
            finally:
                progress("Stopping the stack")

    @contextmanager
    def _signals_to(self, work: asyncio.Task[int]) -> Iterator[None]:
        def on_signal(number: signal.Signals) -> None:
            if self._signal is None:
                self._signal = number
                work.cancel()
            else:
                self._stack.hurry()

        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, on_signal, number)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)
