"""What a ServiceOrder hears and answers: signals, updates and queries; and what it shows to people.

The order's way, which acts upon what was heard, is in `workflows.service_order`.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from models.enums import FailureClass, Stage
from models.explanations import explain, fenced
from models.messages import (
    OTHER_STAGE,
    Decision,
    DecisionKind,
    DecisionRecord,
    DecisionResult,
    FundsGranted,
    Message,
    OrderInput,
    TaskCompletion,
    UpstreamEventMessage,
    Written,
)
from models.untrusted_text import as_code
from workflows import calls
from workflows.order_state import OrderState
from workflows.search_attributes import of_stage
from workflows.signal_guard import LONGEST_REASON, tolerant

_DONE = TaskCompletion()
CALLS_OFF_WHAT_IS_ACCEPTED = "calls-off-what-is-accepted"
BY_THE_ACTIVITY = "with its number under Pending Activities of this page"
"""When what an activity tries again and again is tried next."""
CANCELLABLE = frozenset({Stage.WAITING_FOR_FUNDS, Stage.RETRYING, Stage.NEEDS_ATTENTION, Stage.AWAITING_CONFIRMATION})
LOOK_AT_MOST = timedelta(seconds=10)
"""A person who has the upstream asked is answered within this time, with what is known by then."""
_ALLOWED_IN = {
    DecisionKind.CANCEL: CANCELLABLE,
    DecisionKind.REJECT_TASK: frozenset({Stage.AWAITING_MANUAL_TASK}),
    DecisionKind.MARK_DONE: frozenset({Stage.NEEDS_ATTENTION, Stage.AWAITING_CONFIRMATION}),
    DecisionKind.LOOK_NOW: frozenset({Stage.NEEDS_ATTENTION, Stage.AWAITING_CONFIRMATION}),
}


class OrderMessages:
    """Base of ServiceOrder: writes down in `_state` what is heard."""

    def __init__(self, order: OrderInput) -> None:
        self._order = order
        self._state = OrderState()
        self._deciding = asyncio.Lock()

    # What people see.

    def _enter(
        self,
        stage: Stage,
        reason: str = "",
        *,
        instructions: str = "",
        failure: FailureClass | None = None,
        next_try: str = "",
    ) -> None:
        if stage is not self._state.stage:
            workflow.upsert_search_attributes(of_stage(stage, workflow.now(), failure))
        self._show(stage, reason, instructions=instructions, failure=failure, next_try=next_try)

    def _show_again(self) -> None:
        state = self._state
        failure, next_try = state.failure, state.next_try
        self._show(state.stage, state.reason, instructions=state.instructions, failure=failure, next_try=next_try)

    def _show(
        self,
        stage: Stage,
        reason: str = "",
        *,
        instructions: str = "",
        failure: FailureClass | None = None,
        next_try: str = "",
    ) -> None:
        """`instructions`: what a person is to do, with a command to be copied; below the facts. `failure`: of what kind
        the reason is. `next_try`: when it is tried again, in words."""
        if stage is not self._state.stage or self._state.since is None:
            self._state.since = workflow.now()
        self._state.stage, self._state.reason, self._state.instructions = stage, reason, instructions
        self._state.failure, self._state.next_try = failure, next_try
        since = self._state.since.strftime("%Y-%m-%d %H:%M:%S UTC")
        explanation = explain(stage, called_off=self._state.unwanted, failure=failure)
        shown = explanation.as_markdown(stage, since, reason)
        if next_try:
            shown += f"\n- next try: {next_try}"
        if self._state.signal_dropped:
            shown += f"\n\n{as_code(self._state.signal_dropped)}"
        if instructions:
            shown += f"\n\n{fenced(instructions)}"
        workflow.set_current_details(shown)

    def signal_dropped(self, why: str) -> None:
        """A signal, or a part of it, was dropped: the details say so."""
        workflow.logger.warning("operation %s: %s", self._order.operation, why)
        self._state.signal_dropped = f"{workflow.now():%Y-%m-%d %H:%M:%S UTC}: {why[:LONGEST_REASON]}"
        self._show_again()

    # Messages.

    @workflow.signal
    @tolerant
    def upstream_event(self, event: UpstreamEventMessage) -> None:
        """An item was seen in a state at the upstream. Repeated, early and late ones do no harm."""
        self._state.seen.setdefault(event.event_id, event)

    @workflow.signal
    @tolerant
    def funds_granted(self, granted: FundsGranted) -> None:
        """Money has been set aside for this order."""
        self._state.funds_granted = True

    @workflow.signal
    @tolerant
    def manual_change_completed(self, completion: TaskCompletion | str = _DONE) -> None:
        """A person says that the manual work is done; it is checked at the upstream. Without input, or with a note as
        plain text, it is as good: people send it by hand."""
        self._state.said_done = TaskCompletion(note=completion[:2000]) if isinstance(completion, str) else completion

    @workflow.signal
    @tolerant
    def step_aside(self) -> None:
        """An urgent operation goes first. The database has put this one back into the queue; this run ends."""
        self._state.aside = True

    @workflow.signal
    @tolerant
    def called_off(self, notice: Any = None) -> None:
        """It is not wanted any more, and the database lets nothing of it be sent. Once is as good as often."""
        self._state.called_off = True
        if self._state.stage is Stage.AWAITING_CONFIRMATION:
            self._call_off_what_is_accepted()

    def _call_off_what_is_accepted(self) -> None:
        if workflow.patched(CALLS_OFF_WHAT_IS_ACCEPTED):
            self._state.calling_back = True

    @workflow.signal
    @tolerant
    def look(self, notice: Any = None) -> None:
        """The upstream is to be asked now how far the item is; while nothing is awaited there is nothing to ask."""
        if self._state.stage is Stage.AWAITING_CONFIRMATION:
            self._state.look_asked = True

    @workflow.signal(dynamic=True)
    def unknown(self, name: str, arguments: Sequence[RawValue]) -> None:
        """A name that no handler has, mostly a slip of whoever sent it by hand."""
        self.signal_dropped(f"signal {name[:64]} was dropped: there is none of that name")

    @workflow.update
    async def complete_task(self, completion: Written | TaskCompletion) -> DecisionResult:
        """The signal with an answer. It is refused if the upstream does not show the result; the answer says what was
        found."""
        found = await calls.look(self._order)
        if not found.goal_met:
            raise ApplicationError(f"not done yet: {found.reason}", type="Refused", non_retryable=True)
        if self._ended_as() is Stage.COMPLETED:
            words = f"applied before you reported it, because the upstream showed it: {found.reason}"
            return DecisionResult(stage=Stage.COMPLETED, message=words)
        if self._state.stage is not Stage.AWAITING_MANUAL_TASK:
            words = f"operation {self._order.operation} is in stage {self._state.stage.value} by now"
            raise ApplicationError(words, type="Refused", non_retryable=True)
        self._state.done_by = completion
        await workflow.wait_condition(lambda: self._state.over)
        ended_as = self._ended_as()
        if ended_as is Stage.QUEUED:
            words = "an urgent operation goes first; complete it after that"
            raise ApplicationError(words, type="Refused", non_retryable=True)
        return DecisionResult(stage=ended_as, message=f"checked and applied: {found.reason}")

    def _ended_as(self) -> Stage:
        return self._state.stage  # read anew: it has changed while the update waited

    @workflow.update
    async def reject_task(self, decision: Written | Decision) -> DecisionResult:
        """It will not be done: the service stays as it was, the money is free again."""
        return await self._decide(DecisionKind.REJECT_TASK, decision)

    @workflow.query
    def stage(self) -> Stage:
        return self._state.stage

    @workflow.update
    async def retry(self, decision: Written | Decision) -> DecisionResult:
        """Try again from the start; an earlier request whose outcome is unknown is settled first."""
        return await self._decide(DecisionKind.RETRY, decision)

    @workflow.update
    async def correct_and_retry(self, decision: Written | Decision) -> DecisionResult:
        """Change parameters, then try again."""
        return await self._decide(DecisionKind.CORRECT_AND_RETRY, decision)

    @workflow.update
    async def accept_price(self, decision: Written | Decision) -> DecisionResult:
        """It may cost what is shown; then as retry. A dearer price is asked for again."""
        return await self._decide(DecisionKind.ACCEPT_PRICE, decision)

    @workflow.update
    async def mark_done(self, decision: Written | Decision) -> DecisionResult:
        """It has been done by hand at the upstream: link the item, send nothing."""
        return await self._decide(DecisionKind.MARK_DONE, decision)

    @workflow.update
    async def cancel(self, decision: Written | Decision) -> DecisionResult:
        """End the order. Once the upstream has accepted it, only the waiting ends: what is charged stays paid."""
        return await self._decide(DecisionKind.CANCEL, decision)

    @workflow.update
    async def look_now(self, decision: Written | Decision) -> DecisionResult:
        """Ask the upstream now how far the item is. Nothing is sent that changes or costs."""
        result = await self._decide(DecisionKind.LOOK_NOW, decision)
        try:
            await workflow.wait_condition(
                lambda: not self._state.look_asked or self._state.over,
                timeout=LOOK_AT_MOST,
                timeout_summary="answer the person who asked",
            )
        except TimeoutError:
            words = "the upstream is asked, and has not answered yet; the operation will show what it says"
            return result.model_copy(update={"message": words})
        words = "it has ended" if self._state.over else self._state.looked
        return DecisionResult(stage=self._ended_as(), message=words or result.message)

    @look_now.validator
    def _may_look(self, decision: Written | Decision) -> None:
        _check_given(decision)
        self._check(DecisionKind.LOOK_NOW)

    @retry.validator
    def _may_retry(self, decision: Written | Decision) -> None:
        _check_given(decision)
        self._check(DecisionKind.RETRY)

    @correct_and_retry.validator
    def _may_correct(self, decision: Written | Decision) -> None:
        _check_given(decision)
        self._check(DecisionKind.CORRECT_AND_RETRY)

    @accept_price.validator
    def _may_accept_price(self, decision: Written | Decision) -> None:
        _check_given(decision)
        self._check(DecisionKind.ACCEPT_PRICE)

    @mark_done.validator
    def _may_mark_done(self, decision: Written | Decision) -> None:
        _check_given(decision)
        self._check(DecisionKind.MARK_DONE)

    @complete_task.validator
    def _may_complete(self, completion: Written | TaskCompletion) -> None:
        _check_given(completion)
        self._check(DecisionKind.REJECT_TASK, "complete_task")

    @reject_task.validator
    def _may_reject(self, decision: Written | Decision) -> None:
        _check_given(decision)
        self._check(DecisionKind.REJECT_TASK)

    @cancel.validator
    def _may_cancel(self, decision: Written | Decision) -> None:
        _check_given(decision)
        self._check(DecisionKind.CANCEL)

    def _check(self, decision_kind: DecisionKind, called: str = "", *, refusal: str = OTHER_STAGE) -> None:
        allowed = _ALLOWED_IN.get(decision_kind, frozenset({Stage.NEEDS_ATTENTION}))
        if self._state.stage not in allowed or self._state.decision is not None:
            stages = ", ".join(sorted(stage.value for stage in allowed))
            now = self._state.stage.value
            raise ApplicationError(
                f"operation {self._order.operation} is in stage {now}; {called or decision_kind.value} is possible in: "
                f"{stages}",
                type=refusal,
                non_retryable=True,
            )

    async def _decide(self, decision_kind: DecisionKind, decision: Written | Decision) -> DecisionResult:
        # Handlers interleave at every await: the lock makes one decision wait for the other, and the check is repeated
        # because the stage may be another by then.
        async with self._deciding:
            self._check(decision_kind, refusal="Refused")
            info = workflow.current_update_info()
            outcome = await calls.record_decision(
                DecisionRecord(
                    operation=self._order.operation,
                    kind=decision_kind,
                    decision=decision,
                    decision_id=_named(decision) or (info.id if info else str(workflow.uuid4())),
                )
            )
            if outcome.refused:
                raise ApplicationError(outcome.refused, outcome.field, type=outcome.refusal_type, non_retryable=True)
            if outcome.called_off:
                self._state.called_off = True
                words = "called off: nothing of it is sent; it ends once what its requests left is removed"
                return DecisionResult(stage=self._state.stage, message=words)
            self._state.decision = decision_kind
            # Money may have come while this was written down: the order went on, and an activity told it that it ended.
            await workflow.wait_condition(lambda: self._state.decision is None or self._state.over)
        return DecisionResult(stage=self._state.stage, message=f"{decision_kind.value}: written down, and acted upon")


def _named(decision: Written | Decision) -> str:
    return decision.word if isinstance(decision, Written) else ""


def _check_given(message: object) -> None:
    """The SDK lets null, bytes and protobuf messages pass for every type. Raises ApplicationError."""
    if message is None:
        raise ApplicationError("it came without its argument", type="Refused", non_retryable=True)
    if not isinstance(message, Message):
        words = f"its argument can't be read: JSON is wanted, {type(message).__name__} came"
        raise ApplicationError(words, type="Refused", non_retryable=True)
