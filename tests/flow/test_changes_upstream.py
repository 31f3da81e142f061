"""What changes at the upstream arrives at our services, whether an order runs or not."""

from typing import Any

import pytest
from sqlmodel import col, select

from models.enums import EventKind, ServiceStatus, Stage
from models.events import UpstreamEvent, UpstreamSnapshot
from models.order import Service
from orders.events import is_orphan
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually


async def _active_service(shop: Shop) -> Service:
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED)
    return await shop.service(order.service)


async def _form_was_read(shop: Shop, service: Service) -> None:
    """The form is read after the opening is told of."""

    async def is_read() -> bool:
        async with shop.database.read() as session:
            found = await session.exec(
                select(UpstreamSnapshot).where(UpstreamSnapshot.number == service.upstream_number)
            )
            return bool(found.one().form)

    await assert_eventually(is_read)


async def _by_hand(shop: Shop, service: Service, **changes: Any) -> None:
    await shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", changes)


async def _kinds(shop: Shop, service: Service) -> list[EventKind]:
    async with shop.database.read() as session:
        found = await session.exec(
            select(UpstreamEvent)
            .where(UpstreamEvent.upstream_number == service.upstream_number)
            .order_by(col(UpstreamEvent.id))
        )
        events = list(found.all())
        assert all(event.applied_at for event in events if event.kind is not EventKind.HELD_BACK)
        return [event.kind for event in events]


@pytest.mark.proof
async def test_changes_made_by_hand_are_applied_with_no_order_running(shop: Shop) -> None:
    service = await _active_service(shop)
    assert service.id is not None
    number = service.id

    async def is_so(**wanted: object) -> bool:
        now = await shop.service(number)
        for name, value in wanted.items():
            assert getattr(now, name) == value, f"{name} is {getattr(now, name)}"
        return True

    await _by_hand(shop, service, status=3, reason="abusesuspend")
    await assert_eventually(lambda: is_so(status=ServiceStatus.SUSPENDED, suspend_reason="abusesuspend"), timeout=30)
    await _by_hand(shop, service, status=2)
    await assert_eventually(lambda: is_so(status=ServiceStatus.ACTIVE, suspend_reason=None), timeout=30)
    await _by_hand(shop, service, ip="203.0.113.9")
    await assert_eventually(lambda: is_so(ip="203.0.113.9"), timeout=30)
    await _by_hand(shop, service, extend_months=1)

    async def later() -> bool:
        now = await shop.service(number)
        assert now.expires_on is not None
        assert service.expires_on is not None
        return now.expires_on > service.expires_on

    await assert_eventually(later, timeout=30)
    await _by_hand(shop, service, pricelist=59)
    await assert_eventually(lambda: is_so(upstream_tariff="VPS-2"), timeout=30)
    kinds = await _kinds(shop, service)
    for kind in ("suspended", "resumed", "parameters_changed", "prolonged", "plan_changed"):
        assert kind in kinds, kinds


@pytest.mark.proof
async def test_reading_list_and_form_in_turn_is_no_change(shop: Shop) -> None:
    service = await _active_service(shop)
    before = await _kinds(shop, service)
    polls = len(await shop.upstream.requests("vds"))

    async def three_more_polls() -> bool:
        return len(await shop.upstream.requests("vds")) >= polls + 3

    await assert_eventually(three_more_polls)
    assert await _kinds(shop, service) == before


@pytest.mark.proof
async def test_a_value_that_cannot_be_right_is_reported_once_and_not_applied(shop: Shop) -> None:
    service = await _active_service(shop)
    assert service.id is not None
    await _by_hand(shop, service, expiredate="1969-12-31")

    async def held_back() -> bool:
        return EventKind.HELD_BACK in await _kinds(shop, service)

    await assert_eventually(held_back, timeout=30)
    polls = len(await shop.upstream.requests("vds"))

    async def two_more_polls() -> bool:
        return len(await shop.upstream.requests("vds")) >= polls + 2

    await assert_eventually(two_more_polls, timeout=30)
    assert (await _kinds(shop, service)).count(EventKind.HELD_BACK) == 1
    assert (await shop.service(service.id)).expires_on == service.expires_on


@pytest.mark.proof
async def test_an_item_that_is_gone_is_confirmed_before_its_service_is_closed(shop: Shop) -> None:
    service = await _active_service(shop)
    assert service.id is not None
    number = service.id
    await shop.upstream.admin("DELETE", f"/items/{service.upstream_number}?how=vanish")

    async def closed() -> bool:
        return (await shop.service(number)).status is ServiceStatus.CLOSED

    await assert_eventually(closed)
    assert EventKind.VANISHED in await _kinds(shop, service)


async def test_an_item_that_nobody_ordered_is_an_orphan(shop: Shop) -> None:
    body = {
        "account": "reseller",
        "type": "vds",
        "pricelist": 58,
        "period": 1,
        "status": 2,
        "domain": "by.hand.example",
    }
    item = await shop.upstream.admin("POST", "/items", body)

    async def orphaned() -> bool:
        async with shop.database.read() as session:
            account = await shop.account(session)
            found = await session.exec(select(UpstreamSnapshot).where(is_orphan(account.id or 0)))
            return [row.number for row in found.all()] == [str(item["id"])]

    await assert_eventually(orphaned, timeout=30)


@pytest.mark.proof
async def test_with_nothing_waiting_a_poll_is_one_listing_of_each_type(shop: Shop) -> None:
    """What the opening still brings (its form is read again when it becomes active) may come first."""
    await _form_was_read(shop, await _active_service(shop))

    async def two_rounds() -> bool:
        return len(await shop.upstream.requests("vds")) >= 3

    async def only_listings() -> bool:
        await shop.upstream.admin("DELETE", "/requests")
        await assert_eventually(two_rounds, timeout=30)
        functions = {request["function"] for request in await shop.upstream.requests()}
        assert functions == {"vds", "soft"}
        asked = [request["time"] for request in await shop.upstream.requests("vds")]
        return len(asked) == len(set(asked))

    await assert_eventually(only_listings, timeout=60)
