"""The command line as a person or a program runs it."""

import asyncio
import io
import json
import os
import re
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import Any

import pytest

from cli.app import run
from tests.flow.shop import PASSWORD_VARIABLE
from tests.infrastructure.processes import Program

TIMEOUT = 60.0
STYLES = re.compile(r"\x1b\[[0-9;]*m")
FOREIGN = ("TEMPORAL_", "RESELL_")
"""Variables of whoever runs the tests, kept from the commands."""


@dataclass(frozen=True)
class Run:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    def done(self) -> "Run":
        """Assert that it went well."""
        assert self.status == 0, f"status {self.status}\n{self.out}\n{self.err}"
        return self

    def failed(self, sentence: str) -> "Run":
        """Assert that it failed with one sentence that has this in it, and no traceback."""
        assert self.status == 1, f"status {self.status}\n{self.out}\n{self.err}"
        assert sentence in self.err, self.err
        assert "Traceback" not in self.err, self.err
        assert len([line for line in self.err.splitlines() if line.startswith("resell: ")]) == 1, self.err
        return self


class Terminal(io.StringIO):
    """Output that a person looks at."""

    def isatty(self) -> bool:
        return True


@dataclass
class Shell:
    """Runs `resell` with these variables added to the environment.

    `resell` runs it in this process, in a thread of its own: an interpreter that has just been started is most of what
    a command takes. `process` runs the real thing, for what only that can show: forked, unless its start is the thing.
    """

    variables: dict[str, str] = field(default_factory=dict)

    async def resell(self, *arguments: object, columns: int = 0) -> Run:
        """In this process; with `columns`, on a terminal of that width."""
        return await asyncio.to_thread(self._run, [str(argument) for argument in arguments], columns)

    def _run(self, arguments: list[str], columns: int) -> Run:
        out, err = Terminal() if columns else io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as environment, redirect_stdout(out), redirect_stderr(err):
            for name in list(os.environ):
                if name.startswith(FOREIGN) or name == PASSWORD_VARIABLE:
                    environment.delenv(name)
            for name, value in self.variables.items():
                environment.setenv(name, value)
            if columns:
                environment.setenv("COLUMNS", str(columns))
                environment.setenv("TERM", "xterm")
            status = run(arguments)
        return Run(status, STYLES.sub("", out.getvalue()), err.getvalue())

    def start(self, *arguments: object, program: Sequence[str] = ("-m", "cli"), forked: bool = True) -> Program:
        """A process of its own, running; to be closed."""
        foreign: dict[str, str | None] = {name: None for name in os.environ if name.startswith(FOREIGN)}
        command = [sys.executable, *program, *map(str, arguments)]
        return Program(command, name="resell", env=foreign | self.variables, forked=forked)

    async def process(self, *arguments: object, program: Sequence[str] = ("-m", "cli"), forked: bool = True) -> Run:
        """A process of its own, to its end; its output and errors are both taken for output."""
        with self.start(*arguments, program=program, forked=forked) as running:
            status = await asyncio.to_thread(running.wait_for_exit, timeout=TIMEOUT)
        return Run(status, "".join(f"{line}\n" for line in running.lines), "")
