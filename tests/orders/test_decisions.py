"""What a decision leaves in the database for those who look there: people, and the poller."""

import pytest

from models.database import Database
from models.enums import Stage
from models.messages import Decision, DecisionKind, DecisionRecord
from models.order import Operation, Service
from orders import events
from orders.decisions import deciding
from orders.events.waiting import CONFIRMABLE
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.lifecycle.stages import enter
from orders.services.history import origin_of
from orders.settlement import intents

ACCOUNT = 1


async def needing_attention(database: Database, upstream_number: str | None) -> AcceptedOrder:
    """An order that was sent and accepted, and then met with trouble."""
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    order = await accept_order(database, request, client="t", key="k", hostname_suffix="s.internal")
    async with database.write() as session:
        operation = await session.get_one(Operation, order.operation)
        service = await session.get_one(Service, order.service)
        intent = await intents.prepare(session, operation, ACCOUNT, service.mark, {}, {})
        if upstream_number:
            await intents.accept(session, intent, service, upstream_number, origin_of(operation))
        await enter(session, operation, Stage.NEEDS_ATTENTION, "item 17 is not paid")
    return order


async def retry(
    database: Database, order: AcceptedOrder, kind: DecisionKind = DecisionKind.RETRY, decision_id: str = "d-1"
) -> Operation:
    record = DecisionRecord(
        operation=order.operation,
        kind=kind,
        decision=Decision(actor="anna", reason="paid it"),
        decision_id=decision_id,
    )
    async with database.write() as session:
        await deciding.decide(session, record)
    async with database.read() as session:
        return await session.get_one(Operation, order.operation)


async def test_an_order_whose_item_is_known_waits_for_it_again_and_the_poller_watches_it(database: Database) -> None:
    order = await needing_attention(database, "17")
    async with database.read() as session:
        assert not await events.waiting_operations(session, "main"), "nobody hurries"
        [late] = await events.waiting_operations(session, "main", CONFIRMABLE)
    assert late.number == order.operation, "what comes late is heeded all the same"
    operation = await retry(database, order, DecisionKind.LOOK_NOW)
    assert operation.stage is Stage.AWAITING_CONFIRMATION
    assert "item 17" in operation.waits_for
    async with database.read() as session:
        [waiting] = await events.waiting_operations(session, "main")
    assert (waiting.number, waiting.upstream_number) == (order.operation, "17")


async def test_an_order_whose_request_is_not_settled_begins_with_the_balance(database: Database) -> None:
    order = await needing_attention(database, None)
    async with database.write() as session:
        (await session.get_one(Service, order.service)).upstream_number = "17"
    async with database.read() as session:
        assert not await events.waiting_operations(session, "main", CONFIRMABLE), "it is not known to be its result"
    assert (await retry(database, order)).stage is Stage.CHECKING_BALANCE


@pytest.mark.parametrize(("upstream_number", "kind"), [("17", DecisionKind.LOOK_NOW), (None, DecisionKind.RETRY)])
async def test_a_decision_written_down_twice_is_one(
    database: Database, upstream_number: str | None, kind: DecisionKind
) -> None:
    order = await needing_attention(database, upstream_number)
    first = await retry(database, order, kind)
    second = await retry(database, order, kind)
    assert (first.stage, first.stage_since) == (second.stage, second.stage_since)
