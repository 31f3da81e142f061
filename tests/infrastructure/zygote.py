"""A process that has the project's modules loaded, and forks whatever program a test wants.

Problem: a program of the project imports for two seconds before its first own line, and the tests start dozens.

Mechanism: this process imports once what the programs import. It has one thread, no event loop, no open database and
no Temporal client, so a copy of it is as good as an interpreter that has just done its imports. Asked over a socket
(see `forking`), it forks; the child takes on what a new process would have (session, directory, environment, output,
arguments) and runs the program with `runpy`, as the interpreter does. This takes some 20 ms.

What a forked program does not show: that its imports are all there, as other modules may have loaded them before, and
what the interpreter itself reads from the environment at its start (but for PYTHONUNBUFFERED).

The kernel kills the programs when this process ends, and it ends when its standard input does, which the first process
of the test run holds open.
"""

import contextlib
import gc
import importlib
import io
import json
import os
import runpy
import selectors
import shutil
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import process_exit
from stack import launcher

PROGRAMS = ("simulator.__main__", "stack.__main__", "tests.flow.frozen_sender", "tests.stack.toy")
"""Loaded for what they import, and dropped: each is to be run afresh, under the name `__main__`."""
MODULES = (
    "worker",
    "cli.app",
    "cli.decisions",
    "cli.waiting",
    "storefront.server",
    "models.migrate",
    "aiosqlite",
    "psycopg",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.http.h11_impl",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
)
"""Some of them are loaded by a program only while it runs."""

NUMBER = struct.Struct("i")
"""How an answer is written: first the process id, then, when it has ended, its status (negative for a signal)."""
CHUNK = 65536


class Zygote:
    """Takes requests, forks, and tells each asker how its program ended. Who goes away loses its program."""

    def __init__(self, listener: socket.socket, home: str) -> None:
        self._listener = listener
        self._home = home
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._selector.register(0, selectors.EVENT_READ, self._stop)
        self._children: dict[int, socket.socket] = {}
        self._woken, self._wake = socket.socketpair()
        for end in (self._woken, self._wake):
            end.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, self._reap)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # it only has to be heard of
        signal.set_wakeup_fd(self._wake.fileno())

    def serve(self) -> "Wanted":
        """Returns in a child only, with what that is to become."""
        while True:
            for key, _ in self._selector.select():
                wanted: Wanted | None = key.data(key.fileobj)
                if wanted is not None:
                    return wanted

    def _accept(self, _: object) -> "Wanted | None":
        connection, _address = self._listener.accept()
        try:
            wanted = Wanted.received(connection)
        except (OSError, ValueError):  # it has gone away before it had said all
            connection.close()
            return None
        child = os.fork()
        if child == 0:
            connection.close()
            self._forget_everything()
            return wanted
        wanted.close()
        self._children[child] = connection
        self._selector.register(connection, selectors.EVENT_READ, self._abandoned)
        _tell(connection, child)
        return None

    def _abandoned(self, connection: socket.socket) -> None:
        """Nobody says a second thing: it has closed the connection, or was killed."""
        self._selector.unregister(connection)
        connection.close()
        for child, requester in self._children.items():
            if requester is connection:
                for kill in (os.killpg, os.kill):  # it may be too young to have a group
                    with contextlib.suppress(ProcessLookupError):
                        kill(child, signal.SIGKILL)

    def _reap(self, _: object) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._woken.recv(CHUNK):
                pass
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                child, status = ended
                _tell(self._children.pop(child), os.waitstatus_to_exitcode(status))

    def _stop(self, _: object) -> NoReturn:
        shutil.rmtree(self._home, ignore_errors=True)  # nobody else is left to do it
        os._exit(0)

    def _forget_everything(self) -> None:
        """What is this process's own must not be held open by a child, nor wake it."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._wake.close()
        self._selector.close()


def _tell(connection: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):  # nobody is there any more
        connection.sendall(NUMBER.pack(number))


class Wanted:
    """A program that somebody wants."""

    def __init__(self, arguments: list[str], environment: dict[str, str], directory: str, output: list[int]) -> None:
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.output = output

    @classmethod
    def received(cls, connection: socket.socket) -> "Wanted":
        text, output, _, _ = socket.recv_fds(connection, CHUNK, 2)
        while not text.endswith(b"\n"):
            more = connection.recv(CHUNK)
            if not more:
                raise ValueError("half a request")
            text += more
        return cls(**json.loads(text), output=output)

    def close(self) -> None:
        for end in self.output:
            os.close(end)

    def become(self, parent: int) -> NoReturn:
        """Run it in this process, and end with its status."""
        status = 1
        try:
            self._settle(parent)
            self._run()
            status = 0
        except SystemExit as end:
            if end.code is None or isinstance(end.code, int):
                status = end.code or 0
            else:
                print(end.code, file=sys.stderr)
        except BaseException as error:
            sys.excepthook(type(error), error, error.__traceback__)
            if isinstance(error, KeyboardInterrupt):
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                os.kill(os.getpid(), signal.SIGINT)
        threading._shutdown()  # type: ignore[attr-defined] # waits for threads, as the interpreter does at its end
        # Not the interpreter's last step: taking apart all that is loaded would take longer than most programs.
        process_exit.leave(status & 0xFF)

    def _settle(self, parent: int) -> None:
        """Take on what a new process would have."""
        launcher.die_with_parent(parent)
        os.setsid()
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        nothing = os.open(os.devnull, os.O_RDONLY)
        for end, number in ((nothing, 0), (self.output[0], 1), (self.output[1], 2)):
            os.dup2(end, number)
        os.close(nothing)
        self.close()
        os.chdir(self.directory)
        os.environ.clear()
        os.environ.update(self.environment)
        time.tzset()
        unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
        sys.stdin = sys.__stdin__ = open(0, encoding=sys.stdin.encoding, closefd=False)  # type: ignore[misc] # noqa: SIM115
        sys.stdout = sys.__stdout__ = _writer(sys.stdout, 1, unbuffered)  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = _writer(sys.stderr, 2, unbuffered)  # type: ignore[misc]

    def _run(self) -> None:
        first, *others = self.arguments
        sys.orig_argv = [sys.executable, *self.arguments]
        match first:
            case "-m":
                sys.path[0] = os.getcwd()
                sys.argv = others  # runpy puts the file's name for the first
                runpy.run_module(others[0], run_name="__main__", alter_sys=True)
            case "-c":
                sys.path[0] = ""
                sys.argv = ["-c", *others[1:]]
                _execute(others[0], "<string>")
            case _:
                sys.path[0] = os.path.dirname(os.path.realpath(first))
                sys.argv = self.arguments
                file = os.path.abspath(first)
                _execute(Path(file).read_bytes(), file, __file__=file)


def _execute(text: str | bytes, name: str, **variables: str) -> None:
    main = sys.modules["__main__"] = ModuleType("__main__")
    main.__dict__.update(variables)
    exec(compile(text, name, "exec"), main.__dict__)  # noqa: S102 - somebody has asked for it


def _writer(like: Any, number: int, unbuffered: bool) -> io.TextIOWrapper:
    """Standard output or error, buffered as the interpreter does it where nobody looks at a terminal."""
    file: Any = open(number, "wb", 0 if unbuffered else -1, closefd=False)  # noqa: SIM115 - open as long as the process
    return io.TextIOWrapper(
        file, like.encoding, like.errors, line_buffering=number == 2 and not unbuffered, write_through=unbuffered
    )


def load() -> None:
    for name in (*MODULES, *PROGRAMS):
        importlib.import_module(name)
    for name in PROGRAMS:
        del sys.modules[name]
    gc.collect()
    gc.freeze()  # else the first collection of each child would copy all of it


def main() -> NoReturn:
    listener, home, *options = sys.argv[1:]
    if "--empty" not in options:
        load()
    zygote = os.getpid()
    wanted = Zygote(socket.socket(fileno=int(listener)), home).serve()
    wanted.become(zygote)


if __name__ == "__main__":
    main()
