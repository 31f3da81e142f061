"""What callers of an update are told when no answer comes, and that a stopped sweep comes back."""

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

import worker
from models.enums import Stage
from models.messages import OTHER_STAGE, DecisionResult, Written
from orders.errors import Refused
from temporal import updates
from temporal.updates import TemporalUnavailable


class SilentHandle:
    """A workflow handle as the SDK makes it: a cancellation of the call comes out as its own error."""

    async def execute_update(self, update: Any, message: Any, *, id: str) -> Any:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as cancelled:
            raise WorkflowUpdateRPCTimeoutOrCancelledError from cancelled


def update(handle: Any = None) -> Any:
    # The client is not asked: only what becomes of the handle's silence.
    client: Any = None
    asked: Any = handle or SilentHandle()
    return updates.execute(client, asked, None, Written(word="w"), "operation 1")


async def test_no_answer_to_an_update_is_temporal_being_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "UPDATE_TIMEOUT_SECONDS", 0.05)
    with pytest.raises(TemporalUnavailable):
        await update()


async def test_a_caller_that_is_cancelled_stays_cancelled() -> None:
    calling = asyncio.create_task(update())
    await asyncio.sleep(0.01)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling


class LaggingHandle:
    """The database is in a stage already in which its workflow arrives a moment later."""

    def __init__(self, lags: int, refusal: str) -> None:
        self.asked: list[str] = []
        self._lags, self._refusal = lags, refusal

    async def execute_update(self, update: Any, message: Any, *, id: str) -> DecisionResult:
        self.asked.append(id)
        if len(self.asked) <= self._lags:
            words = (
                "operation 1 is in stage submitting; mark_done is possible in: awaiting_confirmation, needs_attention"
            )
            raise WorkflowUpdateFailedError(ApplicationError(words, type=self._refusal))
        return DecisionResult(stage=Stage.COMPLETED, message="done")


async def test_a_workflow_that_lags_behind_its_stage_in_the_database_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(updates, "UPDATE_PAUSE_SECONDS", 0.01)
    lagging = LaggingHandle(2, OTHER_STAGE)
    assert (await update(lagging)).stage is Stage.COMPLETED
    assert lagging.asked == ["w", "w", "w"], "the same update, so that it is carried out once"


@pytest.mark.parametrize(("patience", "refusal"), [(3.0, "Refused"), (0.0, OTHER_STAGE)])
async def test_a_refusal_is_an_answer(monkeypatch: pytest.MonkeyPatch, patience: float, refusal: str) -> None:
    monkeypatch.setattr(updates, "STAGE_PATIENCE_SECONDS", patience)
    lagging = LaggingHandle(1, refusal)
    with pytest.raises(Refused, match="is in stage submitting"):
        await update(lagging)
    assert len(lagging.asked) == 1


async def test_the_sweep_is_started_again_and_again_whatever_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    thrice = asyncio.Event()

    async def start_sweep(client: Any, task_queue: str) -> None:
        started.append(task_queue)
        if len(started) == 3:
            thrice.set()
        if len(started) == 1:
            raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")

    async def is_not_wedged(client: Any) -> None:
        pass

    monkeypatch.setattr(worker, "start_sweep", start_sweep)
    monkeypatch.setattr(worker, "end_wedged_sweep", is_not_wedged)
    client: Any = None
    keeping = asyncio.create_task(worker.keep_sweep(client, "q", every=0.01))
    await asyncio.wait_for(thrice.wait(), 5)
    keeping.cancel()
    assert started[:3] == ["q"] * 3
