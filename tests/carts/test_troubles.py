"""What can go wrong at the cart: nothing is paid twice; what no machine can pay is told with row, number and sum."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlmodel import select

from models.catalogue import UpstreamAccount
from models.enums import IncidentKind, IntentState, Stage
from models.messages import Decision, DecisionKind, DecisionRecord, Funds, Submission
from models.order import Operation
from orders.carts import paying
from orders.carts.rows import remove_own_row
from orders.decisions import deciding
from orders.lifecycle import completion
from orders.lifecycle.stages import enter, locked_operation
from orders.operations.job import load_job
from tests.carts.bench import Bench
from tests.infrastructure.eventually import assert_eventually

CONFIRM, PAY, ORDER = "cartorder.create.confirm", "payment.add", "*.order.param"
LOST = [
    {"kind": "cut", "when": "after"},
    pytest.param({"kind": "cut", "when": "before"}, marks=pytest.mark.proof),
    pytest.param({"kind": "http_502", "when": "after"}, marks=pytest.mark.proof),
    pytest.param({"kind": "error", "when": "after", "error": {"type": "query"}}, marks=pytest.mark.proof),
]


@pytest.mark.parametrize("fault", LOST, ids=lambda f: f"{f['kind']}-{f['when']}")
async def test_a_lost_answer_to_the_confirmation_is_settled_by_the_cart_and_the_item(
    bench: Bench, fault: dict[str, Any]
) -> None:
    await bench.upstream.fault(function=CONFIRM, sok=True, times=1, **fault)
    order = await bench.order()
    await bench.to_the_end(order)
    assert await bench.charges() == [("open", "5.00")]
    states = [state for step, state in await bench.steps(order) if step == "confirm_cart"]
    assert states == (["accepted"] if fault["when"] == "after" else ["not_done", "accepted"])


@pytest.mark.parametrize("when", [pytest.param("before", marks=pytest.mark.proof), "after"])
async def test_a_lost_answer_to_the_payment_of_a_renewal_is_settled_by_the_expiry(bench5: Bench, when: str) -> None:
    service = await bench5.active()
    await bench5.upstream.fault(function=PAY, sok=True, times=1, kind="cut", when=when)
    renewal = await bench5.prolong(service.service)
    await bench5.to_the_end(renewal)
    assert await bench5.charges() == [("open", "5.00"), ("prolong", "5.00")]


async def test_a_payment_is_never_repeated_on_absence_alone(bench: Bench) -> None:
    await bench.upstream.fault(function=CONFIRM, sok=True, times=1, kind="cut", when="before")
    order = await bench.order()
    await bench.step(order)
    await bench.reserve(order)
    assert (await bench.submit(order)).outcome is Submission.UNKNOWN
    [row] = await bench.rows()
    await bench.upstream.call("cart", id=row["id"], clicked_button="delete", sok="ok")  # somebody takes it away
    told = await bench.settle(order)
    assert told.outcome is Submission.ATTENTION
    assert f"row {row['id']}" in told.reason
    assert "5.00 EUR" in told.reason
    assert await bench.charges() == []


@pytest.mark.parametrize("fault", LOST, ids=lambda f: f"{f['kind']}-{f['when']}")
async def test_a_lost_order_that_is_in_the_cart_is_paid_and_not_ordered_again(
    bench: Bench, fault: dict[str, Any]
) -> None:
    await bench.upstream.fault(function=ORDER, sok=True, times=1, **fault)
    order = await bench.order()
    await bench.to_the_end(order)
    assert await bench.charges() == [("open", "5.00")]
    assert len(await bench.upstream.items()) == 1
    assert await bench.rows() == []


@pytest.mark.proof
async def test_a_lost_renewal_that_is_in_the_cart_is_paid_and_not_sent_again(bench: Bench) -> None:
    service = await bench.active()
    await bench.upstream.fault(function="service.prolong", sok=True, times=1, kind="cut", when="after")
    renewal = await bench.prolong(service.service)
    await bench.to_the_end(renewal)
    assert await bench.charges() == [("open", "5.00"), ("prolong", "5.00")]
    assert (await bench.committing()).count("service.prolong") == 1


async def test_a_foreign_row_stops_everything_and_is_named_with_its_sum(bench: Bench) -> None:
    foreign = await bench.into_the_cart()
    order = await bench.order()
    await bench.step(order)
    told = await bench.step(order)
    assert told.outcome is Submission.MANUAL
    assert f"row {foreign}" in told.reason
    assert "5.00 EUR" in told.reason
    assert await bench.charges() == []
    assert len(await bench.rows()) == 2, "nothing is removed"
    [incident] = await bench.incidents()
    assert incident.kind is IncidentKind.FOREIGN_CART
    assert foreign in incident.message
    service = await bench.service(order)
    assert service.upstream_number, "so that the poller sees when a person has paid it"


@pytest.mark.proof
async def test_once_the_foreign_row_is_gone_a_retry_pays(bench: Bench) -> None:
    foreign = await bench.into_the_cart()
    order = await bench.order()
    await bench.step(order)
    assert (await bench.step(order)).outcome is Submission.MANUAL
    await bench.upstream.call("cart", id=foreign, clicked_button="delete", sok="ok")
    await bench.to_the_end(order)
    assert await bench.charges() == [("open", "5.00")]


async def test_too_little_money_at_the_payment_waits_for_money_and_does_not_order_again(bench: Bench) -> None:
    order = await bench.order()
    await bench.step(order)
    await bench.reserve(order)
    await bench.upstream.set_balance("1.00")  # somebody else has spent it
    assert (await bench.submit(order)).outcome is Submission.FUNDS
    assert (await bench.step(order)).outcome is Submission.FUNDS
    assert (await bench.operation(order)).stage is Stage.WAITING_FOR_FUNDS
    assert len(await bench.rows()) == 1, "the row stays"
    await bench.upstream.admin("POST", "/accounts/reseller/top-up", {"amount": "10.00"})

    async def money_is_seen() -> bool:
        return (await bench.reserve(order)).outcome is Funds.GRANTED

    await assert_eventually(money_is_seen, timeout=30)
    await bench.to_the_end(order)
    assert await bench.charges() == [("open", "5.00")]
    assert len([name for name in await bench.committing() if name.endswith("order.param")]) == 1


@pytest.mark.parametrize("lost", [pytest.param("before", marks=pytest.mark.proof), "after"])
async def test_a_worker_killed_while_it_pays_leaves_nothing_paid_twice(bench: Bench, lost: str) -> None:
    """Its intent is there and no answer: as after a kill, whether or not the request had gone."""
    await bench.upstream.fault(function=CONFIRM, sok=True, times=1, kind="hang", when=lost, seconds=4)
    order = await bench.order()
    await bench.step(order)
    await bench.reserve(order)
    assert (await bench.submit(order)).outcome is Submission.UNKNOWN
    async with bench.database.write() as session:
        [_, intent] = await bench.intents(order)
        intent.state, intent.unknown_since, intent.message = IntentState.PREPARED, None, ""
        session.add(await session.merge(intent))
    await bench.to_the_end(order)
    assert await bench.charges() == [("open", "5.00")]


async def test_a_dearer_row_is_set_aside_anew_before_it_is_paid(bench: Bench) -> None:
    order = await bench.order()
    assert (await bench.reserve(order)).required == "5.00 EUR"
    await bench.upstream.admin("PATCH", "/pricelists/58", {"prices": {"1": "5.40"}})
    assert (await bench.submit(order)).outcome is Submission.UNPAID
    told = await bench.submit(order)
    assert told.outcome is Submission.FUNDS
    assert "5.40 EUR" in told.reason
    assert await bench.charges() == []
    assert (await bench.reserve(order)).required == "5.40 EUR"
    await bench.to_the_end(order)
    assert await bench.charges() == [("open", "5.40")]
    assert (await bench.operation(order)).cost_amount == Decimal("5.40")


@pytest.mark.parametrize("function", ["cart", CONFIRM])
async def test_a_right_that_is_missing_makes_it_a_task_that_names_row_and_sum(bench: Bench, function: str) -> None:
    refusal = {"type": "access", "object": function}
    await bench.upstream.fault(function=function, kind="error", error=refusal)
    order = await bench.order()
    told = await bench.go(order)
    assert told.outcome is Submission.MANUAL
    [send, *_] = await bench.intents(order)
    assert send.unpaid_number is not None
    assert send.unpaid_number in told.reason
    assert send.state is IntentState.ACCEPTED, "it is never sent again"
    if function == CONFIRM:
        assert "5.00 EUR" in told.reason


@pytest.mark.proof
async def test_a_payment_that_is_refused_again_and_again_becomes_a_task(bench: Bench) -> None:
    await bench.upstream.fault(function=CONFIRM, kind="error", error={"type": "value", "object": "paymethod_id"})
    order = await bench.order()
    told = await bench.go(order)
    assert told.outcome is Submission.MANUAL
    assert len(await bench.upstream.requests(CONFIRM)) == paying.TRIES_AT_MOST


@pytest.mark.proof
async def test_a_no_from_an_upstream_that_paid_all_the_same_is_seen_at_the_next_look(bench: Bench) -> None:
    refusal = {"type": "value", "object": "paymethod_id"}
    await bench.upstream.fault(function=CONFIRM, sok=True, times=1, kind="error", when="after", error=refusal)
    order = await bench.order()
    await bench.to_the_end(order)
    assert await bench.charges() == [("open", "5.00")]


async def test_a_row_that_a_person_has_paid_is_taken_for_paid(bench: Bench) -> None:
    order = await bench.order()
    await bench.step(order)
    [row] = await bench.rows()
    await bench.upstream.call(CONFIRM, elid=row["id"], paymethod_id="0", sok="ok")
    await bench.to_the_end(order)
    assert await bench.charges() == [("open", "5.00")]
    assert len(await bench.upstream.requests(CONFIRM)) == 1, "only the person's"


async def test_two_rows_of_one_order_are_named_both_and_none_is_paid(bench: Bench) -> None:
    service = await bench.active()
    [item] = await bench.upstream.items()
    renewal = await bench.prolong(service.service)
    await bench.step(renewal)
    await bench.upstream.call("service.prolong", elid=str(item["id"]), period="1", sok="ok")
    told = await bench.step(renewal)
    assert told.outcome is Submission.MANUAL
    for row in await bench.rows():
        assert row["id"] in told.reason
    assert await bench.charges() == [("open", "5.00")]


@pytest.mark.proof
async def test_a_row_of_ours_that_waits_for_money_holds_the_others_back_for_a_while_only(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    poor, rich = await bench.order(), await bench.order()
    await bench.step(poor)
    await bench.step(rich)
    async with bench.database.write() as session:
        await completion.free_unused_funds(session, poor.operation)
    waiting = await bench.submit(rich)
    assert waiting.outcome is Submission.TROUBLE
    assert f"operation {poor.operation} waits for money" in waiting.reason
    monkeypatch.setattr("activities.carts.WAIT_AT_MOST", timedelta(seconds=0.2))

    async def asked() -> bool:
        told = await bench.submit(rich)
        assert told.outcome is Submission.ATTENTION, told
        return True

    await assert_eventually(asked, timeout=30)
    assert await bench.charges() == []


async def test_one_order_at_a_time_is_at_an_accounts_cart(bench: Bench) -> None:
    holder, other = await bench.order(), await bench.order()
    await bench.step(holder)
    await bench.step(other)
    async with bench.database.write() as session:
        account = (await session.exec(select(UpstreamAccount))).one()
        assert await paying.take_cart(session, account.id or 0, holder.operation) is None
        assert await paying.take_cart(session, account.id or 0, other.operation) == holder.operation
    waiting = await bench.submit(other)
    assert waiting.outcome is Submission.TROUBLE
    assert f"operation {holder.operation}" in waiting.reason
    assert (await bench.step(holder)).outcome is Submission.ACCEPTED
    await bench.to_the_end(other)


async def test_a_cart_whose_holder_has_ended_is_taken_over(bench: Bench) -> None:
    holder, other = await bench.order(), await bench.order()
    await bench.step(other)
    async with bench.database.write() as session:
        account = (await session.exec(select(UpstreamAccount))).one()
        await paying.take_cart(session, account.id or 0, holder.operation)
    cancelled = DecisionRecord(
        operation=holder.operation,
        kind=DecisionKind.CANCEL,
        decision=Decision(actor="anna", reason="a slip"),
        decision_id="d-1",
    )
    async with bench.database.write() as session:
        await deciding.decide(session, cancelled)
    await bench.to_the_end(other)
    assert await bench.charges() == [("open", "5.00")]


@pytest.mark.proof
async def test_an_order_with_an_unpaid_row_ends_at_once_only_if_somebody_vouches_for_it(bench: Bench) -> None:
    """Else it is called off: nothing of it is paid any more, and its row is taken out first."""
    order = await bench.order()
    await bench.step(order)

    def cancel(vouched: bool) -> DecisionRecord:
        decision = Decision(actor="anna", reason="not wanted", nothing_was_bought=vouched)
        return DecisionRecord(
            operation=order.operation, kind=DecisionKind.CANCEL, decision=decision, decision_id=f"d-{vouched}"
        )

    async with bench.database.write() as session:
        await deciding.decide(session, cancel(False))
    called_off = await bench.operation(order)
    assert called_off.called_off_at is not None
    assert not called_off.stage.is_final
    async with bench.database.write() as session:
        await deciding.decide(session, cancel(True))
    assert (await bench.operation(order)).stage is Stage.CANCELLED


@pytest.mark.proof
async def test_a_person_who_vouches_has_a_removed_row_ordered_anew(bench: Bench) -> None:
    order = await bench.order()
    await bench.step(order)
    [row] = await bench.rows()
    await bench.upstream.call("cart", id=row["id"], clicked_button="delete", sok="ok")
    waiting = await bench.step(order)
    assert waiting.outcome is Submission.TROUBLE
    assert f"row {row['id']} is not in the cart" in waiting.reason
    async with bench.database.write() as session:
        await enter(session, await locked_operation(session, order.operation), Stage.NEEDS_ATTENTION, waiting.reason)
    retry = DecisionRecord(
        operation=order.operation,
        kind=DecisionKind.RETRY,
        decision=Decision(actor="anna", reason="I removed it", nothing_was_bought=True),
        decision_id="d-1",
    )
    async with bench.database.write() as session:
        await deciding.decide(session, retry)
    await bench.to_the_end(order)
    assert await bench.charges() == [("open", "5.00")]


async def test_a_late_yes_to_a_payment_of_an_order_that_has_ended_is_an_incident(bench: Bench) -> None:
    order = await bench.order()
    await bench.step(order)
    await bench.reserve(order)
    await bench.upstream.fault(function=CONFIRM, sok=True, times=1, kind="stall", when="after", seconds=0.7)
    paying_it = asyncio.create_task(bench.submit(order))
    await assert_eventually(bench.upstream.charges, timeout=30)
    async with bench.database.write() as session:  # a person ends it in that very moment
        operation = await session.get_one(Operation, order.operation)
        operation.stage = Stage.CANCELLED
        session.add(operation)
    assert (await paying_it).outcome is Submission.ENDED
    [incident] = await bench.incidents()
    assert incident.kind is IncidentKind.LATE_YES
    assert incident.operation_id == order.operation


async def test_an_opening_that_is_called_off_has_its_own_row_removed_and_no_other(bench: Bench) -> None:
    foreign = await bench.into_the_cart()
    order = await bench.order()
    await bench.step(order)
    job = await load_job(bench.database, order.operation)
    upstream = await bench.activities.submission._connections.to(job.account)
    assert await remove_own_row(bench.database, job, upstream)
    assert [row["id"] for row in await bench.rows()] == [foreign]
    assert await bench.steps(order) == [("send", "not_done")]
    assert await bench.charges() == []


async def test_a_row_whose_item_does_not_show_our_mark_is_never_removed(bench: Bench) -> None:
    await bench.upstream.set(remoteid_in_forms=False)
    order = await bench.order()
    await bench.step(order)
    job = await load_job(bench.database, order.operation)
    upstream = await bench.activities.submission._connections.to(job.account)
    assert not await remove_own_row(bench.database, job, upstream)
    assert len(await bench.rows()) == 1


@pytest.mark.proof
async def test_where_no_mark_is_shown_the_number_in_our_answer_is_enough_to_pay(bench: Bench) -> None:
    await bench.upstream.set(remoteid_in_forms=False, remoteid_in_lists=False)
    order = await bench.order()
    await bench.to_the_end(order)
    assert await bench.charges() == [("open", "5.00")]


@pytest.mark.proof
@pytest.mark.parametrize("hides", ["order", "renewal"])
async def test_a_bare_yes_that_only_put_it_into_the_cart_is_looked_for_there(bench: Bench, hides: str) -> None:
    """The answer says ok and names neither row nor order."""
    service = await bench.active()
    await bench.upstream.set(cart_answer="bare")
    asked = await bench.order() if hides == "order" else await bench.prolong(service.service)
    await bench.to_the_end(asked)
    assert len(await bench.charges()) == 2
    assert await bench.rows() == []


@pytest.mark.proof
async def test_an_item_that_stays_unpaid_although_its_number_was_in_the_answer_is_found_in_the_cart(
    bench: Bench,
) -> None:
    order = await bench.order()
    await bench.upstream.set(cart_answer="item")
    assert (await bench.step(order)).outcome is Submission.ACCEPTED
    look = await bench.look(order)
    assert look.unpaid
    await bench.to_the_end(order)
    assert await bench.charges() == [("open", "5.00")]


@pytest.mark.parametrize("function", ["v2.vds.order.param", CONFIRM])
async def test_an_answer_that_comes_when_the_activity_is_cancelled_already_is_written_down(
    bench: Bench, function: str
) -> None:
    """A worker that stops, or an attempt that Temporal gives up, while the upstream takes its time."""
    order = await bench.order()
    if function == CONFIRM:
        await bench.step(order)
    await bench.reserve(order)
    await bench.upstream.fault(function=function, sok=True, times=1, kind="stall", when="after", seconds=0.7)
    sending = asyncio.create_task(bench.submit(order))

    async def is_under_way() -> bool:
        asked = await bench.upstream.requests(function)
        return any(one["committing"] for one in asked) and not sending.done()

    await assert_eventually(is_under_way, timeout=30)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert (await bench.intents(order))[-1].state is IntentState.ACCEPTED
