"""What the upstream answered is written down, whatever becomes of the activity meanwhile.

An answer is known to one process alone until it is in the database. So from the sending on nothing of it is cut off by
a cancellation or by a stopping worker, and a database that is away for a moment is waited for.

A worker that was held up may find that another attempt has taken the order over. What it knows is still written down;
where the order goes from there is the other's business.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from sqlalchemy.exc import IntegrityError, NoResultFound
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity

from activities.failures import database_in_words
from models.database import Database
from models.enums import FailureClass, IntentState, Knowledge, OperationKind, Stage
from models.messages import Submission, SubmitResult
from models.order import Intent, Operation, Service
from models.outages import Held, described, outage_of
from orders.errors import NotFound, Refused
from orders.lifecycle import fast_path
from orders.lifecycle.stages import enter, locked_operation
from orders.money import funds
from orders.operations.base import Sent
from orders.operations.job import Job
from orders.restoration import numbers
from orders.services.history import origin_of
from orders.settlement import intents
from orders.settlement.late import is_late, record_late_acceptance
from upstreams.errors import UpstreamError

T = TypeVar("T")

KEPT_FOR_SECONDS = 60.0
"""How long an answer waits for a database that is away."""
_LONGEST_PAUSE = 5.0

TAKEN_OVER = SubmitResult(
    outcome=Submission.UNKNOWN, reason="this worker was held up, and another one has taken the order over"
)
"""Nobody hears it: Temporal has given the attempt up."""


async def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """What `work` comes to, also if the caller is cancelled meanwhile: that the answer is known outweighs it."""
    task = asyncio.ensure_future(work)
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.done():
                raise
            caller = asyncio.current_task()
            if caller is not None:
                caller.uncancel()


class AnswerWriter:
    """Writes answers down. `False` and `TAKEN_OVER`: another attempt has taken the order over."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def not_sent(self, intent: Intent, error: UpstreamError) -> bool:
        async def write(session: AsyncSession, operation: Operation, stored: Intent) -> None:
            await intents.settle(
                session, stored, IntentState.NOT_SENT, message=error.message, failure=error.failure_class
            )

        return await self._written(intent, write)

    async def refused(self, intent: Intent, error: UpstreamError) -> bool:
        async def write(session: AsyncSession, operation: Operation, stored: Intent) -> None:
            await intents.refuse(session, stored, message=error.message, failure=error.failure_class)

        return await self._written(intent, write)

    async def lost(self, intent: Intent, error: UpstreamError, failure: FailureClass) -> bool:
        """It may have had its effect: nothing is sent until that is settled."""

        async def write(session: AsyncSession, operation: Operation, stored: Intent) -> None:
            alone = stored.state is IntentState.PREPARED
            known = stored.failure_class or failure
            await intents.settle(session, stored, IntentState.UNKNOWN, message=error.message, failure=known)
            if alone:
                await enter(session, operation, Stage.OUTCOME_UNKNOWN, error.message, failure=known)

        return await self._written(intent, write)

    async def is_ours(self, intent: Intent) -> bool:
        """Whether nobody has taken the order over until now."""

        async def look(session: AsyncSession, operation: Operation, stored: Intent) -> None:
            return

        return await self._written(intent, look)

    async def accepted(self, job: Job, intent: Intent, sent: Sent) -> SubmitResult:
        """The upstream said yes. `job` and `intent` as they were when the request left."""
        if sent.unpaid is None and sent.number and await self._on_fast_path(job, intent, sent.number):
            return SubmitResult(outcome=Submission.ACCEPTED, upstream_number=sent.number)
        return await self._accepted_step_by_step(job, intent, sent)

    async def _on_fast_path(self, job: Job, intent: Intent, number: str) -> bool:
        """The answer to the first and only request of an operation, while nothing else has happened to it.

        False: it is not so, and nothing is written.
        """

        async def once() -> bool:
            try:
                async with self._database.write() as session:
                    await fast_path.record_acceptance(
                        session, job.operation, intent, job.service, number, is_set_aside=job.capabilities.balance
                    )
            except (fast_path.NotOnFastPath, IntegrityError):
                return False
            return True

        with database_in_words():
            return await _while_database_is_away(once, intent)

    async def _accepted_step_by_step(self, job: Job, intent: Intent, sent: Sent) -> SubmitResult:
        result = TAKEN_OVER

        async def write(session: AsyncSession, operation: Operation, stored: Intent) -> None:
            nonlocal result
            service = await session.get_one(Service, operation.service_id, populate_existing=True)
            if is_late(operation, stored, sent.number):
                late = await record_late_acceptance(session, operation, stored, service, sent.number)
                if operation.stage.is_final:
                    result = SubmitResult(outcome=Submission.ENDED, stage=operation.stage)
                elif not late.adopted:
                    result = SubmitResult(outcome=Submission.ATTENTION, failure=FailureClass.EXISTS, reason=late.words)
                return
            if sent.unpaid is not None:
                await intents.accept_unpaid(session, stored, sent.unpaid.kind, sent.unpaid.number)
                await enter(session, operation, Stage.SUBMITTING, stored.message)
                result = SubmitResult(outcome=Submission.UNPAID, reason=stored.message)
                return
            result = await _record_acceptance(session, job, operation, stored, service, sent.number)

        await self._written(intent, write)
        return result

    async def _written(
        self, intent: Intent, write: Callable[[AsyncSession, Operation, Intent], Awaitable[None]]
    ) -> bool:
        """In one transaction, tried again while the database is away. Whether the intent was still as we wrote it."""

        async def once() -> bool:
            async with self._database.write() as session:
                operation = await locked_operation(session, intent.operation_id)
                stored = await intents.current(session, intent)
                ours = stored.state is IntentState.PREPARED
                await write(session, operation, stored)
                return ours

        with database_in_words():
            try:
                return await _while_database_is_away(once, intent)
            except (NoResultFound, NotFound) as missing:
                # It was committed before the request left, so the database is an older one.
                await numbers.hold_if_lost(self._database, {"intent": intent.id}, "a worker has sent")
                raise Held(f"intent {intent.id} is not in the database any more") from missing


async def _while_database_is_away(write: Callable[[], Awaitable[T]], intent: Intent) -> T:
    """Repeating is harmless: what is written already changes nothing."""
    until, pause = time.monotonic() + KEPT_FOR_SECONDS, 0.2
    while True:
        try:
            return await write()
        except Exception as error:  # of whatever kind: the answer is known to this process alone, so it is logged
            if not outage_of(error) or time.monotonic() + pause > until:
                activity.logger.error(
                    "the answer to request %s could not be written down: %s", intent.id, described(error)
                )
                raise
            activity.logger.warning("the answer to request %s waits for the database: %s", intent.id, described(error))
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


async def _record_acceptance(
    session: AsyncSession, job: Job, operation: Operation, stored: Intent, service: Service, number: str | None
) -> SubmitResult:
    if stored.state is IntentState.ACCEPTED and (stored.upstream_number or not number):
        return TAKEN_OVER  # found meanwhile by its mark, and written down
    misfit = ""
    try:
        await intents.accept(session, stored, service, number, origin_of(operation))
    except Refused as refusal:
        misfit = str(refusal)
    if operation.kind is OperationKind.OPEN:
        account = await funds.locked_account(session, job.account_id)
        account.orders_return_number = Knowledge.YES if number else Knowledge.NO
        session.add(account)
    if misfit:
        # The answer named an item that another service holds: never to be believed.
        reason = f"the upstream's answer does not fit: {misfit}"
        await enter(session, operation, Stage.OUTCOME_UNKNOWN, reason)
        return SubmitResult(outcome=Submission.ACCEPTED_UNNUMBERED, reason=reason)
    if operation.stage is Stage.NEEDS_ATTENTION:
        reason = (
            f"the upstream accepted it after all: item {number or '(number not named)'}; look-now goes on from there"
        )
        await enter(session, operation, Stage.NEEDS_ATTENTION, reason)
        return TAKEN_OVER
    if number:
        await enter(session, operation, Stage.AWAITING_CONFIRMATION, f"item {number}")
        return SubmitResult(outcome=Submission.ACCEPTED, upstream_number=number)
    await enter(session, operation, Stage.OUTCOME_UNKNOWN, "accepted without a number; looking for the item")
    return SubmitResult(outcome=Submission.ACCEPTED_UNNUMBERED, reason="accepted without a number")
