"""Which requests to prolong were carried out twice: those that counted as not done, by what the item shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.database import Database
from models.enums import FailureClass, IncidentKind, IntentState, OperationKind, Stage
from models.incident import Incident
from models.order import Intent, Operation, Service
from orders.operations.base import Ending
from orders.operations.registry import operation_type
from orders.settlement.second_terms import LATE_AT_MOST, report_second_term
from tests.orders.test_owners import ACCOUNT, add_service

MONTH_LATER, TWO_LATER, THREE_LATER = date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)
"""The service expired on 2026-04-01 before it was prolonged by a month."""


@dataclass(frozen=True)
class Sent:
    state: IntentState = IntentState.NOT_DONE
    failure: FailureClass | None = FailureClass.OUTCOME_UNKNOWN
    late_yes: str | None = None
    ago: timedelta = timedelta(minutes=5)


DONE = Sent(IntentState.ACCEPTED, None)
LOST = Sent()


async def prolonged(database: Database, shown: date, requests: Sequence[Sent]) -> int:
    """The number of a service whose item shows this expiry."""
    number = await add_service(database, "17")
    async with database.write() as session:
        service = await session.get_one(Service, number)
        service.expires_on, service.anchor_day = shown, 1
        session.add(service)
        operation = await _prolongation(session, number)
        for attempt, one in enumerate(requests, start=1):
            session.add(_intent(operation, attempt, one, utc_now() - one.ago))
            await session.flush()
            if one is DONE and one is not requests[-1]:
                operation = await _prolongation(session, number, before="2026-05-01")
    return number


async def reported(database: Database, shown: date, requests: Sequence[Sent]) -> list[Incident]:
    """What is reported, asked twice, of an item that shows this expiry. What was sent after the request that was
    accepted is another operation's."""
    number = await prolonged(database, shown, requests)
    for _ in range(2):
        async with database.write() as session:
            service = await session.get_one(Service, number)
            said = await report_second_term(session, service)
    incidents = await found(database)
    assert said is bool(incidents)
    return incidents


async def found(database: Database) -> list[Incident]:
    async with database.read() as session:
        rows = await session.exec(select(Incident).where(Incident.kind == IncidentKind.OTHER_TERM))
        return list(rows.all())


async def _prolongation(session: AsyncSession, service: int, before: str = "2026-04-01") -> int:
    parameters = {"period_months": "1", "expires_before": before}
    operation = Operation(service_id=service, kind=OperationKind.PROLONG, stage=Stage.COMPLETED, parameters=parameters)
    session.add(operation)
    await session.flush()
    return operation.id


def _intent(operation: int, attempt: int, one: Sent, at: datetime) -> Intent:
    return Intent(
        operation_id=operation,
        account_id=ACCOUNT,
        attempt=attempt,
        mark="m",
        state=one.state,
        failure_class=one.failure,
        late_yes=one.late_yes,
        created_at=at,
    )


@pytest.mark.parametrize(
    ("shown", "requests", "late"),
    [
        (TWO_LATER, [LOST, DONE], "1"),
        (date(2026, 6, 2), [LOST, DONE], "1"),
        (THREE_LATER, [LOST, LOST, DONE], "1, 2"),
        (TWO_LATER, [LOST, LOST, DONE], "1"),
        (TWO_LATER, [Sent(IntentState.REFUSED, FailureClass.REJECTED), DONE], "1"),
    ],
)
async def test_it_is_reported_once_with_the_requests_that_explain_the_expiry(
    database: Database, shown: date, requests: Sequence[Sent], late: str
) -> None:
    [incident] = await reported(database, shown, requests)
    assert incident.detail["late_requests"] == late
    assert (incident.detail["announced"], incident.detail["shown"]) == (str(MONTH_LATER), str(shown))


@pytest.mark.parametrize(
    ("shown", "requests"),
    [
        pytest.param(MONTH_LATER, [LOST, DONE], id="it shows one month more"),
        pytest.param(THREE_LATER, [LOST, DONE], id="no number of these requests leads there"),
        pytest.param(date(2026, 6, 20), [LOST, DONE], id="staff has given three weeks"),
        pytest.param(TWO_LATER, [DONE], id="nothing was lost"),
        pytest.param(TWO_LATER, [LOST], id="nothing was accepted"),
        pytest.param(TWO_LATER, [LOST, DONE, Sent(IntentState.UNKNOWN)], id="it may be the one to be settled"),
        pytest.param(TWO_LATER, [Sent(IntentState.NOT_SENT, FailureClass.NOT_SENT), DONE], id="it never left"),
        pytest.param(TWO_LATER, [Sent(late_yes="item 17"), DONE], id="its late yes is reported already"),
        pytest.param(TWO_LATER, [Sent(ago=LATE_AT_MOST + timedelta(hours=1)), DONE], id="it was long ago"),
    ],
)
async def test_what_they_do_not_explain_is_not_reported_as_theirs(
    database: Database, shown: date, requests: Sequence[Sent]
) -> None:
    assert await reported(database, shown, requests) == []


async def test_an_operation_that_ends_when_both_terms_are_shown_already_reports_it(database: Database) -> None:
    """It is not reported as another term, too."""
    number = await prolonged(database, TWO_LATER, [LOST, DONE])
    async with database.write() as session:
        service = await session.get_one(Service, number)
        operation = (await session.exec(select(Operation).where(Operation.service_id == number))).one()
        await operation_type(operation.kind).compare(Ending(session, service, operation, None))
    [incident] = await found(database)
    assert "was prolonged, and probably charged for, twice" in incident.message
