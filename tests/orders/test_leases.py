"""Until when a request may be sent, and from when on its silence counts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.columns import utc_now
from models.database import Database
from models.database import now as database_now
from models.enums import IntentState, IntentStep, UnpaidKind
from models.leases import LeaseTerms
from models.order import Intent, Operation, Service
from orders.errors import Refused
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.settlement import intents

pytestmark = pytest.mark.dialects

TERMS = LeaseTerms(lease=timedelta(seconds=10), skew=timedelta(seconds=2), flight=timedelta(seconds=30))
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def an_intent(send_until: datetime | None = None) -> Intent:
    return Intent(operation_id=1, account_id=1, attempt=1, mark="rf-x-1", send_until=send_until, created_at=AT)


async def an_order(database: Database) -> int:
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    order = await accept_order(database, request, client="t", key="k", hostname_suffix="s.internal")
    return order.operation


async def prepare(database: Database, operation: int, **options: Any) -> Intent:
    async with database.write() as session:
        row = await session.get_one(Operation, operation)
        service = await session.get_one(Service, row.service_id)
        return await intents.prepare(session, row, 1, service.mark, {}, {}, **options)


async def test_the_database_tells_the_time_of_now_with_parts_of_a_second(database: Database) -> None:
    async with database.write() as session:
        first = await database_now(session)
        while (second := await database_now(session)) == first:
            pass
    assert timedelta(0) < second - first < timedelta(seconds=1)
    assert abs(first - utc_now()) < timedelta(seconds=5)


async def test_an_intent_says_until_when_it_may_be_sent(database: Database) -> None:
    intent = await prepare(database, await an_order(database), lease=timedelta(seconds=7))
    assert intent.send_until is not None
    assert abs(intent.send_until - utc_now() - timedelta(seconds=7)) < timedelta(seconds=2)
    async with database.read() as session:
        assert (await session.get_one(Intent, intent.id)).send_until == intent.send_until


def test_a_silent_sender_is_gone_after_lease_flight_and_skew() -> None:
    assert TERMS.gone_by(an_intent(send_until=AT)) == AT + timedelta(seconds=32)


def test_a_request_from_before_there_were_leases_is_gone_after_its_flight_and_a_little() -> None:
    assert TERMS.gone_by(an_intent()) == AT + timedelta(seconds=35)


def test_silence_counts_from_now_where_the_sender_is_long_gone() -> None:
    assert abs(TERMS.silent_since(an_intent(send_until=AT)) - utc_now()) < timedelta(seconds=1)
    ahead = utc_now() + timedelta(minutes=5)
    assert TERMS.silent_since(an_intent(send_until=ahead)) == ahead + timedelta(seconds=32)


@pytest.mark.parametrize("state", [IntentState.PREPARED, IntentState.UNKNOWN, IntentState.ACCEPTED])
async def test_nothing_is_sent_beside_or_after_a_call_that_may_have_had_its_effect(
    database: Database, state: IntentState
) -> None:
    operation = await an_order(database)
    await settled(database, await prepare(database, operation), state)
    for step in IntentStep:
        with pytest.raises(Refused, match=state.value):
            await prepare(database, operation, step=step)


async def test_what_was_accepted_and_left_unpaid_is_followed_by_its_next_steps_and_never_sent_again(
    database: Database,
) -> None:
    operation = await an_order(database)
    await settled(database, await prepare(database, operation), IntentState.ACCEPTED, unpaid=UnpaidKind.CART_ROW)
    with pytest.raises(Refused):
        await prepare(database, operation)
    confirming = await prepare(database, operation, step=IntentStep.CONFIRM_CART)
    assert (confirming.attempt, confirming.step) == (2, IntentStep.CONFIRM_CART)
    await settled(database, confirming, IntentState.NOT_SENT)
    with pytest.raises(Refused):
        await prepare(database, operation)
    await settled(database, await prepare(database, operation, step=IntentStep.PAY), IntentState.ACCEPTED)
    with pytest.raises(Refused):
        await prepare(database, operation, step=IntentStep.PAY)


async def settled(database: Database, intent: Intent, state: IntentState, *, unpaid: UnpaidKind | None = None) -> None:
    async with database.write() as session:
        row = await session.get_one(Intent, intent.id)
        row.state, row.unpaid_kind = state, unpaid
        session.add(row)
