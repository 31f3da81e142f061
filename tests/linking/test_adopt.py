"""`resell adopt`: an item at the upstream becomes a service of ours."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from models.enums import RenewalOwner, ServiceStatus, Stage
from orders.errors import InvalidField, Refused
from orders.linking.linker import Linker
from orders.linking.requests import AdoptRequest, Outcome
from tests.flow.shop import Shop, Upstream, open_shop
from tests.infrastructure.databases import copy_of
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer
from tests.linking.conftest import Office
from tests.storefront.api import Api, assert_problem
from upstreams.connections import Connections


async def adopt(office: Office, item: str, key: str, **wish: Any) -> Outcome:
    request = AdoptRequest(**{"plan": "VDS-1", "customer": "c-17", **wish})
    return await office.linker.adopt(item, request, upstream=None, actor="ann", client="ann", key=key)


async def test_the_new_service_is_what_the_item_is(office: Office) -> None:
    item = await office.bought(ip="203.0.113.7", autoprolong="1", cost="4.20", addons={"61": "3"})
    arguments = ("adopt", item, "--plan", "VDS-1", "--customer", "c-17", "--actor", "ann", "--reason", "bought by hand")
    dry = (await office.shell.resell(*arguments, "--dry-run")).done()
    assert dry.lines == [f"dry run, nothing is changed: item {item} at main is service (a new one), if it is linked"]
    outcome = (await office.shell.resell(*arguments, "--json")).done().json
    service = await office.service(outcome["service"])
    assert service.id == 1, "the dry run made none"
    assert (service.upstream_number, service.status, service.ip) == (item, ServiceStatus.ACTIVE, "203.0.113.7")
    assert (service.name, service.customer, service.period_months) == ("v1.example.com", "c-17", 1)
    assert (service.cost_amount, service.cost_currency) == (Decimal("4.20"), "EUR")
    assert (service.addons, service.renewed_by) == ({"ram": 3}, RenewalOwner.UPSTREAM)
    assert service.expires_on is not None
    assert (await office.item(item))["remoteid"] == service.mark == outcome["mark"]
    assert service.mark.endswith("-1")
    adopted, marked = await office.told(1)
    assert (adopted.action, adopted.actor, adopted.detail["reason"]) == ("adopted", "ann", "bought by hand")
    assert marked.action == "mark_set"
    assert await office.upstream.charges() == []
    listed = (await office.shell.resell("operations")).done()
    assert listed.lines == ["no operations"]


async def test_the_same_key_makes_one_service(office: Office, api: Api) -> None:
    item = await office.bought()
    path, body = f"/v1/upstreams/main/orphans/{item}/adopt", {"plan": "VDS-1", "customer": "c-17"}
    assert_problem(await api.shop.post(path, json=body, headers={"Idempotency-Key": "a"}), 403, "forbidden")
    assert_problem(await api.operator.post(path, json=body), 400, "invalid-idempotency-key", "Idempotency-Key")
    first = await api.operator.post(path, json=body, headers={"Idempotency-Key": "a"})
    assert (first.status_code, first.headers["Location"], first.json()["created"]) == (201, "/v1/services/1", True)
    again = await api.operator.post(path, json=body, headers={"Idempotency-Key": "a"})
    assert (again.status_code, again.json()["service"], again.json()["mark_set"]) == (200, 1, True)
    other = await api.operator.post(path, json=body | {"customer": "c-18"}, headers={"Idempotency-Key": "a"})
    assert "adopt item" in assert_problem(other, 409, "refused")
    another_key = await api.operator.post(path, json=body, headers={"Idempotency-Key": "b"})
    assert "belongs to service 1" in assert_problem(another_key, 409, "refused")
    nowhere = await api.operator.post(
        "/v1/upstreams/nowhere/orphans/1/adopt", json=body, headers={"Idempotency-Key": "c"}
    )
    assert_problem(nowhere, 422, "invalid-field", "plan")


@pytest.mark.dialects
async def test_adopted_twice_at_once_it_is_one_service(office_anywhere: Office) -> None:
    office = office_anywhere
    item = await office.bought()
    same = await asyncio.gather(*(adopt(office, item, "a") for _ in range(3)))
    assert {outcome.service for outcome in same} == {1}
    assert [outcome.created for outcome in same].count(True) == 1
    with pytest.raises(Refused, match="belongs to service 1"):
        await adopt(office, item, "b")


async def test_plan_and_period_have_to_fit(office: Office) -> None:
    item = await office.bought(pricelist=59, period=12)
    with pytest.raises(InvalidField, match="shows period 12; say which of 1 it is"):
        await adopt(office, item, "a")
    with pytest.raises(InvalidField, match="mapped for 1"):
        await adopt(office, item, "a", period_months=12)
    with pytest.raises(Refused, match="tariff 59; plan VDS-1 is tariff 58; its period is 12; 1 month is period 1"):
        await adopt(office, item, "a", period_months=1)
    with pytest.raises(InvalidField, match="no tariff plan"):
        await adopt(office, item, "a", plan="VDS-9")
    outcome = await adopt(office, item, "a", period_months=1, force=True, reason="it is what they have")
    assert len(outcome.differences) == 2


@pytest.fixture
async def shop(
    tmp_path: Path, migrated_sqlite_template: Path, temporal_server: TemporalServer, upstream: Upstream
) -> AsyncIterator[Shop]:
    async with open_shop(copy_of(migrated_sqlite_template, tmp_path), temporal_server, upstream) as shop:
        yield shop


@pytest.mark.proof
async def test_an_adopted_service_is_one_like_any_other(shop: Shop, upstream: Upstream) -> None:
    item = str((await upstream.bought_by_hand("v1.example.com"))["id"])
    connections = Connections(read_timeout=5, order_timeout=5)
    linker = Linker(shop.database, connections)
    request = AdoptRequest(plan="VDS-1", customer="c-17")
    outcome = await linker.adopt(item, request, upstream=None, actor="ann", client="ann", key="a")
    await connections.close()
    number = outcome.service or 0
    before = (await shop.service(number)).expires_on
    order = await shop.resellflow.prolong(number, 1, key="p")
    await shop.until(order, Stage.COMPLETED)
    assert before is not None
    assert ((await shop.service(number)).expires_on or before) > before
    await upstream.admin("PATCH", f"/items/{item}", {"status": 3})

    async def suspended() -> bool:
        return (await shop.service(number)).status is ServiceStatus.SUSPENDED

    await assert_eventually(suspended)
