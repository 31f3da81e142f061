"""A storefront's token is told what it pays, and never what we pay: in a story in which each of our costs is a number
that stands nowhere else, all that the storefront gets is searched for them."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from models.catalogue import MappedPeriod
from models.enums import OperationKind, Stage
from models.rows import table_of
from models.webhooks import WebhookEndpoint
from orders.lifecycle.acceptance import AcceptedOrder
from orders.webhooks import endpoints
from settings import Settings
from tests.flow.shop import Shop, Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer
from tests.storefront.api import OPERATOR_TOKEN, SHOP_TOKEN, running_api
from tests.webhooks.receiver import Receiver, receiving
from tests.webhooks.sender import SECRET, SECRET_VARIABLE

BY_CATALOGUE, OF_UPSTREAM, TOO_DEAR, SEEN_LATER, BEYOND_BELIEF = "5.37", "5.43", "6.81", "5.59", "987.61"
COSTS = {BY_CATALOGUE, OF_UPSTREAM, TOO_DEAR, SEEN_LATER, BEYOND_BELIEF}
OURS = re.compile(rf"(?<!\d)({'|'.join(map(re.escape, sorted(COSTS)))})(?:00)?(?!\d)")
"""Not a part of a moment, whose seconds have such digits, too."""
ORDER = {"plan": "VDS-1", "period_months": 1, "customer": "c-17"}
SELLING = "7.90 EUR"


@dataclass
class Told:
    """One who asks the API and has a webhook, and all that came."""

    http: httpx.AsyncClient
    receiver: Receiver
    came: list[tuple[str, str]] = field(default_factory=list)

    async def ask(self, method: str, path: str, body: object = None, *, key: str = "") -> httpx.Response:
        headers = {"Idempotency-Key": key or f"{method} {path}"}
        answer = await self.http.request(method, f"/v1{path}", json=body, headers=headers)
        self.came.append((f"{method} {path} {answer.status_code}", answer.text))
        return answer

    def leaks(self) -> list[tuple[str, str]]:
        """Where, and some text up to the number."""
        hooks = [(f"webhook {one.type}", one.body.decode()) for one in list(self.receiver.received)]
        found = [(where, text, match) for where, text in (*self.came, *hooks) for match in OURS.finditer(text)]
        return [(where, text[max(match.start() - 60, 0) : match.end()]) for where, text, match in found]


@pytest.fixture
async def shop(shop_database: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    async with open_shop(shop_database, temporal_server, upstream, idle_interval=0.5, webhook_private=True) as shop:
        async with shop.database.write() as session:
            costs = table_of(MappedPeriod).c
            dear = sa.update(MappedPeriod).where(costs.cost_amount == Decimal("5.00"))
            await session.exec(dear.values(cost_amount=Decimal(BY_CATALOGUE)))
        yield shop


@pytest.fixture
async def people(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Told, Told]]:
    """A storefront, and an operator."""
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    callers = {"storefront_tokens": f"shop={SHOP_TOKEN}", "operator_tokens": f"olga={OPERATOR_TOKEN}"}
    settings = Settings.model_validate(shop.settings.model_dump() | callers)
    async with running_api(shop.database, shop.client, settings) as api:
        with receiving() as amber, receiving() as olga:
            async with shop.database.write() as session:
                for owner, receiver in (("shop", amber), (None, olga)):
                    name = owner or "olga"
                    endpoint = WebhookEndpoint(name=name, url=receiver.url, secret_env=SECRET_VARIABLE, owner=owner)
                    await endpoints.add_endpoint(session, endpoint, private=True, actor="test")
            yield Told(api.shop, amber), Told(api.operator, olga)


async def price(shop: Shop, amount: str) -> None:
    await shop.upstream.admin("PATCH", "/pricelists/58", {"prices": {"1": amount}})


async def until(shop: Shop, answer: httpx.Response, *stages: Stage) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    operation: dict[str, Any] = answer.json()["operation"]
    order = AcceptedOrder(operation["service"], operation["number"], OperationKind(operation["kind"]), "main", True)
    await shop.until(order, *stages)
    return operation


async def see_all_lists(told: Told) -> None:
    """Every address that can be read, with the numbers of the story; lists as tables, too."""
    paths = (await told.http.get("/openapi.json")).json()["paths"]
    for path in sorted(paths):
        if "get" not in paths[path] or not path.startswith("/v1/"):
            continue
        for number in (1, 2, 3) if "{number}" in path else (0,):
            where = path.removeprefix("/v1").replace("{number}", str(number)).replace("{name}", "VDS-1")
            answer = await told.ask("GET", where)
            if answer.status_code == 200 and "items" in answer.text:
                await told.ask("GET", f"{where}?format=csv")


@pytest.mark.proof
async def test_a_storefront_is_told_no_cost_of_ours_anywhere(shop: Shop, people: tuple[Told, Told]) -> None:
    amber, olga = people
    await price(shop, OF_UPSTREAM)
    quote = (await amber.ask("POST", "/quotes", {"kind": "open", **ORDER})).json()
    opened = await until(shop, await amber.ask("POST", "/services", {**ORDER, "quote": quote["id"]}), Stage.COMPLETED)

    tried = {"kind": "open", **ORDER, "agreed_cost_limit": "0.01 EUR"}
    assert not (await amber.ask("POST", "/quotes", tried, key="tried")).json()["needs_person"], "no limit finds it out"
    assert (await olga.ask("POST", "/quotes", tried, key="tried")).json()["needs_person"]

    # dearer than is expected, and than the quote: a person has to look
    renewal = (await amber.ask("POST", "/quotes", {"kind": "prolong", "service": 1, "period_months": 1})).json()
    await price(shop, TOO_DEAR)
    asked = {"period_months": 1, "quote": renewal["id"]}
    prolonged = await until(shop, await amber.ask("POST", "/services/1/prolong", asked), Stage.NEEDS_ATTENTION)
    dearer = (await amber.ask("POST", "/quotes", {"kind": "open", **ORDER}, key="dearer")).json()
    await amber.ask("POST", f"/operations/{prolonged['number']}/cancel", {})
    item = (await shop.service(1)).upstream_number
    for amount, action in ((SEEN_LATER, "cost_changed"), (BEYOND_BELIEF, "held_back")):
        await shop.upstream.admin("PATCH", f"/items/{item}", {"cost": amount})

        async def recorded(action: str = action) -> bool:
            history = (await olga.ask("GET", "/services/1/history")).json()["items"]
            return any(one["action"] == action for one in history)

        await assert_eventually(recorded, message=f"{action} is in the history")
    held = "resellflow.service.held_back.v1"
    await assert_eventually(lambda: olga.receiver.of_type(held), message="everything is told")
    await assert_eventually(lambda: amber.receiver.of_type("resellflow.operation.cancelled.v1"))
    for one in (amber, olga):
        await see_all_lists(one)

    assert amber.leaks() == []
    seen = {found for _, text in olga.leaks() for found in OURS.findall(text)}
    assert seen == COSTS
    assert len(amber.came) > 60, "the walk went somewhere"
    read = (await amber.ask("GET", f"/operations/{opened['number']}")).json()
    assert (read["cost"], read["price"], read["agreed_cost_limit"]) == (None, {"selling": SELLING}, None)
    assert dearer["needs_person"]
    assert not amber.receiver.of_type("resellflow.service.cost_changed.v1")
