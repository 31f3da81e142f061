"""The form `{type}.edit` as a way to change an item: add-ons and parameters, our mark, the upstream's own renewal.

Without `sok` the form is shown with the values it was called with, and `orderinfo` says what they cost; with
`clicked_button=ok` and `sok` it is saved (seen in code). Fields left out keep their values (assumed).
"""

from collections.abc import Mapping

from upstreams.answers import ParametersAccepted, Quote
from upstreams.billmanager.basket import unpaid
from upstreams.billmanager.calls import ENGINE_FIELDS, Call
from upstreams.billmanager.periods import period_code
from upstreams.billmanager.prices import shown_price
from upstreams.billmanager.products import is_secret
from upstreams.billmanager.verdicts import must_be_yes, own_form
from upstreams.billmanager.wire import Document
from upstreams.errors import SetupFault

_FLAGS = frozenset({"on", "off"})
_HAVE_THEIR_OWN_CALL = frozenset({"pricelist", "period", "order_period", "remoteid", "autoprolong"})


def checked(fields: Mapping[str, str], account: str) -> dict[str, str]:
    """Raises SetupFault for a field that steers the call or has a call of its own, and where there is none at all."""
    reserved = sorted(fields.keys() & (ENGINE_FIELDS | _HAVE_THEIR_OWN_CALL))
    if reserved:
        raise SetupFault(f"Upstream {account}: the field {reserved[0]!r} cannot be set as a parameter of an item.")
    if not fields:
        raise SetupFault(f"Upstream {account}: no parameter is given to be set.")
    return dict(fields)


def secrets(fields: Mapping[str, str]) -> tuple[str, ...]:
    """Values that no message may show."""
    return tuple(value for name, value in fields.items() if is_secret(name))


def quoted(call: Call, answer: Document, number: str, asked: Mapping[str, str], currency: str) -> Quote:
    """The total, if the form shows the values asked for: otherwise it is the price of something else."""
    fields = own_form(call, answer, number)
    if any(name not in fields or fields[name].raw != value for name, value in asked.items()):
        return Quote(price=None)
    shown = shown_price(answer, currency)
    return Quote(price=shown.price, unreadable=call.clean(shown.unreadable, 300), foreign=shown.foreign)


def autoprolong(form: Document | None, period: int | None) -> str:
    """What switches the upstream's renewal on (by `period`) or off, in the words of the item's form.

    A flag where the form offers or shows one, as the forms of version 6 do (NEWORDER documented); else the period or
    `null`, as documented for licences (LICAPI) and seen in code for others.
    """
    offered = form.choices("autoprolong") if form is not None else {}
    field = form.fields.get("autoprolong") if form is not None else None
    is_flag = "on" in offered if offered else field is not None and field.raw in _FLAGS
    if period is None:
        fallback = "off" if is_flag else "null"
        return next((code for code in ("null", "off", "0") if code in offered), fallback)
    return "on" if is_flag and period_code(period) not in offered else period_code(period)


def accepted(call: Call, answer: Document) -> ParametersAccepted:
    """Raises OutcomeUnknown for a form shown again."""
    must_be_yes(call, answer)
    return ParametersAccepted(unpaid=unpaid(answer))
