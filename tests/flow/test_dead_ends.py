"""The upstream takes the money and does not go on by itself: a person is told why, and what comes late needs none."""

from models.enums import OperationKind, Stage, UpstreamStatus
from models.messages import Decision, DecisionKind
from orders.errors import Refused
from orders.goals import Seen, outcome
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually

WHY = Decision(actor="anna", reason="a module was connected, it runs")


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


async def test_what_is_awaited_may_be_marked_done(shop: Shop) -> None:
    await shop.upstream.set(opening="manual")
    order = await shop.order()
    await shop.until(order, Stage.AWAITING_CONFIRMATION)
    service = await shop.service(order.service)
    by_hand = WHY.model_copy(update={"upstream_number": service.upstream_number})

    async def marked() -> bool:
        # The database tells the stage a moment before the workflow is in it.
        await shop.resellflow.decide(order.operation, DecisionKind.MARK_DONE, by_hand)
        return True

    await assert_eventually(marked, ignoring=(Refused,), message="it can be marked done")
    await shop.until(order, Stage.COMPLETED)
    assert [charge["operation"] for charge in await shop.upstream.charges()] == ["open"]


def test_only_an_opening_that_is_paid_for_ends_there() -> None:
    """What is ordered may wait to be paid, and an item that nothing can open can be deleted."""
    detail = "item_status_service_nosuitable"
    stuck, unpaid = (Seen(one, detail=detail) for one in (UpstreamStatus.PROCESSING, UpstreamStatus.ORDERED))
    assert outcome(OperationKind.OPEN, {}, stuck) is False
    assert outcome(OperationKind.OPEN, {}, unpaid) is None
    assert {outcome(kind, {}, stuck) for kind in OperationKind if kind is not OperationKind.OPEN} == {None}
