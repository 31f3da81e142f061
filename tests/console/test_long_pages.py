"""A page of the console costs what it shows, however much has ended: the database says what it reads for each.

On SQLite its plan is asked for, on PostgreSQL how many rows of each table were read. Nothing is timed.
"""

import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.enums import Role
from models.tables import metadata
from tests.console.people import Browser, browser_of
from tests.console.routes import routes
from tests.storefront.api import Api, client_of_nothing, stocked_api
from tests.storefront.long_tables import ROWS, rows_of_years
from tests.storefront.test_long_lists import BIG, OF_FEW

Statements = list[tuple[str, Any]]
"""With their parameters."""
MOST_READ = ROWS // 10
"""Rows of a big table that a page may read for one statement: a page of fifty, some of them twice."""
CAUSES = ("decide", "unclear", "money", "tasks", "incidents", "upstreams", "slow", "drift", "orphans")
FILTERS = (
    *(f"cause={one}" for one in CAUSES),
    *("upstream=quiet", "failure=rejected", "age=2h", "assignee=olga", "assignee=-", "customer=c-5"),
    "cause=decide&upstream=quiet&age=2h",
    "cause=tasks&assignee=olga&customer=c-5",
)
MAIN = "upstreams/main"
PAGES = {
    "/": ["", *(f"?{one}" for one in FILTERS)],
    "/live": ["live", "live?cause=tasks"],
    "/bulk": [f"bulk?{one}" for one in ("upstream=quiet", "cause=decide", "cause=decide&failure=rejected")],
    "/tasks": ["tasks", *(f"tasks?show={one}" for one in ("mine", "free", "overdue")), "tasks?department=sales"],
    "/audit": ["audit", "audit?actor=nobody", "audit?action=nothing", "audit?object=operation+5",
               "audit?from=2100-01-01", "audit?to=2000-01-01", "audit?actor=nobody&object=operation+5"],
    "/notifications": ["notifications"],
    "/refunds": ["refunds", "refunds?state=open"],
    "/search": ["search?q=r-5"],
    "/upstreams": ["upstreams"],
    "/upstreams/{name}": [MAIN, "upstreams/quiet"],
    "/upstreams/{name}/forecast": ["upstreams/main/forecast"],
    "/operations/{number}": ["operations/5"],
    "/services/{number}": ["services/5"],
    "/tasks/{number}": ["tasks/5"],
    "/incidents/{number}": ["incidents/5"],
    "/drift/{number}": ["drift/5"],
    "/refunds/{number}": ["refunds/5"],
}  # fmt: skip
"""Route -> addresses, with filters that few rows match."""
NO_LISTS = {
    *(
        "/news",
        "/log-in",
        "/entered",
        "/me",
        "/oidc",
        "/oidc/answer",
        "/order",
        "/audit.csv",
        "/bulk/{number}",
        "/notifications/{name}",
    ),
    *("/items/{number}", "/services/{number}/request/{kind}", "/upstreams/{name}/items/{product_type}/{number:path}"),
}
"""Pages of nothing long. The audit's file is the whole of it."""
READS_ALL = {("search?q=r-5", "service")}
"""Text is looked for in every service: docs/shop.md says what that costs."""


@pytest.fixture
async def full(migrated_database_url: str) -> AsyncIterator[Api]:
    async with stocked_api(migrated_database_url, await client_of_nothing()) as api:
        async with api.database.write() as session:
            connection = await session.connection()
            for model, rows in rows_of_years():
                await connection.execute(sa.insert(model), rows)
            session.add(UpstreamAccount(name="quiet", kind="billmanager", url="https://x.test", currency="EUR"))
            account = await session.get_one(UpstreamAccount, 1)
            account.balance, account.balance_at = Decimal("1000"), utc_now()
        if not api.database.is_sqlite:  # nobody keeps statistics of SQLite
            async with api.database.write() as session:
                await (await session.connection()).execute(sa.text("ANALYZE"))
        yield api


@pytest.fixture
async def olga(full: Api) -> AsyncIterator[Browser]:
    browser = await browser_of(full, "olga", Role.SENIOR)
    yield browser
    await browser.client.aclose()


class Reading:
    """What the database reads for the statements of a page."""

    def __init__(self, api: Api) -> None:
        self._database, self._url = api.database, api.settings.database_url

    async def of_page(self, browser: Browser, address: str) -> dict[str, str]:
        """Big tables of which too much is read -> the statement."""
        asked: Statements = []

        def on_execute(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
            if statement.lstrip().upper().startswith("SELECT"):
                asked.append((statement, parameters))

        engine = self._database.engine.sync_engine
        sa.event.listen(engine, "before_cursor_execute", on_execute)
        try:
            answer = await browser.client.get(address)
        finally:
            sa.event.remove(engine, "before_cursor_execute", on_execute)
        assert answer.status_code == 200, (address, answer.status_code)
        assert asked, "nothing was asked"
        read = self._on_sqlite if self._database.is_sqlite else self._on_postgres
        return dict(read(asked))

    def _on_sqlite(self, asked: Statements) -> Iterator[tuple[str, str]]:
        with closing(sqlite3.connect(self._url.removeprefix("sqlite:///"))) as connection:
            for statement, parameters in asked:
                for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters):
                    words = row[3].split()
                    if words[0] == "SCAN" and words[1] in BIG and not OF_FEW.intersection(words):
                        yield words[1], statement

    def _on_postgres(self, asked: Statements) -> Iterator[tuple[str, str]]:
        with psycopg.connect(self._url) as connection:
            cursor = psycopg.ClientCursor(connection)
            # These tables are short enough to be read whole. Shown is what is read where they are long.
            ways = ("seqscan", "bitmapscan", "hashjoin", "mergejoin")
            cursor.execute("SET jit = off; " + "; ".join(f"SET enable_{way} = off" for way in ways))
            for statement, parameters in asked:
                row = cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", parameters).fetchone()
                assert row is not None
                plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
                for table in _tables_read(plan[0]["Plan"]):
                    yield table, statement


def _tables_read(node: dict[str, Any]) -> Iterator[str]:
    passed = sum(node.get(one, 0) for one in ("Rows Removed by Filter", "Rows Removed by Index Recheck"))
    table = node.get("Relation Name")
    if table in BIG and (node["Actual Rows"] + passed) * node["Actual Loops"] > MOST_READ:
        yield table
    for part in node.get("Plans", ()):
        yield from _tables_read(part)


@pytest.mark.proof
async def test_no_page_reads_a_long_table_whole(full: Api, olga: Browser) -> None:
    reading = Reading(full)
    wrong = [
        f"{address} reads too much of {table}:\n  {statement}"
        for addresses in PAGES.values()
        for address in addresses
        for table, statement in (await reading.of_page(olga, address)).items()
        if (address, table) not in READS_ALL
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.proof
async def test_every_page_is_looked_at(full: Api) -> None:
    shown = {route.path for route in routes(full) if "GET" in (route.methods or ())}
    assert shown == PAGES.keys() | NO_LISTS


@pytest.mark.proof
async def test_an_index_that_is_missing_is_noticed(full: Api, olga: Browser) -> None:
    """The test of the test. On SQLite the few open tasks are found by other indexes, too; it does not count rows."""
    missing, address = {"reservation_charged"}, MAIN
    if full.database.is_sqlite:
        missing, address = {"task_for_people", "task_by_state", "task_by_mode", "task_overdue"}, "?cause=tasks"
    indexes = [one for table in metadata.tables.values() for one in table.indexes if one.name in missing]
    async with full.database.write() as session:
        connection = await session.connection()
        for index in indexes:
            await connection.run_sync(index.drop)
    try:
        assert (await Reading(full).of_page(olga, address)).keys() & {"task", "reservation"}
    finally:  # the database is lent to other tests afterwards, which expect its schema whole
        async with full.database.write() as session:
            connection = await session.connection()
            for index in indexes:
                await connection.run_sync(index.create)
