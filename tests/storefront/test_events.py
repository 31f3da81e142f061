"""GET /v1/events: what webhooks send, for whoever was away; and what the shop had written, in both."""

import json
from typing import Any

import httpx
import pytest

from models.enums import FailureClass, MessageType, Stage
from models.webhooks import WebhookEndpoint
from orders.lifecycle.stages import enter, locked_operation
from orders.webhooks import endpoints, fanout
from tests.infrastructure.eventually import assert_eventually
from tests.storefront.api import RIVAL, Api, assert_problem
from tests.storefront.test_life_api import ask
from tests.storefront.test_references import WRITTEN
from tests.webhooks.receiver import receiving
from tests.webhooks.sender import SECRET, SECRET_VARIABLE, sending

FUNDS = "17.00 EUR are needed, 12.34 EUR are free; operation 4711 of service 4712 is before it"


async def attention(api: Api, operation: int, stage: Stage = Stage.WAITING_FOR_FUNDS) -> None:
    async with api.database.write() as session:
        await enter(session, await locked_operation(session, operation), stage, FUNDS, failure=FailureClass.FUNDS)


async def events(
    client: httpx.AsyncClient, headers: dict[str, str] | None = None, **asked: Any
) -> list[dict[str, Any]]:
    answer = await client.get("/v1/events", params=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["more"] is False
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_it_has_what_the_webhooks_send_to_each_with_the_same_ids_and_bodies(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    with receiving() as ours, receiving() as shops:
        async with api.database.write() as session:
            for name, owner, receiver in (("ours", None, ours), ("shops", "shop", shops)):
                endpoint = WebhookEndpoint(name=name, url=receiver.url, secret_env=SECRET_VARIABLE, owner=owner)
                await endpoints.add_endpoint(session, endpoint, private=True, actor="ann")
        await api.order("cart-1", **WRITTEN)
        await attention(api, 1)
        await api.enter(1, Stage.COMPLETED)
        own = {"reference": "ticket 9", "metadata": {"by": "olga"}}
        asked = await ask(api.operator, "POST", "/prolong", {"period_months": 1, **own}, "secret-of-olga")
        assert asked.status_code == 201
        await attention(api, 2)
        async with sending(api.database):
            await assert_eventually(lambda: len(ours.received) == len(shops.received) == 3, timeout=30)
    for client, receiver, reader in ((api.operator, ours, "staff"), (api.shop, shops, "shop")):
        listed = await events(client)
        assert {one["id"]: one for one in listed} == {one.id: one.event for one in receiver.received}, reader
        first, _, third = (one["data"] for one in listed)
        assert (first["reference"], first["metadata"]) == (WRITTEN["reference"], WRITTEN["metadata"])
        assert (first["operation_reference"], first["operation_metadata"]) == (*WRITTEN.values(),)
        assert first["idempotency_key"] == "cart-1"
        assert third["reference"] == WRITTEN["reference"]
        of_request = (third["idempotency_key"], third["operation_reference"], third["operation_metadata"])
        assert of_request == (("secret-of-olga", *own.values()) if reader == "staff" else (None, None, {}))
    assert "12.34" in json.dumps(await events(api.operator))
    assert "12.34" not in json.dumps(await events(api.shop))
    shown = (await api.shop.get("/v1/operations/2")).json()
    assert (shown["reference"], shown["metadata"]) == (None, {}), "it is olga's own"


async def test_messages_have_what_was_written_when_it_happened_and_keep_it(sqlite_api: Api) -> None:
    api = sqlite_api
    await api.order("cart-1", reference="before")
    await attention(api, 1)
    await fanout.fan_out(api.database)
    await api.shop.patch("/v1/services/1/reference", json={"reference": "after", "metadata": {"k": "v"}})
    await api.enter(1, Stage.COMPLETED)
    await fanout.fan_out(api.database)
    told = [(one["data"]["reference"], one["data"]["metadata"]) for one in await events(api.shop)]
    assert told == [("before", {}), ("after", {"k": "v"})]


async def test_a_storefront_sees_its_own_and_what_is_handed_over_goes(api: Api) -> None:
    await api.order("cart-1")
    await attention(api, 1)
    await fanout.fan_out(api.database)
    assert len(await events(api.shop)) == 1
    assert await events(api.stranger, RIVAL) == []
    moved = await api.operator.put("/v1/services/1/owner", json={"owner": "rival", "reason": "sold"})
    assert moved.status_code == 200
    await api.enter(1, Stage.COMPLETED)
    await fanout.fan_out(api.database)
    assert await events(api.shop) == [], "what is about another's service is not seen"
    [since] = await events(api.stranger, RIVAL)
    assert since["type"] == MessageType.OPERATION_COMPLETED, "and nothing of before"
    assert len(await events(api.operator)) == 2


async def test_filters_are_sets_and_pages_go_on_after_the_cursor(api: Api) -> None:
    for number in (1, 2, 3):
        await api.order(f"cart-{number}")
        await attention(api, number)
        await api.enter(number, Stage.COMPLETED)
    await fanout.fan_out(api.database)
    waiting, completed = MessageType.OPERATION_WAITING_FOR_FUNDS.value, MessageType.OPERATION_COMPLETED.value

    async def subjects(**asked: Any) -> list[tuple[str, str]]:
        return [(one["subject"], one["type"]) for one in await events(api.shop, **asked)]

    every = [(str(number), kind) for number in (1, 2, 3) for kind in (waiting, completed)]
    assert await subjects() == every
    assert await subjects(type=completed) == [one for one in every if one[1] == completed]
    assert await subjects(service=[1, 3]) == [one for one in every if one[0] != "2"]
    assert await subjects(service=[3, 1], type=[waiting, completed]) == [one for one in every if one[0] != "2"]
    page, read = (await api.shop.get("/v1/events", params={"limit": 4, "service": [3, 1, 2]})).json(), every[:4]
    assert [(one["subject"], one["type"]) for one in page["items"]] == read
    assert page["more"]
    assert await subjects(cursor=page["next_cursor"]) == every[4:]


async def test_wrong_questions_are_refused(idle_api: Api) -> None:
    for field, value in (("cursor", "x"), ("type", "closed"), ("service", "x"), ("start", "then"), ("limit", "201")):
        answer = await idle_api.shop.get("/v1/events", params={field: value})
        assert answer.status_code == 422
        assert answer.json()["field"].startswith(field)
    twice = await idle_api.shop.get("/v1/events?start=now&start=oldest")
    assert_problem(twice, 422, "invalid-field", "start")
    old = "ZmVlZCB0MDAwIDU"  # of another database
    assert_problem(await idle_api.shop.get("/v1/events", params={"cursor": old}), 410, "events-gone")
