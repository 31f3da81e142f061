"""An order's way: money, request, confirmation. One workflow per operation; see docs/architecture.md."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from models.enums import FailureClass, Stage, UpstreamStatus
from models.explanations import explain
from models.goals import goal_failed, goal_met
from models.messages import (
    Decision,
    DecisionKind,
    DecisionRecord,
    DecisionResult,
    Funds,
    FundsGranted,
    FundsResult,
    ManualTask,
    ManualWork,
    Message,
    OrderInput,
    OrderResult,
    StageReport,
    StepResult,
    Submission,
    SubmitResult,
    TaskCompletion,
    UpstreamEventMessage,
)
from workflows import calls
from workflows.heard import LONGEST_REASON, heard
from workflows.search_attributes import ORDER_STAGE

R = TypeVar("R", FundsResult, SubmitResult, StepResult)
R_co = TypeVar("R_co", FundsResult, SubmitResult, StepResult, covariant=True)


class _Call(Protocol[R_co]):
    def __call__(self, order: OrderInput, *, patient: bool) -> Coroutine[Any, Any, R_co]: ...


_DONE = TaskCompletion()
SETTLES_AGAIN = "settles-again-when-an-item-of-ours-appears"
COMPLETES_LATE = "completes-late-without-a-person"
HEEDS_EARLY_EVENTS = "heeds-what-came-before-it-waited-for-money"
NOT_BEFORE_PAUSE = timedelta(minutes=1)
"""A "not before" date may have passed here and not there: clocks and time zones differ."""
CANCELLABLE = frozenset({Stage.WAITING_FOR_FUNDS, Stage.RETRYING, Stage.NEEDS_ATTENTION})
_ALLOWED_IN = {
    DecisionKind.CANCEL: CANCELLABLE,
    DecisionKind.REJECT_TASK: frozenset({Stage.AWAITING_MANUAL_TASK}),
    DecisionKind.MARK_DONE: frozenset({Stage.NEEDS_ATTENTION, Stage.AWAITING_CONFIRMATION}),
}


class _NeedsAttention(Exception):
    """A machine can't finish this step."""

    def __init__(self, reason: str, failure: FailureClass | None = None, *, late: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.failure = failure
        self.late = late
        """The upstream has accepted it, and nothing has come of it. Should it come yet, no person is needed."""


class _ByHand(Exception):
    """Only a person can do it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _CalledOff(Exception):
    """It is not wanted any more; the database lets nothing of it be sent."""


class _Ended(Exception):
    """A person ended the order; the database says so already."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.value)
        self.stage = stage


@dataclass
class _State:
    stage: Stage = Stage.CHECKING_BALANCE
    since: datetime | None = None
    number: str = ""
    """The item's number at the upstream, once known."""
    funds_granted: bool = False
    seen: dict[str, UpstreamEventMessage] = field(default_factory=dict)
    """Events by id, kept: one may come before the answer to our own request."""
    heeded: int = 0
    """So many of them had come before the upstream was last looked at for items of ours."""
    said_done: TaskCompletion | None = None
    """Somebody signalled that the manual work is done, and it has not been checked yet."""
    done_by: TaskCompletion | None = None
    """It was checked, and it is right."""
    aside: bool = False
    """An urgent operation goes first; the database put this one back into the queue."""
    called_off: bool = False
    """Heard that it is not wanted any more, and not acted upon yet."""
    unwanted: bool = False
    """It has acted upon that: nothing of it is sent any more."""
    clearing: bool = False
    """What its requests left at the upstream is to be looked for before anything else."""
    appeared: bool = False
    """While a person was asked what became of a request, an item of ours was seen: it is to be settled again."""
    over: bool = False
    """This run has nothing more to do; the database says how the operation stands."""
    decision: DecisionKind | None = None
    """A decision written down and not yet acted upon."""
    found: bool = False
    """The order asked the upstream itself, and the goal is reached."""
    reason: str = ""
    """Why it is in its stage, as it was last shown."""
    not_heard: str = ""
    """The last signal that could not be read, in words."""


@workflow.defn
class ServiceOrder:
    """Runs one operation on one service to its end. It never gives up: what it can't finish waits for a person."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        self._order = order
        self._state = _State()
        self._deciding = asyncio.Lock()

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        self._show(Stage.CHECKING_BALANCE)
        try:
            while not (await self._is_done() and await self._is_completed()):
                pass
            self._enter(Stage.COMPLETED)
        except _Ended as ended:
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
                await self._have_it_done()
                if not await self._await_confirmation():
                    self._state.number = ""
                    return False
            except _ByHand as work:
                await self._await_manual_work(work.reason)
            except _NeedsAttention as trouble:
                await self._ask_a_person(trouble)
                return False
        except _CalledOff:
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
        self.not_heard(f"signal upstream_event was dropped: no event {event.event_id[:64]} is written in the database")
        return False

    async def _have_it_done(self) -> None:
        """Until the upstream has accepted our request and we know which item it is."""
        while not self._state.number:
            result = await (self._in_one_step() if self._order.in_one_step else self._in_two_steps())
            if result.outcome in (Submission.UNKNOWN, Submission.ACCEPTED_UNNUMBERED):
                self._enter(Stage.OUTCOME_UNKNOWN, result.reason)
                self._state.heeded = len(self._state.seen)
                result = await calls.settle(self._order)
            await self._take(result)

    async def _in_one_step(self) -> SubmitResult:
        """Money and request by one activity, unless there is money to be waited for between them."""
        self._enter(Stage.CHECKING_BALANCE)
        self._state.funds_granted = False
        before = len(self._state.seen)
        result = await self._insist(calls.carry_out, lambda step: step.in_trouble)
        if result.request is not None:
            self._state.heeded = before
            return result.request
        if self._must_wait(result.funds):
            # An item of ours that comes to life meanwhile was paid by the upstream itself: then it is to be adopted.
            # It may have done so before this run knew that it must wait: what came since the last look counts, too.
            self._enter(Stage.WAITING_FOR_FUNDS, result.funds.reason)
            await self._wait(lambda: self._state.funds_granted or len(self._state.seen) > self._state.heeded)
        return await self._request()

    async def _in_two_steps(self) -> SubmitResult:
        """Runs that were started before both were one activity."""
        await self._secure_funds()
        return await self._request()

    async def _request(self) -> SubmitResult:
        self._enter(Stage.SUBMITTING)
        self._state.heeded = len(self._state.seen)
        return await self._insist(calls.submit, lambda sent: sent.outcome is Submission.TROUBLE)

    async def _settle_again(self) -> None:
        """An item of ours has come to light: adopted on proof. Whatever else is found, the same person is asked."""
        self._state.appeared = False
        self._state.heeded = len(self._state.seen)
        result = await calls.settle(self._order)
        if self._interrupted():
            self._act_on_decision()
        await self._take(result)

    async def _clear_away(self) -> None:
        """Called off: it ends here, unless it turns out to be bought, or cannot be told."""
        self._state.clearing = False
        self._enter(Stage.OUTCOME_UNKNOWN, "called off")
        result = await calls.call_off(self._order)
        if result.outcome in (Submission.UNKNOWN, Submission.ACCEPTED_UNNUMBERED):
            result = await calls.settle(self._order)
        await self._take(result)

    async def _secure_funds(self) -> None:
        self._enter(Stage.CHECKING_BALANCE)
        self._state.funds_granted = False
        result = await self._insist(calls.reserve_funds, lambda funds: funds.outcome is Funds.TROUBLE)
        if self._must_wait(result):
            self._enter(Stage.WAITING_FOR_FUNDS, result.reason)
            known = len(self._state.seen)
            if known > self._state.heeded and workflow.patched(HEEDS_EARLY_EVENTS):
                known = self._state.heeded
            await self._wait(lambda: self._state.funds_granted or len(self._state.seen) > known)

    def _must_wait(self, result: FundsResult) -> bool:
        """Whether it is in line for money. False: it is set aside, or none is needed."""
        match result.outcome:
            case Funds.ENDED:
                raise _Ended(result.stage or Stage.COMPLETED)
            case Funds.CALLED_OFF:
                raise _CalledOff
            case Funds.BY_HAND:
                raise _ByHand(result.reason)
            case Funds.ATTENTION:
                raise _NeedsAttention(result.reason, result.failure)
            case Funds.WAITING:
                return True
            case Funds.GRANTED | Funds.NOT_NEEDED | Funds.TROUBLE:
                return False

    async def _take(self, result: SubmitResult) -> None:
        match result.outcome:
            case Submission.ALREADY:
                self._state.number = result.upstream_number
            case Submission.MANUAL:
                raise _ByHand(result.reason)
            case Submission.ACCEPTED:
                self._state.number = result.upstream_number
                if result.reason:
                    raise _NeedsAttention(result.reason, result.failure)
            case Submission.NOT_DONE | Submission.FUNDS | Submission.TROUBLE | Submission.UNPAID:
                pass  # nothing was charged: from the start, money first
            case Submission.NOT_YET:
                self._enter(Stage.RETRYING, result.reason)
                await self._wait_until(result.not_before)
            case Submission.ENDED:
                raise _Ended(result.stage or Stage.COMPLETED)
            case Submission.ATTENTION | Submission.UNKNOWN | Submission.ACCEPTED_UNNUMBERED:
                raise _NeedsAttention(result.reason, result.failure)

    async def _await_confirmation(self) -> bool:
        """The poller tells. Should it stay silent for long, the order asks for itself, and goes on waiting.

        False: it turns out that it is still to be paid.
        """
        self._enter(Stage.AWAITING_CONFIRMATION, f"item {self._state.number}")
        while (met := self._reached()) is None and not self._state.found:
            try:
                await workflow.wait_condition(
                    lambda: self._reached() is not None or self._state.decision is not None,
                    timeout=self._order.policy.confirmation_check_after,
                    timeout_summary="ask the upstream if no event has come by then",
                )
                if self._state.decision is not None:  # that it is called off comes too late: it is bought
                    self._act_on_decision()
            except TimeoutError:
                found = await calls.look(self._order)
                if found.failed:
                    raise _NeedsAttention(found.reason, late=workflow.patched(COMPLETES_LATE)) from None
                if found.goal_met:
                    return True
                if found.unpaid:
                    return False
                self._show(Stage.AWAITING_CONFIRMATION, f"item {self._state.number}; {found.reason}")
        event = self._deciding_event()
        if met is False and event is not None and event.status is not UpstreamStatus.DELETED:
            return await self._is_no_dead_end(event)
        if met is False:
            raise _NeedsAttention(f"item {self._state.number} is deleted at the upstream")
        return True

    async def _is_no_dead_end(self, event: UpstreamEventMessage) -> bool:
        """The upstream does not go on by itself: asked why. It may have gone on since."""
        del self._state.seen[event.event_id]
        self._state.heeded = min(self._state.heeded, len(self._state.seen))
        found = await calls.look(self._order)
        if found.goal_met or found.unpaid:
            return found.goal_met
        if found.failed:
            raise _NeedsAttention(found.reason, late=True)
        return await self._await_confirmation()

    async def _await_manual_work(self, reason: str) -> None:
        """A person does it. Their word is checked at the upstream; what the poller sees counts without it."""
        task = await calls.open_manual_task(
            ManualWork(service=self._order.service, operation=self._order.operation, reason=reason)
        )
        if task.stage is not None:
            raise _Ended(task.stage)
        words = f"task {task.task} of {task.department}, due {task.due:%Y-%m-%d %H:%M UTC}: {reason}"
        self._enter(Stage.AWAITING_MANUAL_TASK, f"{words}\n\n{task.instructions}")
        overdue = False
        while self._state.done_by is None and self._reached() is not True:
            if not overdue and not await self._in_time(task):
                overdue = True
                words = f"OVERDUE {words}"
                await calls.report_overdue(self._order)
                self._show(Stage.AWAITING_MANUAL_TASK, f"{words}\n\n{task.instructions}")
                continue
            await workflow.wait_condition(self._something_about_the_task)
            self._act_on_decision()
            said, self._state.said_done = self._state.said_done, None
            if said is not None:
                found = await calls.look(self._order)
                if found.goal_met:
                    self._state.done_by = self._state.done_by or said
                self._show(Stage.AWAITING_MANUAL_TASK, f"{words}; {found.reason}\n\n{task.instructions}")

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

    async def _ask_a_person(self, trouble: _NeedsAttention) -> None:
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
        self._enter(Stage.NEEDS_ATTENTION, trouble.reason)
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
        """A person is asked, and the order goes on looking by itself."""
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
            raise _Ended(Stage.QUEUED)
        decision, self._state.decision = self._state.decision, None
        if decision is None and self._state.called_off:
            self._state.called_off = False
            raise _CalledOff
        match decision:
            case DecisionKind.CANCEL | DecisionKind.REJECT_TASK:
                raise _Ended(Stage.CANCELLED)
            case DecisionKind.MARK_DONE:
                raise _Ended(Stage.COMPLETED)
            case DecisionKind.RETRY | DecisionKind.CORRECT_AND_RETRY | DecisionKind.ACCEPT_PRICE | None:
                pass

    async def _insist(self, call: "_Call[R]", in_trouble: Callable[[R], bool]) -> R:
        """Call; on trouble with the connection show it, then call again with Temporal's patience (no history a try)."""
        result = await call(self._order, patient=False)
        if not in_trouble(result):
            return result
        self._enter(Stage.RETRYING, result.reason)
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

    def _ended_as(self) -> Stage:
        return self._state.stage

    # What people see.

    def _enter(self, stage: Stage, reason: str = "") -> None:
        if stage is not self._state.stage:
            workflow.upsert_search_attributes([ORDER_STAGE.value_set(stage.value)])
        self._show(stage, reason)

    def _show(self, stage: Stage, reason: str = "") -> None:
        if stage is not self._state.stage or self._state.since is None:
            self._state.since = workflow.now()
        self._state.stage, self._state.reason = stage, reason
        since = self._state.since.strftime("%Y-%m-%d %H:%M:%S UTC")
        told = explain(stage, reason, called_off=self._state.unwanted)
        shown = told.as_markdown(stage, since)
        if self._state.not_heard:
            shown += f"\n\n{self._state.not_heard}"
        workflow.set_current_details(shown)

    def not_heard(self, why: str) -> None:
        """A signal, or a part of it, was dropped: the details say so."""
        workflow.logger.warning("operation %s: %s", self._order.operation, why)
        self._state.not_heard = f"{workflow.now():%Y-%m-%d %H:%M:%S UTC}: {why[:LONGEST_REASON]}"
        self._show(self._state.stage, self._state.reason)

    # Messages.

    @workflow.signal
    @heard
    def upstream_event(self, event: UpstreamEventMessage) -> None:
        """An item was seen in a state at the upstream. Repeated, early and late ones do no harm."""
        self._state.seen.setdefault(event.event_id, event)

    @workflow.signal
    @heard
    def funds_granted(self, granted: FundsGranted) -> None:
        """Money has been set aside for this order."""
        self._state.funds_granted = True

    @workflow.signal
    @heard
    def manual_change_completed(self, completion: TaskCompletion | str = _DONE) -> None:
        """A person says that the manual work is done; it is checked at the upstream. Without input, or with a note as
        plain text, it is as good: people send it by hand."""
        self._state.said_done = TaskCompletion(note=completion[:2000]) if isinstance(completion, str) else completion

    @workflow.signal
    @heard
    def step_aside(self) -> None:
        """An urgent operation goes first. The database has put this one back into the queue; this run ends."""
        self._state.aside = True

    @workflow.signal
    @heard
    def called_off(self, notice: Any = None) -> None:
        """It is not wanted any more, and the database lets nothing of it be sent. Once is as good as often."""
        self._state.called_off = True

    @workflow.update
    async def complete_task(self, completion: TaskCompletion) -> DecisionResult:
        """As the signal, with an answer: refused, saying what was found, if the upstream does not show it."""
        found = await calls.look(self._order)
        if not found.goal_met:
            raise ApplicationError(f"not done yet: {found.reason}", type="Refused", non_retryable=True)
        if self._state.stage is not Stage.AWAITING_MANUAL_TASK:
            words = f"operation {self._order.operation} is {self._state.stage.value} by now"
            raise ApplicationError(words, type="Refused", non_retryable=True)
        self._state.done_by = completion
        await workflow.wait_condition(lambda: self._state.over)
        ended_as = self._ended_as()
        if ended_as is Stage.QUEUED:
            words = "an urgent operation goes first; complete it after that"
            raise ApplicationError(words, type="Refused", non_retryable=True)
        return DecisionResult(stage=ended_as, message=f"checked and applied: {found.reason}")

    @workflow.update
    async def reject_task(self, decision: Decision) -> DecisionResult:
        """It will not be done: the service stays as it was, the money is free again."""
        return await self._decide(DecisionKind.REJECT_TASK, decision)

    @workflow.query
    def stage(self) -> Stage:
        return self._state.stage

    @workflow.update
    async def retry(self, decision: Decision) -> DecisionResult:
        """Try again from the start; an earlier request whose outcome is unknown is settled first."""
        return await self._decide(DecisionKind.RETRY, decision)

    @workflow.update
    async def correct_and_retry(self, decision: Decision) -> DecisionResult:
        """Change parameters, then try again."""
        return await self._decide(DecisionKind.CORRECT_AND_RETRY, decision)

    @workflow.update
    async def accept_price(self, decision: Decision) -> DecisionResult:
        """It may cost what is shown; then as retry. A dearer price is asked for again."""
        return await self._decide(DecisionKind.ACCEPT_PRICE, decision)

    @workflow.update
    async def mark_done(self, decision: Decision) -> DecisionResult:
        """It has been done by hand at the upstream: link the item, send nothing."""
        return await self._decide(DecisionKind.MARK_DONE, decision)

    @workflow.update
    async def cancel(self, decision: Decision) -> DecisionResult:
        """End the order without effect. Refused once a paid service may exist."""
        return await self._decide(DecisionKind.CANCEL, decision)

    @retry.validator
    def _may_retry(self, decision: Decision) -> None:
        _check_given(decision)
        self._check(DecisionKind.RETRY)

    @correct_and_retry.validator
    def _may_correct(self, decision: Decision) -> None:
        _check_given(decision)
        self._check(DecisionKind.CORRECT_AND_RETRY)

    @accept_price.validator
    def _may_accept_price(self, decision: Decision) -> None:
        _check_given(decision)
        self._check(DecisionKind.ACCEPT_PRICE)

    @mark_done.validator
    def _may_mark_done(self, decision: Decision) -> None:
        _check_given(decision)
        self._check(DecisionKind.MARK_DONE)

    @complete_task.validator
    def _may_complete(self, completion: TaskCompletion) -> None:
        _check_given(completion)
        self._check(DecisionKind.REJECT_TASK, "complete_task")

    @reject_task.validator
    def _may_reject(self, decision: Decision) -> None:
        _check_given(decision)
        self._check(DecisionKind.REJECT_TASK)

    @cancel.validator
    def _may_cancel(self, decision: Decision) -> None:
        _check_given(decision)
        self._check(DecisionKind.CANCEL)

    def _check(self, kind: DecisionKind, called: str = "") -> None:
        allowed = _ALLOWED_IN.get(kind, frozenset({Stage.NEEDS_ATTENTION}))
        if self._state.stage not in allowed or self._state.decision is not None:
            stages = ", ".join(sorted(stage.value for stage in allowed))
            now = self._state.stage.value
            raise ApplicationError(
                f"operation {self._order.operation} is {now}; {called or kind.value} is possible in: {stages}",
                type="Refused",
                non_retryable=True,
            )

    async def _decide(self, kind: DecisionKind, decision: Decision) -> DecisionResult:
        # Handlers interleave at every await: the lock makes one decision wait for the other, and the check is repeated
        # because the stage may be another by then.
        async with self._deciding:
            self._check(kind)
            info = workflow.current_update_info()
            outcome = await calls.record_decision(
                DecisionRecord(
                    operation=self._order.operation,
                    kind=kind,
                    decision=decision,
                    decision_id=info.id if info else str(workflow.uuid4()),
                )
            )
            if outcome.refused:
                raise ApplicationError(outcome.refused, outcome.field, type=outcome.refusal_type, non_retryable=True)
            if outcome.called_off:
                self._state.called_off = True
                words = "called off: nothing of it is sent; it ends once what its requests left is removed"
                return DecisionResult(stage=self._state.stage, message=words)
            self._state.decision = kind
            # Money may have come while this was written down: the order went on, and an activity told it that it ended.
            await workflow.wait_condition(lambda: self._state.decision is None or self._state.over)
        return DecisionResult(stage=self._state.stage, message=f"{kind.value}: written down, and acted upon")


def _check_given(message: Message | None) -> None:
    """The SDK lets null pass for every type. Raises ApplicationError."""
    if message is None:
        raise ApplicationError("it came without its argument", type="Refused", non_retryable=True)
