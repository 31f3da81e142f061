"""Redacts reasons and data for storefronts.

Reasons are written for our own people: they hold balances, addresses of upstreams, and numbers of what belongs to
others. A storefront gets the sentences below instead. It gets the words themselves where the upstream speaks about the
order's own values, or where neither money nor a connection is meant; addresses, sums and numbers of others are removed.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from models.enums import FailureClass, MessageType, Stage
from models.explanations import explain
from orders.money.prices import SOLD_BY_QUOTE

_SENTENCES: dict[FailureClass, str] = {
    FailureClass.NOT_SENT: "the upstream can't be reached",
    FailureClass.OUTCOME_UNKNOWN: "the outcome of its request is not known yet",
    FailureClass.FUNDS: "the reseller's account at the upstream has too little money",
    FailureClass.NOT_YET: "the upstream does not do it yet",
    FailureClass.EXISTS: "the upstream has something with this name or address already",
    FailureClass.UNHEALTHY: "the reseller's account at the upstream does not work as it should",
    FailureClass.SETUP_FAULT: "something is not set up right",
    FailureClass.PRICE_CHANGED: "its price is not what was agreed or expected",
}
"""Only the words of REJECTED are passed on: they are about the order's own values."""

SELLING = "selling"
"""Key of an operation's price: for how much we sell it."""
_ONLY_READ = "the upstream does not answer; nothing is sent before it does"
"""A request that has not left has no unknown outcome: before it there was only reading."""
_OWN_WORDS = frozenset(
    {
        Stage.ACCEPTED,
        Stage.QUEUED,
        Stage.AWAITING_CONFIRMATION,
        Stage.AWAITING_MANUAL_TASK,
        Stage.COMPLETED,
        Stage.CANCELLED,
    }
)
"""Stages whose reasons are about the service and its own operations."""

_AMOUNT = r"(?<!\d)[-+]?\d{1,60}(?:[ \u00a0.,'\u202f]\d{2,3}){0,6}(?:[.,]\d{1,10})?"
_CURRENCY = r"(?:[€$£₽₴¥]|\b(?:eur|usd|rub|gbp|uah)\b|\b(?:руб|коп|грн)(?:\b\.?|\w{0,5}))"
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://[^\s<>\"']+", re.IGNORECASE)
_HIDDEN = (
    (_ADDRESS, "(an address)"),
    (re.compile(r"[^\s<>\"'@]{1,64}@[^\s<>\"'@]{1,255}"), "(an address)"),
    (re.compile(r"//[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}(?::\d{1,5})?(?:/[^\s<>\"']*)?"), "(an address)"),
    (re.compile(r"(?<![\w.-])[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}:\d{2,5}\b(?:/[^\s<>\"']*)?"), "(an address)"),
    (
        re.compile(
            r"(?<![\w.])(?:10|127|172\.(?:1[6-9]|2\d|3[01])|192\.168)(?:\.\d{1,3}){2,3}\b(?!\.\d)(?:/[^\s<>\"']*)?"
        ),
        "(an address)",
    ),
    (re.compile(rf"{_AMOUNT}\s?(?:[A-Z]{{3}}\b|{_CURRENCY})"), "(a sum)"),
    (re.compile(rf"(?:\b[A-Z]{{3}}|{_CURRENCY})\s?{_AMOUNT}"), "(a sum)"),
)
_OF_OTHERS = re.compile(
    r"\b(service|client|customer|user|account|order|row|id|elid)(\s*[=:]\s*|\s+(?:no\.?\s*|[#№]\s*)?|\s*[#№]\s*)\d{1,30}",
    re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    """Without addresses and sums of money, whoever wrote the text."""
    for pattern, words in _HIDDEN:
        text = pattern.sub(words, text)
    return text


def reason_for_shop(stage: Stage, reason: str, failure: FailureClass | None) -> str:
    """What a storefront reads of the reason why an operation is in a stage; empty: the stage says enough."""
    if not reason:
        return ""
    if stage is Stage.RETRYING and failure is FailureClass.OUTCOME_UNKNOWN:
        return _ONLY_READ
    if failure in _SENTENCES:
        return _SENTENCES[failure]
    if failure is FailureClass.REJECTED:
        return _OF_OTHERS.sub(r"\1\2…", without_secrets(reason))
    return without_secrets(reason) if stage in _OWN_WORDS else ""


def values_for_shop(values: Mapping[str, str]) -> dict[str, str]:
    """Values by name, without addresses in the upstream's own words."""
    return {name: _ADDRESS.sub("(an address)", value) for name, value in values.items()}


def waits_for_shop(stage: Stage, reason: str, failure: FailureClass | None, called_off_at: datetime | None) -> str:
    shown = reason_for_shop(stage, reason, failure)
    return explain(stage, shown, called_off=called_off_at is not None, failure=failure).waits_for


_COSTS = frozenset({"cost", "upstream_cost"})
"""Values of a service, and of its item, that say what the upstream charges."""


def changes_for_shop(changes: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Changed values by name: without those that say what we pay."""
    return {name: values_for_shop(change) for name, change in changes.items() if name not in _COSTS}


def price_for_shop(price: Mapping[str, str]) -> dict[str, str]:
    """What the shop pays, from the row that says how a cost came about."""
    sold = price.get(SELLING) or price.get(SOLD_BY_QUOTE)
    return {SELLING: sold} if sold else {}


NOT_FOR_SHOPS = frozenset(
    {
        *(MessageType.ITEM_APPEARED, MessageType.INCIDENT_RAISED, MessageType.INCIDENT_CLOSED),
        *(MessageType.OPERATION_REFUNDED, MessageType.SERVICE_COST_CHANGED),
        *(MessageType.UPSTREAM_BALANCE_LOW, MessageType.UPSTREAM_BALANCE_ENOUGH),
    }
)
"""Messages that name what belongs to others, or speak of our money."""
_DATA = frozenset(
    {
        *("service", "operation", "task", "upstream", "item", "event", "changes"),
        *("expires_on", "days_left", "period_months", "renewal_owner", "at_end_of_term", "urgency", "next_try_at"),
        *("kind", "stage", "stage_before", "failure_class", "department", "due_at", "endpoint", "quote"),
    }
)
"""Fields of a message's data that hold numbers, states and values of the service's own."""


def is_for_shops(message_type: str) -> bool:
    """Whether a message of this type goes to endpoints of storefronts."""
    return message_type not in NOT_FOR_SHOPS


def data_for_shop(data: dict[str, Any]) -> dict[str, Any]:
    """The data of a message as the endpoint of a storefront gets it."""
    shown = {name: value for name, value in data.items() if name in _DATA}
    if "changes" in data:
        shown["changes"] = changes_for_shop(data["changes"])
    if "reason" in data:
        failure = data.get("failure_class")
        shown["reason"] = reason_for_shop(
            Stage(data["stage"]), data["reason"], FailureClass(failure) if failure else None
        )
    return shown
