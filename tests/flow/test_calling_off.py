"""An order that is not wanted any more is not bought: both operations end, nothing is charged, nothing is left."""

import pytest
from sqlmodel import select
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from models.enums import MessageType, Role, ServiceStatus, Stage
from models.messages import Decision, DecisionKind
from models.webhooks import WebhookMessage
from orders.access.roles import Requester
from orders.errors import Refused
from orders.lifecycle.acceptance import AcceptedOrder
from starter import Resellflow
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import free_port

WHY = Decision(actor="anna", reason="seen to")
UNWANTED = Decision(actor="shop", reason="not wanted any more")
THE_SHOP = Requester(Role.STOREFRONT, "shop")
ORDER = "*.order.param"


async def _close(shop: Shop, order: AcceptedOrder, key: str = "close") -> AcceptedOrder:
    return await shop.resellflow.close_service(order.service, key=key, client="shop")


async def both_end_without_a_charge(shop: Shop, order: AcceptedOrder, closing: AcceptedOrder) -> None:
    await shop.until(order, Stage.CANCELLED, timeout=30)
    await shop.until(closing, Stage.CANCELLED)
    assert (await shop.service(order.service)).status is ServiceStatus.CLOSED
    assert await shop.upstream.charges() == []
    assert [item for item in await shop.upstream.items() if item["status"] != 4] == [], "nothing is left"


async def _workflow_ended(shop: Shop, order: AcceptedOrder) -> None:
    async def closed() -> bool:
        return (await shop.handle(order).describe()).close_time is not None

    await assert_eventually(closed, message=f"the workflow of operation {order.operation} has ended")


async def _waiting_for_money(shop: Shop) -> AcceptedOrder:
    await shop.upstream.set_balance("0.00")
    order = await shop.order()
    await shop.until(order, Stage.WAITING_FOR_FUNDS)
    return order


async def waiting_with_a_leftover(shop: Shop) -> AcceptedOrder:
    """The upstream had less than it said: it refused the order and left an unpaid row, which could not be removed."""
    await shop.upstream.set(not_enough_money="ordered_row")
    await shop.upstream.set_balance("3.00")
    await shop.upstream.fault(function="vds.delete", sok=True, times=1, kind="http_503", when="before")
    async with shop.database.write() as session:
        account = await shop.account(session)
        account.credit_limit += 10  # wrongly: the upstream grants none
        session.add(account)
    order = await shop.order()
    await shop.until(order, Stage.WAITING_FOR_FUNDS)
    assert [item["status"] for item in await shop.upstream.items()] == [1]
    return order


async def test_deleted_while_it_waits_for_money_nothing_is_bought_after_the_top_up(shop: Shop) -> None:
    order = await _waiting_for_money(shop)
    closing = await _close(shop, order)
    for one in (order, closing):
        assert (await shop.operation(one.operation)).stage is Stage.CANCELLED, "nothing had been sent: at once"
    await shop.upstream.set_balance("100.00")
    await _workflow_ended(shop, order)
    await both_end_without_a_charge(shop, order, closing)
    again = await _close(shop, order)
    assert (closing.created, again.operation, again.created) == (True, closing.operation, False)
    async with shop.database.read() as session:
        told = await session.exec(
            select(WebhookMessage.data).where(WebhookMessage.kind == MessageType.OPERATION_CANCELLED)
        )
        assert {data["operation"] for data in told.all()} == {order.operation, closing.operation}


@pytest.mark.proof
async def test_the_money_of_a_deleted_order_goes_to_the_next_one(shop: Shop) -> None:
    first = await _waiting_for_money(shop)
    second = await shop.order()
    await shop.until(second, Stage.WAITING_FOR_FUNDS)
    await _close(shop, first)
    await shop.upstream.set_balance("5.00")
    await shop.until(second, Stage.COMPLETED)
    assert len(await shop.upstream.charges()) == 1


@pytest.mark.proof
async def test_deleted_while_the_upstream_is_down(shop: Shop) -> None:
    await shop.upstream.fault(function="*", kind="http_503", when="before")
    order = await shop.order()
    await shop.until(order, Stage.RETRYING)
    closing = await _close(shop, order)
    await _workflow_ended(shop, order)
    await shop.upstream.admin("DELETE", "/faults")
    await both_end_without_a_charge(shop, order, closing)


@pytest.mark.proof
async def test_what_a_refused_request_left_is_removed_first(shop_on_postgres: Shop) -> None:
    shop = shop_on_postgres
    order = await waiting_with_a_leftover(shop)
    closing = await _close(shop, order)
    waiting = await shop.operation(closing.operation)
    assert waiting.stage in (Stage.QUEUED, Stage.CANCELLED)
    assert waiting.reason.startswith("operation 1, which opens it, is called off: what its requests may have left")
    await both_end_without_a_charge(shop, order, closing)
    assert (await shop.operation(order.operation)).called_off_by == "shop"


@pytest.mark.proof
async def test_cancelled_by_its_shop_it_leaves_nothing_either(shop: Shop) -> None:
    order = await waiting_with_a_leftover(shop)
    result = await shop.resellflow.decide(order.operation, DecisionKind.CANCEL, UNWANTED, THE_SHOP)
    assert "removed first" in result.message
    await shop.until(order, Stage.CANCELLED)
    assert await shop.upstream.charges() == []
    assert [item["status"] for item in await shop.upstream.items()] == [4]


@pytest.mark.proof
async def test_a_leftover_that_was_paid_meanwhile_is_adopted_and_deleted(shop: Shop) -> None:
    order = await waiting_with_a_leftover(shop)
    [row] = await shop.upstream.items()
    await shop.upstream.admin("PATCH", f"/items/{row['id']}", {"status": 2})
    closing = await _close(shop, order)
    await shop.until(order, Stage.COMPLETED)
    await shop.until(closing, Stage.COMPLETED)
    assert [item["status"] for item in await shop.upstream.items()] == [4]
    assert (await shop.service(order.service)).status is ServiceStatus.CLOSED


@pytest.mark.proof
async def test_a_lost_request_that_had_no_effect_is_not_sent_again(shop: Shop) -> None:
    await shop.upstream.fault(function=ORDER, sok=True, times=1, kind="cut", when="before")
    order = await shop.order()
    await shop.until(order, Stage.OUTCOME_UNKNOWN)
    closing = await _close(shop, order)
    assert "may be under way" in (await shop.operation(closing.operation)).waits_for
    await both_end_without_a_charge(shop, order, closing)


@pytest.mark.proof
async def test_a_lost_request_that_was_carried_out_is_found_and_deleted(shop: Shop) -> None:
    await shop.until_looked_at("vds")
    await shop.upstream.fault(function="vds", kind="http_503", when="before")
    await shop.upstream.fault(function=ORDER, sok=True, times=1, kind="cut", when="after")
    order = await shop.order()
    await shop.until(order, Stage.OUTCOME_UNKNOWN)
    closing = await _close(shop, order)
    await shop.upstream.admin("DELETE", "/faults")
    await shop.until(order, Stage.COMPLETED, timeout=30)
    await shop.until(closing, Stage.COMPLETED)
    assert [item["status"] for item in await shop.upstream.items()] == [4]
    assert len(await shop.upstream.charges()) == 1


@pytest.mark.proof
async def test_what_is_bought_is_deleted_when_it_is_open(shop: Shop) -> None:
    await shop.upstream.set(opening_delay=2.0)
    order = await shop.order()
    await shop.until(order, Stage.AWAITING_CONFIRMATION)
    closing = await _close(shop, order)
    assert "is bought already" in (await shop.operation(closing.operation)).waits_for
    with pytest.raises(Refused, match="close the service instead"):
        await shop.resellflow.decide(order.operation, DecisionKind.CANCEL, UNWANTED, THE_SHOP)
    await shop.until(order, Stage.COMPLETED)
    await shop.until(closing, Stage.COMPLETED)
    assert [item["status"] for item in await shop.upstream.items()] == [4]


@pytest.mark.proof
@pytest.mark.parametrize("with_leftover", [False, True])
async def test_deleted_while_temporal_is_away_its_workflow_hears_of_it_later(shop: Shop, with_leftover: bool) -> None:
    order = await (waiting_with_a_leftover(shop) if with_leftover else _waiting_for_money(shop))
    nowhere = await Client.connect(
        f"127.0.0.1:{free_port()}", namespace="default", data_converter=pydantic_data_converter, lazy=True
    )
    cut_off = Resellflow(shop.database, nowhere, shop.settings)
    closing = await cut_off.close_service(order.service, key="close", client="shop")
    assert closing.created
    await _workflow_ended(shop, order)
    await both_end_without_a_charge(shop, order, closing)


@pytest.mark.proof
async def test_what_can_not_be_proven_is_left_to_a_person_who_may_vouch(shop: Shop) -> None:
    """The rejected order may have left something, and something unexplained is there, of which nothing is shown."""
    await shop.upstream.set(remoteid_in_lists=False, remoteid_in_forms=False, domain_in_lists=False)
    await shop.upstream.fault(
        function=ORDER, sok=True, times=1, kind="error", error={"type": "value", "object": "ostempl"}
    )
    order = await shop.order()
    await shop.until(order, Stage.NEEDS_ATTENTION)
    await shop.upstream.bought_by_hand("x.example")
    closing = await _close(shop, order)

    async def asks_a_person() -> bool:
        operation = await shop.operation(order.operation)
        return operation.stage is Stage.NEEDS_ATTENTION and "called off" in operation.reason

    await assert_eventually(asks_a_person, timeout=30, message="a person is asked")
    with pytest.raises(Refused, match="nothing_was_bought"):
        await shop.resellflow.decide(order.operation, DecisionKind.CANCEL, WHY)
    vouched = WHY.model_copy(update={"nothing_was_bought": True})
    await shop.resellflow.decide(order.operation, DecisionKind.CANCEL, vouched)
    await shop.until(closing, Stage.CANCELLED)
    await _workflow_ended(shop, order)


@pytest.mark.proof
async def test_a_shop_cancels_a_prolongation_of_its_own_that_was_refused_before(shop: Shop) -> None:
    opened = await shop.order()
    await shop.until(opened, Stage.COMPLETED)
    await shop.upstream.fault(
        function="service.prolong", sok=True, times=1, kind="error", error={"type": "not_enough_money"}
    )
    prolonging = await shop.resellflow.prolong(opened.service, 1, key="p", client="shop")
    await shop.until(prolonging, Stage.WAITING_FOR_FUNDS)
    await shop.resellflow.decide(prolonging.operation, DecisionKind.CANCEL, UNWANTED, THE_SHOP)
    await shop.until(prolonging, Stage.CANCELLED, timeout=30)
    assert [charge["operation"] for charge in await shop.upstream.charges()] == ["open"]
    assert (await shop.service(opened.service)).status is ServiceStatus.ACTIVE
