"""The upstream takes the money and does not continue: a person is told why. A late result needs no person."""

from typing import Any

import pytest
from sqlmodel import select

from models.enums import MessageType, OperationKind, ServiceStatus, Stage, UpstreamStatus
from models.messages import Decision, DecisionKind, DecisionResult
from models.webhooks import WebhookMessage
from orders.errors import Refused
from orders.lifecycle.acceptance import AcceptedOrder
from orders.operations.registry import OPERATIONS, operation_type
from orders.operations.seen import Seen
from orders.operations.set_parameters import ServiceChange
from tests.flow.shop import Shop, Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer

WHY = Decision(actor="anna", reason="a module was connected, it runs")


@pytest.mark.proof
async def test_no_module_can_open_it(shop: Shop) -> None:
    await shop.upstream.set(opening="no_module")
    order = await shop.order()
    waiting = await shop.until(order, Stage.NEEDS_ATTENTION)
    assert "no module of the upstream can open it" in waiting.reason
    assert "item_status_service_nosuitable" in waiting.reason

    service = await shop.service(order.service)
    await shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"status": 2})
    await shop.until(order, Stage.COMPLETED)
    assert [charge["operation"] for charge in await shop.upstream.charges()] == ["open"]


@pytest.mark.proof
async def test_what_is_awaited_may_be_marked_done(shop: Shop) -> None:
    await shop.upstream.set(opening="manual")
    order = await shop.order()
    await shop.until(order, Stage.AWAITING_CONFIRMATION)
    service = await shop.service(order.service)
    by_hand = WHY.model_copy(update={"upstream_number": service.upstream_number})

    looked = await _decided(shop, order, DecisionKind.LOOK_NOW)
    assert f"item {service.upstream_number} is processing" in looked.message
    with pytest.raises(Refused, match="retry is possible in: needs_attention"):
        await shop.resellflow.decide(order.operation, DecisionKind.RETRY, WHY)
    await _decided(shop, order, DecisionKind.MARK_DONE, by_hand)
    await shop.until(order, Stage.COMPLETED)
    assert [charge["operation"] for charge in await shop.upstream.charges()] == ["open"]


@pytest.mark.proof
async def test_what_is_given_up_is_neither_lost_nor_bought_again(shop: Shop) -> None:
    """Its item stays with the service, and goes with it."""
    await shop.upstream.set(opening="manual")
    order = await shop.order()
    await shop.until(order, Stage.AWAITING_CONFIRMATION)
    with pytest.raises(Refused, match="its item stays there and with the service"):
        await shop.resellflow.decide(order.operation, DecisionKind.CANCEL, WHY)
    known = WHY.model_copy(update={"what_is_paid_stays": True})
    await _decided(shop, order, DecisionKind.CANCEL, known)
    ended = await shop.until(order, Stage.CANCELLED)
    assert "stays paid" in ended.reason
    service = await shop.service(order.service)
    assert service.status is not ServiceStatus.CLOSED
    assert service.upstream_number is not None

    closing = await shop.resellflow.close_service(order.service, key="c")
    await shop.until(closing, Stage.COMPLETED)
    assert [item["status"] for item in await shop.upstream.items()] == [int(UpstreamStatus.DELETED)]
    assert [charge["operation"] for charge in await shop.upstream.charges()] == ["open"]


@pytest.mark.proof
async def test_an_ok_that_changes_nothing_reaches_a_person_in_the_usual_time(
    shop_database: str, temporal_server: TemporalServer, upstream: Upstream
) -> None:
    impatient: dict[str, Any] = {"slow_at_least": 0.5, "usual_times": dict.fromkeys(OperationKind, 1.0)}
    async with open_shop(shop_database, temporal_server, upstream, **impatient) as shop:
        order = await shop.order()
        await shop.until(order, Stage.COMPLETED)
        await upstream.set(names="without_www")
        change = ServiceChange(domain="www.shop.example.com")
        misspelt = await shop.resellflow.change_parameters(order.service, change, key="d")
        told = await shop.until(misspelt, Stage.NEEDS_ATTENTION)
        assert "domain: wanted www.shop.example.com, shows shop.example.com" in told.reason
        await upstream.set(names="as_sent")
        await shop.until(misspelt, Stage.COMPLETED)

        await upstream.fault(function="vds.delete", kind="ok")
        closing = await shop.resellflow.close_service(order.service, key="c")
        told = await shop.until(closing, Stage.NEEDS_ATTENTION)
        assert "it may want a phone call first" in told.reason
        async with shop.database.read() as session:
            found = await session.exec(select(WebhookMessage).where(WebhookMessage.kind == MessageType.OPERATION_SLOW))
            assert [one.data["operation"] for one in found.all()] == [misspelt.operation, closing.operation]
        [item] = await upstream.items()
        await upstream.admin("PATCH", f"/items/{item['id']}", {"status": int(UpstreamStatus.DELETED)})
        await shop.until(closing, Stage.COMPLETED)


async def _decided(shop: Shop, order: AcceptedOrder, kind: DecisionKind, decision: Decision = WHY) -> DecisionResult:
    """The database tells the stage a moment before the workflow is in it."""

    async def decided() -> DecisionResult:
        return await shop.resellflow.decide(order.operation, kind, decision)

    return await assert_eventually(decided, ignoring=(Refused,), message=f"{kind.value} is taken")


@pytest.mark.proof
def test_only_an_opening_that_is_paid_for_ends_there() -> None:
    """What is ordered may wait to be paid, and an item that nothing can open can be deleted."""
    stuck, unpaid = (Seen(one, is_dead_end=True) for one in (UpstreamStatus.PROCESSING, UpstreamStatus.ORDERED))
    opening = operation_type(OperationKind.OPEN)
    assert opening.outcome({}, stuck) is False
    assert opening.outcome({}, unpaid) is None
    assert {one.outcome({}, stuck) for one in OPERATIONS.values() if one is not opening} == {None}
    called_off = [Seen(one, is_dead_end=True) for one in (UpstreamStatus.ACTIVE, UpstreamStatus.SUSPENDED)]
    prolong = operation_type(OperationKind.PROLONG)
    assert {prolong.outcome({}, one) for one in called_off} == {False}, "what they have called off does not come"
