"""Why the upstream has not done yet what it accepted: its own words, and ours for them. Pure."""

from datetime import timedelta

from models.enums import UpstreamStatus
from orders.operations.seen import Seen

MOST_OF_A_DETAIL = 64
_CAUSES = {
    "item_status_service_nosuitable": "no module of the upstream can open it, or nothing is in stock: its staff has to "
    "connect one",
    "item_status_5_open": "it is being opened; where that is done by hand it waits for the upstream's staff",
    "item_status_5_need_configure": "it waits for the upstream's staff to configure it",
    "item_status_5_close": "it is being deleted",
    "item_status_5_prolong": "it is being prolonged",
    "item_status_5_resume": "it is being resumed",
    "item_status_5_suspend": "it is being suspended",
    "item_status_5_reboot": "it is being restarted",
    "item_status_5_hardreboot": "it is being restarted",
    "item_status_5_reopen": "it is being installed anew",
    "item_status_5_transfer": "it is being moved",
    "item_status_5_set_param": "its parameters are being set",
    "item_status_5_changepricelist": "its tariff is being changed",
    "item_status_3_abusesuspend": "suspended for abuse: only the upstream's staff can resume it",
    "item_status_3_employeesuspend": "suspended by the upstream's staff, who alone may be able to resume it",
    "item_status_3_autosuspend": "suspended by the upstream itself, because its term is over or for want of money",
    "service_status_6": "the certificate was refused by who issues it: its staff has to see to it",
}
"""Keys that panels show for the cause of a state, seen in code."""
_LEFT_ALONE = (UpstreamStatus.ACTIVE, UpstreamStatus.SUSPENDED)
"""Statuses in which the upstream is not at work on an item."""


def shown(number: str, seen: Seen) -> str:
    """What the upstream shows of an item, with its own key for the cause and what that means."""
    words = f"item {number} is {seen.status.name.lower()}"
    cause = _CAUSES.get(seen.detail, "")
    if seen.status is UpstreamStatus.ORDERED and not cause:
        cause = "it is not opened yet; where that is done by hand it waits for the upstream's staff"
    if seen.detail:
        words += f" ({seen.detail[:MOST_OF_A_DETAIL]})"
    return f"{words}: {cause}" if cause else words


def why_stuck(seen: Seen, waited: timedelta, at_most: timedelta, *, slow: bool, if_silent: str) -> str:
    """Why a person should look at what was accepted and is not done; empty: there is reason to go on waiting.

    `slow`: it takes longer than usual already, so that the upstream has done nothing if it is not at work on it now;
    `if_silent`: what to do then.
    """
    if slow and seen.status in _LEFT_ALONE and not seen.at_work:
        return f"the upstream said ok, is not at work on it, and has not done it: {if_silent}"
    if waited > at_most:
        asks = "is it paid?" if seen.status is UpstreamStatus.ORDERED else "does the upstream still work on it?"
        return f"it has been so for {waited.total_seconds() / 3600:.0f} hours: {asks}"
    return ""
