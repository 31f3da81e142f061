"""The command line as a person or a program runs it."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from typing import Any

from tests.infrastructure.processes import PROJECT

TIMEOUT = 60.0


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


@dataclass
class Shell:
    """Runs `resell` as a process of its own, with these variables added to the environment."""

    variables: dict[str, str] = field(default_factory=dict)
    program: tuple[str, ...] = ("-m", "cli")

    async def start(self, *arguments: object) -> asyncio.subprocess.Process:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TEMPORAL_", "RESELL_"))}
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *self.program,
            *map(str, arguments),
            cwd=PROJECT,
            env=inherited | self.variables,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def resell(self, *arguments: object) -> Run:
        process = await self.start(*arguments)
        try:
            async with asyncio.timeout(TIMEOUT):
                out, err = await process.communicate()
        except TimeoutError:
            process.kill()
            raise AssertionError(f"resell {arguments} still runs after {TIMEOUT:g} s") from None
        assert process.returncode is not None
        return Run(process.returncode, out.decode(), err.decode())
