"""A person there has a change of plan in hand while answers are lost, processes are killed, the service is closed."""

import pytest
from sqlmodel import select

from models.enums import OperationKind, ServiceStatus, Stage
from models.incident import Incident
from models.messages import Decision, DecisionKind
from models.order import Service, Task
from orders.lifecycle.acceptance import AcceptedOrder
from orders.tasks.work import By
from tests.farside.installations import Pair, orders
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.proxy import Answer, Reaches

CHANGED = [OperationKind.OPEN, OperationKind.CHANGE_PLAN]


async def _asked(pair: Pair, service: Service) -> AcceptedOrder:
    """A change of plan, once the distributor has it in a person's hands."""
    order = await pair.reseller.resellflow.change_plan(service.id or 0, "L", key="c")
    await pair.stands_there(Stage.AWAITING_MANUAL_TASK)
    return order


async def _done_there(pair: Pair) -> None:
    """The person has enlarged the disk. The distributor's poller sees it."""
    [sold] = await pair.sold()
    await pair.panel.admin("PATCH", f"/items/{sold.upstream_number}", {"pricelist": 59})


async def _task_there(pair: Pair) -> int:
    change = next(one for one in await pair.operations_there() if one.kind is OperationKind.CHANGE_PLAN)
    async with pair.distributor.database.read() as session:
        return (await session.exec(select(Task).where(Task.operation_id == change.id))).one().id or 0


async def _rejected_there(pair: Pair) -> None:
    await pair.distributor.resellflow.reject_task(await _task_there(pair), Decision(actor="dora", reason="no room"))


async def _kinds_there(pair: Pair) -> list[OperationKind]:
    return [operation.kind for operation in await pair.operations_there()]


async def _has_no_incidents(pair: Pair) -> None:
    async with pair.reseller.database.read() as session:
        assert [one.message for one in (await session.exec(select(Incident))).all()] == []


@pytest.mark.proof
@pytest.mark.parametrize(
    ("answer", "reaches"),
    [
        pytest.param(Answer.CUT, Reaches.BEFORE, id="after it is accepted"),
        pytest.param(Answer.CUT, Reaches.NEVER, id="before it is accepted"),
        pytest.param(Answer.HALF, Reaches.BEFORE, id="in the middle of the answer"),
        pytest.param(Answer.BAD_GATEWAY, Reaches.BEFORE, id="by a proxy"),
    ],
)
async def test_a_lost_answer_to_a_change_that_a_person_there_makes_is_not_repeated(
    pair: Pair, answer: Answer, reaches: Reaches
) -> None:
    service = await pair.bought()
    before = len(pair.line.requests)
    pair.line.lay(answer, reaches, chosen=orders)
    order = await _asked(pair, service)

    async def is_known_to_be_there() -> bool:
        calls = await pair.reseller.intents(order.operation)
        stage = (await pair.reseller.operation(order.operation)).stage
        return stage is Stage.AWAITING_CONFIRMATION or "is being worked on" in str(calls[-1].evidence)

    await assert_eventually(is_known_to_be_there, timeout=40, message="the reseller knows that they work on it")
    sent = [request for request in pair.line.requests[before:] if orders(request)]
    assert len({request.headers["idempotency-key"] for request in sent}) == 1
    if reaches is Reaches.BEFORE:
        assert len(sent) == 1, "what the lists show is not asked for again"
    await pair.line.pass_on(sent[0])  # a late packet
    assert await _kinds_there(pair) == CHANGED
    await _done_there(pair)
    assert (await pair.completed(order, timeout=60)).plan_id != service.plan_id
    assert [one for one in pair.line.requests[before:] if orders(one)] == sent, "nothing was sent again"
    assert await _kinds_there(pair) == CHANGED
    await _has_no_incidents(pair)


@pytest.mark.proof
async def test_it_is_done_there_while_the_line_is_down_and_workers_on_both_sides_are_killed(
    resting_pair: Pair,
) -> None:
    pair = resting_pair
    selling, buying = pair.distributor.start_worker(), pair.reseller.start_worker()
    service = await pair.bought()
    order = await _asked(pair, service)
    await pair.reseller.until(order, Stage.AWAITING_CONFIRMATION, timeout=40)
    await pair.line.down()
    selling.kill()
    buying.kill()
    await _done_there(pair)
    pair.distributor.start_worker()
    await pair.stands_there(Stage.COMPLETED)
    pair.reseller.start_worker()
    await pair.line.up()
    after = await pair.completed(order, timeout=60)
    assert after.plan_id != service.plan_id
    assert await _kinds_there(pair) == CHANGED
    await _has_no_incidents(pair)


@pytest.mark.proof
async def test_a_close_waits_for_the_person_and_then_deletes_the_changed_service(pair: Pair) -> None:
    service = await pair.bought()
    order = await _asked(pair, service)
    await pair.reseller.until(order, Stage.AWAITING_CONFIRMATION)
    closing = await pair.reseller.resellflow.close_service(service.id or 0, key="d")
    assert (await pair.reseller.operation(closing.operation)).stage is Stage.QUEUED
    await _done_there(pair)
    await pair.completed(order, timeout=60)
    assert (await pair.completed(closing, timeout=60)).status is ServiceStatus.CLOSED
    assert (await pair.sold())[0].status is ServiceStatus.CLOSED
    assert await _kinds_there(pair) == [*CHANGED, OperationKind.CLOSE]
    await _has_no_incidents(pair)


@pytest.mark.proof
async def test_a_close_goes_on_when_the_person_there_rejects_and_ours_gives_the_change_up(pair: Pair) -> None:
    service = await pair.bought()
    order = await _asked(pair, service)
    await pair.reseller.until(order, Stage.AWAITING_CONFIRMATION)
    closing = await pair.reseller.resellflow.close_service(service.id or 0, key="d")
    await _rejected_there(pair)
    await pair.reseller.until(order, Stage.NEEDS_ATTENTION, timeout=60)
    given_up = Decision(actor="olga", reason="it is closed anyway", what_is_paid_stays=True)
    await pair.reseller.resellflow.decide(order.operation, DecisionKind.CANCEL, given_up)
    assert (await pair.completed(closing, timeout=60)).status is ServiceStatus.CLOSED
    assert (await pair.sold())[0].status is ServiceStatus.CLOSED
    assert await pair.counts() == (1, 1, 1)


@pytest.mark.proof
async def test_a_change_that_ours_gives_up_does_not_keep_the_service_open(pair: Pair) -> None:
    """Their close goes before a change of which they have sent nothing, also if a person there has taken its task."""
    service = await pair.bought()
    order = await _asked(pair, service)
    await pair.reseller.until(order, Stage.AWAITING_CONFIRMATION)
    await pair.distributor.resellflow.take_task(await _task_there(pair), By(actor="dora"))
    closing = await pair.reseller.resellflow.close_service(service.id or 0, key="d")
    given_up = Decision(actor="olga", reason="the customer leaves", what_is_paid_stays=True)
    await pair.reseller.resellflow.decide(order.operation, DecisionKind.CANCEL, given_up)
    assert (await pair.completed(closing, timeout=60)).status is ServiceStatus.CLOSED
    assert (await pair.sold())[0].status is ServiceStatus.CLOSED
    _, change, _ = await pair.operations_there()
    assert (change.stage, change.reason) == (Stage.CANCELLED, "service 1 is closed by now; nothing was sent")
    assert await _kinds_there(pair) == [*CHANGED, OperationKind.CLOSE]
    assert await pair.counts() == (1, 1, 1)


@pytest.mark.proof
@pytest.mark.parametrize("reaches", [Reaches.BEFORE, Reaches.NEVER], ids=["accepted", "not accepted"])
async def test_a_suspended_service_is_closed_although_the_answer_is_lost(pair: Pair, reaches: Reaches) -> None:
    service = await pair.bought()
    await pair.completed(await pair.reseller.resellflow.suspend(service.id or 0, key="s"))
    pair.line.lay(Answer.CUT, reaches, chosen=orders)
    closing = await pair.reseller.resellflow.close_service(service.id or 0, key="d")
    assert (await pair.completed(closing, timeout=60)).status is ServiceStatus.CLOSED
    assert await _kinds_there(pair) == [OperationKind.OPEN, OperationKind.SUSPEND, OperationKind.CLOSE]
    assert await pair.counts() == (1, 1, 1)
    await _has_no_incidents(pair)


@pytest.mark.proof
async def test_the_distributor_closes_it_while_our_close_is_on_its_way(pair: Pair) -> None:
    service = await pair.bought()
    [sold] = await pair.sold()
    await pair.line.down()
    closing = await pair.reseller.resellflow.close_service(service.id or 0, key="d")
    there = await pair.distributor.resellflow.close_service(sold.id or 0, key="theirs")
    await pair.distributor.until(there, Stage.COMPLETED)
    await pair.line.up()
    assert (await pair.completed(closing, timeout=60)).status is ServiceStatus.CLOSED
    assert (await _kinds_there(pair)).count(OperationKind.CLOSE) == 1
    assert await pair.counts() == (1, 1, 1)
