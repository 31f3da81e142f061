"""Orders that are not wanted any more: what their requests left at the upstream is removed, then they end."""

from datetime import timedelta

from temporalio import activity

from activities.failures import after_failed_read, database_in_words, look_again
from activities.troubles import FailureNotes, check_healthy
from models.columns import utc_now
from models.database import Database
from models.enums import FailureClass, IntentState, OperationKind, Stage, UpstreamStatus
from models.invariants import required
from models.messages import Funds, FundsResult, OrderRef, Submission, SubmitResult
from models.order import Operation
from orders import events
from orders.accounts.pausing import unrecorded_change
from orders.carts import leftovers
from orders.carts.called_off import InCart, clear_cart
from orders.carts.leftovers import CleanupResult
from orders.carts.rows import left_in_cart, remove_own_row
from orders.decisions.allowed import Traces
from orders.decisions.facts import facts_of
from orders.errors import ByHand, NoMapping
from orders.lifecycle import calling_off, completion
from orders.lifecycle.stages import locked_operation
from orders.operations.job import Job, load_job
from orders.operations.registry import operation_type
from orders.settlement import intents
from orders.settlement.verdicts import Judgement, Verdict
from upstreams.connections import Connections
from upstreams.errors import NoSuchItem, NotAllowed, Rejected, SetupFault, UpstreamError
from upstreams.port import Upstream, UpstreamItem

NOTHING_LEFT = "the upstream shows nothing that is left of it, nothing was charged"
NOTHING_SENT = SubmitResult(outcome=Submission.NOT_DONE, reason="it was called off: nothing of it is sent any more")


async def stopped(database: Database, operation: int) -> FundsResult | None:
    """Why no money is to be set aside for it: it has ended, or was called off. None: it goes on."""
    async with database.read() as session:
        row = await session.get_one(Operation, operation)
    if row.stage.is_final:
        return FundsResult(outcome=Funds.ENDED, stage=row.stage)
    if row.called_off_at is not None:
        return FundsResult(outcome=Funds.CALLED_OFF, reason=f"called off by {row.called_off_by}")
    return None


class CallingOffActivities:
    def __init__(self, database: Database, connections: Connections, *, settle_window: timedelta) -> None:
        self._database = database
        self._connections = connections
        self._settle_window = settle_window
        self._troubles = FailureNotes(database)

    @activity.defn
    async def call_off(self, ref: OrderRef) -> SubmitResult:
        """End an order that was called off, once nothing of it is left at the upstream.

        Looks again by Temporal's retry until that is proven. What turns out to be paid is settled like a lost answer.
        """
        async with self._troubles.at_work(ref.operation):
            with database_in_words():
                known = await self._without_a_look(ref)
            if known is not None:
                return known
            try:
                with database_in_words():
                    job = await load_job(self._database, ref.operation)
            except (ByHand, NoMapping) as fault:
                reason = f"called off, but Resellflow can't look for what its requests left at the upstream: {fault}"
                return SubmitResult(outcome=Submission.ATTENTION, failure=FailureClass.SETUP_FAULT, reason=reason)
            try:
                check_healthy(job)
                upstream = await self._connections.to(job.account)
                sent = job.intent
                if sent is not None and sent.state is IntentState.ACCEPTED and not intents.leaves_unpaid(sent):
                    return await self._called_off_there(job, upstream)
                with self._connections.settling(job.account.name, job.about):
                    found = await operation_type(job.operation.kind).find_out(
                        self._database, job, upstream, self._settle_window
                    )
                    return await self._judged(job, upstream, found)
            except (Rejected, SetupFault, NotAllowed) as error:
                return SubmitResult(outcome=Submission.ATTENTION, failure=error.failure_class, reason=error.message)
            except UpstreamError as error:
                await self._troubles.note_health(job, error)
                raise after_failed_read(error, activity.info().attempt) from None

    async def _without_a_look(self, ref: OrderRef) -> SubmitResult | None:
        """What is known without the upstream; None: it has to be looked at."""
        async with self._database.write() as session:
            operation = await locked_operation(session, ref.operation)
            if operation.stage.is_final:
                return SubmitResult(outcome=Submission.ENDED, stage=operation.stage)
            if operation.called_off_at is None:
                return SubmitResult(outcome=Submission.NOT_DONE, reason="it is wanted")
            facts = await facts_of(session, operation)
            match facts.traces:
                case Traces.NONE:
                    await calling_off.end_called_off(session, operation, "nothing was sent")
                    return SubmitResult(outcome=Submission.ENDED, stage=Stage.CANCELLED)
                case Traces.UNDER_WAY:
                    return SubmitResult(outcome=Submission.UNKNOWN, reason="a request has to be settled first")
                case Traces.ACCEPTED if facts.can_be_called_off:
                    return None
                case Traces.ACCEPTED:
                    return SubmitResult(outcome=Submission.ACCEPTED_UNNUMBERED, reason="it is bought already")
                case Traces.POSSIBLE:
                    return None

    async def _called_off_there(self, job: Job, upstream: Upstream) -> SubmitResult:
        """The upstream has accepted it and may not have bought it yet: it is asked to call it off, with the same key in
        each attempt, and its item says whether that came in time."""
        number = required(job.service.upstream_number, "the number of the item")
        item = await upstream.read_item(job.service.product_type, number)
        if item.status is UpstreamStatus.PROCESSING and not item.dead_end:
            async with unrecorded_change(self._database, job.account_id):
                await upstream.call_off(job.service.product_type, number, key=f"{job.key}-off")
            item = await upstream.read_item(job.service.product_type, number)
        if item.status is UpstreamStatus.DELETED and item.bought is False:
            return await self._end(job, f"the upstream called it off: item {number} was never bought")
        if item.status is UpstreamStatus.DELETED and item.bought:
            return await self._bought_and_deleted(job, item)
        if item.status is UpstreamStatus.DELETED:
            reason = (
                f"called off; item {number} is deleted at the upstream, which does not say whether it was bought. "
                "Ask whether it is charged; then cancel"
            )
            return SubmitResult(outcome=Submission.ATTENTION, failure=FailureClass.OUTCOME_UNKNOWN, reason=reason)
        if item.status is not UpstreamStatus.PROCESSING:
            return SubmitResult(outcome=Submission.ACCEPTED_UNNUMBERED, reason="it is bought already")
        if item.dead_end:
            cause = item.cause or "it says no cause"
            reason = f"called off, but the upstream does not go on with item {number}: {cause}"
            return SubmitResult(outcome=Submission.ATTENTION, failure=FailureClass.REJECTED, reason=reason)
        raise look_again(f"item {number} is being called off at the upstream", self._age(job))

    async def _bought_and_deleted(self, job: Job, item: UpstreamItem) -> SubmitResult:
        """It was bought a moment before and is deleted since: it is charged, and the service is over."""
        with database_in_words():
            await events.record_forms(self._database, job.account_id, job.service.product_type, [item])
            async with self._database.write() as session:
                await completion.complete(session, job.number)
                operation = await session.get_one(Operation, job.number)
        return SubmitResult(outcome=Submission.ENDED, stage=operation.stage)

    async def _judged(self, job: Job, upstream: Upstream, found: Judgement) -> SubmitResult:
        match found.verdict:
            case Verdict.DONE:
                return await self._clear_away(job, upstream, found.numbers)
            case Verdict.NOT_DONE:
                return await self._end_with_an_empty_cart(job, upstream)
            case Verdict.CANNOT_TELL:
                reason = (
                    f"called off, and it can't be proven that nothing of it is left at the upstream: {found.reason}"
                )
                rows = (await left_in_cart(self._database, job, upstream)).labels
                reason += f"; in the cart: {rows}" if rows else ""
                return SubmitResult(outcome=Submission.ATTENTION, failure=FailureClass.OUTCOME_UNKNOWN, reason=reason)
            case Verdict.WAIT | Verdict.READ_FORMS:
                raise look_again(found.reason, self._age(job))

    async def _clear_away(self, job: Job, upstream: Upstream, numbers: tuple[str, ...]) -> SubmitResult:
        """Its item is there after all: removed if it is unpaid and its form says that it is ours, else it is bought."""
        number = numbers[0]
        if job.operation.kind is not OperationKind.OPEN:
            return await self._bought(job, number)
        item = await upstream.read_item(job.service.product_type, number)
        if item.status is not UpstreamStatus.ORDERED:
            return await self._bought(job, number)
        intent = required(job.intent, "the intent that may have left something")
        if await self._taken_out_of_the_cart(job, upstream, number):
            raise look_again(f"item {number}, which it had left unpaid in the cart, is removed", self._age(job))
        outcome = await leftovers.clear_up(self._database, job, intent, upstream, number)
        match outcome.result:
            case CleanupResult.PAID:
                return await self._bought(job, number)
            case CleanupResult.LEFT:
                advice = "If it is this order's, remove it there; then cancel, vouching for it"
                reason = f"called off; {outcome.reason}. {advice}"
                return SubmitResult(outcome=Submission.ATTENTION, failure=FailureClass.EXISTS, reason=reason)
            case CleanupResult.DOUBTFUL:
                advice = leftovers.ASK_FOR_IT_BACK
                reason = f"called off; {outcome.reason}. {advice}"
                return SubmitResult(outcome=Submission.ATTENTION, failure=FailureClass.OUTCOME_UNKNOWN, reason=reason)
            case CleanupResult.REMOVED:
                raise look_again(outcome.reason, self._age(job))

    async def _taken_out_of_the_cart(self, job: Job, upstream: Upstream, number: str) -> bool:
        """Whether its row was in the cart, and the item is gone with it."""
        if not (await left_in_cart(self._database, job, upstream, number)).ours:
            return False
        if not await remove_own_row(self._database, job, upstream):
            return False
        try:
            item = await upstream.read_item(job.service.product_type, number)
        except NoSuchItem:
            return True
        return item.status is UpstreamStatus.DELETED

    async def _bought(self, job: Job, number: str) -> SubmitResult:
        reason = f"called off, but it has been done at the upstream already: item {number}"
        intent = required(job.intent, "the intent that may have left something")
        await self._troubles.mark_unknown(job, intent, reason, reopen=True)
        return SubmitResult(outcome=Submission.UNKNOWN, failure=FailureClass.EXISTS, reason=reason)

    async def _end_with_an_empty_cart(self, job: Job, upstream: Upstream) -> SubmitResult:
        """It was not done; it may be waiting in the cart for whoever pays next."""
        cleared = await clear_cart(self._database, job, upstream)
        match cleared.outcome:
            case InCart.NOTHING:
                return await self._end(job)
            case InCart.REMOVED:
                raise look_again(cleared.reason, self._age(job))  # it may have been paid a moment before
            case InCart.LEFT:
                advice = "If it is this order's, remove it there; then cancel, vouching for it"
                reason = f"called off; {cleared.reason}. {advice}"
                return SubmitResult(outcome=Submission.ATTENTION, failure=FailureClass.EXISTS, reason=reason)

    async def _end(self, job: Job, words: str = NOTHING_LEFT) -> SubmitResult:
        with database_in_words():
            async with self._database.write() as session:
                operation = await locked_operation(session, job.number)
                if not operation.stage.is_final:
                    intent = await intents.latest(session, job.number)
                    if intent is not None and intent.state is IntentState.ACCEPTED:
                        await intents.settle(session, intent, IntentState.NOT_DONE, message=words, reopen=True)
                    await calling_off.end_called_off(session, operation, words)
                return SubmitResult(outcome=Submission.ENDED, stage=operation.stage)

    def _age(self, job: Job) -> timedelta:
        return utc_now() - (job.operation.called_off_at or utc_now())
