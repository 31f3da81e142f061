"""Answers that put a request into the cart instead of charging for it: what has yet to be paid, and its number.

Panels that ignore `skipbasket` answer an order, a renewal or an edit with the number of an order to pay (`billorder`),
of a row of the cart (`lineitem.id`), or only with an `ok` that leads to the cart or to the payment (seen in code).
"""

import re

from models.enums import UnpaidKind
from upstreams.answers import Unpaid
from upstreams.billmanager.numbers import natural
from upstreams.billmanager.wire import Document

FIELDS = {
    "lineitem.id": UnpaidKind.CART_ROW,
    "lineitem": UnpaidKind.CART_ROW,
    "lineitem_id": UnpaidKind.CART_ROW,
    "billorder.id": UnpaidKind.ORDER,
    "billorder": UnpaidKind.ORDER,
}
"""Nodes, and parameters of the function an `ok` leads to, with the number of something that has yet to be paid."""

_A_NAME = re.compile(r"[\w./-]{1,60}")
_NONE = frozenset({"0", "null", "none", "on", "off", "no"})
_CART = re.compile(r"^(?:v\d+\.)?(?:cart|cartorder)(?:\.|$)")
_ORDER = re.compile(r"^(?:v\d+\.)?(?:basket|billorder)(?:\.|$)|^payment\.")


def unpaid(answer: Document) -> Unpaid | None:
    """What the answer left to be paid. Its number is empty where it only leads to the cart or the payment."""
    for name, unpaid_kind in FIELDS.items():
        leaf = answer.leaf(name)
        if leaf is not None and _names(leaf.raw):
            return Unpaid(kind=unpaid_kind, number=leaf.raw)
    if _CART.search(answer.leads_to):
        return Unpaid(kind=UnpaidKind.CART_ROW, number=_named(answer, UnpaidKind.CART_ROW, "elid"))
    if _ORDER.search(answer.leads_to):
        return Unpaid(kind=UnpaidKind.ORDER, number=_named(answer, UnpaidKind.ORDER))
    return None


def is_number(text: str) -> bool:
    return (natural(text) or 0) > 0


def _named(answer: Document, unpaid_kind: UnpaidKind, *more: str) -> str:
    """The number that the `ok` sends along: `func=payment.add&billorder=77`."""
    given = answer.leads_with
    names = [*(name for name, of in FIELDS.items() if of is unpaid_kind), *more]
    return next((given[name] for name in names if _names(given.get(name, ""))), "")


def _names(text: str) -> bool:
    return _A_NAME.fullmatch(text) is not None and text.lower() not in _NONE
