"""Programs that tests run: started, waited for until they are ready, stopped by process id; their output explains a
failure."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType

import httpx

from stack import launcher
from stack.ports import free_port
from tests.infrastructure import forking
from tests.infrastructure.eventually import wait_until
from tests.infrastructure.forking import PROJECT, Forked
from tests.infrastructure.leaks import PRINTS_FOR_PEOPLE, look_at

__all__ = ["PROJECT", "Program", "free_port", "is_running"]

READY_TIMEOUT = 30.0
STOP_TIMEOUT = 15.0
LINES_IN_FAILURES = 60

outlasts_test = ContextVar("outlasts_test", default=False)
"""Whether what is started here may run on when the test is over: see `leftovers`."""
started_by_test: "list[Program]" = []


class ProgramFailed(AssertionError):
    """A program ended, or wasn't ready in time; carries its last lines."""


class Program:
    """One running program, its standard output and error collected together.

    Started by the constructor, in the project's directory unless `cwd` says otherwise, with this environment plus
    `env` (a None there removes a variable). It gets a process group of its own, and dies with the test run even if
    that is killed.

        with Program([sys.executable, "-m", "simulator", "--port", str(port)]) as simulator:
            simulator.wait_for_line(r"simulator ready (\\S+)")

    `forked`: a Python program of the project that is not started but forked, which spares it the time of its imports
    (see `zygote`). `arguments` are the same.
    """

    def __init__(
        self,
        arguments: Sequence[str | Path],
        *,
        name: str = "",
        env: Mapping[str, str | None] | None = None,
        cwd: Path | None = None,
        user: str | None = None,
        forked: bool = False,
    ) -> None:
        self.name = name or Path(arguments[0]).name
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._output_ended = False
        command, directory, environment = list(map(str, arguments)), cwd or PROJECT, _environment(env or {})
        reading, writing = os.pipe()
        self._pipe = open(reading, errors="replace")  # noqa: SIM115 - closed by the one who reads it
        self._process: Forked | subprocess.Popen[bytes]
        try:
            if forked and forking.AVAILABLE:
                assert command[0] == sys.executable, "only Python programs are forked"
                assert user is None, "a forked program runs as the one who runs the tests"
                self._process = Forked(command[1:], env=environment, cwd=directory, stdout=writing, stderr=writing)
            else:
                become = ("--user", user) if user else ()
                self._process = subprocess.Popen(
                    [sys.executable, "-S", "-E", launcher.__file__, str(os.getpid()), *become, "--", *command],
                    cwd=directory,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=writing,
                    stderr=writing,
                    start_new_session=True,
                )
        except BaseException:
            self._pipe.close()
            raise
        finally:
            os.close(writing)
        if not outlasts_test.get():
            started_by_test.append(self)
        self._reader = threading.Thread(target=self._read, name=f"output of {self.name}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    @property
    def running(self) -> bool:
        return self.returncode is None

    @property
    def lines(self) -> list[str]:
        """All lines written until now, without line ends."""
        with self._news:
            return list(self._lines)

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def wait_for_line(self, pattern: str, *, timeout: float = READY_TIMEOUT) -> re.Match[str]:
        """The first line, of those written or still to come, in which `pattern` is found."""
        expression = re.compile(pattern)
        seen = 0
        found: re.Match[str] | None = None

        def found_or_ended() -> bool:
            nonlocal seen, found
            while found is None and seen < len(self._lines):
                found = expression.search(self._lines[seen])
                seen += 1
            return found is not None or self._output_ended

        with self._news:
            self._news.wait_for(found_or_ended, timeout)
        if found is None:
            if self._output_ended:  # its end closes the output a moment before the status can be had
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(1)
            raise self._failure(f"wrote no line like {pattern!r}", timeout)
        return found

    def wait_for_http(self, url: str, *, status: int = 200, timeout: float = READY_TIMEOUT) -> httpx.Response:
        """The answer of `url`, once it has the status wanted."""
        with httpx.Client(trust_env=False, timeout=5) as client:

            def answer() -> httpx.Response | None:
                if not self.running:
                    raise self._failure(f"ended before {url} answered", timeout)
                response = client.get(url)
                assert response.status_code == status, f"{response.status_code} {response.text[:300]}"
                return response

            try:
                response = wait_until(
                    answer, timeout=timeout, ignoring=(httpx.TransportError,), message=f"{url} answers {status}"
                )
            except ProgramFailed:
                raise
            except AssertionError as late:
                raise self._failure(str(late), timeout) from None
            assert response is not None
            return response

    def wait_for_exit(self, *, timeout: float = STOP_TIMEOUT) -> int:
        """The exit status, negative for a signal."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise self._failure("still runs", timeout) from None
        self._reader.join(1)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """To the program alone, not to its children."""
        self._process.send_signal(number)

    def terminate(self, *, timeout: float = STOP_TIMEOUT) -> int:
        """Ask it to end (SIGTERM) and wait; its exit status."""
        self._process.terminate()
        return self.wait_for_exit(timeout=timeout)

    def kill(self) -> int:
        """End it at once (SIGKILL), as a crash of the machine would; its exit status."""
        self._process.kill()
        return self.wait_for_exit()

    def close(self, *, timeout: float = STOP_TIMEOUT) -> None:
        """End it if it still runs, politely first, and then all that is left of its process group."""
        if self.running:
            self._process.terminate()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._reader.join(1)

    def __enter__(self) -> "Program":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        if error is not None and self._lines and not isinstance(error, ProgramFailed):
            error.add_note(f"{self.name} (process {self.pid}) wrote:\n{self._tail()}")

    def _read(self) -> None:
        with self._pipe:
            for line in self._pipe:
                if not self.name.startswith(PRINTS_FOR_PEOPLE):
                    look_at(line, f"output of {self.name}")
                with self._news:
                    self._lines.append(line.rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._output_ended = True
            self._news.notify_all()

    def _tail(self) -> str:
        return "\n".join(self.lines[-LINES_IN_FAILURES:])

    def _failure(self, what: str, timeout: float) -> ProgramFailed:
        ended = "" if self.running else f" It ended with status {self.returncode}."
        return ProgramFailed(
            f"{self.name} (process {self.pid}): {what} (waited up to {timeout:g} s).{ended}\n{self._tail()}"
        )


def is_running(pid: int) -> bool:
    """Whether a process with this id exists and is not just waiting to be collected by its parent."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return not Path("/proc/self").exists()
    except ProcessLookupError:
        return False


def _environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    plain = {"PYTHONUNBUFFERED": "1", "RESELL_LOG_FORMAT": "text"}
    merged: dict[str, str | None] = {**os.environ, **plain, **changes}
    return {name: value for name, value in merged.items() if value is not None}
