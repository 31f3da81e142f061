"""When services end: months counted from the day on which they began, dates that nobody believes, terms that can't be
made longer, and periods that have left the catalogue."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from cli.lists import _why
from cli.waiting import look
from models.audit import AuditEntry
from models.catalogue import MappedPeriod
from models.columns import utc_now
from models.database import Database
from models.enums import (
    IncidentKind,
    Knowledge,
    MessageType,
    OperationKind,
    ServiceStatus,
    Stage,
    SuspendReason,
    UpstreamStatus,
)
from models.events import UpstreamSnapshot
from models.incident import Incident
from models.messages import Decision, DecisionKind, DecisionRecord, TaskCompletion
from models.order import Operation, Service
from models.webhooks import WebhookMessage
from orders.decisions.deciding import decide
from orders.errors import InvalidField, NoMapping, Refused
from orders.lifecycle import requests
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.completion import complete, still_wrong
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.lifecycle.stages import enter
from orders.operations.base import Obstacle
from orders.operations.close import Closing
from orders.operations.job import load_job
from orders.operations.prolong import Prolongation
from orders.operations.resume import Resume, Resumption
from orders.operations.set_parameters import ServiceChange
from orders.operations.suspend import Suspension
from orders.services.expiry import check_expiry, months_later
from orders.services.state import apply_snapshot
from orders.settlement.intents import learn
from orders.settlement.item_verdicts import Term, expected, judge_term
from orders.settlement.verdicts import Verdict
from orders.tasks import manual
from orders.views import WorkflowLinks, find_operation
from tests.infrastructure.listing import record_items
from tests.orders.conftest import NOON
from tests.orders.test_owners import add_service
from upstreams.port import UpstreamItem

pytestmark = pytest.mark.usefixtures("noon")
TODAY = NOON.date()
LONG_AGO = TODAY - timedelta(days=40)


async def change(database: Database, number: int, **values: Any) -> None:
    async with database.write() as session:
        service = await session.get_one(Service, number)
        for name, value in values.items():
            setattr(service, name, value)
        session.add(service)


async def mapped(database: Database, **values: Any) -> None:
    """Change the period of every plan."""
    async with database.write() as session:
        for period in (await session.exec(select(MappedPeriod))).all():
            for name, value in values.items():
                setattr(period, name, value)
            session.add(period)


async def stage_of(database: Database, order: AcceptedOrder) -> Stage:
    async with database.read() as session:
        return (await session.get_one(Operation, order.operation)).stage


# Months.


@pytest.mark.parametrize(
    ("day", "months", "anchor", "later"),
    [
        (date(2027, 1, 31), 1, 31, date(2027, 2, 28)),
        (date(2027, 2, 28), 1, 31, date(2027, 3, 31)),
        (date(2028, 2, 29), 12, 29, date(2029, 2, 28)),
        (date(2029, 2, 28), 36, 29, date(2032, 2, 29)),
        (date(2027, 2, 28), 1, 28, date(2027, 3, 28)),
        (date(2027, 2, 28), 1, None, date(2027, 3, 28)),
        (date(2027, 4, 30), 1, 31, date(2027, 5, 31)),
        (date(2027, 4, 12), 1, 31, date(2027, 5, 12)),
    ],
)
def test_months_are_counted_from_the_anchor_day(day: date, months: int, anchor: int | None, later: date) -> None:
    assert months_later(day, months, anchor) == later


async def test_terms_of_what_is_done_by_hand_end_on_the_day_on_which_it_began(shelf: Database) -> None:
    number = await add_service(shelf, None)
    await change(shelf, number, created_at=datetime(2027, 1, 31, tzinfo=UTC), expires_on=date(2027, 1, 31))
    ends: list[date | None] = []
    for _ in range(3):
        async with shelf.write() as session:
            service = await session.get_one(Service, number)
            operation = Operation(service_id=number, kind=OperationKind.PROLONG, parameters={"period_months": "1"})
            await manual.apply_by_hand(session, service, operation, TaskCompletion(actor="anna"))
            ends.append(service.expires_on)
    assert ends == [date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30)]


def test_an_upstream_that_counts_from_the_anchor_day_is_believed() -> None:
    service = Service(customer="c", plan_id=1, product_type="vds", module_id=1, name="n", mark="m", period_months=1)
    service.created_at, service.expires_on = datetime(2027, 1, 31, tzinfo=UTC), date(2027, 1, 31)
    snapshot = UpstreamSnapshot(account_id=1, product_type="vds", number="1", status=2, expires_on=date(2027, 2, 28))
    apply_snapshot(service, snapshot)
    assert service.anchor_day == 31
    term = Term(
        number="1",
        before=service.expires_on,
        announced=None,
        months=1,
        sent_on=date(2027, 2, 20),
        shown=date(2027, 3, 31),
        status=UpstreamStatus.ACTIVE,
        unknown_since=utc_now(),
        now=utc_now(),
        window=timedelta(0),
        anchor_day=service.anchor_day,
    )
    assert expected(term) == (date(2027, 3, 28), date(2027, 3, 31))


def test_a_window_is_over_when_it_is_over() -> None:
    """Not one moment before, and no moment later."""
    term = Term(
        number="1",
        before=date(2027, 2, 28),
        announced=date(2027, 3, 28),
        months=1,
        sent_on=date(2027, 2, 20),
        shown=date(2027, 2, 28),
        status=UpstreamStatus.ACTIVE,
        unknown_since=datetime(2027, 2, 20, tzinfo=UTC),
        now=datetime(2027, 2, 20, 0, 1, tzinfo=UTC),
        window=timedelta(minutes=1),
    )
    assert judge_term(term).verdict is Verdict.NOT_DONE
    early = judge_term(replace(term, now=term.now - timedelta(microseconds=1)))
    assert (early.verdict, early.reason) == (Verdict.WAIT, "item 1 has not changed")
    assert expected(replace(term, announced=None, months=0)) == ()


@pytest.mark.parametrize(
    ("seen", "known", "then"),
    [
        (Knowledge.NO, Knowledge.UNKNOWN, Knowledge.NO),
        (Knowledge.YES, Knowledge.NO, Knowledge.YES),
        (Knowledge.NO, Knowledge.YES, Knowledge.YES),
        (Knowledge.UNKNOWN, Knowledge.NO, Knowledge.NO),
    ],
)
def test_what_was_seen_once_stays_known(seen: Knowledge, known: Knowledge, then: Knowledge) -> None:
    assert learn(seen, known) is then


# Dates that nobody believes.


@pytest.mark.parametrize("day", [date(1, 1, 1), date(1999, 12, 31), date(2099, 12, 31), date(9999, 12, 31)])
async def test_a_date_that_a_person_can_not_mean(shelf: Database, day: date) -> None:
    with pytest.raises(InvalidField, match="expires_on"):
        check_expiry("expires_on", day)
    number = await add_service(shelf, None)
    await change(shelf, number, expires_on=date(2027, 1, 15))
    async with shelf.write() as session:  # by a signal, which nobody checks before
        service = await session.get_one(Service, number)
        operation = Operation(service_id=number, kind=OperationKind.PROLONG, parameters={"period_months": "1"})
        await manual.apply_by_hand(session, service, operation, TaskCompletion(actor="temporal", expires_on=day))
        assert service.expires_on == date(2027, 1, 15)
        found = await session.exec(select(AuditEntry).where(AuditEntry.action == "expiry_held_back"))
        assert found.one().detail["expires_on"] == day.isoformat()
    check_expiry("expires_on", TODAY + timedelta(days=365 * 10))


# What can't be prolonged, and what can't be resumed.


@pytest.mark.parametrize(
    ("period", "words"), [({"upstream_period": -100}, "is a trial"), ({"upstream_period": 0}, "bought for ever")]
)
async def test_what_has_no_term_is_not_prolonged(shelf: Database, period: dict[str, int], words: str) -> None:
    number = await add_service(shelf, "17")
    await mapped(shelf, **period)
    with pytest.raises(Refused, match=words):
        await requests.ask(shelf, number, Prolongation(period_months=1), client="t", key="k")


async def test_for_ever_has_no_date(shelf: Database) -> None:
    number = await add_service(shelf, None)
    async with shelf.write() as session:
        service = await session.get_one(Service, number)
        operation = Operation(service_id=number, kind=OperationKind.OPEN, parameters={"period_months": "0"})
        await manual.apply_by_hand(session, service, operation, TaskCompletion(actor="anna"))
        assert service.expires_on is None


async def test_an_expired_service_is_prolonged_and_not_resumed(shelf: Database) -> None:
    number = await add_service(shelf, "17")
    await change(shelf, number, status=ServiceStatus.SUSPENDED, expires_on=LONG_AGO)
    with pytest.raises(Refused, match=f"expired on {LONG_AGO}: prolong it"):
        await requests.ask(shelf, number, Resumption(), client="t", key="k")


class Panel:
    def __init__(self, item: UpstreamItem) -> None:
        self.item = item

    async def read_item(self, product_type: str, number: str) -> UpstreamItem:
        return self.item


async def test_a_resumption_that_waits_for_a_term_does_not_hold_it_up(shelf: Database) -> None:
    """The upstream knows of the expiry before we do."""
    number = await add_service(shelf, "17")
    await change(shelf, number, status=ServiceStatus.SUSPENDED)
    resumption = await requests.ask(shelf, number, Resumption(), client="t", key="k-1")
    item = UpstreamItem(number="17", product_type="vds", status=UpstreamStatus.SUSPENDED, expires_on=LONG_AGO)
    panel: Any = Panel(item)
    job = await load_job(shelf, resumption.operation)
    obstacle = await Resume().prepare(shelf, job, panel)
    assert isinstance(obstacle, Obstacle), "nothing is sent"
    assert obstacle.result.reason == f"item 17 expired on {LONG_AGO}: prolong it; that is what resumes it"
    async with shelf.write() as session:
        operation = await session.get_one(Operation, resumption.operation)
        await enter(session, operation, Stage.NEEDS_ATTENTION, obstacle.result.reason)
    term = await requests.ask(shelf, number, Prolongation(period_months=1), client="t", key="k-2")
    assert await stage_of(shelf, term) is Stage.ACCEPTED
    assert await stage_of(shelf, resumption) is Stage.QUEUED


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ({}, ""),
        ({"expires_on": LONG_AGO}, f"is still expired, on {LONG_AGO}: prolong it"),
        (
            {"status": UpstreamStatus.SUSPENDED, "suspend_reason": SuspendReason.ABUSE},
            "is still suspended, by the upstream, for abuse",
        ),
    ],
)
async def test_what_is_still_wrong_is_said_at_the_end(shelf: Database, shown: dict[str, Any], words: str) -> None:
    number = await add_service(shelf, "17")
    item = UpstreamItem(number="17", product_type="vds", status=UpstreamStatus.ACTIVE).model_copy(update=shown)
    await record_items(shelf, 1, "vds", [item], complete=True)
    order = await requests.ask(shelf, number, Prolongation(period_months=1), client="t", key="k")
    async with shelf.write() as session:
        await complete(session, order.operation)
        operation = await session.get_one(Operation, order.operation)
        told = f"service {number} {words}" if words else ""
        assert (operation.stage, operation.reason) == (Stage.COMPLETED, told)
    async with shelf.read() as session:
        completed = WebhookMessage.kind == MessageType.OPERATION_COMPLETED
        [message] = (await session.exec(select(WebhookMessage).where(completed))).all()
        view = await find_operation(session, WorkflowLinks("http://127.0.0.1:8233", "default"), order.operation)
    assert message.data["reason"] == told
    assert view.waits_for == (f"nothing ({told})" if told else "nothing")
    assert _why(view) == (f"nothing ({told})" if told else ""), "in the list of the command line, too"
    assert (await look(shelf, order.operation)).end()[1:] == ([told] if told else [])


async def test_what_is_still_wrong_is_said_of_what_a_person_marks_done(shelf: Database) -> None:
    number = await add_service(shelf, "17")
    item = UpstreamItem(number="17", product_type="vds", status=UpstreamStatus.SUSPENDED)
    await record_items(shelf, 1, "vds", [item], complete=True)
    order = await requests.ask(shelf, number, Prolongation(period_months=1), client="t", key="k")
    decision = Decision(actor="anna", reason="done")
    record = DecisionRecord(operation=order.operation, kind=DecisionKind.MARK_DONE, decision=decision, decision_id="d")
    async with shelf.write() as session:
        operation = await session.get_one(Operation, order.operation)
        await enter(session, operation, Stage.NEEDS_ATTENTION, "look")
        await decide(session, record)
        assert operation.reason.startswith(f"marked done by a person; service {number} is still suspended")


async def test_what_is_queued_says_behind_what(shelf: Database) -> None:
    """It may be months: a term that the upstream does not sell yet."""
    number = await add_service(shelf, "17")
    term = await requests.ask(shelf, number, Prolongation(period_months=1), client="t", key="k-1")
    suspension = await requests.ask(shelf, number, Suspension(), client="t", key="k-2")
    async with shelf.write() as session:
        operation = await session.get_one(Operation, term.operation)
        await enter(session, operation, Stage.RETRYING, "too early")
        operation.next_try_at = datetime(2099, 1, 24, 10, tzinfo=UTC)
        session.add(operation)
    async with shelf.read() as session:
        view = await find_operation(session, WorkflowLinks("http://127.0.0.1:8233", "default"), suspension.operation)
    words = f"operation {term.operation} (prolong) is in stage retrying, next try 2099-01-24 10:00 UTC"
    assert view.waits_for == f"the end of the running operation of the same service; {words}"
    assert view.upstream_says is None


DELETED, ACTIVE = UpstreamStatus.DELETED, UpstreamStatus.ACTIVE


@pytest.mark.parametrize(
    ("status", "words"), [(ACTIVE, "; the upstream has not shown it: item 17 is active"), (DELETED, "")]
)
async def test_what_a_person_marks_closed_and_is_still_there_is_said_and_reported(
    shelf: Database, status: UpstreamStatus, words: str
) -> None:
    """It goes on costing money; nobody looks after the item of a closed service."""
    number = await add_service(shelf, "17")
    await record_items(shelf, 1, "vds", [UpstreamItem(number="17", product_type="vds", status=ACTIVE)], complete=True)
    order = await requests.ask(shelf, number, Closing(), client="t", key="k")
    async with shelf.write() as session:
        operation = await session.get_one(Operation, order.operation)
        await enter(session, operation, Stage.NEEDS_ATTENTION, "the upstream said ok")
    await record_items(shelf, 1, "vds", [UpstreamItem(number="17", product_type="vds", status=status)], complete=True)
    decision = Decision(actor="anna", reason="done")
    record = DecisionRecord(operation=order.operation, kind=DecisionKind.MARK_DONE, decision=decision, decision_id="d")
    async with shelf.write() as session:
        await decide(session, record)
        operation = await session.get_one(Operation, order.operation)
        assert (operation.stage, operation.reason) == (Stage.COMPLETED, f"marked done by a person{words}")
        incidents = (await session.exec(select(Incident))).all()
    assert [(one.kind, one.detail) for one in incidents] == (
        [(IncidentKind.PAID_LEFTOVER, {"item": "17"})] if words else []
    )


def test_what_was_asked_for_is_not_wrong() -> None:
    service = Service(
        id=1, customer="c", plan_id=1, product_type="vds", module_id=1, name="n", mark="m", period_months=1
    )
    service.status = ServiceStatus.SUSPENDED
    assert still_wrong(service, Operation(service_id=1, kind=OperationKind.SUSPEND)) == ""
    assert "the upstream does not say by whom" in still_wrong(
        service, Operation(service_id=1, kind=OperationKind.SET_PARAMETERS)
    )


# Periods that have left the catalogue.


async def test_a_service_keeps_its_period(shelf: Database) -> None:
    number = await add_service(shelf, "17")
    await mapped(shelf, retired=True)
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-2")
    with pytest.raises(InvalidField, match="no period at all"):
        await accept_order(shelf, request, client="t", key="k", hostname_suffix="s.internal")
    order = await requests.ask(shelf, number, Prolongation(period_months=1), client="t", key="k-2")
    assert (await load_job(shelf, order.operation)).upstream_period() == 1


async def test_what_needs_no_period_goes_without(shelf: Database) -> None:
    """A service whose period was taken out before they were kept."""
    number = await add_service(shelf, "17")
    await change(shelf, number, period_months=3)
    with pytest.raises(InvalidField, match="only for 1"):
        await requests.ask(shelf, number, Prolongation(period_months=3), client="t", key="k-0")
    orders = [
        await requests.ask(shelf, number, Suspension(), client="t", key="k-1"),
        await requests.ask(shelf, number, Resumption(), client="t", key="k-2"),
        await requests.ask(shelf, number, ServiceChange(addons={"ram": 2}), client="t", key="k-3"),
        await requests.ask(shelf, number, Closing(), client="t", key="k-4"),
    ]
    for order in orders:
        assert (await load_job(shelf, order.operation)).mapping.tariff == "58"
    async with shelf.write() as session:
        operation = await session.get_one(Operation, orders[0].operation)
        operation.kind, operation.parameters = OperationKind.PROLONG, {"period_months": "3"}
        session.add(operation)
    with pytest.raises(NoMapping):
        await load_job(shelf, orders[0].operation)
