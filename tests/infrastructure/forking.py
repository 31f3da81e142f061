"""Programs of this project, forked from a process that has their modules loaded: see `zygote`.

One such process serves the whole test run. With `-n`, pytest's first process starts it (see `shared`) and the others
are told where it is; without, it is started when the first program is wanted.
"""

import atexit
import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.infrastructure.zygote import NUMBER

PROJECT = Path(__file__).resolve().parents[2]
AVAILABLE = sys.platform == "linux"
"""Elsewhere a fork of a process with these libraries is not safe, and programs are started as usual."""

_lock = threading.Lock()
_home = ""
"""Directory of the run's socket, once it is known."""


class ForkFailed(Exception):
    """The process that forks has ended; carries what it wrote."""


def start_zygote(*options: str) -> str:
    """Start it, for this process and those that are told of it; returns where it is. Nobody waits for its imports:
    who asks before they are done is answered after. Option `--empty`: it imports nothing."""
    global _home
    home = Path(tempfile.mkdtemp(prefix="resellflow-zygote-"))
    with socket.socket(socket.AF_UNIX) as listener, (home / "log").open("wb") as log:
        listener.bind(str(home / "socket"))
        listener.listen(128)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.infrastructure.zygote", str(listener.fileno()), home, *options],
            cwd=PROJECT,
            stdin=subprocess.PIPE,  # it ends with this, and so with us, however that comes
            stdout=log,
            stderr=log,
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )

    def stop() -> None:
        assert process.stdin is not None
        process.kill()
        process.wait()
        process.stdin.close()
        shutil.rmtree(home, ignore_errors=True)

    atexit.register(stop)
    _home = str(home)
    return _home


def use_zygote(home: str) -> None:
    """The one that another process has started."""
    global _home
    _home = home


def zygote() -> str:
    """Where it is; it is started if there is none."""
    with _lock:
        return _home or start_zygote()


class Forked:
    """A running program, with the manners of `subprocess.Popen`. It dies with this process."""

    def __init__(
        self, arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, stdout: int, stderr: int
    ) -> None:
        """`arguments` are the interpreter's: -m MODULE …, -c CODE … or FILE …"""
        home = Path(zygote())
        wanted = {"arguments": list(arguments), "environment": dict(env), "directory": str(cwd)}
        self._connection = socket.socket(socket.AF_UNIX)
        try:
            self._connection.connect(str(home / "socket"))
            text = json.dumps(wanted).encode() + b"\n"
            sent = socket.send_fds(self._connection, [text], [stdout, stderr])
            self._connection.sendall(text[sent:])
            answer = self._connection.recv(NUMBER.size, socket.MSG_WAITALL)
        except OSError:
            answer = b""
        if not answer:
            raise ForkFailed((home / "log").read_text())
        [self.pid] = NUMBER.unpack(answer)
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            poll = select.poll()
            poll.register(self._connection, select.POLLIN)
            if not poll.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            # It stays there to be read, as several threads may wait. No answer: it has died with the zygote.
            answer = self._connection.recv(NUMBER.size, socket.MSG_PEEK | socket.MSG_WAITALL)
            self.returncode = NUMBER.unpack(answer)[0] if answer else -signal.SIGKILL
        return self.returncode

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)
