"""Copied rows are those that were made, and a database that is not empty is filled as ever."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import make_url

from models.catalogue import ProcessingModule, UpstreamAccount
from models.database import Database
from tests.infrastructure.databases import copy_of
from tests.infrastructure.filling import filled_once

made: list[str] = []


@filled_once
async def one_account(database: Database, url: str) -> None:
    made.append(database.url)
    async with database.write() as session:
        session.add(account := UpstreamAccount(name=url, kind="billmanager", url=url, currency="EUR"))
        await session.flush()
        session.add(ProcessingModule(name=url, account_id=account.id, product_type="vds", department="support"))


def rows(url: str) -> list[list[tuple[object, ...]]]:
    with closing(sqlite3.connect(str(make_url(url).database))) as connection:
        tables = (UpstreamAccount.__tablename__, ProcessingModule.__tablename__)
        return [connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables]


async def test_the_rows_are_made_once_for_the_same_arguments(migrated_sqlite_template: Path, tmp_path: Path) -> None:
    made.clear()
    urls = []
    for number, account in enumerate(("a", "a", "b")):
        (home := tmp_path / str(number)).mkdir()
        database = Database(copy_of(migrated_sqlite_template, home))
        await one_account(database, account)
        await database.close()
        urls.append(database.url)
    first, second, third = urls
    assert made == [first, third]
    assert rows(first) == rows(second) != rows(third)
    assert all(len(table) == 1 for url in urls for table in rows(url))


async def test_where_such_rows_are_there_others_are_made_beside_them(
    migrated_sqlite_template: Path, tmp_path: Path
) -> None:
    database = Database(copy_of(migrated_sqlite_template, tmp_path))
    await one_account(database, "c")
    await one_account(database, "d")
    await database.close()
    assert [len(table) for table in rows(database.url)] == [2, 2]
    (home := tmp_path / "again").mkdir()
    again = Database(copy_of(migrated_sqlite_template, home))
    await one_account(again, "d")
    await again.close()
    assert [len(table) for table in rows(again.url)] == [1, 1], "what was made beside others is not copied"
