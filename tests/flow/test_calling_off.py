"""An order that is not wanted any more is not bought: both operations end, nothing is charged, nothing is left."""

import asyncio

import pytest
from sqlmodel import col, select

from models.audit import AuditEntry
from models.enums import IntentState, MessageType, OperationKind, ServiceStatus, Stage
from models.messages import Decision, DecisionKind
from models.webhooks import WebhookMessage
from orders.errors import Refused
from orders.intake import AcceptedOrder
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually

WHY = Decision(actor="anna", reason="seen to")
UNWANTED = Decision(actor="shop", reason="not wanted any more")


async def _close(shop: Shop, order: AcceptedOrder, key: str = "close") -> AcceptedOrder:
    return await shop.resellflow.close_service(order.service, key=key, client="shop")


async def _both_end_without_a_charge(shop: Shop, order: AcceptedOrder, closing: AcceptedOrder) -> None:
    await shop.until(order, Stage.CANCELLED, timeout=30)
    await shop.until(closing, Stage.CANCELLED)
    assert (await shop.service(order.service)).status is ServiceStatus.CLOSED
    assert await shop.upstream.charges() == []


async def _nothing_is_left(shop: Shop) -> None:
    assert [item["status"] for item in await shop.upstream.items() if item["status"] != 4] == []


async def _workflow_ended(shop: Shop, order: AcceptedOrder, timeout: float = 20) -> None:
    async def closed() -> bool:
        return (await shop.handle(order).describe()).close_time is not None

    await assert_eventually(closed, timeout=timeout, message=f"the workflow of operation {order.operation} has ended")


async def _waiting_for_money(shop: Shop) -> AcceptedOrder:
    await shop.upstream.set_balance("0.00")
    order = await shop.order()
    await shop.until(order, Stage.WAITING_FOR_FUNDS)
    return order


async def _refused_with_a_leftover(shop: Shop) -> AcceptedOrder:
    """The upstream's balance is less than it says: it refuses the order and leaves an unpaid row."""
    await shop.upstream.set(not_enough_money="ordered_row")
    await shop.upstream.fault(
        function="*.order.param",
        sok=True,
        times=1,
        kind="error",
        when="after",
        error={"type": "not_enough_money", "params": {"amount": "5.00"}},
    )
    raise NotImplementedError


async def test_deleted_while_it_waits_for_money_nothing_is_bought_after_the_top_up(shop: Shop) -> None:
    order = await _waiting_for_money(shop)
    closing = await _close(shop, order)
    assert closing.created
    assert (await shop.operation(order.operation)).stage is Stage.CANCELLED, "nothing had been sent: at once"
    await shop.upstream.set_balance("100.00")
    await _both_end_without_a_charge(shop, order, closing)
    await _workflow_ended(shop, order)
    assert await shop.upstream.requests("*.order.param") == [] or await shop.upstream.items() == []
    again = await _close(shop, order)
    assert (again.operation, again.created) == (closing.operation, False)
