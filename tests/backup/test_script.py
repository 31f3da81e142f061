"""deploy/backup/backup.sh saves a server, restores it to a moment, and says clearly what it can't do."""

import asyncio
import fcntl
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from models.migrate import migrate
from orders.reading.figures import InstallationFigures
from tests.backup.saved_server import DATABASE, SavedServer, recovered_server, saved_server
from tests.infrastructure.databases import NoServer
from tests.infrastructure.eventually import wait_until
from tests.metrics.shown import Shown

HELD = "SELECT held_because FROM installation"
COLUMNS = "SELECT string_agg(column_name, ' ') FROM information_schema.columns WHERE table_name = 'note'"


@pytest.fixture(scope="module")
def saved() -> Iterator[SavedServer]:
    try:
        opened = saved_server()
        server = opened.__enter__()
    except NoServer as reason:
        pytest.skip(f"NO POSTGRESQL, backups are not tried: {reason}")
    try:
        migrate(server.url)
        server.sql("CREATE TABLE note (words text)")
        yield server
    finally:
        opened.__exit__(None, None, None)


def note(saved: SavedServer, words: str) -> None:
    saved.sql(f"INSERT INTO note (words) VALUES ('{words}')")


def notes(saved: SavedServer) -> str:
    return saved.sql("SELECT string_agg(words, ' ' ORDER BY words) FROM note")


@pytest.mark.proof
def test_a_server_comes_back_as_it_was_at_a_moment_and_is_held(saved: SavedServer) -> None:
    note(saved, "a")
    said = saved.done("base")
    assert f"saved: {saved.saved('base')[-1]}" in said
    saved.later_than_bases()
    note(saved, "b")
    with psycopg.connect(saved.url) as migration:
        migration.execute("ALTER TABLE note ADD half_done text")
        moment = saved.time()
        migration.execute("ALTER TABLE note DROP half_done")
        migration.execute("ALTER TABLE note ADD done text")
    note(saved, "c")
    saved.archive_now()
    into = saved.server.home / "moment" / "data"
    said = saved.done("recover", "--to", str(moment), "--into", into)
    assert "last completed transaction was at log time" in said
    assert "held" in said
    with recovered_server(saved, into) as recovered:
        assert notes(recovered) == "a b"
        assert recovered.sql(COLUMNS) == "words", "a migration is there as a whole, or not at all"
        assert recovered.sql(HELD) == "this database was restored from a backup"
    assert saved.sql(HELD) == "None", "the one that was saved goes on"
    assert saved.done("status").startswith("the log is archived")
    saved.sql("DELETE FROM note")


@pytest.mark.proof
def test_a_dump_becomes_the_live_database_and_the_former_one_stays(saved: SavedServer) -> None:
    note(saved, "dumped")
    said = saved.done("dump")
    assert "database resellflow_checked_" in said
    [file] = saved.saved("dumps")
    note(saved, "later")
    with psycopg.connect(saved.url, application_name="a forgotten worker"):
        said = saved.refused(3, "load", file)
    assert "database resellflow is in use: a forgotten worker at 127.0.0.1. Stop worker and API" in said
    assert notes(saved) == "dumped later"
    said = saved.done("load", file)
    former = said.partition("the former database is ")[2].partition(";")[0]
    assert (notes(saved), saved.sql(HELD)) == ("dumped", "this database was restored from a backup")
    assert saved.sql("SELECT count(*) FROM note", former) == "2"
    saved.done("load", file, "--as", "a_copy")
    assert saved.sql(HELD, "a_copy") == "this database was restored from a backup"
    saved.sql("UPDATE installation SET held_because = NULL")
    saved.sql("DELETE FROM note")
    assert "_checked_" not in saved.sql("SELECT string_agg(datname, ' ') FROM pg_database")


@pytest.mark.proof
def test_a_server_comes_back_as_it_was_at_last(saved: SavedServer) -> None:
    saved.done("base")
    note(saved, "last")
    saved.archive_now()
    into = saved.server.home / "latest" / "data"
    saved.done("recover", "--to", "latest", "--into", into)
    with recovered_server(saved, into) as recovered:
        assert notes(recovered) == "last"
    assert "it can be restored" in saved.done("check")
    saved.sql("DELETE FROM note")


@pytest.mark.proof
def test_only_so_many_are_kept_and_the_log_that_they_need(saved: SavedServer) -> None:
    for _ in range(2):
        saved.done("base")
        saved.archive_now()
        saved.later_than_bases()
    before = {one.name for one in saved.saved("wal")}
    said = saved.done("base", BACKUP_KEEP="1")
    assert said.count("removed: base/") >= 2
    [kept] = saved.saved("base")
    needed = (kept / "backup_label").read_text().partition("(file ")[2][:24]
    after = {one.name for one in saved.saved("wal")}
    assert before - after, "what only the older ones needed is removed"
    assert all(one[:24] >= needed for one in after if ".backup" not in one)
    assert "it can be restored" in saved.done("check")


@pytest.mark.proof
def test_a_moment_that_no_copy_reaches_is_refused(saved: SavedServer) -> None:
    saved.done("base")
    into = saved.server.home / "nowhere" / "data"
    long_ago = datetime.now(UTC) - timedelta(days=400)
    said = saved.refused(1, "recover", "--to", str(long_ago), "--into", into)
    assert "no copy is from before" in said
    assert "can only be rolled forward" in said
    soon = datetime.now(UTC) + timedelta(hours=1)
    assert "is still to come" in saved.refused(2, "recover", "--to", str(soon), "--into", into)
    for wrong in ("yesterday", "2026-11-28", "2026-11-28 03:00:00", "2026-13-28 03:00:00+00"):
        said = saved.refused(2, "recover", "--to", wrong, "--into", into)
        assert "date, time and zone such as" in said
    assert not into.exists()


@pytest.mark.proof
def test_a_missing_segment_is_named(saved: SavedServer) -> None:
    saved.done("base")
    saved.later_than_bases()
    moment = saved.time()
    note(saved, "reached")
    saved.archive_now()
    note(saved, "lost")
    lost = saved.archive_now()
    later = saved.time()
    note(saved, "behind the gap")
    saved.archive_now()
    aside = lost.rename(lost.with_suffix(".aside"))
    try:
        homes = (saved.server.home / f"gap-{number}" / "data" for number in range(9))
        said = saved.refused(1, "recover", "--to", "latest", "--into", next(homes))
        assert f"segment {lost.stem} of the log is missing, and later ones are there" in said
        said = saved.refused(1, "recover", "--to", str(later), "--into", next(homes))
        assert f"can't be reached, because segment {lost.stem} of the log is missing" in said
        saved.done("recover", "--to", str(moment), "--into", next(homes))
        assert lost.stem in saved.refused(1, "check")
        lost.write_bytes(aside.read_bytes()[:2000])
        said = saved.refused(1, "recover", "--to", str(later), "--into", next(homes))
        assert f"wal/{lost.name} is damaged" in said
    finally:
        aside.rename(lost)
        saved.sql("DELETE FROM note")
    last = max(one.name[:24] for one in saved.saved("wal"))
    said = saved.refused(1, "recover", "--to", str(saved.time()), "--into", next(homes))
    assert "the log that was kept ends before it" in said, last


@pytest.mark.proof
def test_metrics_show_when_it_was_last_saved_and_checked(saved: SavedServer) -> None:
    begun = saved.time().timestamp()
    saved.sql("DELETE FROM beat")
    never = backups_shown(saved)
    saved.done("base")
    saved.archive_now()
    shown = backups_shown(saved)
    assert begun <= shown["base"] <= saved.time().timestamp()
    assert begun <= shown["archive"] <= saved.time().timestamp()
    assert (shown["check"], shown["dump"]) == (never["base"], never["check"]) == (0, 0)
    saved.done("check")
    saved.done("dump")
    shown = backups_shown(saved)
    assert min(shown["check"], shown["dump"]) > shown["base"] > 0


def test_what_is_saved_is_good_although_the_database_cannot_be_told(saved: SavedServer) -> None:
    saved.sql("ALTER TABLE beat RENAME TO beat_away")
    try:
        ended = saved.run("dump")
    finally:
        saved.sql("ALTER TABLE beat_away RENAME TO beat")
    assert ended.returncode == 0, ended.stderr
    assert "saved: " in ended.stdout
    assert "database resellflow can't be told, so its metrics show an older dump" in ended.stderr


def backups_shown(saved: SavedServer) -> dict[str, float]:
    """Kind of backup -> when, as worker and API show it. `failing`: 1 if the log could not be archived."""

    async def read() -> Shown:
        installation = InstallationFigures(saved.url)
        try:
            return Shown.registry(await installation.registry())
        finally:
            await installation.close()

    shown = asyncio.run(read())
    kinds = ("base", "check", "dump", "archive")
    return {kind: shown.value("resellflow_backup_timestamp_seconds", kind=kind) for kind in kinds} | {
        "failing": shown.value("resellflow_backup_archive_failing")
    }


def test_a_full_archive_loses_nothing_and_is_reported(saved: SavedServer) -> None:
    segment = saved.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
    full = saved.backups / "wal" / f"{segment}.gz.part"
    full.symlink_to("/dev/full")  # writing there fails as on a disk without room, and the script removes it again
    note(saved, "kept")
    saved.sql("SELECT pg_switch_wal()")
    server = saved.server.program
    assert server is not None
    words = rf"{segment} can't be archived in .*: No space left on device\. The server keeps it"
    server.wait_for_line(words)
    failed = "SELECT last_failed_wal FROM pg_stat_archiver"
    wait_until(lambda: saved.sql(failed) == segment, timeout=30, message="the server has counted it")
    assert backups_shown(saved)["failing"] == 1
    there = saved.backups / "wal" / f"{segment}.gz"
    wait_until(there.exists, timeout=30, message="the server has tried it again")
    wait_until(lambda: not backups_shown(saved)["failing"], timeout=30, message="the metric follows")
    saved.sql("DELETE FROM note")


@pytest.mark.proof
def test_a_directory_that_is_in_use_is_not_written_to(saved: SavedServer) -> None:
    saved.done("base")
    said = saved.refused(1, "recover", "--to", "latest", "--into", saved.server.home / "data")
    assert "a server runs there (postmaster.pid). Stop it first" in said
    full = saved.server.home / "full" / "data"
    saved.done("recover", "--to", "latest", "--into", full)
    said = saved.refused(1, "recover", "--to", "latest", "--into", full)
    assert "is not empty. Name a new directory, or say with --set-aside where what is there goes" in said
    aside = saved.server.home / "aside"
    saved.done("recover", "--to", "latest", "--into", full, "--set-aside", aside)
    assert (aside / "PG_VERSION").exists()
    said = saved.refused(1, "recover", "--to", "latest", "--into", full, "--set-aside", aside)
    assert "is there already" in said


@pytest.mark.proof
def test_programs_of_another_version_are_refused(saved: SavedServer, tmp_path: Path) -> None:
    other = saved.server.home / "other"
    other.mkdir(exist_ok=True)
    for name in ("pg_dump", "pg_basebackup"):
        (other / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) 9.6'\n")
        (other / name).chmod(0o755)
    path = f"{other}:{saved.server.programs}:{os.environ['PATH']}"
    for command, program in (("dump", "pg_dump"), ("base", "pg_basebackup")):
        said = saved.refused(2, command, PATH=path)
        assert f"{program} is of PostgreSQL 9 and the server is" in said
        assert "use the programs of the server's version" in said
    saved.done("base")
    version = saved.saved("base")[-1] / "PG_VERSION"
    right = version.read_text()
    version.write_text("9\n")
    said = saved.refused(2, "recover", "--to", "latest", "--into", saved.server.home / "old" / "data")
    assert "and the copy of 9: use the programs of the copy's version" in said
    version.write_text(right)
    assert "pg_basebackup is missing" in saved.refused(2, "base", PATH=_path_without(saved, "pg_basebackup", tmp_path))


def _path_without(saved: SavedServer, program: str, tmp_path: Path) -> str:
    """A directory with all programs but this one."""
    some = saved.server.home / "some"
    some.mkdir(exist_ok=True)
    for directory in (saved.server.programs, Path("/usr/bin"), Path("/bin")):
        for one in directory.iterdir():
            if one.name != program and not (some / one.name).exists():
                (some / one.name).symlink_to(one)
    return str(some)


@pytest.mark.proof
def test_a_dump_waits_for_a_migration(saved: SavedServer) -> None:
    with psycopg.connect(saved.url) as migration:
        migration.execute("SELECT pg_advisory_xact_lock(7265735)")
        migration.execute("ALTER TABLE note ALTER words TYPE varchar")  # writes it anew: empty to whoever began before
        before = saved.saved("dumps")
        assert "a migration runs ('resell migrate')" in saved.refused(3, "dump")
        assert saved.saved("dumps") == before


def test_what_is_wrong_with_the_call_is_said(saved: SavedServer) -> None:
    assert "base, archive, check, status, recover, dump or load is right" in saved.refused(2, "bsae")
    assert "recover needs --to and --into" in saved.refused(2, "recover", "--to", "latest")
    assert "--in: there is no such option" in saved.refused(2, "recover", "--in", "x")
    assert "BACKUP_KEEP is '0': a number from 1 on is right" in saved.refused(2, "base", BACKUP_KEEP="0")
    assert "the server can't be reached" in saved.refused(1, "dump", PGPORT="1")
    with (saved.backups / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another run works in" in saved.refused(3, "dump")
    assert not list(saved.backups.glob(".unfinished.*"))


@pytest.mark.proof
def test_a_killed_run_leaves_nothing_that_looks_saved(saved: SavedServer) -> None:
    before = saved.saved("dumps"), saved.saved("base")
    left = saved.backups / ".unfinished.killed"
    left.mkdir()
    (left / "dump").write_text("half of it")
    if saved.server.user is not None:
        shutil.chown(left, saved.server.user)
    saved.done("dump")
    assert not left.exists()
    assert len(saved.saved("dumps")) == len(before[0]) + 1
    assert saved.saved("dumps")[-1].name.startswith(DATABASE)
