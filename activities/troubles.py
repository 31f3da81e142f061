"""What steps of an order have in common when the upstream gives trouble: notes in the database, for people to see."""

from temporalio import activity

from activities.failures import database_in_words
from activities.job import Job
from models.database import Database
from models.enums import FailureClass, IntentState, Stage
from models.order import Intent
from orders import events, intents
from orders.stages import enter, locked_operation
from upstreams.errors import ConnectionUnhealthy, UpstreamError


class Troubles:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def show_retrying(self, job: Job, error: UpstreamError) -> None:
        """The order is tried again by itself; say why."""
        with database_in_words():
            async with self._database.write() as session:
                operation = await locked_operation(session, job.number)
                await enter(session, operation, Stage.RETRYING, error.message, failure=error.failure_class)

    async def note_health(self, job: Job, error: UpstreamError) -> None:
        """An unhealthy account is said once, and no order of it sends money calls until a read succeeds.

        A right that is missing for one function says nothing of the others: then only this order waits.
        """
        if isinstance(error, ConnectionUnhealthy) and error.error_type != "access":
            with database_in_words():
                if await events.record_health(self._database, job.account_id, error.message):
                    activity.logger.error("upstream %s is unhealthy: %s", job.account.name, error.message)

    async def mark_unknown(
        self,
        job: Job,
        intent: Intent,
        reason: str,
        *,
        failure: FailureClass = FailureClass.OUTCOME_UNKNOWN,
    ) -> None:
        """The call may have had its effect: nothing is sent until that is settled."""
        with database_in_words():
            async with self._database.write() as session:
                operation = await locked_operation(session, job.number)
                stored = await session.get_one(Intent, intent.id)
                failure = stored.failure_class or failure
                await intents.settle(session, stored, IntentState.UNKNOWN, message=reason, failure=failure)
                await enter(session, operation, Stage.OUTCOME_UNKNOWN, reason, failure=failure)
