"""Spares what many tests in one process would pay again and again, and no program in production pays twice.

- SQLAlchemy compiles a statement once for each engine, and nearly every test has an engine of its own: here all engines
  of a kind share their compiled statements. That was a third of the tests' time in the processor.
- SQLite does not wait for the disk: no test pulls the plug, and a killed process's writes are there without it. (A
  program that a test starts does wait, as in production.)
- Pydantic looks up the signature of a field's factory each time that a row is made, a third of what the row costs:
  here it looks once.
- While the tests are collected no garbage is searched for, and afterwards what is loaded is not searched any more.
"""

import functools
import gc
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic._internal import _fields
from sqlalchemy import Engine, event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

import models.database
from gc_tuning import freeze_loaded_objects

gc.disable()

STATEMENTS_KEPT = 4000


@pytest.fixture(scope="session", autouse=True)
def economical_engines() -> Iterator[None]:
    create = create_async_engine
    first: dict[str, Engine] = {}

    def create_sharing(url: URL, **options: Any) -> AsyncEngine:
        engine = create(url, **options)
        known = first.get(url.drivername)
        if known is None or known.dialect.server_version_info is None:  # it has not been connected yet
            first[url.drivername] = engine.sync_engine
            # It is None only where it is switched off, which `Database` does not do.
            engine.sync_engine._compiled_cache.capacity = STATEMENTS_KEPT  # type: ignore[union-attr]
        else:
            # A compiled statement belongs to a dialect, so that is shared, too: it knows the server, not the database.
            engine.sync_engine.dialect = known.dialect
            engine.sync_engine._compiled_cache = known._compiled_cache
        return engine

    prepare = models.database._prepare_sqlite

    def prepare_and_relax(engine: AsyncEngine) -> None:
        prepare(engine)  # first: it asks for the contrary
        event.listen(engine.sync_engine, "connect", _do_not_wait_for_the_disk)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models.database, "_prepare_sqlite", prepare_and_relax)
        patch.setattr("models.database.create_async_engine", create_sharing)
        patch.setattr(_fields, "takes_validated_data_argument", functools.cache(_fields.takes_validated_data_argument))
        yield


def _do_not_wait_for_the_disk(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=OFF")
    cursor.close()


def pytest_collection_finish() -> None:
    gc.enable()
    freeze_loaded_objects()
