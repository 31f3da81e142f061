"""Orders placed as a storefront would, followed to their ends, and what the database knows about them afterwards."""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import httpx
from sqlmodel import col, func, select
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from benchmarks.statements import PLACING, part
from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.enums import OperationKind, ServiceStatus, Stage
from models.events import UpstreamSnapshot
from models.order import Operation, Service
from orders.lifecycle.intake import ServiceRequest
from orders.services import naming
from stack.processes import StackFailed
from starter import Resellflow
from storefront.schemas.services import OrderAccepted

PLAN = "VDS-1"
LARGE_PLAN = "VDS-LARGE"
"""At the account with many services."""
START_INTERVAL = 0.5


class OrderFailed(StackFailed):
    """An order did not become an active service, or not in time."""


@dataclass(frozen=True)
class Placed:
    service: int
    operation: int
    asked_at: datetime
    seconds: float
    """That the call took."""

    @property
    def workflow_id(self) -> str:
        return naming.workflow_id(self.service, OperationKind.OPEN, self.operation)


@dataclass(frozen=True)
class Ended:
    """An order's way in times, as the database has them."""

    placed: Placed
    mark: str
    active_at: datetime
    completed_at: datetime


class Storefront(Protocol):
    async def place(self, plan: str) -> Placed: ...


class ByStarter:
    def __init__(self, resellflow: Resellflow) -> None:
        self._resellflow = resellflow

    async def place(self, plan: str) -> Placed:
        request = ServiceRequest(plan=plan, period_months=1, customer="benchmark")
        asked_at, began = utc_now(), time.monotonic()
        order = await self._resellflow.place_order(request, key=os.urandom(12).hex(), client="benchmark")
        return Placed(order.service, order.operation, asked_at, time.monotonic() - began)


class ByApi:
    def __init__(self, http: httpx.AsyncClient, url: str, token: str) -> None:
        self._http = http
        self._url = f"{url}/v1/services"
        self._headers = {"Authorization": f"Bearer {token}"}

    async def place(self, plan: str) -> Placed:
        body = {"plan": plan, "period_months": 1, "customer": "benchmark"}
        headers = self._headers | {"Idempotency-Key": os.urandom(12).hex()}
        asked_at, began = utc_now(), time.monotonic()
        answer = await self._http.post(self._url, json=body, headers=headers)
        seconds = time.monotonic() - began
        if answer.status_code != httpx.codes.CREATED:
            raise OrderFailed(f"the API refused an order: {answer.status_code} {answer.text}")
        order = OrderAccepted.model_validate_json(answer.content)
        return Placed(order.service.number, order.operation.number, asked_at, seconds)


class Followed:
    """Places orders and follows them."""

    def __init__(self, storefront: Storefront, client: Client, database: Database, patience: float) -> None:
        self._storefront = storefront
        self._client = client
        self._database = database
        self._patience = patience

    async def place(self, plan: str = PLAN) -> Placed:
        with part(PLACING):
            return await self._storefront.place(plan)

    async def place_and_wait(self, plan: str = PLAN, patience: float | None = None) -> Placed:
        """Until its workflow has ended."""
        placed = await self.place(plan)
        await self.wait(placed, patience)
        return placed

    async def wait(self, placed: Placed, patience: float | None = None) -> None:
        """Raises OrderFailed when patience, as ever or of so many seconds, ends before the order does."""
        patience = patience or self._patience
        try:
            async with asyncio.timeout(patience):
                while not await self._has_ended(placed.workflow_id):  # noqa: ASYNC110 - the sweep tells nobody
                    await asyncio.sleep(START_INTERVAL)
        except TimeoutError:
            async with self._database.read() as session:
                operation = await session.get_one(Operation, placed.operation)
            told = f"{operation.stage.value}: {operation.waits_for}"
            raise OrderFailed(f"order {placed.operation} isn't done after {patience:g} s; it is {told}") from None

    async def _has_ended(self, workflow_id: str) -> bool:
        """Waits for the workflow's end. False, at once, if it has not been started yet: Temporal had more to do than
        placing an order waits for, and the sweep will start it."""
        try:
            await self._client.get_workflow_handle(workflow_id).result()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return True

    async def until_confirmation_is_awaited(self, orders: Sequence[Placed]) -> None:
        """Raises OrderFailed when patience ends before."""
        numbers = [placed.operation for placed in orders]
        ends = time.monotonic() + self._patience
        while time.monotonic() < ends:
            async with self._database.read() as session:
                found = await session.exec(
                    select(func.count())
                    .select_from(Operation)
                    .where(col(Operation.id).in_(numbers), col(Operation.stage) == Stage.AWAITING_CONFIRMATION)
                )
                if found.one() == len(numbers):
                    return
            await asyncio.sleep(0.1)
        raise OrderFailed(f"not all of {len(numbers)} orders wait for a confirmation after {self._patience:g} s")

    async def until_known(self, account: str, services: int, patience: float) -> None:
        """Until the poller has so many services of the account in the database. Raises OrderFailed when patience ends
        before."""
        question = (
            select(func.count())
            .select_from(UpstreamSnapshot)
            .join(UpstreamAccount, col(UpstreamSnapshot.account_id) == col(UpstreamAccount.id))
            .where(UpstreamAccount.name == account)
        )
        ends = time.monotonic() + patience
        known = 0
        while time.monotonic() < ends:
            async with self._database.read() as session:
                known = (await session.exec(question)).one()
            if known >= services:
                return
            await asyncio.sleep(0.5)
        raise OrderFailed(f"{known} of {services} services are known after {patience:g} s")

    async def ends(self, orders: Sequence[Placed]) -> list[Ended]:
        """Raises OrderFailed if one did not end as an active service."""
        by_operation = {placed.operation: placed for placed in orders}
        async with self._database.read() as session:
            found = await session.exec(
                select(Operation, Service)
                .join(Service, col(Operation.service_id) == col(Service.id))
                .where(col(Operation.id).in_(by_operation))
            )
            ends = []
            for operation, service in found.all():
                if operation.ended_at is None or service.status is not ServiceStatus.ACTIVE:
                    words = f"operation {operation.stage.value}, service {service.status.value}"
                    raise OrderFailed(f"order {operation.id} did not end well: {words}")
                placed = by_operation[operation.id]
                ends.append(Ended(placed, service.mark, service.status_since, operation.ended_at))
            return ends

    async def marks(self, orders: Sequence[Placed]) -> list[str]:
        async with self._database.read() as session:
            numbers = [placed.service for placed in orders]
            return list((await session.exec(select(Service.mark).where(col(Service.id).in_(numbers)))).all())


async def history_lengths(client: Client, workflow_ids: Sequence[str]) -> list[int]:
    """Events of each workflow's current run."""
    busy = asyncio.Semaphore(10)

    async def length(workflow_id: str) -> int:
        async with busy:
            return (await client.get_workflow_handle(workflow_id).describe()).history_length

    return list(await asyncio.gather(*(length(workflow_id) for workflow_id in workflow_ids)))
