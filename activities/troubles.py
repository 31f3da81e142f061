"""What steps of an order have in common when the upstream gives trouble: notes in the database, for people to see."""

from asyncio import CancelledError
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.failures import RetryLater, database_in_words
from activities.heartbeat import heartbeating
from models.columns import utc_now
from models.database import Database
from models.enums import FailureClass, IntentState, Stage
from models.order import Intent
from models.outages import Outage
from orders import events
from orders.accounts import pausing
from orders.errors import NotFound
from orders.lifecycle.attempts import pause_after_put_off
from orders.lifecycle.stages import enter, locked_operation, note_next_try, note_that_it_waits
from orders.operations.job import Job
from orders.restoration import numbers
from orders.settlement import intents
from upstreams.errors import ConnectionUnhealthy, LeftAlone, NotYet, Paused, Scope, UpstreamError

SAID_FROM_ATTEMPT = 3
_THE_SAME = timedelta(seconds=1)
"""Two times that differ by less are one: each process reckons it from its own clock."""


def while_unhealthy(job: Job) -> LeftAlone | None:
    """The poller alone asks an unhealthy account, and notices when it is well: not every order that waits for it."""
    if not job.account.unhealthy_reason:
        return None
    return LeftAlone(f"nothing is asked or sent while the account is unhealthy. {job.account.unhealthy_reason}")


def kept_back(job: Job) -> LeftAlone | None:
    """Why nothing is sent just now, by what the database says of the account; None: it may be sent."""
    return while_unhealthy(job) or pausing.while_paused(job.account, job.about)


def check_healthy(job: Job) -> None:
    """Raises LeftAlone while the account is unhealthy."""
    if (unhealthy := while_unhealthy(job)) is not None:
        raise unhealthy


class FailureNotes:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def show_retrying(self, job: Job, error: UpstreamError) -> None:
        """The order is tried again automatically, at once this time. Report why."""
        with database_in_words():
            async with self._database.write() as session:
                operation = await locked_operation(session, job.number)
                await enter(session, operation, Stage.RETRYING, error.message, failure=error.failure_class)
                await note_next_try(session, job.number, utc_now())

    async def put_off(self, job: Job, error: NotYet) -> datetime:
        """The upstream does not do it before a time. Returns when it is tried again: then, and later each time should
        that time be over here and not there."""
        with database_in_words():
            async with self._database.write() as session:
                operation = await locked_operation(session, job.number)
                await enter(session, operation, Stage.RETRYING, error.message, failure=error.failure_class)
                times, pause = await pause_after_put_off(session, job.number)
                operation.tries, operation.next_try_at = times, max(error.not_before, utc_now() + pause)
                session.add(operation)
                return operation.next_try_at

    async def note_health(self, job: Job, error: UpstreamError) -> None:
        """An unhealthy account is said once, and no order of it sends money calls until a read succeeds.

        A right that is missing for one function says nothing of the others: then only this order waits.
        """
        await self.note_rest(job, error)
        if isinstance(error, Paused):
            await self._show_pause(job, error)
        if isinstance(error, ConnectionUnhealthy) and error.scope is Scope.ACCOUNT:
            with database_in_words():
                if await events.record_health(self._database, job.account_id, error.message):
                    activity.logger.error("upstream %s is unhealthy: %s", job.account.name, error.message)

    async def _show_pause(self, job: Job, error: Paused) -> None:
        """Where the stage does not say that it waits: what a request left can't be removed."""
        with database_in_words():
            async with self._database.write() as session:
                operation = await locked_operation(session, job.number)
                if operation.stage is Stage.OUTCOME_UNKNOWN and operation.reason != error.message:
                    failure = operation.failure_class
                    await enter(session, operation, Stage.OUTCOME_UNKNOWN, error.message, failure=failure)

    async def note_rest(self, job: Job, error: UpstreamError) -> None:
        """The upstream has asked to be left alone: other processes are to know it, too."""
        if error.next_try is None or (isinstance(error, LeftAlone) and not error.asked_for):
            return
        known = job.account.rests_until
        if known is not None and known >= error.next_try - _THE_SAME:
            return
        with database_in_words():
            await events.record_rest(self._database, job.account_id, error.next_try, error.message)
        activity.logger.warning("upstream %s is left alone until %s: %s", job.account.name, error.next_try, error)

    async def mark_unknown(
        self,
        job: Job,
        intent: Intent,
        reason: str,
        *,
        failure: FailureClass = FailureClass.OUTCOME_UNKNOWN,
        unknown_since: datetime | None = None,
        reopen: bool = False,
    ) -> None:
        """The call may have had its effect: nothing is sent until that is settled."""
        with database_in_words():
            async with self._database.write() as session:
                operation = await locked_operation(session, job.number)
                stored = await intents.current(session, intent)
                failure = stored.failure_class or failure
                news = await intents.settle(
                    session,
                    stored,
                    IntentState.UNKNOWN,
                    message=reason,
                    failure=failure,
                    unknown_since=unknown_since,
                    reopen=reopen,
                )
                if news:
                    await enter(session, operation, Stage.OUTCOME_UNKNOWN, reason, failure=failure)

    async def _note_next_try(self, operation_number: int, delay: timedelta, again: ApplicationError) -> None:
        """People read this, and whoever wakes orders. If the write fails, the order is tried again nevertheless."""
        at = utc_now() + delay
        try:
            async with self._database.write() as session:
                if isinstance(again, RetryLater):
                    await note_that_it_waits(session, operation_number, at, again.failure_class, again.reason)
                else:
                    await note_next_try(session, operation_number, at)
        except Exception as error:  # of whatever kind: what the attempt failed with is what Temporal is to hear
            activity.logger.info("operation %s: its next try is not noted: %s", operation_number, error)

    async def _is_lost(self, operation_number: int) -> bool:
        """The operation was accepted once, and the database has still to give its number: it is an older database."""
        known = {"operation": operation_number}
        return bool(await numbers.hold_if_lost(self._database, known, "a workflow works for"))

    @asynccontextmanager
    async def at_work(self, operation_number: int) -> AsyncIterator[None]:
        """Heartbeats; and a failure that nobody foresaw and that comes again is said where people look."""
        try:
            async with heartbeating():
                yield
        except ApplicationError as again:
            if again.next_retry_delay is not None:
                await self._note_next_try(operation_number, again.next_retry_delay, again)
            raise
        except CancelledError:
            raise
        except Exception as error:
            if isinstance(error, NotFound) and await self._is_lost(operation_number):
                raise ApplicationError(Outage.HELD.words, type="DatabaseUnavailable") from error
            reason = f"unexpected {type(error).__name__}: {str(error)[:300]}"
            activity.logger.exception("operation %s: %s", operation_number, reason)
            if activity.info().attempt >= SAID_FROM_ATTEMPT:
                async with self._database.write() as session:
                    operation = await locked_operation(session, operation_number)
                    await enter(session, operation, Stage.RETRYING, reason)
            raise ApplicationError(f"{reason}; it is tried again automatically", type="Unexpected") from error
