"""What is done to a service that is there: accepted once per key, or refused with what is wrong."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from models.catalogue import (
    MappedPeriod,
    PlanMapping,
    ProcessingModule,
    TariffPlan,
    TariffPlanPrice,
    UpstreamAccount,
)
from models.enums import ModuleKind, ServiceStatus, Stage
from models.order import Service
from orders.operations.prolong import Prolongation
from tests.storefront.api import Api, assert_problem

REQUESTS: list[tuple[str, str, object, str]] = [
    ("POST", "/prolong", {"period_months": 12}, "prolong"),
    ("POST", "/suspend", {"reason": "unpaid"}, "suspend"),
    ("POST", "/suspend", None, "suspend"),
    ("POST", "/resume", None, "resume"),
    ("PATCH", "", {"addons": {"ram": 2}, "domain": "v2.example.com", "renewal_owner": "upstream"}, "set_parameters"),
    ("PATCH", "", {"password": "new"}, "set_parameters"),
    ("POST", "/change-plan", {"plan": "VDS-3"}, "change_plan"),
    ("DELETE", "", None, "close"),
]


async def ask(
    client: httpx.AsyncClient, method: str, path: str, body: object = None, key: str | None = "k-1", number: int = 1
) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await client.request(method, f"/v1/services/{number}{path}", json=body, headers=headers)


async def sell_vds_3(api: Api) -> None:
    """A second plan that service 1 could have, with the add-ons that are asked for before it."""
    plan = TariffPlan(name="VDS-3", product_type="vds", resources={"disk_gb": 30})
    await api.add(plan)
    assert plan.id is not None
    mapping = PlanMapping(plan_id=plan.id, module_id=2, tariff="60", addons={"ram": "addon_61"})
    await api.add(mapping, TariffPlanPrice(plan_id=plan.id, period_months=1, amount=Decimal(9), currency="EUR"))
    assert mapping.id is not None
    cost = Decimal(6)
    period = MappedPeriod(
        mapping_id=mapping.id, period_months=1, upstream_period=1, cost_amount=cost, cost_currency="EUR"
    )
    await api.add(period)


async def opened(api: Api) -> Api:
    """Service 1, of which the opening is over."""
    await api.order()
    await api.enter(1, Stage.COMPLETED)
    await sell_vds_3(api)
    return api


@pytest.fixture
async def serving(sqlite_api: Api) -> Api:
    return await opened(sqlite_api)


async def test_every_kind_is_accepted_once_per_key_and_goes_in_its_turn(api: Api) -> None:
    serving = await opened(api)
    for number, (method, path, body, kind) in enumerate(REQUESTS, start=2):
        first = await ask(serving.shop, method, path, body, f"k-{number}")
        again = await ask(serving.shop, method, path, body, f"k-{number}")

        assert (first.status_code, again.status_code) == (201, 200), first.text + again.text
        assert first.headers["Location"] == again.headers["Location"] == f"/v1/operations/{number}"
        assert first.json()["service"]["number"] == 1
        operation = first.json()["operation"]
        assert (operation["number"], operation["kind"], operation["actor"]) == (number, kind, "shop")
        assert operation["stage"] == "queued" or number == 2 or kind == "close"
        shown = (await serving.shop.get(first.headers["Location"])).json()
        assert shown["number"] == number


async def test_a_key_stands_for_one_request_for_ever(serving: Api) -> None:
    change = ("POST", "/change-plan", {"plan": "VDS-3"})
    assert (await ask(serving.shop, *change)).status_code == 201
    async with serving.database.write() as session:  # it has been done meanwhile
        (await session.get_one(Service, 1)).plan_id = 3

    again = await ask(serving.shop, *change)
    other_plan = await ask(serving.shop, "POST", "/change-plan", {"plan": "VDS-1"})
    other_kind = await ask(serving.shop, "POST", "/resume")

    assert again.status_code == 200, again.text
    for answer in (other_plan, other_kind):
        assert_problem(answer, 422, "idempotency-key-reused", "Idempotency-Key")


async def test_nothing_can_be_done_to_a_closed_service(serving: Api) -> None:
    async with serving.database.write() as session:
        (await session.get_one(Service, 1)).status = ServiceStatus.CLOSED

    for method, path, body, _ in REQUESTS:
        detail = assert_problem(await ask(serving.shop, method, path, body), 409, "refused")
        assert "closed" in detail


async def test_a_closing_before_anything_was_sent_ends_both_in_its_answer(api: Api) -> None:
    await api.order()
    first = await ask(api.shop, "DELETE", "")
    again = await ask(api.shop, "DELETE", "")

    assert (first.status_code, again.status_code) == (201, 200), first.text
    assert first.json() == again.json()
    assert first.headers["Location"] == "/v1/operations/2"
    assert first.json()["service"]["status"] == "closed"
    closing = first.json()["operation"]
    assert (closing["kind"], closing["stage"], closing["cost"]) == ("close", "cancelled", None)
    opening = (await api.shop.get("/v1/operations/1")).json()
    assert (opening["stage"], opening["called_off_by"]) == ("cancelled", "shop")
    assert "closed" in assert_problem(await ask(api.shop, "DELETE", "", key="k-2"), 409, "refused")


async def test_a_body_that_may_be_left_out_may_be_left_out_in_any_way(serving: Api) -> None:
    json = {"Content-Type": "application/json"}
    for number, (headers, content) in enumerate(
        [({}, None), (json, None), (json, b""), (json, b"null"), (json, b"{}")]
    ):
        answer = await serving.shop.post(
            "/v1/services/1/suspend", headers={**headers, "Idempotency-Key": f"k-{number}"}, content=content
        )
        assert answer.status_code == 201, (headers, content, answer.text)


async def test_only_an_operator_suspends_urgently_and_the_reason_is_audited(serving: Api) -> None:
    urgent = {"urgent": True, "reason": "it sends spam"}
    assert_problem(await ask(serving.shop, "POST", "/suspend", urgent), 403, "forbidden")

    answer = await ask(serving.operator, "POST", "/suspend", urgent)

    assert answer.status_code == 201, answer.text
    audit = (await serving.operator.get(f"{answer.headers['Location']}/audit")).json()["items"]
    assert [entry["detail"].get("reason") for entry in audit if entry["action"] == "operation_accepted"] == [
        "it sends spam"
    ]


WRONG: list[tuple[str, str, Any, str]] = [
    ("POST", "/prolong", {"period_months": 5}, "period_months"),
    ("POST", "/prolong", {"period_months": "1"}, "period_months"),
    ("POST", "/prolong", {}, "period_months"),
    ("POST", "/prolong", None, "body"),
    ("POST", "/suspend", {"urgent": "yes"}, "urgent"),
    ("POST", "/suspend", {"reason": " "}, "reason"),
    ("POST", "/change-plan", {"plan": "VDS-9"}, "plan"),
    ("POST", "/change-plan", {"plan": "VDS-2"}, "plan"),
    ("POST", "/change-plan", {"plan": "VDS-1"}, "plan"),
    ("PATCH", "", {}, "addons"),
    ("PATCH", "", {"addons": {"wings": 1}}, "addons.wings"),
    ("PATCH", "", {"addons": {"ram": -1}}, "addons.ram"),
    ("PATCH", "", {"addons": {"ram": "2"}}, "addons.ram"),
    ("PATCH", "", {"addons": {"ram": True}}, "addons.ram"),
    ("PATCH", "", {"addons": {"ram": 1.5}}, "addons.ram"),
    ("POST", "/change-plan", {"plan": "VDS-2", "drop_addons": "yes"}, "drop_addons"),
    ("PATCH", "", {"domain": "a\0.example"}, "domain"),
    ("PATCH", "", {"renewal_owner": "nobody"}, "renewal_owner"),
    ("PATCH", "", {"password": "s3cr3t-of-mine"}, "password"),
    ("PATCH", "", {"password": "new", "domain": "v2.example.com"}, "password"),
    ("PATCH", "", {"licence_key": "new"}, "licence_key"),
    ("PATCH", "", {"customer": "c-18"}, "customer"),
]


async def test_what_is_wrong_is_named(sqlite_api: Api) -> None:
    await sqlite_api.order()
    for method, path, body, field in WRONG:
        answer = await ask(sqlite_api.shop, method, path, body)

        assert_problem(answer, 422, "invalid-body" if field == "body" else "invalid-field", field)
        assert "s3cr3t" not in answer.text


@pytest.mark.parametrize(
    ("body", "field"),
    [({"password": "new"}, "password"), ({"renewal_owner": "upstream"}, "renewal_owner")],
    ids=["password", "renewal"],
)
async def test_what_the_kind_of_upstream_can_not_do_is_refused(serving: Api, body: dict[str, str], field: str) -> None:
    async with serving.database.write() as session:
        account = await session.get_one(UpstreamAccount, 1)
        account.kind, account.settings = "resellflow", {"token_env": "MAIN_TOKEN"}
    answer = await ask(serving.shop, "PATCH", "", body)
    assert "upstream main can't do this" in assert_problem(answer, 422, "invalid-field", field)
    assert [one["kind"] for one in (await serving.operator.get("/v1/operations?service=1")).json()["items"]] == ["open"]
    assert (await ask(serving.shop, "PATCH", "", {"renewal_owner": "resellflow"}, key="k-2")).status_code == 201

    async with serving.database.write() as session:
        hands = ProcessingModule(name="hands", kind=ModuleKind.MANUAL, product_type="vds", department="support")
        session.add(hands)
        await session.flush()
        service = await session.get_one(Service, 1)
        service.module_id, service.home_module_id = hands.id or 0, service.module_id
    during_a_task = await ask(serving.shop, "PATCH", "", body, key="k-3")
    assert_problem(during_a_task, 422, "invalid-field", field)

    async with serving.database.write() as session:
        (await session.get_one(Service, 1)).home_module_id = None
    assert (await ask(serving.shop, "PATCH", "", body, key="k-4")).status_code == 201, "people can do it"


async def test_an_operator_gives_a_service_to_another_module(serving: Api) -> None:
    await serving.add(ProcessingModule(name="hands", kind=ModuleKind.MANUAL, product_type="vds", department="support"))
    change = {"module": "hands", "reason": "their panel is away"}
    path = "/v1/services/1/module"
    assert_problem(await serving.shop.put(path, json=change), 403, "forbidden")
    for wrong, field in (({"module": "none"}, "module"), ({"reason": " "}, "reason"), ({"colour": "red"}, "colour")):
        assert_problem(await serving.operator.put(path, json=change | wrong), 422, "invalid-field", field)
    given = await serving.operator.put(path, json=change)
    assert given.json()["processing_module"] == "hands", given.text
    history = (await serving.operator.get("/v1/services/1/history")).json()["items"]
    assert [(one["action"], one["actor"], one["changes"]["processing_module"]["after"]) for one in history] == [
        ("module_set", "olga", "hands")
    ]
    assert_problem(await serving.operator.put("/v1/services/9/module", json=change), 404, "not-found")


async def test_only_licences_have_a_key(serving: Api) -> None:
    answer = await serving.shop.get("/v1/services/1/licence-key")
    assert "service 1 is a vds" in assert_problem(answer, 409, "refused")
    assert (await serving.shop.get("/v1/services/1")).json()["key_ready"] is None


async def test_without_key_or_service_there_is_nothing_to_accept(idle_api: Api) -> None:
    for method, path, body, _ in REQUESTS:
        if path == "/change-plan":
            body = {"plan": "VDS-1"}
        assert_problem(
            await ask(idle_api.shop, method, path, body, None), 400, "invalid-idempotency-key", "Idempotency-Key"
        )
        for number in (7, 10**30):
            assert_problem(await ask(idle_api.shop, method, path, body, number=number), 404, "not-found")


@pytest.mark.proof
async def test_every_request_may_say_why_and_the_key_remembers_it(serving: Api) -> None:
    """Without a reason a request is the same as before there were reasons, so old keys stay good."""
    for number, (method, path, body, _) in enumerate(REQUESTS, start=2):
        key, said = f"k-{number}", {**(body if isinstance(body, dict) else {}), "reason": f"because of {number}"}
        made = await ask(serving.operator, method, path, said, key)
        assert made.status_code == 201, made.text
        assert (await ask(serving.operator, method, path, said, key)).status_code == 200
        other = await ask(serving.operator, method, path, {**said, "reason": "another"}, key)
        assert_problem(other, 422, "idempotency-key-reused", "Idempotency-Key")
        audit = (await serving.operator.get(f"/v1/operations/{number}/audit")).json()["items"]
        accepted = [one for one in audit if one["action"] == "operation_accepted"]
        assert [one["detail"]["reason"] for one in accepted] == [f"because of {number}"]
    assert Prolongation(period_months=1).identity().keys() == {"period_months"}
