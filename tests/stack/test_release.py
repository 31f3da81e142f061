"""`make release`, in a repository of its own that has today's files: what is refused, and what is built."""

import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from datetime import date, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

from models.migrations import NEWEST_REVISION
from tests.infrastructure.processes import PROJECT

NUMBER = "9.9.9"
TODAY = date.today()  # noqa: DTZ011 - the day of a release is that of the place where it is made
LEFT_OUT = ("tests/", "benchmarks/", "docs/", "integrations/", "deploy/")
NOTES = f"Schema {NEWEST_REVISION}.\n\n- Something **new**."


def git(tree: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(tree), "-c", "user.name=Ann", "-c", "user.email=ann@example.test", *arguments],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout.strip()  # fmt: skip


def tracked() -> list[str]:
    """The files of the project; none where it is no repository."""
    asked = ["git", "-C", str(PROJECT), "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
    return [name for name in done.stdout.splitlines() if not name.startswith(LEFT_OUT) and (PROJECT / name).is_file()]


@pytest.fixture(scope="module")
def files() -> list[str]:
    if not (found := tracked()):
        pytest.skip("NO HISTORY of the repository is here, so which files a release has is not known")
    return found


@pytest.fixture
def tree(files: list[str], tmp_path: Path) -> Path:
    """A repository that is ready for release 9.9.9 but for the tag."""
    tree = tmp_path / "tree"
    for name in files:
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, target)
    for name in ("program_version.py", "clients/python/resellflow_client/_version.py"):
        text, times = re.subn(r'(?m)^(VERSION|__version__) = ".+"$', rf'\1 = "{NUMBER}"', (tree / name).read_text())
        assert times == 1
        (tree / name).write_text(text)
    write_changelog(tree)
    git(tree, "init", "--quiet", "--initial-branch", "main")
    save(tree)
    return tree


def write_changelog(tree: Path, *, day: str = f" - {TODAY}", unreleased: str = "", notes: str = NOTES) -> None:
    parts = (
        "# Changelog",
        "## [Unreleased]",
        unreleased,
        f"## [{NUMBER}]{day}",
        notes,
        "## [9.9.8] - 2020-01-01",
        "- Old.",
    )
    (tree / "CHANGELOG.md").write_text("\n\n".join(parts) + "\n")


def save(tree: Path) -> None:
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "As it is")


def release(tree: Path, to: Path, number: str = NUMBER) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ".ci/release.py", "--unchecked", "--to", str(to), number]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False, timeout=140)


def refused(tree: Path, why: str, number: str = NUMBER) -> None:
    to = tree.parent / "built"
    done = release(tree, to, number)
    assert (done.returncode, to.exists()) == (1, False), done.stdout + done.stderr
    assert why in done.stderr


def test_what_is_not_ready_is_not_released(tree: Path) -> None:
    refused(tree, f"there is no tag v{NUMBER}; make it: git tag -a v{NUMBER}")
    refused(tree, "'v9.9' is no number of a release", "v9.9")
    refused(tree, "program_version.py says 9.9.9; it has to say 9.9.8", "9.9.8")
    git(tree, "tag", f"v{NUMBER}")
    refused(tree, "make an annotated one")
    git(tree, "tag", "--force", "--annotate", f"v{NUMBER}", "--message", "x")
    (tree / "starter.py").write_text("")
    refused(tree, "the working copy is not clean; commit or remove this first:\nM starter.py")
    save(tree)
    refused(tree, f"the tag v{NUMBER} is another commit than the one that is checked out")


@pytest.mark.proof
def test_a_changelog_that_is_not_ready_is_not_released(tree: Path) -> None:
    for day, unreleased, why in (
        ("", "", f"CHANGELOG.md needs the day of the release: ## [{NUMBER}] - {TODAY}"),
        (f" - {TODAY + timedelta(days=2)}", "", "CHANGELOG.md needs the day of the release"),
        (f" - {TODAY}", "- Not yet.", f"CHANGELOG.md has lines under [Unreleased]; move them to [{NUMBER}]"),
    ):
        write_changelog(tree, day=day, unreleased=unreleased)
        save(tree)
        refused(tree, why)
    write_changelog(tree, notes="Schema 0001.")
    save(tree)
    refused(tree, f"CHANGELOG.md has to name the schema of [{NUMBER}]: Schema {NEWEST_REVISION}.")
    (tree / "CHANGELOG.md").write_text("# Changelog\n\n## [9.9.8] - 2020-01-01\n\n- Old.\n")
    save(tree)
    refused(tree, f"the newest release in CHANGELOG.md is not [{NUMBER}]")


@pytest.fixture
def tagged(tree: Path) -> Path:
    git(tree, "tag", "--annotate", f"v{NUMBER}", "--message", f"Resellflow {NUMBER}")
    return tree


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_a_release_is_built_twice_alike_and_says_what_it_is(tagged: Path) -> None:
    first, second = tagged.parent / "first", tagged.parent / "second"
    for folder in (first, second):
        done = release(tagged, folder)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "NOT CHECKED here" in done.stdout
    built = {file.name: file.read_bytes() for file in (first / NUMBER).iterdir()}
    assert built == {file.name: file.read_bytes() for file in (second / NUMBER).iterdir()}, "byte by byte"
    assert git(tagged, "status", "--porcelain", "--ignored") == "", "nothing is left in the working copy"
    assert built.keys() == {
        f"resellflow-{NUMBER}-py3-none-any.whl", f"resellflow-{NUMBER}.tar.gz",
        f"resellflow_client-{NUMBER}-py3-none-any.whl", f"resellflow_client-{NUMBER}.tar.gz",
        f"resellflow-{NUMBER}.cdx.json", f"resellflow-{NUMBER}-requirements.txt", f"resellflow-{NUMBER}-notes.md",
        "SHA256SUMS",
    }  # fmt: skip
    assert built[f"resellflow-{NUMBER}-notes.md"].decode() == f"{NOTES}\n"
    sums = [line.split() for line in built.pop("SHA256SUMS").decode().splitlines()]
    assert {name: total for total, name in sums} == {
        name: hashlib.sha256(content).hexdigest() for name, content in built.items()
    }
    of_the_program(first / NUMBER, git(tagged, "rev-parse", "HEAD"))
    consists_of(json.loads(built[f"resellflow-{NUMBER}.cdx.json"]))
    refused_again = release(tagged, first)
    assert refused_again.returncode == 1
    assert "is there already; remove it" in refused_again.stderr


def of_the_program(folder: Path, commit: str) -> None:
    with zipfile.ZipFile(folder / f"resellflow-{NUMBER}-py3-none-any.whl") as wheel:
        names = set(wheel.namelist())
        assert {"worker.py", "models/migrations/versions/0001_the_first_tables.py"} <= names
        assert f'_WRITTEN = "{commit}"' in wheel.read("program_version.py").decode()
        metadata = message_from_bytes(wheel.read(f"resellflow-{NUMBER}.dist-info/METADATA"))
    assert (metadata["Name"], metadata["Version"]) == ("resellflow", NUMBER)
    assert commit.encode() in gzip.decompress((folder / f"resellflow-{NUMBER}.tar.gz").read_bytes())


def consists_of(parts: dict[str, object]) -> None:
    """All packages of the lock, in their versions."""
    locked = dict(re.findall(r"(?m)^([\w.-]+)(?:\[\w,]+\])?==(\S+) ", (PROJECT / "requirements.txt").read_text()))
    text = json.dumps(parts)
    assert parts["bomFormat"] == "CycloneDX"
    assert f'"version": "{NUMBER}"' in json.dumps(parts["metadata"])
    assert len(locked) > 40
    assert {name: version for name, version in locked.items() if f"pkg:pypi/{name}@{version}" not in text} == {}
