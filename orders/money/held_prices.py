"""A price that the upstream holds: its quote has a name, and the request names it until the time is over.

The same request is sent again word for word, with the name that it had, because its first copy may arrive late: the
upstream knows it again by its key and its words.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from models.enums import FailureClass, IntentState
from models.order import Intent
from upstreams.answers import Quote

QUOTE = "quote"
"""The name in the notes of a request."""
_HELD_AS, _HELD_UNTIL = "held_as", "held_until"
"""The name and the time in an operation's price."""
_ON_ITS_WAY = timedelta(seconds=30)
"""A quote that ends sooner is not relied on: the request has yet to be written down and to arrive."""
_MAY_ARRIVE_LATE = frozenset({IntentState.NOT_DONE, IntentState.ABANDONED})
_SETTLED_WITHOUT = _MAY_ARRIVE_LATE | {IntentState.REFUSED}


def of_quote(quote: Quote | None) -> dict[str, str]:
    """For the price of an operation."""
    if quote is None or not quote.held_as or quote.held_until is None:
        return {}
    return {_HELD_AS: quote.held_as, _HELD_UNTIL: quote.held_until.isoformat(timespec="seconds")}


def is_held(price: Mapping[str, str], earlier: Intent | None, now: datetime) -> bool:
    """Whether the price stands until the request, which will name the quote, has arrived."""
    until = price.get(_HELD_UNTIL)
    return until is not None and bool(to_name(price, earlier)) and now + _ON_ITS_WAY < datetime.fromisoformat(until)


def is_repeated(earlier: Intent | None) -> bool:
    """An earlier request named a quote and counts as not done: it is sent again as it was, at that price."""
    return earlier is not None and _may_arrive_late(earlier) and bool(earlier.request.get(QUOTE))


def to_name(price: Mapping[str, str], earlier: Intent | None) -> dict[str, str]:
    """The quote that the next request names, for its notes. `earlier`: the latest request before it."""
    name = price.get(_HELD_AS, "")
    if earlier is not None and _has_ended(earlier):
        name = ""
    elif earlier is not None and _may_arrive_late(earlier):
        name = earlier.request.get(QUOTE, "")
    return {QUOTE: name} if name else {}


def _has_ended(earlier: Intent) -> bool:
    """It named a quote and was put off, which proves that its key was not used: the next one names none, whatever the
    upstream has against its quotes. (Once it was looked for, what was put off counts as not done, too.)"""
    put_off = earlier.state in _SETTLED_WITHOUT and earlier.failure_class is FailureClass.NOT_YET
    return put_off and bool(earlier.request.get(QUOTE))


def _may_arrive_late(earlier: Intent) -> bool:
    return earlier.state in _MAY_ARRIVE_LATE and not _has_ended(earlier)
