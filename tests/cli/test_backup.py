"""`resell backup` saves a SQLite file in use; the copy, and whatever `resell hold` was run on, takes no orders."""

import re
import shlex
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from models.sqlite_backup import HELD_BECAUSE, CopyFailed, save
from tests.cli.shell import Shell
from tests.infrastructure.processes import PROJECT

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
HELD = "SELECT held_because FROM installation"
ORDER = shlex.split("order VDS-1 --customer c-1 --period 1 --param template=debian-12")


def file_of(shell: Shell) -> Path:
    return Path(shell.variables["RESELL_DATABASE_URL"].removeprefix("sqlite:///"))


def value(file: Path, statement: str) -> object:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(statement).fetchone()[0]


async def test_a_copy_is_whole_held_and_takes_no_orders(stocked_shell: Shell, tmp_path: Path) -> None:
    (await stocked_shell.resell(*ORDER)).done()
    with closing(sqlite3.connect(file_of(stocked_shell), isolation_level=None)) as migration:
        migration.execute("BEGIN IMMEDIATE")  # as `resell migrate` does
        migration.execute("ALTER TABLE service ADD COLUMN half_done TEXT")
        said = (await stocked_shell.resell("backup", tmp_path / "saved")).done()
        migration.execute("ROLLBACK")
    [copy] = (tmp_path / "saved").iterdir()
    assert said.lines == [f"saved: {copy}"]
    assert re.fullmatch(r"resellflow-\d{8}T\d{6}Z\.db", copy.name)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert value(copy, HELD) == HELD_BECAUSE
    assert value(copy, "SELECT count(*) FROM service") == 1
    assert value(copy, "SELECT count(*) FROM pragma_table_info('service') WHERE name = 'half_done'") == 0
    assert value(file_of(stocked_shell), HELD) is None
    (await stocked_shell.resell(*ORDER)).done()
    stocked_shell.variables["RESELL_DATABASE_URL"] = f"sqlite:///{copy}"
    (await stocked_shell.resell(*ORDER)).failed("nothing is sent until you run `resell restored`")


async def test_the_metrics_know_when_a_copy_was_made(stocked_shell: Shell, tmp_path: Path) -> None:
    (await stocked_shell.resell("backup", tmp_path / "saved")).done()
    beat = "SELECT count(*) FROM beat WHERE name = 'backup_copy'"
    assert value(file_of(stocked_shell), beat) == 1
    (await stocked_shell.resell("backup", tmp_path / "saved")).done()
    assert value(file_of(stocked_shell), beat) == 1


async def test_a_database_is_held_by_an_operator(stocked_shell: Shell) -> None:
    said = (await stocked_shell.resell("hold", "--reason", "the provider restored it")).done()
    assert said.lines == ["held: the provider restored it"]
    (await stocked_shell.resell(*ORDER)).failed("nothing is sent until you run `resell restored`")
    said = (await stocked_shell.resell("hold")).done()
    assert said.lines == ["held: the provider restored it"], "the first reason stays"


async def test_postgresql_is_saved_by_its_own_programs(shell: Shell, tmp_path: Path) -> None:
    shell.variables["RESELL_DATABASE_URL"] = "postgresql://127.0.0.1:1/resell"
    (await shell.resell("backup", tmp_path)).failed("deploy/backup/backup.sh")


def test_both_say_the_same_of_what_was_restored() -> None:
    script = (PROJECT / "deploy" / "backup" / "backup.sh").read_text()
    assert f"held_because='{HELD_BECAUSE}'\n" in script


def test_only_so_many_copies_stay(sqlite_url: str, tmp_path: Path) -> None:
    file, directory = Path(sqlite_url.removeprefix("sqlite:///")), tmp_path / "saved"
    directory.mkdir()
    others = directory / "another-20200101T000000Z.db"
    others.touch()
    (directory / f".{file.stem}.unfinished").write_text("of a run that was killed")
    saved = [save(file, directory, at=NOW + timedelta(days=day), keep=2)[0] for day in range(3)]
    assert sorted(directory.iterdir()) == [others, *saved[1:]]


def test_what_can_not_be_saved_is_said_and_leaves_nothing(sqlite_url: str, tmp_path: Path) -> None:
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    taken = tmp_path / "a-file"
    taken.touch()
    with pytest.raises(CopyFailed, match=r"can't be saved in .*a-file: File exists$"):
        save(file, taken, at=NOW, keep=1)
    torn = tmp_path / "torn.db"
    torn.write_bytes(file.read_bytes()[: 4096 * 20])
    with pytest.raises(CopyFailed, match=r"damaged|malformed"):
        save(torn, tmp_path / "saved", at=NOW, keep=1)
    assert not list((tmp_path / "saved").iterdir())
