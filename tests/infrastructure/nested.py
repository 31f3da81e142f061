"""Runs pytest in a process of its own on a small test file, with the project's fixtures: for tests about the tests."""

import itertools
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest

from tests.infrastructure.processes import Program

CONFIGURATION = """\
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = session
asyncio_default_test_loop_scope = session
addopts = -ra
"""
PLUGINS = (
    "databases",
    "leaving",
    "nothing_skipped",
)  # importing the SDK takes a second: a test that needs it gives `-p`


class RunPytest(Protocol):
    def __call__(self, test: str, *options: str, env: Mapping[str, str | None] | None = None) -> Program:
        """Run it to its end; the program has `returncode` and `output`."""


@pytest.fixture
def run_pytest(tmp_path: Path) -> RunPytest:
    def run(test: str, *options: str, env: Mapping[str, str | None] | None = None) -> Program:
        (tmp_path / "pytest.ini").write_text(CONFIGURATION)
        file = tmp_path / "test_small.py"
        file.write_text(textwrap.dedent(test))
        plugins = itertools.chain.from_iterable(("-p", f"tests.infrastructure.{plugin}") for plugin in PLUGINS)
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "pytest",
            "-c",
            tmp_path / "pytest.ini",
            *plugins,
            file,
            *options,
        ]
        with Program(command, name="pytest", env=env) as program:
            program.wait_for_exit(timeout=60)
        return program

    return run
