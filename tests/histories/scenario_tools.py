"""What the modules of scenarios share: how a scenario is registered, and answers that several of them give."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.exceptions import ApplicationError

from models.enums import FailureClass, Stage
from models.messages import (
    Funds,
    FundsResult,
    OrderPolicy,
)
from tests.workflows.bench import (
    Bench,
    ScriptedOrder,
    seen,
)

Scenario = Callable[[Bench], Awaitable[WorkflowHandle[Any, Any]]]

DRY = FundsResult(
    outcome=Funds.WAITING, required="5.00 EUR", free="1.00 EUR", reason="5.00 EUR needed, 1.00 EUR free on account main"
)
DOWN = "the upstream can't be reached: connection refused"
QUICK_LOOK = OrderPolicy(confirmation_check_after=timedelta(milliseconds=300))


def soon(reason: str = DOWN) -> ApplicationError:
    """An attempt that fails and is repeated at once."""
    return ApplicationError(reason, type=FailureClass.NOT_SENT.value, next_retry_delay=timedelta(milliseconds=20))


def later(reason: str = DOWN) -> ApplicationError:
    """An attempt that fails and is repeated after the end of every test."""
    return ApplicationError(reason, type=FailureClass.NOT_SENT.value, next_retry_delay=timedelta(minutes=5))


def registering(scenarios: dict[str, Scenario]) -> Callable[[Scenario], Scenario]:
    """A decorator that puts a scenario among these by its name."""

    def register(run: Scenario) -> Scenario:
        scenarios[run.__name__] = run
        return run

    return register


async def confirmed(order: ScriptedOrder) -> WorkflowHandle[Any, Any]:
    """Its item comes to life at the upstream, and the order ends."""
    await order.until(Stage.AWAITING_CONFIRMATION)
    await order.event(seen())
    result = await order.ended()
    assert result.stage is Stage.COMPLETED
    return order.handle
