"""The program of before, in a clone with an environment of its own, and the one of this tree."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.infrastructure.processes import PROJECT

FIRST = "b3717bb"
"""The program of before, while no release is behind this commit: main before the first release."""
FOREIGN = ("RESELL_", "TEMPORAL_")
INSTALLED = Path(".venv", ".installed")


class NoTree(Exception):
    """The program of before can't be had, in words."""


@dataclass(frozen=True)
class Tree:
    """A program: its files, and the Python of its environment."""

    name: str
    directory: Path
    python: Path

    def environment(self) -> dict[str, str | None]:
        """Without what the one who runs this has set for an installation of theirs."""
        foreign: dict[str, str | None] = {name: None for name in os.environ if name.startswith(FOREIGN)}
        return {**foreign, "PYTHONPATH": str(self.directory), "VIRTUAL_ENV": None, "MAKEFLAGS": None}

    def version(self) -> str:
        """As `git describe` says it."""
        return _git(self.directory, "describe", "--tags", "--always", "--abbrev=12")


def this_tree() -> Tree:
    return Tree("new", PROJECT, Path(sys.executable))


def release_before() -> str:
    """The newest release behind this commit, or FIRST where there is none: a copy may lack the tags."""
    try:
        return _git(PROJECT, "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*", "HEAD^")
    except NoTree:
        return FIRST


def tree_of_before(commit: str, into: Path) -> Tree:
    """A clone at this commit or tag with what its `make install` installs. Takes minutes the first time; a folder that
    has it already is taken as it is. Raises NoTree."""
    try:
        wanted = _git(PROJECT, "rev-parse", "--verify", f"{commit}^{{commit}}")
    except NoTree:
        raise NoTree(
            f"there is no {commit} in this copy of the repository; fetch its history and its tags, "
            "or name another commit with --before"
        ) from None
    if not (into / ".git").exists():
        _run(["git", "clone", "--quiet", "--no-checkout", str(PROJECT), str(into)])
    _git(into, "fetch", "--quiet", str(PROJECT), wanted)
    _git(into, "checkout", "--quiet", "--force", wanted)
    tree = Tree("old", into, into / ".venv" / "bin" / "python")
    clean = {name: value for name, value in {**os.environ, **tree.environment()}.items() if value is not None}
    del clean["PYTHONPATH"]
    _run(["make", "--silent", "install"], cwd=into, env=clean)
    assert (into / INSTALLED).exists()
    return tree


def _git(directory: Path, *arguments: str) -> str:
    return _run(["git", "-C", str(directory), *arguments]).strip()


def _run(command: list[str], *, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    try:
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NoTree(f"{command[0]} can't be run: {error.strerror}") from None
    if done.returncode != 0:
        raise NoTree(f"{' '.join(command)} has failed:\n{done.stdout}{done.stderr}")
    return done.stdout
