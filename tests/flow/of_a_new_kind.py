"""Tests of a kind of operation that is not in the product; `test_new_kind` adds it to a copy of the tree and runs them.

The service gets another name: one call, which the form of its item proves. Its goal is the default one.
"""

from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr

from models.enums import OperationKind, Stage
from models.messages import TaskCompletion
from models.order import Task
from orders.lifecycle.acceptance import AcceptedOrder
from settings import Settings
from storefront.app import create_app
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually

EXAMPLE_KIND = OperationKind("example_kind")
NAME = "v2.example.com"


@pytest.fixture
async def api(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    token = SecretStr("token-of-ann")
    settings = Settings(**{**shop.settings.model_dump(), "operator_tokens": {"ann": token}})
    app = create_app(shop.resellflow, settings)
    headers = {"Authorization": f"Bearer {token.get_secret_value()}", "Idempotency-Key": "example"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://api.test", headers=headers, timeout=45
    ) as client:
        yield client
    await app.state.context.close()


async def test_it_is_asked_for_by_its_route_carried_out_and_completed(shop: Shop, api: httpx.AsyncClient) -> None:
    opened = await shop.order()
    await shop.until(opened, Stage.COMPLETED)
    path = f"/v1/services/{opened.service}/example-kind"

    refused = await api.post(path, json={"title": NAME})
    assert refused.status_code == 422, "what its request model does not know is refused"
    answer = await api.post(path, json={"name": NAME})
    assert answer.status_code == 201, answer.text
    document = answer.json()["operation"]
    assert (document["kind"], document["parameters"]) == ("example_kind", {"new_name": NAME})
    again = await api.post(path, json={"name": NAME})
    assert (again.status_code, again.json()["operation"]["number"]) == (200, document["number"])

    order = AcceptedOrder(opened.service, document["number"], EXAMPLE_KIND, "main", created=True)
    await shop.until(order, Stage.COMPLETED)
    assert len([one for one in await shop.upstream.requests("vds.edit") if one["committing"]]) == 1
    [item] = await shop.upstream.items()
    assert item["domain"] == NAME
    assert len(await shop.upstream.charges()) == 1, "the opening alone was charged"
    assert (await shop.service(opened.service)).parameters["named"] == NAME, "what it applies at its end"
    async with shop.database.read() as session:
        task = await session.get_one(Task, order.operation)
    assert task.title == f"Name service {opened.service} anew"
    description = await shop.handle(order).describe()
    assert (
        await description.static_summary()
        == f"example kind of service {opened.service} at main (operation {order.operation})"
    )


async def test_what_the_upstream_does_not_let_us_do_is_done_by_hand(shop: Shop, api: httpx.AsyncClient) -> None:
    opened = await shop.order()
    await shop.until(opened, Stage.COMPLETED)
    await shop.upstream.fault(function="vds.edit", sok=True, times=1, kind="error", error={"type": "access"})
    answer = await api.post(f"/v1/services/{opened.service}/example-kind", json={"name": NAME})
    order = AcceptedOrder(opened.service, answer.json()["operation"]["number"], EXAMPLE_KIND, "main", created=True)
    await shop.until(order, Stage.AWAITING_MANUAL_TASK)
    async with shop.database.read() as session:
        task = await session.get_one(Task, order.operation)
    assert "1. Do what the title says." in task.instructions
    looks = len(await shop.upstream.requests("vds"))

    async def two_more_polls() -> bool:
        return len(await shop.upstream.requests("vds")) >= looks + 2

    await assert_eventually(two_more_polls, timeout=30)
    assert (await shop.operation(order.operation)).stage is Stage.AWAITING_MANUAL_TASK, "the item is active anyway"
    await shop.resellflow.complete_task(task.id, TaskCompletion(actor="anna", note="named it"))
    await shop.until(order, Stage.COMPLETED)


async def test_it_is_in_the_api_s_document(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    route = document["paths"]["/v1/services/{number}/example-kind"]["post"]
    assert (route["operationId"], route["summary"]) == ("name_service", "Name a service anew")
    assert set(document["components"]["schemas"]["NewName"]["properties"]) == {
        "name",
        "reason",
        "reference",
        "metadata",
    }
    assert "example_kind" in document["components"]["schemas"]["OperationKind"]["enum"]
