"""Which program the rehearsal of an upgrade begins with. The rehearsal itself is `make upgrade-rehearsal`."""

import subprocess
from pathlib import Path

import pytest

from tests.upgrade import trees


def git(tree: Path, *arguments: str) -> None:
    command = ["git", "-C", str(tree), "-c", "user.name=Ann", "-c", "user.email=ann@example.test", *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def commit(tree: Path, tag: str = "") -> None:
    git(tree, "commit", "--quiet", "--allow-empty", "--message", "x")
    if tag:
        git(tree, "tag", "--annotate", tag, "--message", tag)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    monkeypatch.setattr(trees, "PROJECT", tmp_path)
    return tmp_path


def test_it_is_the_newest_release_behind_this_commit(repository: Path) -> None:
    commit(repository, tag="v0.1.0")
    assert trees.release_before() == trees.FIRST, "a release is upgraded to, not from"
    commit(repository, tag="v0.2.0")
    assert trees.release_before() == "v0.1.0"
    commit(repository, tag="another")
    assert trees.release_before() == "v0.2.0"


def test_a_copy_that_lacks_it_says_so(repository: Path) -> None:
    assert trees.release_before() == trees.FIRST
    with pytest.raises(
        trees.NoTree, match=f"there is no {trees.FIRST} in this copy of the repository; fetch its history"
    ):
        trees.tree_of_before(trees.FIRST, repository / "before")
