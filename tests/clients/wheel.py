"""The package alone: built, installed into a new environment with what it declares to need, and used."""

import shutil
import subprocess
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.infrastructure.processes import PROJECT

CLIENT = PROJECT / "clients" / "python"


def needed(requirements: list[str]) -> dict[str, Distribution]:
    """The distributions that these requirements need, and those that they need in turn."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        one = waiting.pop()
        if one.name.lower() in found or (one.marker and not one.marker.evaluate({"extra": ""})):
            continue
        found[one.name.lower()] = distribution(one.name)
        waiting += [Requirement(text) for text in found[one.name.lower()].requires or ()]
    return found


def copy(one: Distribution, site: Path) -> None:
    for file in one.files or ():
        if ".." not in file.parts:
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(one.locate_file(file)), target)


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=100).stdout


def python_of_its_own(tmp_path: Path) -> str:
    """The Python of a new environment with the wheel and copies of its dependencies: nothing is loaded from afar."""
    shutil.copytree(CLIENT, tmp_path / "source", ignore=shutil.ignore_patterns("build", "*.egg-info"))
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(tmp_path / "source"))
    run(sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv"))
    python = str(tmp_path / "venv" / "bin" / "python")
    [wheel] = tmp_path.glob("*.whl")
    run(*pip, "--python", python, "install", "--no-deps", "--no-index", str(wheel))
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    [info] = site.glob("resellflow_client-*.dist-info")
    for one in needed(Distribution.at(info).requires or []).values():
        copy(one, site)
    shutil.rmtree(tmp_path / "source")
    return python
