"""Many orders at once and money for some of them: the first of the line are served, and after a top-up the rest.

`RESELL_TEST_MONEY_ORDERS=200` plays it with 200 orders and money for 120; docs/testing.md says how.
"""

import asyncio
import os
from decimal import Decimal

import pytest
from sqlmodel import col, select

from models.enums import FailureClass, OperationKind, ReservationState, ServiceStatus, Stage
from models.incident import Incident
from models.order import Operation, Reservation, Service
from orders.lifecycle.acceptance import AcceptedOrder
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually

ORDERS = int(os.environ.get("RESELL_TEST_MONEY_ORDERS", "20"))
"""Temporal and the simulator take most of the time that an order costs: so a tenth of it is usual."""
PAID_AT_ONCE = ORDERS * 3 // 5
PRICE = Decimal("5.00")
PATIENCE = 30 + ORDERS
LANES = 25
"""Orders that are placed side by side: fewer than the database has connections for one process. All wait together."""


@pytest.fixture(params=["shop", "shop_on_postgres"], ids=["sqlite", "postgresql"])
def any_shop(request: pytest.FixtureRequest) -> Shop:
    shop: Shop = request.getfixturevalue(request.param)
    return shop


async def in_stage(shop: Shop, *stages: Stage) -> list[int]:
    async with shop.database.read() as session:
        found = await session.exec(
            select(Operation.id)
            .where(Operation.kind == OperationKind.OPEN, col(Operation.stage).in_(stages))
            .order_by(col(Operation.id))
        )
        return list(found.all())


async def until_so_many(shop: Shop, stage: Stage, count: int) -> None:
    """While it is waited for, the account is never overdrawn, and never more is set aside than there is."""

    async def reached() -> bool:
        account_held = await shop.upstream.balance()
        assert account_held >= 0, "the account is overdrawn"
        return len(await in_stage(shop, stage)) >= count

    await assert_eventually(reached, timeout=PATIENCE, interval=0.2, message=f"{count} orders in {stage}")


@pytest.mark.timeout(3 * PATIENCE)
@pytest.mark.proof
async def test_the_first_in_line_are_served_and_after_a_top_up_the_rest(any_shop: Shop) -> None:
    shop = any_shop
    await shop.upstream.set_balance(str(PAID_AT_ONCE * PRICE))
    lanes = asyncio.Semaphore(LANES)

    async def place(number: int) -> AcceptedOrder:
        async with lanes:
            return await shop.order(key=f"cart-{number}")

    placed = await asyncio.gather(*(place(number) for number in range(ORDERS)))
    numbers = sorted(order.operation for order in placed)
    assert len(set(numbers)) == ORDERS

    await until_so_many(shop, Stage.COMPLETED, PAID_AT_ONCE)
    await until_so_many(shop, Stage.WAITING_FOR_FUNDS, ORDERS - PAID_AT_ONCE)
    assert len(await shop.upstream.charges()) == PAID_AT_ONCE
    assert await shop.upstream.balance() == 0
    line = await in_stage(shop, Stage.WAITING_FOR_FUNDS)
    for number in line:
        operation = await shop.operation(number)
        assert operation.reason.startswith("5.00 EUR needed"), operation.reason
        assert operation.failure_class is FailureClass.FUNDS
    refused = [r for r in await shop.upstream.requests("*order.param") if r["committing"] and r["outcome"] != "ok"]
    assert not refused, "nothing was sent that there was no money for"

    # The line's order: what comes first in it is served first, by however little money.
    for _ in range(2):
        await shop.upstream.admin("POST", "/accounts/reseller/top-up", {"amount": str(2 * PRICE)})
        served, line = line[:2], line[2:]
        for number in served:
            await assert_served(shop, number)
        assert await in_stage(shop, Stage.WAITING_FOR_FUNDS) == line

    await shop.upstream.admin("POST", "/accounts/reseller/top-up", {"amount": str(len(line) * PRICE)})
    await until_so_many(shop, Stage.COMPLETED, ORDERS)

    charges = await shop.upstream.charges()
    assert len(charges) == ORDERS == len(await shop.upstream.items())
    assert await shop.upstream.balance() == 0
    account = await books(shop)
    assert account == (0, 0, ORDERS * 50_000), "nothing is set aside, nobody waits, and everything is in the books"
    async with shop.database.read() as session:
        services = (await session.exec(select(Service.status, Service.upstream_number))).all()
        left = (await session.exec(select(Reservation).where(Reservation.state != ReservationState.RELEASED))).all()
        incidents = (await session.exec(select(Incident.message))).all()
    assert not left
    assert not incidents
    assert {status for status, _ in services} == {ServiceStatus.ACTIVE}
    assert len({number for _, number in services}) == ORDERS


async def assert_served(shop: Shop, number: int) -> None:
    async def completed() -> bool:
        return (await shop.operation(number)).stage is Stage.COMPLETED

    await assert_eventually(completed, timeout=PATIENCE, message=f"operation {number}")


async def books(shop: Shop) -> tuple[int, int, int]:
    async with shop.database.read() as session:
        account = await shop.account(session)
        return account.set_aside, account.waiting, account.charged
