"""What the poller has missed is found by the sweep, becomes events of the one writer, and is counted."""

from decimal import Decimal

import pytest
from sqlmodel import select

from activities.poller import schedule
from models.enums import IncidentKind, ServiceStatus, Stage
from models.incident import Incident
from orders.events import lists, sweeps
from orders.events.sweep_views import SweepView, list_sweeps
from tests.flow.shop import PASSWORD, USER, Shop
from tests.infrastructure.eventually import assert_eventually


@pytest.fixture
async def sweeping_shop(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(schedule, "SWEEPS_SECONDS", 0.1)
    return shop


async def swept(shop: Shop) -> SweepView:
    async with shop.database.write() as session:
        assert await sweeps.ask(session, "anna") > 0

    async def found() -> dict[str, SweepView]:
        async with shop.database.read() as session:
            return {one.product_type: one for one in await list_sweeps(session)}

    async def ended() -> bool:
        return not any(one.due for one in (await found()).values())

    await assert_eventually(ended, timeout=60, message="the sweep has ended")
    return (await found())["vds"]


async def looked_again(shop: Shop) -> None:
    """The list was asked for three times more, so it was read and judged at least twice."""
    before = len(await shop.upstream.requests("vds"))

    async def more() -> bool:
        return len(await shop.upstream.requests("vds")) >= before + 3

    await assert_eventually(more, timeout=60, message="three further looks")


async def until_suspended(shop: Shop, number: int) -> None:
    async def suspended() -> bool:
        return (await shop.service(number)).status is ServiceStatus.SUSPENDED

    await assert_eventually(suspended, timeout=60, message="the service is suspended here, too")


async def missed(shop: Shop) -> list[str]:
    async with shop.database.read() as session:
        found = await session.exec(select(Incident).where(Incident.kind == IncidentKind.MISSED_CHANGES))
        return [one.message for one in found.all()]


async def suspended_unnoticed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> int:
    """A service whose item was suspended while a fault of ours made the list's judgement miss it."""
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED)
    await looked_again(shop)
    [item] = await shop.upstream.items()
    with monkeypatch.context() as faulty:
        faulty.setattr(lists, "_is_changed", lambda row, item: False)
        await shop.upstream.admin("PATCH", f"/items/{item['id']}", {"status": 3})
        await looked_again(shop)
    await looked_again(shop)
    assert (await shop.service(order.service)).status is ServiceStatus.ACTIVE, "the poller alone never sees it"
    return order.service


@pytest.mark.proof
async def test_a_change_that_a_fault_of_the_poller_hid_is_found_and_counted(
    sweeping_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await suspended_unnoticed(sweeping_shop, monkeypatch)
    assert await missed(sweeping_shop) == []
    found = await swept(sweeping_shop)
    assert (found.missed, found.missed_in_all, found.compared, found.asked_by) == (1, 1, 1, "anna")
    await until_suspended(sweeping_shop, service)
    [message] = await missed(sweeping_shop)
    assert message.startswith(
        "1 change was found by the sweep of vds at upstream main that the poller should have seen"
    )
    again = await swept(sweeping_shop)
    assert (again.missed, again.missed_in_all) == (0, 1)
    assert len(await missed(sweeping_shop)) == 1


@pytest.mark.proof
async def test_each_act_of_staff_that_a_fault_hid_is_found_and_counted(
    sweeping_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Price, term, status and plan, as the list shows them. Services are taken along as usual, and nothing else is."""
    shop = sweeping_shop
    acts: list[dict[str, object]] = [{"cost": "5.50"}, {"extend_months": 1}, {"status": 3}, {"pricelist": 59}]
    orders = [await shop.order() for _ in (*acts, "untouched")]
    for order in orders:
        await shop.until(order, Stage.COMPLETED, timeout=60)
    before = [await shop.service(order.service) for order in orders]
    await looked_again(shop)
    with monkeypatch.context() as faulty:
        faulty.setattr(lists, "_is_changed", lambda row, item: False)
        for act, service in zip(acts, before, strict=False):
            await shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", act)
        await looked_again(shop)
    await looked_again(shop)
    assert [await shop.service(order.service) for order in orders] == before, "the poller alone never sees it"
    found = await swept(shop)
    assert (found.missed, found.compared) == (len(acts), len(orders))

    async def taken_over() -> bool:
        dearer, longer, paused, moved, untouched = [await shop.service(order.service) for order in orders]
        assert (dearer.cost_amount, paused.status) == (Decimal("5.50"), ServiceStatus.SUSPENDED)
        assert longer.expires_on is not None
        assert before[1].expires_on is not None
        assert longer.expires_on > before[1].expires_on
        assert moved.plan_id != before[3].plan_id
        return untouched == before[4]

    await assert_eventually(taken_over, timeout=60, message="our services are as staff made them")
    [message] = await missed(shop)
    assert message.startswith(f"{len(acts)} changes were found by the sweep of vds at upstream main")


@pytest.mark.proof
async def test_what_a_filter_hides_from_the_list_is_found_by_its_form(sweeping_shop: Shop) -> None:
    shop = sweeping_shop
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED)
    await shop.upstream.bought_by_hand("other.example.com")
    [item] = [one for one in await shop.upstream.items() if one["domain"] != "other.example.com"]
    stored = {"func": "vds.filter", "authinfo": f"{USER}:{PASSWORD}", "domain": "other.example.com", "sok": "ok"}
    await shop.upstream.client.post(shop.upstream.url, data={**stored, "out": "xml"})
    await shop.upstream.admin("PATCH", f"/items/{item['id']}", {"status": 3})
    await looked_again(shop)
    assert (await shop.service(order.service)).status is ServiceStatus.ACTIVE, "the poller alone never sees it"
    found = await swept(shop)
    assert found.unlisted == 1
    await until_suspended(shop, order.service)
    await assert_eventually(lambda: missed(shop), timeout=60, message="it is reported")


async def test_a_change_that_the_poller_has_not_come_to_yet_is_no_news(sweeping_shop: Shop) -> None:
    shop = sweeping_shop
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED)
    [item] = await shop.upstream.items()
    await shop.upstream.admin("PATCH", f"/items/{item['id']}", {"status": 3})
    assert (await swept(shop)).missed == 0
    await until_suspended(shop, order.service)
    assert await missed(shop) == []
