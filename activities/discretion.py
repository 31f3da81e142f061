"""What leaves an activity for its workflow's history holds nothing of a customer's, and no secret.

Upstreams put anything into their sentences: the address of the customer whose order they refuse, the password that was
too short. In our database these sentences are whole; Temporal keeps histories where others may read them.
"""

from typing import Any

from temporalio.exceptions import ApplicationError, TemporalError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from models.messages import Message
from models.outside import veiled, veiled_message, visible

LONGEST_FAILURE = 1000
"""Characters of a failure that are kept."""


class Discretion(Interceptor):
    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Discreet(next)


class _Discreet(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            result = await super().execute_activity(input)
        except ApplicationError as error:
            raise _discreet(error) from None
        except TemporalError:
            raise
        except Exception as error:
            # Its cause stays here: a database's error holds the values of the statement.
            words = f"{type(error).__name__}: {_words(str(error))}"
            raise ApplicationError(words, type=type(error).__name__).with_traceback(error.__traceback__) from None
        return veiled_message(result) if isinstance(result, Message) else result


def _discreet(error: ApplicationError) -> ApplicationError:
    return ApplicationError(
        _words(error.message),
        *(veiled(one) if isinstance(one, str) else one for one in error.details),
        type=error.type,
        non_retryable=error.non_retryable,
        next_retry_delay=error.next_retry_delay,
        category=error.category,
    ).with_traceback(error.__traceback__)


def _words(text: str) -> str:
    return veiled(visible(text))[:LONGEST_FAILURE]
