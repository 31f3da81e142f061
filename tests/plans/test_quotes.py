"""Quotes and dry runs: the same answers as the request, and nothing of it is left behind."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel import select

from models.columns import utc_now
from models.enums import ServiceStatus
from models.order import IntakeKey, Operation, Service
from models.quote import StoredQuote
from models.tables import metadata
from orders.retention import QUOTE_FOR, Keep, prune
from tests.plans.catalogue import BIG
from tests.storefront.api import RIVAL, Api, assert_problem

OPEN = {"kind": "open", "plan": BIG, "period_months": 1, "customer": "c-17", "addons": {"backup": True, "panel": "pro"}}


PLAIN = {**OPEN, "addons": {}}


async def quote(api: Api, body: dict[str, Any] = OPEN, *, staff: bool = False) -> dict[str, Any]:
    answer = await (api.operator if staff else api.shop).post("/v1/quotes", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def order_of(body: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ("kind", "service")} | more


async def rows(api: Api) -> dict[str, int]:
    async with api.database.read() as session:
        return {
            name: (await session.exec(select(sa.func.count()).select_from(table))).one()
            for name, table in metadata.tables.items()
        }


async def test_a_quote_has_the_selling_price_with_its_parts_and_orders_nothing(shop: Api) -> None:
    before = await rows(shop)
    found = await quote(shop)
    assert (found["possible"], found["problems"]) == (True, [])
    assert found["selling"]["total"] == {"amount": "13.40", "currency": "EUR"}
    assert [(one["what"], one["price"]["amount"]) for one in found["selling"]["parts"]] == [
        (f"{BIG} for 1 month", "9.90"),
        ("backup on", "2.00"),
        ("panel pro", "1.50"),
    ]
    assert found["next_expiry"] > utc_now().date().isoformat()
    assert await rows(shop) == before | {"quote": before["quote"] + 1}


async def test_costs_are_for_operators_and_what_the_upstream_did_not_say_is_said(shop: Api) -> None:
    """This process has no password of the account, so it can't ask: the catalogue's cost counts."""
    for_shop, for_us = await quote(shop), await quote(shop, staff=True)
    assert [for_shop[name] for name in ("cost", "margin", "price")] == [None, None, None]
    assert for_shop["upstream_asked"] is False
    assert for_shop["upstream_said"] == "the upstream can't be asked at the moment"
    assert for_us["cost"] == {"amount": "3.00", "currency": "EUR"}
    assert for_us["margin"] == {"amount": "10.40", "currency": "EUR"}
    assert for_us["price"]["source"] == "catalogue"
    assert "main" in for_us["upstream_said"]
    assert for_shop["money"] == for_us["money"] == "unknown"
    assert not any(word in str(for_shop) for word in ("3.00", "'main", "password"))


async def test_nobody_is_held_to_a_cost_that_lacks_a_part(shop: Api) -> None:
    """The upstream can't be asked, and the catalogue has no cost of the add-ons."""
    whole, partial = await quote(shop, {**OPEN, "addons": {}}, staff=True), await quote(shop, staff=True)
    assert "the cost of backup, panel is not in it" in partial["price"]["skipped"]
    async with shop.database.read() as session:
        kept = {one.name: one.cost for one in (await session.exec(select(StoredQuote))).all()}
    assert kept[whole["id"]] is not None
    assert kept[partial["id"]] is None


@pytest.mark.parametrize(
    "change",
    [
        {"plan": "nothing"},
        pytest.param({"period_months": 24}, marks=pytest.mark.proof),
        pytest.param({"addons": {"backup": "perhaps"}}, marks=pytest.mark.proof),
        {"addons": {"ram": 2}},
        pytest.param({"domain": "no domain"}, marks=pytest.mark.proof),
        pytest.param({"parameters": {"template": "x"}}, marks=pytest.mark.proof),
        {"agreed_cost_limit": "5.00 USD"},
        pytest.param({"plan": "gone"}, marks=pytest.mark.proof),
    ],
)
async def test_problems_are_those_of_the_order(shop: Api, change: dict[str, Any]) -> None:
    body = {**OPEN, **change}
    found = await quote(shop, body)
    refused = await shop.shop.post("/v1/services", json=order_of(body), headers={"Idempotency-Key": "k"})
    assert refused.status_code == 422
    assert found["id"] is None
    assert found["possible"] is False
    [problem] = found["problems"]
    assert refused.json()["field"] == problem["field"]
    assert refused.json()["detail"] == f"{problem['field']}: {problem['detail']}"


async def test_a_malformed_body_is_refused(shop: Api) -> None:
    for body, field in (
        ({"kind": "open"}, "plan"),
        ({"kind": "suspend", "service": 1}, "kind"),
        ({**OPEN, "quote": "q"}, "quote"),
        ({**OPEN, "junk": 1}, "junk"),
        ({**OPEN, "addons": {"ram": "2"}}, "addons.ram"),
        ({}, "kind"),
        ({"kind": ["open"]}, "kind"),
    ):
        assert_problem(await shop.shop.post("/v1/quotes", json=body), 422, "invalid-field", field)
    unknown = await shop.shop.post("/v1/quotes", json={"kind": "suspend", "service": 1})
    assert unknown.json()["detail"] == "kind: is none of 'open', 'prolong', 'change_plan', 'set_parameters'"
    missing = {"kind": "prolong", "service": 99, "period_months": 1}
    assert_problem(await shop.shop.post("/v1/quotes", json=missing), 404, "not-found")


async def ordered(api: Api, body: dict[str, Any], key: str, **headers: str) -> httpx.Response:
    return await api.shop.post("/v1/services", json=body, headers={"Idempotency-Key": key, **headers})


async def test_an_order_may_name_its_quote_and_is_held_to_its_cost(shop: Api) -> None:
    found = await quote(shop, PLAIN)
    answer = await ordered(shop, order_of(PLAIN, quote=found["id"], reference="invoice 7"), "by-quote")
    assert answer.status_code == 201, answer.text
    assert answer.json()["operation"]["quote"] == found["id"]
    async with shop.database.read() as session:
        operation = await session.get_one(Operation, answer.json()["operation"]["number"])
        stored = (await session.exec(select(StoredQuote).where(StoredQuote.name == found["id"]))).one()
    assert operation.agreed_limit is not None
    assert operation.agreed_limit == stored.cost
    again = await ordered(shop, order_of(PLAIN, quote=found["id"], reference="invoice 7"), "by-quote")
    assert (again.status_code, again.json()["service"]["number"]) == (200, answer.json()["service"]["number"])
    other = await ordered(shop, order_of(PLAIN, reference="invoice 7"), "by-quote")
    assert_problem(other, 422, "idempotency-key-reused", "Idempotency-Key")


async def test_a_lower_limit_of_the_order_s_own_counts(shop: Api) -> None:
    found = await quote(shop)
    answer = await ordered(shop, order_of(OPEN, quote=found["id"], agreed_cost_limit="1.00 EUR"), "k")
    assert answer.json()["operation"]["agreed_cost_limit"] is None, (
        "it might be what was quoted, which a shop is not told"
    )
    kept = await shop.operator.get(f"/v1/operations/{answer.json()['operation']['number']}")
    assert kept.json()["agreed_cost_limit"] == {"amount": "1.00", "currency": "EUR"}


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("unknown", "there is no quote 'q-unknown'"),
        pytest.param("foreign", "there is no quote", marks=pytest.mark.proof),
        pytest.param("of operators", "there is no quote", marks=pytest.mark.proof),
        ("expired", "was valid until"),
        pytest.param("another body", "is of another request", marks=pytest.mark.proof),
        pytest.param("another kind", "is of another request", marks=pytest.mark.proof),
    ],
)
async def test_a_quote_that_does_not_fit_is_refused_by_name(shop: Api, case: str, words: str) -> None:
    body, headers = order_of(OPEN), {}
    match case:
        case "unknown":
            name = "q-unknown"
        case "of operators":
            name = (await quote(shop, staff=True))["id"]
        case "another kind":
            service = (await shop.order("before", plan="VDS-1"))["service"]["number"]
            name = (await quote(shop, {"kind": "prolong", "service": service, "period_months": 1}))["id"]
        case _:
            name = (await quote(shop))["id"]
    if case == "foreign":
        headers = RIVAL
    if case == "another body":
        body["addons"] = {"backup": True}
    if case == "expired":
        async with shop.database.write() as session:
            stored = (await session.exec(select(StoredQuote).where(StoredQuote.name == name))).one()
            stored.valid_until = utc_now() - timedelta(seconds=1)
            session.add(stored)
    answer = await shop.stranger.post(
        "/v1/services",
        json=body | {"quote": name},
        headers={"Idempotency-Key": "k", "Authorization": shop.shop.headers["Authorization"], **headers},
    )
    assert words in assert_problem(answer, 422, "invalid-field", "quote")


async def test_what_is_done_to_a_service_is_quoted_and_ordered_in_the_same_way(shop: Api) -> None:
    service = (await shop.order("first", plan=BIG))["service"]["number"]
    bodies: list[tuple[dict[str, Any], str, str]] = [
        ({"kind": "prolong", "period_months": 12}, "post", "/prolong"),
        ({"kind": "set_parameters", "addons": {"backup": True}}, "patch", ""),
        ({"kind": "change_plan", "plan": "VDS-1", "drop_addons": True}, "post", "/change-plan"),
    ]
    for number, (body, method, path) in enumerate(bodies):
        found = await quote(shop, {**body, "service": service})
        assert found["possible"], found
        answer = await shop.shop.request(
            method,
            f"/v1/services/{service}{path}",
            json=order_of(body, quote=found["id"]),
            headers={"Idempotency-Key": f"q-{number}"},
        )
        assert (answer.status_code, answer.json()["operation"]["quote"]) == (201, found["id"]), answer.text
    for body, _, _ in bodies:
        foreign = await shop.stranger.post("/v1/quotes", json={**body, "service": service}, headers=RIVAL)
        assert assert_problem(foreign, 404, "not-found") == f"there is no service {service}"
    change = await quote(shop, {"kind": "change_plan", "service": service, "plan": "VDS-1", "drop_addons": True})
    assert change["needs_person"] is True
    assert change["why_a_person"][0].startswith("the upstream has no automatic change of this")
    assert change["selling"]["is_for"] == "each_period"
    trial = await quote(shop, {"kind": "prolong", "service": service, "period_months": 3})
    assert trial["problems"][0]["field"] == "period_months"


async def test_a_dry_run_answers_like_the_request_and_writes_nothing(shop: Api) -> None:
    before = await rows(shop)
    body = order_of(OPEN)
    tried = await shop.shop.post("/v1/services?dry_run=true", json=body, headers={"Idempotency-Key": "dry"})
    assert (tried.status_code, await rows(shop)) == (200, before), tried.text
    made = await ordered(shop, body, "dry")
    assert made.status_code == 201, "the key was not used up"
    same = ("customer", "plan", "parameters", "addons", "period_months", "renewal_owner", "processing_module", "status")
    assert {name: tried.json()["service"][name] for name in same} == {
        name: made.json()["service"][name] for name in same
    }
    assert tried.json()["operation"]["kind"] == made.json()["operation"]["kind"] == "open"
    replay = await shop.shop.post("/v1/services?dry_run=true", json=body, headers={"Idempotency-Key": "dry"})
    assert replay.json()["service"]["number"] == made.json()["service"]["number"]
    reused = await shop.shop.post(
        "/v1/services?dry_run=true", json=body | {"customer": "other"}, headers={"Idempotency-Key": "dry"}
    )
    assert_problem(reused, 422, "idempotency-key-reused", "Idempotency-Key")

    number = made.json()["service"]["number"]
    later = f"/v1/services/{number}?dry_run=true&at=end_of_term"
    assert_problem(await shop.shop.delete(later, headers={"Idempotency-Key": "later"}), 422, "invalid-field", "dry_run")
    before, number = await rows(shop), made.json()["service"]["number"]
    closing = await shop.shop.delete(f"/v1/services/{number}?dry_run=true", headers={"Idempotency-Key": "close"})
    assert (closing.status_code, closing.json()["operation"]["kind"]) == (200, "close")
    assert await rows(shop) == before
    async with shop.database.read() as session:
        service = await session.get_one(Service, number)
        opening = await session.get_one(Operation, made.json()["operation"]["number"])
        assert await session.get(IntakeKey, ("shop", "close")) is None
    assert (service.status.value, opening.called_off_at) == ("ordered", None)
    wrong = await shop.shop.post(
        f"/v1/services/{number}/prolong?dry_run=true", json={"period_months": 5}, headers={"Idempotency-Key": "p"}
    )
    assert_problem(wrong, 422, "invalid-field", "period_months")


async def test_the_spelling_of_a_switch_and_the_guard_of_a_term_are_nothing_that_is_bought(shop: Api) -> None:
    found = await quote(shop, {**OPEN, "addons": {"backup": True, "panel": "pro"}})
    spelled = order_of(OPEN, addons={"panel": "pro", "backup": "on"}, quote=found["id"])
    made = await ordered(shop, spelled, "k")
    assert made.status_code == 201, made.text
    number = made.json()["service"]["number"]
    async with shop.database.write() as session:
        service = await session.get_one(Service, number)
        service.status, service.expires_on = ServiceStatus.ACTIVE, date(2027, 3, 31)
    prolongation = {"kind": "prolong", "service": number, "period_months": 12}
    for quoted, asked in (
        (prolongation, {"expires_on": "2027-03-31"}),
        (prolongation | {"expires_on": "2027-03-31"}, {}),
    ):
        found = await quote(shop, quoted)
        answer = await shop.shop.post(
            f"/v1/services/{number}/prolong?dry_run=true",
            json=order_of(prolongation, quote=found["id"], **asked),
            headers={"Idempotency-Key": "p"},
        )
        assert answer.status_code == 200, answer.text


async def test_a_plan_that_is_not_on_sale_any_more_is_known(shop: Api) -> None:
    found = await quote(shop, {**OPEN, "plan": "gone"})
    assert found["problems"] == [{"field": "plan", "detail": "'gone' is not on sale any more"}]
    number = (await shop.order("first", plan=BIG))["service"]["number"]
    change = await quote(shop, {"kind": "change_plan", "service": number, "plan": "gone"})
    assert change["problems"] == [{"field": "plan", "detail": "'gone' is not on sale any more"}]


@pytest.mark.proof
async def test_old_quotes_are_removed(shop: Api) -> None:
    old, new = (await quote(shop))["id"], (await quote(shop))["id"]
    async with shop.database.write() as session:
        stored = (await session.exec(select(StoredQuote).where(StoredQuote.name == old))).one()
        stored.created_at = stored.valid_until = utc_now() - QUOTE_FOR - timedelta(minutes=1)
        session.add(stored)
    year = timedelta(days=365)
    removed = await prune(
        shop.database, Keep(events=year, hints=year, stages=year, snapshots=year, webhooks=year, messages=year)
    )
    assert removed["quotes"] == 1
    async with shop.database.read() as session:
        assert [one.name for one in (await session.exec(select(StoredQuote))).all()] == [new]
