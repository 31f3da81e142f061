"""What the processes of one test run share: a PostgreSQL server, databases to copy, and who forks their programs.

With `-n`, pytest's first process starts them while the others still import, and tells those where they are. A server
for each process would cost seconds of start-up. Without `-n` the fixtures start what is asked
for, as `pytest_configure_node` is never called then.
"""

import contextlib
import fcntl
import json
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.infrastructure.eventually import wait_until
from tests.infrastructure.forking import start_zygote, use_zygote

PATIENCE = 60.0
_shared = pytest.StashKey["_Shared"]()


class Unavailable(Exception):
    """The run could not start it; the message says why."""


@dataclass
class _Shared:
    """The servers, in the process that started them."""

    directory: Path
    stack: ExitStack = field(default_factory=ExitStack)
    over: threading.Event = field(default_factory=threading.Event)
    zygote: str = ""

    def start(self) -> None:
        self.zygote = start_zygote()
        # A thread that lives as long as the server does: the kernel ends a program with the thread that started it.
        thread = threading.Thread(target=self._run_postgres, name="the run's PostgreSQL", daemon=True)
        thread.start()
        self.stack.callback(thread.join, 30)
        self.stack.callback(self.over.set)

    def _run_postgres(self) -> None:
        from tests.infrastructure.databases import NoServer, any_server, drop_shared_template

        try:
            with any_server() as url:
                self._tell({"url": url})
                self.over.wait()
                drop_shared_template(url, self.directory)
        except NoServer as reason:
            self._tell({"reason": str(reason)})
        except Exception as error:  # whatever it was, those who wait are told, and their tests fail with it
            self._tell({"reason": f"{type(error).__name__}: {error}"})
            raise

    def _tell(self, news: dict[str, str]) -> None:
        written = self.directory / "postgres.new"
        written.write_text(json.dumps(news))
        written.rename(self.directory / "postgres.json")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist is about to start another process."""
    config: pytest.Config = node.config
    if _shared not in config.stash:
        directory = ExitStack()
        path = Path(directory.enter_context(tempfile.TemporaryDirectory(prefix="resellflow-run-")))
        config.stash[_shared] = _Shared(path, directory)
        config.stash[_shared].start()
    shared = config.stash[_shared]
    node.workerinput["shared"] = {
        "zygote": shared.zygote,
        "directory": str(shared.directory),
    }


def pytest_configure(config: pytest.Config) -> None:
    # A shell starts what is to run in the background with this signal ignored, and every program would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput"):
        use_zygote(config.workerinput["shared"]["zygote"])


def pytest_unconfigure(config: pytest.Config) -> None:
    shared = config.stash.get(_shared, None)
    if shared is not None:
        shared.stack.close()


def made_once(config: pytest.Config, name: str, make: Callable[[Path], None]) -> Path | None:
    """A file that the first process which asks for it makes, at the path that `make` is given; the others wait for it.
    None: there is nobody to share it with."""
    if not hasattr(config, "workerinput"):
        return None
    made = Path(config.workerinput["shared"]["directory"]) / name
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            unfinished = made.with_suffix(".new")
            make(unfinished)
            unfinished.rename(made)
    return made


@contextlib.contextmanager
def postgres_of(config: pytest.Config) -> Iterator[str | None]:
    """The address of the server. None: there is none to share. Raises Unavailable."""
    if not hasattr(config, "workerinput"):
        yield None
        return
    file = Path(config.workerinput["shared"]["directory"]) / "postgres.json"
    wait_until(file.exists, timeout=PATIENCE, message="the run's PostgreSQL server is there")
    news = json.loads(file.read_text())
    if "reason" in news:
        raise Unavailable(news["reason"])
    yield news["url"]
