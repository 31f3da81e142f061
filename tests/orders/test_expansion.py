"""All migrations from the first one on, with rows in every table: nothing is lost on the way.

Each migration after 0026 leaves the processes of the version before it what they read and write.
"""

import types
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic.script import Script

from models.tables import metadata as models
from program_version import VERSION
from tests.orders import expansion
from tests.orders.test_migrate import sync_engine

EXPANDS_AFTER = "0026"
"""Older migrations renamed columns: an upgrade over them needs a stop (docs/operations.md)."""
NEWEST = 3
"""How many of the newest migrations `make test` watches: the others have been watched and never change."""


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = sync_engine(database_url)
    yield engine
    engine.dispose()


class Walk:
    """Brings a database up, migration by migration, as if a process of the version before each wrote all the time."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.number = 0
        self.complaints: list[str] = []
        self.schema = self._read()

    def _read(self) -> expansion.Schema:
        with self.engine.connect() as connection:
            return expansion.schema_of(connection)

    def write(self, schema: expansion.Schema) -> None:
        """A row into every table, in the columns that this schema has."""
        self.number += 1
        with self.engine.begin() as connection:
            for table in schema.tables.sorted_tables:
                expansion.write_row(connection, table, self.number)

    def step(self, script: Script) -> None:
        """One migration, watched by a process of before."""
        before = self.schema
        with self.engine.connect() as connection:
            kept = expansion.rows_of(connection, before, before)
        expansion.to(self.engine, script.revision)
        self.schema = self._read()
        found = expansion.mistakes(before, self.schema)
        if not found:
            with self.engine.connect() as connection:
                found = expansion.rewritten(kept, expansion.rows_of(connection, before, before))
            self.write(before)
        self.complaints += expansion.not_allowed(found, script, VERSION)


@pytest.mark.proof
def test_rows_of_the_first_version_come_to_the_newest_and_back(engine: sa.Engine) -> None:
    """Every table gets its row as soon as there is the table, by the migration itself or else from here."""
    scripts = expansion.scripts()
    written: set[str] = {"alembic_version"}
    for script in scripts:
        expansion.to(engine, script.revision)
        if new := set(sa.inspect(engine).get_table_names()) - written:
            with engine.begin() as connection:
                for table in expansion.schema_of(connection).tables.sorted_tables:
                    if table.name in new and not connection.execute(sa.select(table)).all():
                        expansion.write_row(connection, table, 1)
            written |= new
    with engine.connect() as connection:
        for table in models.sorted_tables:
            assert connection.execute(sa.select(table)).all(), f"{table.name} has lost its row"  # read by today's code
    expansion.back_to(engine, scripts[0].revision)
    with engine.connect() as connection:
        first = expansion.schema_of(connection)
        for name, kept in expansion.rows_of(connection, first, first).items():
            assert len(kept) == 1, f"{name} has lost its row on the way back"
    expansion.to(engine, "head")


@pytest.mark.dialects
@pytest.mark.parametrize("newest", [NEWEST, pytest.param(None, marks=pytest.mark.proof)], ids=["newest", "all"])
def test_a_process_of_the_version_before_goes_on_next_to_each_migration(engine: sa.Engine, newest: int | None) -> None:
    scripts = [script for script in expansion.scripts() if script.revision >= EXPANDS_AFTER]
    before, *watched = scripts[-newest - 1 :] if newest else scripts
    expansion.to(engine, before.revision)
    walk = Walk(engine)
    oldest = walk.schema
    walk.write(oldest)
    for script in watched:
        walk.step(script)
    assert walk.complaints == [], "see `Migrations` in docs/architecture.md"
    walk.write(oldest)


@pytest.mark.proof
def test_the_rule_would_have_found_what_older_migrations_did(engine: sa.Engine) -> None:
    expansion.to(engine, "0020")
    walk = Walk(engine)
    walk.write(walk.schema)
    for script in expansion.scripts():
        if "0020" < script.revision <= EXPANDS_AFTER:
            walk.step(script)
    assert "0021: upstream_snapshot.remoteid is dropped or renamed" in walk.complaints
    assert "0023: upstream_account.dialect is dropped or renamed" in walk.complaints
    assert "0025: reservation.requested_at is dropped or renamed" in walk.complaints
    assert {complaint[:4] for complaint in walk.complaints} == {"0021", "0023", "0025"}


_OLD = "CREATE TABLE t (a INTEGER NOT NULL, b VARCHAR(9) NOT NULL, c INTEGER, d INTEGER, e INTEGER UNIQUE)"
_NEW = (
    "CREATE TABLE t (a VARCHAR NOT NULL, b VARCHAR(8) NOT NULL, c INTEGER NOT NULL, d INTEGER UNIQUE, e INTEGER,"
    " f INTEGER NOT NULL, g INTEGER NOT NULL DEFAULT 1, h INTEGER, i INTEGER UNIQUE)"
)


def test_each_kind_of_harm_is_named() -> None:
    schemas = []
    for statement in (_OLD, _NEW):
        engine = sa.create_engine("sqlite://")
        with engine.begin() as connection:
            for each in (statement, "CREATE TABLE alembic_version (version_num VARCHAR)"):
                connection.execute(sa.text(each))
            schemas.append(expansion.schema_of(connection))
        engine.dispose()
    assert expansion.mistakes(*schemas) == {
        "t.a": "is VARCHAR and was INTEGER",
        "t.b": "is shorter",
        "t.c": "may no longer be empty",
        "t.d": "has become unique",
        "t.e": "is no longer unique",
        "t.f": "is new, not nullable and has no default",
    }


@pytest.mark.parametrize(
    ("contracts", "complaints"),
    [
        ({}, ["0099: t.a is dropped or renamed"]),
        ({"t.a": "0.9.0"}, []),
        ({"t.a": "0.10.0"}, ["0099: t.a is contracted in the release that stopped using it (0.10.0)"]),
    ],
)
def test_a_contraction_is_marked_and_comes_a_release_later(contracts: dict[str, str], complaints: list[str]) -> None:
    module = types.ModuleType("m")
    vars(module).update(revision="0099", down_revision=None, contracts=contracts)
    script = Script(module, "0099", "0099.py")
    assert list(expansion.not_allowed({"t.a": "is dropped or renamed"}, script, "0.10.0")) == complaints
