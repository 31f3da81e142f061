"""Each process of a run collects all tests. The first one does so before the others, and writes the compiled files.

In a fresh clone each process would compile all files of tests for itself otherwise, which takes six seconds of a
processor: as long as all else that it does until its first test.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infrastructure.eventually import wait_until

FIRST = "gw0"
PATIENCE = 120.0


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    worker: dict[str, Any] | None = getattr(session.config, "workerinput", None)
    if worker is None or "shared" not in worker:
        yield
        return
    compiled = Path(worker["shared"]["directory"]) / "compiled"
    if worker["workerid"] != FIRST:
        wait_until(compiled.exists, timeout=PATIENCE, message="the first process has collected the tests")
        yield
        return
    try:
        yield
    finally:
        compiled.touch()
