"""One order's steps taken by hand: the real activities, database and simulator, without Temporal in between.

So a test can stop between any two steps, as a killed worker does, and begin anew with what is written down.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from models.database import Database
from models.incident import Incident
from models.messages import Funds, FundsResult, Look, OrderCompletion, OrderRef, Submission, SubmitResult
from models.order import Intent, Operation, Service
from orders.lifecycle import requests
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.operations.prolong import Prolongation
from orders.operations.set_parameters import ServiceChange
from settings import Settings
from tests.flow.shop import PASSWORD, PASSWORD_VARIABLE, USER, Upstream, stock_catalogue
from tests.infrastructure.eventually import assert_eventually
from worker import Activities

NO_SERVER = "127.0.0.1:1"


@dataclass
class Bench:
    database: Database
    upstream: Upstream
    activities: Activities
    settings: Settings

    async def order(self, **details: Any) -> AcceptedOrder:
        body = {"plan": "VDS-1", "period_months": 1, "customer": "c-1"} | details
        request = ServiceRequest.model_validate(body)
        return await accept_order(
            self.database, request, client="shop", key=os.urandom(8).hex(), hostname_suffix="servers.internal"
        )

    async def active(self) -> AcceptedOrder:
        """A service that was opened, without any cart."""
        await self.upstream.set(skipbasket="honoured", prolong_cart="asked", addon_cart="asked")
        order = await self.order()
        await self.to_the_end(order)
        await self.upstream.set(skipbasket="ignored", prolong_cart="always", addon_cart="always")
        return order

    async def prolong(self, service: int) -> AcceptedOrder:
        return await requests.ask(
            self.database, service, Prolongation(period_months=1), client="shop", key=os.urandom(8).hex()
        )

    async def change(self, service: int, **change: Any) -> AcceptedOrder:
        asked = ServiceChange.model_validate(change)
        return await requests.ask(self.database, service, asked, client="shop", key=os.urandom(8).hex())

    async def reserve(self, order: AcceptedOrder) -> FundsResult:
        result: FundsResult = await ActivityEnvironment().run(self.activities.funds.reserve_funds, _ref(order))
        return result

    async def submit(self, order: AcceptedOrder, *, patient: bool = False) -> SubmitResult:
        return await ActivityEnvironment().run(self.activities.submission.submit, _ref(order, patient=patient))

    async def settle(self, order: AcceptedOrder) -> SubmitResult:
        """As Temporal does: again until there is proof."""

        async def settled() -> SubmitResult:
            return await ActivityEnvironment().run(self.activities.settlement.settle, _ref(order))

        found = await assert_eventually(settled, ignoring=(ApplicationError,), message="settled")
        assert found is not None
        return found

    async def call_off(self, order: AcceptedOrder) -> SubmitResult:
        """As Temporal does: again until nothing of it is left."""

        async def ended() -> SubmitResult:
            return await ActivityEnvironment().run(self.activities.calling_off.call_off, _ref(order))

        found = await assert_eventually(ended, ignoring=(ApplicationError,), message="called off")
        assert found is not None
        return found

    async def look(self, order: AcceptedOrder) -> Look:
        found: Look = await ActivityEnvironment().run(self.activities.settlement.look, _ref(order))
        return found

    async def step(self, order: AcceptedOrder) -> SubmitResult:
        """Money, request, and its settling: one turn of the workflow."""
        funds = await self.reserve(order)
        if funds.outcome not in (Funds.GRANTED, Funds.NOT_NEEDED):
            return SubmitResult(outcome=Submission.FUNDS, reason=funds.reason)
        result = await self.submit(order)
        if result.outcome in (Submission.UNKNOWN, Submission.ACCEPTED_UNNUMBERED):
            return await self.settle(order)
        return result

    async def go(self, order: AcceptedOrder, turns: int = 8) -> SubmitResult:
        """Until the upstream has done it, or somebody is wanted."""
        result = await self.step(order)
        for _ in range(turns):
            if result.outcome not in (Submission.UNPAID, Submission.NOT_DONE, Submission.FUNDS, Submission.TROUBLE):
                break
            result = await self.step(order)
        return result

    async def to_the_end(self, order: AcceptedOrder) -> SubmitResult:
        result = await self.go(order)
        assert result.outcome is Submission.ACCEPTED, result

        async def goal() -> bool:
            look = await self.look(order)
            assert look.goal_met, look
            return True

        await assert_eventually(goal, timeout=30)
        done = OrderCompletion(service=order.service, operation=order.operation)
        await ActivityEnvironment().run(self.activities.records.complete_operation, done)
        return result

    async def operation(self, order: AcceptedOrder) -> Operation:
        async with self.database.read() as session:
            return await session.get_one(Operation, order.operation)

    async def service(self, order: AcceptedOrder) -> Service:
        async with self.database.read() as session:
            return await session.get_one(Service, order.service)

    async def intents(self, order: AcceptedOrder) -> list[Intent]:
        async with self.database.read() as session:
            found = await session.exec(
                select(Intent).where(Intent.operation_id == order.operation).order_by(col(Intent.id))
            )
            return list(found.all())

    async def steps(self, order: AcceptedOrder) -> list[tuple[str, str]]:
        return [(intent.step.value, intent.state.value) for intent in await self.intents(order)]

    async def incidents(self) -> list[Incident]:
        return await incidents_of(self.database)

    async def into_the_cart(self, domain: str = "by-hand.example.test") -> str:
        """Somebody puts an order into our account's cart by hand. The number of its row."""
        await self.upstream.call(
            "v2.vds.order.param", pricelist="58", datacenter="1", order_period="1", domain=domain, sok="ok"
        )
        return str((await self.rows())[-1]["id"])

    async def rows(self) -> list[dict[str, Any]]:
        """What waits in the cart, oldest first; the numbers as text, as the protocol has them."""
        found: list[dict[str, Any]] = (await self.upstream.admin("GET", f"/accounts/{USER}/cart"))["rows"]
        return [row | {"id": str(row["id"])} for row in found]

    async def charges(self) -> list[tuple[str, str]]:
        """What the upstream took, and for what."""
        return [(charge["operation"], charge["amount"]) for charge in await self.upstream.charges()]

    async def committing(self) -> list[str]:
        """Functions called so that something changes, in order."""
        return [one["function"] for one in await self.upstream.requests() if one["committing"]]


async def incidents_of(database: Database) -> list[Incident]:
    async with database.read() as session:
        return list((await session.exec(select(Incident))).all())


def _ref(order: AcceptedOrder, *, patient: bool = False) -> OrderRef:
    return OrderRef(service=order.service, operation=order.operation, patient=patient)


@asynccontextmanager
async def open_bench(database_url: str, upstream: Upstream, *, dialect: int = 6) -> AsyncIterator[Bench]:
    os.environ[PASSWORD_VARIABLE] = PASSWORD
    database = Database(database_url)
    await stock_catalogue(database, upstream.url, dialect=dialect)
    settings = Settings(database_url=database_url, settle_window=1.0, order_timeout=1.5, read_timeout=3.0)
    client = await Client.connect(NO_SERVER, lazy=True, data_converter=pydantic_data_converter)
    activities = Activities(database, client, settings)
    yield Bench(database, upstream, activities, settings)
    await activities.close()
    await database.close()
