"""What a plan's document says: prices, add-ons, ways of buying it, and to whom it says what."""

from typing import Any
from urllib.parse import quote

import pytest
from sqlmodel import select

from models.catalogue import PlanMapping, TariffPlan, UpstreamAccount
from models.columns import utc_now
from models.enums import RenewalOwner
from tests.plans.catalogue import BIG
from tests.storefront.api import Api, assert_problem


async def shown(api: Api, name: str, *, staff: bool = False) -> dict[str, Any]:
    answer = await (api.operator if staff else api.shop).get(f"/v1/plans/{quote(name, safe='')}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_plan_says_what_it_is_sold_for_and_what_can_be_ordered_with_it(shop_api: Api) -> None:
    plan = await shown(shop_api, BIG)
    assert plan["orderable"] is True
    assert [(one["months"], one["price"]["amount"], one["renewal_price"]["amount"]) for one in plan["periods"]] == [
        (1, "9.90", "9.90"),
        (12, "99.00", "99.00"),
    ], "24 months have a price and no counterpart at the upstream: nobody can order them"
    by_name = {one["name"]: one for one in plan["addons"]}
    assert by_name["backup"]["kind"] == "switch"
    assert by_name["backup"]["price"] == {"amount": "2.00", "currency": "EUR"}
    assert [(one["name"], one["price"] and one["price"]["amount"]) for one in by_name["panel"]["choices"]] == [
        ("lite", "0.00"),
        ("pro", "1.50"),
        ("-1", None),
    ]
    assert plan["templates"] == [{"name": name, "months": [1, 12]} for name in ("debian-12", "ubuntu 24")]
    assert plan["parameters"]["properties"]["template"]["enum"] == ["debian-12", "ubuntu 24"]


async def test_a_period_says_who_renews_it_and_when(shop_api: Api) -> None:
    async with shop_api.database.write() as session:
        (await session.exec(select(TariffPlan).where(TariffPlan.name == BIG))).one().renewal_lead_days = 20
    before = await shown(shop_api, BIG)
    assert {(one["renewal_owner"], one["renewal_lead_days"]) for one in before["periods"]} == {("storefront", None)}
    async with shop_api.database.write() as session:
        for mapping in (await session.exec(select(PlanMapping))).all():
            mapping.renewed_by = RenewalOwner.AUTOMATIC
    plan = await shown(shop_api, BIG)
    leads = {one["months"]: (one["renewal_owner"], one["renewal_lead_days"]) for one in plan["periods"]}
    assert leads == {1: ("automatic", 14), 12: ("automatic", 20)}, "half of a term at most"


async def test_where_a_plan_is_bought_in_two_ways_the_one_that_an_order_takes_decides(shop_api: Api) -> None:
    plan = await shown(shop_api, "two ways", staff=True)
    ram = [one for one in plan["addons"] if one["name"] == "ram"]
    assert [(one["months"], one["min"], one["max"], one["step"]) for one in ram] == [
        ([1], 2, 16, 2),
        ([12], 0, None, 1),
    ]
    assert all((one["price"]["amount"], one["included"]) == ("0.50", 2) for one in ram)
    assert plan["templates"] == [{"name": "only here", "months": [12]}]
    taken = {one["module"]: [cost["months"] for cost in one["costs"] if cost["taken"]] for one in plan["mappings"]}
    assert taken == {"web": [1], "web-too": [12]}
    assert len(plan["order_schema"]["oneOf"]) == 2


async def test_what_has_no_next_term_has_no_price_of_a_renewal(shop_api: Api) -> None:
    plan = await shown(shop_api, "licence")
    renewals = {one["months"]: one["renewal_price"] and one["renewal_price"]["amount"] for one in plan["periods"]}
    assert renewals == {-100: None, 0: None, 1: "4.00"}
    for months, first in ((-100, "0.00"), (0, "300.00")):
        asked: dict[str, str | int] = {"plan": "licence", "period_months": months}
        found = (await shop_api.shop.get("/v1/prices", params=asked)).json()
        assert (found["price"]["amount"], found["missing"]) == (first, "")
        again = (await shop_api.shop.get("/v1/prices", params=asked | {"renewal": "true"})).json()
        assert (again["price"], again["missing"]) == (None, "it has no next term")
    quoted = {"kind": "open", "plan": "licence", "period_months": 0, "customer": "c", "parameters": {"ip": "192.0.2.1"}}
    quote = (await shop_api.shop.post("/v1/quotes", json=quoted)).json()
    assert quote["selling"]["parts"][0]["what"] == "licence for ever"


async def test_a_shop_sees_no_costs_accounts_or_modules(shop_api: Api) -> None:
    for name in (BIG, "two ways", "by people"):
        plan = await shown(shop_api, name)
        assert plan.pop("mappings") is None
        assert not any(word in str(plan) for word in ("'main", "web-too", "3.00", "hands", "'t-"))
        costs = (await shown(shop_api, name, staff=True))["mappings"][0]["costs"]
        assert costs[0]["cost"] == {"amount": "3.00", "currency": "EUR"}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("gone", "not on sale any more"),
        ("VDS-2", "not mapped"),
        ("unpriced", "no period of it has both"),
    ],
)
async def test_a_plan_that_can_t_be_ordered_says_why(shop_api: Api, name: str, why: str) -> None:
    plan = await shown(shop_api, name)
    assert plan["orderable"] is False
    assert why in plan["not_orderable_because"]
    assert plan["periods"] == [] or name == "gone"
    refused = await shop_api.post_order(f"refused-{name}", plan=name)
    assert refused.status_code == 422
    assert plan["order_schema"]["not"] == {}


@pytest.mark.parametrize("path", ["%42ig%20%2F%202%20cores%2C%20%C3%BCn%C3%AF", "Big%20/%202%20cores,%20%C3%BCn%C3%AF"])
async def test_a_name_may_hold_spaces_and_slashes(shop_api: Api, path: str) -> None:
    assert (await shop_api.shop.get(f"/v1/plans/{path}")).json()["name"] == BIG


@pytest.mark.parametrize("path", ["nothing", "Big", "a/b", "VDS-1/", "", "vds-1"])
async def test_what_is_no_plan_is_not_found(shop_api: Api, path: str) -> None:
    detail = assert_problem(await shop_api.shop.get(f"/v1/plans/{path}"), 404, "not-found")
    assert detail == f"there is no tariff plan {path!r}"


async def test_the_list_is_paged_and_filtered(shop_api: Api) -> None:
    async def names(**wanted: Any) -> list[str]:
        found: list[str] = []
        cursor = None
        while True:
            page = (
                await shop_api.shop.get("/v1/plans", params={**wanted, **({"cursor": cursor} if cursor else {})})
            ).json()
            found += [one["name"] for one in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    everything = await names()
    assert everything[-1] == "VDS-1"
    assert len(everything) == len(set(everything)) == 10
    assert await names(limit=3) == everything
    assert await names(active="false") == ["gone"]
    assert await names(product_type=["soft", "dedic"]) == ["by people", "licence"]
    assert await names(product_type="vds", active="true", limit=1) == ["unpriced", BIG, "VDS-2", "VDS-1"]
    assert_problem(await shop_api.shop.get("/v1/plans", params={"activ": "true"}), 422, "invalid-field", "activ")


async def test_what_it_may_be_changed_to_is_what_the_change_accepts(shop_api: Api) -> None:
    plan = await shown(shop_api, "VDS-1")
    [change] = plan["may_change_to"]
    assert (change["plan"], change["months"], change["needs_person"]) == (BIG, [1, 12], True)
    assert change["why"] == "the upstream has no automatic change of this: disk_gb 30 → 60"
    assert (await shown(shop_api, "domain"))["may_change_to"] == []

    order = (await shop_api.order("to-change"))["service"]["number"]
    for target in ("VDS-2", BIG, "gone", "unpriced", "two ways"):
        answer = await shop_api.shop.post(
            f"/v1/services/{order}/change-plan",
            json={"plan": target},
            headers={"Idempotency-Key": f"change {target!a}"},
        )
        assert (answer.status_code == 201) is (target == BIG), (target, answer.text)


async def test_an_account_that_is_out_of_order_makes_its_plans_unavailable(shop_api: Api) -> None:
    assert (await shown(shop_api, "VDS-1"))["availability"]["status"] == "unknown", "nobody has asked the upstream"
    since = utc_now()

    async def account(**values: Any) -> None:
        async with shop_api.database.write() as session:
            row = (await session.exec(select(UpstreamAccount))).one()
            for name, value in values.items():
                setattr(row, name, value)
            session.add(row)

    await account(unhealthy_reason="reseller: wrong password at https://upstream.test", unhealthy_since=since)
    try:
        plan = await shown(shop_api, "VDS-1")
        told = plan["availability"]
        assert (told["status"], told["cause"]) == ("unavailable", "account_unhealthy")
        assert told == plan["periods"][0]["availability"]
        assert "upstream.test" not in str(plan)
        assert told["reason"]
        assert told["known_since"]
        mapping = (await shown(shop_api, "VDS-1", staff=True))["mappings"][0]
        assert mapping["availability"]["reason"] == "reseller: wrong password at https://upstream.test"
        assert (await shown(shop_api, "by people"))["availability"]["status"] == "unknown"
    finally:
        await account(unhealthy_reason=None, unhealthy_since=None)
