"""The distributor holds the price that it quoted: what is lost, late or dearer in between is bought once, for that."""

from datetime import timedelta

import pytest
from sqlmodel import select

from models.columns import utc_now
from models.enums import FailureClass, IntentState, Stage
from models.messages import Decision, DecisionKind
from models.money import Money
from models.quote import StoredQuote
from tests.farside.installations import Pair, orders
from tests.farside.test_prices import incidents, sell_for
from tests.infrastructure.proxy import Answer, Reaches
from upstreams.resellflow.quotes import ADDRESS

SOLD_FOR = Money.of("7.90", "EUR")


async def end_quotes(pair: Pair) -> None:
    async with pair.distributor.database.write() as session:
        for one in (await session.exec(select(StoredQuote))).all():
            one.valid_until = utc_now() - timedelta(seconds=1)
            session.add(one)


@pytest.mark.proof
async def test_it_becomes_dearer_while_the_answer_is_lost_and_is_bought_once_for_what_was_quoted(pair: Pair) -> None:
    pair.line.lay(Answer.CUT, Reaches.NEVER, chosen=orders)
    order = await pair.reseller.order("S")
    await pair.reseller.until(order, Stage.OUTCOME_UNKNOWN)
    await sell_for(pair, "VDS-1", "11.90")
    await pair.completed(order)
    first, second = [request for request in pair.line.requests if orders(request)]
    assert first.body == second.body, "the same request, quote and all: the first one may still arrive"
    assert b'"quote": "q-' in first.body
    await pair.line.pass_on(first)
    assert await pair.counts() == (1, 1, 1)
    [there] = await pair.operations_there()
    assert there.price["selling"] == str(SOLD_FOR)
    assert (await pair.reseller.operation(order.operation)).cost == SOLD_FOR
    assert await incidents(pair) == []
    assert pair.line.sent(lambda request: request.path == ADDRESS) == 1, "what is held is not asked for again"


@pytest.mark.proof
async def test_a_quote_that_ends_before_its_order_arrives_buys_nothing_and_the_price_is_asked_again(
    pair: Pair,
) -> None:
    pair.line.lay(Answer.CUT, Reaches.NEVER, chosen=orders)
    order = await pair.reseller.order("S")
    await pair.reseller.until(order, Stage.OUTCOME_UNKNOWN)
    await end_quotes(pair)
    await sell_for(pair, "VDS-1", "11.90")
    asked = await pair.reseller.until(order, Stage.NEEDS_ATTENTION, timeout=40)
    assert asked.failure_class is FailureClass.PRICE_CHANGED
    assert "the upstream asks 11.90 EUR" in asked.reason
    assert await pair.counts() == (0, 0, 0)
    states = [one.state for one in await pair.reseller.intents(order.operation)]
    assert len(states) == 2
    assert states[0] is IntentState.NOT_DONE
    await sell_for(pair, "VDS-1", "7.90")
    decided = Decision(actor="olga", reason="seen")
    await pair.reseller.resellflow.decide(order.operation, DecisionKind.RETRY, decided)
    await pair.completed(order)
    assert await pair.counts() == (1, 1, 1)


@pytest.mark.proof
async def test_a_renewal_whose_answer_is_lost_is_found_under_its_key_although_its_quote_has_ended(pair: Pair) -> None:
    number = (await pair.bought()).id or 0
    pair.line.lay(Answer.CUT, Reaches.BEFORE, chosen=orders)
    order = await pair.reseller.resellflow.prolong(number, 1, key="p")
    await pair.reseller.until(order, Stage.OUTCOME_UNKNOWN, Stage.AWAITING_CONFIRMATION, Stage.COMPLETED)
    await end_quotes(pair)
    await pair.completed(order)
    assert [charge["operation"] for charge in await pair.panel.charges()] == ["open", "prolong"]
