"""Every product type from order to end; keys that come later; a service in other hands and back."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from models.audit import AuditEntry
from models.catalogue import MappedPeriod, PlanMapping, ProcessingModule, TariffPlan, TariffPlanPrice
from models.enums import MessageType, ModuleKind, ServiceStatus, Stage
from models.order import Service
from models.webhooks import WebhookMessage
from orders.errors import InvalidField, Refused
from orders.lifecycle.acceptance import AcceptedOrder
from orders.operations.set_parameters import ServiceChange
from orders.services import modules
from orders.services.modules import ModuleChange
from orders.views import find_service
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually
from tests.storefront.api import Api, api_settings, assert_problem, running_api

# product type, the upstream's tariff, months, what it costs there, what an order must bring
SOLD: list[tuple[str, str, int, str, dict[str, Any]]] = [
    ("dedic", "90", 1, "60.00", {}),
    ("vhost", "20", 1, "2.00", {}),
    ("softexternal", "3601", 1, "3.00", {"parameters": {"ip": "192.0.2.11"}}),
    ("certificate", "410", 12, "12.00",
     {"domain": "*.shop.example", "parameters": {"approver_email": "admin@shop.example"}}),
    ("domain", "510", 12, "9.00", {"domain": "shop.example", "parameters": {"nameserver1": "ns1.example.net"}}),
]  # fmt: skip
ORDERS: list[tuple[str, int, dict[str, Any]]] = [
    ("VDS-1", 1, {"parameters": {"template": "debian-12"}}),
    ("LIC-1", 1, {"parameters": {"ip": "192.0.2.10"}}),
    *((kind, months, wanted) for kind, _, months, _, wanted in SOLD),
]


async def _sell_everything(shop: Shop) -> None:
    async with shop.database.write() as session:
        for kind, pricelist, months, cost, _ in SOLD:
            module = ProcessingModule(name=f"main-{kind}", account_id=1, product_type=kind, department="support")
            plan = TariffPlan(name=kind, product_type=kind)
            session.add_all([module, plan])
            await session.flush()
            place = "1" if kind in ("dedic", "vhost") else None
            mapping = PlanMapping(plan_id=plan.id or 0, module_id=module.id or 0, tariff=pricelist, location=place)
            session.add(mapping)
            await session.flush()
            session.add(TariffPlanPrice(plan_id=plan.id or 0, period_months=months, amount=Decimal(99), currency="EUR"))
            session.add(
                MappedPeriod(
                    mapping_id=mapping.id or 0,
                    period_months=months,
                    upstream_period=months,
                    cost_amount=Decimal(cost),
                    cost_currency="EUR",
                )
            )


async def _all(shop: Shop, orders: list[AcceptedOrder]) -> list[Service]:
    await asyncio.gather(*(shop.until(order, Stage.COMPLETED, timeout=30) for order in orders))
    return [await shop.service(order.service) for order in orders]


@pytest.mark.proof
async def test_one_of_each_type_is_opened_prolonged_and_closed(shop: Shop) -> None:
    await _sell_everything(shop)
    await shop.upstream.set_balance("1000.00")
    await shop.upstream.set(certificate_delay=1)
    ordered = [await shop.order(plan, period_months=months, **wanted) for plan, months, wanted in ORDERS]
    opened = await _all(shop, ordered)
    items = {str(item["id"]): item for item in await shop.upstream.items()}
    assert len(items) == len(ORDERS)
    for service in opened:
        assert service.status is ServiceStatus.ACTIVE
        assert service.upstream_number is not None
        item = items[service.upstream_number]
        assert (item["type"], item["remoteid"]) == (service.product_type, service.mark)
        assert service.name == (item["domain"] or item["licname"])
    by_type = {item["type"]: item for item in items.values()}
    assert by_type["domain"]["details"]["ns0"] == "ns1.example.net"
    assert by_type["certificate"]["details"]["approver_email"] == "admin@shop.example"
    for service in opened:
        if service.product_type in ("certificate", "domain"):
            for refused in (shop.resellflow.suspend, shop.resellflow.resume):
                with pytest.raises(Refused, match=f"a {service.product_type} can't be "):
                    await refused(service.id or 0, key="stop")
            with pytest.raises(InvalidField, match=r"domain: a \w+ keeps its name"):
                await shop.resellflow.change_parameters(
                    service.id or 0, ServiceChange(domain="other.example"), key="name"
                )
    before = {service.id: service.expires_on for service in opened}
    prolonged = await _all(
        shop, [await shop.resellflow.prolong(one.id or 0, one.period_months, key=f"p-{one.id}") for one in opened]
    )
    for service in prolonged:
        was = before[service.id]
        assert service.expires_on is not None
        assert was is not None
        assert service.expires_on > was
    closed = await _all(
        shop, [await shop.resellflow.close_service(one.id or 0, key=f"c-{one.id}") for one in prolonged]
    )
    assert {service.status for service in closed} == {ServiceStatus.CLOSED}
    kinds = [charge["operation"] for charge in await shop.upstream.charges()]
    assert sorted(kinds) == sorted(["open", "prolong"] * len(ORDERS)), "each is paid once"


async def _key(api: Api, number: int) -> str:
    answer = await api.shop.get(f"/v1/services/{number}/licence-key")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    key: str = answer.json()["licence_key"]
    return key


@pytest.mark.proof
async def test_a_key_that_comes_later_is_told_and_read_and_kept_nowhere(shop: Shop) -> None:
    await shop.upstream.set(licence_key_delay=2)
    async with running_api(shop.database, shop.client, api_settings(shop.database_url)) as api:
        order = await shop.order("LIC-1", parameters={"ip": "192.0.2.10"})
        await shop.until(order, Stage.COMPLETED)

        async def ready() -> bool | None:
            async with shop.database.read() as session:
                return (await find_service(session, order.service)).key_ready

        async def is_ready() -> bool:
            return await ready() is True

        answer = await api.shop.get(f"/v1/services/{order.service}/licence-key")
        assert "has not come yet" in assert_problem(answer, 409, "refused")
        await assert_eventually(is_ready, message="the key has come")
        async with shop.database.read() as session:
            query = select(WebhookMessage).where(col(WebhookMessage.kind) == MessageType.SERVICE_KEY_READY.value)
            told = (await session.exec(query)).one()
        assert told.service_id == order.service
        assert told.data["changes"] == {"key_ready": {"before": "no", "after": "yes"}}
        first = await _key(api, order.service)

        again = await shop.resellflow.change_parameters(order.service, ServiceChange(licence_key="new"), key="new")
        await shop.until(again, Stage.COMPLETED)
        changed = await assert_eventually(lambda: _another(api, order.service, first))
        assert changed
        assert_problem(await api.shop.get("/v1/services/99/licence-key"), 404, "not-found")
    async with shop.database.read() as session:
        entry = (await session.exec(select(AuditEntry).where(AuditEntry.action == "licence_key_read"))).first()
        assert entry is not None
        assert (entry.actor, entry.subject_number) == ("shop", order.service)
        everything = await _everything(session)
    for key in (first, changed):
        assert key not in everything


async def _another(api: Api, number: int, old: str) -> str:
    answer = await api.shop.get(f"/v1/services/{number}/licence-key")
    assert answer.status_code == 200, answer.text
    key: str = answer.json()["licence_key"]
    assert key != old
    return key


async def _everything(session: Any) -> str:
    """All that the database holds, as text."""
    tables = await session.run_sync(lambda plain: sa.inspect(plain.get_bind()).get_table_names())
    rows = [str((await session.exec(sa.text(f'SELECT * FROM "{name}"'))).all()) for name in tables]
    return "\n".join(rows)


async def _give(shop: Shop, service: int, module: str, why: str = "the panel is away for weeks") -> bool:
    return await modules.set_module(shop.database, service, ModuleChange(module=module, reason=why), actor="anna")


@pytest.mark.proof
async def test_a_service_is_given_into_peoples_hands_and_back(shop: Shop) -> None:
    async with shop.database.write() as session:
        session.add(ProcessingModule(name="hands", kind=ModuleKind.MANUAL, product_type="vds", department="hardware"))
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED)
    service = await shop.service(order.service)
    assert await _give(shop, order.service, "hands")
    assert not await _give(shop, order.service, "hands"), "it has it already"

    by_hand = await shop.resellflow.prolong(order.service, 1, key="p-1")
    await shop.until(by_hand, Stage.AWAITING_MANUAL_TASK)
    with pytest.raises(Refused, match=f"operation {by_hand.operation} of service 1 is in stage awaiting_manual_task"):
        await _give(shop, order.service, "main-vds")
    await shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"extend_months": 1})
    await shop.until(by_hand, Stage.COMPLETED)  # the poller saw it; nobody had to say so
    item = await shop.upstream.admin("GET", f"/items/{service.upstream_number}")
    prolonged = await shop.service(order.service)
    assert str(prolonged.expires_on) == item["expiredate"], "and it is not added a second time"

    assert await _give(shop, order.service, "main-vds", "it is back")
    by_upstream = await shop.resellflow.prolong(order.service, 1, key="p-2")
    await shop.until(by_upstream, Stage.COMPLETED)
    assert [charge["operation"] for charge in await shop.upstream.charges()] == ["open", "prolong"]
    async with shop.database.read() as session:
        found = await session.exec(
            select(AuditEntry).where(AuditEntry.action == "module_set").order_by(col(AuditEntry.id))
        )
        told = [(entry.actor, entry.changes, entry.detail["reason"]) for entry in found.all()]
    assert told == [
        ("anna", {"processing_module": ["main-vds", "hands"]}, "the panel is away for weeks"),
        ("anna", {"processing_module": ["hands", "main-vds"]}, "it is back"),
    ]


async def test_a_module_that_does_not_fit_is_refused(shop_without_worker: Shop) -> None:
    shop = shop_without_worker
    async with shop.database.write() as session:
        session.add(ProcessingModule(name="unmapped", account_id=1, product_type="vds", department="support"))
        service = Service(
            customer="c-1", plan_id=1, product_type="vds", module_id=1, account_id=1, name="v1.example", mark="rf-x-1",
            period_months=1, status=ServiceStatus.ACTIVE,
        )  # fmt: skip
        session.add(service)
    for module, words in (
        ("none", "there is no processing module 'none'"),
        ("main-soft", "'main-soft' is for a soft, the service is a vds"),
        ("unmapped", "plan 'VDS-1' is not mapped to 'unmapped' for 1 month"),
    ):
        with pytest.raises(InvalidField, match=words):
            await _give(shop, service.id or 0, module)
