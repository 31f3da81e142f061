"""An account that does not answer, with more orders than there are slots, holds nobody up but itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlmodel import select

from activities import slots
from models.catalogue import (
    MappedPeriod,
    PlanMapping,
    ProcessingModule,
    TariffPlan,
    TariffPlanPrice,
    UpstreamAccount,
)
from models.circuits import CircuitState
from models.columns import utc_now
from models.enums import IntentState, Stage
from models.order import Intent
from orders.accounts.views import find_upstream
from orders.lifecycle.acceptance import AcceptedOrder
from tests.flow.shop import PASSWORD, PASSWORD_VARIABLE, USER, Shop, Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer

HUNG = "hung"
SLOTS = 4
HELD = 10 * SLOTS
"""Orders of the account that hangs."""
HANGS_SECONDS = 3.0
"""The read time-out of these shops: a call that hangs holds its slot for so long."""


@pytest.fixture
async def shop(shop_database: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    async with open_shop(
        shop_database, temporal_server, upstream, upstream_concurrency=SLOTS, read_timeout=HANGS_SECONDS
    ) as shop:
        yield shop


async def add_account(shop: Shop) -> None:
    """A second account, with a plan of its own, at an upstream that takes requests and never answers."""
    account = {"name": HUNG, "password": PASSWORD, "balance": "1000.00", "currency": "EUR"}
    await shop.upstream.admin("POST", "/accounts", account)
    async with shop.database.write() as session:
        row = UpstreamAccount(
            name=HUNG,
            kind="billmanager",
            url=shop.upstream.url,
            settings={"dialect": 6, "username": HUNG, "password_env": PASSWORD_VARIABLE},
            currency="EUR",
        )
        session.add(row)
        await session.flush()
        module = ProcessingModule(name="hung-vds", account_id=row.id, product_type="vds", department="support")
        plan = TariffPlan(name="VDS-HUNG", product_type="vds", resources={"disk_gb": 30})
        session.add_all([module, plan])
        await session.flush()
        assert module.id is not None
        assert plan.id is not None
        mapping = PlanMapping(plan_id=plan.id, module_id=module.id, tariff="58", location="1")
        session.add(mapping)
        await session.flush()
        assert mapping.id is not None
        session.add(TariffPlanPrice(plan_id=plan.id, period_months=1, amount=Decimal("7.90"), currency="EUR"))
        session.add(
            MappedPeriod(
                mapping_id=mapping.id,
                period_months=1,
                upstream_period=1,
                cost_amount=Decimal("5.00"),
                cost_currency="EUR",
            )
        )


@pytest.mark.proof
async def test_orders_of_an_account_that_hangs_do_not_hold_up_those_of_another(shop: Shop) -> None:
    """With all slots in common the others took 112 s here; with slots for each account, under two."""
    await add_account(shop)
    await shop.upstream.fault(account=HUNG, kind="hang", seconds=60)
    hung = await asyncio.gather(*(shop.order("VDS-HUNG") for _ in range(HELD)))
    healthy = await asyncio.gather(*(shop.order() for _ in range(3)))
    for order in healthy:
        await shop.until(order, Stage.COMPLETED, timeout=30)
    stages = {(await shop.operation(order.operation)).stage for order in hung}
    assert stages <= {Stage.ACCEPTED, Stage.CHECKING_BALANCE, Stage.RETRYING}, stages

    await eventually(lambda: says_why(shop, hung), "each order that waits says why, and when it is tried again")
    await shop.upstream.admin("DELETE", "/faults")  # it answers again, and no slot was lost
    for order in hung:
        await shop.until(order, Stage.COMPLETED, timeout=60)
    assert len(await shop.upstream.charges()) == HELD + len(healthy)
    await eventually(lambda: breaker_is(shop, CircuitState.CLOSED), "the breaker is closed again")


async def eventually(condition: Callable[[], Awaitable[bool]], message: str) -> None:
    async def holds() -> bool:
        return await condition()

    await assert_eventually(holds, timeout=60, interval=0.2, message=message)


async def says_why(shop: Shop, orders: Sequence[AcceptedOrder]) -> bool:
    for order in orders:
        operation = await shop.operation(order.operation)
        if operation.stage is not Stage.RETRYING or operation.next_try_at is None or not operation.reason:
            return False
    return True


async def breaker_is(shop: Shop, state: CircuitState, account: str = HUNG) -> bool:
    async with shop.database.read() as session:
        view = await find_upstream(session, account)
    if state is not CircuitState.CLOSED and view.circuits:
        assert all(one.reason and one.since for one in view.circuits)
    return view.circuit is state


@pytest.mark.proof
async def test_nothing_is_written_down_to_be_sent_while_the_breaker_is_open(shop: Shop) -> None:
    """Orders that come meanwhile have no intent, nor has one whose turn to try it was: its price can't be read."""
    await add_account(shop)
    await shop.upstream.fault(account=HUNG, kind="hang", seconds=60)
    first = await asyncio.gather(*(shop.order("VDS-HUNG") for _ in range(SLOTS)))
    await eventually(lambda: breaker_is_open(shop), "the breaker is open")
    later = await asyncio.gather(*(shop.order("VDS-HUNG") for _ in range(SLOTS)))
    await eventually(lambda: says_why(shop, later), "the orders that came later say why they wait")
    assert not await shop.upstream.charges()
    async with shop.database.read() as session:
        assert not (await session.exec(select(Intent))).all()
    await shop.upstream.admin("DELETE", "/faults")
    for order in (*first, *later):
        await shop.until(order, Stage.COMPLETED, timeout=60)
    async with shop.database.read() as session:
        states = [(one.state, one.flight_seconds) for one in (await session.exec(select(Intent))).all()]
    assert states == [(IntentState.ACCEPTED, shop.settings.order_timeout)] * 2 * SLOTS


@pytest.fixture
def hours_in_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has to come again comes so late that it has to be woken: as if there were thousands of them."""
    monkeypatch.setattr(slots.Line, "pause", lambda *_: 3600.0)


@pytest.mark.proof
@pytest.mark.usefixtures("hours_in_line")
async def test_orders_without_a_slot_are_woken_when_the_upstream_is_back(shop: Shop) -> None:
    """The four that had a slot have failed once each, and are tried again after a minute: that opens the breaker."""
    await add_account(shop)
    await shop.upstream.fault(account=HUNG, kind="hang", seconds=60)
    orders = await asyncio.gather(*(shop.order("VDS-HUNG") for _ in range(3 * SLOTS)))
    await eventually(lambda: says_why(shop, orders), "each order that waits says why, and when it is tried again")
    reasons = [(await shop.operation(one.operation)).reason for one in orders]
    assert any("operations under way" in reason for reason in reasons), reasons
    await assert_eventually(lambda: breaker_is_open(shop), timeout=180, message="the breaker is open")
    await shop.upstream.admin("DELETE", "/faults")
    for order in orders:
        await shop.until(order, Stage.COMPLETED, timeout=60)


@pytest.mark.proof
@pytest.mark.usefixtures("hours_in_line")
async def test_orders_without_a_slot_are_woken_as_slots_become_free(shop: Shop) -> None:
    """The upstream is slow and answers in time: no breaker opens, so none closes."""
    await add_account(shop)
    await shop.upstream.fault(account=HUNG, kind="stall", seconds=1.5, times=2 * SLOTS)
    orders = await asyncio.gather(*(shop.order("VDS-HUNG") for _ in range(4 * SLOTS)))
    for order in orders:
        await shop.until(order, Stage.COMPLETED, timeout=60)
    assert len(await shop.upstream.charges()) == len(orders)


@pytest.mark.usefixtures("hours_in_line")
@pytest.mark.proof
async def test_an_order_whose_outcome_is_unknown_is_woken_when_the_upstream_is_back(shop: Shop) -> None:
    """Its request was carried out, its answer hangs, and so does whatever is read afterwards."""
    await shop.upstream.fault(function="*.order.param", sok=True, times=1, kind="hang", when="after", seconds=60)
    order = await shop.order()

    async def carried_out() -> bool:
        return len(await shop.upstream.charges()) == 1

    await eventually(carried_out, "the request is carried out")
    await shop.upstream.fault(account=USER, kind="hang", seconds=60)

    async def comes_late() -> bool:
        operation = await shop.operation(order.operation)
        late = operation.next_try_at is not None and operation.next_try_at > utc_now() + timedelta(minutes=10)
        return operation.stage is Stage.OUTCOME_UNKNOWN and late

    await eventually(comes_late, "it would be looked for an hour later")
    await eventually(lambda: breaker_is_open(shop, "main"), "the breaker is open")
    await shop.upstream.admin("DELETE", "/faults")
    await shop.until(order, Stage.COMPLETED, timeout=60)
    assert await carried_out()


async def breaker_is_open(shop: Shop, account: str = HUNG) -> bool:
    return not await breaker_is(shop, CircuitState.CLOSED, account)


@pytest.mark.proof
async def test_set_up_requests_that_hang_leave_the_other_kinds_of_the_account_alone(shop: Shop) -> None:
    """What was sent is settled meanwhile, because what is only read is answered."""
    await add_account(shop)
    old = await shop.order("VDS-HUNG")
    await shop.until(old, Stage.COMPLETED, timeout=30)
    await shop.upstream.fault(account=HUNG, kind="hang", seconds=60, sok=True, function="*order*")
    opening = await asyncio.gather(*(shop.order("VDS-HUNG") for _ in range(3 * SLOTS)))
    await eventually(lambda: kind_is_open(shop, "open"), "the breaker of openings is open")
    longer = await shop.resellflow.prolong(old.service, 1, key="longer")
    await shop.until(longer, Stage.COMPLETED, timeout=30)
    await shop.upstream.admin("DELETE", "/faults")
    for order in opening:
        await shop.until(order, Stage.COMPLETED, timeout=90)
    charges = await shop.upstream.charges()
    assert len([one for one in charges if one["operation"] == "open"]) == 1 + len(opening)


async def kind_is_open(shop: Shop, kind: str) -> bool:
    async with shop.database.read() as session:
        view = await find_upstream(session, HUNG)
    assert view.circuit is CircuitState.CLOSED, "what is only read is answered"
    return any(one.of == kind for one in view.circuits)


@pytest.mark.proof
async def test_a_worker_that_is_started_meanwhile_takes_the_open_breaker_over(
    shop_database: str, temporal_server: TemporalServer, upstream: Upstream
) -> None:
    """It begins with one request that tries, and not with one of each order."""
    async with open_shop(
        shop_database, temporal_server, upstream, worker=False, upstream_concurrency=SLOTS, read_timeout=HANGS_SECONDS
    ) as shop:
        await add_account(shop)
        await shop.upstream.fault(account=HUNG, kind="hang", seconds=60)
        orders = await asyncio.gather(*(shop.order("VDS-HUNG") for _ in range(2 * SLOTS)))
        async with shop.working():
            await eventually(lambda: breaker_is_open(shop), "the breaker is open")
            await eventually(lambda: says_why(shop, orders), "the orders say why they wait")
        before = len(await shop.upstream.requests())
        async with shop.working():
            other = await shop.order()
            await shop.until(other, Stage.COMPLETED, timeout=30)
            hung = [one for one in (await shop.upstream.requests())[before:] if one["account"] == HUNG]
            assert len(hung) <= 3, "the poller's and the orders' tries"
            await shop.upstream.admin("DELETE", "/faults")
            for order in orders:
                await shop.until(order, Stage.COMPLETED, timeout=60)
        assert len(await shop.upstream.charges()) == len(orders) + 1
