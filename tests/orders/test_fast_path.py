"""The straight way: each statement expects the state that was read, and if a single one is wrong nothing is kept."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry
from models.catalogue import UpstreamAccount
from models.columns import units
from models.database import Database
from models.enums import IntentState, Knowledge, MessageType, ReservationState, ServiceStatus, Stage
from models.events import UpstreamSnapshot
from models.money import Money
from models.order import Intent, Operation, Reservation, Service
from models.webhooks import WebhookMessage
from orders.lifecycle import fast_path
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.lifecycle.stages import enter, locked_operation
from orders.money import funds
from orders.money.funds import BalanceReading
from orders.operations.job import Job, load_job
from orders.settlement import intents
from orders.views import stages_after

pytestmark = pytest.mark.dialects

COST = Money.of("5.00", "EUR")
FLIGHT = timedelta(seconds=30)
LEASE = timedelta(seconds=10)
ENOUGH = BalanceReading(Money.of("100.00", "EUR"), charged=0)


class Case:
    """One order on its way."""

    def __init__(self, database: Database, job: Job) -> None:
        self.database = database
        self.job = job
        self.operation = job.operation
        self.intent: Intent | None = None

    @classmethod
    async def of_a_new_order(cls, database: Database, key: str = "k") -> "Case":
        request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
        order = await accept_order(database, request, client="shop", key=key, hostname_suffix="s.internal")
        return cls(database, await load_job(database, order.operation))

    def first(self, reading: BalanceReading = ENOUGH, cost: Money | None = COST) -> fast_path.FirstRequest:
        price = {"cost_amount": cost and cost.amount, "cost_currency": cost and cost.currency, "price": {"quoted": "5"}}
        return fast_path.FirstRequest(
            operation=self.job.operation,
            account=self.job.account,
            cost=cost,
            reading=reading if cost else None,
            price=price,
            mark=self.job.service.mark,
            request={"name": "x"},
            before={"seen_up_to": ["0"]},
            target={"wanted": "yes"},
        )

    async def begin(self, first: fast_path.FirstRequest | None = None) -> None:
        async with self.database.write() as session:
            begun = await fast_path.begin(session, first or self.first(), lease=LEASE, flight=FLIGHT)
            self.operation, self.intent = begun

    async def record_acceptance(self, number: str = "17") -> None:
        assert self.intent is not None
        async with self.database.write() as session:
            await fast_path.record_acceptance(
                session, self.operation, self.intent, self.job.service, number, is_set_aside=True
            )

    async def stored(self) -> tuple[Operation, Service, list[Intent], list[Reservation], UpstreamAccount]:
        async with self.database.read() as session:
            operation = await session.get_one(Operation, self.job.number)
            return (
                operation,
                await session.get_one(Service, operation.service_id),
                list((await session.exec(select(Intent).where(Intent.operation_id == operation.id))).all()),
                list((await session.exec(select(Reservation).where(Reservation.operation_id == operation.id))).all()),
                await session.get_one(UpstreamAccount, 1),
            )

    async def is_as_accepted(self) -> None:
        operation, _, sent, reserved, account = await self.stored()
        assert (operation.stage, sent, reserved) == (self.job.operation.stage, [], [])
        assert account.set_aside == 0


@pytest.fixture
async def case(database: Database) -> AsyncIterator[Case]:
    case = await Case.of_a_new_order(database)
    yield case
    async with database.write() as session:
        assert await funds.recount(session, 1), "the account's sums are those of its reservations"


async def test_money_intent_and_stages_are_written_together(case: Case) -> None:
    await case.begin()

    operation, _, [intent], [reserved], account = await case.stored()
    assert (operation.stage, operation.cost, operation.price) == (Stage.SUBMITTING, COST, {"quoted": "5"})
    assert operation.workflow_started_at == operation.stage_since
    assert operation.parameters == {"period_months": "1", "wanted": "yes"}
    assert (intent.state, intent.attempt, intent.mark) == (IntentState.PREPARED, 1, case.job.service.mark)
    assert (intent.request, intent.before) == ({"name": "x"}, {"seen_up_to": ["0"]})
    assert intent.send_until is not None
    assert timedelta(seconds=8) < intent.send_until - intent.created_at < timedelta(seconds=12)
    assert (reserved.state, reserved.amount) == (ReservationState.GRANTED, COST.amount)
    assert (account.set_aside, account.balance) == (units(COST.amount), Decimal("100.00"))
    assert (case.operation.stage_since, case.intent and case.intent.id) == (operation.stage_since, intent.id)
    async with case.database.read() as session:
        stages = [(one.stage, one.reason) for one in await stages_after(session, case.job.number)]
        [told] = (await session.exec(select(WebhookMessage.kind))).all()
    assert stages == [(Stage.ACCEPTED, ""), (Stage.CHECKING_BALANCE, "money set aside"), (Stage.SUBMITTING, "")]
    assert told == MessageType.OPERATION_STARTED


@pytest.mark.parametrize("before", [{"seen_up_to": ["1000"]}, {"seen_up_to": ["0"], "there": ["17"]}])
async def test_an_item_that_was_there_before_is_looked_at_with_care(case: Case, before: dict[str, list[str]]) -> None:
    async with case.database.write() as session:
        session.add(UpstreamSnapshot(account_id=1, product_type="vds", number="17", status=2))
    await case.begin(replace(case.first(), before=before))
    with pytest.raises(fast_path.NotOnFastPath):
        await case.record_acceptance()
    await case.record_acceptance("18")


async def test_the_yes_settles_charges_and_links(case: Case) -> None:
    await case.begin()
    await case.record_acceptance()

    operation, service, [intent], [reserved], account = await case.stored()
    assert (operation.stage, operation.reason) == (Stage.AWAITING_CONFIRMATION, "item 17")
    assert (service.status, service.upstream_number) == (ServiceStatus.PROCESSING, "17")
    assert (intent.state, intent.upstream_number) == (IntentState.ACCEPTED, "17")
    assert (reserved.state, reserved.release_number, account.release_count) == (ReservationState.RELEASED, 1, 1)
    assert (account.set_aside, account.charged) == (0, units(COST.amount))
    assert account.orders_return_number is Knowledge.YES
    async with case.database.read() as session:
        history = (await session.exec(select(AuditEntry).where(AuditEntry.subject == "service"))).one()
    assert history.actor == "shop"
    assert history.changes == {"status": ["ordered", "processing"], "upstream_number": ["", "17"]}


async def test_what_costs_nothing_sets_nothing_aside(case: Case) -> None:
    await case.begin(case.first(cost=None))
    await case.record_acceptance()
    operation, _, [intent], reserved, account = await case.stored()
    assert (operation.stage, intent.state, reserved) == (Stage.AWAITING_CONFIRMATION, IntentState.ACCEPTED, [])
    assert (account.set_aside, account.charged) == (0, 0)


async def _cancelled(session: AsyncSession, operation: Operation, account: UpstreamAccount) -> None:
    await enter(session, operation, Stage.CANCELLED)


async def _called_off(session: AsyncSession, operation: Operation, account: UpstreamAccount) -> None:
    operation.called_off_at = operation.stage_since
    session.add(operation)


async def _stage_entered_again(session: AsyncSession, operation: Operation, account: UpstreamAccount) -> None:
    """Its stage is the one that was seen, and something has happened between."""
    operation.stage_since += timedelta(seconds=1)
    session.add(operation)


async def _set_aside_for_another(session: AsyncSession, operation: Operation, account: UpstreamAccount) -> None:
    account.set_aside += units(Decimal("95.01"))
    session.add(account)


async def _charged_since(session: AsyncSession, operation: Operation, account: UpstreamAccount) -> None:
    """The reading does not show it yet."""
    account.charged += units(Decimal("95.01"))
    session.add(account)


async def _somebody_in_line(session: AsyncSession, operation: Operation, account: UpstreamAccount) -> None:
    account.waiting += 1
    session.add(account)


MEANWHILE = [_cancelled, _called_off, _stage_entered_again, _set_aside_for_another, _charged_since, _somebody_in_line]


@pytest.mark.parametrize("meanwhile", MEANWHILE)
async def test_nothing_is_kept_of_an_outset_if_something_has_happened_since_it_was_read(
    database: Database, meanwhile: object
) -> None:
    case = await Case.of_a_new_order(database)
    async with database.write() as session:
        operation = await locked_operation(session, case.job.number)
        await meanwhile(session, operation, await session.get_one(UpstreamAccount, 1))  # type: ignore[operator]
    with pytest.raises(fast_path.NotOnFastPath):
        await case.begin()
    _, _, sent, reserved, _ = await case.stored()
    assert (sent, reserved) == ([], [])
    async with database.read() as session:
        assert Stage.SUBMITTING not in [one.stage for one in await stages_after(session, case.job.number)]


async def test_the_last_cent_may_be_set_aside(case: Case) -> None:
    await case.begin(case.first(BalanceReading(Money.of("5.00", "EUR"), charged=0)))


async def test_what_a_balance_shows_as_charged_is_not_counted_once_more(case: Case) -> None:
    async with case.database.write() as session:
        account = await session.get_one(UpstreamAccount, 1)
        account.charged = units(Decimal("95.00"))
        session.add(account)
    await case.begin(case.first(BalanceReading(Money.of("5.00", "EUR"), charged=units(Decimal("95.00")))))


async def test_a_credit_limit_counts_and_a_cent_too_little_does_not(case: Case) -> None:
    with pytest.raises(fast_path.NotOnFastPath):
        await case.begin(case.first(BalanceReading(Money.of("4.99", "EUR"), charged=0)))
    await case.is_as_accepted()
    account = UpstreamAccount(**case.job.account.model_dump() | {"credit_limit": Decimal("0.01")})
    await case.begin(replace(case.first(BalanceReading(Money.of("4.99", "EUR"), charged=0)), account=account))


async def test_of_two_attempts_at_once_one_sends(case: Case) -> None:
    """A worker that was held up, and the one that took over: both have read the same."""
    other = Case(case.database, case.job)
    results = await asyncio.gather(case.begin(), other.begin(), return_exceptions=True)
    assert sum(result is None for result in results) == 1, results
    assert sum(isinstance(result, fast_path.NotOnFastPath | IntegrityError) for result in results) == 1, results
    _, _, sent, reserved, account = await case.stored()
    assert (len(sent), len(reserved), account.set_aside) == (1, 1, units(COST.amount))


async def test_twenty_at_once_never_set_aside_more_than_there_is(database: Database) -> None:
    roads = [await Case.of_a_new_order(database, key=f"k{number}") for number in range(20)]
    reading = BalanceReading(Money.of("35.00", "EUR"), charged=0)
    results = await asyncio.gather(*(one.begin(one.first(reading)) for one in roads), return_exceptions=True)
    assert sum(result is None for result in results) == 7
    assert all(result is None or isinstance(result, fast_path.NotOnFastPath) for result in results), results
    async with database.write() as session:
        account = await funds.locked_account(session, 1)
        assert account.set_aside == units(Decimal("35.00"))
        assert await funds.recount(session, 1)


async def _settled_by_another(session: AsyncSession, case: Case) -> None:
    assert case.intent is not None
    await intents.settle(session, await intents.current(session, case.intent), IntentState.NOT_DONE)


async def _money_released(session: AsyncSession, case: Case) -> None:
    await funds.release(session, case.job.number)


async def _linked_by_hand(session: AsyncSession, case: Case) -> None:
    service = await session.get_one(Service, case.job.service.id)
    service.upstream_number = "99"
    session.add(service)


async def _asked_for_a_person(session: AsyncSession, case: Case) -> None:
    await enter(session, await locked_operation(session, case.job.number), Stage.NEEDS_ATTENTION, "why")


async def _not_wanted_any_more(session: AsyncSession, case: Case) -> None:
    operation = await locked_operation(session, case.job.number)
    operation.called_off_at = operation.stage_since
    session.add(operation)


@pytest.mark.parametrize(
    "meanwhile",
    [_settled_by_another, _money_released, _linked_by_hand, _asked_for_a_person, _not_wanted_any_more],
)
async def test_a_yes_that_meets_something_else_is_left_to_the_careful_way(case: Case, meanwhile: object) -> None:
    await case.begin()
    async with case.database.write() as session:
        await meanwhile(session, case)  # type: ignore[operator]
    before = await case.stored()
    with pytest.raises(fast_path.NotOnFastPath):
        await case.record_acceptance()
    assert [str(one) for one in await case.stored()] == [str(one) for one in before]


async def test_an_item_that_another_service_holds_is_never_linked_twice(case: Case) -> None:
    other = await Case.of_a_new_order(case.database, key="other")
    await other.begin()
    await other.record_acceptance("17")
    await case.begin()
    with pytest.raises(IntegrityError):
        await case.record_acceptance("17")
    operation, service, [intent], _, _ = await case.stored()
    assert (operation.stage, service.upstream_number, intent.state) == (Stage.SUBMITTING, None, IntentState.PREPARED)


async def test_the_same_yes_twice_counts_once(case: Case) -> None:
    await case.begin()
    await case.record_acceptance()
    with pytest.raises(fast_path.NotOnFastPath):
        await case.record_acceptance()
    *_, account = await case.stored()
    assert account.charged == units(COST.amount)


async def test_after_a_yes_the_database_itself_forbids_a_second_request(case: Case) -> None:
    """Whatever the code above does."""
    await case.begin()
    await case.record_acceptance()
    with pytest.raises(IntegrityError):
        async with case.database.write() as session:
            session.add(Intent(operation_id=case.job.number, account_id=1, attempt=2, mark="m"))
