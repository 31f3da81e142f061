"""Child processes as one whole: started in order, watched, stopped in the reverse order, and never left behind.

Four things end a stack: the work is done, a signal asks for it, a child dies, or this process is killed outright. In
the first three the supervisor stops every child (SIGTERM, a while to finish, SIGKILL); for the last each child is
started by `launcher`, which has the kernel do it.

Every child has a process group of its own, so that Ctrl-C in a terminal reaches this process alone and the order of
stopping is kept.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypeVar

import httpx

from stack import launcher

T = TypeVar("T")

LINES_SHOWN = 20
READY_INTERVAL = 0.05
READY_TIMEOUT = 60.0
STOP_TIMEOUT = 45.0  # a worker lets calls to an upstream end, which may take 35 s

Ready = Callable[[], Awaitable[bool]]


class StackFailed(Exception):
    """The stack can't be started or can't go on. The message is for people: what happened, and where to read more."""


class ChildFailed(StackFailed):
    """A child ended when it should not have, or wasn't ready in time. Ends with the last lines it wrote."""

    def __init__(self, child: "Child", what: str) -> None:
        self.child = child
        lines = "\n".join(f"  {line}" for line in child.last_lines()) or "  (nothing)"
        super().__init__(f"{child.name} {what}. The last it wrote (all of it: {child.log}):\n{lines}")


class Child:
    """One process that the supervisor started."""

    def __init__(self, name: str, log: Path, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.log = log
        self.stopping = False
        self._process = process
        self.ended: asyncio.Task[int] = asyncio.create_task(process.wait(), name=f"end of {name}")
        """Done with the exit status (negative for a signal) when the process has ended."""

    @property
    def pid(self) -> int:
        return self._process.pid

    def last_lines(self, count: int = LINES_SHOWN) -> list[str]:
        with self.log.open(encoding="utf-8", errors="replace") as log:
            return [line.rstrip("\n") for line in deque(log, maxlen=count)]

    async def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """Ask the process to end, wait, insist after `timeout` seconds; then end what it may have left in its process
        group."""
        self.stopping = True
        if not self.ended.done():
            self._signal(signal.SIGTERM)
            await asyncio.wait([self.ended], timeout=timeout)
        self.kill()
        await asyncio.wait([self.ended])

    def kill(self) -> None:
        """End the process and its process group at once."""
        self.stopping = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)


class Supervisor:
    """Starts children and answers for them. Leaving the context stops all of them, the last started first."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._environment = environment
        self._children: list[Child] = []
        self._first_death: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        self._hurry = asyncio.Event()

    @property
    def children(self) -> Sequence[Child]:
        """The long-running children, in the order they were started."""
        return tuple(self._children)

    async def start(
        self,
        name: str,
        program: Sequence[str | Path],
        *,
        ready: Ready,
        timeout: float = READY_TIMEOUT,
    ) -> Child:
        """Start a child that keeps running, and return when `ready` says yes.

        Raises ChildFailed if it ends or isn't ready within `timeout` seconds; it is stopped with the others then.
        """
        child = await self._spawn(name, program)
        self._children.append(child)
        child.ended.add_done_callback(lambda _: self._note_end(child))
        until_ready = asyncio.create_task(_until(ready), name=f"{name} ready")
        try:
            await asyncio.wait([until_ready, child.ended], timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if child.ended.done():
                raise ChildFailed(child, _ended(child))
            if not until_ready.done():
                raise ChildFailed(child, f"isn't ready after {timeout:g} seconds")
            until_ready.result()
        finally:
            until_ready.cancel()
        return child

    async def run(self, name: str, program: Sequence[str | Path], *, timeout: float = READY_TIMEOUT) -> Child:
        """Run a child to its end. Raises ChildFailed if it fails or takes longer than `timeout` seconds."""
        child = await self._spawn(name, program)
        try:
            await asyncio.wait([child.ended], timeout=timeout)
            if not child.ended.done():
                raise ChildFailed(child, f"hasn't finished after {timeout:g} seconds")
            if child.ended.result() != 0:
                raise ChildFailed(child, _ended(child))
        finally:
            await asyncio.shield(child.stop())
        return child

    async def guard(self, work: Coroutine[object, object, T]) -> T:
        """Do `work` for as long as all children run. Raises ChildFailed, with the work cancelled, when one ends
        before it."""
        task = asyncio.create_task(work)
        try:
            either: list[asyncio.Future[T] | asyncio.Future[Child]] = [task, self._first_death]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            child = self._first_death.result()
            raise ChildFailed(child, _ended(child))
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def stop(self) -> None:
        """Stop all children, the last started first."""
        while self._children:
            child = self._children[-1]
            stopped = asyncio.create_task(child.stop())
            hurried = asyncio.create_task(self._hurry.wait())
            await asyncio.wait([stopped, hurried], return_when=asyncio.FIRST_COMPLETED)
            if not stopped.done():
                child.kill()
            hurried.cancel()
            await stopped
            self._children.pop()

    def hurry(self) -> None:
        """Stop waiting for children to end: someone pressed Ctrl-C twice."""
        self._hurry.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    async def _spawn(self, name: str, program: Sequence[str | Path]) -> Child:
        path = self._logs / f"{name}.log"
        with _new_log(path) as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-S", "-E", launcher.__file__, str(os.getpid()), "--", *map(str, program)),
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return Child(name, path, process)

    def _note_end(self, child: Child) -> None:
        if not child.stopping and not self._first_death.done():
            self._first_death.set_result(child)


async def answers(url: str, *, client: httpx.AsyncClient) -> bool:
    """Whether an HTTP address answers, and not with an error of its own."""
    try:
        response = await client.get(url)
    except httpx.TransportError:
        return False
    return response.status_code < httpx.codes.BAD_REQUEST


async def _until(ready: Ready) -> None:
    while not await ready():  # noqa: ASYNC110 - another process gets ready, and tells nobody
        await asyncio.sleep(READY_INTERVAL)


def _ended(child: Child) -> str:
    status = child.ended.result()
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _new_log(path: Path) -> IO[bytes]:
    """An empty log; the one of the run before is kept beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.replace(path.with_suffix(".log.1"))
    return path.open("wb")
