"""The databases the tests are given."""

import sqlite3
from pathlib import Path

import psycopg
import pytest

from tests.infrastructure import databases
from tests.infrastructure.databases import new_database
from tests.infrastructure.nested import RunPytest

pytestmark = pytest.mark.dialects


def tables(url: str) -> set[str]:
    if url.startswith("sqlite:///"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def execute(url: str, statement: str) -> None:
    if url.startswith("sqlite:///"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.execute(statement)
    else:
        with psycopg.connect(url) as connection:
            connection.execute(statement.encode())


@pytest.mark.parametrize("turn", ["first", "second"])
def test_each_test_gets_an_empty_database(database_url: str, turn: str) -> None:
    assert tables(database_url) == set()
    execute(database_url, "CREATE TABLE left_behind (id integer)")
    assert tables(database_url) == {"left_behind"}


@pytest.mark.parametrize("turn", ["first", "second"])
def test_a_migrated_database_has_the_schema_and_nothing_of_other_tests(migrated_database_url: str, turn: str) -> None:
    assert "alembic_version" in tables(migrated_database_url)
    # Fails if a test before has left a row behind, or if the numbers don't begin anew.
    table, columns, values = "tariff_plan", "name, product_type, resources, active", "'vds', '{}', true"
    execute(migrated_database_url, f"INSERT INTO {table} ({columns}) VALUES ('first', {values})")
    execute(migrated_database_url, f"INSERT INTO {table} (id, {columns}) VALUES (2, 'second', {values})")


def test_a_database_is_dropped_even_while_someone_is_connected(postgres_url: str) -> None:
    with new_database(postgres_url) as url:
        forgotten = psycopg.connect(url)
    with psycopg.connect(postgres_url) as server:
        names = {name for (name,) in server.execute("SELECT datname FROM pg_database")}
    assert url.rpartition("/")[2] not in names
    forgotten.close()


def test_a_machine_without_server_programs_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "DEBIAN_LAYOUT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(databases.NoServer, match="no server programs"), databases.server_of_our_own():
        pass


@pytest.mark.proof
def test_no_server_is_a_skip_for_a_developer_and_a_failure_in_ci(run_pytest: RunPytest) -> None:
    test = """
        from pathlib import Path
        from tests.infrastructure import databases

        databases.DEBIAN_LAYOUT = Path("/nonexistent")

        def test_needs_it(postgres_url):
            pass
    """
    nowhere = {"PATH": "/nonexistent", "DOCKER_HOST": "unix:///nonexistent", "RESELL_TEST_DATABASE_URL": None}
    skipped = run_pytest(test, env={**nowhere, "CI": None})
    assert skipped.returncode == 0
    assert "NO POSTGRESQL, half of the database tests don't run" in skipped.output
    failed = run_pytest(test, env={**nowhere, "CI": "true"})
    assert failed.returncode == 1
    assert "NO POSTGRESQL" in failed.output
