"""The console with many operations: what a page asks of the database is counted and explained, never timed."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from benchmarks import console, console_rows
from benchmarks.console import Report, pages_of, run
from benchmarks.console_rows import fill
from models.database import Database
from orders.inbox.causes import Cause
from orders.inbox.sources import SOURCES
from tests.infrastructure.databases import copy_of

LONG = ("operation", "task", "incident", "drift", "upstream_snapshot", "service")
BY_AGE = {"SCAN task USING INDEX task_by_age"}
"""From the oldest on until a page is full: 45 ms where 100,000 tasks are done. An index of open ones would help."""
PLENTY = {Cause.INCIDENTS, Cause.DRIFT, Cause.UPSTREAMS}
"""Causes whose tables hold few rows here, so that the database may read them whole."""


async def _report(tmp_path: Path, template: Path, operations: int) -> Report:
    folder = tmp_path / str(operations)
    folder.mkdir()
    return await run(copy_of(template, folder), operations, 1)


@pytest.mark.proof
async def test_a_page_asks_as_many_questions_with_many_operations_as_with_few(
    tmp_path: Path, migrated_sqlite_template: Path
) -> None:
    few, many = [await _report(tmp_path, migrated_sqlite_template, number) for number in (5000, 10_000)]
    assert many.stuck == 2 * few.stuck
    asked = [{one.page: one.statements for one in report.pages} for report in (few, many)]
    differing = {page: (number, asked[1][page]) for page, number in asked[0].items() if asked[1][page] != number}
    assert all(abs(one - other) <= 2 for one, other in differing.values()), differing  # by what is on the first page
    assert max(asked[1].values()) <= 30


async def test_the_inbox_finds_what_is_stuck_without_reading_what_has_ended(
    tmp_path: Path, migrated_sqlite_template: Path
) -> None:
    database = Database(copy_of(migrated_sqlite_template, tmp_path))
    try:
        await fill(database, 4000)
        async with database.read() as session:
            connection = await session.connection()
            for cause in set(Cause) - PLENTY:
                found = SOURCES[cause]().subquery()
                asked = sa.select(found).order_by(found.c.since, found.c.key).limit(51)
                assert len((await connection.execute(asked)).all()) > 0, f"{cause} has entries"
                text = str(asked.compile(connection.sync_connection, compile_kwargs={"literal_binds": True}))
                plan = [row[-1] for row in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
                scans = [step for step in plan if step.startswith("SCAN") and step not in BY_AGE]
                assert [step for step in scans if step.split()[1] in LONG] == [], (cause, plan)
    finally:
        await database.close()


LISTS = (*(f"inbox, {one}" for one in Cause), "bulk", "tasks", "audit", "upstream", "what was paid back")
OTHERWISE = {"inbox, upstream=third", "audit as a file, its first rows"}
"""What few and many of it show is not of the same kinds, or is not read at once."""


@pytest.mark.proof
async def test_a_list_of_fifty_asks_as_often_as_one_of_five(
    tmp_path: Path, migrated_sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every service has one that is stuck: five of each cause, and fifty."""

    def lists(operations: int) -> dict[str, str]:
        return {
            name: path
            for name, path in pages_of(operations).items()
            if name.startswith(LISTS) and name not in OTHERWISE
        }

    monkeypatch.setattr(console_rows, "STUCK_ONE_IN", 2)
    monkeypatch.setattr(console, "pages_of", lists)
    few, many = [await _report(tmp_path, migrated_sqlite_template, number) for number in (50, 500)]
    asked = [{one.page: one.statements for one in report.pages} for report in (few, many)]
    assert {page: (number, asked[1][page]) for page, number in asked[0].items() if asked[1][page] != number} == {}
    longer = [one.page for one, other in zip(few.pages, many.pages, strict=True) if other.kilobytes > one.kilobytes]
    assert {"inbox, decide", "inbox, tasks", "tasks", "upstream"} <= {*longer}
