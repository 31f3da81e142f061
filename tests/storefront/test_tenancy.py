"""Two shops: neither finds what belongs to the other, by any route of the OpenAPI document. On both databases."""

import re
from http import HTTPMethod
from typing import Any

import httpx
import sqlalchemy as sa
from sqlmodel import select

from models.audit import AuditEntry
from models.enums import EventKind, ServiceStatus, Stage, TaskMode
from models.events import UpstreamEvent, UpstreamSnapshot
from models.order import IntakeKey, Operation, Service, Task
from models.webhooks import WebhookEndpoint
from tests.storefront.api import ORDER, RIVAL, Api, assert_problem

METHODS = {method.value.lower() for method in HTTPMethod}
IN_BRACES = re.compile(r"\{\w+\}")
NOBODYS = 987654
ACCEPTED_OF_ITS_OWN = {("post", "/v1/services"), ("post", "/v1/quotes"), ("post", "/v1/webhooks")}
"""What a shop does for itself, and finds nothing by."""
BODIES: dict[str, object] = {
    "/prolong": {"period_months": 1},
    "/change-plan": {"plan": "VDS-2"},
    "patch": {"domain": "another.example"},
}
SECRETS = ("anna-of-a", "a-secret.example", "upstream.test", "a-words")


async def rival_asks(api: Api, method: str, path: str, key: str) -> httpx.Response:
    body = BODIES.get(method, next((body for end, body in BODIES.items() if path.endswith(end)), None))
    headers = {**RIVAL, "Idempotency-Key": key}
    return await api.stranger.request(method, path, json=body, headers=headers)


async def order_of_shop_a(api: Api) -> None:
    """Service, operation and task 1 of `shop`, with what may leak."""
    await api.order("cart-a", customer="anna-of-a")
    async with api.database.write() as session:
        service, task = await session.get_one(Service, 1), await session.get_one(Task, 1)
        service.name, service.status, service.upstream_number = "a-secret.example", ServiceStatus.ACTIVE, "1"
        task.mode, task.instructions, task.note = TaskMode.MANUAL, "go to https://upstream.test", "a-words"
        seen: dict[str, Any] = {"account_id": 1, "product_type": "vds", "service_id": 1, "status": 2}
        session.add(AuditEntry(actor="a-words", action="changed", subject="service", subject_number=1))
        session.add(UpstreamSnapshot(number="1", **seen))
        session.add(WebhookEndpoint(name="main", url="https://a-secret.example/", owner="shop", secret_env="X"))
        session.add(
            UpstreamEvent(
                event_id="e1", upstream_number="1", kind=EventKind.PARAMETERS_CHANGED, raw={"ip": "a-words"}, **seen
            )
        )


async def written(api: Api) -> list[int]:
    """Rows of operations, of the audit, and of keys."""
    async with api.database.read() as session:
        tables = (Operation, AuditEntry, IntakeKey)
        return [(await session.exec(select(sa.func.count()).select_from(table))).one() for table in tables]


async def test_no_route_finds_what_is_another_shops(api: Api) -> None:
    await order_of_shop_a(api)
    paths = (await api.shop.get("/openapi.json")).json()["paths"]
    walked = [
        (method, path)
        for path in paths
        if path.startswith("/v1/")
        for method in sorted(paths[path].keys() & METHODS)
        if (method, path) not in ACCEPTED_OF_ITS_OWN and not path.endswith("/hints")  # those are signed, not by a token
    ]
    assert len(walked) > 40
    before = await written(api)

    for turn, (method, path) in enumerate(walked):
        found = await rival_asks(api, method, IN_BRACES.sub("1", path.replace("{name}", "main")), f"walk-{turn}")
        assert not any(secret in found.text for secret in SECRETS), (method, path, found.text)
        if "{" not in path:
            empty = found.status_code == 200 and found.json().get("items") == []
            if path == "/v1/prices":
                assert found.status_code == 422, "what plans are sold for is the same for all"
                continue
            if path == "/v1/plans":
                assert found.status_code == 200, "and so is what can be ordered"
                continue
            own = path == "/v1/token" and found.json() == {"name": "rival", "role": "storefront"}
            assert own or empty or found.status_code == 403, (method, path, found.text)
            continue
        none = await rival_asks(api, method, IN_BRACES.sub(str(NOBODYS), path.replace("{name}", "main")), f"n-{turn}")
        told, expected = ((one.status_code, one.json().get("detail")) for one in (found, none))
        assert told[0] >= 400, (method, path, found.text)
        assert told == (expected[0], expected[1].replace(str(NOBODYS), "1")), (method, path)

    assert await written(api) == before, "nothing of it left a trace"


async def test_a_shop_that_sees_it_is_told_more_than_one_that_does_not(api: Api) -> None:
    """What the walk asks is well formed: the owner's answers are others."""
    await order_of_shop_a(api)
    for path in ("services/1", "operations/1", "tasks/1", "services/1/history"):
        assert (await api.shop.get(f"/v1/{path}")).status_code == 200, path
        assert (await api.operator.get(f"/v1/{path}")).status_code == 200, path
        assert_problem(await api.stranger.get(f"/v1/{path}", headers=RIVAL), 404, "not-found")
    for path in ("services", "operations", "tasks"):
        assert len((await api.shop.get(f"/v1/{path}")).json()["items"]) == 1, path
        assert len((await api.operator.get(f"/v1/{path}")).json()["items"]) == 1, path
    assert_problem(await api.shop.get("/v1/services/1/licence-key"), 409, "refused")
    assert_problem(await rival_asks(api, "get", "/v1/services/1/licence-key", "k"), 404, "not-found")
    assert "upstream.test" not in (await api.shop.get("/v1/tasks/1")).text, "no address of an upstream"
    assert "upstream.test" in (await api.operator.get("/v1/tasks/1")).text

    for number, (method, path) in enumerate([("post", "prolong"), ("post", "suspend"), ("patch", ""), ("delete", "")]):
        address = f"/v1/services/1/{path}".rstrip("/")
        assert_problem(await rival_asks(api, method, address, f"mine-{number}"), 404, "not-found")
    assert_problem(await rival_asks(api, "post", "/v1/operations/1/cancel", "c"), 404, "not-found")
    assert (await api.shop.post("/v1/operations/1/cancel")).status_code != 404


async def test_the_key_of_a_request_does_not_open_a_service_that_went_to_another(api: Api) -> None:
    """The owner is looked at before the key: what was accepted once is not told again to whom it is no more."""
    await order_of_shop_a(api)
    await api.enter(1, Stage.COMPLETED)

    async def prolong() -> httpx.Response:
        return await api.shop.post(
            "/v1/services/1/prolong", json={"period_months": 1}, headers={"Idempotency-Key": "p1"}
        )

    first = await prolong()
    assert first.status_code == 201, first.text
    unknown = await api.operator.put("/v1/services/1/owner", json={"owner": "nobody", "reason": "moved"})
    assert_problem(unknown, 422, "invalid-field", "owner")
    given = await api.operator.put("/v1/services/1/owner", json={"owner": "rival", "reason": "moved"})
    assert given.json()["owner"] == "rival"

    again = await prolong()
    ordered_again = await api.post_order("cart-a", customer="anna-of-a")

    assert_problem(again, 404, "not-found")
    assert_problem(ordered_again, 404, "not-found")
    assert (await api.stranger.get("/v1/services/1", headers=RIVAL)).json()["customer"] == "anna-of-a"
    newest = (await api.operator.get("/v1/services/1/history")).json()["items"][0]
    assert (newest["actor"], newest["note"]) == ("olga", "moved")
    assert newest["changes"] == {"owner": {"before": "shop", "after": "rival"}}


async def test_what_an_operator_orders_is_no_shops(api: Api) -> None:
    answer = await api.operator.post("/v1/services", json=dict(ORDER), headers={"Idempotency-Key": "by-olga"})

    assert answer.status_code == 201, answer.text
    assert_problem(await api.shop.get("/v1/services/1"), 404, "not-found")
    async with api.database.read() as session:
        assert (await session.get_one(Service, 1)).owner is None
