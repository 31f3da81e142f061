"""Why the upstream has not done yet what it accepted: its own words, and ours for them. Pure."""

from datetime import timedelta

from models.enums import UpstreamStatus
from models.events import UpstreamSnapshot
from models.order import Operation
from orders.operations.registry import operation_type
from orders.operations.seen import Seen

MOST_OF_A_DETAIL = 64
CALLED_OFF_THERE = "it was cancelled there; ask the upstream whether it charges for it all the same"
_LEFT_ALONE = (UpstreamStatus.ACTIVE, UpstreamStatus.SUSPENDED)
"""Statuses in which the upstream is not at work on an item."""


def shown(number: str, seen: Seen) -> str:
    """What the upstream shows of an item, with its own key for the cause and what that means."""
    words = f"item {number} is {seen.status.name.lower()}"
    cause = seen.cause
    if seen.status is UpstreamStatus.ORDERED and not cause:
        cause = "it is not opened yet; if people at the upstream open it, it waits for them"
    if seen.detail:
        words += f" ({seen.detail[:MOST_OF_A_DETAIL]})"
    return f"{words}: {cause}" if cause else words


def why_stuck(seen: Seen, waited: timedelta, at_most: timedelta, *, slow: bool, if_silent: str) -> str:
    """Why a person should look at what was accepted and is not done; empty: there is reason to go on waiting.

    `slow`: it takes longer than usual already, so that the upstream has done nothing if it is not at work on it now;
    `if_silent`: what to do then.
    """
    if slow and seen.status in _LEFT_ALONE and not seen.at_work:
        return f"the upstream accepted it, does not work on it and has not done it: {if_silent}"
    if waited > at_most:
        asks = "is it paid?" if seen.status is UpstreamStatus.ORDERED else "does the upstream still work on it?"
        return f"nothing has changed for {waited.total_seconds() / 3600:.0f} hours: {asks}"
    return ""


def not_shown(operation: Operation, snapshot: UpstreamSnapshot | None) -> str:
    """Why what a person says is done is not to be seen, in words. Empty: it is, or nothing is known of it."""
    type_ = operation_type(operation.kind)
    if snapshot is None or (type_.seen_in_form and not snapshot.form and not snapshot.gone):
        return ""
    if snapshot.gone and type_.ends_service:
        return ""
    if not snapshot.gone and type_.outcome(operation.parameters, Seen.of_snapshot(snapshot)):
        return ""
    return f"the upstream has not shown it: {item_in_words(operation, snapshot)}"


def item_in_words(operation: Operation, snapshot: UpstreamSnapshot) -> str:
    """What the upstream was last seen to show of the operation's item, and what is missing for the operation."""
    if snapshot.gone:
        return f"item {snapshot.number} is not there any more"
    seen = Seen.of_snapshot(snapshot)
    words = shown(snapshot.number, seen)
    type_ = operation_type(operation.kind)
    undecided = type_.outcome(operation.parameters, seen) is None
    missing = type_.missing(type_.asked(operation), seen) if undecided else ""
    return f"{words}; {missing}" if missing else words
