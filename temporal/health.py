"""The worker's health endpoint: are its queues polled and do Temporal and the database answer? Not: did work come.

`GET /livez` asks less: does the process itself answer? A restart brings neither Temporal nor the database back.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from metrics.serving import SideServer
from models.database import Database
from models.queues import WorkerRole, queues_of
from models.readiness import Readiness
from program_version import VERSION

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 3.0

_ACTIVITIES = (TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,)
_KINDS = {
    WorkerRole.ORDERS: (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, *_ACTIVITIES),
    WorkerRole.UPSTREAM: _ACTIVITIES,
    WorkerRole.POLLER: _ACTIVITIES,
    WorkerRole.WEBHOOKS: _ACTIVITIES,
}
"""What is polled for in the queue of each role."""


class HealthServer:
    """`GET /healthz` on the configured address: 200 and {"status": "ok"}, or 503 and what is wrong. Both have the
    version and the roles.

    `more`: what else is served there.
    """

    def __init__(self, address: str, database: Database, more: Sequence[Route] = ()) -> None:
        self._readiness = Readiness(database.url)
        health = [Route("/healthz", self._answer), Route("/readyz", self._answer), Route("/livez", _lives)]
        self._server = SideServer(address, [*health, *more])
        self._client: Client | None = None
        self._queues: list[tuple[str, TaskQueueType.ValueType]] = []
        self._running: list[asyncio.Task[None]] = []
        self._roles: list[WorkerRole] = []

    async def start(self) -> None:
        """Raises OSError if the address can't be listened on."""
        await self._server.start()

    def watch(
        self, client: Client, task_queue: str, roles: Collection[WorkerRole], running: list[asyncio.Task[None]]
    ) -> None:
        """The workers of these roles run from now on."""
        self._client = client
        self._roles = [role for role in WorkerRole if role in roles]
        self._queues = [
            (queue, kind) for role in self._roles for queue in queues_of(role, task_queue) for kind in _KINDS[role]
        ]
        self._running = running

    async def stop(self) -> None:
        await self._server.stop()
        await self._readiness.close()

    async def _answer(self, _request: Request) -> JSONResponse:
        problems = await self._problems()
        if problems:
            return JSONResponse({"status": "failing", **self._who(), "problems": problems}, status_code=503)
        return JSONResponse({"status": "ok", **self._who()})

    def _who(self) -> dict[str, Any]:
        return {"version": VERSION, "roles": self._roles}

    async def _problems(self) -> list[str]:
        problems: list[str] = []
        if outage := await self._readiness.outage():
            problems.append(outage.words)
        if self._client is None:
            return [*problems, "not connected to Temporal yet"]
        problems += ["a worker has stopped" for task in self._running if task.done()]
        for queue, kind in self._queues:
            problems += await self._queue_problems(self._client, queue, kind)
        return problems

    async def _queue_problems(self, client: Client, queue: str, kind: TaskQueueType.ValueType) -> list[str]:
        """A server round trip, and whether this process is among the queue's pollers."""
        try:
            answer = await client.workflow_service.describe_task_queue(
                DescribeTaskQueueRequest(
                    namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
                ),
                timeout=timedelta(seconds=TIMEOUT_SECONDS),
            )
        except RPCError as error:
            return [f"Temporal does not answer about {queue}: {error.status.name}"]
        if not any(poller.identity == client.identity for poller in answer.pollers):
            return [f"nobody here polls {queue}"]
        return []


async def _lives(_request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})
