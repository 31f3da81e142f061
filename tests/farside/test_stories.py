"""A distributor's installation sells to a reseller's: every operation, and what goes wrong between them."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlmodel import select

from models.enums import OperationKind, ServiceStatus, Stage
from models.messages import Decision, DecisionKind
from models.order import Operation, Task
from orders.decisions.allowed import person_may
from orders.decisions.facts import facts_of
from orders.operations.set_parameters import ServiceChange
from tests.farside.installations import Pair, hint_by_webhook, on_both_databases
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.proxy import Answer, Request


def opens(request: Request) -> bool:
    return (request.method, request.path) == ("POST", "/v1/services")


@pytest.mark.proof
@on_both_databases
async def test_a_service_is_opened_prolonged_suspended_resumed_changed_and_closed(pair: Pair) -> None:
    shop = pair.reseller.resellflow
    service = await pair.bought(customer="anna@example.com")
    number = service.id or 0
    [sold] = await pair.sold()
    assert (service.status, sold.status) == (ServiceStatus.ACTIVE, ServiceStatus.ACTIVE)
    assert (service.upstream_number, service.expires_on) == (str(sold.id), sold.expires_on)
    assert sold.owner == "reseller"
    assert "anna" not in sold.customer, "the distributor learns our mark, and nothing of our customer"
    assert await pair.counts() == (1, 1, 1)

    before = service.expires_on
    assert before is not None
    service = await pair.completed(await shop.prolong(number, 1, key="p"))
    assert service.expires_on is not None
    assert service.expires_on >= before + timedelta(days=28)

    service = await pair.completed(await shop.suspend(number, key="s"))
    assert service.status is ServiceStatus.SUSPENDED
    service = await pair.completed(await shop.resume(number, key="r"))
    assert service.status is ServiceStatus.ACTIVE

    service = await pair.completed(await shop.change_parameters(number, ServiceChange(addons={"ram": 4}), key="a"))
    assert service.addons == {"ram": 4}
    assert (await pair.sold())[0].addons == {"ram": 4}

    service = await pair.completed(await shop.close_service(number, key="c"))
    assert service.status is ServiceStatus.CLOSED
    assert (await pair.sold())[0].status is ServiceStatus.CLOSED
    kinds = [operation.kind for operation in await pair.operations_there()]
    assert kinds == [
        OperationKind.OPEN,
        OperationKind.PROLONG,
        OperationKind.SUSPEND,
        OperationKind.RESUME,
        OperationKind.SET_PARAMETERS,
        OperationKind.CLOSE,
    ]
    assert [charge["operation"] for charge in await pair.panel.charges()] == ["open", "prolong", "setparam"]


@pytest.mark.proof
async def test_an_order_that_is_lost_is_sent_again_with_the_same_key_and_the_lost_one_may_arrive_late(
    pair: Pair,
) -> None:
    pair.line.lay(Answer.CUT, chosen=opens)
    service = await pair.bought()
    lost, sent = [request for request in pair.line.requests if opens(request)]
    assert lost.headers["idempotency-key"] == sent.headers["idempotency-key"]
    answer = await pair.line.pass_on(lost)
    assert f'"number":{service.upstream_number}'.encode() in answer
    assert await pair.counts() == (1, 1, 1)


@pytest.mark.proof
async def test_a_plan_change_waits_for_the_person_at_the_distributor(pair: Pair) -> None:
    service = await pair.bought()
    order = await pair.reseller.resellflow.change_plan(service.id or 0, "L", key="c")
    await pair.stands_there(Stage.AWAITING_MANUAL_TASK)

    async def is_told() -> bool:
        return "is in stage awaiting_manual_task" in (await pair.seen(order.service)).cause

    await assert_eventually(is_told, message="the reseller sees what the distributor waits for")
    assert (await pair.reseller.operation(order.operation)).stage is Stage.AWAITING_CONFIRMATION
    [sold] = await pair.sold()
    await pair.panel.admin("PATCH", f"/items/{sold.upstream_number}", {"pricelist": 59})
    after = await pair.completed(order)
    assert after.plan_id != service.plan_id
    assert (await pair.sold())[0].plan_id != sold.plan_id


@pytest.mark.proof
async def test_a_plan_change_that_the_person_at_the_distributor_rejects_asks_ours(pair: Pair) -> None:
    service = await pair.bought()
    order = await pair.reseller.resellflow.change_plan(service.id or 0, "L", key="c")
    there = await pair.stands_there(Stage.AWAITING_MANUAL_TASK)
    async with pair.distributor.database.read() as session:
        task = (await session.exec(select(Task).where(Task.operation_id == there.id))).one()
    await pair.distributor.resellflow.reject_task(task.id or 0, Decision(actor="dora", reason="no room"))
    asked = await pair.reseller.until(order, Stage.NEEDS_ATTENTION)
    assert "it was cancelled there; ask the upstream whether it charges for it" in asked.reason
    assert (await pair.reseller.service(order.service)).plan_id == service.plan_id


@pytest.mark.proof
async def test_while_the_distributor_is_away_an_order_waits_and_then_goes_on(pair: Pair) -> None:
    await pair.line.down()
    order = await pair.reseller.order("S")
    await pair.reseller.until(order, Stage.RETRYING)
    assert await pair.counts() == (0, 0, 0)
    await pair.line.up()
    await pair.completed(order)
    assert await pair.counts() == (1, 1, 1)


@pytest.mark.proof
async def test_without_money_at_the_distributor_an_order_waits_there_and_is_bought_once(pair: Pair) -> None:
    await pair.panel.set_balance("0.00")
    order = await pair.reseller.order("S")
    await pair.stands_there(Stage.WAITING_FOR_FUNDS)
    assert (await pair.reseller.operation(order.operation)).stage is not Stage.COMPLETED
    await pair.panel.set_balance("50.00")
    await pair.completed(order)
    assert await pair.counts() == (1, 1, 1)
    assert await pair.panel.balance() == Decimal("45.00")


@pytest.mark.proof
async def test_a_webhook_is_faster_than_the_next_look(pair_of_calm_reseller: Pair) -> None:
    pair = pair_of_calm_reseller
    await hint_by_webhook(pair)
    await pair.bought()
    assert await pair.counts() == (1, 1, 1)


@pytest.mark.proof
async def test_processes_that_are_killed_on_either_side_lose_nothing(resting_pair: Pair) -> None:
    """Real processes: both workers, and the distributor's API."""
    pair = resting_pair
    with pair.serve_distributor_by_a_process():
        distributor, reseller = pair.distributor.start_worker(), pair.reseller.start_worker()
        await pair.panel.set(opening="manual")
        order = await pair.reseller.order("S")
        [item] = await assert_eventually(pair.panel.items, timeout=40, message="the distributor has bought it")
        distributor.kill()
        reseller.kill()
        await pair.panel.admin("POST", f"/items/{item['id']}/open")
        pair.distributor.start_worker()
        pair.reseller.start_worker()
        service = await pair.completed(order)
        assert service.status is ServiceStatus.ACTIVE
        assert await pair.counts() == (1, 1, 1)
        await pair.completed(await pair.reseller.resellflow.prolong(service.id or 0, 1, key="p"))
        assert len(await pair.panel.charges()) == 2


@pytest.mark.proof
async def test_an_order_that_the_distributor_cancels_asks_a_person(pair: Pair) -> None:
    await pair.panel.set_balance("0.00")
    order = await pair.reseller.order("S")
    there = await pair.stands_there(Stage.WAITING_FOR_FUNDS)
    decision = Decision(actor="dora", reason="not sold any more")
    await pair.distributor.resellflow.decide(there.id or 0, DecisionKind.CANCEL, decision)
    asked = await pair.reseller.until(order, Stage.NEEDS_ATTENTION)
    assert "is deleted" in asked.reason
    assert await pair.counts() == (1, 0, 0)


@pytest.mark.proof
async def test_a_prolongation_that_the_distributor_cancels_asks_a_person_at_once_and_another_one_may_follow(
    pair: Pair,
) -> None:
    service = await pair.bought()
    for key in ("p1", "p2"):
        await pair.panel.set_balance("0.00")
        order = await pair.reseller.resellflow.prolong(service.id or 0, 1, key=key)
        there = await pair.stands_there(Stage.WAITING_FOR_FUNDS)
        await pair.reseller.until(order, Stage.AWAITING_CONFIRMATION)
        why = Decision(actor="dora", reason="not sold any more")
        await pair.distributor.resellflow.decide(there.id or 0, DecisionKind.CANCEL, why)
        asked = await pair.reseller.until(order, Stage.NEEDS_ATTENTION, timeout=20)
        assert "(prolong cancelled)" in asked.reason
        assert "it was cancelled there; ask the upstream whether it charges for it" in asked.reason
        async with pair.reseller.database.read() as session:
            facts = await facts_of(session, await session.get_one(Operation, order.operation))
        assert "ask whether it charges for it" in person_may(facts)
        assert "charged twice" not in person_may(facts)
        ours = Decision(actor="olga", reason="seen", what_is_paid_stays=True)
        await pair.reseller.resellflow.decide(order.operation, DecisionKind.CANCEL, ours)
        await pair.reseller.until(order, Stage.CANCELLED)
    await pair.panel.set_balance("50.00")
    await pair.completed(await pair.reseller.resellflow.prolong(service.id or 0, 1, key="p3"))
    assert [charge["operation"] for charge in await pair.panel.charges()] == ["open", "prolong"]
