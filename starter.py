"""The Python API of Resellflow: place orders, change services, work on tasks, make decisions.

async with connect() as resellflow:
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-17")
    order = await resellflow.place_order(request, key="cart-4711")
    print(order.service, order.operation)
"""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.client import Client

from models.database import Database
from models.enums import OperationKind
from models.messages import (
    Decision,
    DecisionKind,
    DecisionRecord,
    DecisionResult,
    TaskCompletion,
    Written,
)
from models.money import Money
from models.order import Operation, Task
from orders.access.roles import OPERATOR, Requester
from orders.decisions import deciding, pending
from orders.decisions.allowed import PAID_STAYS, Denied, judge
from orders.decisions.facts import facts_of
from orders.errors import NotFound, NotTheirs, Refused, existing
from orders.lifecycle import intake, requests
from orders.lifecycle.acceptance import AcceptedOrder, accepted_before
from orders.lifecycle.intake import ServiceRequest
from orders.lifecycle.rehearsing import rehearse
from orders.operations.change_plan import PlanChange
from orders.operations.close import Closing
from orders.operations.prolong import Prolongation
from orders.operations.requests import OperationRequest, Rules
from orders.operations.resume import Resumption
from orders.operations.set_parameters import ServiceChange
from orders.operations.suspend import Suspension
from orders.tasks import work as tasks
from orders.tasks.work import By
from settings import Settings, load_settings
from temporal.client import connect_client
from temporal.dispatch import Dispatcher
from temporal.starting import start_poller, start_sweep
from temporal.updates import execute, handle_of
from workflows.service_order import ServiceOrder

T = TypeVar("T")
Show: TypeAlias = Callable[[AsyncSession, AcceptedOrder], Awaitable[T]]
"""Shows what was accepted, within the transaction that is rolled back afterwards."""


class Resellflow:
    """What storefronts and operators can do. Every call with a key is idempotent."""

    def __init__(self, database: Database, client: Client, settings: Settings) -> None:
        self.database = database
        self.client = client
        self.settings = settings
        self._dispatcher = Dispatcher(database, client, settings.task_queue, settings.order_policy())

    async def place_order(
        self, request: ServiceRequest, *, key: str, client: str = "python", owner: str | None = None
    ) -> AcceptedOrder:
        """Order a service. The same client, key and request always give the same numbers. `owner`: name of the
        storefront that will own it; None: the operators. Raises InvalidField or KeyReused. Once it returns, the order
        cannot be lost. If Temporal is away, the sweep starts the order's workflow when it is back.
        """
        order = await intake.accept_order(
            self.database,
            request,
            client=client,
            key=key,
            hostname_suffix=self.settings.hostname_suffix,
            owner=owner,
        )
        return await self._dispatcher.accepted(order)

    async def ask(
        self,
        service: int,
        asked: OperationRequest,
        *,
        key: str,
        client: str = "python",
        requester: Requester = OPERATOR,
    ) -> AcceptedOrder:
        """Request any operation on an existing service; `asked` is the request model of its class. Raises NotFound,
        InvalidField, Refused or KeyReused. So do the methods below.
        """
        rules = Rules(self.settings.manual_plan_changes)
        accepted = await requests.ask(
            self.database, service, asked, client=client, key=key, rules=rules, requester=requester
        )
        return await self._dispatcher.accepted(accepted)

    async def try_order(
        self, request: ServiceRequest, show: Show[T], *, key: str, client: str = "python", owner: str | None = None
    ) -> T:
        """What `place_order` would do, as `show` shows it. Nothing is written, and the key is not used up. Raises the
        same. Numbers of what would be made are not reserved."""
        once = intake.key_of(request, client, key)
        suffix = self.settings.hostname_suffix

        async def accept(session: AsyncSession) -> T:
            accepted = await intake.accept_in(session, request, once, hostname_suffix=suffix, owner=owner)
            return await show(session, accepted)

        return await rehearse(self.database, accept)

    async def try_asking(
        self,
        service: int,
        asked: OperationRequest,
        show: Show[T],
        *,
        key: str,
        client: str = "python",
        requester: Requester = OPERATOR,
    ) -> T:
        """What `ask` would do, in the same way."""
        once, rules = requests.key_of(service, asked, client, key), Rules(self.settings.manual_plan_changes)

        async def accept(session: AsyncSession) -> T:
            return await show(session, await requests.accept_in(session, service, asked, once, rules, requester))

        return await rehearse(self.database, accept)

    async def accepted_before(
        self, asked: ServiceRequest | OperationRequest, service: int | None, *, key: str, client: str = "python"
    ) -> AcceptedOrder | None:
        """What this key has made of this request earlier; None: nothing. Raises KeyReused. `service`: None for an
        order."""
        if isinstance(asked, ServiceRequest):
            once = intake.key_of(asked, client, key)
        else:
            once = requests.key_of(service or 0, asked, client, key)
        async with self.database.read() as session:
            return await accepted_before(session, once)

    async def prolong(
        self,
        service: int,
        months: int,
        *,
        key: str,
        client: str = "python",
        agreed_cost_limit: Money | None = None,
        requester: Requester = OPERATOR,
    ) -> AcceptedOrder:
        """Prolong a service. `requester`: services of others are not found. `agreed_cost_limit`: the most that the
        upstream may charge; a higher price waits for a person.
        """
        asked = Prolongation.of(period_months=months, agreed_cost_limit=agreed_cost_limit)
        return await self.ask(service, asked, key=key, client=client, requester=requester)

    async def suspend(
        self,
        service: int,
        *,
        key: str,
        client: str = "python",
        urgent: bool = False,
        reason: str = "",
        requester: Requester = OPERATOR,
    ) -> AcceptedOrder:
        """Suspend a service. `urgent`: before everything else that waits. `reason` goes to the audit log."""
        asked = Suspension.of(urgent=urgent, reason=reason or None)
        return await self.ask(service, asked, key=key, client=client, requester=requester)

    async def resume(
        self, service: int, *, key: str, client: str = "python", requester: Requester = OPERATOR
    ) -> AcceptedOrder:
        return await self.ask(service, Resumption(), key=key, client=client, requester=requester)

    async def close_service(
        self, service: int, *, key: str, client: str = "python", requester: Requester = OPERATOR
    ) -> AcceptedOrder:
        """Close a service, before everything else that waits for it. If it is still being opened, its opening is called
        off. Raises NotTheirs if another storefront requested that opening.
        """
        return await self.ask(service, Closing(), key=key, client=client, requester=requester)

    async def change_plan(
        self,
        service: int,
        plan: str,
        *,
        key: str,
        client: str = "python",
        drop_addons: bool = False,
        agreed_cost_limit: Money | None = None,
        requester: Requester = OPERATOR,
    ) -> AcceptedOrder:
        """Change the plan, automatically if the upstream can do it; otherwise a person gets a task
        (settings.manual_plan_changes, or what the kind of upstream names). Add-ons are carried over. Those that the new
        plan can't have are lost only with `drop_addons`.
        """
        asked = PlanChange.of(plan=plan, drop_addons=drop_addons, agreed_cost_limit=agreed_cost_limit)
        return await self.ask(service, asked, key=key, client=client, requester=requester)

    async def change_parameters(
        self, service: int, change: ServiceChange, *, key: str, client: str = "python", requester: Requester = OPERATOR
    ) -> AcceptedOrder:
        return await self.ask(service, change, key=key, client=client, requester=requester)

    async def finish(self) -> None:
        """Before the process ends: complete the messages to Temporal that are under way, within a second."""
        await self._dispatcher.finish()

    async def take_task(self, task: int, by: By) -> None:
        """Take a task in hand. Raises NotFound, Refused or InvalidField. So do the methods below."""
        async with self.database.write() as session:
            await tasks.take(session, task, by)

    async def release_task(self, task: int, by: By) -> None:
        async with self.database.write() as session:
            await tasks.release(session, task, by)

    async def hand_over_task(self, task: int, person: str, by: By) -> None:
        async with self.database.write() as session:
            await tasks.hand_over(session, task, person, by)

    async def note_on_task(self, task: int, text: str, by: By) -> None:
        async with self.database.write() as session:
            await tasks.note(session, task, text, by)

    async def complete_task(self, task: int, completion: TaskCompletion, *, override: str = "") -> DecisionResult:
        """Report that a manual task is done; this is checked at the upstream. Raises Refused with what was found.
        `override`: the reason for acting on an automatic task; its operation is marked done if it waits for a person.
        """
        operation = await self._operation_of_task(
            task, By(actor=completion.actor, override=bool(override), reason=override)
        )
        if override:
            if operation.kind is OperationKind.OPEN:
                raise Refused(f"mark operation {operation.id} done instead, naming the item that service is")
            return await self._override(task, operation, DecisionKind.MARK_DONE, completion.actor, override)
        written = await self._record_decision(operation, pending.COMPLETE_TASK, completion, OPERATOR)
        return await execute(
            self.client, handle_of(self.client, operation), ServiceOrder.complete_task, written, f"task {task}"
        )

    async def reject_task(
        self, task: int, decision: Decision, *, override: bool = False, requester: Requester = OPERATOR
    ) -> DecisionResult:
        """Report that a manual task will not be done. The service stays as it was. With `override` the operation of an
        automatic task is cancelled, if that is possible."""
        operation = await self._operation_of_task(
            task, By(actor=decision.actor, override=override, reason=decision.reason[:1900])
        )
        if override:
            return await self._override(
                task, operation, DecisionKind.CANCEL, decision.actor, decision.reason, requester
            )
        written = await self._record_decision(operation, DecisionKind.REJECT_TASK.value, decision, requester)
        return await execute(
            self.client, handle_of(self.client, operation), ServiceOrder.reject_task, written, f"task {task}"
        )

    async def _override(
        self,
        task: int,
        operation: Operation,
        kind: DecisionKind,
        actor: str,
        reason: str,
        requester: Requester = OPERATOR,
    ) -> DecisionResult:
        decision = Decision(actor=actor, reason=f"override of task {task}: {reason}"[:2000])
        return await self.decide(operation.id, kind, decision, requester)

    async def _operation_of_task(self, number: int, by: By) -> Operation:
        """Raises NotFound, or Refused if this person may not end the task."""
        async with self.database.read() as session:
            task = await session.get(Task, existing("task", number))
            if task is None:
                raise NotFound("task", number)
            tasks.check_open(task)
            tasks.check_mode(task, by)
            tasks.check_whose(task, by.actor)
            return await session.get_one(Operation, task.operation_id)

    async def _tell(self, operation: Operation, update: Any, written: Written, about: str) -> DecisionResult:
        return await execute(self.client, handle_of(self.client, operation), update, written, about)

    async def decide(
        self, operation: int, kind: DecisionKind, decision: Decision, requester: Requester = OPERATOR
    ) -> DecisionResult:
        """Decide about an operation that waits for a person, or cancel it. `orders.decisions.allowed` says what is
        possible.

        Raises NotFound, Refused, InvalidField or TemporalUnavailable. A cancellation needs no Temporal, unless the
        upstream has accepted the operation.
        """
        if kind is DecisionKind.CANCEL and not decision.what_is_paid_stays:
            return await self._cancel(operation, decision, requester)
        async with self.database.read() as session:
            row = await session.get(Operation, existing("operation", operation))
        if row is None:
            raise NotFound("operation", operation)
        needs = await self._check_that_it_is_possible(row, kind, requester)
        if kind is DecisionKind.CANCEL and PAID_STAYS not in needs:
            return await self._cancel(operation, decision, requester)
        update = {
            DecisionKind.RETRY: ServiceOrder.retry,
            DecisionKind.CORRECT_AND_RETRY: ServiceOrder.correct_and_retry,
            DecisionKind.MARK_DONE: ServiceOrder.mark_done,
            DecisionKind.REJECT_TASK: ServiceOrder.reject_task,
            DecisionKind.ACCEPT_PRICE: ServiceOrder.accept_price,
            DecisionKind.LOOK_NOW: ServiceOrder.look_now,
            DecisionKind.CANCEL: ServiceOrder.cancel,
        }[kind]
        await self._rehearse(operation, kind, decision, requester)
        written = await self._record_decision(row, kind.value, decision, requester)
        return await self._tell(row, update, written, f"operation {operation} is in stage {row.stage.value}")

    async def _rehearse(self, operation: int, kind: DecisionKind, decision: Decision, requester: Requester) -> None:
        """Try the decision in a transaction that is rolled back. Raises InvalidField or Refused. Their words may repeat
        the given values, so they go to the caller and never into a history."""
        record = DecisionRecord(operation=operation, kind=kind, decision=decision, decision_id="rehearsal")
        await rehearse(self.database, lambda session: deciding.decide(session, record, requester))

    async def _record_decision(
        self, operation: Operation, kind: str, said: Decision | TaskCompletion, requester: Requester
    ) -> Written:
        """The workflow reads the decision from the database; Temporal gets nothing of it."""
        async with self.database.write() as session:
            return await pending.write_down(session, operation.id, kind, said, requester)

    async def _check_that_it_is_possible(
        self, operation: Operation, kind: DecisionKind, requester: Requester
    ) -> tuple[str, ...]:
        """What must be given with the decision. Raises Refused. The database decides it, with or without Temporal, and
        once more when the decision is written."""
        async with self.database.read() as session:
            judged = judge(
                await facts_of(session, operation),
                kind,
                replace(requester, asked_for_it=operation.actor == requester.name),
            )
        if isinstance(judged, Denied):
            raise (NotTheirs if judged.by_role else Refused)(judged.why)
        return judged.needs

    async def _cancel(self, number: int, decision: Decision, requester: Requester) -> DecisionResult:
        record = DecisionRecord(
            operation=existing("operation", number),
            kind=DecisionKind.CANCEL,
            decision=decision,
            decision_id=f"cancel-{uuid.uuid4().hex}",
        )
        async with self.database.write() as session:
            await deciding.decide(session, record, requester)
            stage = (await session.get_one(Operation, number)).stage
        await self._dispatcher.called_off(number)
        if stage.is_final:
            return DecisionResult(stage=stage, message="nothing of it is sent")
        words = (
            "called off: nothing of it is sent any more; what its earlier requests may have left at the upstream is "
        )
        return DecisionResult(stage=stage, message=f"{words}removed first, then it ends as cancelled")

    async def start_poller(self, upstream: str) -> None:
        """Ensure that the account is polled. Raises RPCError or RuntimeError if Temporal can't be reached."""
        await start_poller(self.client, self.settings.task_queue, upstream)

    async def start_sweep(self) -> None:
        await start_sweep(self.client, self.settings.task_queue)


@asynccontextmanager
async def connect(settings: Settings | None = None) -> AsyncIterator[Resellflow]:
    """Open database and Temporal client according to the settings, and close them at the end."""
    settings = settings or load_settings()
    database = Database(settings.database_url, settings.pool_terms())
    try:
        resellflow = Resellflow(database, await connect_client(settings, lazy=True), settings)
        yield resellflow
        await resellflow.finish()
    finally:
        await database.close()


async def place_order(request: ServiceRequest, *, key: str, client: str = "python") -> AcceptedOrder:
    """Order a service with the settings of this process. See `Resellflow.place_order`."""
    async with connect() as resellflow:
        return await resellflow.place_order(request, key=key, client=client)
