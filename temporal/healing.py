"""Workflows that run and can't go on: each of their tasks fails, because of a payload that can't be read, say, or a
history that today's code does not follow. Such a run is ended, and a new one begins from what the database says.

Temporal's server marks them (`TemporalReportedProblems`) once several tasks in a row have failed: after about a minute.
What had been signalled to the run is not signalled again, but for the upstream's events: it may be what stops it.

Runs that wait for a person whose decision is in the database are ended as well: Temporal has forgotten the message that
brought it, after a crash or from a backup, and it would never come.
"""

import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from models.audit import AuditEntry
from models.columns import utc_now
from models.database import Database
from models.enums import IncidentKind, Stage
from models.incident import Incident
from models.order import Operation
from orders import audit
from orders.incidents.conditions import Condition, end_one, keep_one
from orders.services import naming
from workflows.search_attributes import ORDER_STAGE, STAGE_SINCE

log = logging.getLogger(__name__)

ACTION = "workflow_ended_to_begin_anew"
WORKFLOW = "workflow"
"""Subject of the audit's entries about what is no operation's workflow; these have no number."""
ORDER_TYPE = "ServiceOrder"
FAILING = "ExecutionStatus = 'Running' AND TemporalReportedProblems IS NOT NULL"
_PROBLEMS = SearchAttributeKey.for_keyword_list("TemporalReportedProblems")
ORDERS_PAUSE = timedelta(hours=1)
"""A new run of an order is left alone this long, wedged or not: its fault is the same as that of the run before."""
WATCHERS_PAUSE = timedelta(minutes=10)
"""The same for pollers and the sender of webhooks: everything waits for them."""
MOST_AT_ONCE = 60
"""Runs that are ended in one lap: if all are wedged, the fault is in the code, and new runs help little."""
_LONGEST_CAUSE = 300


@dataclass
class Healed:
    """What one lap has ended."""

    orders: list[int] = field(default_factory=list)
    """Operations that have no run now, and are to be started."""
    watchers: list[str] = field(default_factory=list)
    """Workflow ids of pollers, and of the sender of webhooks."""
    over: int = 0
    """Runs of operations that the database has ended, or put back into the queue: nothing is to be started."""

    @property
    def count(self) -> int:
        return len(self.orders) + len(self.watchers) + self.over


class Healer:
    """Ends runs that can't go on. Who calls it starts the new ones."""

    def __init__(self, database: Database, client: Client) -> None:
        self._database = database
        self._client = client
        self._left_alone: dict[str, datetime] = {}
        """Runs that have been reported, and until when they are left alone."""
        self._can_not_ask = False

    async def end_failing(self) -> Healed:
        """End what is wedged, but not twice within the pause: then it is reported. Raises RPCError if Temporal is away.

        Safe to repeat after a crash in its midst: the entry in the audit names the run that is to be ended.
        """
        await self._close_over()
        healed = Healed()
        now = utc_now()
        self._left_alone = {run: until for run, until in self._left_alone.items() if until > now}
        async for workflow_id, run_id in self._failing():
            if run_id in self._left_alone:
                continue
            is_watcher = workflow_id.startswith(naming.POLLER_PREFIX) or workflow_id == naming.WEBHOOK_SENDER_ID
            operation = None if is_watcher else await self._operation_of(workflow_id)
            if is_watcher and await self._end(workflow_id, run_id, WATCHERS_PAUSE, None):
                healed.watchers.append(workflow_id)
            if operation is not None and await self._end(workflow_id, run_id, ORDERS_PAUSE, operation):
                self._note(healed, operation)
            if healed.count >= MOST_AT_ONCE:
                log.warning(
                    "%s workflows with failing tasks were ended; if there are more, the next lap ends them",
                    healed.count,
                )
                break
        return healed

    async def _close_over(self) -> None:
        """Close the incidents of workflows that work again, or have ended and are not begun anew."""
        kind = IncidentKind.WORKFLOW_WEDGED
        async with self._database.read() as session:
            found = await session.exec(
                select(Incident).where(Incident.kind == kind, col(Incident.condition).is_not(None))
            )
            wedged = {incident.detail["workflow"]: incident.operation_id for incident in found.all()}
        for workflow_id, operation in wedged.items():
            if await self._is_over(workflow_id, operation):
                async with self._database.write() as session:
                    await end_one(session, kind, workflow_id)

    async def _is_over(self, workflow_id: str, number: int | None) -> bool:
        found = await _described(self._client, workflow_id)
        if found is not None and found.status is WorkflowExecutionStatus.RUNNING:
            # A task that waits, or is tried again, says nothing yet: the server marks a run only after several tries.
            return not _problems_in(found) and not found.raw_description.HasField("pending_workflow_task")
        if number is None:
            return True
        async with self._database.read() as session:
            operation = await session.get_one(Operation, number)
        return _needs_no_run(operation)

    @staticmethod
    def _note(healed: Healed, operation: Operation) -> None:
        if _needs_no_run(operation):
            healed.over += 1
        else:
            healed.orders.append(operation.id)

    async def _failing(self) -> AsyncIterator[tuple[str, str]]:
        """Workflow id and run id, of whatever type: an order's id may be taken by what is no order."""
        try:
            async for execution in self._client.list_workflows(FAILING):
                yield execution.id, execution.run_id
        except RPCError as error:
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
            if not self._can_not_ask:
                self._can_not_ask = True
                log.warning(
                    "this Temporal server does not report whose tasks fail, so wedged workflows are not found: %s",
                    error,
                )

    async def _operation_of(self, workflow_id: str) -> Operation | None:
        number = workflow_id.rpartition("-")[2]
        if not (number.isascii() and number.isdigit() and len(number) < 19):
            return None
        async with self._database.read() as session:
            operation = await session.get(Operation, int(number))
        if operation is None or workflow_id != naming.workflow_id(operation.service_id, operation.kind, int(number)):
            return None
        return operation

    async def _end(self, workflow_id: str, run_id: str, pause: timedelta, operation: Operation | None) -> bool:
        """False: it is not wedged (any more), or is left alone."""
        cause = await problems_of(self._client, workflow_id, run_id)
        if not cause:
            return False
        async with self._database.write() as session:
            before = await _last_healing(session, workflow_id, operation)
            if before is not None and before.at > utc_now() - pause and before.detail.get("run") != run_id:
                await _report(session, workflow_id, cause, before, pause, operation)
                self._left_alone[run_id] = before.at + pause
                return False
            if before is None or before.detail.get("run") != run_id:
                session.add(_entry(workflow_id, run_id, cause, operation))
        log.warning("%s is ended and starts again from the database: its tasks fail: %s", workflow_id, cause)
        await _terminate(self._client, workflow_id, run_id, f"its tasks fail ({cause})")
        return True

    async def end_unheard(self, operation: Operation) -> bool:
        """End the run of an operation, if it waits for a person and the database has what that person decided. True: it
        is to be started, unless the operation is over. Raises RPCError if Temporal is away.

        The run is described here: the list of workflows may be behind.
        """
        workflow_id = naming.workflow_id(operation.service_id, operation.kind, operation.id)
        found = await _described(self._client, workflow_id)
        if found is None or not _waits_for_a_person(found):
            return False
        since = found.typed_search_attributes.get(STAGE_SINCE)
        if since is None or since >= operation.stage_since:
            return False
        cause = f"it waits for a person, and has not heard what was decided: the database says {operation.stage.value}"
        log.warning("%s is ended: %s", workflow_id, cause)
        async with self._database.write() as session:
            session.add(_entry(workflow_id, found.run_id or "", cause, operation))
        await _terminate(self._client, workflow_id, found.run_id, cause)
        return True


def waiting_for_a_person(running: Mapping[str, str | None]) -> set[str]:
    """Those of these workflows that wait for one, by the stages that they show."""
    return {workflow_id for workflow_id, stage in running.items() if stage in _WAIT_FOR_A_PERSON}


_WAIT_FOR_A_PERSON = frozenset({Stage.NEEDS_ATTENTION.value, Stage.AWAITING_MANUAL_TASK.value})
DECIDED = frozenset({Stage.CHECKING_BALANCE, Stage.AWAITING_CONFIRMATION, Stage.COMPLETED, Stage.CANCELLED})
"""What a decision makes of an operation that waited for a person (`orders.decisions.deciding`)."""


def _waits_for_a_person(found: WorkflowExecutionDescription) -> bool:
    """And nothing is on its way to it."""
    about = found.raw_description
    busy = about.HasField("pending_workflow_task") or len(about.pending_activities) > 0
    running = found.status is WorkflowExecutionStatus.RUNNING
    return running and not busy and found.typed_search_attributes.get(ORDER_STAGE) in _WAIT_FOR_A_PERSON


def _needs_no_run(operation: Operation) -> bool:
    return operation.stage.is_final or operation.stage is Stage.QUEUED


async def problems_of(client: Client, workflow_id: str, run_id: str | None = None) -> str:
    """Why the tasks of a workflow that runs fail, in words of Temporal's; empty if they don't, or it does not run.

    Raises RPCError when Temporal can't be reached.
    """
    found = await _described(client, workflow_id, run_id)
    return _problems_in(found) if found and found.status is WorkflowExecutionStatus.RUNNING else ""


async def _described(
    client: Client, workflow_id: str, run_id: str | None = None
) -> WorkflowExecutionDescription | None:
    """None: there is none. Raises RPCError."""
    try:
        return await client.get_workflow_handle(workflow_id, run_id=run_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


def _problems_in(found: WorkflowExecutionDescription) -> str:
    return ", ".join(found.typed_search_attributes.get(_PROBLEMS) or ())[:_LONGEST_CAUSE]


async def free_for_an_order(client: Client, workflow_id: str, task_queue: str) -> bool:
    """Whether a workflow may be started under this id, which no order of ours was found to have.

    What runs there and is no order, or waits in a queue that nobody serves, is ended. False: an order of ours runs, and
    the list of workflows does not show it yet. Raises RPCError.
    """
    found = await _described(client, workflow_id)
    if found is None or found.status is not WorkflowExecutionStatus.RUNNING:
        return True
    if found.workflow_type == ORDER_TYPE and found.task_queue == task_queue:
        return False
    cause = f"its id is an order's, and it is a {found.workflow_type} in queue {found.task_queue}"
    log.warning("%s is ended: %s", workflow_id, cause)
    await _terminate(client, workflow_id, found.run_id, cause)
    return True


async def end_wedged_sweep(client: Client) -> None:
    """The sweep heals all others; this is for itself. Raises RPCError when Temporal can't be reached."""
    found = await _described(client, naming.SWEEP_ID)
    cause = _problems_in(found) if found and found.status is WorkflowExecutionStatus.RUNNING else ""
    if found and cause:
        log.warning("the sweep is ended and starts again: its tasks fail: %s", cause)
        await _terminate(client, naming.SWEEP_ID, found.run_id, f"its tasks fail ({cause})")


async def _terminate(client: Client, workflow_id: str, run_id: str | None, cause: str) -> None:
    try:
        await client.get_workflow_handle(workflow_id, run_id=run_id).terminate(
            reason=f"{cause}. It begins anew, if the operation is not over"
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:  # it has ended already
            raise


def _entry(workflow_id: str, run_id: str, cause: str, operation: Operation | None) -> AuditEntry:
    return audit.entry(
        "operation" if operation else WORKFLOW,
        operation.id if operation else 0,
        ACTION,
        facts={"workflow": workflow_id, "run": run_id, "cause": cause},
    )


async def _last_healing(session: AsyncSession, workflow_id: str, operation: Operation | None) -> AuditEntry | None:
    found = await session.exec(
        select(AuditEntry)
        .where(
            AuditEntry.subject == ("operation" if operation else WORKFLOW),
            AuditEntry.subject_number == (operation.id if operation else 0),
            AuditEntry.action == ACTION,
        )
        .order_by(col(AuditEntry.id).desc())
        .limit(1 if operation else 100)
    )
    return next((entry for entry in found.all() if entry.detail.get("workflow") == workflow_id), None)


async def _report(
    session: AsyncSession,
    workflow_id: str,
    cause: str,
    before: AuditEntry,
    pause: timedelta,
    operation: Operation | None,
) -> None:
    """The new run was of no use, too. Updated with each further one."""
    again = before.at + pause
    message = (
        f"The tasks of workflow {workflow_id} fail ({cause}), and those of the new run that began at "
        f"{before.at:%Y-%m-%d %H:%M} UTC do so, too: it does not go on. Look in Temporal UI at the last failed task, "
        f"and whether all workers run one version; correct that. It is tried once more at {again:%Y-%m-%d %H:%M} UTC"
    )
    condition = Condition(
        IncidentKind.WORKFLOW_WEDGED,
        workflow_id,
        message,
        service=operation.service_id if operation else None,
        operation=operation.id if operation else None,
        detail={"workflow": workflow_id, "cause": cause},
    )
    await keep_one(session, condition, lasts=True)
