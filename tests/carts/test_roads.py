"""An upstream that puts everything into its cart: each order is paid once, by steps that are written down."""

import asyncio

import pytest

from models.enums import Stage
from models.messages import Submission
from tests.carts.bench import Bench
from tests.infrastructure.eventually import assert_eventually


async def test_an_order_in_the_cart_is_confirmed_and_paid_once(bench: Bench) -> None:
    order = await bench.order()
    first = await bench.step(order)
    assert first.outcome is Submission.UNPAID
    assert await bench.charges() == []
    await bench.to_the_end(order)
    assert await bench.charges() == [("open", "5.00")]
    assert await bench.steps(order) == [("send", "accepted"), ("confirm_cart", "accepted")]
    [item] = await bench.upstream.items()
    assert (await bench.service(order)).upstream_number == str(item["id"])
    assert await bench.rows() == []


async def test_an_order_of_the_older_dialect_is_paid_once(bench5: Bench) -> None:
    order = await bench5.order()
    await bench5.to_the_end(order)
    assert await bench5.charges() == [("open", "5.00")]
    assert await bench5.steps(order) == [("send", "accepted"), ("pay", "accepted")]


async def test_the_number_of_what_is_to_be_paid_is_never_taken_for_the_items(bench5: Bench) -> None:
    order = await bench5.order()
    await bench5.step(order)
    assert (await bench5.service(order)).upstream_number is None


async def test_a_renewal_in_the_cart_is_paid_once(bench: Bench) -> None:
    service = await bench.active()
    renewal = await bench.prolong(service.service)
    before = (await bench.service(service)).expires_on
    await bench.to_the_end(renewal)
    assert await bench.charges() == [("open", "5.00"), ("prolong", "5.00")]
    assert await bench.steps(renewal) == [("send", "accepted"), ("pay", "accepted")]
    after = (await bench.service(service)).expires_on
    assert before is not None and after is not None and after > before  # noqa: PT018 - one thought


async def test_an_add_on_in_the_cart_costs_what_its_row_says(bench: Bench) -> None:
    service = await bench.active()
    change = await bench.change(service.service, addons={"ram": 4})
    await bench.to_the_end(change)
    [_, (kind, amount)] = await bench.charges()
    assert kind == "setparam"
    cost = (await bench.operation(change)).cost
    assert cost is not None and f"{cost.amount:.2f}" == amount  # noqa: PT018 - charged is what was set aside


async def test_a_panel_that_honours_skipbasket_needs_no_cart(bench: Bench) -> None:
    await bench.upstream.set(skipbasket="honoured", prolong_cart="asked", addon_cart="asked")
    order = await bench.order()
    await bench.to_the_end(order)
    assert await bench.steps(order) == [("send", "accepted")]
    assert not [one for one in await bench.upstream.requests("cart*") if one["committing"]]


async def test_two_orders_in_one_cart_are_paid_by_one_confirmation(bench: Bench) -> None:
    first, second = await bench.order(), await bench.order()
    assert (await bench.step(first)).outcome is Submission.UNPAID
    assert (await bench.step(second)).outcome is Submission.UNPAID
    assert (await bench.step(second)).outcome is Submission.ACCEPTED
    confirmed = await bench.upstream.requests("cartorder.create.confirm")
    assert len(confirmed) == 1
    assert (await bench.step(first)).outcome is Submission.ACCEPTED, "it hears of it when it looks"
    await bench.to_the_end(first)
    await bench.to_the_end(second)
    assert await bench.charges() == [("open", "5.00"), ("open", "5.00")]
    assert len(await bench.upstream.requests("cartorder.create.confirm")) == 1


async def test_an_order_that_another_one_is_paying_for_waits_for_its_answer(bench: Bench) -> None:
    first, second = await bench.order(), await bench.order()
    await bench.step(first)
    await bench.step(second)
    await bench.upstream.fault(function="cartorder.create.confirm", kind="stall", when="after", seconds=0.7, times=1)
    paying = asyncio.create_task(bench.submit(second))

    async def both_written_down() -> bool:
        return (await bench.steps(first))[1:] == [("confirm_cart", "prepared")]

    await assert_eventually(both_written_down, timeout=30)
    waiting = await bench.submit(first)
    assert waiting.outcome is Submission.TROUBLE
    assert "paid together" in waiting.reason
    assert (await paying).outcome is Submission.ACCEPTED
    assert (await bench.submit(first)).outcome is Submission.ACCEPTED
    assert len(await bench.charges()) == 2


@pytest.mark.proof
async def test_orders_of_two_kinds_at_once_are_each_paid_once(bench: Bench) -> None:
    service = await bench.active()
    renewal, opening = await bench.prolong(service.service), await bench.order()
    await asyncio.gather(bench.go(renewal, turns=30), bench.go(opening, turns=30))
    await bench.to_the_end(renewal)
    await bench.to_the_end(opening)
    assert sorted(await bench.charges()) == [("open", "5.00"), ("open", "5.00"), ("prolong", "5.00")]


async def test_nothing_ever_empties_a_cart(bench: Bench) -> None:
    order = await bench.order()
    await bench.to_the_end(order)
    assert "cart.empty" not in await bench.committing()
    assert (await bench.operation(order)).stage is Stage.COMPLETED
