"""From a storefront's or an operator's request to the upstream and back: API, workflow, simulator."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from models.enums import OperationKind, Stage
from orders.lifecycle.acceptance import AcceptedOrder
from settings import Settings
from storefront.app import create_app
from tests.flow.shop import Shop


@pytest.fixture
def shop(calm_shop: Shop) -> Shop:
    return calm_shop


@pytest.fixture
async def api(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    """The shop's API, and an operator at it."""
    token = SecretStr("token-of-ann")
    settings = Settings(**{**shop.settings.model_dump(), "operator_tokens": {"ann": token}})
    app = create_app(shop.resellflow, settings)
    transport = httpx.ASGITransport(app)
    headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://api.test", headers=headers, timeout=45
    ) as client:
        yield client
    await app.state.context.close()


async def ask(shop: Shop, api: httpx.AsyncClient, method: str, path: str, body: object = None) -> AcceptedOrder:
    """Ask for an operation on service 1, which is to be accepted."""
    answer = await api.request(
        method, f"/v1/services/1{path}", json=body, headers={"Idempotency-Key": f"{method}{path}{body}"}
    )
    assert answer.status_code == 201, answer.text
    operation = answer.json()["operation"]
    return AcceptedOrder(1, operation["number"], OperationKind(operation["kind"]), "main", created=True)


async def done(shop: Shop, api: httpx.AsyncClient, method: str, path: str, body: object = None) -> dict[str, Any]:
    """The operation, completed."""
    order = await ask(shop, api, method, path, body)
    await shop.until(order, Stage.COMPLETED)
    found: dict[str, Any] = (await api.get(f"/v1/operations/{order.operation}")).json()
    return found


@pytest.fixture
async def active(shop: Shop) -> None:
    """Service 1, active."""
    await shop.until(await shop.order(), Stage.COMPLETED)


@pytest.mark.proof
@pytest.mark.usefixtures("active")
async def test_a_service_is_led_through_its_life_by_requests(shop: Shop, api: httpx.AsyncClient) -> None:
    prolonged = await done(shop, api, "POST", "/prolong", {"period_months": 1})
    assert prolonged["cost"] == {"amount": "5.00", "currency": "EUR"}
    await done(shop, api, "POST", "/suspend", {"reason": "the invoice is not paid"})
    [item] = await shop.upstream.items()
    assert (item["status"], (await api.get("/v1/services/1")).json()["status"]) == (3, "suspended")
    await done(shop, api, "POST", "/resume")
    await done(shop, api, "PATCH", "", {"addons": {"ram": 4}, "renewal_owner": "upstream"})
    [item] = await shop.upstream.items()
    assert item["autoprolong"] == "1"
    assert (await api.get("/v1/services/1")).json()["renewal_owner"] == "upstream"
    await done(shop, api, "PATCH", "", {"renewal_owner": "resellflow"})
    [item] = await shop.upstream.items()
    assert item["autoprolong"] == "null"
    await done(shop, api, "DELETE", "")
    assert [item["status"] for item in await shop.upstream.items()] == [4]


@pytest.mark.proof
@pytest.mark.usefixtures("active")
async def test_a_new_password_is_at_the_upstream_and_nowhere_else(shop: Shop, api: httpx.AsyncClient) -> None:
    [before] = await shop.upstream.items()
    await shop.upstream.fault(function="service.changepassword", kind="cut", when="before", times=1)
    order = await ask(shop, api, "PATCH", "", {"password": "new"})
    await shop.until(order, Stage.COMPLETED, timeout=30)
    [after] = await shop.upstream.items()
    assert after["password"] not in ("", before["password"])
    assert (await shop.handle(order).fetch_history()).to_json().count("passw") == 0
    file = Path(shop.database_url.removeprefix("sqlite:///"))
    written = b"".join(part.read_bytes() for part in file.parent.glob(f"{file.name}*"))
    assert b"set_parameters" in written
    assert after["password"].encode() not in written


@pytest.mark.usefixtures("active")
@pytest.mark.proof
async def test_a_plan_change_by_hand_is_completed_once_the_upstream_shows_it(
    shop: Shop, api: httpx.AsyncClient
) -> None:
    order = await ask(shop, api, "POST", "/change-plan", {"plan": "VDS-2"})
    await shop.until_left_to_people(order.operation)
    waiting = await shop.operation(order.operation)
    assert waiting.cost is not None  # the upstream's quote, before anything is paid
    [task] = (await api.get("/v1/tasks?mode=manual&state=open")).json()["items"]
    address = f"/v1/tasks/{task['number']}"
    assert (await api.post(f"{address}/take")).json()["assignee"] == "ann"
    refused = await api.post(f"{address}/complete", json={"note": "done"})
    assert refused.status_code == 409, refused.text
    assert "not done yet" in refused.json()["detail"]
    [item] = await shop.upstream.items()
    await shop.upstream.admin("PATCH", f"/items/{item['id']}", {"pricelist": 59})
    completed = await api.post(f"{address}/complete", json={"note": "the disk is larger now"})
    assert completed.status_code == 200, completed.text
    assert completed.json()["state"] == "done"
    service = (await api.get("/v1/services/1")).json()
    assert (service["plan"], service["processing_module"]) == ("VDS-2", "main-vds")
    history = (await api.get(address)).json()["history"]
    told = [(entry["actor"], entry["action"]) for entry in history]
    assert told.index(("ann", "task_taken")) < told.index(("ann", "completed"))
    assert "the disk is larger now" in [entry["detail"].get("note") for entry in history]
