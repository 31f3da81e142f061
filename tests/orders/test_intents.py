"""The record of a call: what is settled stays settled, and money is set free or charged as the outcome says."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlmodel import col, select

from models.catalogue import UpstreamAccount
from models.columns import units
from models.database import Database
from models.enums import (
    FailureClass,
    IntentState,
    IntentStep,
    Knowledge,
    OperationKind,
    ReservationState,
    ServiceStatus,
    Stage,
    UnpaidKind,
)
from models.leases import LeaseTerms
from models.money import Money
from models.order import Intent, Operation, Service
from orders.errors import Refused
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.lifecycle.stages import locked_operation
from orders.money import funds
from orders.services.history import origin_of
from orders.settlement import intents
from orders.settlement.late import is_late

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
PRICE = Money.of("5.00", "EUR")


@pytest.fixture
async def order(shelf: Database) -> AcceptedOrder:
    """Its money is set aside, and its first call is about to be sent."""
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    order = await accept_order(shelf, request, client="t", key="k", hostname_suffix="s.internal")
    async with shelf.write() as session:
        await funds.request(session, 1, order.operation, PRICE)
        reading = funds.BalanceReading(Money.of("100.00", "EUR"), 0)
        assert await funds.grant_waiting(session, 1, reading) == [order.operation]
    await prepare(shelf, order)
    return order


async def prepare(shelf: Database, order: AcceptedOrder, step: IntentStep = IntentStep.SEND) -> None:
    async with shelf.write() as session:
        operation = await locked_operation(session, order.operation)
        await intents.prepare(session, operation, 1, "rf-test-1", {}, {}, step=step)


async def settle(
    shelf: Database, order: AcceptedOrder, state: IntentState, unknown_since: datetime | None = None
) -> bool:
    async with shelf.write() as session:
        return await intents.settle(
            session, await latest(shelf, order), state, message=state.value, unknown_since=unknown_since
        )


async def latest(shelf: Database, order: AcceptedOrder) -> Intent:
    async with shelf.read() as session:
        found = await intents.latest(session, order.operation)
    assert found is not None
    return found


async def money(shelf: Database, order: AcceptedOrder) -> tuple[ReservationState, int, int]:
    """The reservation's state, what the account has set aside, and what it was charged."""
    async with shelf.read() as session:
        entry = await funds.reservation_of(session, order.operation)
        account = await session.get_one(UpstreamAccount, 1)
    assert entry is not None
    return entry.state, account.set_aside, account.charged


@pytest.mark.parametrize("proven", [IntentState.REFUSED, IntentState.NOT_DONE, IntentState.ACCEPTED])
@pytest.mark.parametrize("late", [IntentState.UNKNOWN, IntentState.NOT_SENT])
async def test_a_late_attempt_overwrites_nothing_that_is_proven(
    shelf: Database, order: AcceptedOrder, proven: IntentState, late: IntentState
) -> None:
    assert await settle(shelf, order, proven)
    assert not await settle(shelf, order, late)
    call = await latest(shelf, order)
    assert (call.state, call.message, call.unknown_since) == (proven, proven.value, None)
    assert call.settled_at is not None


async def test_the_window_counts_from_the_first_moment_at_which_the_outcome_was_unknown(
    shelf: Database, order: AcceptedOrder
) -> None:
    assert await settle(shelf, order, IntentState.UNKNOWN, NOON)
    assert await settle(shelf, order, IntentState.UNKNOWN, LATER)
    call = await latest(shelf, order)
    assert (call.state, call.unknown_since, call.settled_at) == (IntentState.UNKNOWN, NOON, None)


async def test_without_a_moment_the_window_counts_from_now(shelf: Database, order: AcceptedOrder) -> None:
    before = (await latest(shelf, order)).created_at
    await settle(shelf, order, IntentState.UNKNOWN)
    since = (await latest(shelf, order)).unknown_since
    assert since is not None
    assert since >= before


async def test_a_refusal_sets_the_money_free(shelf: Database, order: AcceptedOrder) -> None:
    assert await money(shelf, order) == (ReservationState.GRANTED, units(Decimal(5)), 0)
    async with shelf.write() as session:
        call = await latest(shelf, order)
        await intents.refuse(session, call, message="no", failure=FailureClass.FUNDS, balance=Decimal("4.00"))
    assert await money(shelf, order) == (ReservationState.RELEASED, 0, 0)
    async with shelf.read() as session:
        entry = await funds.reservation_of(session, order.operation)
    assert entry is not None
    assert entry.refused_balance == Decimal("4.00")


async def test_a_refusal_that_comes_after_a_yes_leaves_the_charge_and_the_link(
    shelf: Database, order: AcceptedOrder
) -> None:
    await accept(shelf, order, "17")
    async with shelf.write() as session:
        await intents.refuse(session, await latest(shelf, order), message="no", failure=FailureClass.REJECTED)
    assert (await latest(shelf, order)).state is IntentState.ACCEPTED
    assert await money(shelf, order) == (ReservationState.RELEASED, 0, units(Decimal(5)))


async def test_a_refusal_of_an_earlier_call_leaves_the_money_of_the_next_one(
    shelf: Database, order: AcceptedOrder
) -> None:
    first = await latest(shelf, order)
    await settle(shelf, order, IntentState.NOT_DONE)
    await prepare(shelf, order)
    async with shelf.write() as session:
        call = await intents.current(session, first)
        await intents.refuse(session, call, message="no", failure=FailureClass.REJECTED)
    assert await money(shelf, order) == (ReservationState.GRANTED, units(Decimal(5)), 0)


@pytest.mark.parametrize("state", [IntentState.UNKNOWN, IntentState.ACCEPTED, None])
async def test_while_a_call_may_have_charged_no_other_is_made(
    shelf: Database, order: AcceptedOrder, state: IntentState | None
) -> None:
    """None: it is about to be sent."""
    if state is not None:
        await settle(shelf, order, state)
    for step in IntentStep:
        with pytest.raises(Refused, match="has a call that is"):
            await prepare(shelf, order, step)


@pytest.mark.parametrize("state", [IntentState.NOT_SENT, IntentState.REFUSED, IntentState.ABANDONED])
async def test_after_a_call_that_charged_nothing_another_is_made_until_it_is_called_off(
    shelf: Database, order: AcceptedOrder, state: IntentState
) -> None:
    await settle(shelf, order, state)
    await prepare(shelf, order)
    await settle(shelf, order, state)
    async with shelf.write() as session:
        operation = await locked_operation(session, order.operation)
        operation.called_off_at, operation.called_off_by = NOON, "ann"
        session.add(operation)
    with pytest.raises(Refused, match="called off by ann"):
        await prepare(shelf, order)


async def test_a_call_may_be_sent_for_as_long_as_it_is_said(shelf: Database, order: AcceptedOrder) -> None:
    call = await latest(shelf, order)
    assert call.send_until is not None
    assert timedelta(0) < call.send_until - call.created_at < LeaseTerms.lease + timedelta(minutes=1)


async def accept(shelf: Database, order: AcceptedOrder, number: str | None) -> None:
    async with shelf.write() as session:
        operation = await locked_operation(session, order.operation)
        service = await session.get_one(Service, order.service)
        call = await intents.current(session, await latest(shelf, order))
        await intents.accept(session, call, service, number, origin_of(operation))


async def test_a_yes_about_a_service_that_is_there_leaves_its_status_and_its_item(
    shelf: Database, order: AcceptedOrder
) -> None:
    """As of a prolongation, whose answer names no item."""
    async with shelf.write() as session:
        service = await session.get_one(Service, order.service)
        service.status, service.upstream_number = ServiceStatus.ACTIVE, "17"
        session.add(service)
    await accept(shelf, order, None)
    async with shelf.read() as session:
        service = await session.get_one(Service, order.service)
    assert (service.status, service.upstream_number) == (ServiceStatus.ACTIVE, "17")
    assert await money(shelf, order) == (ReservationState.RELEASED, 0, units(Decimal(5)))


async def test_a_service_that_is_an_item_becomes_no_other_one(shelf: Database, order: AcceptedOrder) -> None:
    await accept(shelf, order, "17")
    with pytest.raises(Refused, match="is item 17 at the upstream already"):
        await accept(shelf, order, "18")
    async with shelf.read() as session:
        assert (await session.get_one(Service, order.service)).upstream_number == "17"


async def test_the_calls_of_another_order_are_no_matter_of_this_one(shelf: Database, order: AcceptedOrder) -> None:
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-2")
    later = await accept_order(shelf, request, client="t", key="l", hostname_suffix="s.internal")
    await prepare(shelf, later)
    assert (await latest(shelf, order)).operation_id == order.operation
    async with shelf.write() as session:
        call = await intents.current(session, await latest(shelf, later))
        await intents.accept_unpaid(session, call, UnpaidKind.ORDER, "8")
        assert await intents.owed(session, order.operation) is None
    await settle(shelf, order, IntentState.NOT_DONE)
    await prepare(shelf, order)
    call = await latest(shelf, order)
    assert (call.operation_id, call.attempt) == (order.operation, 2)


async def test_an_ordered_service_is_processed_from_the_yes_on(shelf: Database, order: AcceptedOrder) -> None:
    async with shelf.write() as session:
        (await session.get_one(Service, order.service)).status_since = NOON
    await accept(shelf, order, "17")
    async with shelf.read() as session:
        service = await session.get_one(Service, order.service)
    assert service.status is ServiceStatus.PROCESSING
    assert service.status_since is not None
    assert service.status_since > NOON


async def test_the_account_s_limit_of_a_whole_call_is_kept_with_the_call(shelf: Database, order: AcceptedOrder) -> None:
    assert (await latest(shelf, order)).flight_seconds is None, "the setting's"
    await settle(shelf, order, IntentState.NOT_DONE)
    async with shelf.write() as session:
        operation = await locked_operation(session, order.operation)
        await intents.prepare(session, operation, 1, "m", {}, {}, flight=timedelta(seconds=90))
    assert (await latest(shelf, order)).flight_seconds == 90


async def test_what_is_found_unpaid_after_its_call_was_settled_is_owed(shelf: Database, order: AcceptedOrder) -> None:
    await settle(shelf, order, IntentState.NOT_DONE)
    async with shelf.write() as session:
        call = await intents.current(session, await latest(shelf, order))
        await intents.accept_unpaid(session, call, UnpaidKind.CART_ROW, "8")
        assert await intents.owed(session, order.operation) is not None


async def test_of_several_calls_the_latest_counts(shelf: Database, order: AcceptedOrder) -> None:
    await settle(shelf, order, IntentState.NOT_DONE)
    await prepare(shelf, order)
    call = await latest(shelf, order)
    assert (call.attempt, call.state) == (2, IntentState.PREPARED)


async def test_what_waits_in_the_cart_is_owed_until_it_is_paid(shelf: Database, order: AcceptedOrder) -> None:
    async def owed() -> IntentStep | None:
        async with shelf.read() as session:
            call = await intents.owed(session, order.operation)
        return call.step if call is not None else None

    assert await owed() is None
    async with shelf.write() as session:
        call = await intents.current(session, await latest(shelf, order))
        await intents.accept_unpaid(session, call, UnpaidKind.CART_ROW, "8")
    assert await owed() is IntentStep.SEND
    assert await money(shelf, order) == (ReservationState.GRANTED, units(Decimal(5)), 0), "it is still to be paid"
    with pytest.raises(Refused):
        await prepare(shelf, order)
    await prepare(shelf, order, IntentStep.PAY)
    assert await owed() is IntentStep.SEND, "the payment is not known to be done"
    await accept(shelf, order, "17")
    assert await owed() is None
    async with shelf.read() as session:
        calls = (await session.exec(select(Intent).order_by(col(Intent.id)))).all()
    assert [intents.may_have_charged(one) for one in calls] == [False, True]
    assert [one.upstream_number for one in calls] == [None, "17"], "a yes with another number is news"


@pytest.mark.parametrize("state", IntentState)
def test_what_may_have_been_charged(state: IntentState) -> None:
    may = {IntentState.PREPARED, IntentState.UNKNOWN, IntentState.ACCEPTED}
    call = Intent(operation_id=1, account_id=1, attempt=1, mark="m", state=state)
    assert intents.may_have_charged(call) is (state in may)
    assert intents.may_have_charged(None) is False


@pytest.mark.parametrize(
    ("state", "stage", "known", "number", "late"),
    [
        (IntentState.PREPARED, Stage.SUBMITTING, None, "17", False),
        (IntentState.UNKNOWN, Stage.OUTCOME_UNKNOWN, None, None, False),
        (IntentState.PREPARED, Stage.CANCELLED, None, "17", True),
        (IntentState.NOT_DONE, Stage.CHECKING_BALANCE, None, "17", True),
        (IntentState.ABANDONED, Stage.NEEDS_ATTENTION, None, None, True),
        (IntentState.ACCEPTED, Stage.COMPLETED, "17", "17", False),
        (IntentState.ACCEPTED, Stage.COMPLETED, "17", "18", True),
        (IntentState.ACCEPTED, Stage.COMPLETED, "17", None, False),
        (IntentState.ACCEPTED, Stage.COMPLETED, None, "17", False),
    ],
)
def test_a_yes_is_late_if_something_else_was_settled_or_another_item_is_known(
    state: IntentState, stage: Stage, known: str | None, number: str | None, late: bool
) -> None:
    call = Intent(operation_id=1, account_id=1, attempt=1, mark="m", state=state, upstream_number=known)
    operation = Operation(service_id=1, kind=OperationKind.OPEN, stage=stage)
    assert is_late(operation, call, number) is late


YES, NO, UNKNOWN = Knowledge.YES, Knowledge.NO, Knowledge.UNKNOWN


@pytest.mark.parametrize(
    ("seen", "known", "learned"),
    [
        (YES, UNKNOWN, YES),
        (NO, UNKNOWN, NO),
        (YES, NO, YES),
        (NO, YES, YES),
        (UNKNOWN, YES, YES),
        (UNKNOWN, NO, NO),
        (UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_what_an_upstream_has_once_shown_it_can_show(seen: Knowledge, known: Knowledge, learned: Knowledge) -> None:
    assert intents.learn(seen, known) is learned
