"""Prolonging: what the form shows, and what the answer proves.

`service.prolong` without `sok` shows the form for a period (seen in code: title_name, expiredate, newexpiredate,
period, status, suspendpenaltywarn, and the choices of `period`); with it the account is charged, and the new date comes
in a nested document (WHMCS-NOC, UPMIND, seen in code).
"""

from upstreams.answers import ProlongAccepted, ProlongQuote
from upstreams.billmanager.basket import unpaid
from upstreams.billmanager.calls import Call
from upstreams.billmanager.items import first_date
from upstreams.billmanager.numbers import whole
from upstreams.billmanager.periods import period_code
from upstreams.billmanager.prices import NOTHING, Shown, price_in_fields, price_in_words, shown_price
from upstreams.billmanager.verdicts import must_be_yes, own_form
from upstreams.billmanager.wire import Document

FUNCTION = "service.prolong"
_PRICE_FIELDS = ("price", "amount", "cost")
"""Assumed: no public client reads a price from this form."""


def quoted(call: Call, answer: Document, number: str, period: int, currency: str) -> ProlongQuote:
    """Price and new date only if the form is about the period that was asked for."""
    fields = own_form(call, answer, number)
    choices = answer.choices("period")
    is_ours = "period" not in fields or fields["period"].raw == period_code(period)
    shown = _price(answer, period, currency) if is_ours else NOTHING
    return ProlongQuote(
        price=shown.price,
        expires_on=first_date(fields, "real_expiredate", "expiredate"),
        new_expires_on=first_date(fields, "newexpiredate") if is_ours else None,
        periods=tuple(sorted({months for key in choices if (months := whole(key)) is not None})),
        unreadable=call.clean(shown.unreadable, 300),
        foreign=shown.foreign,
    )


def _price(answer: Document, period: int, currency: str) -> Shown:
    """The total; else the amount in the text of the chosen period; else a field, if the form says for which period."""
    choices = answer.choices("period")
    return (
        shown_price(answer, currency)
        or price_in_words(choices.get(period_code(period), ""), currency)
        or (price_in_fields(answer, _PRICE_FIELDS, period, currency) if "period" in answer.fields else NOTHING)
    )


def accepted(call: Call, answer: Document) -> ProlongAccepted:
    """The form has a `newexpiredate` too, so one beside choices proves nothing. Raises OutcomeUnknown."""
    must_be_yes(call, answer)
    found = answer.leaf("newexpiredate")
    return ProlongAccepted(
        new_expires_on=first_date({"newexpiredate": found}, "newexpiredate") if found else None,
        unpaid=unpaid(answer),
    )
