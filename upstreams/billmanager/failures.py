"""From the upstream's error envelope to our failure classes: one table, and what each class needs besides its name.

Which error types exist is documented for a few (`not_enough_money` KB-STOP, `xml` ERRDOC) and otherwise seen in public
client code; what each means for an order is our judgement, see docs/billmanager.md. Only `type` and `object` decide,
never the localised message. Exceptions: an early renewal is recognised by a date among the parameters, a module that is
not loaded by the text, where the type says nothing else.

A second, short table is for operations on one item: there a missing right is no trouble with the account, and what the
upstream will not let us do becomes NotAllowed, so that a person can be asked to do it.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum, auto

from models.money import Money
from upstreams.billmanager.calls import Call
from upstreams.billmanager.dates import read_date
from upstreams.billmanager.moneytext import UnreadableMoney, currency_code, number
from upstreams.billmanager.numbers import natural
from upstreams.billmanager.products import is_secret
from upstreams.billmanager.wire import WireError
from upstreams.errors import (
    AlreadyExists,
    ConnectionUnhealthy,
    NoSuchItem,
    NotAllowed,
    NotEnoughMoney,
    NotYet,
    OutcomeUnknown,
    Rejected,
    Scope,
    SetupFault,
    UpstreamError,
)
from upstreams.httpcalls import Effect, RefusalScope


class Meaning(Enum):
    UNHEALTHY = auto()
    MISSING = auto()
    EXISTS = auto()
    REFUSED = auto()
    FUNDS = auto()
    NOT_YET = auto()
    SETUP = auto()
    UNKNOWN_OUTCOME = auto()
    NOT_ALLOWED = auto()


@dataclass(frozen=True)
class Row:
    """One line of the table. An empty `object` matches every object; a line that names one wins."""

    type: str
    object: str
    meaning: Meaning
    words: str
    """What happened, to follow "Upstream main, v2.vds.order.param: "."""


_FACTOR = "not logged in: a second factor is asked for; switch it off for this account"
TABLE: tuple[Row, ...] = (
    Row("auth", "", Meaning.UNHEALTHY, "not logged in: the user name, the password or the session is refused"),
    Row("authtype", "", Meaning.UNHEALTHY, "not logged in: this way of logging in is not allowed for the account"),
    Row("extraconfirm", "", Meaning.UNHEALTHY, _FACTOR),
    Row("access", "", Meaning.UNHEALTHY, "the account has no right to call this function"),
    Row("access", "elid", Meaning.REFUSED, "the account has no right to this item"),
    Row("license", "", Meaning.UNHEALTHY, "the upstream's own licence stops it"),
    Row("captcha", "", Meaning.UNHEALTHY, "the upstream wants a captcha solved"),
    Row("missed", "func", Meaning.SETUP, "the upstream has no such function; is its dialect or product type right?"),
    Row("missed", "", Meaning.MISSING, "something that was named does not exist"),
    Row("exists", "", Meaning.EXISTS, "such a thing exists already"),
    Row("exist", "", Meaning.EXISTS, "such a thing exists already"),
    Row("value", "", Meaning.REFUSED, "a field has a value that is not accepted"),
    Row("limit", "", Meaning.REFUSED, "a limit is reached"),
    Row("pricelist_min_order", "", Meaning.REFUSED, "the least term or amount of its tariff is not reached"),
    Row("promocode_not_use", "", Meaning.REFUSED, "the promotion code cannot be used"),
    Row("stat_addon_over_limit", "", Meaning.REFUSED, "the usage is above its cap"),
    Row("not_enough_money", "", Meaning.FUNDS, "there is not enough money on the account"),
    Row("min_email_send_timeout", "", Meaning.NOT_YET, "mails are throttled"),
    Row("wizard_unavailable", "", Meaning.SETUP, "the tariff cannot be ordered; is its pricelist right?"),
    Row("unsupported_module", "", Meaning.SETUP, "the upstream's processing module does not support this"),
    Row("no_suitable_module", "", Meaning.SETUP, "the upstream has no processing module for this tariff"),
    Row("not_found_relation_for_measure", "", Meaning.SETUP, "the upstream's tariff uses units that it cannot convert"),
    Row("query", "", Meaning.UNKNOWN_OUTCOME, "a fault inside the upstream's database"),
    Row("xml", "", Meaning.UNKNOWN_OUTCOME, "a fault inside the upstream"),
    Row("not_implemented", "", Meaning.UNKNOWN_OUTCOME, "the upstream says this is not implemented"),
    Row("process", "", Meaning.UNKNOWN_OUTCOME, "a program at the upstream failed"),
    Row("error", "", Meaning.UNKNOWN_OUTCOME, "the upstream failed without a reason"),
    Row("client", "", Meaning.UNKNOWN_OUTCOME, "the upstream could not talk to a system behind it"),
    Row("bad_response", "", Meaning.UNKNOWN_OUTCOME, "the upstream could not understand a system behind it"),
    Row("open", "", Meaning.UNKNOWN_OUTCOME, "the upstream could not reach a system behind it"),
    Row("", "", Meaning.UNKNOWN_OUTCOME, "an error without a type"),
)

OPERATIONS: tuple[Row, ...] = (
    Row("access", "", Meaning.NOT_ALLOWED, "the account has no right to do this to the item"),
    Row("access", "elid", Meaning.NOT_ALLOWED, "the account has no right to do this to the item"),
    Row("extraconfirm", "", Meaning.NOT_ALLOWED, "the upstream wants it confirmed by a person"),
)
"""Instead of the lines of `TABLE`, for calls whose refusals are of an operation or of a state."""

_OTHER = Row("*", "", Meaning.REFUSED, "refused for a reason that Resellflow does not know")
_CAPTCHA = next(row for row in TABLE if row.type == "captcha")
_EARLY = Row("*", "", Meaning.NOT_YET, "it is too early to renew")
_THROTTLED = Row("*", "", Meaning.NOT_YET, "the upstream takes no more requests for a while")
_THROTTLES = re.compile(r"too_?many|flood|throttl|overload|rate_?limit|\b(?:busy|requests?|rate)\b", re.IGNORECASE)
_SAYS_THROTTLED = re.compile(
    r"too (?:many|frequent) requests|rate limit|слишком (?:много|част\w+) запрос", re.IGNORECASE
)
"""Assumed: whether a panel limits requests, and in which words, is not known (open question 9 of the reference)."""
_NOT_LOADED = Row("not_loaded", "", Meaning.SETUP, "the upstream has no module for this")
_SAYS_NOT_LOADED = re.compile(
    r"module\b.{0,80}\bnot (?:been )?(?:loaded|installed)|модул.{0,80}\bне (?:загружен|установлен)", re.IGNORECASE
)
"""A function whose module the panel lacks (REMNA, seen in code): only the text shows it; its type is unknown."""
_BY_KEY = {(row.type, row.object): row for row in TABLE}
_OF_OPERATIONS = {(row.type, row.object): row for row in OPERATIONS}
_DEFINITE_NO = frozenset({Meaning.REFUSED, Meaning.MISSING, Meaning.SETUP})
_SAID = 300
"""Characters of the upstream's words that a refused operation keeps for the person who is to do it by hand."""
_LONGEST_THROTTLE = 3_600
"""Seconds. A throttle that names more is tried after so long: it may have meant something else."""
_MAYBE_EARLY = frozenset({"value", "limit"})
_WHAT_AN_ITEM_IS_CALLED = frozenset({"elid", "id", "item", "service"})


def failure(call: Call, error: WireError, now: datetime | None = None) -> UpstreamError:
    """The exception for an error envelope; `now` (aware UTC) is for throttles that name seconds."""
    row = _row(call, error)
    not_before = _early_renewal(call, error, row)
    if not_before is not None:
        row = _EARLY
    kind, thing = call.clean(error.type or row.type.strip("*"), 40), call.clean(error.object, 60)
    value = "" if is_secret(error.object) else call.clean(error.params.get("value", ""), 60)
    message = _sentence(call, error, row)

    match _meaning(call, error, row):
        case Meaning.NOT_ALLOWED:
            said = call.clean(error.message, _SAID)
            return NotAllowed(message, said=said, function=call.function, error_type=kind, error_object=thing)
        case Meaning.UNHEALTHY:
            return ConnectionUnhealthy(
                message, scope=scope_of(kind), function=call.function, error_type=kind, error_object=thing
            )
        case Meaning.EXISTS:
            return AlreadyExists(message, function=call.function, error_type=kind, error_object=thing)
        case Meaning.SETUP:
            return SetupFault(message, function=call.function, error_type=kind, error_object=thing)
        case Meaning.UNKNOWN_OUTCOME:
            return OutcomeUnknown(message, function=call.function, error_type=kind, error_object=thing)
        case Meaning.FUNDS:
            return NotEnoughMoney(
                message,
                required=_money(call, error, "amount"),
                available=_money(call, error, "available"),
                function=call.function,
                error_type=kind,
                error_object=thing,
            )
        case Meaning.NOT_YET:
            moment = not_before or (now or datetime.now(UTC)) + timedelta(seconds=_seconds(error))
            return NotYet(message, not_before=moment, function=call.function, error_type=kind, error_object=thing)
        case Meaning.MISSING | Meaning.REFUSED:
            gone = row.meaning is Meaning.MISSING and _is_about_the_item(call, error)
            return (NoSuchItem if gone else Rejected)(
                message, field=thing, value=value, function=call.function, error_type=kind, error_object=thing
            )


def scope_of(error_type: str) -> Scope:
    """A right that is missing for one function says nothing of the others."""
    return Scope.OPERATION if error_type == "access" else Scope.ACCOUNT


def _row(call: Call, error: WireError) -> Row:
    keys = ((error.type, error.object), (error.type, ""))
    exact = next((_BY_KEY[key] for key in keys if key in _BY_KEY), None)
    if call.refusals is not RefusalScope.OF_THE_ACCOUNT:
        exact = next((_OF_OPERATIONS[key] for key in keys if key in _OF_OPERATIONS), exact)
    if "captcha" in f"{error.type} {error.object}".lower():
        return _CAPTCHA
    row = exact or _OTHER
    if _throttles(error, row):
        return _THROTTLED
    return _NOT_LOADED if _lacks_a_module(call, error, row) else row


def _throttles(error: WireError, row: Row) -> bool:
    """The request was not looked at, because there were too many before it. That is no answer to an order."""
    if row is not _OTHER and error.type != "limit":
        return False
    return bool(_THROTTLES.search(f"{error.type} {error.object}") or _SAYS_THROTTLED.search(error.message))


def _lacks_a_module(call: Call, error: WireError, row: Row) -> bool:
    """An absent capability. For a change only where the answer is a definite no anyway."""
    says_little = row is _OTHER or row.meaning is Meaning.MISSING
    says_little = says_little or (row.meaning is Meaning.UNKNOWN_OUTCOME and call.effect is Effect.READ)
    return says_little and _SAYS_NOT_LOADED.search(error.message) is not None


def _meaning(call: Call, error: WireError, row: Row) -> Meaning:
    """The row's, except that a call which sends only the item's number can be refused for nothing but what it does."""
    if call.refusals is not RefusalScope.OF_A_STATE or row.meaning not in _DEFINITE_NO:
        return row.meaning
    gone = row.meaning is Meaning.MISSING and _is_about_the_item(call, error)
    return Meaning.MISSING if gone else Meaning.NOT_ALLOWED


def _sentence(call: Call, error: WireError, row: Row) -> str:
    kind = "/".join(part for part in (call.clean(error.type, 40), call.clean(error.object, 60)) if part)
    said = call.clean(error.message)
    return f"{call.label}: {row.words}" + (f" ({kind})" if kind else "") + (f". It said: {said}" if said else ".")


def _is_about_the_item(call: Call, error: WireError) -> bool:
    """`missed` names the item we asked for, rather than, say, a tariff or a promotion code."""
    if not call.item:
        return False
    value = error.params.get("value", "")
    if value and value not in (call.item, error.object):
        return error.object == "elid"
    return value == call.item or error.object in (_WHAT_AN_ITEM_IS_CALLED | {call.product_type, call.item})


def _early_renewal(call: Call, error: WireError, row: Row) -> datetime | None:
    """The date before which a renewal is refused (seen in code: parameter `value`; the error's type is not known)."""
    if not call.function.endswith("prolong") or not (row is _OTHER or error.type in _MAYBE_EARLY):
        return None
    try:
        return datetime.combine(read_date(error.params.get("value", "")), time(), UTC)
    except ValueError:
        return None


def _seconds(error: WireError) -> int:
    """How long a throttle lasts; a minute where it does not say."""
    for text in error.params.values():
        if (seconds := natural(text)) is not None:
            return min(seconds, _LONGEST_THROTTLE)
    return 60


def _money(call: Call, error: WireError, param: str) -> Money | None:
    """An amount among the parameters of `not_enough_money` (KB-STOP, documented for daily billing)."""
    try:
        word = error.params.get("currency", "")
        currency = currency_code(word, call.currency) if word else call.currency
        amount: Decimal = number(error.params.get(param, ""))
        return Money(amount=amount, currency=currency)
    except (UnreadableMoney, InvalidOperation, ValueError):
        return None
