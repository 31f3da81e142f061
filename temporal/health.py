"""The worker's health endpoint: are its queues polled and do Temporal and the database answer? Not: did work come."""

import asyncio
import logging
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from models.database import Database
from models.queues import WorkerRole, queues_of
from models.readiness import Readiness

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 3.0
TICK_SECONDS = 1.0

_ACTIVITIES = (TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,)
_KINDS = {
    WorkerRole.ORDERS: (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, *_ACTIVITIES),
    WorkerRole.UPSTREAM: _ACTIVITIES,
    WorkerRole.POLLER: _ACTIVITIES,
    WorkerRole.WEBHOOKS: _ACTIVITIES,
}
"""What is polled for in the queue of each role."""


class _Server(uvicorn.Server):
    """Leaves the signals to the worker, and learns when to end: uvicorn's own loop wakes ten times a second to see."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._end = asyncio.Event()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # which keeps the header with the date right
            with suppress(TimeoutError):
                await asyncio.wait_for(self._end.wait(), TICK_SECONDS)

    def end(self) -> None:
        self.should_exit = True
        self._end.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HealthServer:
    """`GET /healthz` on the configured address: 200 and {"status": "ok", "roles": […]}, or 503 and what is wrong."""

    def __init__(self, address: str, database: Database) -> None:
        self._address = address
        self._readiness = Readiness(database.url)
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._client: Client | None = None
        self._queues: list[tuple[str, TaskQueueType.ValueType]] = []
        self._running: list[asyncio.Task[None]] = []
        self._roles: list[WorkerRole] = []

    async def start(self) -> None:
        """Raises OSError if the address can't be listened on."""
        if not self._address:
            return
        host, _, port = self._address.rpartition(":")
        host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, int(port)), family=family)
        app = Starlette(routes=[Route("/healthz", self._answer), Route("/readyz", self._answer)])
        self._server = _Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]))

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
        if self._server is not None and self._serving is not None:
            self._server.end()
            await self._serving
        await self._readiness.close()

    async def _answer(self, _request: Request) -> JSONResponse:
        problems = await self._problems()
        if problems:
            failing = {"status": "failing", "roles": self._roles, "problems": problems}
            return JSONResponse(failing, status_code=503)
        return JSONResponse({"status": "ok", "roles": self._roles})

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
