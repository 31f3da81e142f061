"""Why the upstream has not done yet what it accepted: its own words, and ours for them. Pure."""

from datetime import timedelta

from models.enums import UpstreamStatus
from orders.operations.seen import Seen

MOST_OF_A_DETAIL = 64
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
