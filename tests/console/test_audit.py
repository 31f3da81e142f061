"""Who did what, found by person, act, thing and time; the same as a file; nothing of it costs more the longer it is."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from models.audit import AuditEntry
from models.enums import Role
from orders.reading.audit_search import AuditWanted, search_audit
from orders.reading.paging import HIGHEST_LIMIT, PageRequest
from tests.console.conftest import LogIn
from tests.console.people import words
from tests.storefront.api import Api, client_of_nothing, stocked_api
from tests.storefront.long_tables import rows_of_years
from tests.storefront.test_long_lists import Plans

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVERYTHING = AuditWanted()
HOSTILE = "=HYPERLINK(1)<script>"


def entry(actor: str, action: str, number: int, at: datetime, **more: Any) -> AuditEntry:
    return AuditEntry(actor=actor, action=action, subject="operation", subject_number=number, at=at, **more)


async def written(api: Api) -> None:
    """Five by two people on three days; the second and the third are numbered otherwise than they were written."""
    async with api.database.write() as session:
        connection = await session.connection()
        await connection.execute(sa.delete(AuditEntry))
        for one in (
            entry("olga", "retry", 7, NOON - timedelta(days=1)),
            entry("olga", "cancel", 8, NOON + timedelta(minutes=5), detail={"reason": HOSTILE}),
            entry("boris", "retry", 7, NOON, changes={"price": ["1", "2"]}),
            entry("boris", "mark_done", 9, NOON + timedelta(days=1)),
        ):
            session.add(one)
            await session.flush()


async def found(api: Api, limit: int = 2, wanted: AuditWanted = EVERYTHING) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    cursor = None
    while True:
        async with api.database.read() as session:
            page = await search_audit(session, PageRequest(limit, cursor), wanted)
        rows += [(one.actor, one.action) for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return rows


async def test_each_filter_finds_its_own_on_both_databases(migrated_database_url: str) -> None:
    async with stocked_api(migrated_database_url, await client_of_nothing()) as api:
        await written(api)
        whole = [("boris", "mark_done"), ("boris", "retry"), ("olga", "cancel"), ("olga", "retry")]
        assert await found(api) == await found(api, limit=1) == whole
        assert await found(api, wanted=AuditWanted(actor=["boris"])) == whole[:2]
        assert await found(api, wanted=AuditWanted(action=["retry"])) == [whole[1], whole[3]]
        assert await found(api, wanted=AuditWanted(subject="operation", subject_number=7)) == [whole[1], whole[3]]
        assert await found(api, wanted=AuditWanted(since=NOON)) == whole[:3], "the first moment is among them"
        assert await found(api, wanted=AuditWanted(until=NOON)) == whole[3:], "the last is not"
        assert await found(
            api, wanted=AuditWanted(since=NOON + timedelta(minutes=1), until=NOON + timedelta(hours=1))
        ) == [whole[2]]
        assert await found(api, wanted=AuditWanted(until=NOON + timedelta(minutes=1))) == [whole[1], whole[3]]
        assert await found(api, wanted=AuditWanted(since=NOON + timedelta(days=9))) == []


async def test_the_page_and_the_file_have_the_same_and_a_spreadsheet_reckons_with_nothing(
    api: Api, log_in: LogIn
) -> None:
    browser = await log_in(Role.VIEWER)
    await written(api)
    page = await browser.page("audit?actor=olga&action=cancel")
    assert HOSTILE in words(page)
    assert HOSTILE not in page
    assert "boris" not in words(page)
    assert 'href="operations/8"' in page
    assert "price: 1 → 2" in words(await browser.page("audit?object=operation+7"))
    assert 'href="audit.csv?actor=olga&amp;action=cancel"' in page
    answer = await browser.client.get("audit.csv?actor=olga&action=cancel")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    [cancelled] = csv.DictReader(io.StringIO(answer.text))
    assert (cancelled["actor"], cancelled["subject"], cancelled["subject_number"]) == ("olga", "operation", "8")
    assert cancelled["detail"] == '{"reason": "=HYPERLINK(1)<script>"}'


async def test_the_file_has_every_page(api: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.FINANCE)
    async with api.database.write() as session:
        session.add_all([entry("many", "retry", n, NOON) for n in range(1, 2 * HIGHEST_LIMIT + 2)])
    rows = list(csv.DictReader(io.StringIO((await browser.client.get("audit.csv?actor=many")).text)))
    assert [int(row["subject_number"]) for row in rows] == list(range(2 * HIGHEST_LIMIT + 1, 0, -1))
    first = await browser.page("audit?actor=many")
    assert first.count('<td data-label="Who">') == 50
    assert "Older ones" in words(first)


async def test_times_are_those_of_the_person(api: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.OPERATOR)
    await written(api)
    assert (await browser.send("me", time_zone="Asia/Tokyo", language="en")).status_code == 303
    shown = words(await browser.page("audit?from=2026-03-01T21:01&to=2026-03-01T22:00"))
    assert ("cancel" in shown, "mark done" in shown) == (True, False)


async def test_what_can_not_be_right_is_named_and_nobody_reads_it_without_a_session(api: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.VIEWER)
    for query, field in (
        ("object=7", "object"), ("object=operation+x", "object"), ("from=soon", "from"), ("to=2026-13-01", "to"),
        ("from=0001-01-01T00:00%2B23:00", "from"), ("after=nonsense", "after"),
    ):  # fmt: skip
        assert f"{field} :" in words(await browser.page(f"audit?{query}", status=422)), query
    assert (await browser.client.get("audit.csv?object=7")).status_code == 422
    browser.client.cookies.clear()
    for path in ("audit", "audit.csv"):
        answer = await browser.client.get(path)
        assert (answer.status_code, answer.headers["location"][:6]) == (303, "log-in")


async def test_no_filter_costs_more_the_longer_the_audit_is(api: Api) -> None:
    async with api.database.write() as session:
        for model, rows in rows_of_years():
            if model is AuditEntry:
                await (await session.connection()).execute(sa.insert(model), rows)
    plans = Plans(api)
    wrong: list[str] = []
    for wanted in (
        AuditWanted(actor=["nobody"]), AuditWanted(action=["nothing"]), AuditWanted(since=NOON),
        AuditWanted(subject="operation", subject_number=5), AuditWanted(until=NOON),
    ):  # fmt: skip
        with plans.watched() as complaints:
            async with api.database.read() as session:
                await search_audit(session, PageRequest(20), wanted)
        by_time = bool(wanted.since or wanted.until)
        wrong += [said for said in complaints if not (by_time and "rowid" in said.splitlines()[0])]
    assert wrong == []


async def test_the_api_finds_the_same_as_the_page_by_the_same_filters_and_no_shop_reads_it(
    api: Api, log_in: LogIn
) -> None:
    await written(api)
    for asked, by in (
        ("", ["boris mark_done", "boris retry", "olga cancel", "olga retry"]),
        ("actor=boris&actor=nobody", ["boris mark_done", "boris retry"]),
        ("actor=boris&actor=olga&action=retry", ["boris retry", "olga retry"]),
        ("object=operation+7", ["boris retry", "olga retry"]),
        ("after=2026-03-01T12:01:00Z&before=2026-03-01T13:00:00Z", ["olga cancel"]),
    ):
        answer = await api.operator.get(f"/v1/audit?{asked}")
        assert answer.status_code == 200, answer.text
        assert [f"{one['actor']} {one['action']}" for one in answer.json()["items"]] == by, asked
    [first] = (await api.operator.get("/v1/audit?limit=1&action=retry")).json()["items"]
    assert (first["subject"], first["subject_number"], first["changes"]) == ("operation", 7, {"price": ["1", "2"]})
    second = await api.operator.get("/v1/audit?limit=1")
    cursor = second.json()["next_cursor"]
    assert [one["action"] for one in (await api.operator.get(f"/v1/audit?cursor={cursor}")).json()["items"]] == [
        "retry", "cancel", "retry"
    ]  # fmt: skip
    for wrong, field in (("object=7", "object"), ("after=soon", "after"), ("cursor=x", "cursor"), ("who=x", "who")):
        refused = await api.operator.get(f"/v1/audit?{wrong}")
        assert (refused.status_code, refused.json()["field"]) == (422, field), refused.text
    assert (await api.shop.get("/v1/audit")).status_code == 403
    exported = (await api.operator.get("/v1/audit?format=csv&action=cancel")).text
    browser = await log_in(Role.VIEWER)
    assert (await browser.client.get("audit.csv?action=cancel")).text == exported, "one way to write a file"
