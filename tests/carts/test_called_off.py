"""What is called off leaves nothing in the cart that somebody could still pay; what is not proven ours is shown."""

from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from models.enums import FailureClass, IntentState, ServiceStatus, Stage, UnpaidKind
from models.messages import Decision, DecisionKind, DecisionRecord, OrderRef, Submission, SubmitResult
from models.money import Money
from models.order import Intent
from orders.carts.called_off import doubt_about
from orders.carts.rows import Left
from orders.decisions import deciding
from orders.lifecycle import requests
from orders.lifecycle.acceptance import AcceptedOrder
from orders.operations.close import Closing
from tests.carts.bench import Bench
from tests.infrastructure.eventually import assert_eventually
from upstreams.carts import CartRow

CONFIRM, PAY = "cartorder.create.confirm", "payment.add"
NO_MONEY: dict[str, Any] = {"kind": "error", "error": {"type": "not_enough_money"}}


async def cancel(bench: Bench, order: AcceptedOrder) -> None:
    record = DecisionRecord(
        operation=order.operation,
        kind=DecisionKind.CANCEL,
        decision=Decision(actor="anna", reason="not wanted"),
        decision_id="d-1",
    )
    async with bench.database.write() as session:
        await deciding.decide(session, record)


async def called_off(bench: Bench, order: AcceptedOrder) -> SubmitResult:
    """As Temporal does it: again until it is proven."""
    ref = OrderRef(service=order.service, operation=order.operation, patient=False)

    async def ended() -> SubmitResult:
        found: SubmitResult = await ActivityEnvironment().run(bench.activities.calling_off.call_off, ref)
        return found

    found = await assert_eventually(ended, ignoring=(ApplicationError,), message="called off")
    assert found is not None
    return found


async def asked(bench: Bench, what: str, service: int) -> AcceptedOrder:
    if what == "renewal":
        return await bench.prolong(service)
    return await bench.change(service, addons={"ram": 4})


async def unpaid(bench: Bench, what: str) -> AcceptedOrder:
    service = await bench.active()
    order = await asked(bench, what, service.service)
    assert (await bench.step(order)).outcome is Submission.UNPAID
    return order


@pytest.mark.parametrize("what", ["renewal", pytest.param("add-on", marks=pytest.mark.proof)])
async def test_what_is_called_off_has_its_row_taken_out_of_the_cart_and_no_other(bench: Bench, what: str) -> None:
    order = await unpaid(bench, what)
    foreign = await bench.into_the_cart()
    await cancel(bench, order)
    assert (await called_off(bench, order)).outcome is Submission.ENDED
    assert [row["id"] for row in await bench.rows()] == [foreign]
    assert (await bench.operation(order)).stage is Stage.CANCELLED
    assert await bench.charges() == [("open", "5.00")]


@pytest.mark.proof
async def test_the_same_in_the_older_dialect(bench5: Bench) -> None:
    order = await unpaid(bench5, "renewal")
    await cancel(bench5, order)
    assert (await called_off(bench5, order)).outcome is Submission.ENDED
    assert await bench5.rows() == []


@pytest.mark.proof
@pytest.mark.parametrize("what", ["renewal", "add-on"])
async def test_what_waits_for_money_with_a_row_in_the_cart_leaves_none_behind(bench: Bench, what: str) -> None:
    order = await unpaid(bench, what)
    for function in (CONFIRM, PAY):
        await bench.upstream.fault(function=function, sok=True, **NO_MONEY)
    assert (await bench.step(order)).outcome is Submission.FUNDS
    await cancel(bench, order)
    assert (await called_off(bench, order)).outcome is Submission.ENDED
    assert await bench.rows() == []


@pytest.mark.proof
async def test_a_row_that_was_found_after_a_lost_answer_is_taken_out(bench: Bench) -> None:
    service = await bench.active()
    order = await bench.prolong(service.service)
    await bench.upstream.fault(function="service.prolong", sok=True, times=1, kind="cut", when="after")
    await bench.reserve(order)
    assert (await bench.submit(order)).outcome is Submission.UNKNOWN
    assert (await bench.settle(order)).outcome is Submission.UNPAID, "found there, and named from now on"
    await cancel(bench, order)
    assert (await called_off(bench, order)).outcome is Submission.ENDED
    assert await bench.rows() == []


@pytest.mark.proof
async def test_another_row_about_the_same_item_is_left_and_named_with_its_sum(bench: Bench) -> None:
    order = await unpaid(bench, "renewal")
    number = (await bench.service(order)).upstream_number
    await bench.upstream.call("service.prolong", elid=str(number), period="1", sok="ok")  # staff renew it as well
    [_, theirs] = await bench.rows()
    await cancel(bench, order)
    told = await called_off(bench, order)
    assert (told.outcome, told.failure) == (Submission.ATTENTION, FailureClass.EXISTS)
    assert f"item {number}" in told.reason
    assert "5.00 EUR" in told.reason
    assert theirs["id"] in [row["id"] for row in await bench.rows()]


@pytest.mark.proof
async def test_where_the_cart_may_not_be_read_nothing_is_said_to_be_left(bench: Bench) -> None:
    order = await unpaid(bench, "renewal")
    for function in ("cart", "basket"):
        await bench.upstream.fault(function=function, kind="error", error={"type": "access"})
    await cancel(bench, order)
    told = await called_off(bench, order)
    assert told.outcome is Submission.ATTENTION
    assert "is unpaid, and the upstream does not show its cart" in told.reason


@pytest.mark.proof
async def test_a_row_that_somebody_took_away_is_no_proof_that_it_was_not_paid(bench: Bench) -> None:
    order = await unpaid(bench, "renewal")
    for row in await bench.rows():
        await bench.upstream.call("cart", id=row["id"], clicked_button="delete", sok="ok")
    await cancel(bench, order)
    told = await called_off(bench, order)
    assert told.outcome is Submission.ATTENTION
    assert "nothing shows that it was paid" in told.reason


@pytest.mark.proof
async def test_a_row_that_cannot_be_removed_is_named(bench: Bench) -> None:
    order = await unpaid(bench, "renewal")
    for function in ("cart", "basket"):
        await bench.upstream.fault(function=function, sok=True, kind="error", error={"type": "access"})
    await cancel(bench, order)
    told = await called_off(bench, order)
    assert told.outcome is Submission.ATTENTION
    assert len(await bench.rows()) == 1


@pytest.mark.proof
async def test_a_change_that_left_nothing_ends_without_a_look_at_strangers_rows(bench: Bench) -> None:
    service = await bench.active()
    foreign = await bench.into_the_cart()
    order = await bench.prolong(service.service)
    await bench.upstream.fault(function="service.prolong", sok=True, times=1, **NO_MONEY)
    await bench.step(order)
    await cancel(bench, order)
    assert (await called_off(bench, order)).outcome is Submission.ENDED
    assert [row["id"] for row in await bench.rows()] == [foreign]


@pytest.mark.proof
async def test_an_opening_in_the_cart_that_a_person_should_pay_can_still_be_closed_without_a_charge(
    bench: Bench,
) -> None:
    """Its item is tied to the service so that the payment is seen; that is not bought yet."""
    order = await bench.order()
    await bench.upstream.fault(function=CONFIRM, sok=True, kind="error", error={"type": "access"})
    await bench.step(order)
    assert (await bench.step(order)).outcome is Submission.MANUAL
    assert (await bench.service(order)).upstream_number is not None
    closing = await requests.ask(bench.database, order.service, Closing(), client="shop", key="unwanted")
    assert "is called off: what its requests may have left" in (await bench.operation(closing)).reason
    assert (await called_off(bench, order)).outcome is Submission.ENDED
    assert await bench.rows() == []
    assert (await bench.service(order)).status is ServiceStatus.CLOSED
    assert await bench.charges() == []


OURS = CartRow(number="17", order="9", item="900", name="VPS-1", amount=Money.of("5.00", "EUR"))
LOST = Intent(operation_id=1, account_id=1, attempt=1, mark="m", state=IntentState.NOT_DONE)
REFUSED = LOST.model_copy(update={"state": IntentState.REFUSED, "failure_class": FailureClass.REJECTED})
NAMED = LOST.model_copy(update={"unpaid_kind": UnpaidKind.ORDER, "unpaid_number": "9"})


@pytest.mark.parametrize(
    ("row", "calls", "others", "doubt"),
    [
        (OURS, [NAMED], [], ""),
        (OURS, [LOST], [], ""),
        (OURS.model_copy(update={"item": "17"}), [NAMED], [], ""),  # a cart that shows its own number for the item's
        (OURS.model_copy(update={"item": "901"}), [NAMED], [], "about another item"),
        (OURS.model_copy(update={"order": "10"}), [NAMED], [], "not what the upstream's answer named"),
        (OURS.model_copy(update={"amount": Money.of("6.00", "EUR")}), [LOST], [], "does not cost what this order does"),
        (OURS.model_copy(update={"amount": None}), [LOST], [], "does not cost what this order does"),
        (OURS, [REFUSED], [], "no request of this order was left unpaid"),
        (OURS.model_copy(update={"number": ""}), [NAMED], [OURS], "can't be removed without others"),
        (OURS.model_copy(update={"number": "", "order": ""}), [LOST], [], "no number to remove it by"),
    ],
)
def test_a_row_of_a_renewal_is_removed_only_on_proof(
    row: CartRow, calls: list[Intent], others: list[CartRow], doubt: str
) -> None:
    left = Left(ours=((UnpaidKind.ORDER, row),), others=tuple(others))
    told = doubt_about("900", Money.of("5.00", "EUR"), UnpaidKind.ORDER, row, left, calls)
    assert doubt in told
    assert bool(told) is bool(doubt)
