"""Lists sorted, searched, by time, and exported whole."""

import csv
import io
import json
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from starlette.types import Message, Scope

from models.columns import utc_now
from models.enums import OperationKind, Stage
from models.order import Operation, Service
from models.rows import table_of
from models.webhooks import WebhookEndpoint
from orders.tables import csv_rows
from orders.webhooks import fanout
from storefront import export
from tests.storefront.api import COLLEAGUE, RIVAL, Api, assert_problem
from tests.webhooks.sender import tell

DAYS = [date(2026, 5, 1), None, date(2026, 3, 1), date(2026, 3, 1), None, date(2027, 1, 1), date(2026, 3, 1)]
BY_EXPIRY = [3, 4, 7, 1, 6, 2, 5]
BY_EXPIRY_BACK = [6, 1, 7, 4, 3, 2, 5]


def service(number: int, **values: Any) -> Service:
    given = {"customer": f"c-{number}", "owner": "shop", "name": f"n{number}.example", "mark": f"m-{number}"} | values
    return Service(plan_id=1, product_type="vds", module_id=2, account_id=1, period_months=1, **given)


async def numbers(client: httpx.AsyncClient, path: str, **asked: Any) -> list[int]:
    """Of all pages."""
    found: list[int] = []
    cursor: str | None = None
    while True:
        answer = await client.get(path, params=asked | ({} if cursor is None else {"cursor": cursor}))
        assert answer.status_code == 200, answer.text
        found += [one["number"] for one in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


@pytest.mark.parametrize(
    "limit",
    [
        pytest.param(1, marks=pytest.mark.proof),
        2,
        pytest.param(3, marks=pytest.mark.proof),
        pytest.param(50, marks=pytest.mark.proof),
    ],
)
async def test_every_order_is_read_to_its_end_in_pages_of_any_size(api: Api, limit: int) -> None:
    await api.add(*(service(number, expires_on=day) for number, day in enumerate(DAYS, 1)))
    sorts = {
        "-created_at": [7, 6, 5, 4, 3, 2, 1],
        "created_at": [1, 2, 3, 4, 5, 6, 7],
        "expires_on": BY_EXPIRY,
        "-expires_on": BY_EXPIRY_BACK,
    }
    for sort, wanted in sorts.items():
        assert await numbers(api.shop, "/v1/services", sort=sort, limit=limit) == wanted, sort
    filtered = await numbers(api.shop, "/v1/services", sort="expires_on", limit=limit, customer=["c-7", "c-5", "c-1"])
    assert filtered == [7, 1, 5]


async def test_rows_that_come_between_two_pages_shift_nothing(api: Api) -> None:
    await api.add(*(service(number, expires_on=day) for number, day in enumerate(DAYS, 1)))
    for sort, wanted in (("expires_on", BY_EXPIRY), ("-expires_on", BY_EXPIRY_BACK), ("created_at", list(range(1, 8)))):
        first = (await api.shop.get("/v1/services", params={"sort": sort, "limit": 4})).json()
        early = date(2020, 1, 1) if sort == "expires_on" else date(2030, 1, 1)
        new = service(len(await numbers(api.shop, "/v1/services")) + 1, expires_on=early)
        await api.add(new)
        rest = await numbers(api.shop, "/v1/services", sort=sort, limit=4, cursor=first["next_cursor"])
        assert [one["number"] for one in first["items"]] == wanted[:4]
        assert [one for one in rest if one <= 7] == wanted[4:]
        other = await api.shop.get("/v1/services", params={"cursor": first["next_cursor"]})
        assert_problem(other, 422, "invalid-field", "cursor")
        async with api.database.write() as session:
            await (await session.connection()).execute(sa.delete(table_of(Service)).where(table_of(Service).c.id > 7))


async def test_text_is_found_wherever_a_service_has_it(api: Api) -> None:
    has: list[dict[str, Any]] = [
        *({"name": "Needle.example"}, {"ip": "10.needle"}, {"upstream_number": "9needle"}, {"mark": "rf-needle-4"}),
        *({"customer": "ACME NEEDLE"}, {"reference": "needle_100%"}, {"customer": "hay"}),
    ]
    await api.add(*(service(number, **one) for number, one in enumerate(has, 1)))
    await api.add(service(8, owner="rival", reference="needle"))
    assert await numbers(api.shop, "/v1/services", q="needle", limit=2) == [6, 5, 4, 3, 2, 1]
    assert await numbers(api.operator, "/v1/services", q="NEEDLE") == [8, 6, 5, 4, 3, 2, 1]
    assert await numbers(api.shop, "/v1/services", q="e_100%") == [6]
    assert await numbers(api.shop, "/v1/services", q="e%100") == []
    assert await numbers(api.shop, "/v1/services", reference=["needle_100%", "x"]) == [6]
    for q in ("x", "y" * 101):
        assert_problem(await api.shop.get("/v1/services", params={"q": q}), 422, "invalid-field", "q")


async def test_times_are_from_and_before(api: Api) -> None:
    begin = utc_now().replace(microsecond=0) - timedelta(days=10)
    at = [begin + timedelta(days=number) for number in range(4)]
    await api.add(*(service(number, created_at=moment) for number, moment in enumerate(at, 1)))
    for number, moment in enumerate(at, 1):
        ended = moment + timedelta(hours=1)
        operation = Operation(
            service_id=number, kind=OperationKind.OPEN, stage=Stage.COMPLETED, created_at=moment, ended_at=ended
        )
        await api.add(operation)
    between = {"created_after": at[1].isoformat(), "created_before": at[3].isoformat()}
    for path in ("/v1/services", "/v1/operations"):
        assert await numbers(api.shop, path, **between) == [3, 2]
        assert await numbers(api.shop, path, **between, sort="created_at", limit=1) == [2, 3]
    ends = {"ended_after": (at[1] + timedelta(hours=1)).isoformat(), "ended_before": at[3].isoformat()}
    assert await numbers(api.shop, "/v1/operations", **ends) == [3, 2]
    assert await numbers(api.shop, "/v1/operations", stage=["completed", "cancelled"]) == [4, 3, 2, 1]
    naive = await api.shop.get("/v1/services", params={"created_after": "2026-01-01T00:00:00"})
    assert_problem(naive, 422, "invalid-field", "created_after")


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text)))


MANY = 450


async def test_an_export_has_all_pages_and_only_what_the_caller_may_see(api: Api) -> None:
    await api.add(*(service(number) for number in range(1, MANY + 1)), service(MANY + 1, owner="rival"))
    listed = await numbers(api.shop, "/v1/services", limit=200)
    for headers, asked in (({}, {"format": "csv"}), ({"Accept": "text/csv"}, {})):
        async with api.shop.stream("GET", "/v1/services", params=asked, headers=headers) as stream:
            pieces = [piece async for piece in stream.aiter_raw()]
            assert len(pieces) >= 3, "page by page, not all at once"
        rows = rows_of(await api.shop.get("/v1/services", params=asked, headers=headers))
        assert [int(row["number"]) for row in rows] == listed == list(range(MANY, 0, -1))
    whole = (await api.shop.get("/v1/services", params={"format": "json"})).json()
    assert [one["number"] for one in whole["items"]] == listed
    assert whole["next_cursor"] is None
    assert whole["items"][:50] == (await api.shop.get("/v1/services")).json()["items"]
    assert len(rows_of(await api.operator.get("/v1/services?format=csv"))) == MANY + 1
    [own] = rows_of(await api.stranger.get("/v1/services?format=csv", headers=RIVAL))
    assert (own["number"], own["upstream"]) == (str(MANY + 1), '{"name": "main", "number": null}')
    filtered = rows_of(await api.shop.get("/v1/services?format=csv&sort=created_at&q=c-44"))
    assert [row["customer"] for row in filtered] == ["c-44", *(f"c-44{digit}" for digit in range(10))]
    assert len(rows_of(await api.shop.get("/v1/services?format=csv&limit=7"))) == 7


async def test_a_list_that_is_empty_has_its_columns_and_an_error_stays_one(sqlite_api: Api) -> None:
    empty = await sqlite_api.shop.get("/v1/services?format=csv")
    assert empty.text.startswith("number,customer,owner,")
    assert empty.text.count("\r\n") == 1
    assert 'filename="services.csv"' in empty.headers["content-disposition"]
    assert (await sqlite_api.shop.get("/v1/services?format=json")).json() == {"items": [], "next_cursor": None}
    for path, field in (("format=xml", "format"), ("format=csv&format=json", "format"), ("format=csv&q=x", "q")):
        assert_problem(await sqlite_api.shop.get(f"/v1/services?{path}"), 422, "invalid-field", field)
    assert_problem(await sqlite_api.stranger.get("/v1/services?format=csv"), 401, "unauthenticated")
    assert_problem(await sqlite_api.shop.get("/v1/incidents?format=csv"), 403, "forbidden")
    assert_problem(await sqlite_api.shop.get("/v1/services/9/history?format=csv"), 404, "not-found")
    assert (await sqlite_api.shop.get("/v1/prices", headers={"Accept": "text/csv"})).status_code == 422
    for path in ("operations", "tasks", "incidents", "drift", "webhooks/deliveries", "upstreams/main/events"):
        assert (await sqlite_api.operator.get(f"/v1/{path}?format=csv")).text.count("\r\n") == 1


async def test_an_export_that_cannot_be_finished_is_cut_off(sqlite_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has come is not taken for the whole list."""
    await sqlite_api.add(*(service(number) for number in range(1, MANY + 1)))
    begun = export._start

    def revoked(scope: Scope, wanted: str) -> Message:
        sqlite_api.callers._of_settings.clear()  # the token is valid no more
        return begun(scope, wanted)

    monkeypatch.setattr(export, "_start", revoked)
    with pytest.raises(httpx.RemoteProtocolError):
        await sqlite_api.shop.get("/v1/services?format=csv")


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        pytest.param("+1", marks=pytest.mark.proof),
        pytest.param("-1", marks=pytest.mark.proof),
        "@SUM(A1)",
        pytest.param("\t=1", marks=pytest.mark.proof),
        pytest.param("\r=1", marks=pytest.mark.proof),
        pytest.param("＝1", marks=pytest.mark.proof),
    ],
)
async def test_a_spreadsheet_calculates_nothing_that_somebody_wrote(sqlite_api: Api, text: str) -> None:
    [line] = csv.reader(io.StringIO(csv_rows(["a", "b"], [{"a": text, "b": -5}])))
    assert line == [f"'{text}", "-5"]
    if text.isprintable():
        await sqlite_api.order("cart-1", customer=text, reference=text, metadata={"k": text})
        [row] = rows_of(await sqlite_api.operator.get("/v1/services?format=csv", headers=COLLEAGUE))
        assert (row["customer"], row["reference"]) == (f"'{text}", f"'{text}")
        assert json.loads(row["metadata"]) == {"k": text}


@pytest.mark.proof
async def test_every_list_of_the_document_can_be_exported_in_both_forms(sqlite_api: Api) -> None:
    """What has `items` is a list. A batch is none: it is one decision, and what became of it."""
    api = sqlite_api
    await api.order("cart-1", customer="=1+1")
    await api.add(WebhookEndpoint(name="hooks", url="https://shop.example.com/", secret_env="X"))
    document = (await api.operator.get("/openapi.json")).json()
    shapes = document["components"]["schemas"]
    walked = set()
    for path, methods in document["paths"].items():
        if "get" not in methods or "application/json" not in methods["get"]["responses"]["200"].get("content", {}):
            continue
        schema = methods["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        shape = shapes.get(schema.get("$ref", "").rpartition("/")[2], schema)
        if "items" not in shape.get("properties", {}) or path == "/v1/operations/batch/{number}":
            continue
        walked.add(path)
        assert "format" in {one["name"] for one in methods["get"]["parameters"]}, path
        address = path.replace("{number}", "1").replace("{name}", "main")
        as_csv = await api.operator.get(address, params={"format": "csv"})
        rows = rows_of(as_csv)
        [item] = [shapes[shape["properties"]["items"]["items"]["$ref"].rpartition("/")[2]]]
        assert as_csv.text.split("\r\n")[0].split(",") == list(item["properties"]), path
        as_json = await api.operator.get(address, params={"format": "json"})
        assert "attachment" in as_json.headers["content-disposition"], path
        plain = (await api.operator.get(address)).json()
        assert as_json.json().keys() == plain.keys(), path
        assert len(rows) == len(as_json.json()["items"]) == len(plain["items"]), path
        assert (await api.operator.get(address, headers={"Accept": "text/csv"})).text.count("\r\n") == len(rows) + 1
        assert not any(text.startswith("=") for row in rows for text in row.values()), path
    assert {"/v1/services", "/v1/webhooks", "/v1/upstreams", "/v1/sweep", "/v1/events"} <= walked
    assert len(walked) >= 17, walked


@pytest.mark.proof
async def test_all_events_are_exported_up_to_now_with_the_cursor_for_those_to_come(sqlite_api: Api) -> None:
    api = sqlite_api
    await tell(api.database, *range(1, 402))
    while await fanout.fan_out(api.database):
        pass
    assert len(rows_of(await api.operator.get("/v1/events?format=csv"))) == 401
    whole = (await api.operator.get("/v1/events?format=json")).json()
    assert (len(whole["items"]), whole["more"]) == (401, False)
    assert len({one["id"] for one in whole["items"]}) == 401
    await tell(api.database, 500)
    await fanout.fan_out(api.database)
    [later] = (await api.operator.get("/v1/events", params={"cursor": whole["next_cursor"]})).json()["items"]
    assert later["data"]["task"] == 500
    assert rows_of(await api.operator.get("/v1/events?format=csv&start=now")) == []
    assert len(rows_of(await api.operator.get("/v1/events?format=csv&limit=3"))) == 3
    assert (await api.operator.get("/v1/events?format=json&limit=3")).json()["more"]
