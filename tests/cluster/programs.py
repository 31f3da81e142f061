"""The programs of a Temporal server: given, or built with Go once for each version and kept."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from stack.embedded import temporal_program
from tests.infrastructure.processes import PROJECT

SETTING = "RESELL_TEST_TEMPORAL_PROGRAMS"
DEPLOYED = PROJECT / "deploy" / "temporal"
BUILD_SECONDS = 3600
"""A quarter of an hour on two quiet processors, most of it for the first version."""


class Missing(Exception):
    """Something that the machine lacks; the message names it."""


@dataclass(frozen=True)
class Programs:
    """`temporal-server` and `temporal-sql-tool` in one directory, and `temporal` wherever the stack has it."""

    directory: Path

    @property
    def version(self) -> str:
        return (self.directory / "VERSION").read_text().strip()

    @property
    def server(self) -> Path:
        return self.directory / "temporal-server"

    @property
    def path(self) -> str:
        """The search path with all of them in front."""
        return os.pathsep.join((str(self.directory), str(Path(temporal_program()).parent), os.environ["PATH"]))


def programs() -> Programs:
    """Those in the directory that the setting RESELL_TEST_TEMPORAL_PROGRAMS names; without it they are built.

    Raises Missing.
    """
    directory = Path(os.environ.get(SETTING) or _cache() / f"temporal-{wanted_version()}")
    if not (directory / "VERSION").exists() and not shutil.which("go"):
        raise Missing(f"there is no Go to build the Temporal server with, and {directory} has none ({SETTING})")
    print(f"Temporal's programs are in {directory}; they are built with Go where they are missing", flush=True)
    command = ["sh", str(DEPLOYED / "build.sh"), str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    if done.returncode != 0:
        raise Missing(f"the Temporal server can't be built here: {done.stderr.strip()[-2000:]}")
    return Programs(directory)


def wanted_version() -> str:
    """The one that `docker-compose.yml` deploys."""
    found = re.search(r"temporalio/server:\$\{TEMPORAL_VERSION:-([\d.]+)", (PROJECT / "docker-compose.yml").read_text())
    assert found is not None, "docker-compose.yml names no version of the Temporal server"
    return found[1]


def _cache() -> Path:
    """Outside of the project: what is built there outlasts a fresh clone."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "resellflow"
