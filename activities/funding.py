"""Money for an order: quote, balance, a place in line."""

import time

from sqlmodel import select
from temporalio import activity
from temporalio.client import Client

from activities.balance import BalanceReader
from activities.failures import after_failed_read, database_in_words
from activities.job import Job, load_job
from activities.kinds import KINDS
from activities.signals import signal
from activities.troubles import Troubles
from models.catalogue import UpstreamAccount
from models.database import Database
from models.enums import FailureClass, OperationKind, ReservationState, Stage
from models.messages import Funds, FundsGranted, FundsResult, OrderRef
from models.money import Money
from models.order import Intent, Operation, Reservation
from orders import funds, intents, naming, paying
from orders.errors import ByHand, NoMapping
from orders.stages import enter, locked_operation
from upstreams.connections import Connections
from upstreams.errors import AlreadyExists, NotEnoughMoney, NotYet, Rejected, SetupFault, UpstreamError
from upstreams.port import Upstream

QUOTE_SECONDS = 600.0
"""A quoted price is good for so long."""
QUOTE_SLACK = 3
"""A quote this many times off the expected cost was misread; the expected cost is used."""


def _may_be_paid_for(intent: Intent | None) -> bool:
    """No call of the operation was accepted or may have been: money may be set aside for a new one."""
    return not intents.may_have_charged(intent)


def _was_refused_for_funds(intent: Intent | None) -> bool:
    return intent is not None and intent.failure_class is FailureClass.FUNDS


class FundsActivities:
    """One instance per worker: it shares readings and quotes between orders."""

    def __init__(self, database: Database, connections: Connections, client: Client, balances: BalanceReader) -> None:
        self._database = database
        self._connections = connections
        self._client = client
        self._balances = balances
        self._troubles = Troubles(database)
        self._quotes: dict[tuple[object, ...], tuple[Money, float]] = {}

    @activity.defn
    async def reserve_funds(self, ref: OrderRef) -> FundsResult:
        """Set money aside for this order, or get it in line. Granted money stays granted until charged or released."""
        async with self._troubles.at_work(ref.operation):
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
            try:
                upstream = await self._connections.to(job.account)
                cost = await self._quote(job, upstream)
                if cost is None:
                    await self._note_free_of_charge(job)
                    return FundsResult(outcome=Funds.NOT_NEEDED)
                reading = await self._balances.reading(job.account, upstream)
            except UpstreamError as error:
                return await self._trouble_with_funds(job, ref, error)
            with database_in_words():
                return await self._get_in_line(job, cost, reading)

    async def _note_free_of_charge(self, job: Job) -> None:
        with database_in_words():
            async with self._database.write() as session:
                operation = await locked_operation(session, job.number)
                operation.cost_amount = operation.cost_currency = None
                session.add(operation)
                await funds.release(session, job.number)

    async def _get_in_line(self, job: Job, cost: Money, reading: funds.Reading) -> FundsResult:
        async with self._database.write() as session:
            # The operation before the account, as everywhere; and as it is now: it may have ended, or been sent by
            # another attempt, while the balance was read.
            operation = await locked_operation(session, job.number)
            if not operation.stage.is_running:
                return FundsResult(outcome=Funds.ENDED, stage=operation.stage)
            if not _may_be_paid_for(await intents.latest(session, job.number)):
                return FundsResult(outcome=Funds.NOT_NEEDED)
            await funds.request(session, job.account_id, job.number, cost)
            granted = await funds.give_out(session, job.account_id, reading)
            standing = await funds.standing(session, job.account, job.number, reading)
            operation.cost_amount, operation.cost_currency = cost.amount, cost.currency
            currency = cost.currency
            free = Money(amount=standing.free, currency=currency)
            reason = ""
            if standing.granted:
                await enter(session, operation, Stage.CHECKING_BALANCE, "money set aside")
            else:
                plural = "" if standing.ahead == 1 else "s"
                line = f", {standing.ahead} order{plural} ahead" if standing.ahead else ""
                reason = f"{cost} needed, {free} free on account {job.account.name}{line}"
                await enter(session, operation, Stage.WAITING_FOR_FUNDS, reason, failure=FailureClass.FUNDS)
            session.add(operation)
        await self.tell_granted([number for number in granted if number != job.number])
        return FundsResult(
            outcome=Funds.GRANTED if standing.granted else Funds.WAITING,
            required=str(cost),
            free=str(free),
            ahead=standing.ahead,
            reason=reason,
        )

    async def tell_granted(self, operations: list[int]) -> None:
        """Wake the orders that were given money. Orders that are told twice, or not at all for now, take no harm."""
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
        async with self._database.write() as session:
            await funds.give_out(session, account_id, reading)
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
        await self.tell_granted(sorted(granted))

    async def _quote(self, job: Job, upstream: Upstream) -> Money | None:
        """What it will cost: the upstream's own word where it can be read, else the catalogue's. None: nothing."""
        async with self._database.read() as session:
            to_pay = await paying.price_to_pay(session, job.number)
        if to_pay is not None:
            return to_pay  # what the upstream's cart shows for this very order
        key = self._quote_key(job)
        known = self._quotes.get(key) if key else None
        if known is not None and time.monotonic() - known[1] < QUOTE_SECONDS:
            return known[0]
        try:
            quoted = await KINDS[job.operation.kind].quote(job, upstream)
        except (Rejected, SetupFault, AlreadyExists, NotYet, NotEnoughMoney):
            quoted = None  # the request itself will say it, with the right field
        cost = self._believed(job, quoted.price if quoted else None)
        if key and cost is not None:
            self._quotes[key] = (cost, time.monotonic())
        return cost

    def _quote_key(self, job: Job) -> tuple[object, ...] | None:
        """Openings of the same tariff cost the same; what happens to an existing service has its own price."""
        if job.operation.kind is not OperationKind.OPEN:
            return None
        spec = job.order_spec()
        return (job.account.name, spec.pricelist, spec.period, spec.datacenter, tuple(sorted(spec.addons.items())))

    def _believed(self, job: Job, quoted: Money | None) -> Money | None:
        if job.operation.kind not in (OperationKind.OPEN, OperationKind.PROLONG):
            if quoted is not None and quoted.amount > 0:
                return quoted
            return job.operation.cost if _was_refused_for_funds(job.intent) else None
        expected = job.cost
        if (
            quoted is not None
            and quoted.currency == expected.currency
            and expected.amount / QUOTE_SLACK <= quoted.amount <= expected.amount * QUOTE_SLACK
        ):
            return quoted
        return expected

    async def _trouble_with_funds(self, job: Job, ref: OrderRef, error: UpstreamError) -> FundsResult:
        await self._troubles.note_health(job, error)
        if ref.patient:
            raise after_failed_read(error, activity.info().attempt)
        await self._troubles.show_retrying(job, error)
        return FundsResult(outcome=Funds.TROUBLE, failure=error.failure_class, reason=error.message)
