"""The steps of an order: money, request, settlement, and asking when no event comes."""

import time
from datetime import timedelta
from decimal import Decimal

from sqlmodel import select
from temporalio import activity
from temporalio.client import Client

from activities.balance import BalanceReader
from activities.failures import after_failed_read, database_in_words, look_again, retry_later
from activities.heartbeat import heartbeating
from activities.job import Job, load_job
from activities.lookup import find_out, leftover_of
from activities.signals import signal
from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.enums import FailureClass, IntentState, Knowledge, ReservationState, Stage, UpstreamStatus
from models.goals import goal_failed, goal_met
from models.messages import Funds, FundsGranted, FundsResult, Look, OrderRef, Submission, SubmitResult
from models.money import Money
from models.order import Intent, Operation, Reservation, Service
from orders import events, funds, intents, naming
from orders.errors import NotFound, Refused
from orders.settlement import Verdict
from orders.stages import enter, locked_operation
from upstreams.connections import Connections
from upstreams.errors import (
    AlreadyExists,
    ConnectionUnhealthy,
    NoSuchItem,
    NotEnoughMoney,
    NotSent,
    NotYet,
    OutcomeUnknown,
    Rejected,
    SetupFault,
    UpstreamError,
)
from upstreams.port import OrderSpec, Upstream

QUOTE_SECONDS = 600.0
"""A quoted price is good for so long."""
QUOTE_SLACK = 3
"""A quote this many times off the expected cost was misread; the expected cost is used."""


class OrderActivities:
    """Upstream calls of orders. One instance per worker: it shares readings and quotes between orders."""

    def __init__(
        self, database: Database, connections: Connections, client: Client, *, settle_window: timedelta
    ) -> None:
        self._database = database
        self._connections = connections
        self._client = client
        self._settle_window = settle_window
        self._balances = BalanceReader(database)
        self._quotes: dict[tuple[object, ...], tuple[Money, float]] = {}

    # Money.

    @activity.defn
    async def reserve_funds(self, ref: OrderRef) -> FundsResult:
        """Set money aside for this order, or get it in line. Granted money stays granted until charged or released."""
        async with heartbeating():
            with database_in_words():
                job = await load_job(self._database, ref.operation)
            if job.operation.stage.is_final:
                return FundsResult(outcome=Funds.ENDED, stage=job.operation.stage)
            if job.intent is not None and job.intent.state in (
                IntentState.ACCEPTED,
                IntentState.PREPARED,
                IntentState.UNKNOWN,
            ):
                return FundsResult(outcome=Funds.NOT_NEEDED)  # sent already, perhaps: to be settled, not paid again
            try:
                upstream = await self._connections.to(job.account)
                cost = await self._quote(job, upstream)
                reading = await self._balances.reading(job.account, upstream)
            except UpstreamError as error:
                return await self._trouble_with_funds(job, ref, error)
            with database_in_words():
                return await self._get_in_line(job, cost, reading)

    async def _get_in_line(self, job: Job, cost: Money, reading: funds.Reading) -> FundsResult:
        async with self._database.write() as session:
            await funds.request(session, job.account_id, job.number, cost)
            granted = await funds.give_out(session, job.account_id, reading)
            standing = await funds.standing(session, job.account, job.number, reading)
            operation = await locked_operation(session, job.number)
            operation.cost_amount, operation.cost_currency = cost.amount, cost.currency
            currency = cost.currency
            free = Money(amount=standing.free, currency=currency)
            reason = ""
            if standing.granted:
                await enter(session, operation, Stage.CHECKING_BALANCE, "money set aside")
            else:
                line = f", {standing.ahead} orders ahead" if standing.ahead else ""
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

    async def _quote(self, job: Job, upstream: Upstream) -> Money:
        """What it will cost: the upstream's own word where it can be read, else the catalogue's."""
        spec = job.order_spec()
        key = (job.account.name, spec.pricelist, spec.period, spec.datacenter, tuple(sorted(spec.addons.items())))
        known = self._quotes.get(key)
        if known is not None and time.monotonic() - known[1] < QUOTE_SECONDS:
            return known[0]
        try:
            quoted = await upstream.quote(spec)
        except (Rejected, SetupFault, AlreadyExists, NotYet, NotEnoughMoney):
            quoted = None  # the order itself will say it, with the right field
        cost = job.cost
        if (
            quoted is not None
            and quoted.currency == cost.currency
            and cost.amount / QUOTE_SLACK <= quoted.amount <= cost.amount * QUOTE_SLACK
        ):
            cost = quoted
        self._quotes[key] = (cost, time.monotonic())
        return cost

    async def _trouble_with_funds(self, job: Job, ref: OrderRef, error: UpstreamError) -> FundsResult:
        await self._note_health(job, error)
        if ref.patient:
            raise after_failed_read(error, activity.info().attempt)
        with database_in_words():
            await self._show_retrying(job, error)
        return FundsResult(outcome=Funds.TROUBLE, failure=error.failure_class, reason=error.message)

    # The request.

    @activity.defn
    async def submit(self, ref: OrderRef) -> SubmitResult:
        """Send the request, once: intent, send, settle. Run again after a crash it sends nothing that may have gone."""
        async with heartbeating():
            with database_in_words():
                job = await load_job(self._database, ref.operation)
                known = await self._outcome_so_far(job)
            if known is not None:
                return known
            if job.account.unhealthy_reason:
                error = ConnectionUnhealthy(job.account.unhealthy_reason)
                return await self._trouble_with_request(job, ref, error)
            try:
                upstream = await self._connections.to(job.account)
                spec = job.order_spec()
                obstacle = await self._clear_the_way(job, upstream)
                if obstacle is not None:
                    return obstacle
                before = await self._look_before(job, upstream)
            except UpstreamError as error:
                return await self._trouble_with_request(job, ref, error)
            with database_in_words():
                intent = await self._write_intent(job, spec, before)
            if intent is None:
                return await self.submit_again(ref)
            return await self._send(job, ref, intent, spec, upstream)

    async def submit_again(self, ref: OrderRef) -> SubmitResult:
        """The state has changed since it was read (another attempt, or a person): report what is so now."""
        with database_in_words():
            job = await load_job(self._database, ref.operation)
            known = await self._outcome_so_far(job)
        if known is None:
            raise retry_later(FailureClass.NOT_SENT, "the order changed while it was prepared", activity.info().attempt)
        return known

    async def _outcome_so_far(self, job: Job) -> SubmitResult | None:
        """What an earlier call of this operation came to; None if a call may be made now."""
        if job.operation.stage.is_final:
            return SubmitResult(outcome=Submission.ENDED, stage=job.operation.stage)
        intent = job.intent
        if intent is None:
            return None
        match intent.state:
            case IntentState.ACCEPTED:
                if job.service.upstream_number:
                    return SubmitResult(outcome=Submission.ACCEPTED, upstream_number=job.service.upstream_number)
                return SubmitResult(outcome=Submission.ACCEPTED_UNNUMBERED, reason="accepted without a number")
            case IntentState.PREPARED | IntentState.UNKNOWN:
                reason = intent.message or "a worker stopped between writing the request down and its answer"
                await self._mark_unknown(job, intent, reason)
                return SubmitResult(outcome=Submission.UNKNOWN, reason=reason)
            case IntentState.NOT_SENT | IntentState.REFUSED | IntentState.NOT_DONE | IntentState.ABANDONED:
                return None

    async def _clear_the_way(self, job: Job, upstream: Upstream) -> SubmitResult | None:
        """Before a request is repeated: whatever an earlier one left behind must be known and out of the way."""
        if job.intent is None:
            return None
        found = await leftover_of(self._database, job, upstream)
        if found is None:
            return None
        if found.status is UpstreamStatus.ORDERED and job.intent.failure_class is FailureClass.FUNDS:
            await upstream.delete_unpaid(job.service.product_type, found.number)
            if (await leftover_of(self._database, job, upstream)) is None:
                return None
            reason = f"item {found.number}, ordered and unpaid, is left at the upstream and can't be removed"
            return SubmitResult(outcome=Submission.ATTENTION, failure=FailureClass.EXISTS, reason=reason)
        reason = f"item {found.number} with our mark is at the upstream already"
        return SubmitResult(outcome=Submission.ATTENTION, failure=FailureClass.EXISTS, reason=reason)

    async def _look_before(self, job: Job, upstream: Upstream) -> dict[str, list[str]]:
        """Numbers that carry the name already. Only asked for where the mark alone may not tell them apart later."""
        if job.service.name_is_ours or job.account.lists_return_mark is Knowledge.YES:
            return {}
        listing = await upstream.list_items(job.service.product_type)
        return {"same_name": [item.number for item in listing.items if item.name == job.service.name]}

    async def _write_intent(self, job: Job, spec: OrderSpec, before: dict[str, list[str]]) -> Intent | None:
        request = spec.model_dump(mode="json", exclude={"parameters", "addons"})
        flat = {name: str(value) for name, value in request.items() if value is not None}
        flat |= {f"parameters.{name}": value for name, value in spec.parameters.items()}
        flat |= {f"addons.{name}": value for name, value in spec.addons.items()}
        async with self._database.write() as session:
            operation = await locked_operation(session, job.number)
            if operation.stage.is_final:
                return None
            reservation = await funds.reservation_of(session, job.number)
            if reservation is None or reservation.state is not ReservationState.GRANTED:
                return None
            try:
                intent = await intents.prepare(session, operation, job.account_id, job.service.mark, flat, before)
            except Refused:
                return None
            await enter(session, operation, Stage.SUBMITTING)
            return intent

    async def _send(self, job: Job, ref: OrderRef, intent: Intent, spec: OrderSpec, upstream: Upstream) -> SubmitResult:
        """From here on the request may have gone, unless upstream or network say for certain that it has not."""
        try:
            answer = await upstream.order(spec)
        except NotSent as error:
            await self._settle(intent, IntentState.NOT_SENT, error)
            return await self._trouble_with_request(job, ref, error)
        except OutcomeUnknown as error:
            with database_in_words():
                await self._mark_unknown(job, intent, error.message)
            return SubmitResult(outcome=Submission.UNKNOWN, failure=error.failure_class, reason=error.message)
        except NotEnoughMoney as error:
            return await self._refused_for_funds(job, intent, upstream, error)
        except ConnectionUnhealthy as error:
            await self._settle(intent, IntentState.NOT_SENT, error)
            return await self._trouble_with_request(job, ref, error)
        except NotYet as error:
            await self._settle(intent, IntentState.REFUSED, error)
            return SubmitResult(
                outcome=Submission.NOT_YET,
                failure=error.failure_class,
                reason=error.message,
                not_before=error.not_before,
            )
        except AlreadyExists as error:
            # It may be our own earlier attempt: looked up like a lost answer, and adopted if it carries our mark.
            with database_in_words():
                await self._mark_unknown(job, intent, error.message, failure=FailureClass.EXISTS)
            return SubmitResult(outcome=Submission.UNKNOWN, failure=error.failure_class, reason=error.message)
        except (Rejected, SetupFault) as error:
            await self._refused(intent, error)
            field = error.field if isinstance(error, Rejected) else ""
            return SubmitResult(
                outcome=Submission.ATTENTION, failure=error.failure_class, reason=error.message, field=field
            )
        with database_in_words():
            return await self._accepted(job, intent, answer.upstream_number)

    async def _accepted(self, job: Job, intent: Intent, upstream_number: str | None) -> SubmitResult:
        async with self._database.write() as session:
            operation = await locked_operation(session, job.number)
            service = await session.get_one(Service, operation.service_id)
            stored = await session.get_one(Intent, intent.id)
            account = await funds.locked_account(session, job.account_id)
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
                stored = await session.get_one(Intent, intent.id)
                await intents.refuse(
                    session, stored, message=error.message, failure=error.failure_class, balance=balance
                )
        try:
            left = await leftover_of(self._database, await load_job(self._database, job.number), upstream)
            if left is not None and left.status is UpstreamStatus.ORDERED:
                await upstream.delete_unpaid(job.service.product_type, left.number)
        except UpstreamError as trouble:
            activity.logger.info("operation %s: an unpaid remainder is left for later: %s", job.number, trouble)
        return SubmitResult(outcome=Submission.FUNDS, failure=error.failure_class, reason=error.message)

    async def _refused(self, intent: Intent, error: UpstreamError) -> None:
        with database_in_words():
            async with self._database.write() as session:
                stored = await session.get_one(Intent, intent.id)
                await intents.refuse(session, stored, message=error.message, failure=error.failure_class)

    async def _settle(self, intent: Intent, state: IntentState, error: UpstreamError) -> None:
        with database_in_words():
            async with self._database.write() as session:
                stored = await session.get_one(Intent, intent.id)
                await intents.settle(session, stored, state, message=error.message, failure=error.failure_class)

    async def _mark_unknown(
        self,
        job: Job,
        intent: Intent,
        reason: str,
        *,
        failure: FailureClass = FailureClass.OUTCOME_UNKNOWN,
    ) -> None:
        async with self._database.write() as session:
            operation = await locked_operation(session, job.number)
            stored = await session.get_one(Intent, intent.id)
            await intents.settle(
                session, stored, IntentState.UNKNOWN, message=reason, failure=stored.failure_class or failure
            )
            await enter(session, operation, Stage.OUTCOME_UNKNOWN, reason, failure=failure)

    async def _trouble_with_request(self, job: Job, ref: OrderRef, error: UpstreamError) -> SubmitResult:
        """Nothing was sent, or nothing that counts."""
        match error:
            case Rejected() | SetupFault() | AlreadyExists():
                return SubmitResult(outcome=Submission.ATTENTION, failure=error.failure_class, reason=error.message)
            case _:
                pass
        await self._note_health(job, error)
        if ref.patient:
            raise retry_later(error.failure_class, error.message, activity.info().attempt)
        with database_in_words():
            await self._show_retrying(job, error)
        return SubmitResult(outcome=Submission.TROUBLE, failure=error.failure_class, reason=error.message)

    async def _show_retrying(self, job: Job, error: UpstreamError) -> None:
        async with self._database.write() as session:
            operation = await locked_operation(session, job.number)
            await enter(session, operation, Stage.RETRYING, error.message, failure=error.failure_class)

    async def _note_health(self, job: Job, error: UpstreamError) -> None:
        if isinstance(error, ConnectionUnhealthy | SetupFault):
            with database_in_words():
                if await events.record_health(self._database, job.account_id, error.message):
                    activity.logger.error("upstream %s is unhealthy: %s", job.account.name, error.message)

    # Settlement.

    @activity.defn
    async def settle(self, ref: OrderRef) -> SubmitResult:
        """Find out what became of a request. Looks, and looks again by Temporal's retry, until there is proof."""
        async with heartbeating():
            with database_in_words():
                job = await load_job(self._database, ref.operation)
            if job.operation.stage.is_final:
                return SubmitResult(outcome=Submission.ENDED, stage=job.operation.stage)
            intent = job.intent
            if intent is None or intent.state not in (
                IntentState.PREPARED,
                IntentState.UNKNOWN,
                IntentState.ACCEPTED,
            ):
                return SubmitResult(outcome=Submission.NOT_DONE)
            if job.service.upstream_number:
                return SubmitResult(outcome=Submission.ACCEPTED, upstream_number=job.service.upstream_number)
            if intent.state is IntentState.PREPARED:
                with database_in_words():
                    await self._mark_unknown(job, intent, "a worker stopped before the answer was written down")
            try:
                upstream = await self._connections.to(job.account)
                judgement = await find_out(self._database, job, upstream, self._settle_window)
            except UpstreamError as error:
                await self._note_health(job, error)
                raise after_failed_read(error, activity.info().attempt) from None
            with database_in_words():
                match judgement.verdict:
                    case Verdict.DONE:
                        return await self._adopt(job, intent, judgement.numbers)
                    case Verdict.NOT_DONE:
                        return await self._not_done(job, intent, judgement.reason)
                    case Verdict.CANNOT_TELL:
                        reason = f"cannot tell whether the request was carried out: {judgement.reason}"
                        return SubmitResult(
                            outcome=Submission.ATTENTION, failure=FailureClass.OUTCOME_UNKNOWN, reason=reason
                        )
                    case Verdict.WAIT | Verdict.READ_FORMS:
                        since = intent.unknown_since or intent.settled_at or intent.created_at
                        raise look_again(judgement.reason, utc_now() - since)

    async def _adopt(self, job: Job, intent: Intent, numbers: tuple[str, ...]) -> SubmitResult:
        first, *others = numbers
        async with self._database.write() as session:
            operation = await locked_operation(session, job.number)
            if operation.stage.is_final:
                return SubmitResult(outcome=Submission.ENDED, stage=operation.stage)
            service = await session.get_one(Service, operation.service_id)
            stored = await session.get_one(Intent, intent.id)
            await intents.accept(session, stored, service, first)
            await enter(session, operation, Stage.AWAITING_CONFIRMATION, f"item {first}, found by its mark")
        reason = ""
        if others:
            reason = (
                f"item {first} was adopted, but {', '.join(others)} carry the same mark: paid twice at the upstream?"
            )
        return SubmitResult(
            outcome=Submission.ACCEPTED,
            upstream_number=first,
            reason=reason,
            failure=FailureClass.EXISTS if others else None,
        )

    async def _not_done(self, job: Job, intent: Intent, reason: str) -> SubmitResult:
        if intent.failure_class is FailureClass.EXISTS:
            words = f"the upstream says that it exists already, but shows nothing of ours: {intent.message}"
            async with self._database.write() as session:
                stored = await session.get_one(Intent, intent.id)
                await intents.refuse(session, stored, message=words, failure=FailureClass.EXISTS)
            return SubmitResult(outcome=Submission.ATTENTION, failure=FailureClass.EXISTS, reason=words)
        async with self._database.write() as session:
            stored = await session.get_one(Intent, intent.id)
            await intents.settle(session, stored, IntentState.NOT_DONE, message=reason)
        return SubmitResult(outcome=Submission.NOT_DONE, reason=reason)

    # Asking, when no event has come.

    @activity.defn
    async def look(self, ref: OrderRef) -> Look:
        """Read the item once and apply what it shows, as the poller would have."""
        async with heartbeating():
            with database_in_words():
                job = await load_job(self._database, ref.operation)
            number = job.service.upstream_number
            if not number:
                raise NotFound("upstream number of service", ref.service)
            try:
                upstream = await self._connections.to(job.account)
                item = await upstream.read_item(job.service.product_type, number)
            except NoSuchItem:
                with database_in_words():
                    await events.take_absence(self._database, job.account_id, job.service.product_type, number)
                reason = f"item {number} does not exist at the upstream (any more)"
                return Look(status=UpstreamStatus.DELETED, goal_met=False, failed=True, reason=reason)
            except UpstreamError as error:
                await self._note_health(job, error)
                raise after_failed_read(error, activity.info().attempt) from None
            with database_in_words():
                await events.take_in(
                    self._database, job.account_id, job.service.product_type, [item], complete=False, from_form=True
                )
            met = goal_met(job.operation.kind, item.status)
            failed = goal_failed(job.operation.kind, item.status) or (item.status is UpstreamStatus.ORDERED and not met)
            words = f"asked at {utc_now():%H:%M:%S UTC}: item {number} is {item.status.name.lower()}"
            return Look(status=item.status, goal_met=met, failed=failed, reason=words)
