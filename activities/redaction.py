"""Redacts what leaves an activity for its workflow's history: it holds nothing of a customer's, and no secret.

Upstreams put anything into their sentences: the address of the customer whose order they refuse, the password that was
too short. In our database these sentences are whole; Temporal keeps histories where others may read them.
"""

import logging
from collections.abc import Collection
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from temporalio.exceptions import ApplicationError, TemporalError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from models.database import Database
from models.messages import Message, OrderRef, StepResult
from models.untrusted_text import masked, masked_message, visible
from orders.access import private

LONGEST_FAILURE = 1000
"""Characters of a failure that are kept."""

log = logging.getLogger(__name__)


class Redaction(Interceptor):
    """`database`: where reasons are kept in full; without one they are not."""

    def __init__(self, database: Database | None = None) -> None:
        self._database = database

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _RedactingInterceptor(next, self._database)


class _RedactingInterceptor(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, database: Database | None) -> None:
        super().__init__(next)
        self._database = database

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        with private.collecting_names() as names:
            try:
                result = await super().execute_activity(input)
            except ApplicationError as error:
                raise _redacted(error, names) from None
            except TemporalError:
                raise
            except Exception as error:  # of whatever kind: none may reach a history with its values
                # Its cause stays here: a database's error holds the values of the statement.
                error_type = type(error).__name__
                words = f"{error_type}: {_words(str(error), names)}"
                raise ApplicationError(words, type=error_type).with_traceback(error.__traceback__) from None
        if not isinstance(result, Message):
            return result
        redacted = masked_message(result, names)
        if redacted is not result and input.args and isinstance(input.args[0], OrderRef):
            await self._keep(input.args[0].operation, result, redacted)
        return redacted

    async def _keep(self, operation: int, whole: Message, redacted: Message) -> None:
        """For people. Without it they read what the workflow got; the work itself is done."""
        reasons = {one: other for one, other in zip(_reasons(redacted), _reasons(whole), strict=True) if one != other}
        if self._database is None or not reasons:
            return
        try:
            async with self._database.write() as session:
                await private.keep_whole(session, operation, reasons)
        except (SQLAlchemyError, OSError) as error:
            log.warning("operation %s: a reason is not kept in full: %s", operation, type(error).__name__)


def _reasons(message: Message) -> list[str]:
    if isinstance(message, StepResult):
        return [message.funds.reason, message.request.reason if message.request else ""]
    return [getattr(message, "reason", "")]


def _redacted(error: ApplicationError, names: Collection[str]) -> ApplicationError:
    return ApplicationError(
        _words(error.message, names),
        *(masked(one, names) if isinstance(one, str) else one for one in error.details),
        type=error.type,
        non_retryable=error.non_retryable,
        next_retry_delay=error.next_retry_delay,
        category=error.category,
    ).with_traceback(error.__traceback__)


def _words(text: str, names: Collection[str]) -> str:
    return masked(visible(text), names)[:LONGEST_FAILURE]
