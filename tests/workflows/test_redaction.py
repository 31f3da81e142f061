"""Failures of activities, as they go into histories."""

from datetime import timedelta
from typing import Any, NoReturn

import pytest
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, CancelledError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.redaction import LONGEST_FAILURE, Redaction
from models.enums import UpstreamStatus
from models.messages import Look

MAIL = "anna@kunde.example"


class Activity(ActivityInboundInterceptor):
    """Does what the test says."""

    def __init__(self, does: Any) -> None:
        self._does = does

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        if isinstance(self._does, Exception):
            self._fail(self._does)
        return await self._does() if callable(self._does) else self._does

    def _fail(self, error: Exception) -> NoReturn:
        try:
            raise RuntimeError(f"[parameters: ('{MAIL}',)]")
        except RuntimeError as cause:
            raise error from cause


def given(*arguments: Any) -> ExecuteActivityInput:
    return ExecuteActivityInput(fn=given, args=arguments, executor=None, headers={})


async def run(does: Any) -> Any:
    return await Redaction().intercept_activity(Activity(does)).execute_activity(given())


async def failure(error: Exception) -> ApplicationError:
    with pytest.raises(ApplicationError) as failed:
        await run(error)
    return failed.value


async def test_an_error_keeps_what_temporal_goes_by_and_loses_what_is_private() -> None:
    failed = await failure(
        ApplicationError(
            f"said no to {MAIL}\x1b[31m",
            MAIL,
            7,
            type="not_sent",
            non_retryable=True,
            next_retry_delay=timedelta(seconds=3),
            category=ApplicationErrorCategory.BENIGN,
        )
    )
    assert (failed.message, failed.details) == ("said no to ‹e-mail address›·[31m", ("‹e-mail address›", 7))
    assert (failed.type, failed.non_retryable, failed.next_retry_delay) == ("not_sent", True, timedelta(seconds=3))
    assert failed.category is ApplicationErrorCategory.BENIGN
    assert failed.__cause__ is None, "a database's error holds the values of its statement"


async def test_an_error_that_nobody_foresaw_is_named() -> None:
    failed = await failure(ValueError(f"{MAIL} " + "x" * 5000))
    assert (failed.type, failed.non_retryable, failed.__cause__) == ("ValueError", False, None)
    assert failed.message.startswith("ValueError: ‹e-mail address› xxx")
    assert len(failed.message) <= LONGEST_FAILURE + 20


async def test_a_cancellation_passes() -> None:
    with pytest.raises(CancelledError):
        await run(CancelledError("stop"))


async def test_results_are_veiled_and_others_pass() -> None:
    look = Look(status=UpstreamStatus.ACTIVE, goal_met=True, reason=f"shows {MAIL}")
    assert await run(look) == look.model_copy(update={"reason": "shows ‹e-mail address›"})
    assert await run(None) is None
    assert await run([1]) == [1]
