"""`resell migrate --check`: what a probe and a person learn about the schema."""

import pytest
import sqlalchemy as sa

from models.migrate import migrate
from models.migrations import NEWEST_REVISION
from tests.cli.shell import Shell
from tests.infrastructure.processes import free_port
from tests.orders.test_migrate import sync_engine


def at(revision: str, url: str) -> None:
    migrate(url)
    engine = sync_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE alembic_version SET version_num = '{revision}'"))
    engine.dispose()


@pytest.mark.dialects
async def test_each_state_of_the_schema_has_a_status_and_a_sentence(database_url: str) -> None:
    shell = Shell({"RESELL_DATABASE_URL": database_url})
    check = ("migrate", "--check")
    none = f"the schema of the database is not there yet, this program needs {NEWEST_REVISION}: run `resell migrate`"
    (await shell.resell(*check)).failed(none)
    assert (await shell.resell("migrate")).done().out == f"schema: (none) → {NEWEST_REVISION}\n"
    assert (await shell.resell(*check)).done().out == f"schema: {NEWEST_REVISION}, as this program needs it\n"
    at("0030", database_url)
    behind = f"the schema of the database is at 0030, this program needs {NEWEST_REVISION}: run `resell migrate`"
    (await shell.resell(*check)).failed(behind)
    (await shell.resell(*check, "--or-newer")).failed(behind)


@pytest.mark.proof
@pytest.mark.dialects
async def test_a_newer_schema_is_told_and_may_be_taken_for_right(database_url: str) -> None:
    shell = Shell({"RESELL_DATABASE_URL": database_url})
    at("9999", database_url)
    newer = f"9999, which is newer than the newest of this program, {NEWEST_REVISION}"
    (await shell.resell("migrate", "--check")).failed(f"the schema of the database is {newer}; install the version")
    assert (await shell.resell("migrate", "--check", "--or-newer")).done().out == f"schema: {newer}\n"
    assert (await shell.resell("migrate")).done().out == f"schema: {newer}; nothing to do\n", (
        "an older one starts again"
    )


async def test_a_database_that_is_away_has_a_status_of_its_own() -> None:
    url = f"postgresql://u:secret@127.0.0.1:{free_port()}/none"
    run = await Shell({"RESELL_DATABASE_URL": url}).resell("migrate", "--check")
    assert run.status == 3
    assert run.err.startswith("resell: the schema is not known: the database can't be reached (RESELL_DATABASE_URL)")
    assert len(run.err.splitlines()) == 1
    assert "secret" not in run.err


async def test_a_file_that_is_no_database_has_it_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("other") / "letter.db"
    file.write_text("Dear Sir or Madam, " * 100)
    run = await Shell({"RESELL_DATABASE_URL": f"sqlite:///{file}"}).resell("migrate", "--check")
    assert (run.status, run.err.count("\n")) == (3, 1)
    assert "the schema is not known: the database does not let us in" in run.err


async def test_or_newer_alone_is_refused() -> None:
    (await Shell({}).resell("migrate", "--or-newer")).failed("give both")


@pytest.mark.parametrize("url", ["nonsense", "mysql://u:secret@h/x", "postgresql://"])
async def test_a_wrong_address_is_no_reason_to_migrate(url: str) -> None:
    run = await Shell({"RESELL_DATABASE_URL": url}).resell("migrate", "--check")
    assert (run.status, run.err.count("\n")) == (3, 1), run.err
    assert run.err.startswith("resell: the schema is not known: ")
    assert "RESELL_DATABASE_URL" in run.err
    assert "secret" not in run.err
