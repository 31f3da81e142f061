"""A database for one run: a SQLite file, or a PostgreSQL database that is dropped again."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from benchmarks.options import SQLITE
from models.database import Database
from stack.processes import StackFailed


@contextmanager
def new_database(wanted: str, directory: Path) -> Iterator[str]:
    """The address of an empty database. Raises StackFailed when it can't be made."""
    if wanted == SQLITE:
        yield f"sqlite:///{directory / 'resellflow.db'}"
        return
    server = make_url(wanted)
    if server.get_backend_name() != "postgresql":
        raise StackFailed("--database is `sqlite`, or the address of a PostgreSQL server: postgresql://USER@HOST/")
    name = f"resellflow_benchmark_{os.urandom(4).hex()}"
    maintenance = server.set(drivername="postgresql", database=server.database or "postgres")
    address = maintenance.render_as_string(hide_password=False)
    try:
        connection = psycopg.connect(address, autocommit=True)
    except psycopg.Error as error:
        raise StackFailed(f"The PostgreSQL server can't be used: {str(error).strip()}") from error
    with connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield maintenance.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


async def database_bytes(database: Database) -> int:
    """What all tables and indexes take on the disk; on SQLite without the pages that are free."""
    async with database.read() as session:
        connection = await session.connection()
        if database.is_sqlite:
            asked = "SELECT (pc.page_count - fc.freelist_count) * ps.page_size FROM pragma_page_count AS pc, "
            asked += "pragma_freelist_count AS fc, pragma_page_size AS ps"
        else:
            asked = "SELECT pg_database_size(current_database())"
        return int((await connection.exec_driver_sql(asked)).scalar_one())
