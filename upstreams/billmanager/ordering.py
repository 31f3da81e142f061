"""The set-up request: its fields, what its answer proves, and the price that the order form shows.

Fields: SVCAPI (documented), licences as WHMCS-NOC and UPMIND send them (seen in code). That an order charged at once
(`skipbasket=on`) answers with the number is seen in code for licences; servers often answer without one.
"""

import re
from decimal import Decimal

from models.enums import Dialect, RenewalOwner
from models.money import Money
from upstreams.billmanager.calls import Call
from upstreams.billmanager.moneytext import UnreadableMoney, parse_money
from upstreams.billmanager.products import period_field, product
from upstreams.billmanager.wire import Document
from upstreams.errors import OutcomeUnknown, SetupFault
from upstreams.port import OrderAccepted, OrderSpec

_NUMBER_FIELDS = ("id", "item.id", "itemid")
_BASKET_FIELDS = ("billorder", "billorder.id", "lineitem", "lineitem.id")
_FORM_FIELDS = ("pricelist", "period", "order_period", "autoprolong")
_LOGIN_FIELDS = {"auth", "authinfo", "su"}
_CALL_FIELDS = {"func", "out", "lang", "sok", "clicked_button", "skipbasket", "elid", "plid", "sfrom"}
_ORDER_FIELDS = {"pricelist", "datacenter", "period", "order_period", "remoteid", "autoprolong", "domain", "licname"}
_RESERVED = _LOGIN_FIELDS | _CALL_FIELDS | _ORDER_FIELDS | {"order_count"}
_FINISH = {"skipbasket": "on", "clicked_button": "finish", "sok": "ok"}
_INLINE_TAG = re.compile(r"</?(?:b|i|strong|span)\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_TOTAL = re.compile(r"\b(?:total|итого)\b[^:\d]*:?\s*(?P<amount>.+)$", re.IGNORECASE)
_LOOKS_LIKE_MONEY = re.compile(r"\d[.,]\d{2,4}(?!\d)")


def form_fields(spec: OrderSpec, dialect: Dialect, account: str) -> dict[str, str]:
    """What the order form is filled with. Raises SetupFault if the catalogue tries to set a field that is ours."""
    given = {**spec.parameters, **spec.addons}
    reserved = sorted(given.keys() & _RESERVED) + sorted(spec.parameters.keys() & spec.addons.keys())
    if reserved:
        raise SetupFault(
            f"Upstream {account}: the field {reserved[0]!r} cannot be set as a parameter or add-on of an order, "
            "Resellflow sets it itself (or it is given twice)."
        )
    fields = {"pricelist": spec.pricelist}
    if spec.datacenter is not None:
        fields["datacenter"] = spec.datacenter
    fields[period_field(spec.product_type, dialect)] = str(spec.period)
    fields[product(spec.product_type).name_fields[0]] = spec.name
    fields["remoteid"] = spec.remoteid
    # Renewal on both sides would charge twice: an order renewed by us is placed with the upstream's renewal off.
    fields["autoprolong"] = "null" if spec.renewal_owner is RenewalOwner.RESELLFLOW else str(spec.period)
    return fields | given


def order_fields(spec: OrderSpec, dialect: Dialect, account: str) -> dict[str, str]:
    """The form, finished: charged to the account at once, without a basket."""
    return form_fields(spec, dialect, account) | _FINISH


def accepted(call: Call, answer: Document) -> OrderAccepted:
    """What an answer without an error proves.

    Accepted: `ok`, a number (unless beside it there is a choice to make: then it may be the number of anything), a row
    of the basket, or a document with nothing of a form in it. The form shown once more is no proof of anything (a step
    of the wizard wants something): OutcomeUnknown, to be settled by reading.
    """
    number = created_number(answer)
    fields = answer.fields
    if answer.ok or (number is not None and not answer.offers_choices):
        return OrderAccepted(upstream_number=number)
    if any(name in fields for name in _BASKET_FIELDS):
        return OrderAccepted(upstream_number=None)
    if answer.is_form or answer.is_list or any(name in fields for name in _FORM_FIELDS):
        raise OutcomeUnknown(
            f"{call.label}: the upstream showed the order form again, without a yes, a number or an error; "
            "whether it took the order is not known.",
            function=call.function,
        )
    return OrderAccepted(upstream_number=None)


def created_number(answer: Document) -> str | None:
    """The number of a thing just made: `id`, `item.id` or `itemid`, as text or attribute, also in a nested `doc`."""
    documents = [answer] if answer.nested is None else [answer, answer.nested]
    for document in documents:
        fields = document.fields
        for name in _NUMBER_FIELDS:
            if name not in fields:
                continue
            for text in (fields[name].text, *(fields[name].attributes.get(key, "") for key in ("v", "id", "value"))):
                if text.isascii() and text.isdigit() and int(text) > 0:
                    return text
    return None


def shown_price(answer: Document, currency: str) -> Money | None:
    """The total of an order form (`total_summary` or `orderinfo`, seen in code), if it can be read in one way only.

    None also where it is in another currency than the account's: it could not be compared.
    """
    found: set[Money] = set()
    for row in answer.table("total_summary"):
        texts = [field.text for name, field in row.items() if "total" in name.lower()] or [f.text for f in row.values()]
        found.update(_amounts(texts, currency))
    if not found and "orderinfo" in answer.fields:
        text = _INLINE_TAG.sub("", answer.fields["orderinfo"].text)
        lines = _TAG.sub("\n", text).splitlines()
        totals = [match["amount"] for match in map(_TOTAL.search, lines) if match is not None]
        found.update(_amounts(totals, currency))
    prices = {(price.amount.normalize(), price.currency): price for price in found}
    if len(prices) != 1:
        return None
    price = next(iter(prices.values()))
    return price if price.currency == currency and price.amount >= Decimal(0) else None


def _amounts(texts: list[str], currency: str) -> list[Money]:
    amounts = []
    for text in texts:
        try:
            money = parse_money(text, currency)
        except UnreadableMoney:
            continue
        # A bare whole number may be anything (an id, a count); one with a currency or cents is an amount.
        if not text.strip().isdigit() or _LOOKS_LIKE_MONEY.search(text):
            amounts.append(money)
    return amounts
