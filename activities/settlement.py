"""What became of a request whose answer was lost, and asking the upstream when no event comes."""

from datetime import timedelta

from temporalio import activity

from activities.failures import after_failed_read, database_in_words, look_again
from activities.troubles import FailureNotes, check_healthy
from models.columns import utc_now
from models.database import Database
from models.enums import FailureClass, IntentState, IntentStep, OperationKind, Stage, UpstreamStatus
from models.invariants import required
from models.leases import LeaseTerms
from models.messages import Look, OrderRef, Submission, SubmitResult
from models.order import Intent, Service
from models.patience import Patience
from orders import events
from orders.carts import leftovers, paying
from orders.carts.rows import Left, debt_of, find_out_payment, left_in_cart
from orders.errors import ByHand
from orders.lifecycle import causes
from orders.lifecycle.stages import enter, locked_operation
from orders.operations.item import item_number
from orders.operations.job import Job, load_job
from orders.operations.registry import operation_type
from orders.operations.seen import Seen
from orders.restoration.proof import stricter
from orders.services.history import origin_of
from orders.settlement import intents
from orders.settlement.charges import report_not_charged, unless_charged, unless_not_charged
from orders.settlement.lookup import keep_evidence
from orders.settlement.namesakes import namesakes
from orders.settlement.second_items import report_second
from orders.settlement.verdicts import Judgement, Verdict
from upstreams.connections import Connections
from upstreams.errors import ConnectionUnhealthy, NoSuchItem, Rejected, Scope, SetupFault, UpstreamError
from upstreams.port import Upstream, UpstreamItem


class SettleActivities:
    def __init__(
        self,
        database: Database,
        connections: Connections,
        *,
        settle_window: timedelta,
        terms: LeaseTerms,
        patience: Patience,
    ) -> None:
        self._database = database
        self._terms = terms
        self._patience = patience
        self._connections = connections
        self._settle_window = settle_window
        self._troubles = FailureNotes(database)

    @activity.defn
    async def settle(self, ref: OrderRef) -> SubmitResult:
        """Find out what became of a request. Looks, and looks again by Temporal's retry, until there is proof."""
        async with self._troubles.at_work(ref.operation):
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
            if intents.leaves_unpaid(intent):
                return SubmitResult(outcome=Submission.UNPAID)
            if (
                intent.step is IntentStep.SEND
                and job.service.upstream_number
                and (job.operation.kind is OperationKind.OPEN or intent.state is IntentState.ACCEPTED)
            ):
                return SubmitResult(outcome=Submission.ACCEPTED, upstream_number=job.service.upstream_number)
            if intent.state is IntentState.PREPARED:
                words = "a worker stopped before the answer was written down"
                since = self._terms.silent_since(intent)
                await self._troubles.mark_unknown(job, intent, words, unknown_since=since)
                with database_in_words():
                    job = await load_job(self._database, ref.operation)  # since when it is unknown is part of the proof
                intent = job.intent or intent
            try:
                check_healthy(job)
                upstream = await self._connections.to(job.account)
                with self._connections.settling(job.account.name, job.about):
                    judgement = await self._find_out(job, intent, upstream)
                    with database_in_words():
                        await keep_evidence(self._database, intent, _noted(judgement))
                    left = await self._left_in_cart(job, intent, upstream, judgement)
                    numbers = judgement.numbers
                    opened = job.operation.kind is OperationKind.OPEN and intent.step is IntentStep.SEND
                    if judgement.verdict is Verdict.DONE and opened and left.unpaid is None:
                        unpaid = await leftovers.unpaid_among(self._database, job, intent, upstream, numbers)
                        if len(unpaid) == len(numbers):
                            cleared = await self._clear(job, intent, upstream, unpaid)
                            if cleared is not None:
                                return cleared
                        numbers = _paid_first(numbers, unpaid)
            except UpstreamError as error:
                await self._troubles.note_health(job, error)
                raise after_failed_read(error, activity.info().attempt) from None
            with database_in_words():
                if left.unpaid is not None:
                    return await self._left_unpaid(job, intent, left)
                if left.strangers:
                    reason = f"can't tell whose these rows of the cart are: {left.labels}; nothing is sent before that"
                    return SubmitResult(
                        outcome=Submission.ATTENTION, failure=FailureClass.OUTCOME_UNKNOWN, reason=reason
                    )
                match judgement.verdict:
                    case Verdict.DONE:
                        return await self._adopt(job, intent, judgement, numbers)
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

    async def _clear(
        self, job: Job, intent: Intent, upstream: Upstream, unpaid: list[UpstreamItem]
    ) -> SubmitResult | None:
        """What was found was ordered and never paid for. None: it was paid meanwhile, and is to be adopted."""
        lost = intent.failure_class not in (FailureClass.FUNDS, FailureClass.EXISTS)
        reasons = []
        for item in unpaid:
            dealt = await leftovers.clear_up(self._database, job, intent, upstream, item.number)
            reasons.append(dealt.reason)
            match dealt.result:
                case leftovers.CleanupResult.PAID:
                    return None
                case leftovers.CleanupResult.DOUBTFUL:
                    reason = f"{dealt.reason}. {leftovers.ASK_FOR_IT_BACK}"
                    return SubmitResult(
                        outcome=Submission.ATTENTION, failure=FailureClass.OUTCOME_UNKNOWN, reason=reason
                    )
                case leftovers.CleanupResult.LEFT if not lost:
                    reason = f"{dealt.reason}. Pay it there, or delete it there; then retry"
                    return SubmitResult(outcome=Submission.ATTENTION, failure=FailureClass.EXISTS, reason=reason)
                case leftovers.CleanupResult.LEFT | leftovers.CleanupResult.REMOVED:
                    pass
        reason = "; ".join(reasons)
        with database_in_words():
            if lost:
                return await self._refused_after_all(job, intent, upstream, reason)
            return await self._not_done(job, intent, reason, cleared=True)

    async def _refused_after_all(self, job: Job, intent: Intent, upstream: Upstream, reason: str) -> SubmitResult:
        """The lost answer was a refusal for want of money: back into the line."""
        balance = (await upstream.balance()).amount.amount
        words = f"the answer was lost, but nothing was charged: there was not enough money; {reason}"
        async with self._database.write() as session:
            await locked_operation(session, job.number)
            stored = await intents.current(session, intent)
            await intents.refuse(session, stored, message=words, failure=FailureClass.FUNDS, balance=balance)
        return SubmitResult(outcome=Submission.FUNDS, failure=FailureClass.FUNDS, reason=words)

    async def _find_out(self, job: Job, intent: Intent, upstream: Upstream) -> Judgement:
        debt = await debt_of(self._database, job)
        if intent.step is not IntentStep.SEND and debt is not None:
            return await find_out_payment(self._database, job, upstream, debt, self._settle_window, sent=intent)
        found = await operation_type(job.operation.kind).find_out(self._database, job, upstream, self._settle_window)
        if job.operation.kind is not OperationKind.OPEN:
            found = await stricter(job, intent, upstream, found)
        found = await unless_charged(self._database, job, intent, upstream, found, self._settle_window)
        return await unless_not_charged(self._database, job, intent, upstream, found, self._settle_window)

    async def _left_in_cart(self, job: Job, intent: Intent, upstream: Upstream, judgement: Judgement) -> Left:
        """A request whose answer was lost, or said too little, may have ended in the cart.

        Then it is to be paid: it is neither done nor to be sent again.
        """
        if intent.step is not IntentStep.SEND:
            return Left()
        opening = job.operation.kind is OperationKind.OPEN
        match judgement.verdict:
            case Verdict.DONE if opening:
                item = await upstream.read_item(job.service.product_type, judgement.numbers[0])
                if item.status is not UpstreamStatus.ORDERED:
                    return Left()
                left = await left_in_cart(self._database, job, upstream, item.number)
                return Left(ours=left.ours)
            case Verdict.NOT_DONE if opening or job.operation.kind in paying.CHARGED_FOR:
                left = await left_in_cart(self._database, job, upstream)
                return left if opening else Left(ours=left.ours)
            case _:
                return Left()

    async def _left_unpaid(self, job: Job, intent: Intent, left: Left) -> SubmitResult:
        unpaid = required(left.unpaid, "the row that is unpaid")
        async with self._database.write() as session:
            operation = await locked_operation(session, job.number)
            if operation.stage.is_final:
                return SubmitResult(outcome=Submission.ENDED, stage=operation.stage)
            stored = await intents.current(session, intent)
            await intents.accept_unpaid(session, stored, unpaid.kind, unpaid.number)
            await enter(session, operation, Stage.SUBMITTING, f"found in the cart: {left.labels}")
        return SubmitResult(outcome=Submission.UNPAID, reason=f"found in the cart: {left.labels}")

    async def _is_unpaid_after_all(self, job: Job, item: UpstreamItem, upstream: Upstream) -> bool:
        """It counts as charged, has not come about, and is in the cart: its answer did not say so."""
        intent = job.intent
        if intent is None or intent.state is not IntentState.ACCEPTED or intent.step is not IntentStep.SEND:
            return False
        if intents.leaves_unpaid(intent) or job.operation.kind not in paying.CHARGED_FOR:
            return False
        if item.status is UpstreamStatus.PROCESSING:
            return False  # it is being worked on, so it is paid
        try:
            left = await left_in_cart(self._database, job, upstream)
        except UpstreamError as error:
            activity.logger.info("operation %s: the cart can't be read: %s", job.number, error)
            return False
        return left.unpaid is not None and (await self._left_unpaid(job, intent, left)).outcome is Submission.UNPAID

    async def _adopt(self, job: Job, intent: Intent, judgement: Judgement, numbers: tuple[str, ...]) -> SubmitResult:
        first, *others = numbers
        async with self._database.write() as session:
            operation = await locked_operation(session, job.number)
            if operation.stage.is_final:
                return SubmitResult(outcome=Submission.ENDED, stage=operation.stage)
            service = await session.get_one(Service, operation.service_id)
            stored = await intents.current(session, intent)
            await intents.accept(session, stored, service, first, origin_of(operation))
            found_by = "found by its mark" if intent.step is IntentStep.SEND else "seen to be paid"
            await enter(session, operation, Stage.AWAITING_CONFIRMATION, f"item {first}, {found_by}")
            await paying.leave_cart(session, job.account_id, job.number)
            await report_not_charged(session, operation, stored, judgement)
            reason = ""
            if others:
                reason = (
                    f"item {first} was adopted, but {', '.join(others)} carry the same mark: paid twice at the "
                    "upstream? Look at both there, and delete the one that is not wanted"
                )
                for other in others:
                    await report_second(session, service, other, operation=job.number)
        return SubmitResult(
            outcome=Submission.ACCEPTED,
            upstream_number=first,
            reason=reason,
            failure=FailureClass.EXISTS if others else None,
        )

    async def _not_done(self, job: Job, intent: Intent, reason: str, *, cleared: bool = False) -> SubmitResult:
        """`cleared`: what stood in the way is known, and is gone."""
        if intent.failure_class is FailureClass.EXISTS and not cleared:
            async with self._database.write() as session:
                await locked_operation(session, job.number)
                others = await namesakes(session, job.service)
                shown = others or "and shows nothing that this order made"
                words = f"the upstream says that it exists already: {shown}. In its words: {intent.message}"
                stored = await intents.current(session, intent)
                await intents.settle(session, stored, IntentState.NOT_DONE, message=words, failure=FailureClass.EXISTS)
            return SubmitResult(outcome=Submission.ATTENTION, failure=FailureClass.EXISTS, reason=words)
        async with self._database.write() as session:
            await locked_operation(session, job.number)
            stored = await intents.current(session, intent)
            # That money was wanting stays known: a row that it left may come into the list yet. That it was put off,
            # too: how often it was says how long it waits.
            known = stored.failure_class
            kept = known if known in (FailureClass.FUNDS, FailureClass.NOT_YET) else None
            if not await intents.settle(session, stored, IntentState.NOT_DONE, message=reason, failure=kept):
                reason = f"settled meanwhile: {stored.state.value}"
            await paying.leave_cart(session, job.account_id, job.number)
        return SubmitResult(outcome=Submission.NOT_DONE, reason=reason)

    @activity.defn
    async def look(self, ref: OrderRef) -> Look:
        """Read the item once and apply what it shows, as the poller would have."""
        async with self._troubles.at_work(ref.operation):
            try:
                with database_in_words():
                    job = await load_job(self._database, ref.operation)
            except ByHand:
                return Look(
                    status=UpstreamStatus.UNKNOWN, goal_met=True, reason="taken on your word: no upstream shows it"
                )
            try:
                number = item_number(job)  # a person who made the item by hand may not have linked it yet
                check_healthy(job)
                upstream = await self._connections.to(job.account)
                item = await upstream.read_item(job.service.product_type, number)
            except NoSuchItem:
                with database_in_words():
                    await events.record_absence(self._database, job.account_id, job.service.product_type, number)
                reason = f"item {number} does not exist at the upstream (any more)"
                wanted = operation_type(job.operation.kind).ends_service
                return Look(status=UpstreamStatus.DELETED, goal_met=wanted, failed=not wanted, reason=reason)
            except (Rejected, SetupFault) as error:
                return Look(status=UpstreamStatus.UNKNOWN, goal_met=False, reason=error.message)
            except UpstreamError as error:
                if isinstance(error, ConnectionUnhealthy) and error.scope is Scope.OPERATION:
                    return Look(status=UpstreamStatus.UNKNOWN, goal_met=False, reason=error.message)
                await self._troubles.note_health(job, error)
                raise after_failed_read(error, activity.info().attempt) from None
            with database_in_words():
                await events.record_forms(self._database, job.account_id, job.service.product_type, [item])
            seen = Seen.of_form(item)
            type_ = operation_type(job.operation.kind)
            met = type_.outcome(job.operation.parameters, seen)
            if met is None and await self._is_unpaid_after_all(job, item, upstream):
                return Look(status=item.status, goal_met=False, unpaid=True, reason=f"item {number} is not paid yet")
            stuck, words = "", f"asked at {utc_now():%H:%M:%S UTC}: {causes.shown(number, seen)}"
            if met is False and seen.called_off:
                words += f"; {causes.CALLED_OFF_THERE}"
            if met is None:
                waited = utc_now() - job.operation.stage_since
                at_most = self._patience.unchanged(job.operation.kind, job.service.product_type)
                slow = job.operation.slow_since is not None
                stuck = causes.why_stuck(seen, waited, at_most, slow=slow, if_silent=type_.if_silent)
                words += "".join(
                    f"; {more}" for more in (type_.missing(type_.asked(job.operation), seen), stuck) if more
                )
            return Look(status=item.status, goal_met=met is True, failed=met is False or bool(stuck), reason=words)


def _paid_first(numbers: tuple[str, ...], unpaid: list[UpstreamItem]) -> tuple[str, ...]:
    """Put items that were paid for first: if several have our mark, the first is adopted."""
    last = {item.number for item in unpaid}
    return tuple(sorted(numbers, key=lambda number: number in last))


def _noted(judgement: Judgement) -> dict[str, object]:
    """The verdict and what it rests on, as people read it."""
    now = utc_now().isoformat(timespec="seconds")
    return {
        "verdict": judgement.verdict.value,
        "reason": judgement.reason,
        "looked_at": now,
        **judgement.evidence,
    }
