"""The stages of an operation as server-sent events, and the same read from its document."""

import time
from collections.abc import Iterator

from httpx_sse import ServerSentEvent
from pydantic import ValidationError

from resellflow_client.calls import Call
from resellflow_client.errors import UnexpectedAnswer, WaitedTooLong
from resellflow_client.models import OperationDetail, Stage, StageOf

ENDED = frozenset({Stage.COMPLETED, Stage.CANCELLED})
EVENTS = frozenset({"stage", "end"})
"""What is said by a stream; what a newer server may say besides is not for us."""
WAIT_ENDS = ENDED | {Stage.NEEDS_ATTENTION, Stage.AWAITING_MANUAL_TASK}
"""From these stages on nothing happens automatically."""

PAUSE_SECONDS = 2.0
"""Before a stream that broke is asked for again."""
SILENCE_SECONDS = 45.0
"""The server says something at least each 15 seconds. After so much silence the line is dead."""
DEADLINE_SECONDS = 10.0
"""Where there is a deadline, a silent stream is left after so long: less than the server may be silent."""


def stream_call(number: int) -> Call[object]:
    return Call("GET", "/v1/operations/{number}/stream", {}, parts={"number": number})


def stream_headers(after: int | None) -> dict[str, str]:
    return {} if after is None else {"Last-Event-ID": str(after)}


def silence_allowed(deadline: float | None) -> float:
    """Seconds. Raises WaitedTooLong if the deadline, of `time.monotonic`, has passed."""
    if deadline is None:
        return SILENCE_SECONDS
    left = deadline - time.monotonic()
    if left <= 0:
        raise WaitedTooLong("the operation has not come so far in the time given")
    return min(left, DEADLINE_SECONDS)


def stage_in(event: ServerSentEvent) -> StageOf | None:
    """None: the operation has ended. Raises UnexpectedAnswer."""
    if event.event == "end":
        return None
    try:
        return StageOf.model_validate_json(event.data)
    except ValidationError as error:
        raise UnexpectedAnswer("an event of the stream is no stage") from error


def missed(operation: OperationDetail, after: int | None) -> Iterator[StageOf]:
    """What a stream would have said since the stage `after`."""
    for passed in operation.stages:
        if after is None or passed.id > after:
            yield StageOf(
                **dict(passed),
                operation=operation.number,
                service=operation.service,
                reference=operation.reference,
                metadata=operation.metadata,
            )
