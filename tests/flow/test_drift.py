"""What the upstream's staff does: taken over where that is certain, else reported as drift until it is taken back."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlmodel import col, select

from activities.poller import schedule
from models.drift import Drift
from models.enums import DriftKind, DriftState, IncidentKind, ServiceStatus, Stage
from models.incident import Incident
from models.order import Service
from tests.flow.shop import USER, Shop
from tests.flow.test_sweep import swept
from tests.infrastructure.eventually import assert_eventually

NEVER = 30


@pytest.fixture
async def sweeping_shop(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(schedule, "SWEEPS_SECONDS", 0.1)
    return shop


async def active(shop: Shop, **details: Any) -> Service:
    order = await shop.order(**details)
    await shop.until(order, Stage.COMPLETED, timeout=NEVER)
    return await shop.service(order.service)


async def by_staff(shop: Shop, item: str | None, **changes: Any) -> None:
    await shop.upstream.admin("PATCH", f"/items/{item}", changes)


async def drift(shop: Shop, *states: DriftState) -> dict[tuple[str, DriftKind], tuple[str, str]]:
    async with shop.database.read() as session:
        found = await session.exec(select(Drift).where(col(Drift.state).in_(states)))
        return {(row.item, row.kind): (row.ours, row.theirs) for row in found.all()}


async def until_drift(shop: Shop, wanted: Mapping[tuple[str, DriftKind], tuple[str, str]]) -> None:
    """Sweep until exactly this is open. Forms are read between two sweeps."""

    async def so() -> bool:
        await swept(shop)
        assert await drift(shop, DriftState.OPEN) == wanted
        return True

    await assert_eventually(so, timeout=NEVER, interval=0.3, message="the drift that is open")


async def open_incidents(shop: Shop) -> dict[IncidentKind, str]:
    async with shop.database.read() as session:
        found = await session.exec(select(Incident).where(col(Incident.closed_at).is_(None)))
        return {one.kind: one.message for one in found.all()}


async def test_what_is_taken_over_is_no_drift(sweeping_shop: Shop) -> None:
    shop = sweeping_shop
    service, deleted = await active(shop, addons={"ram": 3}), await active(shop)
    await by_staff(shop, service.upstream_number, extend_months=1, cost="5.50", domain="renamed.example.com")
    await by_staff(shop, service.upstream_number, reason="abusesuspend", addons={"61": "4"})
    await shop.upstream.admin("DELETE", f"/items/{deleted.upstream_number}?how=vanish")

    async def taken_over() -> bool:
        now = await shop.service(service.id)
        assert (now.cost_amount, now.status, now.addons) == (Decimal("5.50"), ServiceStatus.SUSPENDED, {"ram": 4})
        assert now.expires_on is not None
        assert service.expires_on is not None
        assert now.expires_on > service.expires_on + timedelta(days=27)
        return (await shop.service(deleted.id)).status is ServiceStatus.CLOSED

    await assert_eventually(taken_over, timeout=NEVER, message="our services are as staff made them")
    await by_staff(shop, service.upstream_number, pricelist=59)

    async def of_the_other_plan() -> bool:
        return (await shop.service(service.id)).plan_id != service.plan_id

    await assert_eventually(of_the_other_plan, timeout=NEVER, message="the plan that is mapped to the new tariff")
    for _ in range(2):
        await swept(shop)
    assert await drift(shop, *DriftState) == {}
    assert IncidentKind.DRIFT not in await open_incidents(shop)


@pytest.mark.proof
async def test_what_nothing_heals_is_reported_until_staff_takes_it_back(sweeping_shop: Shop) -> None:
    shop = sweeping_shop
    service = await active(shop)
    number = service.upstream_number or ""
    await until_drift(shop, {})
    await by_staff(shop, number, pricelist=60, autoprolong="1")
    body = {"account": USER, "type": "vds", "pricelist": 58, "period": 1, "status": 2}
    second = await shop.upstream.admin("POST", f"/items/{number}/clone", {"domain": "second.example.com"})
    foreign = await shop.upstream.admin("POST", "/items", body | {"domain": "f.example.com", "remoteid": "rf-zzzzz-4"})
    nobodys = await shop.upstream.bought_by_hand("n.example.com")
    items = {kind: str(one["id"]) for kind, one in (("second", second), ("foreign", foreign), ("nobodys", nobodys))}
    await until_drift(
        shop,
        {
            (number, DriftKind.PLAN): ("tariff 58", "tariff 60"),
            (number, DriftKind.RENEWAL): ("renewed by resellflow", "renewed by the upstream"),
            (items["second"], DriftKind.SECOND_ITEM): (f"service {service.id}", "second.example.com"),
            (items["foreign"], DriftKind.FOREIGN_MARK): ("", "rf-zzzzz-4 f.example.com"),
            (items["nobodys"], DriftKind.NOBODYS_ITEM): ("", "n.example.com"),
        },
    )
    found = await open_incidents(shop)
    assert "(foreign_mark: 1, nobodys_item: 1, plan: 1)" in found[IncidentKind.DRIFT]
    assert {IncidentKind.SECOND_ITEM, IncidentKind.RENEWED_TWICE} <= found.keys()

    await by_staff(shop, number, pricelist=58, autoprolong="null")
    for item in items.values():
        await shop.upstream.admin("DELETE", f"/items/{item}?how=vanish")
    await until_drift(shop, {})
    assert len(await drift(shop, DriftState.OVER)) == 5
    assert IncidentKind.DRIFT not in await open_incidents(shop)
