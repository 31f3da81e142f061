"""Prices in forms. Where the upstream writes them is seen in code at best, so only what can be read in one way counts.

None is an answer too: then the catalogue's cost is used, and the upstream has the last word.
"""

import re
from collections.abc import Iterable
from decimal import Decimal

from models.money import Money
from upstreams.billmanager.moneytext import UnreadableMoney, parse_money
from upstreams.billmanager.wire import Document

_INLINE_TAG = re.compile(r"</?(?:b|i|strong|span)\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_TOTAL = re.compile(r"\b(?:total|итого)\b[^:\d]*:?\s*(?P<amount>.+)$", re.IGNORECASE)
_LOOKS_LIKE_MONEY = re.compile(r"\d[.,]\d{2,4}(?!\d)")
_CURRENCY = r"(?:[A-Z]{3}\b|US\$|[€$£₽₸₴]|руб\.?)"
_NUMBER = r"[-−]?\d{1,3}(?:[\s.,']\d{3})+(?:[.,]\d{2,4})?|[-−]?\d+(?:[.,]\d{2,4})?"
_AMOUNT = re.compile(rf"(?<![\w.,])(?:{_CURRENCY}\s?(?:{_NUMBER})(?![\w.,]*\d)|(?:{_NUMBER})\s?{_CURRENCY})")
_TO_PAY = re.compile(r"\b(?:pay|paid|payable|charged?|surcharge|due|debit(?:ed)?|withdrawn?|total)\b", re.IGNORECASE)
_COMES_BACK = re.compile(r"\b(?:refund\w*|return\w*|credit\w*|back|bonus\w*)\b", re.IGNORECASE)


def shown_price(answer: Document, currency: str) -> Money | None:
    """The total of an order form (`total_summary` or `orderinfo`, seen in code), if it can be read in one way only.

    None also where it is in another currency than the account's: it could not be compared.
    """
    found: list[Money] = []
    for row in answer.table("total_summary"):
        texts = [field.text for name, field in row.items() if "total" in name.lower()] or [f.text for f in row.values()]
        found.extend(_amounts(texts, currency))
    if not found and "orderinfo" in answer.fields:
        text = _INLINE_TAG.sub("", answer.fields["orderinfo"].text)
        lines = _TAG.sub("\n", text).splitlines()
        totals = [match["amount"] for match in map(_TOTAL.search, lines) if match is not None]
        found.extend(_amounts(totals, currency))
    return _not_negative(_the_one(found, currency))


def price_in_words(text: str, currency: str) -> Money | None:
    """The one amount in a choice's text such as `1 month - 5.00 EUR`; a number without a currency is none."""
    found = []
    for match in _AMOUNT.finditer(text):
        try:
            found.append(parse_money(match[0], currency))
        except UnreadableMoney:
            return None
    return _not_negative(_the_one(found, currency))


def price_in_fields(answer: Document, names: Iterable[str], currency: str) -> Money | None:
    """The amount in those fields, if all that hold one agree."""
    texts = [answer.fields[name].raw.partition("/")[0] for name in names if name in answer.fields]
    return _not_negative(_the_one(_amounts(texts, currency), currency))


def sum_to_pay(text: str, currency: str) -> Money | None:
    """What a change of tariff costs now, from its sentence `money_info`: an amount, or a sentence that says so.

    A bare amount keeps its sign (a minus: money comes back). A sentence that speaks of money coming back is not read:
    nobody knows how it counts.
    """
    plain = _TAG.sub(" ", text).strip()
    if not any(character.isalpha() for character in _AMOUNT.sub("", plain)):
        whole = _amounts([plain], currency)
        return _the_one(whole, currency)
    if _COMES_BACK.search(plain) or not _TO_PAY.search(plain):
        return None
    return price_in_words(plain, currency)


def _the_one(found: Iterable[Money], currency: str) -> Money | None:
    prices = {(price.amount.normalize(), price.currency): price for price in found}
    if len(prices) != 1:
        return None
    price = next(iter(prices.values()))
    return price if price.currency == currency else None


def _not_negative(price: Money | None) -> Money | None:
    """A minus before a price is a dash, a discount, or a mistake."""
    return price if price is not None and price.amount >= Decimal(0) else None


def _amounts(texts: Iterable[str], currency: str) -> list[Money]:
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
