"""A customer closes a service that runs: at once, and while something else is done to it."""

from collections.abc import Awaitable, Callable

import pytest

from models.enums import OperationKind, ServiceStatus, Stage
from models.order import Service
from orders.lifecycle.acceptance import AcceptedOrder
from orders.operations.set_parameters import ServiceChange
from tests.farside.installations import Pair
from tests.infrastructure.proxy import Answer, Reaches, Request


def closes(request: Request) -> bool:
    return request.method == "DELETE"


async def _closed(pair: Pair, closing: AcceptedOrder) -> None:
    assert (await pair.completed(closing, timeout=90)).status is ServiceStatus.CLOSED
    assert (await pair.sold())[0].status is ServiceStatus.CLOSED


async def _prolong(pair: Pair, service: Service) -> AcceptedOrder:
    return await pair.reseller.resellflow.prolong(service.id or 0, 1, key="p")


async def _change(pair: Pair, service: Service) -> AcceptedOrder:
    return await pair.reseller.resellflow.change_parameters(service.id or 0, ServiceChange(addons={"ram": 4}), key="a")


@pytest.mark.proof
async def test_a_service_is_closed_at_the_moment_in_which_it_is_open(pair: Pair) -> None:
    service = await pair.bought()
    closing = await pair.reseller.resellflow.close_service(service.id or 0, key="c")
    await _closed(pair, closing)
    assert await pair.counts() == (1, 1, 1)


@pytest.mark.parametrize("ask", [_prolong, _change], ids=["prolong", "parameters"])
@pytest.mark.proof
async def test_closing_waits_for_what_the_distributor_is_still_doing(
    pair: Pair, ask: Callable[[Pair, Service], Awaitable[AcceptedOrder]]
) -> None:
    """It waits there for money. Our closing is in the line behind it, and nothing is charged after it."""
    service = await pair.bought()
    await pair.panel.set_balance("0.00")
    order = await ask(pair, service)
    await pair.stands_there(Stage.WAITING_FOR_FUNDS)
    await pair.reseller.until(order, Stage.AWAITING_CONFIRMATION)
    closing = await pair.reseller.resellflow.close_service(service.id or 0, key="c")
    assert (await pair.reseller.operation(closing.operation)).stage is Stage.QUEUED
    assert pair.line.sent(closes) == 0
    await pair.panel.set_balance("50.00")
    await pair.completed(order)
    await _closed(pair, closing)
    kinds = [operation.kind for operation in await pair.operations_there()]
    assert kinds == [OperationKind.OPEN, order.kind, OperationKind.CLOSE]
    assert len(await pair.panel.charges()) == 2


@pytest.mark.proof
async def test_closing_while_the_outcome_of_a_prolongation_is_not_known_waits_until_it_is(pair: Pair) -> None:
    service = await pair.bought()
    await pair.panel.set_balance("0.00")
    pair.line.lay(Answer.CUT, Reaches.BEFORE, chosen=lambda request: request.path.endswith("/prolong"))
    order = await _prolong(pair, service)
    await pair.stands_there(Stage.WAITING_FOR_FUNDS)
    await pair.reseller.until(order, Stage.OUTCOME_UNKNOWN)
    closing = await pair.reseller.resellflow.close_service(service.id or 0, key="c")
    await pair.panel.set_balance("50.00")
    await pair.completed(order, timeout=60)
    await _closed(pair, closing)
    assert [charge["operation"] for charge in await pair.panel.charges()] == ["open", "prolong"]
