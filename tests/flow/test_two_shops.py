"""A story for two storefronts on one upstream account: with tokens of the database, from order to hand-over."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from models.enums import OperationKind, Role, Stage
from models.webhooks import WebhookEndpoint
from orders.access import tokens
from orders.lifecycle.acceptance import AcceptedOrder
from orders.webhooks import endpoints
from storefront.app import create_app
from tests.flow.shop import Shop, Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer
from tests.webhooks.receiver import Received, Receiver, receiving
from tests.webhooks.sender import SECRET, SECRET_VARIABLE

ORDER = {"plan": "VDS-1", "period_months": 1}
CALM = 600.0


@pytest.fixture
async def shop(shop_database: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    async with open_shop(shop_database, temporal_server, upstream, idle_interval=CALM, webhook_private=True) as shop:
        yield shop


@dataclass
class Storefront:
    """One caller of the API, with a token of the database, and where it is told what happens."""

    name: str
    http: httpx.AsyncClient
    receiver: Receiver

    async def ask(self, method: str, path: str, body: object = None, *, key: str = "cart-1") -> httpx.Response:
        return await self.http.request(method, f"/v1{path}", json=body, headers={"Idempotency-Key": key})

    async def numbers(self, what: str) -> list[int]:
        return [one["number"] for one in (await self.ask("GET", what)).json()["items"]]

    async def services_told(self, kind: str) -> list[str]:
        """Of which services it has had this message, once it has had one."""

        def found() -> list[Received]:
            return self.receiver.of_type(kind)

        return [one.event["subject"] for one in await assert_eventually(found, message=f"{kind} is told")]


@pytest.fixture
async def people(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[dict[str, Storefront]]:
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    app = create_app(shop.resellflow, shop.settings)
    transport = httpx.ASGITransport(app)
    found: dict[str, Storefront] = {}
    async with AsyncExitStack() as stack:
        for name, role in (("amber", Role.STOREFRONT), ("birch", Role.STOREFRONT), ("olga", Role.OPERATOR)):
            receiver = stack.enter_context(receiving())
            async with shop.database.write() as session:
                made = await tokens.add(session, name, role, actor="test", of_settings={})
                owner = None if role is Role.OPERATOR else name
                endpoint = WebhookEndpoint(name=name, url=receiver.url, secret_env=SECRET_VARIABLE, owner=owner)
                await endpoints.add_endpoint(session, endpoint, private=True, actor="test")
            headers = {"Authorization": f"Bearer {made.secret}"}
            client = httpx.AsyncClient(transport=transport, base_url="http://api.test", headers=headers, timeout=45)
            found[name] = Storefront(name, await stack.enter_async_context(client), receiver)
        yield found
    await app.state.context.close()


async def completed(shop: Shop, answer: httpx.Response) -> dict[str, Any]:
    """The body of an accepted request, once its operation is completed."""
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    operation = body["operation"]
    kind = OperationKind(operation["kind"])
    await shop.until(AcceptedOrder(operation["service"], operation["number"], kind, "main", True), Stage.COMPLETED)
    return body


@pytest.mark.proof
async def test_two_storefronts_buy_side_by_side_and_neither_touches_what_is_the_others(
    shop: Shop, people: dict[str, Storefront]
) -> None:
    amber, birch, olga = people.values()
    first, second = [
        await completed(shop, await one.ask("POST", "/services", {**ORDER, "customer": f"customer-of-{one.name}"}))
        for one in (amber, birch)
    ]
    assert (first["service"]["number"], second["service"]["number"]) == (1, 2), "the same key, and two orders"
    assert (await amber.numbers("/services"), await birch.numbers("/services")) == ([1], [2])
    assert await olga.numbers("/services") == [2, 1]
    bought, sent = await shop.upstream.charges(), len(await shop.upstream.requests("*.suspend"))

    for method, path, body in (
        ("GET", "/services/1", None),
        ("GET", "/services/1/history", None),
        ("GET", "/operations/1/stream", None),
        ("POST", "/services/1/prolong", {"period_months": 1}),
        ("POST", "/services/1/suspend", {}),
        ("PATCH", "/services/1", {"domain": "taken.example"}),
        ("DELETE", "/services/1", None),
        ("POST", "/operations/1/cancel", {}),
    ):
        refused = await birch.ask(method, path, body, key=f"{method}{path}")
        assert refused.status_code == 404, (method, path, refused.text)
        assert "customer-of-amber" not in refused.text
    assert await shop.upstream.charges() == bought, "one charge an order, and nothing came of it"
    assert len(bought) == 2

    assert await amber.services_told("resellflow.operation.completed.v1") == ["1"]
    assert await birch.services_told("resellflow.operation.completed.v1") == ["2"]
    await assert_eventually(lambda: len(olga.receiver.of_type("resellflow.operation.completed.v1")) == 2)

    given = await olga.ask("PUT", "/services/1/owner", {"owner": "birch", "reason": "sold"})
    assert given.status_code == 200
    assert (await amber.ask("GET", "/services/1")).status_code == 404
    await completed(shop, await birch.ask("POST", "/services/1/suspend", {}, key="now-ours"))
    assert len(await shop.upstream.requests("*.suspend")) == sent + 1
    assert (await birch.ask("GET", "/services/1")).json()["status"] == "suspended"
    await assert_eventually(lambda: len(birch.receiver.of_type("resellflow.operation.completed.v1")) == 2)
    assert {one.event.get("subject") for one in amber.receiver.received} == {"1"}
    assert len(amber.receiver.of_type("resellflow.operation.completed.v1")) == 1, "what came after is not its own"
