"""The answer to each call that changes something gets lost, before or after the distributor has accepted it.

Then the first request arrives once more, as a late packet does: intended services, intended charges, and no more.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlmodel import select

from models.enums import OperationKind, ServiceStatus, Stage
from models.incident import Incident
from models.order import Service
from orders.lifecycle.acceptance import AcceptedOrder
from orders.operations.set_parameters import ServiceChange
from tests.farside.installations import Pair, orders
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.proxy import Answer, Reaches

CUTS = [
    pytest.param(Answer.CUT, Reaches.BEFORE, id="after it is accepted"),
    pytest.param(Answer.CUT, Reaches.NEVER, id="before it is accepted"),
    pytest.param(Answer.HALF, Reaches.BEFORE, id="in the middle of the answer"),
    pytest.param(Answer.BAD_GATEWAY, Reaches.BEFORE, id="by a proxy, after it is accepted"),
    pytest.param(Answer.STALL, Reaches.LATE, id="accepted after we gave up"),
]


NEVER_SECONDS = 900
"""Seven operations after each other, each of which waits out a lost answer: on a busy machine that takes minutes."""
Ask = Callable[[Callable[[], Awaitable[AcceptedOrder]]], Awaitable[Service]]


async def _arrives_once_more(pair: Pair, since: int) -> None:
    """The first request after so many on the line is passed on again."""
    sent = [request for request in pair.line.requests[since:] if orders(request)]
    assert len({request.headers["idempotency-key"] for request in sent}) == 1, "the same key in every attempt"
    await pair.line.pass_on(sent[0])


async def _open_and_prolong(pair: Pair, ask: Ask) -> Service:
    opened = await ask(lambda: pair.reseller.order("S"))
    prolonged = await ask(lambda: pair.reseller.resellflow.prolong(opened.id or 0, 1, key="p"))
    assert opened.expires_on is not None
    assert prolonged.expires_on is not None
    assert timedelta(days=28) <= prolonged.expires_on - opened.expires_on <= timedelta(days=31)
    return prolonged


async def _live_a_whole_life(pair: Pair, ask: Ask) -> None:
    """Each operation once, by `ask`; and what both sides and the simulator have to show for it."""
    await pair.change_plans_automatically(ram="addon_71")
    shop = pair.reseller.resellflow
    service = await _open_and_prolong(pair, ask)
    number, plan = service.id or 0, service.plan_id
    service = await ask(lambda: shop.change_plan(number, "L", key="l"))
    assert service.plan_id != plan
    service = await ask(lambda: shop.change_parameters(number, ServiceChange(addons={"ram": 4}), key="a"))
    assert service.addons == {"ram": 4}
    assert (await ask(lambda: shop.suspend(number, key="s"))).status is ServiceStatus.SUSPENDED
    assert (await ask(lambda: shop.resume(number, key="r"))).status is ServiceStatus.ACTIVE
    assert (await ask(lambda: shop.close_service(number, key="c"))).status is ServiceStatus.CLOSED
    assert [operation.kind for operation in await pair.operations_there()] == [
        OperationKind.OPEN,
        OperationKind.PROLONG,
        OperationKind.CHANGE_PLAN,
        OperationKind.SET_PARAMETERS,
        OperationKind.SUSPEND,
        OperationKind.RESUME,
        OperationKind.CLOSE,
    ]
    charged = [charge["operation"] for charge in await pair.panel.charges()]
    assert charged == ["open", "prolong", "changepricelist", "setparam"]
    assert len(await pair.sold()) == 1
    async with pair.reseller.database.read() as session:
        assert [one.message for one in (await session.exec(select(Incident))).all()] == []


def _losing_the_answer(pair: Pair, answer: Answer, reaches: Reaches) -> Ask:
    async def ask(what: Callable[[], Awaitable[AcceptedOrder]]) -> Service:
        before = len(pair.line.requests)
        pair.line.lay(answer, reaches, chosen=orders)
        service = await pair.completed(await what(), timeout=90)
        await _arrives_once_more(pair, before)
        return service

    return ask


async def test_an_opening_and_a_prolongation_are_carried_out_once(pair: Pair) -> None:
    await _open_and_prolong(pair, _losing_the_answer(pair, Answer.CUT, Reaches.BEFORE))
    assert [charge["operation"] for charge in await pair.panel.charges()] == ["open", "prolong"]
    assert len(await pair.sold()) == 1


@pytest.mark.proof
@pytest.mark.timeout(NEVER_SECONDS)
@pytest.mark.parametrize(("answer", "reaches"), CUTS)
async def test_each_call_is_carried_out_once(pair: Pair, answer: Answer, reaches: Reaches) -> None:
    await _live_a_whole_life(pair, _losing_the_answer(pair, answer, reaches))


@pytest.mark.proof
@pytest.mark.timeout(NEVER_SECONDS)
@pytest.mark.parametrize("reaches", [Reaches.BEFORE, Reaches.NEVER], ids=["accepted", "not accepted"])
async def test_each_call_is_carried_out_once_by_workers_that_are_killed_before_they_hear_the_answer(
    resting_pair: Pair, reaches: Reaches
) -> None:
    """Real processes, killed between sending and settling."""
    pair = resting_pair
    workers = [pair.reseller.start_worker()]

    async def ask(what: Callable[[], Awaitable[AcceptedOrder]]) -> Service:
        before, there = len(pair.line.requests), len(await pair.operations_there())
        pair.line.lay(Answer.STALL, reaches, chosen=orders)
        order = await what()

        async def is_sent() -> bool:
            arrived = any(orders(request) for request in pair.line.requests[before:])
            return arrived and (reaches is Reaches.NEVER or len(await pair.operations_there()) > there)

        await assert_eventually(is_sent, timeout=90, interval=0.02, message="the request is on the line")
        workers[-1].kill()
        assert (await pair.reseller.operation(order.operation)).stage is not Stage.COMPLETED
        workers.append(pair.reseller.start_worker())
        service = await pair.completed(order, timeout=120)
        await _arrives_once_more(pair, before)
        return service

    async with pair.distributor.working():
        await _live_a_whole_life(pair, ask)
