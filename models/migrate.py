"""Bring the schema up (`resell migrate`). Safe to run at every start and by several processes at once."""

import secrets
from enum import StrEnum
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import URL, Connection

from models.columns import utc_now
from models.database import BUSY_TIMEOUT_SECONDS, normalise_url
from models.migrations import NEWEST_REVISION
from models.tables import Installation

_TAG_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_ADVISORY_LOCK = 7_265_735
_ASKED_WITHIN_SECONDS = 5


class Standing(StrEnum):
    """The schema of a database, beside the one that this program needs."""

    CURRENT = "current"
    BEHIND = "behind"
    """Migrations are missing, or all of them."""
    AHEAD = "ahead"
    """A newer program has migrated it. What this one reads and writes is still there (docs/upgrade.md)."""


def new_tag() -> str:
    return "".join(secrets.choice(_TAG_ALPHABET) for _ in range(5))


def _sync_url(url: str) -> URL:
    target = normalise_url(url)
    return target.set(drivername="sqlite" if target.get_backend_name() == "sqlite" else "postgresql+psycopg")


def alembic_config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _lock_at_begin(engine: sa.Engine) -> None:
    """One process at a time, and all of an upgrade or nothing: left alone, the driver begins no transaction for DDL."""

    @sa.event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    @sa.event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def migrate(url: str) -> tuple[str | None, str]:
    """Upgrade to the newest revision; the first time, give the installation its tag. Returns (before, after).

    A database that a newer program has migrated stays as it is, so that the older one can be started again.
    """
    target = _sync_url(url)
    if target.get_backend_name() == "sqlite" and target.database:
        Path(target.database).parent.mkdir(parents=True, exist_ok=True)
    options = {"timeout": BUSY_TIMEOUT_SECONDS} if target.get_backend_name() == "sqlite" else {}
    engine = sa.create_engine(target, connect_args=options)
    if target.get_backend_name() == "sqlite":
        _lock_at_begin(engine)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            before = MigrationContext.configure(connection).get_current_revision()
            if before is not None and standing_of(before) is Standing.AHEAD:
                return before, before
            if before != NEWEST_REVISION:
                command.upgrade(alembic_config(connection), "head")
            table = sa.inspect(connection).has_table(Installation.__tablename__)
            if table and not connection.execute(sa.select(Installation.id)).first():  # type: ignore[call-overload]
                connection.execute(
                    sa.insert(Installation).values(id=1, tag=new_tag(), created_at=utc_now()),
                )
            return before, NEWEST_REVISION
    finally:
        engine.dispose()


def revision_of(url: str) -> str | None:
    """The revision of the database's schema; None: it has none. Changes nothing, and makes no file. Raises what
    SQLAlchemy raises if the database can't be asked within five seconds, and ValueError."""
    target = _sync_url(url)
    if target.get_backend_name() == "sqlite":
        if not target.database or not Path(target.database).exists():
            return None
        target = target.set(database=f"file:{target.database}").update_query_dict({"mode": "rw", "uri": "true"})
        options: dict[str, Any] = {"timeout": _ASKED_WITHIN_SECONDS}
    else:
        options = {"connect_timeout": _ASKED_WITHIN_SECONDS}
    engine = sa.create_engine(target, connect_args=options)
    try:
        with engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text(f"SET statement_timeout = '{_ASKED_WITHIN_SECONDS}s'"))
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def standing_of(revision: str | None) -> Standing:
    """How a database at this revision stands to this program."""
    if revision == NEWEST_REVISION:
        return Standing.CURRENT
    ours = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    return Standing.BEHIND if revision is None or revision in ours else Standing.AHEAD
