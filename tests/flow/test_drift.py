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
from orders.drift import deciding
from orders.events import reconciling
from orders.services import tracking
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


@pytest.mark.proof
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
            (number, DriftKind.RENEWAL): ("renewed by storefront", "renewed by the upstream"),
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


@pytest.mark.proof
async def test_each_act_of_staff_that_our_record_did_not_follow_is_found_and_can_be_approved(
    sweeping_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What staff did was read, and a fault of ours left the services as they were. The sweep finds each difference."""
    shop = sweeping_shop
    kinds = (DriftKind.PRICE, DriftKind.TERM, DriftKind.STATUS, DriftKind.ADDONS, DriftKind.GONE)
    before = {kind: await active(shop, addons={"ram": 3}) for kind in kinds}
    items = {kind: one.upstream_number or "" for kind, one in before.items()}
    await until_drift(shop, {})

    async def not_taken_over(*_: object, **__: object) -> dict[str, tuple[str, str]]:
        return {}

    with monkeypatch.context() as faulty:
        faulty.setattr(reconciling, "apply_snapshot", lambda service, snapshot: {})
        faulty.setattr(tracking, "take_over_addons", not_taken_over)
        await by_staff(shop, items[DriftKind.PRICE], cost="5.50")
        await by_staff(shop, items[DriftKind.TERM], extend_months=1)
        await by_staff(shop, items[DriftKind.STATUS], reason="abusesuspend")
        await by_staff(shop, items[DriftKind.ADDONS], addons={"61": "4"}, cost="9.00")
        await shop.upstream.admin("DELETE", f"/items/{items[DriftKind.GONE]}?how=vanish")

        async def all_seen() -> bool:
            await swept(shop)
            assert {kind for _, kind in await drift(shop, DriftState.OPEN)} == set(kinds)
            return True

        await assert_eventually(all_seen, timeout=60, interval=0.3, message="each of them is found")
    for kind, one in before.items():
        assert await shop.service(one.id) == one, f"{kind} is not taken over by itself"
    there = {str(one["id"]): one for one in await shop.upstream.items()}
    term, cost = before[DriftKind.TERM].expires_on, f"{before[DriftKind.PRICE].cost_amount:.2f} EUR"
    wanted = {
        (items[DriftKind.PRICE], DriftKind.PRICE): (cost, "5.50 EUR"),
        (items[DriftKind.ADDONS], DriftKind.PRICE): (cost, "9.00 EUR"),
        (items[DriftKind.TERM], DriftKind.TERM): (str(term), there[items[DriftKind.TERM]]["expiredate"]),
        (items[DriftKind.STATUS], DriftKind.STATUS): ("active", "suspended"),
        (items[DriftKind.ADDONS], DriftKind.ADDONS): ("ram=3", "ram=4"),
        (items[DriftKind.GONE], DriftKind.GONE): ("active", "not at the upstream"),
    }
    await until_drift(shop, wanted)
    assert "addons: 1, gone: 1, price: 2, status: 1, term: 1" in (await open_incidents(shop))[IncidentKind.DRIFT]

    async with shop.database.write() as session:
        for row in (await session.exec(select(Drift))).all():
            await deciding.approve(session, row.id, actor="anna", reason="so it is there")
    now = {kind: await shop.service(one.id) for kind, one in before.items()}
    assert now[DriftKind.PRICE].cost_amount == Decimal("5.50")
    assert str(now[DriftKind.TERM].expires_on) == there[items[DriftKind.TERM]]["expiredate"]
    assert now[DriftKind.STATUS].status is ServiceStatus.SUSPENDED
    assert now[DriftKind.ADDONS].addons == {"ram": 4}
    assert now[DriftKind.GONE].status is ServiceStatus.CLOSED
    await until_drift(shop, {})
    assert IncidentKind.DRIFT not in await open_incidents(shop)
