"""An order's way: money, request, confirmation. One workflow per operation; see docs/architecture.md."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from temporalio import workflow

from models.enums import FailureClass, Stage, UpstreamStatus
from models.goals import goal_failed, goal_met
from models.messages import (
    DecisionKind,
    Funds,
    FundsResult,
    Look,
    ManualTask,
    ManualWork,
    OrderInput,
    OrderResult,
    StageReport,
    StepResult,
    Submission,
    SubmitResult,
    UpstreamEventMessage,
)
from workflows import calls
from workflows.exits import ByHand, CalledOff, Ended, NeedsAttention
from workflows.order_messages import BY_THE_ACTIVITY, OrderMessages

R = TypeVar("R", FundsResult, SubmitResult, StepResult)
R_co = TypeVar("R_co", FundsResult, SubmitResult, StepResult, covariant=True)


class _Call(Protocol[R_co]):
    def __call__(self, order: OrderInput, *, patient: bool) -> Coroutine[Any, Any, R_co]: ...


SETTLES_AGAIN = "settles-again-when-an-item-of-ours-appears"
LOOKS_FOR_THE_DELETED = "looks-for-an-item-that-is-said-to-be-deleted"
COMPLETES_LATE = "completes-late-without-a-person"
WANTED_AFTER_ALL = "is-wanted-after-all-if-the-database-says-so"
HEEDS_EARLY_EVENTS = "heeds-what-came-before-it-waited-for-money"
NOT_BEFORE_PAUSE = timedelta(minutes=1)
"""A "not before" date may have passed here and not there: clocks and time zones differ. Longer pauses, which grow, are
part of the date that the activity returns."""


@workflow.defn
class ServiceOrder(OrderMessages):
    """Runs one operation on one service to its end. It never gives up: what it can't finish waits for a person."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        self._show(Stage.CHECKING_BALANCE)
        try:
            while not (await self._is_done() and await self._is_completed()):
                pass
            self._enter(Stage.COMPLETED)
        except Ended as ended:
            self._enter(ended.stage)
        self._state.over = True
        await workflow.wait_condition(workflow.all_handlers_finished)
        return OrderResult(
            stage=self._state.stage,
            service=order.service,
            operation=order.operation,
            upstream_number=self._state.number,
        )

    # The story, step by step.

    async def _is_done(self) -> bool:
        """Once through the story. False: it begins anew, by a person's decision, because it was called off, or because
        something is still to be paid."""
        try:
            try:
                if self._state.clearing:
                    await self._clear_away()
                if self._state.appeared:
                    await self._settle_again()
                await self._submit_until_accepted()
                if not await self._await_confirmation():
                    self._state.number = ""
                    return False
            except ByHand as work:
                await self._await_manual_work(work.reason)
            except NeedsAttention as trouble:
                await self._ask_a_person(trouble)
                return False
        except CalledOff:
            self._state.unwanted = self._state.clearing = True
            return False
        return True

    async def _is_completed(self) -> bool:
        """False: the database knows nothing of the event that ended the wait. Whoever may write to Temporal can signal
        one; it is forgotten, and the order goes on waiting."""
        event = None if self._state.done_by else self._deciding_event()
        ended = await calls.complete_operation(self._order, self._state.done_by, event)
        if event is None or ended is None or ended.confirmed:
            return True
        del self._state.seen[event.event_id]
        self._state.heeded = min(self._state.heeded, len(self._state.seen))
        self.signal_dropped(
            f"signal upstream_event was dropped: no event {event.event_id[:64]} is written in the database"
        )
        return False

    async def _submit_until_accepted(self) -> None:
        """Until the upstream has accepted our request and we know which item it is."""
        while not self._state.number:
            result = await (self._in_one_step() if self._order.in_one_step else self._in_two_steps())
            if result.outcome in (Submission.UNKNOWN, Submission.ACCEPTED_UNNUMBERED):
                self._enter(Stage.OUTCOME_UNKNOWN, result.reason, failure=result.failure, next_try=BY_THE_ACTIVITY)
                self._state.heeded = len(self._state.seen)
                result = await calls.settle(self._order)
            await self._take(result)

    async def _in_one_step(self) -> SubmitResult:
        """Money and request by one activity, unless there is money to be waited for between them."""
        self._enter(Stage.CHECKING_BALANCE)
        self._state.funds_granted = False
        before = len(self._state.seen)
        result = await self._with_retries(calls.carry_out, lambda step: step.in_trouble)
        if result.request is not None:
            self._state.heeded = before
            return result.request
        if self._must_wait(result.funds):
            # An item of ours that comes to life meanwhile was paid by the upstream itself: then it is to be adopted.
            # It may have done so before this run knew that it must wait: what came since the last look counts, too.
            self._enter(Stage.WAITING_FOR_FUNDS, result.funds.reason, failure=FailureClass.FUNDS)
            await self._wait(lambda: self._state.funds_granted or len(self._state.seen) > self._state.heeded)
        return await self._request()

    async def _in_two_steps(self) -> SubmitResult:
        """Runs that were started before both were one activity."""
        await self._secure_funds()
        return await self._request()

    async def _request(self) -> SubmitResult:
        self._enter(Stage.SUBMITTING)
        self._state.heeded = len(self._state.seen)
        return await self._with_retries(calls.submit, lambda sent: sent.outcome is Submission.TROUBLE)

    async def _settle_again(self) -> None:
        """An item of ours has come to light: adopted on proof. Whatever else is found, the same person is asked."""
        self._state.appeared = False
        self._state.heeded = len(self._state.seen)
        result = await calls.settle(self._order)
        if self._interrupted():
            self._act_on_decision()
        await self._take(result)

    async def _clear_away(self) -> None:
        """Called off: it ends here, unless it turns out to be bought, or cannot be known."""
        self._state.clearing = False
        self._enter(Stage.OUTCOME_UNKNOWN, "called off", next_try=BY_THE_ACTIVITY)
        result = await calls.call_off(self._order)
        if result.outcome is Submission.NOT_DONE and workflow.patched(WANTED_AFTER_ALL):
            self._state.unwanted = False  # the database knows nothing of it: somebody sent the signal by hand
        if result.outcome in (Submission.UNKNOWN, Submission.ACCEPTED_UNNUMBERED):
            result = await calls.settle(self._order)
        await self._take(result)

    async def _secure_funds(self) -> None:
        self._enter(Stage.CHECKING_BALANCE)
        self._state.funds_granted = False
        result = await self._with_retries(calls.reserve_funds, lambda funds: funds.outcome is Funds.TROUBLE)
        if self._must_wait(result):
            self._enter(Stage.WAITING_FOR_FUNDS, result.reason, failure=FailureClass.FUNDS)
            known = len(self._state.seen)
            if known > self._state.heeded and workflow.patched(HEEDS_EARLY_EVENTS):
                known = self._state.heeded
            await self._wait(lambda: self._state.funds_granted or len(self._state.seen) > known)

    def _must_wait(self, result: FundsResult) -> bool:
        """Whether it is in line for money. False: it is set aside, or none is needed."""
        match result.outcome:
            case Funds.ENDED:
                raise Ended(result.stage or Stage.COMPLETED)
            case Funds.CALLED_OFF:
                raise CalledOff
            case Funds.BY_HAND:
                raise ByHand(result.reason)
            case Funds.ATTENTION:
                raise NeedsAttention(result.reason, result.failure)
            case Funds.WAITING:
                return True
            case Funds.GRANTED | Funds.NOT_NEEDED | Funds.TROUBLE:
                return False

    async def _take(self, result: SubmitResult) -> None:
        match result.outcome:
            case Submission.ALREADY:
                self._state.number = result.upstream_number
            case Submission.MANUAL:
                raise ByHand(result.reason)
            case Submission.ACCEPTED:
                self._state.number = result.upstream_number
                if result.reason:
                    raise NeedsAttention(result.reason, result.failure)
            case Submission.NOT_DONE | Submission.FUNDS | Submission.TROUBLE | Submission.UNPAID:
                pass  # nothing was charged: from the start, money first
            case Submission.NOT_YET:
                when = f"{result.not_before:%Y-%m-%d %H:%M:%S} UTC" if result.not_before is not None else "at once"
                self._enter(Stage.RETRYING, result.reason, failure=result.failure, next_try=when)
                await self._wait_until(result.not_before)
            case Submission.ENDED:
                raise Ended(result.stage or Stage.COMPLETED)
            case Submission.ATTENTION | Submission.UNKNOWN | Submission.ACCEPTED_UNNUMBERED:
                raise NeedsAttention(result.reason, result.failure)

    async def _await_confirmation(self) -> bool:
        """The poller reports it. Should it stay silent for long, the order asks for itself, and goes on waiting.

        False: it turns out that it is still to be paid.
        """
        self._enter(Stage.AWAITING_CONFIRMATION, f"item {self._state.number}")
        if self._state.called_off:
            self._call_off_what_is_accepted()
        while self._state.look_asked or (self._reached() is None and not self._state.found):
            try:
                await workflow.wait_condition(
                    self._something_about_the_item,
                    timeout=self._order.policy.confirmation_check_after,
                    timeout_summary="ask the upstream if no event has come by then",
                )
                if self._state.decision is not None or self._state.calling_back:
                    self._act_on_decision()
            except TimeoutError:
                self._state.look_asked = True
            if not self._state.look_asked:
                continue
            found = await self._look()
            if found.failed:
                raise NeedsAttention(found.reason, late=workflow.patched(COMPLETES_LATE))
            if found.goal_met:
                return True
            if found.unpaid:
                return False
            self._show(Stage.AWAITING_CONFIRMATION, f"item {self._state.number}; {found.reason}")
        event = self._deciding_event()
        if event is None or self._judged(event):
            return True
        if event.status is UpstreamStatus.DELETED and not workflow.patched(LOOKS_FOR_THE_DELETED):
            raise NeedsAttention(f"item {self._state.number} is deleted at the upstream")
        return await self._is_no_dead_end(event)

    def _something_about_the_item(self) -> bool:
        state = self._state
        asked = state.decision is not None or state.look_asked or state.calling_back
        return asked or self._reached() is not None

    async def _look(self) -> Look:
        """Ask the upstream how far the item is; whoever has asked for it is answered."""
        found = await calls.look(self._order)
        self._state.looked, self._state.look_asked = found.reason, False
        return found

    async def _is_no_dead_end(self, event: UpstreamEventMessage) -> bool:
        """The upstream does not go on, or the item is gone. Ask the upstream why: it may have gone on since, and
        anybody who may write to Temporal can signal what no upstream shows."""
        del self._state.seen[event.event_id]
        self._state.heeded = min(self._state.heeded, len(self._state.seen))
        found = await self._look()
        if found.goal_met or found.unpaid:
            return found.goal_met
        if found.failed:
            raise NeedsAttention(found.reason, late=True)
        return await self._await_confirmation()

    async def _await_manual_work(self, reason: str) -> None:
        """A person does it. Their word is checked at the upstream; what the poller sees counts without it."""
        task = await calls.open_manual_task(
            ManualWork(service=self._order.service, operation=self._order.operation, reason=reason)
        )
        if task.stage is not None:
            raise Ended(task.stage)
        words = f"task {task.task} of {task.department}, due {task.due:%Y-%m-%d %H:%M UTC}: {reason}"
        self._enter(Stage.AWAITING_MANUAL_TASK, words, instructions=task.instructions)
        overdue = False
        while self._state.done_by is None and self._reached() is not True:
            if not overdue and not await self._in_time(task):
                overdue = True
                words = f"OVERDUE {words}"
                await calls.report_overdue(self._order)
                self._show(Stage.AWAITING_MANUAL_TASK, words, instructions=task.instructions)
                continue
            await workflow.wait_condition(self._something_about_the_task)
            self._act_on_decision()
            said, self._state.said_done = self._state.said_done, None
            if said is not None:
                found = await calls.look(self._order)
                if found.goal_met:
                    self._state.done_by = self._state.done_by or said
                self._show(Stage.AWAITING_MANUAL_TASK, f"{words}; {found.reason}", instructions=task.instructions)

    async def _in_time(self, task: ManualTask) -> bool:
        """Wait until something is said about the task; false if it becomes due before."""
        left = task.due - workflow.now()
        if left <= timedelta(0):
            return False
        try:
            await workflow.wait_condition(
                self._something_about_the_task, timeout=left, timeout_summary=f"task {task.task} is due"
            )
        except TimeoutError:
            return False
        return True

    def _something_about_the_task(self) -> bool:
        state = self._state
        told = state.said_done is not None or state.done_by is not None
        return told or self._interrupted() or self._reached() is True

    async def _ask_a_person(self, trouble: NeedsAttention) -> None:
        known = len(self._state.seen)
        # The database first: a person who sees the stage here may decide at once.
        await calls.report_stage(
            StageReport(
                operation=self._order.operation,
                stage=Stage.NEEDS_ATTENTION,
                reason=trouble.reason,
                failure=trouble.failure,
            )
        )
        self._enter(Stage.NEEDS_ATTENTION, trouble.reason, failure=trouble.failure)
        self._state.looked, self._state.look_asked = trouble.reason, False
        if trouble.late:
            await self._late_result_or_decision()
            return
        unknown = trouble.failure is FailureClass.OUTCOME_UNKNOWN and workflow.patched(SETTLES_AGAIN)

        def appeared() -> bool:
            return unknown and not self._state.unwanted and len(self._state.seen) > known

        await workflow.wait_condition(lambda: appeared() or self._interrupted())
        self._state.appeared = not self._interrupted()
        self._act_on_decision()

    async def _late_result_or_decision(self) -> None:
        """A person is asked, and the order continues to look."""
        while not self._interrupted() and self._reached() is not True and not self._state.found:
            try:
                await workflow.wait_condition(
                    lambda: self._interrupted() or self._reached() is True,
                    timeout=self._order.policy.confirmation_check_after,
                    timeout_summary="ask the upstream again",
                )
            except TimeoutError:
                looked = await calls.look(self._order)
                self._state.found = looked.goal_met
                if looked.unpaid:
                    self._state.number = ""
                    return
                self._show(Stage.NEEDS_ATTENTION, looked.reason)
        self._act_on_decision()

    # Waiting, with an open ear for a person's decision.

    async def _wait(self, until: Callable[[], bool]) -> None:
        await workflow.wait_condition(lambda: until() or self._interrupted())
        self._act_on_decision()

    async def _wait_until(self, when: datetime | None) -> None:
        if when is None:
            return
        delay = max(when - workflow.now(), NOT_BEFORE_PAUSE)
        try:
            await workflow.wait_condition(
                self._interrupted,
                timeout=delay,
                timeout_summary="not before this date; then again, money first",
            )
        except TimeoutError:
            return
        self._act_on_decision()

    def _interrupted(self) -> bool:
        return self._state.decision is not None or self._state.aside or self._state.called_off

    def _act_on_decision(self) -> None:
        if self._state.aside:
            raise Ended(Stage.QUEUED)
        decision, self._state.decision = self._state.decision, None
        if decision is None and self._state.called_off:
            self._state.called_off = self._state.calling_back = False
            raise CalledOff
        match decision:
            case DecisionKind.CANCEL | DecisionKind.REJECT_TASK:
                raise Ended(Stage.CANCELLED)
            case DecisionKind.MARK_DONE:
                raise Ended(Stage.COMPLETED)
            case DecisionKind.LOOK_NOW:
                self._state.look_asked = bool(self._state.number)
            case DecisionKind.RETRY | DecisionKind.CORRECT_AND_RETRY | DecisionKind.ACCEPT_PRICE | None:
                pass

    async def _with_retries(self, call: "_Call[R]", in_trouble: Callable[[R], bool]) -> R:
        """Call; on trouble with the connection show it, then call again with Temporal's patience (no history a try)."""
        result = await call(self._order, patient=False)
        if not in_trouble(result):
            return result
        self._enter(Stage.RETRYING, result.reason, failure=result.failure, next_try=BY_THE_ACTIVITY)
        again = asyncio.create_task(call(self._order, patient=True))
        await workflow.wait_condition(lambda: again.done() or self._interrupted())
        if not self._interrupted():
            return again.result()
        # The database refused the decision if the request could have been sent; so nothing was, and nothing will be.
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)
        self._act_on_decision()
        raise AssertionError("what interrupts a retry ends the run")

    def _reached(self) -> bool | None:
        """Whether our item was last seen with the goal reached (true) or out of reach (false)."""
        event = self._deciding_event()
        return None if event is None else self._judged(event)

    def _deciding_event(self) -> UpstreamEventMessage | None:
        """The last one about our item that says whether the goal is reached."""
        for event in reversed(self._state.seen.values()):
            of_ours = not self._state.number or event.upstream_number == self._state.number
            if of_ours and self._judged(event) is not None:
                return event
        return None

    def _judged(self, event: UpstreamEventMessage) -> bool | None:
        return event.met if event.met is not None else self._judged_by(event.status)

    def _judged_by(self, status: UpstreamStatus) -> bool | None:
        if goal_failed(self._order.kind, status):
            return False
        return True if goal_met(self._order.kind, status) else None
