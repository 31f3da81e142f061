"""Changing the tariff: the wizard's reading steps as a quote, and the change in one shot or by the wizard's last step.

Steps (seen in code in several dashboards): `service.changepricelist` offers the tariffs, `.pricelist` shows what one
of them would cost, `.getmoney` with `sok` commits. One call of the first function with `pricelist`, `period` and `sok`
does it all (UPMIND, seen in code).
"""

from upstreams.answers import PlanChangeAccepted, PlanChangeQuote
from upstreams.billmanager.basket import unpaid
from upstreams.billmanager.calls import Call
from upstreams.billmanager.items import first_date
from upstreams.billmanager.prices import shown_price, sum_to_pay
from upstreams.billmanager.verdicts import must_be_yes
from upstreams.billmanager.wire import Document
from upstreams.errors import OutcomeUnknown, SetupFault

FUNCTION = "service.changepricelist"
SHOW = f"{FUNCTION}.pricelist"
COMMIT = f"{FUNCTION}.getmoney"
MOST_STEPS = 5
"""Steps of the wizard that are walked: it has three (seen in code)."""
_SHOWN_BY_SHOW = ("money_info", "newprice", "oldprice")


def offered(call: Call, answer: Document, number: str) -> tuple[str, ...]:
    """The tariffs that this item may be changed to. Raises OutcomeUnknown for an answer that is not that form."""
    fields = answer.fields
    if (not fields and not answer.is_form) or ("elid" in fields and fields["elid"].raw != number):
        raise OutcomeUnknown(
            f"{call.label}: the upstream did not answer with the choice of tariffs.", function=call.function
        )
    return tuple(answer.choices("pricelist"))


def quoted(call: Call, answer: Document, tariffs: tuple[str, ...], currency: str) -> PlanChangeQuote:
    """`money_info` holds what is paid now, in words not published; `newprice` and `oldprice` are prices per period."""
    fields = answer.fields
    shown = shown_price(answer, currency)
    if not shown and "money_info" in fields:
        shown = sum_to_pay(fields["money_info"].text, currency)
    return PlanChangeQuote(
        price=shown.price,
        new_expires_on=first_date(fields, "newexpiredate"),
        tariffs=tariffs,
        unreadable=call.clean(shown.unreadable, 300),
        foreign=shown.foreign,
    )


def accepted(call: Call, answer: Document) -> PlanChangeAccepted:
    """Raises OutcomeUnknown where the answer is no definite yes: the wizard may have stopped half-way."""
    if answer.leads_to == FUNCTION or answer.leads_to.startswith(f"{FUNCTION}."):
        raise OutcomeUnknown(
            f"{call.label}: the upstream went back to {call.clean(answer.leads_to, 60)}, a step of the same wizard, "
            "instead of a yes; whether the tariff was changed is not known.",
            function=call.function,
        )
    must_be_yes(call, answer)
    found = answer.leaf("newexpiredate")
    return PlanChangeAccepted(
        new_expires_on=first_date({"newexpiredate": found}, "newexpiredate") if found else None,
        unpaid=unpaid(answer),
    )


def next_step(answer: Document) -> str:
    """The step of the wizard that the answer leads to or shows instead of a yes; nothing has been done then.

    A form says by its `func` which step it is, or is known by its fields: prices are shown by the second one, whose
    next is the commit. Empty for anything else: a yes, another form, the first step again.
    """
    if answer.leads_to:
        return answer.leads_to if answer.leads_to.startswith(f"{FUNCTION}.") else ""
    if answer.ok:
        return ""
    if answer.answered_by == SHOW or any(name in answer.fields for name in _SHOWN_BY_SHOW):
        return COMMIT
    return ""


def is_unknown_function(error: SetupFault) -> bool:
    """A definite no because there is no such function: nothing has been done, another way may be tried."""
    return (error.error_type, error.error_object) == ("missed", "func")
