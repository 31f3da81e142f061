"""A term is prolonged once, whoever asks: who names its end is refused if somebody was before him."""

import asyncio
from datetime import date, timedelta

import pytest
from sqlmodel import select

from models.database import Database
from models.enums import OperationKind, ServiceStatus, Stage, UpstreamStatus
from models.order import Operation, Service
from models.parameters import Renewal
from orders.errors import InvalidField, Refused
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.requests import ask
from orders.lifecycle.stages import enter, locked_operation
from orders.operations.prolong import OPERATION, Prolongation
from orders.operations.seen import Seen
from tests.orders.test_queueing import ON_POSTGRESQL, until_waiting

ENDS, LATER = date(2026, 3, 31), date(2026, 4, 30)


@pytest.fixture
async def service(database: Database) -> int:
    """An active service whose term ends on `ENDS`."""
    async with database.write() as session:
        row = Service(
            customer="c-1",
            plan_id=1,
            product_type="vds",
            module_id=1,
            account_id=1,
            name="v1.example.test",
            mark="rf-test-1",
            period_months=1,
            upstream_number="17",
            status=ServiceStatus.ACTIVE,
            expires_on=ENDS,
        )
        session.add(row)
        await session.flush()
        return row.id


async def prolong(database: Database, service: int, key: str, expires_on: date | None = ENDS) -> AcceptedOrder:
    asked = Prolongation(period_months=1, expires_on=expires_on)
    return await ask(database, service, asked, client=f"shop-{key}", key=key)


async def end(database: Database, order: AcceptedOrder, stage: Stage, shown: date | None = None) -> None:
    async with database.write() as session:
        operation = await locked_operation(session, order.operation)
        await enter(session, operation, stage)
        if shown is not None:
            service = await session.get_one(Service, order.service)
            service.expires_on = shown


async def test_a_second_request_for_the_term_is_refused_with_what_happened(database: Database, service: int) -> None:
    first = await prolong(database, service, "cron")
    with pytest.raises(Refused, match=rf"operation {first.operation} is prolonging .* asked for by shop-cron on 20"):
        await prolong(database, service, "callback")
    await end(database, first, Stage.WAITING_FOR_FUNDS)
    with pytest.raises(Refused, match="waiting_for_funds"):
        await prolong(database, service, "callback")
    await end(database, first, Stage.COMPLETED, LATER)
    with pytest.raises(Refused, match=rf"ends on {LATER}.*{ENDS} was prolonged by operation {first.operation}.*shop-c"):
        await prolong(database, service, "callback")
    assert not (await prolong(database, service, "cron")).created  # the same request again
    assert (await prolong(database, service, "next", LATER)).created


async def test_one_that_names_no_term_is_taken_for_the_present_one_until_more_is_known(
    database: Database, service: int
) -> None:
    first = await prolong(database, service, "callback", None)
    with pytest.raises(Refused, match="already"):
        await prolong(database, service, "cron")
    async with database.write() as session:
        operation = await locked_operation(session, first.operation)
        operation.parameters = {**operation.parameters, **Renewal(expires_before=ENDS.isoformat()).row()}
        (await session.get_one(Service, service)).expires_on = LATER  # seen before the operation has ended
    assert (await prolong(database, service, "cron", LATER)).created


async def test_after_a_cancelled_one_the_term_may_be_prolonged(database: Database, service: int) -> None:
    await end(database, await prolong(database, service, "cron"), Stage.CANCELLED)
    assert (await prolong(database, service, "callback")).created


async def test_a_term_that_there_is_not_is_refused_with_the_one_that_there_is(database: Database, service: int) -> None:
    with pytest.raises(Refused, match=f"ends on {ENDS}, not on {LATER}"):
        await prolong(database, service, "k", LATER)
    with pytest.raises(InvalidField, match="expires_on"):
        await prolong(database, service, "k", date(1970, 1, 6))


async def test_without_a_named_term_each_request_is_one_more_term(database: Database, service: int) -> None:
    for key in ("first", "second"):
        assert (await prolong(database, service, key, None)).created


@ON_POSTGRESQL
async def test_of_two_requests_at_once_one_is_refused(database: Database, service: int) -> None:
    """Both have begun, and neither has the service, before one of them goes on."""
    async with database.write() as session:
        await session.exec(select(Service).where(Service.id == service).with_for_update())
        asking = [asyncio.create_task(prolong(database, service, key)) for key in ("cron", "callback")]
        await until_waiting(database, 2)
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert sorted(type(one).__name__ for one in answers) == ["AcceptedOrder", "TermTaken"]
    async with database.read() as session:
        found = await session.exec(select(Operation.id).where(Operation.kind == OperationKind.PROLONG))
        assert len(found.all()) == 1


@pytest.mark.parametrize(("days", "met"), [(-1, False), (0, False), (1, True), (30, True)])
def test_a_named_term_is_over_when_the_item_ends_later_whoever_prolonged_it(days: int, met: bool) -> None:
    seen = Seen(UpstreamStatus.ACTIVE, expires_on=ENDS + timedelta(days=days))
    assert OPERATION.is_met(Renewal(expires_on=ENDS.isoformat()), seen) is met
