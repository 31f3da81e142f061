"""A customer closes a service whose order the distributor has accepted and has not bought yet."""

import pytest

from models.enums import IntentState, OperationKind, ServiceStatus, Stage
from models.messages import Decision, DecisionKind
from orders.lifecycle.acceptance import AcceptedOrder
from tests.farside.installations import Pair
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.proxy import Answer, Reaches, Request


def closes(request: Request) -> bool:
    return request.method == "DELETE"


async def _waits_there(pair: Pair) -> AcceptedOrder:
    """An order that waits at the distributor's for money."""
    await pair.panel.set_balance("0.00")
    order = await pair.reseller.order("S")
    await pair.stands_there(Stage.WAITING_FOR_FUNDS)
    await pair.reseller.until(order, Stage.AWAITING_CONFIRMATION)
    return order


async def _bought_there(pair: Pair) -> AcceptedOrder:
    """An order that the distributor has bought, and that its own upstream opens by hand."""
    await pair.panel.set(opening="manual")
    order = await pair.reseller.order("S")
    await pair.stands_there(Stage.AWAITING_CONFIRMATION)
    await pair.reseller.until(order, Stage.AWAITING_CONFIRMATION)
    return order


async def _close(pair: Pair, order: AcceptedOrder) -> AcceptedOrder:
    return await pair.reseller.resellflow.close_service(order.service, key="c")


async def _ended_without_a_charge(pair: Pair, order: AcceptedOrder, closing: AcceptedOrder) -> None:
    await pair.reseller.until(order, Stage.CANCELLED, timeout=40)
    await pair.reseller.until(closing, Stage.CANCELLED)
    assert (await pair.reseller.service(order.service)).status is ServiceStatus.CLOSED
    assert [intent.state for intent in await pair.reseller.intents(order.operation)] == [IntentState.NOT_DONE]
    await pair.panel.set_balance("50.00")
    opening = (await pair.operations_there())[0]
    assert (opening.kind, opening.stage) == (OperationKind.OPEN, Stage.CANCELLED)
    assert await pair.counts() == (1, 0, 0), "nothing is bought, also after the money has come"


@pytest.mark.proof
async def test_what_waits_there_for_money_is_called_off_and_never_bought(pair: Pair) -> None:
    order = await _waits_there(pair)
    closing = await _close(pair, order)
    asked = await pair.reseller.operation(closing.operation)
    assert "is asked to call it off: if it is not bought yet, both end without a charge" in asked.reason
    await _ended_without_a_charge(pair, order, closing)
    assert pair.line.sent(closes) == 1


@pytest.mark.parametrize("reaches", [Reaches.BEFORE, Reaches.NEVER])
@pytest.mark.proof
async def test_a_lost_answer_to_the_calling_off_is_found_out(pair: Pair, reaches: Reaches) -> None:
    order = await _waits_there(pair)
    pair.line.lay(Answer.CUT, reaches, chosen=closes)
    await _ended_without_a_charge(pair, order, await _close(pair, order))
    kinds = [operation.kind for operation in await pair.operations_there()]
    assert kinds == [OperationKind.OPEN, OperationKind.CLOSE]


@pytest.mark.proof
async def test_while_the_distributor_is_away_the_calling_off_waits(pair: Pair) -> None:
    order = await _waits_there(pair)
    await pair.line.down()
    closing = await _close(pair, order)

    async def is_tried_again() -> bool:
        described = await pair.reseller.handle(order).describe()
        return any(one.attempt > 1 for one in described.raw_description.pending_activities)

    await assert_eventually(is_tried_again, message="the distributor is asked, and does not answer")
    await pair.line.up()
    await _ended_without_a_charge(pair, order, closing)


@pytest.mark.proof
async def test_what_the_distributor_has_bought_is_opened_and_then_closed(pair: Pair) -> None:
    order = await _bought_there(pair)
    closing = await _close(pair, order)
    await assert_eventually(lambda: _sent(pair), message="the distributor is asked to call it off")
    [item] = await pair.panel.items()
    await pair.panel.admin("POST", f"/items/{item['id']}/open")
    await pair.reseller.until(order, Stage.COMPLETED, timeout=60)
    ended = await pair.reseller.until(closing, Stage.COMPLETED, Stage.CANCELLED, timeout=60)
    assert (await pair.reseller.service(order.service)).status is ServiceStatus.CLOSED, ended
    assert (await pair.sold())[0].status is ServiceStatus.CLOSED
    assert await pair.counts() == (1, 1, 1)


@pytest.mark.proof
async def test_what_the_distributor_buys_at_the_same_moment_ends_as_bought(pair: Pair) -> None:
    """Their order goes on, and ends, while our request to call it off is on the line."""
    order = await _waits_there(pair)
    await pair.line.down()
    closing = await _close(pair, order)
    await pair.panel.set_balance("50.00")
    await pair.stands_there(Stage.COMPLETED)
    await pair.line.up()
    await pair.reseller.until(order, Stage.COMPLETED, timeout=60)
    await pair.reseller.until(closing, Stage.COMPLETED, timeout=60)
    assert (await pair.sold())[0].status is ServiceStatus.CLOSED
    assert await pair.counts() == (1, 1, 1)


@pytest.mark.proof
async def test_an_order_that_a_person_there_has_given_up_asks_a_person_here(pair: Pair) -> None:
    """Their upstream had accepted it, so it may be charged: that is never guessed."""
    order = await _bought_there(pair)
    await pair.line.down()
    closing = await _close(pair, order)
    there = (await pair.operations_there())[0]
    given_up = Decision(actor="dora", reason="never opened", what_is_paid_stays=True)
    await pair.distributor.resellflow.decide(there.id or 0, DecisionKind.CANCEL, given_up)
    await pair.line.up()
    asked = await pair.reseller.until(order, Stage.NEEDS_ATTENTION, timeout=60)
    assert "does not say whether it was bought" in asked.reason
    assert (await pair.reseller.operation(closing.operation)).stage is Stage.QUEUED


async def _sent(pair: Pair) -> bool:
    return pair.line.sent(closes) > 0
