"""The upstream says that a thing exists already: which service of ours that is, or which item of nobody's."""

from datetime import timedelta

from activities.settlement import SettleActivities
from models.database import Database
from models.enums import FailureClass, IntentState, ServiceStatus, Stage
from models.leases import LeaseTerms
from models.messages import Submission
from models.order import Service
from models.patience import Patience
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.lifecycle.stages import enter, locked_operation
from orders.operations.job import load_job
from orders.settlement import intents
from orders.settlement.namesakes import namesakes
from tests.orders.test_owners import add_service, item, listed
from upstreams.connections import Connections

WANTED = "shop.example.com"


async def ordered(database: Database) -> int:
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    order = await accept_order(database, request, client="t", key="k", hostname_suffix="s.internal")
    async with database.write() as session:
        service = await session.get_one(Service, order.service)
        service.name, service.name_is_ours = WANTED, False
        session.add(service)
    return order.operation


async def said(database: Database, operation: int) -> str:
    job = await load_job(database, operation)
    async with database.read() as session:
        return await namesakes(session, job.service)


async def have(database: Database, name: str, status: ServiceStatus = ServiceStatus.ACTIVE) -> int:
    number = await add_service(database, "17")
    async with database.write() as session:
        service = await session.get_one(Service, number)
        service.name, service.status = name, status
        session.add(service)
    return number


async def test_a_service_of_ours_is_named(shelf: Database) -> None:
    number = await have(shelf, WANTED)
    operation = await ordered(shelf)
    assert await said(shelf, operation) == f"service {number} of ours (active, item 17) has the name {WANTED}"


async def test_an_item_whose_service_has_another_name_is_named_by_its_service(shelf: Database) -> None:
    number = await have(shelf, "other.example.com")
    await listed(shelf, item("17", name=WANTED))
    assert (
        await said(shelf, await ordered(shelf)) == f"service {number} of ours (active, item 17) has the name {WANTED}"
    )


async def test_an_item_of_nobody_is_named(shelf: Database) -> None:
    await listed(shelf, item("18", name=WANTED), item("19", name="other.example.com"))
    assert await said(shelf, await ordered(shelf)) == (
        f"item 18 there has the name {WANTED}, and is no service of ours"
    )


async def test_what_is_closed_or_another_stands_in_nobodys_way(shelf: Database) -> None:
    await have(shelf, WANTED, ServiceStatus.CLOSED)
    assert await said(shelf, await ordered(shelf)) == ""


async def test_the_order_says_it(shelf: Database) -> None:
    number = await have(shelf, WANTED)
    operation = await ordered(shelf)
    async with shelf.write() as session:
        row = await locked_operation(session, operation)
        service = await session.get_one(Service, row.service_id)
        intent = await intents.prepare(session, row, 1, service.mark, {}, {})
        await intents.settle(
            session, intent, IntentState.UNKNOWN, message="It exists already.", failure=FailureClass.EXISTS
        )
        await enter(session, row, Stage.OUTCOME_UNKNOWN, "It exists already.")
    async with Connections(read_timeout=1, order_timeout=1) as connections:
        settling = SettleActivities(
            shelf, connections, settle_window=timedelta(0), terms=LeaseTerms(), patience=Patience()
        )
        result = await settling._not_done(await load_job(shelf, operation), intent, "nothing new is there")
    assert (result.outcome, result.failure) == (Submission.ATTENTION, FailureClass.EXISTS)
    assert result.reason == (
        f"the upstream says that it exists already: service {number} of ours (active, item 17) has the name {WANTED}. "
        "In its words: It exists already."
    )
