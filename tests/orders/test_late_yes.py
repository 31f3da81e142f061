"""A yes that comes after the request was settled otherwise is always written down, and people are told."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func
from sqlmodel import select
from temporalio.testing import ActivityEnvironment

from activities.answers import TAKEN_OVER, AnswerWriter, run_to_end
from models.database import Database
from models.enums import IncidentKind, IntentState, ServiceStatus, Stage, UpstreamStatus
from models.events import UpstreamSnapshot
from models.incident import Incident
from models.messages import Submission, SubmitResult
from models.order import Intent, Operation, Service
from models.webhooks import WebhookMessage
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.lifecycle.stages import enter, locked_operation
from orders.money import funds
from orders.operations.base import Sent
from orders.operations.job import Job, load_job
from orders.services.history import origin_of
from orders.settlement import intents
from upstreams.errors import OutcomeUnknown, Rejected


class Sender:
    """A worker that has written down what it is about to send, and comes to know the answer late."""

    def __init__(self, database: Database, job: Job, intent: Intent) -> None:
        self.database = database
        self.job = job
        self.intent = intent
        self.answers = AnswerWriter(database)

    @classmethod
    async def about_to_send(cls, database: Database, key: str = "k") -> "Sender":
        request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
        order = await accept_order(database, request, client="t", key=key, hostname_suffix="s.internal")
        intent = await another_attempt(database, order.operation)
        return cls(database, await load_job(database, order.operation), intent)

    @property
    def operation(self) -> int:
        return self.job.number

    async def hears_yes(self, number: str | None = "17") -> object:
        return await ActivityEnvironment().run(self.answers.accepted, self.job, self.intent, Sent(number))

    async def settled_as(self, state: IntentState, stage: Stage) -> None:
        """By another worker, or by a person."""
        async with self.database.write() as session:
            operation = await locked_operation(session, self.operation)
            await intents.settle(session, await intents.current(session, self.intent), state)
            await enter(session, operation, stage, "meanwhile")

    async def stored(self) -> tuple[Operation, Service, Intent]:
        async with self.database.read() as session:
            operation = await session.get_one(Operation, self.operation)
            service = await session.get_one(Service, operation.service_id)
            return operation, service, await session.get_one(Intent, self.intent.id)

    async def incidents(self) -> list[Incident]:
        async with self.database.read() as session:
            return list((await session.exec(select(Incident))).all())


async def another_attempt(database: Database, operation: int) -> Intent:
    async with database.write() as session:
        row = await locked_operation(session, operation)
        service = await session.get_one(Service, row.service_id)
        last = await session.exec(select(func.max(UpstreamSnapshot.id)))
        before = {intents.SEEN_UP_TO: [str(last.one() or 0)]}
        intent = await intents.prepare(session, row, 1, service.mark, {}, before)
        await enter(session, row, Stage.SUBMITTING)
        return intent


@pytest.fixture
async def sender(database: Database) -> Sender:
    return await Sender.about_to_send(database)


async def test_an_answer_in_time_is_no_incident(sender: Sender) -> None:
    await sender.hears_yes()
    operation, service, intent = await sender.stored()
    assert (operation.stage, service.upstream_number) == (Stage.AWAITING_CONFIRMATION, "17")
    assert (intent.state, intent.late_yes) == (IntentState.ACCEPTED, None)
    assert await sender.incidents() == []


async def seen_there(database: Database, number: str = "17", **shows: Any) -> UpstreamSnapshot:
    async with database.write() as session:
        shown: dict[str, Any] = {"status": UpstreamStatus.ACTIVE} | shows
        snapshot = UpstreamSnapshot(account_id=1, product_type="vds", number=number, **shown)
        session.add(snapshot)
        await session.flush()
        return snapshot


async def test_an_item_that_somebody_else_had_before_is_not_what_was_ordered(database: Database) -> None:
    """The answer names it all the same (the number of another record, or a fault of the panel): it is not believed."""
    await seen_there(database, name="somebody.example.com")
    sender = await Sender.about_to_send(database)
    result = await sender.hears_yes("17")
    operation, service, intent = await sender.stored()
    assert isinstance(result, SubmitResult)
    assert result.outcome is Submission.ACCEPTED_UNNUMBERED
    assert (operation.stage, service.upstream_number) == (Stage.OUTCOME_UNKNOWN, None), "it is looked for by its mark"
    assert intent.state is IntentState.ACCEPTED, "so nothing is sent again"
    assert "item 17 was at the upstream before it was ordered" in operation.reason


@pytest.mark.parametrize(
    "shows",
    [
        {"mark": "ours"},
        {"name": "ours"},
        {"status": UpstreamStatus.ORDERED},
        {"status": UpstreamStatus.DELETED},
        {"gone": True},
    ],
)
async def test_an_item_of_the_order_that_was_there_before_is_believed(
    database: Database, shows: dict[str, object]
) -> None:
    """It shows mark or name, it is a row that had yet to be paid, or its number is used again."""
    snapshot = await seen_there(database)
    sender = await Sender.about_to_send(database)
    ours = {"mark": sender.job.service.mark, "name": sender.job.service.name}
    async with database.write() as session:
        stored = await session.get_one(UpstreamSnapshot, snapshot.id)
        for name, value in shows.items():
            setattr(stored, name, ours[name] if value == "ours" else value)
        session.add(stored)
    await sender.hears_yes("17")
    operation, service, _ = await sender.stored()
    assert (operation.stage, service.upstream_number) == (Stage.AWAITING_CONFIRMATION, "17")


async def test_an_item_that_came_after_the_request_is_believed(sender: Sender, database: Database) -> None:
    await seen_there(database, name="the panel has a name of its own")
    await sender.hears_yes("17")
    operation, service, _ = await sender.stored()
    assert (operation.stage, service.upstream_number) == (Stage.AWAITING_CONFIRMATION, "17")


@pytest.mark.parametrize("state", [IntentState.NOT_DONE, IntentState.ABANDONED])
@pytest.mark.parametrize("stage", [Stage.CHECKING_BALANCE, Stage.WAITING_FOR_FUNDS, Stage.RETRYING])
async def test_where_nothing_was_sent_since_the_order_goes_on_with_it_and_people_are_told(
    sender: Sender, state: IntentState, stage: Stage
) -> None:
    await sender.settled_as(state, stage)
    await sender.hears_yes()
    operation, service, intent = await sender.stored()
    assert intent.state is IntentState.ACCEPTED, "so nothing is sent again"
    assert (operation.stage, service.upstream_number) == (Stage.AWAITING_CONFIRMATION, "17"), "so the poller watches it"
    assert intent.late_yes == f"yes, with item 17, after it had counted as {state.value}"
    [incident] = await sender.incidents()
    assert incident.kind is IncidentKind.LATE_YES
    assert (incident.service_id, incident.operation_id) == (service.id, operation.id)
    assert "goes on with it" in incident.message


async def test_an_order_that_waits_for_a_person_goes_on_waiting_and_a_retry_sends_nothing(sender: Sender) -> None:
    await sender.settled_as(IntentState.NOT_DONE, Stage.NEEDS_ATTENTION)
    await sender.hears_yes()
    operation, service, intent = await sender.stored()
    assert (operation.stage, intent.state) == (Stage.NEEDS_ATTENTION, IntentState.ACCEPTED)
    assert "item 17; look-now goes on from there" in operation.reason
    assert service.upstream_number == "17"


async def test_a_second_attempt_that_was_accepted_stays_and_the_incident_says_that_two_were_bought(
    sender: Sender, database: Database
) -> None:
    await sender.settled_as(IntentState.NOT_DONE, Stage.CHECKING_BALANCE)
    second = await another_attempt(database, sender.operation)
    other = Sender(database, await load_job(database, sender.operation), second)
    await other.hears_yes("18")
    await sender.hears_yes("17")
    operation, service, intent = await sender.stored()
    assert (operation.stage, service.upstream_number) == (Stage.AWAITING_CONFIRMATION, "18")
    assert (intent.state, intent.late_yes) == (
        IntentState.NOT_DONE,
        "yes, with item 17, after it had counted as not_done",
    )
    [incident] = await sender.incidents()
    assert "a second item was probably bought" in incident.message
    assert incident.detail["item"] == "17"


async def test_a_yes_to_a_cancelled_order_is_told_and_wakes_nothing(sender: Sender) -> None:
    await sender.settled_as(IntentState.ABANDONED, Stage.CANCELLED)
    await sender.hears_yes()
    operation, service, intent = await sender.stored()
    assert (operation.stage, service.upstream_number) == (Stage.CANCELLED, None)
    assert intent.late_yes
    [incident] = await sender.incidents()
    assert "the operation is cancelled" in incident.message


async def test_a_yes_to_what_was_found_and_completed_meanwhile_is_no_news(sender: Sender) -> None:
    async with sender.database.write() as session:
        operation = await locked_operation(session, sender.operation)
        service = await session.get_one(Service, operation.service_id)
        await intents.accept(
            session, await intents.current(session, sender.intent), service, "17", origin_of(operation)
        )
        await enter(session, operation, Stage.COMPLETED)
    for number in ("17", None):
        await sender.hears_yes(number)
    assert await sender.incidents() == []


async def test_a_yes_that_names_the_item_a_person_marked_done_says_that_nothing_is_there_twice(sender: Sender) -> None:
    await sender.settled_as(IntentState.ABANDONED, Stage.COMPLETED)
    async with sender.database.write() as session:
        operation = await session.get_one(Operation, sender.operation)
        await intents.link(session, await session.get_one(Service, operation.service_id), "17", origin_of(operation))
    await sender.hears_yes("17")
    [incident] = await sender.incidents()
    assert "nothing is there twice" in incident.message


async def test_another_number_than_the_one_that_was_adopted_meanwhile_is_told(sender: Sender) -> None:
    async with sender.database.write() as session:
        operation = await locked_operation(session, sender.operation)
        service = await session.get_one(Service, operation.service_id)
        await intents.accept(
            session, await intents.current(session, sender.intent), service, "16", origin_of(operation)
        )
    await sender.hears_yes("17")
    _, service, _ = await sender.stored()
    assert service.upstream_number == "16"
    assert len(await sender.incidents()) == 1


async def test_a_number_that_another_service_holds_is_not_believed_and_the_yes_is_kept_all_the_same(
    sender: Sender, database: Database
) -> None:
    other = await Sender.about_to_send(database, "other")
    await other.hears_yes("17")
    await sender.settled_as(IntentState.NOT_DONE, Stage.CHECKING_BALANCE)
    await sender.hears_yes("17")
    operation, service, intent = await sender.stored()
    assert (intent.state, service.upstream_number) == (IntentState.ACCEPTED, None)
    assert operation.stage is Stage.OUTCOME_UNKNOWN
    assert intent.late_yes
    assert len(await sender.incidents()) == 1


async def test_a_yes_heard_twice_is_one_incident_and_one_message_to_the_webhooks(sender: Sender) -> None:
    await sender.settled_as(IntentState.ABANDONED, Stage.CANCELLED)
    await sender.hears_yes()
    await sender.hears_yes()
    assert len(await sender.incidents()) == 1
    async with sender.database.read() as session:
        told = (await session.exec(select(WebhookMessage))).all()
    assert [one.data["kind"] for one in told if one.kind == "resellflow.incident.raised.v1"] == ["late_yes"]


async def test_a_lost_answer_or_a_no_that_comes_late_leaves_the_stage_to_whoever_took_over(sender: Sender) -> None:
    await sender.settled_as(IntentState.UNKNOWN, Stage.NEEDS_ATTENTION)
    run = ActivityEnvironment().run
    lost = OutcomeUnknown("no answer in time")
    assert not await run(sender.answers.lost, sender.intent, lost, lost.failure_class)
    assert (await sender.stored())[0].stage is Stage.NEEDS_ATTENTION
    assert not await run(sender.answers.refused, sender.intent, Rejected("no"))
    operation, _, intent = await sender.stored()
    assert (operation.stage, intent.state) == (Stage.NEEDS_ATTENTION, IntentState.REFUSED), "a no is a no"


async def test_the_answer_is_written_down_although_the_activity_was_cancelled(sender: Sender) -> None:
    heard, answered = asyncio.Event(), asyncio.Event()

    async def send() -> object:
        heard.set()
        await answered.wait()
        return await sender.hears_yes()

    activity = asyncio.create_task(run_to_end(send()))
    await heard.wait()
    activity.cancel()
    activity.cancel()
    await asyncio.sleep(0)
    assert not activity.done()
    answered.set()
    assert await activity is not TAKEN_OVER
    assert (await sender.stored())[2].state is IntentState.ACCEPTED


async def test_the_answer_waits_for_a_database_that_is_away_for_a_moment(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, write = [ConnectionError("gone"), ConnectionError("gone")], sender.database.write

    def sometimes_away() -> object:
        if away:
            raise away.pop()
        return write()

    monkeypatch.setattr(sender.database, "write", sometimes_away)
    await sender.hears_yes()
    assert (away, (await sender.stored())[2].state) == ([], IntentState.ACCEPTED)


async def test_a_charge_that_came_late_is_taken_off_the_money_set_aside(sender: Sender) -> None:
    async with sender.database.write() as session:
        await funds.request(session, 1, sender.operation, sender.job.period.cost)
    await sender.settled_as(IntentState.NOT_DONE, Stage.WAITING_FOR_FUNDS)
    await sender.hears_yes()
    async with sender.database.read() as session:
        row = await funds.reservation_of(session, sender.operation)
        assert row is not None
        assert row.release_number is not None, "counted as charged"
    assert (await sender.stored())[1].status is ServiceStatus.PROCESSING
