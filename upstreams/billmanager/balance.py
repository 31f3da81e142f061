"""The balance calls, one function each from answer to amount. Which of them a customer may call differs per upstream.

`subaccount` is documented for staff (API6-ACC) but seen in code at client level; `dashboard.info`, `whoami`,
`notify` and `usrparam` are seen in code only. `dashboard.info` also shows `realbalance`, `available` (with the credit)
and `enoughmoneyto`: none of them is the balance.
"""

from collections.abc import Callable

from models.money import Money
from upstreams.billmanager.moneytext import UnreadableMoney, currency_code, parse_money
from upstreams.billmanager.wire import Document, Fields


class NoBalanceHere(Exception):
    """The answer does not hold a balance that can be read in one way only; the reason in words."""


class OtherCurrency(Exception):
    """There is a balance, but none in the account's currency; what there is, in words."""


def _subaccounts(answer: Document, currency: str) -> Money:
    return _ours([_row_amount(row, currency) for row in answer.rows], currency)


def _whoami(answer: Document, currency: str) -> Money:
    user = answer.fields.get("user")
    about = {} if user is None else {name.removeprefix("$"): value for name, value in user.attributes.items()}
    if not about.get("balance"):
        raise NoBalanceHere("it shows no balance")
    return _ours([_amount(about["balance"], _code(about.get("currency", "")) or currency)], currency)


def _usrparam(answer: Document, currency: str) -> Money:
    return _ours([_row_amount(answer.fields, currency)], currency)


def _notify(answer: Document, currency: str) -> Money:
    texts = [
        fields["value"].text
        for attributes, fields in answer.notes()
        if attributes.get("balance") == "yes" and "value" in fields
    ]
    return _ours([_amount(text, currency) for text in texts], currency)


CALLS: dict[str, Callable[[Document, str], Money]] = {
    "subaccount": _subaccounts,
    "dashboard.info": _subaccounts,
    "whoami": _whoami,
    "notify": _notify,
    "usrparam": _usrparam,
}
"""Function -> how to read its answer, in the order in which they are tried."""


def order_of_calls(*remembered: str | None) -> list[str]:
    """What worked last time first."""
    known = [name for name in remembered if name is not None and name in CALLS]
    return list(dict.fromkeys([*known, *CALLS]))


def _ours(amounts: list[Money], currency: str) -> Money:
    """The one balance in our currency.

    An account has one balance per provider and currency, and an order is paid from the balance of the tariff's
    provider. Their sum could not be spent on any one order, so of several only a single one that is not zero is taken.
    """
    if not amounts:
        raise NoBalanceHere("it shows no balance")
    matching = [amount for amount in amounts if amount.currency == currency]
    if not matching:
        raise OtherCurrency(", ".join(str(amount) for amount in amounts))
    filled = [amount for amount in matching if amount.amount != 0]
    if len(filled) > 1:
        shown = ", ".join(str(amount) for amount in filled)
        raise NoBalanceHere(f"it shows several balances in {currency} ({shown}) and not which one pays")
    return filled[0] if filled else matching[0]


def _row_amount(row: Fields, currency: str) -> Money:
    for name in ("balance_iso", "balance"):
        if name in row and row[name].text:
            return _amount(row[name].text, _row_currency(row) or currency)
    raise NoBalanceHere("it has a row without a balance" if row else "it shows no balance")


def _row_currency(row: Fields) -> str | None:
    for name in ("currency_iso", "currency_str", "currency"):
        code = _code(row[name].text) if name in row else None
        if code is not None:
            return code
    return None


def _code(word: str) -> str | None:
    """None where there is none, or one that is not known: an internal number of the currency, perhaps."""
    try:
        return currency_code(word, "") if word else None
    except UnreadableMoney:
        return None


def _amount(text: str, assumed: str) -> Money:
    try:
        return parse_money(text, assumed)
    except UnreadableMoney as error:
        raise NoBalanceHere(f"it writes the balance in a way that cannot be read: {error}") from error
