"""The request of an order: intent, send, settle."""

from datetime import timedelta
from decimal import Decimal

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity

from activities.answers import TAKEN_OVER, AnswerWriter, run_to_end
from activities.calling_off import NOTHING_SENT
from activities.carts import CartPayment
from activities.failures import after_failed_read, database_in_words
from activities.refusals import RefusalCheck
from activities.troubles import FailureNotes, kept_back
from models.columns import utc_now
from models.database import Database
from models.enums import FailureClass, IntentState, IntentStep, ReservationState, Stage
from models.invariants import required
from models.leases import LeaseTerms
from models.messages import OrderRef, Submission, SubmitResult
from models.money import Money
from models.order import Intent, Operation, Service
from orders.carts.rows import unpaid_after_all
from orders.errors import Refused
from orders.lifecycle import attempts
from orders.lifecycle.stages import enter, locked_operation
from orders.money import funds, held_prices, prices
from orders.money.balance import BalanceReader
from orders.money.pricing import Pricing
from orders.operations.base import AnyOperation, Obstacle, Request
from orders.operations.job import Job, load_job
from orders.operations.place import place_of
from orders.operations.registry import operation_type
from orders.plans import tariffs
from orders.settlement import intents
from upstreams.connections import Connections
from upstreams.errors import (
    AlreadyExists,
    ConnectionUnhealthy,
    NotAllowed,
    NotEnoughMoney,
    NotSent,
    NotYet,
    OutcomeUnknown,
    Rejected,
    SetupFault,
    UpstreamError,
)
from upstreams.lease import Clocks, Lease, holding
from upstreams.port import Upstream

UNHEALTHY_AT_MOST = 10
"""An order that is refused so often, while reads keep making the account well again, needs a person."""


SOMETHING = Decimal("0.01")


class SubmitActivities:
    def __init__(
        self,
        database: Database,
        connections: Connections,
        balances: BalanceReader,
        pricing: Pricing,
        terms: LeaseTerms,
        *,
        settle_window: timedelta,
    ) -> None:
        self._cart = CartPayment(database, connections, balances, terms, settle_window=settle_window)
        self._database = database
        self._terms = terms
        self._answers = AnswerWriter(database)
        self._connections = connections
        self._balances = balances
        self._pricing = pricing
        self._troubles = FailureNotes(database)
        self._refusals = RefusalCheck(database, self._troubles)

    @activity.defn
    async def submit(self, ref: OrderRef) -> SubmitResult:
        """Does the work of `send_once`, for an order that has waited for its money, or was started before there was
        `carry_out`."""
        async with self._troubles.at_work(ref.operation):
            return await self.send_once(ref)

    async def send_once(self, ref: OrderRef) -> SubmitResult:
        """Send the request, once: intent, send, settle. Run again after a crash it sends nothing that may have gone."""
        with database_in_words():
            job = await load_job(self._database, ref.operation)
            if await self._is_paid_with_others(job):
                return await self._cart.wait(job, ref, "it is being paid together with others of its cart")
            known = await self._outcome_so_far(job)
            async with self._database.read() as session:
                enough = await attempts.why_enough(session, job.number)
        if known is None and job.operation.called_off_at is not None:
            known = NOTHING_SENT
        if known is not None:
            return known
        if enough:
            return SubmitResult(outcome=Submission.ATTENTION, failure=FailureClass.REJECTED, reason=enough)
        if (early := self._given_up_early(job)) is not None:
            return await self.in_trouble(job, ref, early)
        if (why_not_now := kept_back(job)) is not None:
            return await self.in_trouble(job, ref, why_not_now)
        type_ = operation_type(job.operation.kind)
        try:
            upstream = await self._connections.to(job.account)
            gate = self._connections.gate_of(job.account)
            gate.check_request(job.about, job.operation.kind.value)
            with database_in_words():
                paid = await self._cart.pay(job, ref, upstream, gate)
            if paid is not None:
                return paid
            prepared = await type_.prepare(self._database, job, upstream)
            if isinstance(prepared, Obstacle):
                return await self._take_obstacle(job, prepared.result)
            async with gate.permit(job.about, job.operation.kind.value):
                with database_in_words():
                    changed = await self._pricing.before_sending(job, upstream)
                if changed is not None:
                    return changed
                return await self._write_down_and_send(job, ref, prepared, type_, upstream)
        except UpstreamError as error:  # from what comes before the intent: sending raises none
            return await self.in_trouble(job, ref, error)

    async def _write_down_and_send(
        self, job: Job, ref: OrderRef, prepared: Request, type_: AnyOperation, upstream: Upstream
    ) -> SubmitResult:
        """Under a permit of the gate: from the intent on nothing of ours refuses the request."""
        with database_in_words():
            written = await self._write_intent(job, prepared)
            if written is None:
                return await self._report_current(ref)
            job = await load_job(self._database, ref.operation)  # as written down: mark and target
        intent, held = written
        return await run_to_end(self.send(job, ref, intent, held, type_, upstream))

    async def _take_obstacle(self, job: Job, result: SubmitResult) -> SubmitResult:
        """Nothing is to be sent. Done after all, by an earlier request: then it is settled, not sent again."""
        match result.outcome:
            case Submission.UNKNOWN if job.intent is not None:
                since = job.intent.settled_at or job.intent.created_at
                await self._troubles.mark_unknown(job, job.intent, result.reason, unknown_since=since, reopen=True)
            case Submission.ALREADY:
                with database_in_words():
                    async with self._database.write() as session:
                        operation = await locked_operation(session, job.number)
                        await funds.release(session, job.number)
                        await enter(session, operation, Stage.AWAITING_CONFIRMATION, result.reason)
            case _:
                pass
        return result

    async def _report_current(self, ref: OrderRef) -> SubmitResult:
        """The state has changed since it was read (another attempt, or a person): report what is so now."""
        with database_in_words():
            job = await load_job(self._database, ref.operation)
            known = await self._outcome_so_far(job)
        return known or SubmitResult(outcome=Submission.FUNDS, reason="no money is set aside for the order")

    async def _outcome_so_far(self, job: Job) -> SubmitResult | None:
        """What an earlier call of this operation came to; None if a call may be made now."""
        if not job.operation.stage.is_running:
            return SubmitResult(outcome=Submission.ENDED, stage=job.operation.stage)
        intent = job.intent
        if intent is None:
            return None
        match intent.state:
            case IntentState.ACCEPTED if intents.leaves_unpaid(intent):
                return None
            case IntentState.ACCEPTED:
                if job.service.upstream_number:
                    await self._wait_for_it_again(job, job.service.upstream_number)
                    return SubmitResult(outcome=Submission.ACCEPTED, upstream_number=job.service.upstream_number)
                return SubmitResult(outcome=Submission.ACCEPTED_UNNUMBERED, reason="accepted without a number")
            case IntentState.PREPARED | IntentState.UNKNOWN:
                reason = intent.message or "a worker stopped between writing the request down and its answer"
                since = self._terms.silent_since(intent)
                await self._troubles.mark_unknown(job, intent, reason, unknown_since=since)
                return SubmitResult(outcome=Submission.UNKNOWN, reason=reason)
            case IntentState.NOT_SENT | IntentState.REFUSED | IntentState.NOT_DONE | IntentState.ABANDONED:
                return None

    def _given_up_early(self, job: Job) -> NotSent | None:
        """A person vouched that nothing was done while the sender may still be alive: it is waited for."""
        intent = job.intent
        if intent is None or intent.state is not IntentState.ABANDONED or utc_now() >= self._terms.gone_by(intent):
            return None
        if intent.unpaid_kind is not None:
            return None  # it was answered: what was given up is only to be paid
        until = f"{self._terms.gone_by(intent):%H:%M:%S} UTC"
        return NotSent(f"nothing is sent before {until}: until then the request that was given up may be on its way")

    async def _is_paid_with_others(self, job: Job) -> bool:
        """Another order, which holds the cart, sends the payment of this one too, and may still be at it."""
        intent, holder = job.intent, job.account.cart_holder
        if intent is None or intent.step is IntentStep.SEND or intent.state is not IntentState.PREPARED:
            return False
        return holder not in (None, job.number) and utc_now() < self._terms.gone_by(intent)

    async def _wait_for_it_again(self, job: Job, number: str) -> None:
        """A workflow that was started anew: the poller watches the orders that are in this stage."""
        if job.operation.stage is Stage.AWAITING_CONFIRMATION:
            return
        async with self._database.write() as session:
            operation = await locked_operation(session, job.number)
            await enter(session, operation, Stage.AWAITING_CONFIRMATION, f"item {number}")

    async def _write_intent(self, job: Job, request: Request) -> tuple[Intent, Lease] | None:
        """None if nothing may be sent any more: the operation has ended, has a call under way, or lost its money."""
        async with self._database.write() as session:
            operation = await locked_operation(session, job.number)
            if not operation.stage.is_running:
                return None
            if job.capabilities.balance and operation.cost is not None and operation.cost.amount > 0:
                reservation = await funds.reservation_of(session, job.number)
                if reservation is None or reservation.state is not ReservationState.GRANTED:
                    return None
            operation.parameters = {**operation.parameters, **request.target}
            mark = (await session.get_one(Service, operation.service_id, populate_existing=True)).mark
            fields = request.fields | held_prices.to_name(operation.price, job.intent)
            asked = Clocks.now()  # before the database is asked: what is lost between the two counts
            try:
                intent = await intents.prepare(
                    session,
                    operation,
                    job.account_id,
                    mark,
                    fields,
                    request.before,
                    lease=self._terms.lease,
                    flight=timedelta(seconds=self._connections.limits(job.account).order_timeout),
                )
            except Refused:
                return None
            await enter(session, operation, Stage.SUBMITTING)
            until = required(intent.send_until, "the end of the lease")
            return intent, Lease.written(asked, self._terms.lease, until, self._terms.skew)

    async def send(
        self, job: Job, ref: OrderRef, intent: Intent, held: Lease, type_: AnyOperation, upstream: Upstream
    ) -> SubmitResult:
        """From here on the request may have gone, unless upstream or network say for certain that it has not."""
        try:
            with holding(held):
                sent = await type_.send(job, upstream)
        except NotSent as error:
            if not await self._answers.not_sent(intent, error):
                return TAKEN_OVER
            return await self.in_trouble(job, ref, error)
        except OutcomeUnknown as error:
            await self._answers.lost(intent, error, FailureClass.OUTCOME_UNKNOWN)
            await self._troubles.note_rest(job, error)
            return SubmitResult(outcome=Submission.UNKNOWN, failure=error.failure_class, reason=error.message)
        except NotEnoughMoney as error:
            if not await self._answers.is_ours(intent):
                await self._answers.refused(intent, error)
                return TAKEN_OVER
            return await self._refused_for_funds(job, intent, upstream, error)
        except ConnectionUnhealthy as error:
            if not await self._answers.not_sent(intent, error):
                return TAKEN_OVER
            if intent.attempt >= UNHEALTHY_AT_MOST:
                reason = f"refused {intent.attempt} times although the account can be read: {error.message}"
                return SubmitResult(outcome=Submission.ATTENTION, failure=error.failure_class, reason=reason)
            return await self.in_trouble(job, ref, error)
        except NotYet as error:
            if not await self._answers.refused(intent, error):
                return TAKEN_OVER
            if held_prices.QUOTE in intent.request and error.not_before <= utc_now():
                return SubmitResult(outcome=Submission.FUNDS, failure=error.failure_class, reason=error.message)
            return SubmitResult(
                outcome=Submission.NOT_YET,
                failure=error.failure_class,
                reason=error.message,
                not_before=await self._troubles.put_off(job, error),
            )
        except AlreadyExists as error:
            # It may be our own earlier attempt: looked up like a lost answer, and adopted if it carries our mark.
            await self._answers.lost(intent, error, FailureClass.EXISTS)
            return SubmitResult(outcome=Submission.UNKNOWN, failure=error.failure_class, reason=error.message)
        except (Rejected, SetupFault) as error:
            await self._answers.refused(intent, error)
            with database_in_words():
                await tariffs.note_refusal(self._database, job, error)
            done = await self._refusals.after_refusal(job, upstream, error)
            if done is not None:
                return done
            if isinstance(error, NotAllowed):
                return SubmitResult(outcome=Submission.MANUAL, failure=error.failure_class, reason=error.message)
            field = error.field if isinstance(error, Rejected) else ""
            return SubmitResult(
                outcome=Submission.ATTENTION, failure=error.failure_class, reason=error.message, field=field
            )
        sent = await unpaid_after_all(self._database, job, upstream, sent)
        return await self._answers.accepted(job, intent, sent)

    async def _refused_for_funds(
        self, job: Job, intent: Intent, upstream: Upstream, error: NotEnoughMoney
    ) -> SubmitResult:
        balance: Decimal | None = job.account.balance
        try:
            balance = (await self._balances.reading(job.account, upstream, fresh=True)).balance.amount
        except UpstreamError as trouble:
            activity.logger.info("operation %s: the balance can't be read anew: %s", job.number, trouble)
        with database_in_words():
            async with self._database.write() as session:
                operation = await locked_operation(session, intent.operation_id)
                prices.note_refusal(operation, error.required)
                if operation.cost is None or operation.cost.amount == 0:
                    await self._get_in_line_unquoted(session, job, operation, error)
                stored = await intents.current(session, intent)
                await intents.refuse(
                    session, stored, message=error.message, failure=error.failure_class, balance=balance
                )
        done = await self._refusals.after_missing_funds(job, upstream, error)
        if done is not None:
            return done
        return SubmitResult(outcome=Submission.FUNDS, failure=error.failure_class, reason=error.message)

    async def _get_in_line_unquoted(
        self, session: AsyncSession, job: Job, operation: Operation, error: NotEnoughMoney
    ) -> None:
        """Nobody could say what it costs, and it costs something: the refusal's own figure, or anything at all."""
        named = error.required
        known = named is not None and named.currency == job.account.currency and named.amount > 0
        cost = named if named is not None and known else Money(amount=SOMETHING, currency=job.account.currency)
        operation.cost_amount, operation.cost_currency = cost.amount, cost.currency
        prices.note_refusal(operation, cost)
        session.add(operation)
        await funds.request(session, job.account_id, job.number, cost, place_of(operation, job.service))

    async def in_trouble(self, job: Job, ref: OrderRef, error: UpstreamError) -> SubmitResult:
        """Nothing was sent, or nothing that counts."""
        match error:
            case Rejected() | SetupFault() | AlreadyExists():
                return SubmitResult(outcome=Submission.ATTENTION, failure=error.failure_class, reason=error.message)
            case _:
                pass
        await self._troubles.note_health(job, error)
        if ref.patient:
            raise after_failed_read(error, activity.info().attempt)
        await self._troubles.show_retrying(job, error)
        return SubmitResult(outcome=Submission.TROUBLE, failure=error.failure_class, reason=error.message)
