"""Spares what many tests in one process would pay again and again, and no program in production pays twice.

- SQLAlchemy compiles a statement once for each engine, and nearly every test has an engine of its own: here all engines
  of a kind share their compiled statements. That was a third of the tests' time in the processor.
- SQLite does not wait for the disk: no test pulls the plug, and a killed process's writes are there without it. (A
  program that a test starts does wait, as in production.)
- Pydantic looks up the signature of a field's factory each time that a row is made, a third of what the row costs:
  here it looks once.
- The command line of `resell` is put together once in a process, not for each command; so are the routes of the API,
  not for each application; the templates of the console, too, which each application compiled for itself; and the
  certificates that clients trust are read once for each setting of them.
- A worker begins to ask the Temporal server for work with two requests at a time, not with five for each kind of it; if
  there is much to do they become more. A shop of three workers that does nothing cost the server as much as an order.
- Passwords are hashed with the least that Argon2 can do: each hash of the product costs a fifth of a second.
- While the tests are collected no garbage is searched for, and afterwards what is loaded is not searched any more.
"""

import functools
import gc
import os
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import httpx
import pytest
import typer
from argon2 import PasswordHasher
from fastapi import routing
from pydantic._internal import _fields
from sqlalchemy import Engine, event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from temporalio.worker import PollerBehaviorAutoscaling, Worker

import models.database
from console import rendering
from gc_tuning import THRESHOLDS
from orders.access import people

gc.disable()

STATEMENTS_KEPT = 4000
POLLERS = 2
HASHER_OF_THE_PRODUCT = people._hasher


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
        patch.setattr(Worker, "__init__", _with_few_pollers(Worker.__init__))
        patch.setattr("typer.main.get_command", _once_for_each_app(typer.main.get_command))
        patch.setattr(routing._IncludedRouter, "effective_candidates", _with_known_routes())
        trusting = _once_for_each_trust(httpx.create_ssl_context)
        for module in ("httpx", "httpx._transports.default"):
            patch.setattr(f"{module}.create_ssl_context", trusting)
        patch.setattr(rendering, "_environment", functools.cache(rendering._environment))
        patch.setattr(people, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        patch.setattr(_fields, "takes_validated_data_argument", functools.cache(_fields.takes_validated_data_argument))
        yield


def _do_not_wait_for_the_disk(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=OFF")
    cursor.close()


def _with_few_pollers(make: Callable[..., None]) -> Callable[..., None]:
    few = PollerBehaviorAutoscaling(initial=POLLERS)

    @functools.wraps(make)
    def made(worker: Worker, *arguments: Any, **options: Any) -> None:
        behaviours = {"workflow_task_poller_behavior": few, "activity_task_poller_behavior": few}
        make(worker, *arguments, **{**options, **behaviours})

    return made


def _once_for_each_app(build: Callable[[typer.Typer], Any]) -> Callable[[typer.Typer], Any]:
    known: WeakKeyDictionary[typer.Typer, Any] = WeakKeyDictionary()

    def built(app: typer.Typer) -> Any:
        if app not in known:
            known[app] = build(app)
        return known[app]

    return built


def _with_known_routes() -> Callable[[Any], Any]:
    """FastAPI works out each route of a router again for each application that includes it. What it makes of it is
    the same, but for the application whose overrides of dependencies count: nobody has any."""
    build = routing._IncludedRouter.effective_candidates
    known: dict[int, Any] = {}

    def built(included: Any) -> Any:
        if included._effective_candidates_version is None:
            first = known.setdefault(id(included.original_router), included)  # it keeps the router, so its id stays its
            if first is not included and _meaning(first) == _meaning(included):
                included._effective_candidates = build(first)
                included._effective_candidates_version = first._effective_candidates_version
        return build(included)

    return built


def _meaning(included: Any) -> Any:
    return replace(included.include_context, dependency_overrides_provider=None)


def _once_for_each_trust(read: Callable[..., ssl.SSLContext]) -> Callable[..., ssl.SSLContext]:
    """`create_ssl_context` of httpx. A context that somebody gives is not kept, nor one that trusts all."""
    known: dict[tuple[str | None, ...], ssl.SSLContext] = {}

    def kept(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
        if verify is not True or cert is not None:
            return read(verify=verify, cert=cert, trust_env=trust_env)
        key = (str(trust_env), os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        if key not in known:
            known[key] = read(trust_env=trust_env)
        return known[key]

    return kept


def pytest_collection_finish() -> None:
    gc.freeze()  # before it is enabled, or else it looks through all that is loaded, a second of each process
    gc.set_threshold(*THRESHOLDS)
    gc.enable()
