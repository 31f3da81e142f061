"""Calling off and the writing of an intent exclude each other, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlmodel import select
from temporalio.testing import ActivityEnvironment

from activities.records import RecordActivities
from activities.submission import SubmitActivities
from models.audit import AuditEntry
from models.database import Database
from models.enums import IntentState, ReservationState, Role, ServiceStatus, Stage, TaskMode
from models.leases import LeaseTerms
from models.messages import StageReport
from models.money import Money
from models.order import Intent, Operation, Service, Task
from orders.access.roles import Requester
from orders.errors import NotFound, NotTheirs, Refused
from orders.lifecycle import requests
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.lifecycle.stages import enter, locked_operation
from orders.money import funds
from orders.money.balance import BalanceReader
from orders.money.pricing import Pricing
from orders.operations.base import Request
from orders.operations.close import Closing
from orders.operations.job import load_job
from orders.services.history import origin_of
from orders.settlement import intents
from upstreams.connections import Connections

COST = Money.of("5.00", "EUR")


async def ordered(database: Database, key: str = "k", owner: str = "shop") -> AcceptedOrder:
    """An order of `shop` that holds a grant and is about to be sent."""
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    order = await accept_order(database, request, client="shop", key=key, hostname_suffix="s.internal", owner=owner)
    async with database.write() as session:
        await enter(session, await locked_operation(session, order.operation), Stage.CHECKING_BALANCE)
        reservation = await funds.request(session, 1, order.operation, COST)
        reservation.state = ReservationState.GRANTED
        session.add(reservation)
    return order


async def close(database: Database, order: AcceptedOrder, key: str = "close") -> AcceptedOrder:
    return await requests.ask(database, order.service, Closing(), client="shop", key=f"{key}{order.service}")


async def now(database: Database, order: AcceptedOrder) -> Operation:
    async with database.read() as session:
        return await session.get_one(Operation, order.operation)


async def sent(database: Database, order: AcceptedOrder) -> list[Intent]:
    async with database.read() as session:
        return list((await session.exec(select(Intent).where(Intent.operation_id == order.operation))).all())


@pytest.fixture
async def submission(database: Database) -> AsyncIterator[SubmitActivities]:
    connections = Connections(read_timeout=1, order_timeout=1)
    yield SubmitActivities(
        database, connections, BalanceReader(database), Pricing(database), LeaseTerms(), settle_window=timedelta(0)
    )
    await connections.close()


async def test_an_order_that_was_called_off_writes_no_intent_however_far_it_was(
    database: Database, submission: SubmitActivities
) -> None:
    order = await ordered(database)
    job = await load_job(database, order.operation)
    closing = await close(database, order)

    assert await submission._write_intent(job, Request(fields={})) is None

    assert await sent(database, order) == []
    assert (await now(database, order)).stage is Stage.CANCELLED
    assert (await now(database, closing)).stage is Stage.CANCELLED
    async with database.read() as session:
        assert (await session.get_one(Service, order.service)).status is ServiceStatus.CLOSED
        reservation = await funds.reservation_of(session, order.operation)
        assert reservation is not None
        assert reservation.state is ReservationState.RELEASED
        audit = await session.exec(select(AuditEntry.actor).where(AuditEntry.action == "called_off"))
        assert audit.all() == ["shop"]


async def test_a_closing_waits_for_the_intent_that_is_being_written_and_leaves_it_its_money(
    database: Database,
) -> None:
    order = await ordered(database)
    async with database.write() as session:
        operation = await locked_operation(session, order.operation)
        closing = asyncio.create_task(close(database, order))
        await intents.prepare(session, operation, 1, "m", {}, {})
        await enter(session, operation, Stage.SUBMITTING)
        assert not closing.done()
    closed = await closing

    opening = await now(database, order)
    assert opening.stage is Stage.SUBMITTING
    assert opening.called_off_at is not None, "had it no effect, it is not sent again"
    waiting = await now(database, closed)
    assert waiting.stage is Stage.QUEUED
    assert "may be under way" in waiting.reason
    async with database.read() as session:
        reservation = await funds.reservation_of(session, order.operation)
        assert reservation is not None
        assert reservation.state is ReservationState.GRANTED


async def test_of_a_closing_and_an_intent_at_once_one_comes_first(
    database: Database, submission: SubmitActivities
) -> None:
    orders = [await ordered(database, f"k{number}") for number in range(6)]
    jobs = [await load_job(database, order.operation) for order in orders]
    both = [
        step
        for order, job in zip(orders, jobs, strict=True)
        for step in (submission._write_intent(job, Request(fields={})), close(database, order))
    ]
    await asyncio.gather(*both)
    for order in orders:
        stage, intents_written = (await now(database, order)).stage, await sent(database, order)
        assert (stage is Stage.CANCELLED) is (intents_written == []), (stage, intents_written)


async def test_after_a_refusal_nothing_more_is_written_and_both_wait_for_a_look(database: Database) -> None:
    order = await ordered(database)
    async with database.write() as session:
        operation = await locked_operation(session, order.operation)
        intent = await intents.prepare(session, operation, 1, "m", {}, {})
        await intents.settle(session, intent, IntentState.NOT_DONE)
    closing = await close(database, order)

    opening = await now(database, order)
    assert (opening.stage, opening.called_off_by) == (Stage.OUTCOME_UNKNOWN, "shop")
    assert "nothing of it is sent" in opening.next_step
    assert "is called off: what its requests may have left" in (await now(database, closing)).waits_for
    async with database.write() as session:
        operation = await locked_operation(session, order.operation)
        with pytest.raises(Refused, match="called off by shop"):
            await intents.prepare(session, operation, 1, "m", {}, {})


async def test_the_same_key_gives_the_same_closing_and_another_key_another(database: Database) -> None:
    order = await ordered(database)
    async with database.write() as session:
        operation = await locked_operation(session, order.operation)
        await intents.prepare(session, operation, 1, "m", {}, {})
    first, again = await close(database, order), await close(database, order)
    other = await close(database, order, "another")
    assert (again.operation, again.created) == (first.operation, False)
    assert other.created
    assert (await now(database, other)).stage is Stage.QUEUED


async def test_a_service_in_somebodys_hands_is_closed_after_them(database: Database) -> None:

    order = await ordered(database)
    async with database.write() as session:
        operation = await locked_operation(session, order.operation)
        task = (await session.exec(select(Task).where(Task.operation_id == order.operation))).one()
        task.mode, task.assignee = TaskMode.MANUAL, "bob"
        session.add(task)
        await enter(session, operation, Stage.AWAITING_MANUAL_TASK)
    closing = await close(database, order)
    assert (await now(database, order)).stage is Stage.AWAITING_MANUAL_TASK
    assert "has been taken by bob" in (await now(database, closing)).waits_for


async def test_a_closing_says_that_a_person_is_needed_once_the_opening_needs_one(database: Database) -> None:
    order = await ordered(database)
    async with database.write() as session:
        operation = await locked_operation(session, order.operation)
        intent = await intents.prepare(session, operation, 1, "m", {}, {})
        await intents.settle(session, intent, IntentState.NOT_DONE)
    closing = await close(database, order)
    report = StageReport(operation=order.operation, stage=Stage.NEEDS_ATTENTION, reason="an item can't be removed")
    await ActivityEnvironment().run(RecordActivities(database).report_stage, report)
    told = await now(database, closing)
    assert told.stage is Stage.QUEUED
    assert f"operation {order.operation}, which opens it, is called off and needs a person" in told.waits_for


async def test_a_closing_behind_an_opening_that_needs_a_person_says_so_at_once(database: Database) -> None:
    order = await ordered(database)
    async with database.write() as session:
        operation = await locked_operation(session, order.operation)
        intent = await intents.prepare(session, operation, 1, "m", {}, {})
        await intents.settle(session, intent, IntentState.UNKNOWN)
        await enter(session, operation, Stage.NEEDS_ATTENTION, "nobody can tell")
    assert "needs a person" in (await now(database, await close(database, order))).waits_for


OTHER, OPERATOR = Requester(Role.STOREFRONT, "other"), Requester(Role.ADMIN, "olga")


async def close_as(database: Database, order: AcceptedOrder, requester: Requester) -> AcceptedOrder:
    return await requests.ask(
        database, order.service, Closing(), client=requester.name, key="close", requester=requester
    )


async def test_an_owner_who_did_not_ask_for_an_opening_can_not_call_it_off_and_an_operator_can(
    database: Database,
) -> None:
    order = await ordered(database, owner="other")
    with pytest.raises(NotTheirs, match="it may be called off by shop or by an operator"):
        await close_as(database, order, OTHER)
    assert (await now(database, order)).called_off_at is None
    await close_as(database, order, OPERATOR)
    assert (await now(database, order)).stage is Stage.CANCELLED


async def test_an_owner_who_did_not_ask_can_not_call_off_an_opening_whose_request_is_under_way(
    database: Database,
) -> None:
    order = await ordered(database, owner="other")
    async with database.write() as session:
        await intents.prepare(session, await locked_operation(session, order.operation), 1, "m", {}, {})
    with pytest.raises(NotTheirs):
        await close_as(database, order, OTHER)


async def test_what_has_sent_something_is_called_off_by_a_senior_also_by_closing_its_service(
    database: Database,
) -> None:
    order = await ordered(database)
    async with database.write() as session:
        intent = await intents.prepare(session, await locked_operation(session, order.operation), 1, "m", {}, {})
        await intents.settle(session, intent, IntentState.NOT_DONE)
    with pytest.raises(NotTheirs, match="needs the role senior or admin"):
        await close_as(database, order, Requester(Role.OPERATOR, "otto"))
    assert (await now(database, order)).called_off_at is None
    await close_as(database, order, Requester(Role.SENIOR, "sina"))
    assert (await now(database, order)).called_off_at is not None


async def test_what_is_bought_its_owner_may_close_and_another_shop_does_not_find_it(database: Database) -> None:
    order = await ordered(database, owner="other")
    async with database.write() as session:
        operation = await locked_operation(session, order.operation)
        intent = await intents.prepare(session, operation, 1, "m", {}, {})
        await intents.accept(
            session, intent, await session.get_one(Service, order.service), "900", origin_of(operation)
        )
    with pytest.raises(NotFound):
        await close_as(database, order, Requester(Role.STOREFRONT, "shop"))
    closing = await close_as(database, order, OTHER)
    assert (await now(database, closing)).stage is Stage.QUEUED
