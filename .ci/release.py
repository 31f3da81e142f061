"""Build a release from its tag: `make release VERSION=0.1.0`.

Nothing is built unless the working copy is clean, the number is the one of the program, of its clients and of
CHANGELOG.md, and the annotated tag `v0.1.0` is the commit that is checked out. Then the whole check runs (`.ci/run`).
Everything is built from what the tag contains, not from the working copy, and two builds are equal byte by byte.
"""

import argparse
import ast
import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NUMBER = re.compile(r"\d+\.\d+\.\d+(rc\d+)?")
HEADING = re.compile(r"^## \[(?P<name>[^\]]+)\](?: - (?P<day>\d{4}-\d{2}-\d{2}))?$", re.MULTILINE)
MODULE = Path("program_version.py")
CLIENT = Path("clients", "python")
MIGRATIONS = Path("models", "migrations", "versions")
CHECKSUMS = "SHA256SUMS"


class NotReleased(Exception):
    """What has to be put right first, in words."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make release", description="Build a release from its tag.")
    parser.add_argument("version", help="its number, such as 0.1.0, without a v")
    parser.add_argument("--to", type=Path, default=ROOT / "dist", metavar="FOLDER", help="default: dist")
    parser.add_argument(
        "--unchecked", action="store_true", help="leave .ci/run out, because it has passed with this commit already"
    )
    chosen = parser.parse_args(arguments)
    os.umask(0o022)  # the modes of files are in the archives
    try:
        commit = ready(chosen.version)
        if chosen.unchecked:
            print("NOT CHECKED here: .ci/run is left out")
        elif subprocess.run([ROOT / ".ci" / "run"], check=False).returncode != 0:
            raise NotReleased(".ci/run has failed (see above); nothing was built")
        built = build(chosen.version, commit, chosen.to / chosen.version)
    except NotReleased as reason:
        print(f"release: {reason}", file=sys.stderr)
        return 1
    print(f"Resellflow {chosen.version}, commit {commit[:12]}:")
    for file in sorted(built.iterdir()):
        print(f"  {file}")
    return 0


def ready(version: str) -> str:
    """The commit to release. Raises NotReleased for the first thing that is not right."""
    if not NUMBER.fullmatch(version):
        raise NotReleased(f"{version!r} is no number of a release, such as 0.1.0 or 0.2.0rc1")
    if changed := git("status", "--porcelain"):
        raise NotReleased(f"the working copy is not clean; commit or remove this first:\n{changed}")
    for file in (MODULE, CLIENT / "resellflow_client" / "_version.py"):
        if (said := number_in(ROOT / file)) != version:
            raise NotReleased(f"{file} says {said}; it has to say {version}")
    newest = max(file.name[:4] for file in (ROOT / MIGRATIONS).glob("[0-9]*.py"))
    if f"Schema {newest}." not in section(version):
        raise NotReleased(f"CHANGELOG.md has to name the schema of [{version}]: Schema {newest}.")
    tag, commit = f"v{version}", git("rev-parse", "HEAD")
    if git("tag", "--list", tag) != tag:
        raise NotReleased(f"there is no tag {tag}; make it: git tag -a {tag} -m 'Resellflow {version}'")
    if git("cat-file", "-t", tag) != "tag":
        raise NotReleased(f"the tag {tag} has no author and no date; make an annotated one: git tag -f -a {tag}")
    if git("rev-list", "-n", "1", tag) != commit:
        raise NotReleased(f"the tag {tag} is another commit than the one that is checked out; git checkout {tag}")
    return commit


def section(version: str) -> str:
    """What CHANGELOG.md says about the release. Raises NotReleased if it is not written, or not dated."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = list(HEADING.finditer(text))
    bodies = {
        one["name"]: text[one.end() : (following.start() if following else len(text))].strip()
        for one, following in zip(headings, [*headings[1:], None], strict=True)
    }
    if bodies.get("Unreleased"):
        raise NotReleased(f"CHANGELOG.md has lines under [Unreleased]; move them to [{version}]")
    released = [one for one in headings if one["name"] != "Unreleased"]
    if not released or released[0]["name"] != version or not bodies[version]:
        raise NotReleased(f"the newest release in CHANGELOG.md is not [{version}], or nothing is said about it")
    if not released[0]["day"] or date.fromisoformat(released[0]["day"]) > date.today():  # noqa: DTZ011 - of this place
        raise NotReleased(f"CHANGELOG.md needs the day of the release: ## [{version}] - {date.today()}")  # noqa: DTZ011
    return bodies[version]


def build(version: str, commit: str, folder: Path) -> Path:
    """Everything, into this folder, which is new. Raises NotReleased if a tool fails."""
    if folder.exists():
        raise NotReleased(f"{folder} is there already; remove it, or name another folder with --to")
    epoch = git("show", "-s", "--format=%ct", commit)
    os.environ["SOURCE_DATE_EPOCH"] = epoch
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        tree, made = scratch / "tree", scratch / "made"
        made.mkdir()
        archive = scratch / "tree.tar"
        git("-c", "tar.umask=0022", "archive", "--format=tar", f"--output={archive}", f"v{version}")
        with tarfile.open(archive) as packed:
            packed.extractall(tree, filter="fully_trusted")  # noqa: S202 - of our own repository
        if commit not in (tree / MODULE).read_text(encoding="utf-8"):
            raise NotReleased(f"{MODULE} does not contain its commit; is .gitattributes gone?")
        for project in (tree, tree / CLIENT):
            wheel(project, made)
            source(project, made, int(epoch))
        parts_list(tree, version, made / f"resellflow-{version}.cdx.json")
        shutil.copy(tree / "requirements.txt", made / f"resellflow-{version}-requirements.txt")
        (made / f"resellflow-{version}-notes.md").write_text(section(version) + "\n", encoding="utf-8")
        sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(made.iterdir())]
        (made / CHECKSUMS).write_text("".join(sums), encoding="utf-8")
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(made, folder)
    return folder


def wheel(project: Path, into: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", into, project)
    for left in ("build", *(one.name for one in project.glob("*.egg-info"))):
        shutil.rmtree(project / left, ignore_errors=True)


def source(project: Path, into: Path, epoch: int) -> None:
    """The source archive, packed once more: setuptools writes down when and by whom it was packed."""
    with tempfile.TemporaryDirectory() as name:
        code = "import sys, setuptools.build_meta as backend; print(backend.build_sdist(sys.argv[1]))"
        said = run(sys.executable, "-c", code, name, cwd=project)
        packed = Path(name, said.strip().splitlines()[-1])
        content = io.BytesIO()
        with tarfile.open(packed) as old, tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as new:
            for member in sorted(old.getmembers(), key=lambda one: one.name):
                member.uid = member.gid = 0
                member.uname = member.gname = ""
                member.mtime, member.pax_headers = epoch, {}
                new.addfile(member, old.extractfile(member) if member.isfile() else None)
        (into / packed.name).write_bytes(gzip.compress(content.getvalue(), mtime=epoch))


def parts_list(tree: Path, version: str, file: Path) -> None:
    """The packages that are installed with it, with their hashes, as CycloneDX: from the locked requirements."""
    described = tree / "described.toml"
    text = (tree / "pyproject.toml").read_text(encoding="utf-8")
    described.write_text(text.replace('dynamic = ["version"]', f'version = "{version}"', 1), encoding="utf-8")
    tool = Path(sys.executable).with_name("cyclonedx-py")
    run(
        tool, "requirements", tree / "requirements.txt", "--pyproject", described, "--mc-type", "application",
        "--output-reproducible", "--of", "JSON", "--validate", "-o", file,
    )  # fmt: skip
    described.unlink()


def number_in(file: Path) -> str:
    """What the module's only assignment of a number says."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
            if name in ("VERSION", "__version__") and isinstance(value, ast.Constant):
                return str(value.value)
    return "nothing"


def git(*arguments: str) -> str:
    return run("git", "-C", ROOT, *arguments).strip()


def run(*command: str | Path, cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotReleased(f"{command[0]} can't be run: {error.strerror}") from None
    if done.returncode != 0:
        raise NotReleased(f"{' '.join(map(str, command))} has failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
