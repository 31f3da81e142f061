"""What a person may correct of an operation that waits for a person, checked as at intake; and when one is asked."""

from datetime import timedelta

import pytest
from sqlmodel import select

from models.columns import utc_now
from models.database import Database
from models.enums import FailureClass, IntentState, OperationKind, ServiceStatus, Stage
from models.messages import Decision, DecisionKind, DecisionRecord
from models.order import Intent, Operation, Service
from orders.decisions import deciding
from orders.errors import InvalidField, Refused
from orders.lifecycle import attempts, completion, requests
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.lifecycle.stages import enter, locked_operation
from orders.operations.prolong import Prolongation
from orders.operations.set_parameters import ServiceChange

ACCOUNT = 1


async def opening(database: Database) -> AcceptedOrder:
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1", addons={"ram": 4})
    order = await accept_order(database, request, client="t", key="k", hostname_suffix="s.internal")
    async with database.write() as session:
        await enter(session, await session.get_one(Operation, order.operation), Stage.NEEDS_ATTENTION, "refused")
    return order


async def running(database: Database) -> AcceptedOrder:
    """A service that is open."""
    order = await opening(database)
    async with database.write() as session:
        service = await session.get_one(Service, order.service)
        service.upstream_number, service.status = "17", ServiceStatus.ACTIVE
        await completion.complete(session, order.operation)
    return order


async def correct(database: Database, operation: int, **parameters: str) -> None:
    decision = Decision(
        actor="ann", reason="a slip", parameters={name.replace("__", "."): v for name, v in parameters.items()}
    )
    record = DecisionRecord(
        operation=operation, kind=DecisionKind.CORRECT_AND_RETRY, decision=decision, decision_id=str(parameters)
    )
    async with database.write() as session:
        row = await locked_operation(session, operation)
        row.stage = Stage.NEEDS_ATTENTION
        session.add(row)
        await session.flush()
        await deciding.decide(session, record)


async def test_an_opening_gets_other_add_ons_name_and_parameters(database: Database) -> None:
    order = await opening(database)
    await correct(database, order.operation, addon__ram="8", domain="V2.example.com", template="debian-12")
    async with database.read() as session:
        service = await session.get_one(Service, order.service)
    assert (service.addons, service.name) == ({"ram": 8}, "v2.example.com")
    assert service.parameters == {"template": "debian-12"}


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"addon__ram": "much"}, "addons.ram"),
        ({"addon__wings": "1"}, "addons.wings"),
        ({"colour": "red"}, "parameters.colour"),
    ],
)
async def test_what_is_wrong_is_named_and_changes_nothing(
    database: Database, wanted: dict[str, str], field: str
) -> None:
    order = await opening(database)
    with pytest.raises(InvalidField) as refused:
        await correct(database, order.operation, **wanted)
    assert refused.value.field == field
    async with database.read() as session:
        assert (await session.get_one(Service, order.service)).addons == {"ram": 4}


async def test_a_change_of_values_gets_other_values(database: Database) -> None:
    order = await running(database)
    change = await requests.ask(database, order.service, ServiceChange(addons={"ram": 99}), client="t", key="c")
    await correct(database, change.operation, addon__ram="8", domain="v2.example.com")
    async with database.read() as session:
        operation = await session.get_one(Operation, change.operation)
        assert (await session.get_one(Service, order.service)).addons == {"ram": 4}, "not before it is done"
    assert operation.parameters == {
        "addon.ram": "8",
        "field.addon_61": "8",
        "domain": "v2.example.com",
        "field.domain": "v2.example.com",
    }
    with pytest.raises(InvalidField, match="add-ons and domain"):
        await correct(database, change.operation, template="debian-12")


async def test_a_prolongation_has_nothing_to_correct(database: Database) -> None:
    order = await running(database)
    prolong = await requests.ask(database, order.service, Prolongation(period_months=1), client="t", key="p")
    with pytest.raises(Refused, match="nothing that can be corrected"):
        await correct(database, prolong.operation, domain="v2.example.com")


async def _tried(
    database: Database, operation: int, count: int, state: IntentState, failure: FailureClass | None
) -> None:
    async with database.write() as session:
        known = len((await session.exec(select(Intent.id))).all())
        for attempt in range(known + 1, known + count + 1):
            session.add(
                Intent(
                    operation_id=operation,
                    account_id=ACCOUNT,
                    attempt=attempt,
                    mark="m",
                    state=state,
                    failure_class=failure,
                    message="as it was before",
                    created_at=utc_now() + timedelta(seconds=attempt),
                )
            )


@pytest.mark.parametrize(
    ("state", "failure", "enough", "words"),
    [
        (IntentState.NOT_DONE, None, 5, "sent 5 times, and each time the upstream shows no effect of it. At "),
        (IntentState.REFUSED, FailureClass.NOT_YET, 10, "put off by the upstream 10 times. At "),
    ],
)
async def test_what_has_no_effect_so_often_needs_a_person(
    database: Database, state: IntentState, failure: FailureClass | None, enough: int, words: str
) -> None:
    order = await opening(database)
    await _tried(database, order.operation, enough - 1, state, failure)
    async with database.read() as session:
        assert await attempts.why_enough(session, order.operation) == ""
    await _tried(database, order.operation, 1, state, failure)
    async with database.read() as session:
        assert (await attempts.why_enough(session, order.operation)).startswith(words)


async def test_waiting_for_money_has_no_last_attempt(database: Database) -> None:
    order = await opening(database)
    await _tried(database, order.operation, 50, IntentState.REFUSED, FailureClass.FUNDS)
    async with database.read() as session:
        assert await attempts.why_enough(session, order.operation) == ""
        assert (await session.get_one(Operation, order.operation)).kind is OperationKind.OPEN
