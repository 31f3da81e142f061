"""Prices in forms. Where the upstream writes them is seen in code at best, so only what can be read in one way counts.

Three answers are distinguished: a price, something that looks like one and can't be read (a person has to look), and
nothing of a price at all.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from models.money import Money
from upstreams.billmanager.moneytext import KNOWN_CODES, UnreadableMoney, currency_code, parse_money
from upstreams.billmanager.periods import price_and_unit
from upstreams.billmanager.wire import Document, Field

_TOTALS = "total_summary"
_INLINE_TAG = re.compile(r"</?(?:b|i|strong|span)\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_TOTAL_WORD = r"(?:total|итого|всего|to pay|к оплате)"
_TOTAL = re.compile(rf"\b{_TOTAL_WORD}\b[^:\d]*:?\s*(?P<amount>.+)$", re.IGNORECASE)
_IS_TOTAL = re.compile(rf"\b{_TOTAL_WORD}\b", re.IGNORECASE)
_IS_DISCOUNT = re.compile(r"discount|sav(?:ed|ing)|скидк", re.IGNORECASE)
_LOOKS_LIKE_MONEY = re.compile(r"\d[.,]\d{2,4}(?!\d)")
_CODES = "|".join(code for known in sorted(KNOWN_CODES) for code in (known, known.lower()))
_CURRENCY = rf"(?:(?:{_CODES})\b|US\$|[€$£₽₸₴]|руб\.?|р\.)"
_NUMBER = r"[-−]?\d{1,3}(?:[\s.,']\d{3})+(?:[.,]\d{2,4})?|[-−]?\d+(?:[.,]\d{2,4})?"
_AMOUNT = re.compile(rf"(?<![\w.,])(?:{_CURRENCY}\s?(?:{_NUMBER})(?![\w.,]*\d)|(?:{_NUMBER})\s?{_CURRENCY})")
_TO_PAY = re.compile(
    r"\b(?:pay|paid|payable|charged?|surcharge|due|debit(?:ed)?|withdrawn?|total)\b|оплат|списан|доплат|итого",
    re.IGNORECASE,
)
_COMES_BACK = re.compile(r"\b(?:refund\w*|return\w*|credit\w*|back|bonus\w*)\b|возвра[тщ]|зачисл|бонус", re.IGNORECASE)
_IS_REFUNDED = re.compile(r"\b(?:refund\w*|returned)\b|возвра[тщ]", re.IGNORECASE)
_SHOWN = 120
_LONGEST = 4_000
"""Characters of a text that a price is looked for in. A longer one is not read: where it is cut, an amount may be."""


@dataclass(frozen=True)
class Shown:
    """What a form shows of a price. Nothing is set where it shows none."""

    price: Money | None = None
    """In the account's currency."""
    foreign: Money | None = None
    """In another one; then `unreadable` says so as well."""
    unreadable: str = ""

    def __bool__(self) -> bool:
        return self.price is not None or bool(self.unreadable)


NOTHING = Shown()


def shown_price(answer: Document, currency: str) -> Shown:
    """The total of an order form: `total_summary`, flat or nested (BILLmanager 6), else `orderinfo` (seen in code)."""
    rows = [_Total.of(row, currency) for row in answer.table_rows(_TOTALS)]
    if rows:
        return _the_one_of(rows, currency)
    if "orderinfo" in answer.fields:
        said = _in_lines(answer.fields["orderinfo"].text, currency)
        if said:
            return said
    parts = [row.all_words for name in answer.table_names("_summary") for row in answer.table_rows(name)]
    if any(_has_amount(part) for part in parts):
        return Shown(unreadable=f"the form shows parts of a price and no total: {_cut('; '.join(parts))}")
    return NOTHING


def price_in_words(text: str, currency: str) -> Shown:
    """The one amount in a choice's text such as `1 month - 5.00 EUR`; a number without a currency is none."""
    if len(text) > _LONGEST:
        return _unreadable(text)
    found = []
    for match in _AMOUNT.finditer(text):
        try:
            found.append(parse_money(match[0], currency))
        except UnreadableMoney:
            return _unreadable(text)
    if not found:
        return _unreadable(text) if _LOOKS_LIKE_MONEY.search(text) else NOTHING
    return _judged(found, text, currency)


def price_in_fields(answer: Document, names: Iterable[str], period: int, currency: str) -> Shown:
    """The amount in those fields, if all that hold one agree. The price of another unit than the period is none."""
    texts = []
    for name in names:
        if name in answer.fields:
            amount, _ = price_and_unit(answer.fields[name].raw)
            units = {price_and_unit(text)[1] for text in (answer.fields[name].text, answer.fields[name].raw)} - {None}
            if units <= {period}:
                texts.append(amount)
    shown = "; ".join(texts)
    found = _amounts(texts, currency)
    if not found:
        return _unreadable(shown) if any(character.isdigit() for character in shown) else NOTHING
    return _judged(found, shown, currency)


def sum_to_pay(text: str, currency: str) -> Shown:
    """What a change of tariff costs now, from its sentence `money_info`: an amount, or a sentence that says so.

    A bare amount keeps its sign (a minus: money comes back), and so does one that is said to be refunded. Any other
    sentence that speaks of money coming back is not read: nobody knows how it counts.
    """
    if len(text) > _LONGEST:
        return _unreadable(text)
    plain = _TAG.sub(" ", text).strip()
    if not any(character.isdigit() for character in plain):
        return NOTHING
    if not any(character.isalpha() for character in _AMOUNT.sub("", plain)):
        whole = _amounts([plain], currency)
        return _judged(whole, plain, currency, may_be_negative=True) if whole else _unreadable(plain)
    to_pay, comes_back = _TO_PAY.search(plain), _COMES_BACK.search(plain)
    if to_pay and not comes_back:
        return price_in_words(plain, currency) or _unreadable(plain)
    if comes_back and not to_pay and _IS_REFUNDED.search(plain):
        refund = price_in_words(plain, currency)
        if refund.price is not None:
            return Shown(price=Money(amount=-refund.price.amount, currency=currency))
    return _unreadable(plain)


@dataclass(frozen=True)
class _Total:
    """A row of the totals: its amounts, and whether it calls itself the total."""

    amounts: tuple[Money, ...]
    is_total: bool
    words: str
    is_readable: bool

    @classmethod
    def of(cls, row: Document, currency: str) -> "_Total":
        label = " ".join(_part(row, name) for name in ("label", "name", "title", "desc"))
        nested = _priced(row)
        texts = [_nested_text(price) for price in nested] if nested else _flat_texts(row)
        amounts, is_readable = [], True
        for text, word in texts:
            try:
                amounts.append(parse_money(text, currency_code(word, currency) if word else currency))
            except UnreadableMoney:
                # In a row without a column for its amount, a name with a number in it is none.
                is_readable = is_readable and not (nested or word or _has_amount(text))
        ours = [amount for amount in amounts if amount.currency == currency]
        is_total = bool(_IS_TOTAL.search(label)) and not _IS_DISCOUNT.search(label)
        return cls(tuple(ours if nested and ours else amounts), is_total, row.all_words, is_readable)


def _the_one_of(rows: list[_Total], currency: str) -> Shown:
    """The row that calls itself the total goes before others; all that count must agree."""
    words = "; ".join(row.words for row in rows)
    if any(not row.is_readable for row in rows):
        return _unreadable(words)
    priced = [row for row in rows if row.amounts]
    totals = [row for row in priced if row.is_total]
    found = [amount for row in (totals or priced) for amount in row.amounts]
    return _judged(found, words, currency) if found else _unreadable(words)


def _priced(part: Document) -> list[Document]:
    """The innermost parts with an amount and a currency of their own: `cost/price` with `cost`, `currency` in it."""
    found: list[Document] = []
    for name in ("cost", "price", "total"):
        for child in part.children(name):
            if _part(child, "cost"):
                found.append(child)
            else:
                found += _priced(child)
    return found


def _nested_text(price: Document) -> tuple[str, str]:
    sign = _part(price, "sign")
    minus = "-" if sign in ("-", "minus", "\u2212") else ""
    word = _part(price, "currency") or _part(price, "currency_str")
    if word.isdecimal():  # an internal number of the currency: its sign tells
        word = "" if minus else sign or word
    return minus + _part(price, "cost"), word


def _flat_texts(row: Document) -> list[tuple[str, str]]:
    """Amount and currency word of the columns that hold it: those called total, else the cost, else any."""
    fields = row.fields
    word = next((fields[name].text for name in ("currency", "currency_str") if name in fields), "")
    columns = [field for name, field in fields.items() if "total" in name.lower()]
    columns = columns or [
        fields[name] for name in ("cost", "price", "amount", "sum") if name in fields and fields[name].text
    ]
    columns = columns or list(fields.values())
    texts = [(field.text, field.attributes.get("currency", "")) for field in columns]
    # A bare whole number may be anything (an id, a count); one with a currency or cents is an amount.
    amounts = [(text, own or word) for text, own in texts if own or word or not text.strip().isdigit()]
    return [(text, "" if _AMOUNT.search(text) else own) for text, own in amounts]


def _in_lines(text: str, currency: str) -> Shown:
    """The line "Total …" of a text with markup."""
    if len(text) > _LONGEST:
        return _unreadable(text)
    lines = _TAG.sub("\n", _INLINE_TAG.sub("", text)).splitlines()
    totals = [match["amount"] for match in map(_TOTAL.search, lines) if match is not None]
    shown = "; ".join(line.strip() for line in lines if line.strip())
    found = _amounts(totals, currency)
    if found:
        return _judged(found, shown, currency)
    return _unreadable(shown) if _has_amount(shown) else NOTHING


def _judged(found: Iterable[Money], shown: str, currency: str, *, may_be_negative: bool = False) -> Shown:
    """One amount, in our currency, not below zero: before a price, a minus is a dash, a discount, or a mistake."""
    prices = {(price.amount.normalize(), price.currency): price for price in found}
    if len(prices) != 1:
        several = " and ".join(str(price) for price in prices.values())
        return Shown(unreadable=f"the form shows several totals ({several}): {_cut(shown)}")
    price = next(iter(prices.values()))
    if price.amount < Decimal(0) and not may_be_negative:
        return _unreadable(shown)
    if price.currency != currency:
        return Shown(
            foreign=price,
            unreadable=f"the form shows the price in {price.currency} ({price}), the account is in {currency}",
        )
    return Shown(price=price)


def _unreadable(shown: str) -> Shown:
    return Shown(unreadable=f"the form shows a price that can't be read in one way: {_cut(shown)}")


def _amounts(texts: Iterable[str], currency: str) -> list[Money]:
    amounts = []
    for text in texts:
        try:
            money = parse_money(text, currency)
        except UnreadableMoney:
            continue
        if not text.strip().isdigit() or _LOOKS_LIKE_MONEY.search(text):
            amounts.append(money)
    return amounts


def _has_amount(text: str) -> bool:
    return len(text) > _LONGEST or _AMOUNT.search(text) is not None or _LOOKS_LIKE_MONEY.search(text) is not None


def _part(part: Document, name: str) -> str:
    """A child or an attribute of that name."""
    child: Field | None = part.fields.get(name)
    return (child.raw if child is not None else "") or part.attributes.get(name, "")


def _cut(text: str) -> str:
    plain = re.sub(r"\s+", " ", text).strip()
    return plain if len(plain) <= _SHOWN else f"{plain[: _SHOWN - 1].rstrip()}…"
