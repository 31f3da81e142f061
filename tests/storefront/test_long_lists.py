"""A page costs what it shows, however long the list is: the database's own plan says so, for every filter there is.

The lists and their filters are those that the API's document names. A new one needs a value in RARE, and an index.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from temporalio.client import Client

from activities.sweeping import SweepActivities
from models.catalogue import UpstreamAccount
from models.tables import metadata
from orders.events import hints, orphans
from orders.webhooks import deliveries, fanout
from settings import Settings
from storefront.app import create_app
from temporal.delivery import deliver
from tests.storefront.api import Api
from tests.storefront.long_tables import rows_of_years

LIMIT = "20"

MOMENT_AFTER, MOMENT_BEFORE = "2100-01-01T00:00:00Z", "2000-01-01T00:00:00Z"
DAY_AFTER, DAY_BEFORE = MOMENT_AFTER[:10], MOMENT_BEFORE[:10]

PATHS = {"number": "5", "name": "main"}
RARE: dict[str, dict[str, list[str]]] = {
    "/v1/services": {
        "customer": ["c-5"],
        "status": ["suspended"],
        "plan": ["VDS-2"],
        "reference": ["r-5"],
        "q": ["n2005"],
        "created_after": [MOMENT_AFTER],
        "created_before": [MOMENT_BEFORE],
        "expires_after": [DAY_AFTER],
        "expires_before": [DAY_BEFORE],
        "sort": ["created_at", "expires_on", "-expires_on"],
    },
    "/v1/services/{number}/history": {},
    "/v1/plans": {"product_type": ["dedic"], "active": ["true", "false"]},
    "/v1/operations": {
        "stage": ["needs_attention"],
        "service": ["5"],
        "kind": ["suspend"],
        "upstream": ["quiet"],
        "slow": ["true", "false"],
        "reference": ["r-5"],
        "created_after": [MOMENT_AFTER],
        "created_before": [MOMENT_BEFORE],
        "ended_after": [MOMENT_AFTER],
        "ended_before": [MOMENT_BEFORE],
        "sort": ["created_at"],
    },
    "/v1/operations/{number}/audit": {},
    "/v1/tasks": {
        "state": ["open"],
        "service": ["5"],
        "mode": ["manual"],
        "department": ["sales"],
        "assignee": ["olga"],
        "taken": ["true", "false"],
        "overdue": ["true", "false"],
        "older_than": ["399d"],
    },
    "/v1/incidents": {"open": ["true", "false"], "service": ["5"], "kind": ["second_item"]},
    "/v1/audit": {
        "actor": ["nobody"],
        "action": ["nothing"],
        "object": ["operation 5"],
        "after": [MOMENT_AFTER],
        "before": [MOMENT_BEFORE],
    },
    "/v1/events": {"type": ["resellflow.service.closed.v1"], "service": ["5"], "start": ["now"]},
    "/v1/webhooks/deliveries": {"webhook": ["quiet"], "state": ["given_up"], "service": ["5"]},
    "/v1/refunds": {"state": ["open"], "service": ["5"], "operation": ["5"]},
    "/v1/drift": {"state": ["approved"], "kind": ["price"], "service": ["5"]},
    "/v1/upstreams/{name}/orphans": {},
    "/v1/upstreams/{name}/events": {"kind": ["vanished"], "service": ["5"]},
}
"""List -> filter -> values that few rows have."""

NEWEST_FIRST_WILL_DO = {
    *(("/v1/tasks", one) for one in ("overdue=false", "taken=false", "older_than=399d")),
    ("/v1/operations", "slow=false"),
    ("/v1/services", "q=n2005"),
    *(("/v1/audit", one) for one in (f"after={MOMENT_AFTER}", f"before={MOMENT_BEFORE}")),
    *(("/v1/services", f"created_{one}") for one in (f"after={MOMENT_AFTER}", f"before={MOMENT_BEFORE}")),
    *(("/v1/services", f"expires_{one}") for one in (f"after={DAY_AFTER}", f"before={DAY_BEFORE}")),
    *(("/v1/operations", f"created_{one}") for one in (f"after={MOMENT_AFTER}", f"before={MOMENT_BEFORE}")),
    *(("/v1/operations", f"ended_{one}") for one in (f"after={MOMENT_AFTER}", f"before={MOMENT_BEFORE}")),
}
"""Nearly every task is not overdue and in nobody's hands, nearly no operation is slow, so a page of these is found by
passing few others. Of old ones the number of the first is looked up; from there on all are old. Text is looked for in
every service of the caller: docs/shop.md says what that costs."""
OF_THE_PAGE = ("WHERE intent.operation_id IN (", "WHERE incident.service_id IN (", "ORDER BY stage_entry.id")
"""May be sorted: what belongs to the rows of the page, and the stages of one operation."""

BIG = {
    "audit_entry",
    "drift",
    "incident",
    "intent",
    "operation",
    "refund",
    "reservation",
    "service",
    "stage_entry",
    "task",
    "upstream_event",
    "upstream_hint",
    "upstream_snapshot",
    "webhook_attempt",
    "webhook_delivery",
    "webhook_message",
}
OF_FEW = {
    "one_running_operation_per_service",
    "webhook_message_not_spread",
    "webhook_delivery_due",
    "operation_called_off",
    "operation_not_started",
    "operation_slow",
    "incident_open",
    "incident_closed",
    "task_taken",
    "task_for_people",
    "task_overdue",
    "upstream_event_undelivered",
}
"""Indexes of those rows alone that fulfil a condition: reading one from end to end is no scan of the table."""


@pytest.fixture
async def full(api: Api) -> Api:
    """The API over tables of thousands of rows, of which the database keeps statistics, as after a night."""
    async with api.database.write() as session:
        connection = await session.connection()
        for model, rows in rows_of_years():
            await connection.execute(sa.insert(model), rows)
        quiet = UpstreamAccount(name="quiet", kind="billmanager", url="https://x.test", currency="EUR")
        session.add(quiet)
    if not api.database.is_sqlite:
        async with api.database.write() as session:
            await (await session.connection()).execute(sa.text("ANALYZE"))
    return api


class Plans:
    """What the database does for the statements that were executed meanwhile."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._url = api.settings.database_url

    @contextmanager
    def watched(self) -> Iterator[list[str]]:
        """Filled when the context is left, with complaints."""
        complaints: list[str] = []
        statements: list[tuple[str, Any]] = []

        def on_execute(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
            if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE")) and not many:
                statements.append((statement, parameters))

        engine = self._api.database.engine.sync_engine
        sa.event.listen(engine, "before_cursor_execute", on_execute)
        try:
            yield complaints
        finally:
            sa.event.remove(engine, "before_cursor_execute", on_execute)
        assert statements, "nothing was asked"
        for statement, parameters in statements:
            complaints += [f"{said}\n  in {statement}" for said in self._complaints(statement, parameters)]

    def _complaints(self, statement: str, parameters: Any) -> list[str]:
        if self._api.database.is_sqlite:
            with closing(sqlite3.connect(self._url.removeprefix("sqlite:///"))) as connection:
                steps = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            return [step[3] for step in steps if _sqlite_objects(step[3])]
        with psycopg.connect(self._url) as connection:
            cursor = psycopg.ClientCursor(connection)
            # A sort is cheap for the few rows here: shown is whether it could be done without.
            cursor.execute("SET enable_sort = off; SET enable_bitmapscan = off; SET enable_seqscan = off")
            row = cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters).fetchone()
        assert row is not None
        plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
        return list(_postgres_objections(plan[0]["Plan"]))


def _sqlite_objects(step: str) -> bool:
    words = step.split()
    if words[0] == "SCAN" and words[1] in BIG:
        return not any(word in OF_FEW for word in words)
    if words[0] == "SEARCH" and words[1] in BIG and "rowid<?" in step.replace("(", "").replace(")", ""):
        return True  # newest first, passing all that are not wanted; see NEWEST_FIRST_WILL_DO
    return "TEMP B-TREE" in step


def _postgres_objections(node: dict[str, Any]) -> Iterator[str]:
    kind, table, index = node["Node Type"], node.get("Relation Name"), node.get("Index Name", "")
    if kind == "Seq Scan" and table in BIG:
        yield f"Seq Scan of {table}"
    if index.endswith("_pkey") and table in BIG and "<" in node.get("Index Cond", ""):
        yield f"newest first: {index}"
    if kind in ("Sort", "Incremental Sort"):
        yield f"{kind} by {node['Sort Key']}"
    for part in node.get("Plans", ()):
        yield from _postgres_objections(part)


def lists_of_the_api() -> list[tuple[str, str, str]]:
    """(path, filter, value); the filter is empty for the list without one."""
    document = create_app(None, Settings()).openapi()  # type: ignore[arg-type]  # nothing is served
    found: list[tuple[str, str, str]] = []
    for path, methods in document["paths"].items():
        asked = [one["name"] for one in methods.get("get", {}).get("parameters", ()) if one["in"] == "query"]
        if "cursor" not in asked:
            continue
        found.append((path, "", ""))
        for name in asked:
            if name not in ("cursor", "limit", "format"):
                found += [(path, name, value) for value in RARE.get(path, {}).get(name, ["?"])]
    return found


@pytest.mark.proof
def test_rare_values_are_known_for_every_filter() -> None:
    lists = lists_of_the_api()
    assert {path for path, _, _ in lists} == RARE.keys()
    assert [one for one in lists if one[2] == "?"] == [], "say in RARE which value of it is rare"


@pytest.mark.proof
async def test_no_list_costs_more_the_longer_it_is(full: Api) -> None:
    plans = Plans(full)
    wrong: list[str] = []
    for path, name, value in lists_of_the_api():
        asked = {"limit": LIMIT} | ({name: value} if name else {})
        with plans.watched() as complaints:
            answer = await full.operator.get(path.format(**PATHS), params=asked)
        assert answer.status_code == 200, answer.text
        one = (path, f"{name}={value}")
        will_do = not name or one in NEWEST_FIRST_WILL_DO
        wrong += [
            f"{path}?{name}={value}: {said}"
            for said in complaints
            if not (will_do and ("newest first" in said or "rowid<?" in said))
            and not (any(words in said for words in OF_THE_PAGE) and ("Sort" in said or "FOR ORDER BY" in said))
        ]
    assert not wrong, "\n".join(wrong)


async def test_what_is_asked_all_the_time_reads_only_what_waits(full: Api, unreachable_temporal: Client) -> None:
    plans = Plans(full)
    sweep = SweepActivities(full.database, unreachable_temporal, full.settings)
    with plans.watched() as complaints:
        assert await sweep._start_accepted() == 0
        await sweep._notify_called_off()
        assert await deliver(full.database, unreachable_temporal, 1) == 0
        assert await fanout.fan_out(full.database) == 0
        assert await deliveries.due(full.database, but_not=[]) == []
        async with full.database.read() as session:
            assert await hints.unread(session, 1, 5) == []
            await orphans.unexplained_items(session, 1, "main")
    assert not complaints, "\n".join(complaints)


@pytest.mark.proof
async def test_an_index_that_is_missing_is_noticed(full: Api) -> None:
    """The test of the test."""
    [index] = [one for one in metadata.tables["service"].indexes if one.name == "service_by_customer"]
    async with full.database.write() as session:
        await (await session.connection()).run_sync(lambda connection: index.drop(connection))
    try:
        with Plans(full).watched() as complaints:
            answer = await full.operator.get("/v1/services", params={"customer": "c-5", "limit": LIMIT})
    finally:  # the database is lent to other tests afterwards, which expect its schema whole
        async with full.database.write() as session:
            await (await session.connection()).run_sync(lambda connection: index.create(connection))
    assert answer.status_code == 200
    assert complaints


CURSORS = {
    "/v1/services": "c2VydmljZSAz",
    "/v1/services/5/history": "aGlzdG9yeSAz",
    "/v1/operations": "b3BlcmF0aW9uIDM",
    "/v1/operations/5/audit": "YXVkaXQgMw",
    "/v1/tasks": "dGFzayAz",
    "/v1/incidents": "aW5jaWRlbnQgMw",
    "/v1/webhooks/deliveries": "ZGVsaXZlcnkgMw",
    "/v1/audit": "YXVkaXQgMw",
    "/v1/refunds": "cmVmdW5kIDM",
    "/v1/drift": "ZHJpZnQgMw",
    "/v1/upstreams/main/orphans": "b3JwaGFuIDM",
    "/v1/upstreams/main/events": "ZXZlbnQgMw",
}
"""As written by version 1.4, or when the list was new after it: "before number 3" of each list."""


async def test_cursors_given_out_long_ago_stay_valid(api: Api) -> None:
    async with api.database.write() as session:
        connection = await session.connection()
        for model, rows in rows_of_years():
            await connection.execute(sa.insert(model), rows[:10])
    for path, cursor in CURSORS.items():
        answer = await api.operator.get(path, params={"cursor": cursor})
        assert answer.status_code == 200, answer.text
        if not path.endswith(("history", "audit", "orphans")):
            assert [item["number"] for item in answer.json()["items"]] == [2, 1]


def test_every_big_table_has_rows_here() -> None:
    assert {model.__tablename__ for model, _ in rows_of_years()} - {"webhook_endpoint"} == BIG
