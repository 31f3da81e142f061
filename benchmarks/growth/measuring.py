"""What each table holds and takes, by the database itself."""

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.engine import Connection

from benchmarks.growth.sample import tables


class Held(BaseModel):
    """By one table."""

    rows: int
    bytes: int
    """With all of its indexes; on SQLite the pages that they use, on PostgreSQL also what is free within the files."""
    dead_rows: int = 0
    """PostgreSQL: removed or replaced, and not vacuumed yet."""


class Size(BaseModel):
    """What a database takes."""

    tables: dict[str, Held]
    file_bytes: int
    """What the database takes on the disk."""
    free_bytes: int | None
    """SQLite: pages within the file that new rows will use."""


_SQLITE = """
SELECT m.tbl_name, sum(s.pgsize) FROM dbstat AS s JOIN sqlite_master AS m ON m.name = s.name
WHERE s.aggregate = TRUE GROUP BY m.tbl_name
"""
_POSTGRESQL = """
SELECT relname, pg_total_relation_size(relid), n_dead_tup FROM pg_stat_user_tables WHERE schemaname = 'public'
"""
_OLD_ENOUGH_TO_VACUUM = """
SELECT s.relname FROM pg_stat_user_tables AS s JOIN pg_class AS c ON c.oid = s.relid
WHERE s.n_dead_tup > 50 + 0.2 * greatest(c.reltuples, 0) AND s.schemaname = 'public'
"""
"""PostgreSQL's own rule, with its defaults, for when a table is vacuumed automatically."""


def size(connection: Connection) -> Size:
    sqlite = connection.dialect.name == "sqlite"
    if not sqlite:
        connection.exec_driver_sql("SELECT pg_stat_clear_snapshot()")
    found = connection.exec_driver_sql(_SQLITE if sqlite else _POSTGRESQL).all()
    taken = {row[0]: (int(row[1]), 0 if sqlite else int(row[2])) for row in found}
    held = {}
    for table in tables():
        rows = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        taken_bytes, dead = taken.get(table.name, (0, 0))
        held[table.name] = Held(rows=rows, bytes=taken_bytes, dead_rows=dead)
    if not sqlite:
        file_bytes = connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()
        return Size(tables=held, file_bytes=file_bytes, free_bytes=None)
    page = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    free = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
    return Size(tables=held, file_bytes=page * pages, free_bytes=page * free)


def vacuum_as_postgresql_would(connection: Connection) -> list[str]:
    """Vacuums what autovacuum would have by the end of a real day. Returns the tables. The connection commits itself.

    A day takes a second here, and autovacuum looks once a minute of real time.
    """
    connection.exec_driver_sql("SELECT pg_stat_clear_snapshot()")
    found = [row[0] for row in connection.exec_driver_sql(_OLD_ENOUGH_TO_VACUUM).all()]
    for name in found:
        connection.exec_driver_sql(f'VACUUM (ANALYZE) "{name}"')
    return found
