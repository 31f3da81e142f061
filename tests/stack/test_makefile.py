"""`make`, as someone meets it on a fresh machine."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.infrastructure.processes import PROJECT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)


def test_make_alone_lists_every_target_for_people() -> None:
    listed = set(re.findall(r"(?m)^  ([\w-]+) ", make().stdout))
    phony = set(re.findall(r"(?m)^\.PHONY: ([\w-]+)$", (PROJECT / "Makefile").read_text()))
    assert listed == phony
    assert {"demo", "up", "test", "lint", "format", "lock", "bench", "clean"} <= listed


def test_a_python_that_is_too_old_is_refused_with_a_way_out(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
    old.chmod(0o755)
    done = make("demo", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}")
    assert done.returncode != 0
    assert f"Resellflow needs Python 3.11 or newer; '{old}' is Python 3.9.2." in done.stderr
    assert "make PYTHON=python3.12 demo" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_an_environment_that_cannot_be_made_is_not_left_half_done(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    broken = tmp_path / "python3"
    broken.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exit 0\nmkdir -p {venv}/bin; touch {venv}/bin/python; exit 1\n')
    broken.chmod(0o755)
    assert make("install", f"PYTHON={broken}", f"VENV={venv}").returncode != 0
    assert not venv.exists()
