"""The request of an order: intent, send, settle."""

from datetime import timedelta
from decimal import Decimal

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity

from activities.balance import BalanceReader
from activities.cart_rows import unpaid_after_all
from activities.carts import CartRoad
from activities.failures import database_in_words, retry_later
from activities.job import Job, load_job
from activities.kinds import KINDS, Kind, Obstacle, Request, Sent
from activities.leftovers import remove_unpaid
from activities.lookup import leftover_of
from activities.troubles import SLACK_SECONDS, Troubles, sender_may_live_until
from models.audit import AuditEntry
from models.columns import utc_now
from models.database import Database
from models.enums import (
    FailureClass,
    IntentState,
    IntentStep,
    Knowledge,
    OperationKind,
    ReservationState,
    Stage,
    UpstreamStatus,
)
from models.messages import OrderRef, Submission, SubmitResult
from models.money import Money
from models.order import Intent, Operation, Service
from orders import funds, intents
from orders.errors import Refused
from orders.stages import enter, locked_operation
from upstreams.connections import Connections
from upstreams.errors import (
    AlreadyExists,
    ConnectionUnhealthy,
    NotEnoughMoney,
    NotSent,
    NotYet,
    OutcomeUnknown,
    Rejected,
    SetupFault,
    UpstreamError,
)
from upstreams.port import NotAllowed, Upstream, UpstreamItem

UNHEALTHY_AT_MOST = 10
"""An order that is refused so often, while reads keep making the account well again, needs a person."""


SOMETHING = Decimal("0.01")


class SubmitActivities:
    def __init__(
        self, database: Database, connections: Connections, balances: BalanceReader, *, settle_window: timedelta
    ) -> None:
        self._cart = CartRoad(database, balances, settle_window=settle_window)
        self._database = database
        self._connections = connections
        self._balances = balances
        self._troubles = Troubles(database)

    @activity.defn
    async def submit(self, ref: OrderRef) -> SubmitResult:
        """Send the request, once: intent, send, settle. Run again after a crash it sends nothing that may have gone."""
        async with self._troubles.at_work(ref.operation):
            with database_in_words():
                job = await load_job(self._database, ref.operation)
                if await self._is_paid_with_others(job):
                    return await self._cart.wait(job, ref, "it is being paid together with others of its cart")
                known = await self._outcome_so_far(job)
            if known is not None:
                return known
            if job.account.unhealthy_reason:
                error = ConnectionUnhealthy(job.account.unhealthy_reason)
                return await self._trouble_with_request(job, ref, error)
            kind = KINDS[job.operation.kind]
            try:
                upstream = await self._connections.to(job.account)
                paid = await self._cart.pay(job, ref, upstream)
                if paid is not None:
                    return paid
                prepared = await kind.prepare(self._database, job, upstream)
            except UpstreamError as error:
                return await self._trouble_with_request(job, ref, error)
            if isinstance(prepared, Obstacle):
                return await self._stand_before(job, prepared.result)
            with database_in_words():
                intent = await self._write_intent(job, prepared)
            if intent is None:
                return await self._report_anew(ref)
            job = await load_job(self._database, ref.operation)  # as written down: mark and target
            return await self._send(job, ref, intent, kind, upstream)

    async def _stand_before(self, job: Job, result: SubmitResult) -> SubmitResult:
        """Nothing is to be sent. Done after all, by an earlier request: then it is settled, not sent again."""
        match result.outcome:
            case Submission.UNKNOWN if job.intent is not None:
                await self._troubles.mark_unknown(job, job.intent, result.reason, reopen=True)
            case Submission.ALREADY:
                with database_in_words():
                    async with self._database.write() as session:
                        operation = await locked_operation(session, job.number)
                        await funds.release(session, job.number)
                        await enter(session, operation, Stage.AWAITING_CONFIRMATION, result.reason)
            case _:
                pass
        return result

    async def _report_anew(self, ref: OrderRef) -> SubmitResult:
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
                since = sender_may_live_until(intent, self._connections.order_timeout)
                await self._troubles.mark_unknown(job, intent, reason, unknown_since=since)
                return SubmitResult(outcome=Submission.UNKNOWN, reason=reason)
            case IntentState.NOT_SENT | IntentState.REFUSED | IntentState.NOT_DONE | IntentState.ABANDONED:
                return None

    async def _is_paid_with_others(self, job: Job) -> bool:
        """Another order, which holds the cart, sends the payment of this one too, and may still be at it."""
        intent, holder = job.intent, job.account.cart_holder
        if intent is None or intent.step is IntentStep.SEND or intent.state is not IntentState.PREPARED:
            return False
        sent_by = intent.created_at + timedelta(seconds=self._connections.order_timeout + SLACK_SECONDS)
        return holder not in (None, job.number) and utc_now() < sent_by

    async def _wait_for_it_again(self, job: Job, number: str) -> None:
        """A workflow that was started anew: the poller watches the orders that are in this stage."""
        if job.operation.stage is Stage.AWAITING_CONFIRMATION:
            return
        async with self._database.write() as session:
            operation = await locked_operation(session, job.number)
            await enter(session, operation, Stage.AWAITING_CONFIRMATION, f"item {number}")

    async def _write_intent(self, job: Job, request: Request) -> Intent | None:
        """None if nothing may be sent any more: the operation has ended, has a call under way, or lost its money."""
        async with self._database.write() as session:
            operation = await locked_operation(session, job.number)
            if not operation.stage.is_running:
                return None
            if operation.cost is not None and operation.cost.amount > 0:
                reservation = await funds.reservation_of(session, job.number)
                if reservation is None or reservation.state is not ReservationState.GRANTED:
                    return None
            operation.parameters = {**operation.parameters, **request.target}
            mark = (await session.get_one(Service, operation.service_id, populate_existing=True)).mark
            try:
                intent = await intents.prepare(session, operation, job.account_id, mark, request.fields, request.before)
            except Refused:
                return None
            await enter(session, operation, Stage.SUBMITTING)
            return intent

    async def _send(self, job: Job, ref: OrderRef, intent: Intent, kind: Kind, upstream: Upstream) -> SubmitResult:
        """From here on the request may have gone, unless upstream or network say for certain that it has not."""
        try:
            sent = await kind.send(job, upstream)
        except NotSent as error:
            await self._settle(intent, IntentState.NOT_SENT, error)
            return await self._trouble_with_request(job, ref, error)
        except OutcomeUnknown as error:
            await self._troubles.mark_unknown(job, intent, error.message)
            return SubmitResult(outcome=Submission.UNKNOWN, failure=error.failure_class, reason=error.message)
        except NotEnoughMoney as error:
            return await self._refused_for_funds(job, intent, upstream, error)
        except ConnectionUnhealthy as error:
            await self._settle(intent, IntentState.NOT_SENT, error)
            if intent.attempt >= UNHEALTHY_AT_MOST:
                reason = f"refused {intent.attempt} times although the account can be read: {error.message}"
                return SubmitResult(outcome=Submission.ATTENTION, failure=error.failure_class, reason=reason)
            return await self._trouble_with_request(job, ref, error)
        except NotYet as error:
            await self._refused(intent, error)
            await self._troubles.show_retrying(job, error)
            return SubmitResult(
                outcome=Submission.NOT_YET,
                failure=error.failure_class,
                reason=error.message,
                not_before=error.not_before,
            )
        except AlreadyExists as error:
            # It may be our own earlier attempt: looked up like a lost answer, and adopted if it carries our mark.
            await self._troubles.mark_unknown(job, intent, error.message, failure=FailureClass.EXISTS)
            return SubmitResult(outcome=Submission.UNKNOWN, failure=error.failure_class, reason=error.message)
        except NotAllowed as error:
            await self._refused(intent, error)
            return SubmitResult(outcome=Submission.MANUAL, failure=error.failure_class, reason=error.message)
        except (Rejected, SetupFault) as error:
            await self._refused(intent, error)
            field = error.field if isinstance(error, Rejected) else ""
            return SubmitResult(
                outcome=Submission.ATTENTION, failure=error.failure_class, reason=error.message, field=field
            )
        sent = await unpaid_after_all(self._database, job, upstream, sent)
        with database_in_words():
            return await self._accepted(job, intent, sent)

    async def _accepted(self, job: Job, intent: Intent, sent: Sent) -> SubmitResult:
        upstream_number = sent.number
        async with self._database.write() as session:
            operation = await locked_operation(session, job.number)
            service = await session.get_one(Service, operation.service_id)
            stored = await intents.current(session, intent)
            if operation.stage.is_final or (stored.state.is_settled and stored.state is not IntentState.ACCEPTED):
                return self._late_yes(session, operation, stored, upstream_number)
            if sent.unpaid is not None:
                await intents.accept_unpaid(session, stored, sent.unpaid.kind, sent.unpaid.number)
                await enter(session, operation, Stage.SUBMITTING, stored.message)
                return SubmitResult(outcome=Submission.UNPAID, reason=stored.message)
            account = await funds.locked_account(session, job.account_id)
            if operation.kind is OperationKind.OPEN:
                account.orders_return_number = Knowledge.YES if upstream_number else Knowledge.NO
                session.add(account)
            try:
                await intents.accept(session, stored, service, upstream_number)
            except Refused as refusal:
                # The answer named an item that another service holds: never to be believed.
                upstream_number = None
                reason = f"the upstream's answer does not fit: {refusal}"
                await enter(session, operation, Stage.OUTCOME_UNKNOWN, reason)
                return SubmitResult(outcome=Submission.ACCEPTED_UNNUMBERED, reason=reason)
            if upstream_number:
                await enter(session, operation, Stage.AWAITING_CONFIRMATION, f"item {upstream_number}")
                return SubmitResult(outcome=Submission.ACCEPTED, upstream_number=upstream_number)
            await enter(session, operation, Stage.OUTCOME_UNKNOWN, "accepted without a number; looking for the item")
            return SubmitResult(outcome=Submission.ACCEPTED_UNNUMBERED, reason="accepted without a number")

    def _late_yes(
        self, session: AsyncSession, operation: Operation, intent: Intent, upstream_number: str | None
    ) -> SubmitResult:
        """The upstream said yes to a request that was given up meanwhile: paid, and nobody's. People must know."""
        was = operation.stage.value if operation.stage.is_final else intent.state.value
        detail = {"item": upstream_number or "(no number)", "given up as": was}
        activity.logger.error("operation %s: a late yes of the upstream: %s", operation.id, detail)
        session.add(
            AuditEntry(
                actor="resellflow",
                action="late_yes",
                subject="operation",
                subject_number=intent.operation_id,
                detail=detail,
            )
        )
        if operation.stage.is_final:
            return SubmitResult(outcome=Submission.ENDED, stage=operation.stage)
        reason = f"the upstream said yes late (item {detail['item']}) to a request that counted as {was}"
        return SubmitResult(outcome=Submission.ATTENTION, failure=FailureClass.EXISTS, reason=reason)

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
                if operation.cost is None:
                    await self._get_in_line_unquoted(session, job, operation, error)
                stored = await intents.current(session, intent)
                await intents.refuse(
                    session, stored, message=error.message, failure=error.failure_class, balance=balance
                )
        try:
            left = await self._leftover(job, upstream)
            if left is not None and left.status is UpstreamStatus.ORDERED:
                await remove_unpaid(self._database, job, upstream, left.number)
        except UpstreamError as trouble:
            activity.logger.info("operation %s: an unpaid remainder is left for later: %s", job.number, trouble)
        return SubmitResult(outcome=Submission.FUNDS, failure=error.failure_class, reason=error.message)

    async def _get_in_line_unquoted(
        self, session: AsyncSession, job: Job, operation: Operation, error: NotEnoughMoney
    ) -> None:
        """Nobody could say what it costs, and it costs something: the refusal's own figure, or anything at all."""
        told = error.required
        known = told is not None and told.currency == job.account.currency and told.amount > 0
        cost = told if told is not None and known else Money(amount=SOMETHING, currency=job.account.currency)
        operation.cost_amount, operation.cost_currency = cost.amount, cost.currency
        session.add(operation)
        await funds.request(session, job.account_id, job.number, cost)

    async def _leftover(self, job: Job, upstream: Upstream) -> UpstreamItem | None:
        if job.operation.kind is not OperationKind.OPEN:
            return None
        return await leftover_of(self._database, await load_job(self._database, job.number), upstream)

    async def _refused(self, intent: Intent, error: UpstreamError) -> None:
        with database_in_words():
            async with self._database.write() as session:
                await locked_operation(session, intent.operation_id)
                stored = await intents.current(session, intent)
                await intents.refuse(session, stored, message=error.message, failure=error.failure_class)

    async def _settle(self, intent: Intent, state: IntentState, error: UpstreamError) -> None:
        with database_in_words():
            async with self._database.write() as session:
                await locked_operation(session, intent.operation_id)
                stored = await intents.current(session, intent)
                await intents.settle(session, stored, state, message=error.message, failure=error.failure_class)

    async def _trouble_with_request(self, job: Job, ref: OrderRef, error: UpstreamError) -> SubmitResult:
        """Nothing was sent, or nothing that counts."""
        match error:
            case Rejected() | SetupFault() | AlreadyExists():
                return SubmitResult(outcome=Submission.ATTENTION, failure=error.failure_class, reason=error.message)
            case _:
                pass
        await self._troubles.note_health(job, error)
        if ref.patient:
            raise retry_later(error.failure_class, error.message, activity.info().attempt)
        await self._troubles.show_retrying(job, error)
        return SubmitResult(outcome=Submission.TROUBLE, failure=error.failure_class, reason=error.message)
