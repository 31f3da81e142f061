"""The end of a term: what is due on a day, and the walk that does it, on both databases."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from models.catalogue import ProcessingModule, TariffPlan, UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.enums import (
    AtEndOfTerm,
    IncidentKind,
    IntentState,
    MessageType,
    OperationKind,
    RenewalOwner,
    ServiceStatus,
    Stage,
    UnpaidKind,
)
from models.incident import Incident
from models.messages import Decision, DecisionKind, DecisionRecord
from models.order import Intent, Operation, Service
from models.parameters import Renewal
from models.periods import DAY, FOR_EVER, TRIAL
from models.renewal_terms import RenewalTerms
from models.term import Term
from models.webhooks import WebhookMessage
from orders.audit import OURSELVES
from orders.decisions.deciding import decide
from orders.errors import Refused
from orders.lifecycle.completion import complete
from orders.lifecycle.requests import ask
from orders.lifecycle.stages import enter, locked_operation
from orders.operations.prolong import Prolongation
from orders.renewals import walking
from orders.renewals.rules import Ending, Step, due, due_notice
from orders.renewals.stopping import RenewalChange, change_renewal
from orders.renewals.walking import Walked, Way, walk

pytestmark = pytest.mark.usefixtures("noon")
TERMS = RenewalTerms()
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
TODAY = NOW.date()


def ending(left: int, owner: RenewalOwner = RenewalOwner.AUTOMATIC, months: int = 1, **more: Any) -> Ending:
    values: dict[str, Any] = {"at_end": AtEndOfTerm.RENEW, **more}
    return Ending(7, 1, 1, "vds", months, owner, ends_on=TODAY + timedelta(days=left), **values)


def steps(one: Ending) -> list[Step]:
    return list(due(one, NOW, TERMS))


@pytest.mark.parametrize(
    ("left", "months", "told", "notice"),
    [
        (31, 12, None, None),
        (30, 12, None, 30),
        (29, 12, 30, None),
        (20, 12, None, 30),  # after an absence
        (14, 12, 30, 14),
        (5, 12, 30, 7),  # that of 14 days is left out
        (0, 12, 3, 1),
        (0, 12, 1, None),
        (-1, 12, None, None),
        (29, 1, None, None),  # a month has no 30 days
        (1, DAY, None, None),
    ],
)
def test_each_notice_comes_once_and_only_if_the_term_is_longer(
    left: int, months: int, told: int | None, notice: int | None
) -> None:
    one = ending(left, RenewalOwner.STOREFRONT, months, noticed_days=told)
    assert due_notice(one, TODAY, TERMS) == notice
    assert steps(one) == ([] if notice is None else [Step.NOTICE])


@pytest.mark.parametrize(
    ("left", "more", "wanted"),
    [
        (7, {}, []),
        (6, {}, [Step.ANNOUNCE]),
        (5, {"announced_on": TODAY - timedelta(days=1)}, []),
        (3, {"announced_on": TODAY - timedelta(days=3)}, [Step.PROLONG]),
        (3, {}, [Step.ANNOUNCE]),  # its storefront has a day to stop it
        (3, {"announced_on": TODAY}, []),
        (1, {}, [Step.ANNOUNCE, Step.PROLONG]),
        (-5, {}, [Step.ANNOUNCE, Step.PROLONG]),
        (-31, {}, []),
        (2, {"operation": 1, "stage": Stage.SUBMITTING}, []),
        (1, {"operation": 1, "stage": Stage.SUBMITTING}, [Step.FAILED]),
        (1, {"operation": 1, "stage": Stage.COMPLETED}, []),
        (2, {"operation": 1, "stage": Stage.NEEDS_ATTENTION}, [Step.FAILED]),
        (2, {"operation": 1, "stage": Stage.CANCELLED}, [Step.FAILED]),
        (2, {"operation": 1, "stage": Stage.NEEDS_ATTENTION, "failed_on": TODAY}, []),
        (-1, {"operation": 1, "stage": Stage.NEEDS_ATTENTION, "failed_on": TODAY - timedelta(days=1)}, [Step.FAILED]),
        (-2, {"operation": 1, "stage": Stage.NEEDS_ATTENTION, "failed_on": TODAY - timedelta(days=1)}, []),
        (-2, {"announced_on": TODAY - timedelta(days=4), "failed_on": TODAY - timedelta(days=1)}, []),
    ],
)
def test_a_service_of_ours_is_announced_then_prolonged_and_failures_are_told_each_day(
    left: int, more: dict[str, Any], wanted: list[Step]
) -> None:
    assert steps(ending(left, **more)) == wanted


@pytest.mark.parametrize(
    ("left", "hours"), [(60, 24), (3, 24), (2, 12), (1, 4), (0, 1), (-1, None)], ids=lambda value: str(value)
)
def test_what_has_failed_is_tried_again_the_sooner_the_nearer_the_end(left: int, hours: int | None) -> None:
    def again(since: timedelta, stage: Stage = Stage.NEEDS_ATTENTION) -> bool:
        failed: dict[str, Any] = {"operation": 1, "stage": stage, "stage_since": NOW - since, "failed_on": TODAY}
        return Step.RETRY in steps(ending(left, **failed))

    pause = timedelta(hours=hours or 0)
    assert again(pause) is again(timedelta(days=9)) is again(pause - timedelta(minutes=5)) is (hours is not None)
    assert not again(pause - timedelta(minutes=30))
    assert not any(again(timedelta(days=9), stage) for stage in Stage if stage is not Stage.NEEDS_ATTENTION)


@pytest.mark.parametrize("owner", RenewalOwner)
@pytest.mark.parametrize("left", [30, 6, 1, 0, -1])
def test_what_is_stopped_or_has_no_next_term_is_left_alone(owner: RenewalOwner, left: int) -> None:
    assert steps(ending(left, owner, at_end=AtEndOfTerm.EXPIRE)) == []
    assert steps(ending(left, owner, TRIAL)) == []
    assert steps(ending(left, owner, FOR_EVER)) == []
    closes = [Step.CLOSE] if left < 0 else []
    assert steps(ending(left, owner, at_end=AtEndOfTerm.CLOSE)) == closes
    assert steps(ending(left, owner, at_end=AtEndOfTerm.CLOSE, closing=9)) == []


@pytest.mark.parametrize("left", range(-3, 31))
def test_the_upstream_renews_its_own(left: int) -> None:
    assert steps(ending(left, RenewalOwner.UPSTREAM)) == []


@pytest.mark.parametrize(
    ("terms", "lead"),
    [
        (RenewalTerms(), 3),
        (RenewalTerms(lead_of={"vds": 5, "domain": 9}), 5),
        (RenewalTerms(lead_of={"vds": 5}, lead_of_plan={1: 7, 2: 9}), 7),
        (RenewalTerms(lead_of_plan={1: 60}), 14),  # half of a term
        (RenewalTerms(lead_of_plan={2: 9}), 3),
    ],
)
def test_the_lead_time_is_that_of_the_plan_or_its_type_or_of_all(terms: RenewalTerms, lead: int) -> None:
    def prolongs(left: int) -> bool:
        return Step.PROLONG in due(ending(left, announced_on=TODAY - timedelta(days=1)), NOW, terms)

    assert terms.lead_days(1, "vds", 1) == lead
    assert (prolongs(lead + 1), prolongs(lead)) == (False, True)
    assert terms.horizon >= terms.longest_lead + terms.announcement


# The walk.


async def service(database: Database, left: int, owner: RenewalOwner = RenewalOwner.AUTOMATIC, **more: Any) -> int:
    """An active service whose term ends in so many days."""
    async with database.write() as session:
        count = len((await session.exec(select(Service.id))).all())
        row = Service(
            **{
                "customer": "c-1",
                "plan_id": 1,
                "product_type": "vds",
                "module_id": 1,
                "account_id": 1,
                "name": f"v{count}.example.test",
                "mark": f"rf-test-{count}",
                "period_months": 1,
                "upstream_number": str(900 + count),
                "status": ServiceStatus.ACTIVE,
                "expires_on": utc_now().date() + timedelta(days=left),
                **more,
            }
        )
        row.renewed_by = owner
        session.add(row)
        await session.flush()
        return row.id


async def messages(database: Database) -> list[tuple[str, int | None]]:
    async with database.read() as session:
        found = await session.exec(select(WebhookMessage).order_by(col(WebhookMessage.id)))
        return [(one.kind, one.service_id) for one in found.all() if one.kind.split(".")[1] in ("renewal", "service")]


async def prolongations(database: Database) -> list[Operation]:
    async with database.read() as session:
        query = select(Operation).where(Operation.kind == OperationKind.PROLONG).order_by(col(Operation.id))
        return list((await session.exec(query)).all())


async def walked(database: Database) -> int:
    found = await walk(database, Way(), TERMS)
    assert found.position is None
    return found.done


async def days_pass(database: Database, days: int) -> None:
    """All that is dated lies so many days further in the past."""
    async with database.write() as session:
        for one in (await session.exec(select(Service))).all():
            one.expires_on = one.expires_on - timedelta(days=days) if one.expires_on else None
            session.add(one)
        for term in (await session.exec(select(Term))).all():
            kept = term.model_dump() | {"ends_on": term.ends_on - timedelta(days=days)}
            for name in ("announced_on", "failed_on"):
                kept[name] = kept[name] and kept[name] - timedelta(days=days)
            await session.delete(term)
            await session.flush()
            session.add(Term(**kept))


async def test_a_plan_has_a_lead_time_of_its_own_in_the_catalogue(database: Database) -> None:
    number = await service(database, 50, period_months=12)
    assert await walked(database) == 0, "beyond what the settings say"
    async with database.write() as session:
        (await session.get_one(TariffPlan, 1)).renewal_lead_days = 50
    assert await walked(database) == 1
    assert await messages(database) == [(MessageType.RENEWAL_UPCOMING, number)]


async def test_a_service_is_announced_and_prolonged_once_whatever_is_done_again(database: Database) -> None:
    number = await service(database, 6)
    assert [await walked(database) for _ in range(2)] == [1, 0]
    assert await messages(database) == [(MessageType.RENEWAL_UPCOMING, number)]
    await days_pass(database, 3)
    assert [await walked(database) for _ in range(2)] == [1, 0]
    [operation] = await prolongations(database)
    assert operation.actor == OURSELVES
    ends_on = utc_now().date() + timedelta(days=3)
    assert Renewal.of(operation.parameters).expires_on == ends_on.isoformat()
    async with database.write() as session:  # it died after the operation was accepted
        (await session.get_one(Term, (number, ends_on))).operation_id = None
    assert await walked(database) == 1
    assert [one.id for one in await prolongations(database)] == [operation.id]
    with pytest.raises(Refused, match="asked for by resellflow"):
        await ask(database, number, Prolongation(period_months=1, expires_on=ends_on), client="shop", key="k")


async def test_what_the_shop_prolongs_is_not_prolonged_once_more(database: Database) -> None:
    number = await service(database, 1)
    ends_on = utc_now().date() + timedelta(days=1)
    await ask(database, number, Prolongation(period_months=1, expires_on=ends_on), client="shop", key="k")
    await walked(database)
    await walked(database)
    assert [one.actor for one in await prolongations(database)] == ["shop"]
    assert await messages(database) == [(MessageType.RENEWAL_UPCOMING, number)]


async def test_a_renewal_that_is_done_is_told_and_ends_its_incident(database: Database) -> None:
    number = await service(database, 1)
    await walked(database)
    [operation] = await prolongations(database)
    async with database.write() as session:
        await enter(session, await locked_operation(session, operation.id), Stage.NEEDS_ATTENTION, "no")
    assert [await walked(database) for _ in range(2)] == [1, 0]
    assert await incidents(database) == [("renewal_failed", True)]
    async with database.write() as session:
        [term] = (await session.exec(select(Term))).all()
        term.failed_on = utc_now().date() - timedelta(days=1)
    assert await walked(database) == 1
    async with database.write() as session:
        row = await session.get_one(Service, number)
        row.expires_on = utc_now().date() + timedelta(days=31)
        running = await locked_operation(session, operation.id)
        await enter(session, running, Stage.AWAITING_CONFIRMATION)
    async with database.write() as session:
        await complete(session, operation.id)
    assert await incidents(database, lasting=True) == []
    told = [kind for kind, _ in await messages(database)]
    assert told == [MessageType.RENEWAL_UPCOMING, *[MessageType.RENEWAL_FAILED] * 2, MessageType.RENEWAL_DONE]


async def incidents(database: Database, *, lasting: bool = False) -> list[tuple[str, bool]]:
    async with database.read() as session:
        query = select(Incident).where(Incident.kind == IncidentKind.RENEWAL_FAILED)
        query = query.where(col(Incident.closed_at).is_(None)) if lasting else query
        return [(one.kind.value, "URGENT" in one.message) for one in (await session.exec(query)).all()]


async def test_a_storefront_hears_of_the_end_of_a_term_and_stops_it(database: Database) -> None:
    number = await service(database, 7, RenewalOwner.STOREFRONT)
    await walked(database)
    assert await messages(database) == [(MessageType.SERVICE_EXPIRING, number)]
    assert await change_renewal(database, number, RenewalChange(renew=False), actor="shop")
    assert not await change_renewal(database, number, RenewalChange(renew=False), actor="shop")
    await days_pass(database, 4)
    assert await walked(database) == 0
    assert await change_renewal(database, number, RenewalChange(renew=True), actor="shop")
    assert await walked(database) == 1
    assert [kind for kind, _ in await messages(database)] == [
        MessageType.SERVICE_EXPIRING,
        MessageType.SERVICE_RENEWAL_CHANGED,
        MessageType.SERVICE_RENEWAL_CHANGED,
        MessageType.SERVICE_EXPIRING,
    ]


async def test_a_service_is_closed_at_its_end_and_not_prolonged_before(database: Database) -> None:
    number = await service(database, 0)
    await change_renewal(database, number, RenewalChange(at_end_of_term=AtEndOfTerm.CLOSE), actor="shop")
    with pytest.raises(Refused, match="to be closed"):
        await ask(database, number, Prolongation(period_months=1), client="shop", key="k")
    assert await walked(database) == 0
    await days_pass(database, 1)
    assert [await walked(database) for _ in range(2)] == [1, 0]
    async with database.read() as session:
        [operation] = (await session.exec(select(Operation))).all()
    assert (operation.kind, operation.actor) == (OperationKind.CLOSE, OURSELVES)


async def test_what_the_upstream_renews_is_stopped_only_with_another_owner(database: Database) -> None:
    number = await service(database, 7, RenewalOwner.UPSTREAM)
    with pytest.raises(Refused, match="another owner"):
        await change_renewal(database, number, RenewalChange(renew=False), actor="shop")


async def test_a_walk_goes_on_where_it_stopped_the_soonest_end_first(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "PAGE", 2)
    numbers = [await service(database, left) for left in (5, 1, 3, 3, 40)]
    first = await walk(database, Way(at_most=3), TERMS)
    assert first.done == 3
    second = await walk(database, Way(first.position, at_most=3), TERMS)
    assert second == Walked(1, None)
    told = [number for kind, number in await messages(database) if kind == MessageType.RENEWAL_UPCOMING]
    assert told == [numbers[1], numbers[2], numbers[3], numbers[0]]


async def second_account(database: Database) -> int:
    async with database.write() as session:
        account = (await session.get_one(UpstreamAccount, 1)).model_dump(exclude={"id", "name"})
        row = UpstreamAccount(name="second", **account)
        session.add(row)
        await session.flush()
        module = (await session.get_one(ProcessingModule, 1)).model_dump(exclude={"id", "name", "account_id"})
        session.add(ProcessingModule(name="second-vds", account_id=row.id, **module))
        return row.id


async def end_one(database: Database, stage: Stage, but: int) -> None:
    """One that is under way, of another service than this."""
    running = [one for one in await prolongations(database) if one.stage is Stage.ACCEPTED and one.service_id != but]
    async with database.write() as session:
        await enter(session, await locked_operation(session, running[0].id), stage, "it waits")


async def test_no_more_than_so_many_are_under_way_at_an_account(database: Database) -> None:
    """What is held back comes with later walks, the soonest end first; other accounts and messages do not wait."""
    ours = [await service(database, left) for left in (1, 1, 0, 1, -1)]
    other = await service(database, 1, account_id=await second_account(database))
    waiting = await service(database, 7, RenewalOwner.STOREFRONT)
    first = await walk(database, Way(at_once=2), TERMS)
    assert (first.done, first.held, first.position) == (7, 3, None)
    assert [one.service_id for one in await prolongations(database)] == [ours[4], ours[2], other]
    upcoming = [(MessageType.RENEWAL_UPCOMING, number) for number in (*ours, other)]
    assert {*await messages(database)} == {*upcoming, (MessageType.SERVICE_EXPIRING, waiting)}

    held = Way(at_once=2, held_only=True)
    assert await walk(database, held, TERMS) == Walked(0, None, held=1), "there is no room"
    await end_one(database, Stage.WAITING_FOR_FUNDS, other)
    assert await walk(database, held, TERMS) == Walked(1, None, held=3), "two that it has looked at, and the account"
    assert [one.service_id for one in await prolongations(database)][3:] == [ours[0]]
    for _ in range(2):
        await end_one(database, Stage.NEEDS_ATTENTION, other)
    await walk(database, held, TERMS)
    assert sorted(one.service_id for one in await prolongations(database)) == sorted([*ours, other])


async def test_a_walk_that_is_cut_anywhere_does_nothing_twice_and_forgets_nothing(database: Database) -> None:
    """As when the worker is killed: the next one begins the batch anew."""
    numbers = [await service(database, left) for left in (1, 0, 1, -2, 0, 1, 1, 0)]
    for count in (1, 3, 4, 6):
        running = asyncio.create_task(walk(database, Way(), TERMS))
        async with asyncio.timeout(30):
            while len(await prolongations(database)) < count:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.001)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    await walked(database)
    await walked(database)
    assert sorted(one.service_id for one in await prolongations(database)) == numbers
    upcoming = [number for kind, number in await messages(database) if kind == MessageType.RENEWAL_UPCOMING]
    assert sorted(number or 0 for number in upcoming) == numbers


async def test_three_days_without_a_walk_are_made_up_for(database: Database) -> None:
    numbers = [await service(database, left) for left in (8, 6, 4, 3, 2, 1)]
    await walked(database)
    before = len(await prolongations(database))
    await days_pass(database, 3)
    for _ in range(3):
        await walked(database)
    ends = {one.service_id: Renewal.of(one.parameters).expires_on for one in await prolongations(database)}
    assert (before, len(await prolongations(database))) == (1, len(ends))
    assert set(ends) == set(numbers[1:]), "the term of the first ends in five days"
    upcoming = [number for kind, number in await messages(database) if kind == MessageType.RENEWAL_UPCOMING]
    assert sorted(number or 0 for number in upcoming) == numbers


async def test_what_can_not_be_asked_for_is_reported_once_a_day(database: Database) -> None:
    await service(database, 1, period_months=5)  # a period that the catalogue has not
    assert [await walked(database) for _ in range(2)] == [1, 1]
    assert [kind for kind, _ in await messages(database)] == [MessageType.RENEWAL_UPCOMING, MessageType.RENEWAL_FAILED]
    assert await prolongations(database) == []


@pytest.mark.parametrize(
    ("state", "unpaid", "again"),
    [
        (None, None, True),
        (IntentState.NOT_SENT, None, True),
        (IntentState.REFUSED, None, True),
        (IntentState.NOT_DONE, None, True),
        (IntentState.UNKNOWN, None, False),
        (IntentState.ACCEPTED, None, False),
        (IntentState.ACCEPTED, UnpaidKind.CART_ROW, False),
    ],
)
async def test_only_what_has_certainly_charged_nothing_is_tried_again_by_a_machine(
    shelf: Database, state: IntentState | None, unpaid: UnpaidKind | None, again: bool
) -> None:
    await service(shelf, 1)
    await walked(shelf)
    [operation] = await prolongations(shelf)
    async with shelf.write() as session:
        row = await locked_operation(session, operation.id)
        await enter(session, row, Stage.NEEDS_ATTENTION, "no")
        row.stage_since = utc_now() - timedelta(days=1)
        if state is not None:
            tried = Intent(operation_id=row.id, account_id=1, attempt=1, mark="m", state=state, unpaid_kind=unpaid)
            session.add(tried)
    found = await walk(shelf, Way(), TERMS)
    assert found.again == ((operation.id,) if again else ())


@pytest.mark.parametrize("actor", [OURSELVES, "ann"])
async def test_a_machine_does_not_forget_what_the_upstream_wanted(shelf: Database, actor: str) -> None:
    await service(shelf, 1)
    await walked(shelf)
    [operation] = await prolongations(shelf)
    async with shelf.write() as session:
        row = await locked_operation(session, operation.id)
        await enter(session, row, Stage.NEEDS_ATTENTION, "no")
        row.price = {"refused_for": "50.00 EUR"}
    record = DecisionRecord(
        operation=operation.id, kind=DecisionKind.RETRY, decision=Decision(actor=actor, reason="r"), decision_id="d"
    )
    async with shelf.write() as session:
        await decide(session, record)
    async with shelf.read() as session:
        kept = (await session.get_one(Operation, operation.id)).price
    assert ("refused_for" in kept) is (actor == OURSELVES)


async def test_the_end_of_a_term_is_the_last_that_is_told(database: Database) -> None:
    await service(database, 1, period_months=5)  # a period that the catalogue has not
    for _ in range(4):
        await walked(database)
        await days_pass(database, 1)
    async with database.read() as session:
        told = (await session.exec(select(WebhookMessage).order_by(col(WebhookMessage.id)))).all()
    urgencies = [one.data["urgency"] for one in told if one.kind == MessageType.RENEWAL_FAILED]
    assert urgencies == ["urgent", "last_day", "ended"]
