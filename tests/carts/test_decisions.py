"""What a person may decide while something of ours lies unpaid in the upstream's cart."""

from typing import Any

import pytest
from sqlmodel import select

from models.enums import Stage, TaskMode
from models.messages import Decision, DecisionKind, DecisionRecord, Submission
from models.order import Task
from orders.decisions import deciding
from orders.errors import Refused
from orders.lifecycle.stages import enter, locked_operation
from tests.carts.bench import Bench

CONFIRM = "cartorder.create.confirm"


async def decide(
    bench: Bench, operation: int, kind: DecisionKind, *, stage: Stage = Stage.NEEDS_ATTENTION, **decision: Any
) -> None:
    """While it waits for a person."""
    told = Decision(actor="ann", reason="seen to", **decision)
    record = DecisionRecord(operation=operation, kind=kind, decision=told, decision_id=f"{kind} {decision}")
    async with bench.database.write() as session:
        await enter(session, await locked_operation(session, operation), stage, "a person is asked")
        await deciding.decide(session, record)


@pytest.mark.parametrize("payment", ["not tried", pytest.param("refused", marks=pytest.mark.proof)])
async def test_what_lies_in_the_cart_is_not_corrected_so_that_nothing_else_is_paid_than_asked_for(
    bench: Bench, payment: str
) -> None:
    order = await bench.order(addons={"ram": 4})
    await bench.step(order)
    if payment == "refused":
        error = {"type": "value", "object": "x"}
        await bench.upstream.fault(function=CONFIRM, sok=True, times=1, kind="error", when="before", error=error)
        assert (await bench.step(order)).outcome is Submission.UNPAID
    with pytest.raises(Refused, match=r"row .*Cancel"):
        await decide(bench, order.operation, DecisionKind.CORRECT_AND_RETRY, parameters={"addon.ram": "8"})
    assert (await bench.service(order)).addons == {"ram": 4}


async def test_it_is_not_marked_done_while_its_row_would_stop_the_cart_for_everybody(bench: Bench) -> None:
    order, other = await bench.order(), await bench.order()
    await bench.step(order)
    [row] = await bench.rows()
    with pytest.raises(Refused, match=f"row {row['id']}.*unpaid"):
        await decide(bench, order.operation, DecisionKind.MARK_DONE, upstream_number="4711")
    await bench.upstream.call("cartorder.create.confirm", elid=row["id"], paymethod_id="0", sok="ok")
    [item] = await bench.upstream.items()
    await decide(bench, order.operation, DecisionKind.MARK_DONE, upstream_number=str(item["id"]), it_is_paid=True)
    assert (await bench.operation(order)).stage is Stage.COMPLETED
    await bench.to_the_end(other)
    assert len(await bench.charges()) == 2


@pytest.mark.proof
async def test_a_removed_row_is_ordered_anew_on_a_persons_word_also_after_its_payment_was_refused(
    bench: Bench,
) -> None:
    order = await bench.order()
    await bench.step(order)
    error = {"type": "value", "object": "x"}
    await bench.upstream.fault(function=CONFIRM, sok=True, times=1, kind="error", when="before", error=error)
    assert (await bench.step(order)).outcome is Submission.UNPAID
    [row] = await bench.rows()
    await bench.upstream.call("cart", id=row["id"], clicked_button="delete", sok="ok")
    await decide(bench, order.operation, DecisionKind.RETRY, nothing_was_bought=True)
    await bench.to_the_end(order)
    assert await bench.charges() == [("open", "5.00")]


@pytest.mark.proof
@pytest.mark.parametrize("payment", ["not tried", pytest.param("refused", marks=pytest.mark.proof)])
async def test_an_opening_whose_row_the_machine_removed_ends_by_itself(bench: Bench, payment: str) -> None:
    """Its item stays listed as deleted, with our mark."""
    await bench.upstream.set(taken_out="deleted")
    order = await bench.order()
    await bench.step(order)
    if payment == "refused":
        error = {"type": "value", "object": "x"}
        await bench.upstream.fault(function=CONFIRM, sok=True, times=1, kind="error", when="before", error=error)
        assert (await bench.step(order)).outcome is Submission.UNPAID
    await decide(bench, order.operation, DecisionKind.CANCEL)
    told = await bench.call_off(order)
    assert told.stage is Stage.CANCELLED
    assert [one["status"] for one in await bench.upstream.items()] == [4], "it is listed as deleted"
    assert await bench.rows() == []
    assert await bench.charges() == []


async def test_an_opening_whose_item_is_known_and_unpaid_can_be_called_off(bench: Bench) -> None:
    """A foreign row made it a task, so its item became the service's."""
    foreign = await bench.into_the_cart()
    order = await bench.order()
    await bench.step(order)
    assert (await bench.step(order)).outcome is Submission.MANUAL
    assert (await bench.service(order)).upstream_number
    await decide(bench, order.operation, DecisionKind.CANCEL)
    assert (await bench.call_off(order)).stage is Stage.CANCELLED
    assert [row["id"] for row in await bench.rows()] == [foreign]


@pytest.mark.proof
async def test_who_rejects_the_task_of_an_unpaid_row_has_the_row_removed_before_it_ends(bench: Bench) -> None:
    order = await bench.order()
    await bench.step(order)
    async with bench.database.write() as session:
        task = (await session.exec(select(Task).where(Task.operation_id == order.operation))).one()
        task.mode, task.assignee = TaskMode.MANUAL, "ann"
        session.add(task)
    await decide(bench, order.operation, DecisionKind.REJECT_TASK, stage=Stage.AWAITING_MANUAL_TASK)
    assert not (await bench.operation(order)).stage.is_final
    assert (await bench.call_off(order)).stage is Stage.CANCELLED
    assert await bench.rows() == []
