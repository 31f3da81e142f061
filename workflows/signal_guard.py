"""Guards signal handlers: anybody may send signals by hand, in any shape. What cannot be read is dropped and reported.

The SDK calls a signal's handler with as many arguments as came. One too many or too few is a TypeError in the workflow
task, in every replay of it: the workflow stands still for ever, its queries and updates too.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, get_type_hints

from temporalio import workflow

LONGEST_REASON = 200


class SignalReceiver(Protocol):
    def signal_dropped(self, why: str) -> None:
        """A signal was dropped, or a part of it: people are notified."""


S = TypeVar("S", bound=SignalReceiver)
H = TypeVar("H", bound=Callable[..., None])


def tolerant(handler: H) -> H:
    """Below `@workflow.signal`, on a handler with at most one parameter: makes it take whatever comes.

    Further arguments are ignored. Where one is needed and none comes, or one that is not of its type, the signal is
    dropped. Both are said by the workflow's `signal_dropped`.
    """
    parameters = list(inspect.signature(handler).parameters.values())[1:]
    if len(parameters) > 1:
        raise TypeError(f"{handler.__name__} takes {len(parameters)} arguments; a signal has one message, or none")
    hints = get_type_hints(handler)
    wanted = [hints[one.name] for one in parameters]
    needed = bool(parameters) and parameters[0].default is inspect.Parameter.empty

    @functools.wraps(handler)
    def take(self: S, *arguments: Any) -> None:
        name, extra = handler.__name__, len(arguments) - len(wanted)
        if extra > 0:
            self.signal_dropped(f"signal {name}: {extra} argument(s) too many, ignored")
        if arguments and arguments[0] is None:
            arguments = ()  # null is no message: the SDK lets it pass for every type
        if needed and not arguments:
            self.signal_dropped(f"signal {name} was dropped: it came without its argument")
            return
        try:
            read = [_read(given, hint) for given, hint in zip(arguments, wanted, strict=False)]
        except Exception as error:  # whatever a converter raises: the sender's fault may not stop the workflow
            self.signal_dropped(f"signal {name} was dropped: {type(error).__name__}, its argument can't be read")
            return
        handler(self, *read)

    del take.__wrapped__  # the SDK would read the strict signature through it
    take.__annotations__ = {"arguments": Any, "return": None}
    return take  # type: ignore[return-value]  # senders see the strict signature, so that their messages are checked


def _read(given: Any, hint: Any) -> Any:
    """What came as the type that the handler wants. Raises what the converter raises, and TypeError.

    The converter reads JSON only as what is wanted: bytes and protobuf messages come through it as they are.
    """
    converter = workflow.payload_converter()
    [read] = converter.from_payloads(converter.to_payloads([given]), [hint])
    if hint is not Any and not isinstance(read, hint):
        raise TypeError(f"{type(read).__name__} came")
    return read
