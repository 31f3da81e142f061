"""After a definite no: some upstreams say no and do it all the same, or leave an unpaid row of the order.

The order's stage and its money are dealt with by then; what is found here is settled like a lost answer.
"""

from temporalio import activity

from activities.failures import database_in_words
from activities.troubles import FailureNotes
from models.database import Database
from models.enums import FailureClass, OperationKind
from models.messages import Submission, SubmitResult
from models.untrusted_text import shortened
from orders.carts import leftovers
from orders.carts.rows import left_in_cart
from orders.lifecycle.stages import locked_operation
from orders.operations.job import Job, load_job
from orders.operations.registry import operation_type
from orders.settlement import intents
from orders.settlement.lookup import AT_ONCE, keep_evidence
from orders.settlement.verdicts import Judgement, Verdict
from upstreams.errors import UpstreamError
from upstreams.port import Upstream


class RefusalCheck:
    def __init__(self, database: Database, troubles: FailureNotes) -> None:
        self._database = database
        self._troubles = troubles

    async def after_refusal(self, job: Job, upstream: Upstream, error: UpstreamError) -> SubmitResult | None:
        """Before a person is asked, the item is looked for. None: nothing of ours is there, as far as can be seen."""
        try:
            _, found = await self._look(job, upstream)
        except UpstreamError as trouble:
            activity.logger.info("operation %s: not looked for after a no: %s", job.number, trouble)
            return None
        if found.verdict is not Verdict.DONE:
            return None
        return await self._doubt(job, error, f"item {', '.join(found.numbers)} shows that it was done")

    async def after_missing_funds(self, job: Job, upstream: Upstream, error: UpstreamError) -> SubmitResult | None:
        """Remove unpaid rows at once, so that no top-up is spent on them. What is there and was paid for is adopted.

        What is not seen yet is looked for before the next attempt.
        """
        try:
            job, found = await self._look(job, upstream)
            if job.intent is None or found.verdict is not Verdict.DONE:
                return None
            if job.operation.kind is not OperationKind.OPEN:
                return await self._doubt(job, error, f"item {', '.join(found.numbers)} shows that it was done")
            with database_in_words():
                in_cart = await self._in_the_cart(job, upstream, found.numbers)
                if in_cart is not None:
                    return in_cart
                unpaid = await leftovers.unpaid_among(self._database, job, job.intent, upstream, found.numbers)
                for item in unpaid:
                    dealt = await leftovers.clear_up(self._database, job, job.intent, upstream, item.number)
                    if dealt.result is leftovers.CleanupResult.DOUBTFUL:
                        reason = f"{dealt.reason}. {leftovers.ASK_FOR_IT_BACK}"
                        return SubmitResult(
                            outcome=Submission.ATTENTION, failure=FailureClass.OUTCOME_UNKNOWN, reason=reason
                        )
        except UpstreamError as trouble:
            activity.logger.info("operation %s: an unpaid remainder is left for later: %s", job.number, trouble)
            return None
        return None if unpaid else await self._doubt(job, error, f"item {', '.join(found.numbers)} of it is paid for")

    async def _in_the_cart(self, job: Job, upstream: Upstream, numbers: tuple[str, ...]) -> SubmitResult | None:
        """What is left can be paid: it is adopted, and paid once the money is there."""
        for number in numbers:
            left = await left_in_cart(self._database, job, upstream, number)
            if left.unpaid is None or job.intent is None:
                continue
            async with self._database.write() as session:
                await locked_operation(session, job.number)
                stored = await intents.current(session, job.intent)
                await intents.accept_unpaid(session, stored, left.unpaid.kind, left.unpaid.number)
            return SubmitResult(outcome=Submission.UNPAID, failure=FailureClass.FUNDS, reason=stored.message)
        return None

    async def _look(self, job: Job, upstream: Upstream) -> tuple[Job, Judgement]:
        with database_in_words():
            job = await load_job(self._database, job.number)
            found = await operation_type(job.operation.kind).find_out(self._database, job, upstream, AT_ONCE)
            if job.intent is not None:
                await keep_evidence(self._database, job.intent, found.evidence)
        return job, found

    async def _doubt(self, job: Job, error: UpstreamError, why: str) -> SubmitResult:
        """The no is not to be believed."""
        reason = f"the upstream refused it ({shortened(error.message, 200)}), but {why}"
        with database_in_words():
            job = await load_job(self._database, job.number)
        if job.intent is not None:
            since = job.intent.settled_at or job.intent.created_at
            await self._troubles.mark_unknown(job, job.intent, reason, unknown_since=since, reopen=True)
        return SubmitResult(outcome=Submission.UNKNOWN, failure=error.failure_class, reason=reason)
