"""What the upstream's list of charges proves about a request whose answer was lost: that it was carried out, although
the item does not show it yet; or that nobody was charged for what the item shows."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import cast

import pytest
from sqlmodel import select

from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.enums import IncidentKind, IntentState, IntentStep, OperationKind, Stage, UpstreamStatus
from models.events import UpstreamSnapshot
from models.incident import Incident
from models.money import Money
from models.order import Intent, Operation, Service
from orders.operations.job import Job, load_job
from orders.settlement.charges import (
    A_DAY,
    NOT_CHARGED,
    OF_OURS,
    report_not_charged,
    unless_charged,
    unless_not_charged,
)
from orders.settlement.verdicts import Judgement, Verdict
from tests.orders.test_owners import ACCOUNT, add_service
from upstreams.carts import Expense, Expenses
from upstreams.errors import ConnectionUnhealthy, OutcomeUnknown, Rejected, Scope, SetupFault, UpstreamError
from upstreams.port import Upstream

FIVE = Money.of("5.00", "EUR")
WINDOW = timedelta(minutes=2)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NOT_DONE = Judgement(Verdict.NOT_DONE, reason="it shows nothing", evidence={"looked": "1"})
DONE = Judgement(Verdict.DONE, ("17",), evidence={"looked": "1"})


@dataclass
class Panel:
    """An upstream that is asked for its charges, and for nothing else."""

    answer: Expenses | UpstreamError
    asked: list[date] = field(default_factory=list)

    async def expenses(self, since: date) -> Expenses:
        self.asked.append(since)
        if isinstance(self.answer, UpstreamError):
            raise self.answer
        return self.answer


@dataclass(frozen=True)
class Other:
    """Another operation of the service, or of another one."""

    cost: str = "5.00"
    state: IntentState = IntentState.ACCEPTED
    ago: timedelta = HOUR
    of_another: bool = False
    again: bool = False
    """It was sent twice, the first time in vain."""


def charge(item: str = "17", amount: str = "5.00", number: str = "901") -> Expense:
    return Expense(number=number, item=item, amount=Money.of(amount, "EUR"))


def listed(*entries: Expense, complete: bool = True) -> Expenses:
    return Expenses(entries=entries, complete=complete)


@dataclass
class Books:
    """A service that is item 17, and a request of 5.00 whose outcome is looked for."""

    database: Database
    service: int
    operation: int

    async def add(self, other: Other) -> None:
        service = await _another_service(self.database, "18") if other.of_another else self.service
        number = await _operation(self.database, service, OperationKind.CHANGE_PLAN, other.cost, Stage.COMPLETED)
        states = [IntentState.NOT_DONE, other.state] if other.again else [other.state]
        for state in states:
            await _intent(self.database, number, state, other.ago)

    async def unless_charged(self, panel: Panel, found: Judgement = NOT_DONE, window: timedelta = WINDOW) -> Judgement:
        job, intent = await self._asked()
        return await unless_charged(self.database, job, intent, cast(Upstream, panel), found, window)

    async def unless_not_charged(self, panel: Panel, found: Judgement = DONE) -> Judgement:
        job, intent = await self._asked()
        return await unless_not_charged(self.database, job, intent, cast(Upstream, panel), found, WINDOW)

    async def _asked(self) -> tuple[Job, Intent]:
        job = await load_job(self.database, self.operation)
        assert job.intent is not None
        return job, job.intent


async def _another_service(database: Database, number: str, account: int = ACCOUNT) -> int:
    """As the first one, but for its mark."""
    async with database.write() as session:
        first = (await session.exec(select(Service).limit(1))).one()
        of_its_own = {"mark": f"m-{number}", "upstream_number": number, "account_id": account}
        service = Service(**{**first.model_dump(exclude={"id"}), **of_its_own})
        session.add(service)
        await session.flush()
        return service.id


async def _operation(
    database: Database, service: int, kind: OperationKind, cost: str | None, stage: Stage = Stage.OUTCOME_UNKNOWN
) -> int:
    async with database.write() as session:
        operation = Operation(
            service_id=service, kind=kind, stage=stage, parameters={"period_months": "1"},
            cost_amount=Decimal(cost) if cost is not None else None, cost_currency="EUR" if cost is not None else None,
        )  # fmt: skip
        session.add(operation)
        await session.flush()
        return operation.id


async def _intent(
    database: Database,
    operation: int,
    state: IntentState,
    ago: timedelta,
    step: IntentStep = IntentStep.SEND,
    unknown_for: timedelta | None = None,
) -> None:
    now = utc_now()
    async with database.write() as session:
        session.add(
            Intent(
                operation_id=operation, account_id=ACCOUNT, attempt=1, mark="m", state=state, step=step,
                created_at=now - ago, unknown_since=None if unknown_for is None else now - unknown_for,
            )
        )  # fmt: skip


async def books(
    database: Database,
    kind: OperationKind = OperationKind.PROLONG,
    *,
    ago: timedelta = MINUTE,
    cost: str | None = "5.00",
    step: IntentStep = IntentStep.SEND,
    unknown_for: timedelta | None = None,
) -> Books:
    service = await add_service(database, None if kind is OperationKind.OPEN else "17")
    operation = await _operation(database, service, kind, cost)
    await _intent(database, operation, IntentState.UNKNOWN, ago, step, unknown_for or ago)
    return Books(database, service, operation)


@pytest.mark.parametrize(
    ("entries", "others", "is_proof"),
    [
        ([charge()], [], True),
        ([charge(amount="5.01")], [], False),
        ([charge(item="18")], [], False),
        ([charge(item="")], [], False),
        ([], [], False),
        ([charge()], [Other()], False),
        ([charge(), charge()], [Other()], True),
        ([charge(), charge()], [Other(), Other()], False),
        ([charge()], [Other(again=True)], False),
        ([charge(), charge()], [Other(again=True)], True),
        ([charge()], [Other(cost="4.00")], True),
        ([charge()], [Other(state=IntentState.REFUSED)], True),
        ([charge()], [Other(of_another=True)], True),
        ([charge()], [Other(ago=OF_OURS + HOUR)], True),
        ([charge()], [Other(ago=OF_OURS - HOUR)], False),
    ],
)
async def test_a_charge_of_its_cost_that_no_other_operation_explains_forbids_to_send_it_again(
    shelf: Database, entries: list[Expense], others: list[Other], is_proof: bool
) -> None:
    ours = await books(shelf)
    for other in others:
        await ours.add(other)
    found = await ours.unless_charged(Panel(listed(*entries, complete=False)))
    if not is_proof:
        assert found is NOT_DONE
        return
    assert found.verdict is Verdict.WAIT
    assert "a charge of 5.00 EUR for item 17 (number 901)" in found.reason
    assert found.evidence == {"looked": "1", "charge": {"number": "901", "item": "17", "amount": "5.00 EUR"}}


@pytest.mark.parametrize(
    ("ago", "window", "verdict"),
    [
        (timedelta(minutes=19), WINDOW, Verdict.WAIT),
        (timedelta(minutes=21), WINDOW, Verdict.CANNOT_TELL),
        (timedelta(minutes=9), timedelta(seconds=1), Verdict.WAIT),
        (timedelta(minutes=11), timedelta(seconds=1), Verdict.CANNOT_TELL),
    ],
)
async def test_a_person_decides_about_a_charge_whose_item_has_not_shown_it_for_ten_windows(
    shelf: Database, ago: timedelta, window: timedelta, verdict: Verdict
) -> None:
    ours = await books(shelf, ago=ago)
    found = await ours.unless_charged(Panel(listed(charge())), window=window)
    assert found.verdict is verdict
    assert "charge" in found.evidence
    assert "no other order explains" in found.reason


async def test_it_is_waited_from_when_the_outcome_was_unknown_or_else_from_when_it_was_to_be_sent(
    shelf: Database,
) -> None:
    ours = await books(shelf, ago=2 * HOUR, unknown_for=MINUTE)
    missing = Panel(listed(charge("18")))
    assert (await ours.unless_charged(Panel(listed(charge())))).verdict is Verdict.WAIT
    assert (await ours.unless_not_charged(missing)).verdict is Verdict.WAIT
    async with shelf.write() as session:
        intent = (await session.exec(select(Intent).where(Intent.operation_id == ours.operation))).one()
        intent.unknown_since = None
    assert (await ours.unless_charged(Panel(listed(charge())))).verdict is Verdict.CANNOT_TELL
    assert (await ours.unless_not_charged(missing)).verdict is Verdict.DONE


async def test_the_least_sum_counts(shelf: Database) -> None:
    ours = await books(shelf, cost="0.50")
    assert (await ours.unless_charged(Panel(listed(charge(amount="0.50"))))).verdict is Verdict.WAIT
    assert (await ours.unless_not_charged(Panel(listed(charge("18"))))).verdict is Verdict.WAIT


@pytest.mark.parametrize(
    ("item", "known_as", "verdict"),
    [
        ("30", None, Verdict.WAIT),
        ("30", "snapshot", Verdict.NOT_DONE),
        ("30", "service", Verdict.NOT_DONE),
        ("30", "snapshot of another account", Verdict.WAIT),
        ("30", "service of another account", Verdict.WAIT),
        ("31", "snapshot", Verdict.WAIT),
        ("", None, Verdict.NOT_DONE),
    ],
)
async def test_a_charge_for_an_item_that_nobody_has_seen_may_be_the_opening(
    shelf: Database, item: str, known_as: str | None, verdict: Verdict
) -> None:
    ours = await books(shelf, OperationKind.OPEN)
    known = known_as or ""
    account = await _second_account(shelf) if known.endswith("another account") else ACCOUNT
    if known.startswith("service"):
        await _another_service(shelf, "30", account)
    if known.startswith("snapshot"):
        async with shelf.write() as session:
            status = UpstreamStatus.ACTIVE
            session.add(UpstreamSnapshot(account_id=account, product_type="vds", number="30", status=status))
    found = await ours.unless_charged(Panel(listed(charge(item), charge(item, "4.00"))))
    assert found.verdict is verdict


async def _second_account(database: Database) -> int:
    async with database.write() as session:
        first = await session.get_one(UpstreamAccount, ACCOUNT)
        second = UpstreamAccount(**{**first.model_dump(exclude={"id"}), "name": "second"})
        session.add(second)
        await session.flush()
        return second.id


@pytest.mark.parametrize(
    ("kind", "cost", "step", "found"),
    [
        (OperationKind.PROLONG, "5.00", IntentStep.SEND, DONE),
        (OperationKind.PROLONG, "5.00", IntentStep.SEND, replace(NOT_DONE, verdict=Verdict.WAIT)),
        (OperationKind.PROLONG, "5.00", IntentStep.PAY, NOT_DONE),
        (OperationKind.PROLONG, None, IntentStep.SEND, NOT_DONE),
        (OperationKind.PROLONG, "0", IntentStep.SEND, NOT_DONE),
        (OperationKind.SUSPEND, "5.00", IntentStep.SEND, NOT_DONE),
    ],
)
async def test_charges_are_looked_for_only_before_a_request_that_costs_is_sent_again(
    shelf: Database, kind: OperationKind, cost: str | None, step: IntentStep, found: Judgement
) -> None:
    panel = Panel(listed(charge(amount=cost or "5.00")))
    assert await (await books(shelf, kind, cost=cost, step=step)).unless_charged(panel, found) is found
    assert panel.asked == []


async def test_the_charges_are_listed_from_the_day_before_the_first_request_on(shelf: Database, noon: None) -> None:
    service = await add_service(shelf, "17")
    before = await _operation(shelf, service, OperationKind.PROLONG, "5.00", Stage.COMPLETED)
    await _intent(shelf, before, IntentState.ACCEPTED, timedelta(days=9))
    operation = await _operation(shelf, service, OperationKind.PROLONG, "5.00")
    await _intent(shelf, operation, IntentState.NOT_DONE, timedelta(days=2))
    await _intent(shelf, operation, IntentState.UNKNOWN, MINUTE)
    ours = Books(shelf, service, operation)
    panel = Panel(listed())
    await ours.unless_charged(panel)
    await ours.unless_not_charged(panel)
    first: datetime = utc_now() - timedelta(days=2)
    assert panel.asked == [(first - A_DAY).date(), (first - A_DAY - OF_OURS).date()]


@pytest.mark.parametrize(
    "answer",
    [
        Rejected("no right"),
        SetupFault("a field is missing"),
        OutcomeUnknown("502"),
        ConnectionUnhealthy("not this function", scope=Scope.OPERATION),
    ],
)
async def test_where_charges_cannot_be_read_the_item_decides_alone(shelf: Database, answer: UpstreamError) -> None:
    ours = await books(shelf)
    assert await ours.unless_charged(Panel(answer)) is NOT_DONE
    assert await ours.unless_not_charged(Panel(answer)) is DONE


async def test_an_account_that_is_unhealthy_is_waited_for(shelf: Database) -> None:
    ours = await books(shelf)
    with pytest.raises(ConnectionUnhealthy):
        await ours.unless_charged(Panel(ConnectionUnhealthy("a wrong password", scope=Scope.ACCOUNT)))


@pytest.mark.parametrize(
    ("expenses", "others", "is_missing"),
    [
        (listed(charge("18")), [], True),
        (listed(charge("17")), [], False),
        (listed(charge("18"), complete=False), [], False),
        (listed(charge("")), [], False),
        (listed(), [], False),
        (listed(charge("17")), [Other()], True),
        (listed(charge("17")), [Other(cost="4.00")], True),
        (listed(charge("17")), [Other(again=True)], True),
        (listed(charge("17"), charge("17")), [Other()], False),
        (listed(charge("18")), [Other(cost="0")], True),
        (listed(charge("18")), [Other()], False),
        (listed(charge("18")), [Other(state=IntentState.REFUSED)], True),
        (listed(charge("18")), [Other(of_another=True)], True),
        (listed(charge("18")), [Other(ago=OF_OURS + HOUR)], True),
    ],
)
async def test_what_the_item_shows_without_a_charge_is_waited_for_and_then_believed_and_said(
    shelf: Database, expenses: Expenses, others: list[Other], is_missing: bool
) -> None:
    """A list that lacks the charges of the service's other operations proves nothing: it may lack this one, too."""
    ours = await books(shelf)
    for other in others:
        await ours.add(other)
    found = await ours.unless_not_charged(Panel(expenses))
    if not is_missing:
        assert found is DONE
        return
    assert found.verdict is Verdict.WAIT
    assert "item 17 shows what was asked for, and no charge for it is listed yet" in found.reason
    async with shelf.write() as session:
        intent = (await session.exec(select(Intent).where(Intent.operation_id == ours.operation))).one()
        intent.unknown_since = utc_now() - WINDOW - MINUTE
    later = await ours.unless_not_charged(Panel(expenses))
    assert later == replace(DONE, evidence={"looked": "1", NOT_CHARGED: "5.00 EUR"})


@pytest.mark.parametrize(
    ("kind", "cost", "step", "found"),
    [
        (OperationKind.OPEN, "5.00", IntentStep.SEND, DONE),
        (OperationKind.PROLONG, "5.00", IntentStep.SEND, NOT_DONE),
        (OperationKind.PROLONG, "5.00", IntentStep.PAY, DONE),
        (OperationKind.PROLONG, None, IntentStep.SEND, DONE),
        (OperationKind.PROLONG, "0", IntentStep.SEND, DONE),
        (OperationKind.SUSPEND, "5.00", IntentStep.SEND, DONE),
    ],
)
async def test_a_charge_is_missed_only_for_what_costs_and_is_shown(
    shelf: Database, kind: OperationKind, cost: str | None, step: IntentStep, found: Judgement
) -> None:
    panel = Panel(listed(charge("18")))
    assert await (await books(shelf, kind, cost=cost, step=step)).unless_not_charged(panel, found) is found
    assert panel.asked == []


async def test_a_change_that_nobody_was_charged_for_is_an_incident(shelf: Database) -> None:
    ours = await books(shelf)
    for judgement in (DONE, replace(DONE, evidence={NOT_CHARGED: "5.00 EUR"})):
        async with shelf.write() as session:
            assert await incidents(shelf) == []
            operation = await session.get_one(Operation, ours.operation)
            intent = (await session.exec(select(Intent).where(Intent.operation_id == ours.operation))).one()
            await report_not_charged(session, operation, intent, judgement)
    [one] = await incidents(shelf)
    assert (one.kind, one.service_id, one.operation_id) == (IncidentKind.OTHER_TERM, ours.service, ours.operation)
    assert f"item 17 of service {ours.service} shows what operation {ours.operation} (prolong) asked for" in one.message
    assert one.detail == {"item": "17", NOT_CHARGED: "5.00 EUR"}


async def incidents(database: Database) -> list[Incident]:
    async with database.read() as session:
        return list((await session.exec(select(Incident))).all())
