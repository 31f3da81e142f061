"""Paying what the upstream put into its cart instead of charging it: look, weigh, intent, look again, send, settle.

One operation at a time is at an account's cart. See docs/carts.md for the states and for what can go wrong.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from temporalio import activity

from activities.answers import run_to_end
from activities.failures import retry_later
from models.database import Database
from models.enums import FailureClass, IntentState, Stage, UnpaidKind
from models.invariants import required
from models.leases import LeaseTerms
from models.messages import OrderRef, Submission, SubmitResult
from models.order import Intent
from orders.carts import paying
from orders.carts.judging import CartDecision, CartStep, Owned, decide_cart
from orders.carts.ledger import CartLedger
from orders.carts.rows import by_the_other_list, charges_before, debt_of, find_out_payment, owners, with_holders
from orders.errors import Refused
from orders.lifecycle.stages import enter, locked_operation
from orders.money.balance import BalanceReader
from orders.operations.job import Job
from orders.settlement.verdicts import Verdict
from upstreams.carts import Cart
from upstreams.connections import Connections
from upstreams.errors import (
    ConnectionUnhealthy,
    NotAllowed,
    NotEnoughMoney,
    NotSent,
    OutcomeUnknown,
    SetupFault,
    UpstreamError,
)
from upstreams.gate import Gate
from upstreams.lease import Clocks, Lease, holding
from upstreams.port import Upstream

PAYING = "pay"
"""The breaker of payments, beside those of the kinds of operations."""
WAIT_AT_MOST = timedelta(minutes=10)
"""An order waits at most this long for others in the cart, or for its row to be shown; then a person is asked."""


@dataclass(frozen=True)
class _Work:
    """One order at the cart."""

    job: Job
    ref: OrderRef
    upstream: Upstream
    debt: Intent
    """The accepted call that left something to be paid."""

    @property
    def kind(self) -> UnpaidKind:
        return required(self.debt.unpaid_kind, "the kind of a debt")


class CartPayment:
    def __init__(
        self,
        database: Database,
        connections: Connections,
        balances: BalanceReader,
        terms: LeaseTerms,
        *,
        settle_window: timedelta,
    ) -> None:
        self._connections = connections
        self._terms = terms
        self._database = database
        self._balances = balances
        self._book = CartLedger(database)
        self._settle_window = settle_window

    async def pay(self, job: Job, ref: OrderRef, upstream: Upstream, gate: Gate) -> SubmitResult | None:
        """Pay what an accepted request of this order left unpaid. None: nothing of it is unpaid (any more).

        Raises only errors of `upstreams.errors` from reading, or from the gate: nothing has been sent then.
        """
        debt = await debt_of(self._database, job)
        if debt is None:
            return None
        work = _Work(job, ref, upstream, debt)
        async with self._database.write() as session:
            holder = await paying.take_cart(session, job.account_id, job.number)
        if holder is not None:
            reason = f"operation {holder} uses the cart of {job.account.name}; only one operation may"
            return await self.wait(job, ref, reason)
        try:
            cart = await upstream.read_cart(work.kind)
            decision = await self._decide(work, cart)
        except (NotAllowed, SetupFault) as error:
            seen = await self._paid_already(work, error.message)
            return seen or await self._book.by_hand(job, work.debt, error.message, ())
        if decision is None:
            return None
        match decision.step:
            case CartStep.PAY:
                async with gate.permit(job.about, PAYING):
                    return await self._pay(work, cart, decision)
            case CartStep.WAIT:
                await self._book.leave(job)
                return await self.wait(job, ref, decision.reason)
            case CartStep.GONE:
                return await self._gone(work, decision)
            case CartStep.OTHER_SUM:
                return await self._ask_for_its_price(work, decision)
            case CartStep.FOREIGN:
                return await self._book.by_hand(work.job, work.debt, decision.reason, decision.own, incident=True)
            case CartStep.BY_HAND:
                return await self._book.by_hand(work.job, work.debt, decision.reason, decision.own)

    async def wait(self, job: Job, ref: OrderRef, reason: str) -> SubmitResult:
        """The row is ours, but cannot be paid now. It is tried again for a while; then a person is asked."""
        async with self._database.write() as session:
            operation = await locked_operation(session, job.number)
            waited = await paying.note_wait(session, job.number, at_most=WAIT_AT_MOST)
            if waited < WAIT_AT_MOST:
                await enter(session, operation, Stage.RETRYING, reason)
        if waited >= WAIT_AT_MOST:
            await self._book.leave(job)
            words = f"{reason}. This has lasted {WAIT_AT_MOST.total_seconds() / 60:.0f} minutes; retry looks again"
            return SubmitResult(outcome=Submission.ATTENTION, reason=words)
        if ref.patient:
            raise retry_later(FailureClass.NOT_SENT, reason, activity.info().attempt)
        return SubmitResult(outcome=Submission.TROUBLE, reason=reason)

    async def _decide(self, work: _Work, cart: Cart) -> CartDecision | None:
        # Read after the cart: whatever put a row there before has its intent in the database by now.
        job = work.job
        async with self._database.read() as session:
            claims = await paying.claims(session, job.account_id)
            under_way = await paying.under_way(session, job.account_id, job.number)
        me = next((claim for claim in claims if claim.operation == job.number), None)
        if me is None:
            return None
        owned = await owners(work.upstream, cart, claims)
        if work.kind is UnpaidKind.CART_ROW and any(claim.kind is UnpaidKind.ORDER for claim in claims):
            owned = await by_the_other_list(work.upstream, owned, claims)
        owned = await with_holders(self._database, job, owned)
        found = {one.claim.operation for one in owned if one.claim is not None}
        lost = [
            claim.operation for claim in claims if not claim.number and claim.operation not in {*found, me.operation}
        ]
        return decide_cart(cart, owned, me, job.account.currency, under_way=[*under_way, *lost])

    async def _pay(self, work: _Work, cart: Cart, decision: CartDecision) -> SubmitResult | None:
        job, covered = work.job, decision.covered
        async with self._database.read() as session:
            tried = await paying.tries(session, job.number)
        if tried >= paying.TRIES_AT_MOST:
            last = f"; the last time: {job.intent.message[:200]}" if job.intent and job.intent.message else ""
            reason = f"paying was refused or without effect {tried} times{last}"
            return await self._book.by_hand(work.job, work.debt, reason, decision.own)
        before = {one.item: await charges_before(work.upstream, one.item) for one in covered}
        asked = Clocks.now()  # before the database is asked: what is lost between the two counts
        written = await self._write_intents(work, covered, before)
        if written is None:
            await self._book.leave(job)
            return await self.wait(
                work.job, work.ref, "an order that is paid together with this one has changed just now"
            )
        try:
            again = await work.upstream.read_cart(work.kind)
        except UpstreamError as error:
            await self._book.not_paid(written, IntentState.NOT_SENT, error)
            raise
        if (again.rows, again.total, again.unreadable) != (cart.rows, cart.total, cart.unreadable):
            await self._book.not_paid(written, IntentState.NOT_SENT, NotSent("not sent: the cart changed just before"))
            return await self.wait(work.job, work.ref, "something in the cart changed just before it was paid")
        held = self._lease(asked, written)
        return await run_to_end(self._send(work, decision, written, held))

    def _lease(self, asked: Clocks, written: dict[int, Intent]) -> Lease:
        """One payment, one lease: the shortest of its intents'."""
        until = min(intent.send_until for intent in written.values() if intent.send_until is not None)
        return Lease.written(asked, self._terms.lease, until, self._terms.skew)

    async def _write_intents(
        self, work: _Work, covered: tuple[Owned, ...], before: dict[str, list[str] | None]
    ) -> dict[int, Intent] | None:
        if work.kind is UnpaidKind.CART_ROW:
            request = {"rows": ", ".join(one.row.number for one in covered)}
        else:
            request = {"order": covered[0].row.order}
        flight = timedelta(seconds=self._connections.limits(work.job.account).order_timeout)
        async with self._database.write() as session:
            try:
                return await paying.write_intents(
                    session, work.job.account_id, covered, request, before, lease=self._terms.lease, flight=flight
                )
            except Refused:
                return None

    async def _send(self, work: _Work, decision: CartDecision, written: dict[int, Intent], held: Lease) -> SubmitResult:
        """From here on it may be paid, unless upstream or network say for certain that it is not."""
        covered, own = decision.covered, decision.own
        try:
            with holding(held):
                if work.kind is UnpaidKind.CART_ROW:
                    answer = await work.upstream.confirm_cart([one.row.number for one in covered])
                else:
                    answer = await work.upstream.pay(covered[0].row.order)
        except NotSent as error:
            await self._book.not_paid(written, IntentState.NOT_SENT, error)
            raise
        except OutcomeUnknown as error:
            return await self._book.unknown(written, error.message)
        except NotEnoughMoney as error:
            await self._book.not_paid(written, IntentState.REFUSED, error, balance=await self._balance(work))
            return SubmitResult(outcome=Submission.FUNDS, failure=error.failure_class, reason=error.message)
        except (NotAllowed, SetupFault) as error:
            await self._book.not_paid(written, IntentState.REFUSED, error)
            return await self._book.by_hand(work.job, work.debt, error.message, own)
        except UpstreamError as error:
            # Should it be paid all the same, the row is gone at the next look, and the item tells.
            await self._book.not_paid(written, IntentState.REFUSED, error)
            if isinstance(error, ConnectionUnhealthy):
                raise
            return SubmitResult(outcome=Submission.UNPAID, failure=error.failure_class, reason=error.message)
        still = await self._still_there(work, covered)
        if still and answer.unpaid is None:
            return await self._book.unknown(
                written, f"the upstream accepted the payment, but its cart still holds {still}"
            )
        return await self._book.accepted(work.job, covered, written, answer)

    async def _balance(self, work: _Work) -> Decimal | None:
        """When the upstream refuses for want of money: it is asked again once more is there than now."""
        try:
            return (await self._balances.reading(work.job.account, work.upstream, fresh=True)).balance.amount
        except UpstreamError:
            return work.job.account.balance or Decimal(0)

    async def _still_there(self, work: _Work, covered: tuple[Owned, ...]) -> str:
        """An upstream's yes counts once its cart agrees; where it can't be read now, the yes counts."""
        try:
            cart = await work.upstream.read_cart(work.kind)
        except UpstreamError:
            return ""
        paid = {(one.row.number, one.row.order) for one in covered}
        return "; ".join(row.label for row in cart.rows if (row.number, row.order) in paid)

    async def _gone(self, work: _Work, decision: CartDecision) -> SubmitResult:
        """Our row is not there: paid by the upstream itself or by a person, removed, or shown late."""
        job = work.job
        seen = await self._paid_already(work, decision.reason)
        if seen is not None:
            return seen
        await self._book.leave(job)
        reason = f"{decision.reason}, and nothing shows that it was paid; look whether somebody removed it there"
        return await self.wait(job, work.ref, reason)

    async def _paid_already(self, work: _Work, reason: str) -> SubmitResult | None:
        """By the upstream itself (a top-up pays what is unpaid, or it was charged at once) or by a person."""
        judgement = await find_out_payment(
            self._database, work.job, work.upstream, work.debt, self._settle_window, sent=None
        )
        if judgement.verdict is not Verdict.DONE or not judgement.numbers:
            return None
        return await self._book.paid_by_others(work.job, work.kind, judgement.numbers[0], reason)

    async def _ask_for_its_price(self, work: _Work, decision: CartDecision) -> SubmitResult:
        """What the row costs is the price from now on: asked for and set aside like any quote."""
        price = required(decision.price, "the price of the row")
        async with self._database.write() as session:
            await locked_operation(session, work.job.number)
            row = decision.own[0].row
            first = await paying.note_price(session, work.job.number, price, row.title)
            await paying.leave_cart(session, work.job.account_id, work.job.number)
        if first:
            return SubmitResult(outcome=Submission.FUNDS, reason=decision.reason)
        reason = f"{decision.reason}, which did not help: the upstream shows another sum each time"
        return SubmitResult(outcome=Submission.ATTENTION, failure=FailureClass.PRICE_CHANGED, reason=reason)
