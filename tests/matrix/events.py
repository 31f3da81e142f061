"""What happens to the signals of events on their way from the poller to the order: doubled, reordered, lost.

The poller's code runs as it is; only what it calls to send a signal is changed, and only in the namespaces named.
"""

import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from temporalio.client import Client

from models.enums import UpstreamStatus
from models.messages import Message, UpstreamEventMessage
from temporal import delivery, signals
from tests.matrix.cells import Fault

Send = Callable[[Client, str, str, Message, str], Awaitable[bool]]
Happening = Callable[[Send, Client, str, str, Any, str], Awaitable[bool]]

_as_it_is: Send = signals.signal
_happening: dict[str, Happening] = {}
SIGNAL = "signal"
"""What the poller calls, by its name in `temporal.delivery`."""
_numbers = itertools.count(1)


async def _signal(client: Client, workflow_id: str, name: str, message: Message, request_id: str) -> bool:
    happening = _happening.get(client.namespace)
    if happening is None:
        return await _as_it_is(client, workflow_id, name, message, request_id)
    return await happening(_as_it_is, client, workflow_id, name, message, request_id)


async def _doubled(send: Send, client: Client, workflow_id: str, name: str, message: Message, request_id: str) -> bool:
    await send(client, workflow_id, name, message, request_id)
    return await send(client, workflow_id, name, message, f"{request_id}-again")


async def _lost(send: Send, client: Client, workflow_id: str, name: str, message: Message, request_id: str) -> bool:
    return True


async def _reordered(
    send: Send, client: Client, workflow_id: str, name: str, message: UpstreamEventMessage, request_id: str
) -> bool:
    """An event of before, in which the item was still being worked on, comes before and after."""

    async def an_older_one() -> None:
        number = f"older-{next(_numbers)}"
        changes = {
            "event_id": number,
            "status": UpstreamStatus.PROCESSING,
            "met": None,
            "seen_at": message.seen_at - timedelta(hours=1),
        }
        await send(client, workflow_id, name, message.model_copy(update=changes), number)

    await an_older_one()
    await an_older_one()
    sent = await send(client, workflow_id, name, message, request_id)
    await an_older_one()
    return sent


def of(fault: Fault) -> Happening:
    return {Fault.DOUBLED: _doubled, Fault.REORDERED: _reordered, Fault.LOST: _lost}[fault]


@contextmanager
def happening(namespace: str, what: Happening | None) -> Iterator[None]:
    """While it lasts, `what` happens to every signal of an event in this namespace."""
    if what is None:
        yield
        return
    setattr(delivery, SIGNAL, _signal)
    _happening[namespace] = what
    try:
        yield
    finally:
        del _happening[namespace]
        if not _happening:
            setattr(delivery, SIGNAL, _as_it_is)
