"""A decision is believed if API or command line wrote it down for this operation; by hand it is `temporal`'s."""

from datetime import timedelta

import pytest
from sqlmodel import select
from temporalio.testing import ActivityEnvironment

from activities.records import RecordActivities
from models.audit import AuditEntry
from models.columns import utc_now
from models.database import Database
from models.decision import PendingDecision
from models.enums import Role, Stage
from models.messages import Decision, DecisionKind, DecisionOutcome, DecisionRecord, TaskCompletion, Written
from models.order import Operation
from orders.access.roles import OPERATOR, Requester
from orders.decisions import pending
from orders.retention import Keep, prune
from tests.orders.test_decisions import needing_attention

OLGA = Decision(actor="olga", reason="the customer wrote", parameters={"domain": "new.example"})
AGES = Keep(**dict.fromkeys(("events", "hints", "stages", "snapshots", "webhooks", "messages"), timedelta(days=1)))


async def told(database: Database, operation: int, decision: Written | Decision, kind: DecisionKind) -> DecisionOutcome:
    """As the workflow asks."""
    named = decision.word if isinstance(decision, Written) else "update-1"
    record = DecisionRecord(operation=operation, kind=kind, decision=decision, decision_id=named)
    return await ActivityEnvironment().run(RecordActivities(database).record_decision, record)


async def written(
    database: Database, operation: int, kind: DecisionKind, said: Decision = OLGA, requester: Requester = OPERATOR
) -> Written:
    async with database.write() as session:
        return await pending.write_down(session, operation, kind.value, said, requester)


async def audited(database: Database, *actions: str) -> list[tuple[str, str, str]]:
    async with database.read() as session:
        entries = (await session.exec(select(AuditEntry))).all()
    return [(one.actor, one.action, one.detail.get("reason", "")) for one in entries if one.action in actions]


async def left(database: Database) -> int:
    async with database.read() as session:
        return len((await session.exec(select(PendingDecision))).all())


async def test_what_is_written_down_is_acted_upon_once(database: Database) -> None:
    order = await needing_attention(database, None)
    word = await written(database, order.operation, DecisionKind.RETRY)

    for _ in range(2):  # the answer of the first time was lost
        assert await told(database, order.operation, word, DecisionKind.RETRY) == DecisionOutcome()

    assert await audited(database, "retry") == [("olga", "retry", "the customer wrote")]
    assert await left(database) == 0


@pytest.mark.parametrize("asked_for", [DecisionKind.RETRY, DecisionKind.CANCEL])
async def test_a_word_that_names_nothing_of_this_operation_is_refused(
    database: Database, asked_for: DecisionKind
) -> None:
    order = await needing_attention(database, None)
    cancelling = await written(database, order.operation, DecisionKind.CANCEL)
    wrong = Written(word="0" * 32) if asked_for is DecisionKind.CANCEL else cancelling

    outcome = await told(database, order.operation, wrong, asked_for)

    assert "no such decision is written" in outcome.refused
    assert await audited(database, asked_for.value) == []
    assert await left(database) == 1


async def test_whoever_sends_by_hand_is_temporal_whatever_name_they_give(database: Database) -> None:
    order = await needing_attention(database, None)

    assert await told(database, order.operation, OLGA, DecisionKind.RETRY) == DecisionOutcome()

    assert await audited(database, "retry") == [("temporal", "retry", "(signed 'olga') the customer wrote")]


async def test_the_role_of_whoever_wrote_it_is_judged_when_it_is_acted_upon(database: Database) -> None:
    order = await needing_attention(database, None)
    vouching = OLGA.model_copy(update={"nothing_was_bought": True})
    word = await written(database, order.operation, DecisionKind.RETRY, vouching, Requester(Role.OPERATOR, "olga"))

    outcome = await told(database, order.operation, word, DecisionKind.RETRY)

    assert "to vouch that nothing was bought needs the role" in outcome.refused
    assert await audited(database, "retry") == []
    assert await left(database) == 0


async def test_a_refused_decision_can_not_be_sent_again_by_whoever_reads_the_history(database: Database) -> None:
    order = await needing_attention(database, None)
    async with database.write() as session:
        operation = await session.get_one(Operation, order.operation)
        stage, operation.stage = operation.stage, Stage.SUBMITTING
    word = await written(database, order.operation, DecisionKind.RETRY)
    assert (await told(database, order.operation, word, DecisionKind.RETRY)).refused
    async with database.write() as session:
        (await session.get_one(Operation, order.operation)).stage = stage

    outcome = await told(database, order.operation, word, DecisionKind.RETRY)

    assert "no such decision is written" in outcome.refused
    assert await audited(database, "retry") == []


async def test_the_word_of_who_did_the_work_is_believed_and_a_name_by_hand_is_not(database: Database) -> None:
    order = await needing_attention(database, None)
    done = TaskCompletion(actor="otto", note="done as told")
    async with database.write() as session:
        word = await pending.write_down(session, order.operation, pending.COMPLETE_TASK, done, OPERATOR)

    async with database.read() as session:
        assert await pending.completion_of(session, order.operation, word) == done
        by_hand = await pending.completion_of(session, order.operation, done)
        forged = await pending.completion_of(session, order.operation, Written(word="x"))
        assert await pending.completion_of(session, order.operation, None) is None

    assert by_hand == TaskCompletion(actor="temporal", note="(signed 'otto') done as told")
    assert forged == TaskCompletion(actor="temporal")


async def test_what_nobody_acted_upon_goes_by_age(shelf: Database) -> None:
    order = await needing_attention(shelf, None)
    for age in (timedelta(hours=1), timedelta(hours=25)):
        word = await written(shelf, order.operation, DecisionKind.RETRY)
        async with shelf.write() as session:
            [row] = (await session.exec(select(PendingDecision).where(PendingDecision.word == word.word))).all()
            row.at = utc_now() - age
            session.add(row)

    assert (await prune(shelf, AGES))["decisions"] == 1
    assert await left(shelf) == 1
