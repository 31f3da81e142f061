"""A restored database: which numbers it lacks, what is kept from being sent, and what each operation gets."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from activities.poller.waiting import refresh_waiting
from activities.poller.watch import Watch
from models.audit import Installation, Restoration
from models.catalogue import PlanMapping, ProcessingModule, UpstreamAccount
from models.database import Database
from models.enums import IntentState, Stage, UpstreamStatus
from models.money import Money
from models.order import Intent, Service
from models.outages import Held
from orders.errors import InvalidField
from orders.installation import first_tag, hold
from orders.lifecycle import fast_path
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.lifecycle.stages import enter, locked_operation
from orders.money.funds import BalanceReading
from orders.operations.job import load_job
from orders.restoration import marks, numbers
from orders.restoration.before import ADDONS, EXPIRY, TARIFF, is_suspected
from orders.restoration.items import accounts_to_read
from orders.restoration.proof import differences
from orders.restoration.record import restored
from orders.settlement import intents
from settings import Settings
from upstreams.port import UpstreamItem

pytestmark = pytest.mark.dialects

HERE = "this test has"


async def ordered(database: Database, key: str = "k") -> AcceptedOrder:
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    return await accept_order(database, request, client="shop", key=key, hostname_suffix="s.internal")


async def calls(database: Database, operation: int) -> list[Intent]:
    async with database.read() as session:
        return list((await session.exec(select(Intent).where(Intent.operation_id == operation))).all())


async def test_what_was_given_is_never_lost_and_what_is_beyond_is(database: Database) -> None:
    async with database.read() as session:
        assert await numbers.lost(session, await numbers.given(session)) == {}
    order = await ordered(database)
    async with database.read() as session:
        given = await numbers.given(session)
        assert given["operation"] == order.operation
        assert await numbers.lost(session, given) == {}
        assert await numbers.lost(session, {**given, "operation": order.operation + 1}) == {
            "operation": order.operation + 1
        }
        assert await numbers.lost(session, {"a table of a later version": 7}) == {}


async def test_a_database_that_has_given_the_number_is_not_held(database: Database) -> None:
    order = await ordered(database)
    assert await numbers.hold_if_lost(database, {"operation": order.operation}, HERE) == {}
    assert await numbers.hold_if_lost(database, {"operation": order.operation + 1}, HERE)
    with pytest.raises(Held, match=f"operation {order.operation + 1}"):
        await ordered(database, "another")


async def test_a_sequence_that_is_ahead_of_its_rows_gives_nothing_back(database: Database) -> None:
    """A dump has the rows of the moment when it began, and sequences of the moment when it reached them."""
    order = await ordered(database)
    known = {"operation": order.operation + 1}
    await give_numbers(database, "operation")
    assert await numbers.hold_if_lost(database, known, HERE) == known
    await restored(database, known, actor="anna")
    assert await numbers.hold_if_lost(database, known, HERE) == {}, "what was restored is not held again"


async def test_restorations_of_an_earlier_release_did_not_write_their_numbers_down(database: Database) -> None:
    order = await ordered(database)
    known = {"operation": order.operation + 4711}
    await restored(database, known, actor="anna")
    async with database.write() as session:
        (await session.exec(select(Restoration))).one().next_numbers = None
    assert await numbers.hold_if_lost(database, known, HERE) == {}


async def give_numbers(database: Database, table: str) -> None:
    """The sequence goes on, and the transaction that took the number is not in the backup."""
    async with database.write() as session:
        if database.is_sqlite:  # a number is part of the transaction: the sequence is never ahead
            return
        sequence = f"nextval(pg_get_serial_sequence('{table}', 'id'))"
        await (await session.connection()).execute(sa.text(f"SELECT {sequence}, {sequence}"))


async def test_numbers_go_on_behind_everything_that_was_seen(database: Database) -> None:
    before = await ordered(database)
    done = await restored(database, {"service": 4711, "operation": 9000}, actor="anna")
    after = await ordered(database, "another")
    assert (after.service, after.operation) == (6001, 11001)
    assert done.next_numbers["service"] == 6001
    async with database.read() as session:
        assert (await session.get_one(Service, after.service)).mark == f"rf-{done.tag}-6001"
        assert (await session.get_one(Service, before.service)).mark == f"rf-{done.former_tag}-{before.service}"
        assert await marks.tags(session) == (done.tag, done.former_tag)
        lost = await marks.lost_marks(session)
        assert marks.service_of(f"rf-{done.former_tag}-4711", (done.former_tag,)) == 4711
        assert marks.service_of("rf-other-4711", (done.former_tag,)) is None
        assert await numbers.lost(session, {"service": 4711, "operation": 9000}) == {}
    assert f"rf-{done.former_tag}-4711" in lost
    assert f"rf-{done.former_tag}-{before.service}" not in lost
    assert await first_tag(database) == done.former_tag, "storefronts know the installation by it"


async def test_nothing_is_written_for_a_send_while_it_is_held(database: Database) -> None:
    order = await ordered(database)
    job = await load_job(database, order.operation)
    async with database.write() as session:
        await hold(session, "an older backup")
    with pytest.raises(Held, match="older backup"):
        await load_job(database, order.operation)
    first = fast_path.FirstRequest(
        operation=job.operation,
        account=job.account,
        cost=Money.of("5.00", "EUR"),
        reading=BalanceReading(Money.of("100.00", "EUR"), charged=0),
        price={"cost_amount": Decimal(5), "cost_currency": "EUR", "price": {}},
        mark=job.service.mark,
        request={},
        before={},
        target={},
    )
    with pytest.raises(fast_path.NotOnFastPath):
        async with database.write() as session:
            await fast_path.begin(session, first, lease=timedelta(seconds=10))
    async with database.write() as session:
        operation = await locked_operation(session, order.operation)
        with pytest.raises(Held):
            await intents.prepare(session, operation, job.account_id, "m", {}, {})
    assert await calls(database, order.operation) == []
    await restored(database, {}, actor="anna")
    async with database.read() as session:
        assert (await session.get_one(Installation, 1)).held_because is None


async def test_the_poller_looks_at_nothing_while_it_is_held(database: Database) -> None:
    """What the restored database knew of the items has still to be compared."""
    async with database.read() as session:
        watch = Watch.of((await session.exec(select(UpstreamAccount))).one(), Settings())
    await refresh_waiting(database, watch)
    async with database.write() as session:
        await hold(session, "an older backup")
    with pytest.raises(Held):
        await refresh_waiting(database, watch)


@pytest.mark.parametrize(
    ("state", "stage", "suspected", "goes_to"),
    [
        (None, Stage.ACCEPTED, True, Stage.OUTCOME_UNKNOWN),
        (None, Stage.WAITING_FOR_FUNDS, True, Stage.OUTCOME_UNKNOWN),
        (IntentState.NOT_SENT, Stage.RETRYING, True, Stage.OUTCOME_UNKNOWN),
        (IntentState.NOT_DONE, Stage.CHECKING_BALANCE, True, Stage.OUTCOME_UNKNOWN),
        (IntentState.REFUSED, Stage.NEEDS_ATTENTION, True, Stage.NEEDS_ATTENTION),
        (IntentState.ABANDONED, Stage.CHECKING_BALANCE, True, Stage.OUTCOME_UNKNOWN),
        (IntentState.PREPARED, Stage.SUBMITTING, False, Stage.SUBMITTING),
        (IntentState.UNKNOWN, Stage.OUTCOME_UNKNOWN, False, Stage.OUTCOME_UNKNOWN),
        (IntentState.ACCEPTED, Stage.AWAITING_CONFIRMATION, False, Stage.AWAITING_CONFIRMATION),
        (None, Stage.AWAITING_MANUAL_TASK, False, Stage.AWAITING_MANUAL_TASK),
        (None, Stage.CANCELLED, False, Stage.CANCELLED),
    ],
)
async def test_what_may_have_been_sent_gets_an_unsettled_intent(
    shelf: Database, state: IntentState | None, stage: Stage, suspected: bool, goes_to: Stage
) -> None:
    order = await ordered(shelf)
    async with shelf.write() as session:
        operation = await locked_operation(session, order.operation)
        if stage is not Stage.ACCEPTED:
            await enter(session, operation, stage)
        if state is not None:
            session.add(Intent(operation_id=order.operation, account_id=1, attempt=1, state=state, mark="m"))
    await restored(shelf, {}, actor="anna")
    last = (await calls(shelf, order.operation))[-1:]
    assert [is_suspected(one) for one in last] == ([suspected] if last else [])
    if suspected:
        assert last[0].state is IntentState.UNKNOWN
    async with shelf.read() as session:
        operation = await locked_operation(session, order.operation)
    assert operation.stage is goes_to
    assert operation.workflow_started_at is None


async def test_an_order_with_the_numbers_of_another_gets_a_mark_of_its_own(database: Database) -> None:
    first, second = await ordered(database), await ordered(database, "another")
    done = await restored(database, {}, actor="anna", given_twice={second.operation})
    async with database.read() as session:
        assert (await session.get_one(Service, first.service)).mark == f"rf-{done.former_tag}-{first.service}"
        service = await session.get_one(Service, second.service)
    assert service.mark == f"rf-{done.tag}-{second.service}"
    assert service.name == f"{service.mark}.s.internal"
    assert [one.mark for one in await calls(database, second.operation)] == [service.mark]


async def test_an_account_that_does_not_answer_is_left_out_by_its_name(shelf: Database) -> None:
    async with shelf.write() as session:
        away = UpstreamAccount(name="away", kind="billmanager", url="http://away.invalid", currency="EUR")
        session.add(away)
        await session.flush()
        session.add(ProcessingModule(name="away", account_id=away.id, product_type="vds", department="support"))
    async with shelf.read() as session:
        assert await read_names(session, without=()) == {"away": ["vds"], "main": ["soft", "vds"]}
        assert await read_names(session, without=("away",)) == {"main": ["soft", "vds"]}
        with pytest.raises(InvalidField, match="no upstream account 'awya'"):
            await read_names(session, without=("away", "awya"))


async def read_names(session: AsyncSession, without: tuple[str, ...]) -> dict[str, list[str]]:
    return {account.name: types for account, types in await accounts_to_read(session, without)}


def test_differences_are_named() -> None:
    mapping = PlanMapping(plan_id=1, module_id=1, tariff="58", addons={"ram": "addon_61"})
    before = {EXPIRY: ["2026-12-01"], TARIFF: ["58"], ADDONS: ["ram 4"]}

    def item(**changes: object) -> UpstreamItem:
        values: dict[str, object] = {"expires_on": date(2026, 12, 1), "tariff": "58", "raw": {"addon_61": "4"}}
        return UpstreamItem.model_validate(
            {"number": "7", "product_type": "vds", "status": UpstreamStatus.ACTIVE, **values, **changes}
        )

    assert differences(before, item(), mapping) == []
    assert differences(before, item(expires_on=date(2027, 1, 1)), mapping) == ["expiry 2027-01-01, was 2026-12-01"]
    assert differences(before, item(tariff="59"), mapping) == ["tariff 59, was 58"]
    assert differences(before, item(raw={"addon_61": "6"}), mapping) == ["add-ons ram 6, was ram 4"]
    assert differences(before, None, mapping) == ["it does not exist any more"]
    assert differences({}, item(tariff="59"), mapping) == [], "what was not known can't differ"
