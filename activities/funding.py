"""Money for an order: quote, balance, a place in line."""

from datetime import timedelta

from sqlmodel import select
from temporalio import activity
from temporalio.client import Client

from activities.calling_off import stopped
from activities.failures import after_failed_read, database_in_words
from activities.troubles import FailureNotes, kept_back
from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.enums import FailureClass, ReservationState, Stage
from models.messages import Funds, FundsGranted, FundsResult, OrderRef
from models.money import Money
from models.order import Intent, Operation, Reservation
from orders.errors import ByHand, NoMapping
from orders.lifecycle.fast_path import MONEY_SET_ASIDE
from orders.lifecycle.stages import enter, locked_operation
from orders.money import funds, prices
from orders.money.balance import BalanceReader, judge_minimum, note_balance
from orders.money.pricing import Priced, Pricing, is_fresh
from orders.operations.job import Job, load_job
from orders.operations.place import place_of
from orders.services import naming
from orders.settlement import intents
from temporal.signals import signal
from upstreams.connections import Connections
from upstreams.errors import UpstreamError
from upstreams.kinds import adapter_of
from upstreams.port import Upstream

REQUOTE_WAITING = timedelta(seconds=60)
"""The order at the head of the line has its price asked again when it is so old: it may be cheaper by now."""


def _may_be_paid_for(intent: Intent | None) -> bool:
    """No call of the operation was accepted or may have been: money may be set aside for a new one."""
    return not intents.may_have_charged(intent)


def _before(line_position: funds.LinePosition) -> str:
    """Who is served before, in words: "3 renewals and 1 order"."""
    renewals = line_position.renewals_ahead
    counts = {"renewal": renewals, "order": line_position.ahead - renewals}
    return " and ".join(f"{number} {word}{'s' if number > 1 else ''}" for word, number in counts.items() if number)


def what_is_missing(account: UpstreamAccount, cost: Money, line_position: funds.LinePosition) -> str:
    free = Money(amount=line_position.free, currency=account.currency)
    line = f", {_before(line_position)}, then yours" if line_position.ahead else ""
    if line_position.refused and free.amount >= cost.amount:
        patience = funds.REFUSAL_PATIENCE.total_seconds() / 60
        return (
            f"the upstream refused it for lack of money. By its balance and our credit limit {free} are free, and "
            f"{cost} are needed. It is tried again when the balance of account {account.name} has grown, or after "
            f"{patience:.0f} minutes"
        )
    return f"{cost} needed, {free} free on account {account.name}{line}"


class FundsActivities:
    """One instance per worker: it shares readings and quotes between orders."""

    def __init__(
        self,
        database: Database,
        connections: Connections,
        client: Client,
        balances: BalanceReader,
        pricing: Pricing,
    ) -> None:
        self._database = database
        self._connections = connections
        self._client = client
        self._balances = balances
        self._troubles = FailureNotes(database)
        self._pricing = pricing

    @activity.defn
    async def reserve_funds(self, ref: OrderRef) -> FundsResult:
        """Does the work of `reserve`, for runs that were started before money and request were one activity."""
        async with self._troubles.at_work(ref.operation):
            return await self.reserve(ref)

    async def reserve(self, ref: OrderRef) -> FundsResult:
        """Set money aside for this order, or get it in line. Granted money stays granted until charged or released."""
        with database_in_words():
            why_not = await stopped(self._database, ref.operation)
        if why_not is not None:
            return why_not
        try:
            with database_in_words():
                job = await load_job(self._database, ref.operation)
        except ByHand as reason:
            return FundsResult(outcome=Funds.BY_HAND, reason=str(reason))
        except NoMapping as fault:
            return FundsResult(outcome=Funds.ATTENTION, reason=str(fault), failure=FailureClass.SETUP_FAULT)
        if not job.operation.stage.is_running:
            return FundsResult(outcome=Funds.ENDED, stage=job.operation.stage)
        if job.operation.stage is Stage.NEEDS_ATTENTION:
            return FundsResult(
                outcome=Funds.ATTENTION, reason=job.operation.reason, failure=job.operation.failure_class
            )
        if not _may_be_paid_for(job.intent):
            return FundsResult(outcome=Funds.NOT_NEEDED)  # sent already, perhaps: to be settled, not paid again
        if (why_not_now := kept_back(job)) is not None:
            return await self.in_trouble(job, ref, why_not_now)
        try:
            upstream = await self._connections.to(job.account)
            gate = self._connections.gate_of(job.account)
            gate.check_request(job.about, job.operation.kind.value)
            with database_in_words():
                priced = await self._pricing.price(job, upstream)
            cost = priced.judgement.cost
            sets_aside = cost is not None and cost.amount > 0 and job.capabilities.balance
            if priced.judgement.objection is not None or cost is None or not sets_aside:
                return await self._without_a_line(job, priced)
            reading = await self._balances.reading(job.account, upstream)
        except UpstreamError as error:
            return await self.in_trouble(job, ref, error)
        with database_in_words():
            return await self._get_in_line(job, priced, cost, reading)

    async def _without_a_line(self, job: Job, priced: Priced) -> FundsResult:
        """Nothing is to be set aside: a person has to see the price, or there is nothing to pay, or the upstream shows
        no balance. Such an order waits for nobody."""
        judgement = priced.judgement
        with database_in_words():
            async with self._database.write() as session:
                operation = await locked_operation(session, job.number)
                if not operation.stage.is_running:
                    return FundsResult(outcome=Funds.ENDED, stage=operation.stage)
                if not _may_be_paid_for(await intents.latest(session, job.number)):
                    return FundsResult(outcome=Funds.NOT_NEEDED)
                await funds.release(session, job.number)
                prices.note(operation, judgement, priced.asked_at)
                session.add(operation)
        if judgement.objection is None:
            return FundsResult(outcome=Funds.NOT_NEEDED)
        return FundsResult(
            outcome=Funds.ATTENTION, reason=judgement.objection.reason, failure=judgement.objection.failure
        )

    async def _get_in_line(self, job: Job, priced: Priced, cost: Money, reading: funds.BalanceReading) -> FundsResult:
        async with self._database.write() as session:
            # The operation before the account, as everywhere; and as it is now: it may have ended, or been sent by
            # another attempt, while the balance was read.
            operation = await locked_operation(session, job.number)
            if not operation.stage.is_running:
                return FundsResult(outcome=Funds.ENDED, stage=operation.stage)
            if operation.called_off_at is not None:
                return FundsResult(outcome=Funds.CALLED_OFF)
            if not _may_be_paid_for(await intents.latest(session, job.number)):
                return FundsResult(outcome=Funds.NOT_NEEDED)
            await funds.request(session, job.account_id, job.number, cost, place_of(operation, job.service))
            granted = await funds.grant_waiting(session, job.account_id, reading)
            line_position = await funds.line_position(session, job.account, job.number, reading)
            prices.note(operation, priced.judgement, priced.asked_at)
            free = Money(amount=line_position.free, currency=job.account.currency)
            reason = ""
            if line_position.granted and operation.stage is Stage.RETRYING:
                pass  # why it is tried again is what people are to see, until something is sent
            elif line_position.granted:
                await enter(session, operation, Stage.CHECKING_BALANCE, MONEY_SET_ASIDE)
            else:
                reason = what_is_missing(job.account, cost, line_position)
                await enter(session, operation, Stage.WAITING_FOR_FUNDS, reason, failure=FailureClass.FUNDS)
                operation.next_try_at = line_position.asked_again_at
            session.add(operation)
        await self.wake_granted([number for number in granted if number != job.number])
        return FundsResult(
            outcome=Funds.GRANTED if line_position.granted else Funds.WAITING,
            required=str(cost),
            free=str(free),
            ahead=line_position.ahead,
            reason=reason,
        )

    async def wake_granted(self, operations: list[int]) -> None:
        """Wake the orders that were given money. No harm if an order is notified twice, or not yet."""
        for number in operations:
            async with self._database.read() as session:
                operation = await session.get_one(Operation, number)
                entry = (await session.exec(select(Reservation).where(Reservation.operation_id == number))).one()
            workflow_id = naming.workflow_id(operation.service_id, operation.kind, number)
            stamp = entry.granted_at.isoformat() if entry.granted_at else ""
            await signal(
                self._client, workflow_id, "funds_granted", FundsGranted(operation=number), f"funds-{number}-{stamp}"
            )

    async def grant_waiting(self, account_id: int) -> None:
        """Read the balance anew and give it to those in line; called by the poller while orders wait for money."""
        async with self._database.read() as session:
            account = await session.get_one(UpstreamAccount, account_id)
        upstream = await self._connections.to(account)
        reading = await self._balances.reading(account, upstream, fresh=True)
        await self._price_the_head_again(account_id, upstream, reading)
        async with self._database.write() as session:
            await funds.recount(session, account_id)
            await funds.grant_waiting(session, account_id, reading)
            await judge_minimum(session, await funds.locked_account(session, account_id), reading)
            waiting = await session.exec(
                select(Operation.id)
                .join(Reservation, Reservation.operation_id == Operation.id)  # type: ignore[arg-type]
                .where(
                    Reservation.account_id == account_id,
                    Reservation.state == ReservationState.GRANTED,
                    Operation.stage == Stage.WAITING_FOR_FUNDS,
                )
            )
            granted = [number for number in waiting.all() if number is not None]
        await self.wake_granted(sorted(granted))

    async def watch_balance(self, account_id: int) -> None:
        """Read the balance although nobody orders, so that people know in time; called by the poller now and then."""
        async with self._database.read() as session:
            account = await session.get_one(UpstreamAccount, account_id)
        if not adapter_of(account.kind).capabilities.balance:
            return
        upstream = await self._connections.to(account)
        reading = await self._balances.reading(account, upstream, fresh=True)
        await note_balance(self._database, account_id, reading)

    async def _price_the_head_again(self, account_id: int, upstream: Upstream, reading: funds.BalanceReading) -> None:
        """The first in line may wait for a price that is not true any more. What is dearer by now is seen to before it
        is sent."""
        async with self._database.read() as session:
            head = await funds.first_waiting(session, account_id)
            operation = await session.get_one(Operation, head) if head is not None else None
        if head is None or operation is None or operation.stage is not Stage.WAITING_FOR_FUNDS:
            return
        if is_fresh(operation.price.get("quoted_at", ""), utc_now(), REQUOTE_WAITING):
            return
        try:
            job = await load_job(self._database, head)
        except (ByHand, NoMapping):
            return  # said when its turn comes
        try:
            with database_in_words():
                priced = await self._pricing.price(job, upstream)
        except UpstreamError as error:
            activity.logger.info("operation %s: its price can't be asked again just now: %s", head, error)
            return
        except Exception:
            # Nobody foresaw it. It is said when this order's turn comes; the money of the others must not wait for it.
            activity.logger.exception("operation %s: asking its price again failed", head)
            return
        cost = priced.judgement.cost
        if priced.judgement.objection is not None or cost is None:
            return
        async with self._database.write() as session:
            operation = await locked_operation(session, head)
            if operation.stage is not Stage.WAITING_FOR_FUNDS:
                return
            await funds.request(session, account_id, head, cost, place_of(operation, job.service))
            line_position = await funds.line_position(session, job.account, head, reading)
            changed = operation.cost != cost
            prices.note(operation, priced.judgement, priced.asked_at)
            session.add(operation)
            if changed:
                reason = what_is_missing(job.account, cost, line_position)
                await enter(session, operation, Stage.WAITING_FOR_FUNDS, reason, failure=FailureClass.FUNDS)

    async def in_trouble(self, job: Job, ref: OrderRef, error: UpstreamError) -> FundsResult:
        """The upstream could not be asked: nothing is set aside."""
        await self._troubles.note_health(job, error)
        if ref.patient:
            raise after_failed_read(error, activity.info().attempt)
        await self._troubles.show_retrying(job, error)
        return FundsResult(outcome=Funds.TROUBLE, failure=error.failure_class, reason=error.message)
