"""What a panel may be like where the protocol leaves it open, and what may become of an order."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

LAGS = {"shown-soon": 1.2, "shown-late": 3.0}
"""Recipes of orders whose items come into the list so many seconds after they are made."""


class Fault(StrEnum):
    """What becomes of one order's first request; the order asks for it in its field `recipe`."""

    CUT_BEFORE = "cut-before"
    CUT_AFTER = "cut-after"
    CUT_INSIDE = "cut-inside"
    BAD_GATEWAY_BEFORE = "bad-gateway-before"
    BAD_GATEWAY_AFTER = "bad-gateway-after"
    PAGE_AFTER = "page-after"
    STALL_BEFORE = "stall-before"
    STALL_AFTER = "stall-after"
    LATE_ANSWER = "late-answer"
    """The item is active before the order's own answer comes."""
    LOGIN_REFUSED = "login-refused"
    EMPTY_AFTER = "empty-after"
    POOR_AND_CUT = "poor-and-cut"
    """Refused for want of money, and that answer is lost."""
    HELD_BEFORE = "held-before"
    HELD_AFTER = "held-after"
    """No answer until the test lets go, committed before or not at all."""
    ACCESS_AFTER = "access-after"
    """Made and charged, and answered with an error of this type."""
    VALUE_AFTER = "value-after"
    POOR_AFTER = "poor-after"
    ODD_AFTER = "odd-after"
    BY_HAND = "by-hand"
    """No fault: it stays in opening until a person at the panel opens it."""


@dataclass(frozen=True)
class Choices:
    """One possible upstream, in what the protocol leaves open."""

    noise: bool = False
    spelling: str = "as-sent"
    """How names are shown: as-sent, unicode, upper (with a dot at the end) or lossy (`?` for foreign letters)."""
    dialects: frozenset[int] = frozenset({5, 6})
    order_answer: str = "id"
    """id, item.id, nested, attribute or ok."""
    list_shows: frozenset[str] = frozenset({"name", "remoteid"})
    form_shows: frozenset[str] = frozenset({"name", "remoteid"})
    status_style: str = "code"
    """code, word-orig (the word in the text, the code in an attribute) or word-real (the code in another column)."""
    opening_status: int = 5
    opening_delay: float = 0.3
    money: str = "plain"
    """plain `5.00 EUR`, word `1 234,56 руб.`, sign `€5,00` or bare `5.0000`."""
    currency: str = "EUR"
    refused: frozenset[str] = frozenset()
    """Functions answered with `access`."""
    hides_balance: frozenset[str] = frozenset()
    """Functions that answer without a balance."""
    authinfo: bool = True
    session_calls: int = 1_000_000
    """Calls that a session answers; then it is dead. No clock ends it: on a machine that stands still for a while, a
    session would be dead before its first call, and the account is left alone after a log-in in vain."""
    page_cap: int = 500
    shows_total: bool = True
    minds_pages: bool = True
    unique_remoteid: bool = False
    marks_for_ever: bool = False
    """A deleted item keeps its mark from being used again."""
    unpaid_row: bool = False
    """An order refused for want of money leaves a row of status 1."""
    pays_rows_itself: bool = False
    """Such rows are paid by the panel as soon as there is money."""
    may_delete: bool = True
    deleted_rows_stay: bool = False
    commit_delay: float = 0.0
    list_lag: float = 0.0
    hides_until_met: bool = False
    """An unpaid row comes into the list only after a further request was refused because of it."""
    key_delay: float = 0.0
    prepaid: bool = True
    """False: the panel itself lets the balance sink below zero, so that only the buyer's care keeps it above."""
    quotes: str = "list"
    """list (total_summary), text (orderinfo) or none."""
    price: Decimal = Decimal("5.00")
    mark_width: int = 500
    """Marks are shown cut to so many letters."""
