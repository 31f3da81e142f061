"""What a workflow decided, written to the database: local activities, but for the decisions of people."""

from temporalio import activity

from activities.failures import database_in_words
from models.database import Database
from models.enums import Stage
from models.messages import (
    DecisionOutcome,
    DecisionRecord,
    ManualTask,
    ManualWork,
    OrderCompletion,
    OrderEnding,
    OrderRef,
    StageReport,
)
from orders.access import private
from orders.decisions import deciding, pending
from orders.errors import InvalidField, Refused
from orders.lifecycle import calling_off, completion
from orders.lifecycle.stages import enter, locked_operation
from orders.tasks import manual


class RecordActivities:
    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def report_stage(self, report: StageReport) -> None:
        """A stage that the workflow entered by its own decision."""
        with database_in_words():
            async with self._database.write() as session:
                operation = await locked_operation(session, report.operation)
                reason = await private.whole(session, report.operation, report.reason)
                await enter(session, operation, report.stage, reason, failure=report.failure)
                if report.stage is Stage.NEEDS_ATTENTION:
                    await completion.free_unused_funds(session, report.operation)
                    await calling_off.say_that_a_person_is_needed(session, operation)
        if report.stage is Stage.NEEDS_ATTENTION:
            activity.logger.error("operation %s needs attention: %s", report.operation, report.reason)

    @activity.defn
    async def record_decision(self, record: DecisionRecord) -> DecisionOutcome:
        """Write a person's decision down, unless it can't be so; nothing is changed then."""
        record = pending.sent_by_hand(record)
        with database_in_words():
            try:
                async with self._database.write() as session:
                    await deciding.decide(session, record)
                    called_off = await deciding.is_called_off(session, record)
            except Refused as refusal:
                outcome = DecisionOutcome(refused=str(refusal))
            except InvalidField as mistake:
                outcome = DecisionOutcome(
                    refused=mistake.message, refusal_type=InvalidField.__name__, field=mistake.field
                )
            else:
                return DecisionOutcome(called_off=called_off)
            async with self._database.write() as session:
                await pending.forget_refused(session, record)
        return outcome

    @activity.defn
    async def open_manual_task(self, work: ManualWork) -> ManualTask:
        """Hand the operation to a person: the task becomes manual, the service goes to the manual module."""
        with database_in_words():
            async with self._database.write() as session:
                return await manual.open_task(session, work.operation, work.reason)

    @activity.defn
    async def report_overdue(self, ref: OrderRef) -> None:
        """A manual task is past its due time: an alert, once."""
        with database_in_words():
            async with self._database.write() as session:
                news = await manual.note_overdue(session, ref.operation)
        if news:
            activity.logger.error("operation %s: its manual task is overdue", ref.operation)

    @activity.defn
    async def complete_operation(self, order: OrderCompletion) -> OrderEnding:
        """Bring service, operation and task to their final state; the next operation of the service may start."""
        with database_in_words():
            async with self._database.write() as session:
                try:
                    await completion.complete(session, order.operation, order.by, event=_sighting_of(order))
                except completion.NotSeen as forged:
                    activity.logger.warning("operation %s is not completed: %s", order.operation, forged)
                    return OrderEnding(confirmed=False)
        return OrderEnding()


def _sighting_of(order: OrderCompletion) -> completion.Sighting | None:
    if not order.event or order.status is None:
        return None
    return completion.Sighting(order.event, order.status.value)
