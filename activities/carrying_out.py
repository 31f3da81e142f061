"""Money and request in one go: what an operation needs from its start until the upstream has answered.

An operation to which nothing has happened goes straight: everything is read at once, the upstream is asked for price
and balance, then money and intent are committed together, then the request leaves, then its answer is committed.
Whatever is not as expected goes the careful way instead, step by step (activities.funding, activities.submission), from
what is written down by then. After a crash it goes on from
the intent: what was granted is not quoted or granted anew.
"""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy.exc import IntegrityError
from temporalio import activity

from activities.answers import run_to_end
from activities.failures import database_in_words
from activities.funding import FundsActivities
from activities.submission import SubmitActivities
from activities.troubles import FailureNotes, kept_back
from models.columns import utc_now
from models.database import Database
from models.invariants import required
from models.leases import LeaseTerms
from models.messages import Funds, FundsResult, OrderRef, StepResult
from models.money import Money
from models.order import Intent
from orders.errors import ByHand, NoMapping
from orders.lifecycle import fast_path
from orders.lifecycle.stages import locked_operation, note_started
from orders.money import funds, held_prices, prices
from orders.money.balance import BalanceReader
from orders.money.funds import BalanceReading
from orders.money.pricing import Priced, Pricing, is_good
from orders.operations.base import Obstacle, Request
from orders.operations.job import Job, load_job
from orders.operations.registry import operation_type
from upstreams.connections import Connections
from upstreams.errors import LeftAlone, UpstreamError
from upstreams.lease import Clocks, Lease
from upstreams.port import Upstream


class _StepByStep(Exception):
    """Why it has to go the careful way, in words. Nothing is written yet."""


class CarryingOutActivities:
    """One instance per worker: it shares readings and quotes between orders."""

    def __init__(
        self,
        database: Database,
        connections: Connections,
        funding: FundsActivities,
        submission: SubmitActivities,
        balances: BalanceReader,
        pricing: Pricing,
        terms: LeaseTerms,
    ) -> None:
        self._database = database
        self._connections = connections
        self._funding = funding
        self._submission = submission
        self._balances = balances
        self._pricing = pricing
        self._terms = terms
        self._troubles = FailureNotes(database)

    @activity.defn
    async def carry_out(self, ref: OrderRef) -> StepResult:
        """Set money aside, then send the request, once."""
        async with self._troubles.at_work(ref.operation):
            try:
                return await self._on_fast_path(ref)
            except _StepByStep as why:
                activity.logger.info("operation %s goes on step by step: %s", ref.operation, why)
            return await self._step_by_step(ref)

    async def _step_by_step(self, ref: OrderRef) -> StepResult:
        await self._note_started(ref)
        granted = await self._funding.reserve(ref)
        if granted.outcome not in (Funds.GRANTED, Funds.NOT_NEEDED):
            return StepResult(funds=granted)
        return StepResult(funds=granted, request=await self._submission.send_once(ref))

    async def _note_started(self, ref: OrderRef) -> None:
        with database_in_words():
            async with self._database.write() as session:
                await note_started(session, await locked_operation(session, ref.operation))

    async def _on_fast_path(self, ref: OrderRef) -> StepResult:
        """Raises _StepByStep."""
        try:
            with database_in_words():
                job = await load_job(self._database, ref.operation)
        except (ByHand, NoMapping) as fault:
            raise _StepByStep(str(fault)) from fault
        if job.intent is not None or job.operation.called_off_at is not None:
            raise _StepByStep("a request was made for it, or it was called off")
        if job.operation.stage not in fast_path.FIRST_STAGES or kept_back(job) is not None:
            raise _StepByStep(f"it is {job.operation.stage.value}, or its account unhealthy or paused")
        try:
            upstream = await self._connections.to(job.account)
            gate = self._connections.gate_of(job.account)
            gate.check_request(job.about, job.operation.kind.value)
            with database_in_words():
                priced = await self._pricing.price(job, upstream)
            cost = priced.judgement.cost
            if priced.judgement.objection is not None:
                raise _StepByStep("its price needs a person")
            aside = fast_path.costs(cost) and job.capabilities.balance
            reading = await self._balances.reading(job.account, upstream) if aside else None
            if not _seems_free(job, cost, reading):
                raise _StepByStep("money is not free at once")
            if reading is not None:  # part of what is noted of the time before the request
                job.account.balance, job.account.balance_at = reading.balance.amount, utc_now()
        except UpstreamError as error:
            await self._note_started(ref)
            return StepResult(funds=await self._funding.in_trouble(job, ref, error))
        try:
            prepared = await operation_type(job.operation.kind).prepare(self._database, job, upstream)
        except UpstreamError as error:
            await self._note_started(ref)
            funds_result = FundsResult(outcome=Funds.NOT_NEEDED)  # nothing is set aside yet
            return StepResult(funds=funds_result, request=await self._submission.in_trouble(job, ref, error))
        if isinstance(prepared, Obstacle):
            raise _StepByStep(prepared.result.reason)
        try:
            async with gate.permit(job.about, job.operation.kind.value):
                if priced.asked_at is not None and not is_good(_row(priced), job, utc_now()):
                    raise _StepByStep("its price is to be asked again")
                return await self._begin_and_send(job, ref, priced, reading, prepared, upstream)
        except LeftAlone as error:  # nothing is written down yet: what comes after it raises no such error
            await self._note_started(ref)
            funds_result = FundsResult(outcome=Funds.NOT_NEEDED)
            return StepResult(funds=funds_result, request=await self._submission.in_trouble(job, ref, error))

    async def _begin_and_send(
        self,
        job: Job,
        ref: OrderRef,
        priced: Priced,
        reading: BalanceReading | None,
        request: Request,
        upstream: Upstream,
    ) -> StepResult:
        first = fast_path.FirstRequest(
            operation=job.operation,
            account=job.account,
            cost=priced.judgement.cost,
            reading=reading,
            price=prices.noted(priced.judgement, priced.asked_at),
            mark=job.service.mark,
            request=request.fields | held_prices.to_name(priced.judgement.price, None),
            before=request.before,
            target=request.target,
        )
        flight = timedelta(seconds=self._connections.limits(job.account).order_timeout)
        asked = Clocks.now()  # before the database is asked: what is lost between the two counts
        try:
            with database_in_words():
                async with self._database.write() as session:
                    operation, intent = await fast_path.begin(session, first, lease=self._terms.lease, flight=flight)
        except (fast_path.NotOnFastPath, IntegrityError) as why:
            raise _StepByStep(f"something has happened to it meanwhile ({type(why).__name__})") from why
        held = self._lease(asked, intent)
        job = replace(job, operation=operation, intent=intent)
        type_ = operation_type(operation.kind)
        sent = await run_to_end(self._submission.send(job, ref, intent, held, type_, upstream))
        return StepResult(funds=FundsResult(outcome=Funds.GRANTED), request=sent)

    def _lease(self, asked: Clocks, intent: Intent) -> Lease:
        until = required(intent.send_until, "the end of the lease")
        return Lease.written(asked, self._terms.lease, until, self._terms.skew)


def _seems_free(job: Job, cost: Money | None, reading: BalanceReading | None) -> bool:
    """By what was read of the account a moment ago. If it is not so, nothing more is asked of the upstream for it."""
    if cost is None or reading is None:
        return True
    if cost.currency != job.account.currency or job.account.waiting:
        return False
    return cost.amount <= funds.free(job.account, reading)


def _row(priced: Priced) -> dict[str, str]:
    """Looking before sending may have taken a while; an old price is asked for again."""
    row: dict[str, str] = prices.noted(priced.judgement, priced.asked_at)["price"]
    return row
