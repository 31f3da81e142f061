"""Charged is what was shown, also where the upstream lies; and a row of ours is never taken for nobody's."""

from decimal import Decimal

import pytest

from models.messages import Funds, Submission
from orders.carts import paying
from orders.lifecycle.stages import locked_operation
from tests.carts.bench import Bench

CONFIRM = "cartorder.create.confirm"
REFUSAL = {"type": "value", "object": "paymethod_id"}


async def test_what_costs_nothing_and_is_refused_for_want_of_money_is_not_tried_for_ever(bench: Bench) -> None:
    await bench.upstream.admin("PATCH", "/pricelists/58", {"prices": {"1": "0"}})
    await bench.upstream.fault(function=CONFIRM, sok=True, kind="error", error={"type": "not_enough_money"})
    order = await bench.order()
    told = await bench.go(order, turns=20)
    assert told.outcome is Submission.MANUAL
    assert "3 times" in told.reason
    assert len(await bench.upstream.requests(CONFIRM)) == paying.TRIES_AT_MOST


@pytest.mark.proof
@pytest.mark.parametrize("kind", ["addons", "prolong", "open"])
async def test_what_was_paid_in_spite_of_a_no_still_shows_what_it_cost(bench: Bench, kind: str) -> None:
    service = await bench.active()
    before = len(await bench.charges())
    if kind == "addons":
        order = await bench.change(service.service, addons={"ram": 4})
    else:
        order = await bench.prolong(service.service) if kind == "prolong" else await bench.order()
    for function in (CONFIRM, "payment.add"):
        await bench.upstream.fault(function=function, sok=True, times=1, kind="error", when="after", error=REFUSAL)
    await bench.to_the_end(order)
    [(_, charged)] = (await bench.charges())[before:]
    operation = await bench.operation(order)
    assert operation.cost_amount == Decimal(charged)
    assert operation.price["source"] == "cart"
    assert operation.price["row"]


@pytest.mark.proof
async def test_what_the_upstream_paid_by_itself_before_we_looked_still_shows_what_it_cost(bench: Bench) -> None:
    service = await bench.active()
    order = await bench.change(service.service, addons={"ram": 4})
    assert (await bench.step(order)).outcome is Submission.UNPAID
    [row] = await bench.rows()
    function = {"elid": row["id"], "paymethod_id": "0", "sok": "ok"}
    await bench.upstream.call(CONFIRM, **function)
    await bench.to_the_end(order)
    [_, (_, charged)] = await bench.charges()
    assert (await bench.operation(order)).cost_amount == Decimal(charged)


async def test_a_dear_row_is_named_and_accepting_its_price_is_said_to_pay_it(bench: Bench) -> None:
    order = await bench.order()
    await bench.reserve(order)
    await bench.upstream.admin("PATCH", "/pricelists/58", {"prices": {"1": "15.00"}})
    assert (await bench.submit(order)).outcome is Submission.UNPAID
    [row] = await bench.rows()
    assert (await bench.submit(order)).outcome is Submission.FUNDS
    told = await bench.reserve(order)
    assert told.outcome is Funds.ATTENTION
    assert f"row {row['id']}, item" in told.reason[:200]
    assert "costs 15.00 EUR" in told.reason
    assert "then that row is paid" in told.reason
    assert (await bench.operation(order)).price["source"] == "cart"


async def test_the_sum_of_a_row_counts_and_not_what_was_wanted_when_an_earlier_request_was_refused(
    bench: Bench,
) -> None:
    order = await bench.order()
    await bench.step(order)
    async with bench.database.write() as session:
        operation = await locked_operation(session, order.operation)
        operation.price = {**operation.price, "refused_for": "5.40 EUR"}
        session.add(operation)
    await bench.to_the_end(order)
    assert (await bench.operation(order)).cost_amount == Decimal("5.00")


@pytest.mark.proof
async def test_a_row_that_may_be_of_an_opening_that_was_answered_with_a_bare_yes_is_waited_for(bench: Bench) -> None:
    bare, other = await bench.order(), await bench.order()
    await bench.step(other)
    await bench.upstream.set(cart_answer="bare")
    await bench.reserve(bare)
    assert (await bench.submit(bare)).outcome is Submission.ACCEPTED_UNNUMBERED
    told = await bench.step(other)
    assert told.outcome is Submission.TROUBLE
    assert f"operation {bare.operation}" in told.reason
    assert await bench.incidents() == []
    await bench.settle(bare)
    await bench.to_the_end(bare)
    await bench.to_the_end(other)
    assert len(await bench.charges()) == 2


async def test_an_unpaid_row_of_an_opening_whose_item_is_known_is_waited_for(bench: Bench) -> None:
    first, other = await bench.order(), await bench.order()
    await bench.step(other)
    await bench.upstream.set(cart_answer="item")
    assert (await bench.step(first)).outcome is Submission.ACCEPTED
    told = await bench.step(other)
    assert told.outcome is Submission.TROUBLE
    assert f"operation {first.operation}" in told.reason
    assert (await bench.look(first)).unpaid
    await bench.to_the_end(first)
    await bench.to_the_end(other)
    assert await bench.incidents() == []


async def test_a_row_for_a_service_of_ours_that_nobody_here_asked_for_is_named_with_the_service(bench: Bench) -> None:
    service = await bench.active()
    [item] = await bench.upstream.items()
    await bench.upstream.admin("POST", f"/items/{item['id']}/cart", {"operation": "prolong", "amount": "5.00"})
    order = await bench.order()
    told = await bench.go(order)
    assert told.outcome is Submission.MANUAL
    assert f"of our service {service.service}" in told.reason
    assert await bench.incidents() == []
    assert len(await bench.charges()) == 1
