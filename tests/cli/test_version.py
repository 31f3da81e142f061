"""Which version it is: said everywhere from one place, with the commit where that is known."""

import json
import os
import re
import subprocess
from pathlib import Path

import httpx
import pytest
import yaml
from packaging.version import Version

import program_version
from models.migrations import NEWEST_REVISION
from program_version import VERSION
from resellflow_client import __version__ as of_client
from resellflow_client.calls import headers_of
from tests.cli.shell import Shell
from tests.infrastructure.processes import PROJECT
from upstreams.httpcalls import HttpTransport


def test_clients_and_chart_have_the_number_of_the_program() -> None:
    assert str(Version(VERSION)) == VERSION, "as PEP 440 writes it"
    types = PROJECT / "clients" / "typescript"
    assert of_client == VERSION
    assert headers_of("token")["User-Agent"] == f"resellflow-client/{VERSION}"
    package, lock = (json.loads((types / name).read_text()) for name in ("package.json", "package-lock.json"))
    in_three_parts = VERSION.replace(".dev", "-dev.").replace("rc", "-rc.")
    assert {package["version"], lock["version"], lock["packages"][""]["version"]} == {in_three_parts}
    chart = yaml.safe_load((PROJECT / "deploy" / "helm" / "resellflow" / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (in_three_parts, VERSION)


async def test_resell_says_version_commit_and_schema() -> None:
    said = (await Shell({}).resell("--version")).done().out
    known = re.escape(f" (commit {program_version.commit()})") if program_version.commit() else ""
    assert re.fullmatch(rf"resell {re.escape(VERSION)}{known}, schema {NEWEST_REVISION}\n", said)


@pytest.mark.parametrize("program", ["worker", "simulator"])
async def test_the_other_programs_say_it_too(program: str) -> None:
    run = await Shell({}).process("--version", program=("-m", program))
    assert run.done().out.split("Resellflow ")[1].startswith(program_version.in_words())


async def test_upstreams_see_who_asks() -> None:
    transport = HttpTransport("http://127.0.0.1", httpx.AsyncClient(), read_timeout=1, order_timeout=1)
    assert transport._headers["User-Agent"] == f"Resellflow/{VERSION}"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The module in a repository of somebody else, as if it were installed in an environment there."""
    site = tmp_path / "theirs" / ".venv" / "site-packages"
    site.mkdir(parents=True)
    (site / "program_version.py").write_text((PROJECT / "program_version.py").read_text())
    return site


def commit_by(site: Path) -> str:
    said = subprocess.run(
        ["python", "-c", "import program_version; print(program_version.commit())"],
        cwd=site, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return said.stdout.strip()


def test_the_commit_of_another_repository_is_not_ours(copied: Path) -> None:
    theirs = copied.parents[1]
    for command in (
        ["init", "-q"],
        ["-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", *command], cwd=theirs, check=True, timeout=60)
    assert commit_by(copied) == ""


def test_the_image_is_built_with_the_commit_that_it_is_given(copied: Path) -> None:
    [step] = re.findall(r"(?m)^RUN (if .*COMMIT.*)$", (PROJECT / "Dockerfile").read_text())
    for commit in ("", "fedcba9876543210fedcba9876543210fedcba98"):
        subprocess.run(["sh", "-c", step], cwd=copied, env={**os.environ, "COMMIT": commit}, check=True, timeout=60)
        assert commit_by(copied) == commit[:12]


def test_the_commit_that_was_written_into_it_is_said(copied: Path) -> None:
    module = copied / "program_version.py"
    written = module.read_text().replace("$Format:%H$", "0123456789abcdef0123456789abcdef01234567")
    assert written != module.read_text()
    module.write_text(written)
    assert commit_by(copied) == "0123456789ab"
