"""Which versions of the workers there are, which one gets new orders, and which orders stay with which.

Temporal calls all versions together a worker deployment. The empty build id stands for workers without one.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.enums.v1 import TaskQueueType, WorkerVersioningMode
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentRampingVersionRequest,
    UpdateWorkflowExecutionOptionsRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from models.queues import upstream_queue

RPC_TIMEOUT = timedelta(seconds=10)
CHANGE_TIMEOUT = timedelta(seconds=60)
"""How long a choice of the version may take. The server answers when it has notified every task queue, and one choice
waits for the other, so a busy one takes long. Whoever gives up early and asks again makes it longer."""
_WORKFLOWS = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
_ACTIVITIES = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY


class VersionStatus(StrEnum):
    """What Temporal calls the state of a version."""

    UNKNOWN = "unknown"
    INACTIVE = "inactive"
    """It never was current, so it has no orders."""
    CURRENT = "current"
    """New orders go there."""
    RAMPING = "ramping"
    """A share of the new orders goes there."""
    DRAINING = "draining"
    """It gets no new orders, and old ones stay with it."""
    DRAINED = "drained"


_STATUS = list(VersionStatus)
"""By Temporal's number of the status."""


@dataclass(frozen=True)
class Version:
    build_id: str
    status: VersionStatus
    since: datetime
    """When Temporal first heard of it."""


@dataclass(frozen=True)
class Deployment:
    name: str
    current: str
    """Build id; empty: new orders go to workers without one."""
    ramping: str | None
    percentage: float
    """Share of the new orders that the ramping version gets."""
    versions: list[Version]
    """The newest first."""


async def find_deployment(client: Client, name: str) -> Deployment | None:
    """None: no worker has ever said a build id. Raises RPCError when Temporal can't be reached."""
    try:
        answer = await client.workflow_service.describe_worker_deployment(
            DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=name), timeout=RPC_TIMEOUT
        )
    except RPCError as error:
        # The second: the server is older than the versioning of workers.
        if error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.UNIMPLEMENTED):
            return None
        raise
    info = answer.worker_deployment_info
    routing = info.routing_config
    versions = [
        Version(
            build_id=one.deployment_version.build_id,
            status=_STATUS[one.status] if one.status < len(_STATUS) else VersionStatus.UNKNOWN,
            since=one.create_time.ToDatetime(UTC),
        )
        for one in info.version_summaries
    ]
    return Deployment(
        name=name,
        current=routing.current_deployment_version.build_id,
        ramping=routing.ramping_deployment_version.build_id or None,
        percentage=routing.ramping_version_percentage,
        versions=sorted(versions, key=lambda version: version.since, reverse=True),
    )


class ChoiceNotKnown(Exception):
    """Temporal has not answered in time, and may still do what it was asked for."""


@asynccontextmanager
async def _answered_in_time() -> AsyncIterator[None]:
    try:
        yield
    except RPCError as error:
        if error.status not in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
            raise
        raise ChoiceNotKnown(
            f"Temporal has not answered within {CHANGE_TIMEOUT.total_seconds():g} s; `resell versions` shows whether "
            "it has done it; if not, try again in a minute"
        ) from error


async def set_current(client: Client, name: str, build_id: str) -> None:
    """New orders go to this version from now on; to workers without a build id if it is empty.

    Raises ChoiceNotKnown, and RPCError: NOT_FOUND for a version that no worker has said, FAILED_PRECONDITION if it
    lacks a queue that the current version polls.
    """
    async with _answered_in_time():
        await client.workflow_service.set_worker_deployment_current_version(
            SetWorkerDeploymentCurrentVersionRequest(
                namespace=client.namespace, deployment_name=name, build_id=build_id, identity=client.identity
            ),
            timeout=CHANGE_TIMEOUT,
        )


async def set_ramping(client: Client, name: str, build_id: str, percentage: float) -> None:
    """This share of the new orders goes to this version. No version ramps if the build id is empty. Raises RPCError,
    ChoiceNotKnown."""
    async with _answered_in_time():
        await client.workflow_service.set_worker_deployment_ramping_version(
            SetWorkerDeploymentRampingVersionRequest(
                namespace=client.namespace,
                deployment_name=name,
                build_id=build_id,
                percentage=percentage,
                identity=client.identity,
            ),
            timeout=CHANGE_TIMEOUT,
        )


async def builds_at_work(client: Client, name: str, queue: str, within: timedelta) -> set[str]:
    """Build ids of the workers that have asked for workflows and for upstream calls in this time. Raises RPCError."""
    workflows = await _polling(client, name, queue, _WORKFLOWS, within)
    return workflows & await _polling(client, name, upstream_queue(queue), _ACTIVITIES, within)


async def _polling(client: Client, name: str, queue: str, kind: TaskQueueType.ValueType, within: timedelta) -> set[str]:
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind),
        timeout=RPC_TIMEOUT,
    )
    since = datetime.now(UTC) - within
    recent = [poller for poller in answer.pollers if poller.last_access_time.ToDatetime(UTC) > since]
    return {build for poller in recent if (build := _build_of(poller, name)) is not None}


def _build_of(poller: PollerInfo, name: str) -> str | None:
    """None: it belongs to another deployment."""
    options = poller.deployment_options
    if options.worker_versioning_mode != WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED:
        return ""
    return options.build_id if options.deployment_name == name else None


def orders_of(name: str, build_id: str) -> str:
    """Query for the workflows that run and stay with this version. Neither name can contain a quote."""
    return (
        f"TemporalWorkerDeploymentVersion = '{name}:{build_id}' AND TemporalWorkflowVersioningBehavior = 'Pinned' "
        "AND ExecutionStatus = 'Running'"
    )


async def count_orders(client: Client, name: str, build_id: str) -> int:
    """Raises RPCError."""
    return (await client.count_workflows(orders_of(name, build_id), rpc_timeout=RPC_TIMEOUT)).count


async def ids_of_orders(client: Client, name: str, build_id: str, *, at_most: int) -> AsyncIterator[str]:
    """Workflow ids. Raises RPCError."""
    async for execution in client.list_workflows(orders_of(name, build_id), limit=at_most):
        yield execution.id


async def move(client: Client, workflow_id: str, name: str, build_id: str) -> bool:
    """Have this version run a workflow from its next task on; workers without a build id if that is empty.

    What it waits for stays. An activity that no worker has finished is sent to the new version. False: it has ended.
    Raises RPCError.
    """
    if build_id:
        version = WorkerDeploymentVersion(deployment_name=name, build_id=build_id)
        pinned = VersioningOverride.PinnedOverride(
            behavior=VersioningOverride.PINNED_OVERRIDE_BEHAVIOR_PINNED, version=version
        )
        override = VersioningOverride(pinned=pinned)
    else:
        override = VersioningOverride(auto_upgrade=True)
    try:
        await client.workflow_service.update_workflow_execution_options(
            UpdateWorkflowExecutionOptionsRequest(
                namespace=client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=workflow_id),
                workflow_execution_options=WorkflowExecutionOptions(versioning_override=override),
                update_mask=FieldMask(paths=["versioning_override"]),
                identity=client.identity,
            ),
            timeout=RPC_TIMEOUT,
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True
