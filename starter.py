"""Starts and signals workflows: the Python API of Resellflow. The command line is `resell` (package `cli`).

async with connect() as resellflow:
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-17")
    order = await resellflow.place_order(request, key="cart-4711")
    print(order.service, order.operation)
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.starting import start_order, start_poller, start_sweep
from models.database import Database, is_unavailable
from models.enums import Stage
from models.messages import Decision, DecisionKind, DecisionResult
from models.order import Operation
from orders import completion, intake, naming
from orders.errors import InvalidField, NotFound, Refused
from orders.intake import AcceptedOrder, ServiceRequest
from settings import Settings, load_settings
from workflows.service_order import ServiceOrder

log = logging.getLogger(__name__)

START_TIMEOUT_SECONDS = 3.0
"""An order is accepted whether its workflow can be started at once or not; so the caller does not wait for long."""


class TemporalUnavailable(Exception):
    """Temporal can't be reached just now. Accepted orders start by themselves when it is back."""


async def connect_client(*, lazy: bool = False) -> Client:
    """A Temporal client by the standard settings (`temporalio.envconfig`), speaking pydantic.

    Lazy: connects at the first call, so that a process starts while Temporal is away.
    """
    config = ClientConfig.load_client_connect_config()
    return await Client.connect(**config, data_converter=pydantic_data_converter, lazy=lazy)


class Resellflow:
    """What storefronts and operators can do. Everything is idempotent where the caller brings a key."""

    def __init__(self, database: Database, client: Client, settings: Settings) -> None:
        self.database = database
        self.client = client
        self.settings = settings

    async def place_order(self, request: ServiceRequest, *, key: str, client: str = "python") -> AcceptedOrder:
        """Order a service. The same client, key and request give the same numbers, for ever.

        Raises InvalidField or KeyReused. Once it returns the order cannot be lost: is Temporal away, then the order's
        workflow is started by the sweep when it is back.
        """
        order = await intake.accept_order(
            self.database, request, client=client, key=key, hostname_suffix=self.settings.hostname_suffix
        )
        if order.created:
            await self.try_to_start(order.operation)
        return order

    async def try_to_start(self, operation: int) -> bool:
        """Start an operation's workflow, if Temporal can be reached just now."""
        try:
            async with asyncio.timeout(START_TIMEOUT_SECONDS):
                return await start_order(
                    self.client,
                    self.database,
                    self.settings.task_queue,
                    self.settings.order_policy(),
                    operation,
                )
        except Exception as error:
            if not isinstance(error, TimeoutError | RPCError | RuntimeError) and not is_unavailable(error):
                raise
            log.warning("operation %s is accepted; its workflow starts when Temporal is back: %s", operation, error)
            return False

    async def decide(self, operation: int, kind: DecisionKind, decision: Decision) -> DecisionResult:
        """Act on an operation that waits for a person.

        Raises NotFound, Refused, InvalidField or TemporalUnavailable.
        """
        async with self.database.read() as session:
            row = await session.get(Operation, operation)
        if row is None:
            raise NotFound("operation", operation)
        if row.stage in completion.NOT_BEGUN and kind is DecisionKind.CANCEL:
            return await self._cancel_before_it_began(operation, decision)
        handle = self.client.get_workflow_handle(naming.workflow_id(row.service_id, row.kind, operation))
        update = {
            DecisionKind.RETRY: ServiceOrder.retry,
            DecisionKind.CORRECT_AND_RETRY: ServiceOrder.correct_and_retry,
            DecisionKind.MARK_DONE: ServiceOrder.mark_done,
            DecisionKind.CANCEL: ServiceOrder.cancel,
        }[kind]
        try:
            async with asyncio.timeout(20):
                return await handle.execute_update(update, decision)
        except WorkflowUpdateFailedError as failure:
            cause = failure.cause
            if isinstance(cause, ApplicationError):
                if cause.type == InvalidField.__name__:
                    raise InvalidField(str(cause.details[0]) if cause.details else "", cause.message) from failure
                raise Refused(cause.message) from failure
            raise
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise Refused(
                    f"operation {operation} is {row.stage.value}; nothing runs that could {kind.value}"
                ) from error
            raise TemporalUnavailable(str(error)) from error
        except (TimeoutError, RuntimeError) as error:
            raise TemporalUnavailable("no answer from Temporal or from a worker") from error

    async def _cancel_before_it_began(self, operation: int, decision: Decision) -> DecisionResult:
        async with self.database.write() as session:
            await completion.cancel_before_it_began(session, operation, decision)
        return DecisionResult(stage=Stage.CANCELLED, message="cancelled before it began")

    async def start_poller(self, upstream: str) -> None:
        """Make sure that this account is watched. Raises RPCError or RuntimeError when Temporal can't be reached."""
        await start_poller(self.client, self.settings.task_queue, upstream)

    async def start_sweep(self) -> None:
        await start_sweep(self.client, self.settings.task_queue)


@asynccontextmanager
async def connect(settings: Settings | None = None) -> AsyncIterator[Resellflow]:
    """Open database and Temporal client by the settings, and close them again."""
    settings = settings or load_settings()
    database = Database(settings.database_url)
    try:
        yield Resellflow(database, await connect_client(lazy=True), settings)
    finally:
        await database.close()


async def place_order(request: ServiceRequest, *, key: str, client: str = "python") -> AcceptedOrder:
    """Order a service with the settings of this process; see Resellflow.place_order."""
    async with connect() as resellflow:
        return await resellflow.place_order(request, key=key, client=client)


if __name__ == "__main__":
    from cli.app import main

    main()
