"""Amounts of money as an upstream writes them: `123.45 EUR`, `1 234,56 руб.`, `€5.00`, `-3,00 EUR`.

A text that can be read in two ways is refused, never guessed: `1.234 EUR` is one euro or a thousand.
"""

import re
from decimal import Decimal

from models.money import Money


class UnreadableMoney(ValueError):
    """Not an amount of money, or one that can be read in more than one way."""


CHARACTERS = 200
DIGITS = 14
"""Before the decimals; the columns for money hold no more."""

_WORDS: dict[str, str] = {
    "€": "EUR",
    "euro": "EUR",
    "евро": "EUR",
    "$": "USD",
    "us$": "USD",
    "руб": "RUB",
    "р": "RUB",
    "₽": "RUB",
    "rur": "RUB",
    "грн": "UAH",
    "₴": "UAH",
    "тенге": "KZT",
    "тг": "KZT",
    "₸": "KZT",
    "£": "GBP",
    "zł": "PLN",
    "kč": "CZK",
    "₺": "TRY",
    "₪": "ILS",
    "₹": "INR",
    "₾": "GEL",
    "֏": "AMD",
    "₼": "AZN",
    "br": "BYN",
    "сум": "UZS",
}
_MORE_CODES = (
    *("CHF", "CNY", "JPY", "SEK", "NOK", "DKK", "HUF", "RON", "BGN", "MDL", "KGS", "TJS", "TMT", "RSD", "BRL", "MXN"),
    *("AED", "AUD", "CAD", "HKD", "IDR", "MYR", "NZD", "PHP", "SAR", "SGD", "THB", "TWD", "VND", "ZAR", "ARS", "CLP"),
)
KNOWN_CODES = frozenset([*_WORDS.values(), *_MORE_CODES])
"""Currencies that are recognised among other words, in small letters, too."""

# Words that mean something else to accounts in these currencies.
_AMBIGUOUS: dict[str, frozenset[str]] = {
    "$": frozenset({"AUD", "CAD", "NZD", "SGD", "HKD", "MXN", "ARS", "CLP", "COP", "TWD", "BND"}),
    "руб": frozenset({"BYN"}),
    "р": frozenset({"BYN"}),
}

_SPACE = re.compile(r"[\s\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000\ufeff]+")
_MINUS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63", "-"))
_SHAPE = re.compile(
    r"(?P<before>[^\d+-]*)(?P<sign>[+-]?)(?P<inner>[^\d+.,'’ -]*) ?(?P<digits>\d(?:[\d.,'’ ]*\d)?)(?P<after>[^\d]*)"
)
_GROUPED = {mark: re.compile(rf"\d{{1,3}}(?:{re.escape(mark)}\d{{3}})+") for mark in (" ", ".", ",", "'")}


def parse_money(text: str, account_currency: str) -> Money:
    """An amount with its currency; without a currency word it is in `account_currency`. Raises UnreadableMoney."""
    _check_length(text)
    plain = _SPACE.sub(" ", text.translate(_MINUS)).strip()
    shape = _SHAPE.fullmatch(plain)
    if shape is None:
        raise UnreadableMoney(f"{text[:40]!r} is not an amount of money")
    words = [word for word in (shape["before"].strip(), shape["inner"].strip(), shape["after"].strip()) if word]
    sign = shape["sign"]
    if shape["after"].strip().startswith(("-", "+")):
        raise UnreadableMoney(f"{text[:40]!r} has its sign in an odd place")
    codes = {currency_code(word, account_currency) for word in words} or {account_currency}
    if len(codes) > 1:
        raise UnreadableMoney(f"{text[:40]!r} names two currencies")
    amount = number(shape["digits"].strip())
    return Money(amount=-amount if sign == "-" else amount, currency=codes.pop())


def currency_code(word: str, account_currency: str) -> str:
    """ISO code for a currency word or sign. Raises UnreadableMoney for words not known or of two meanings."""
    key = word.strip().rstrip(".").strip().lower()
    if account_currency in _AMBIGUOUS.get(key, frozenset()):
        raise UnreadableMoney(f"{word!r} may be {_WORDS[key]} or {account_currency}")
    if key in _WORDS:
        return _WORDS[key]
    code = key.upper()
    if code in KNOWN_CODES or code == account_currency or (word.strip() == code and re.fullmatch(r"[A-Z]{3}", code)):
        return code
    raise UnreadableMoney(f"{word[:20]!r} is not a currency that Resellflow knows")


def number(text: str) -> Decimal:
    """A number with or without signs of grouping: `5.0000`, `1 234,56`, `1.234,56`. Raises UnreadableMoney."""
    _check_length(text)
    plain = _SPACE.sub(" ", text.translate(_MINUS).replace("’", "'")).strip()
    negative = plain.startswith("-")
    digits = plain[1:].strip() if negative else plain.removeprefix("+").strip()
    amount = _unsigned(digits, text)
    return -amount if negative else amount


def _check_length(text: str) -> None:
    if len(text) > CHARACTERS:
        raise UnreadableMoney(f"{text[:40]!r}… is too long for an amount of money")


def _unsigned(digits: str, shown: str) -> Decimal:
    if not re.fullmatch(r"[0-9](?:[0-9., ']*[0-9])?", digits):
        raise UnreadableMoney(f"{shown[:40]!r} is not a number")
    marks = [character for character in digits if not character.isdigit()]
    kinds = list(dict.fromkeys(marks))
    whole, fraction, grouping = digits, "", ""
    if len(kinds) > 2 or (len(kinds) == 2 and (marks.count(kinds[1]) > 1 or kinds[1] in " '" or marks[-1] != kinds[1])):
        raise UnreadableMoney(f"{shown[:40]!r} is not a number")
    if len(kinds) == 2:
        grouping = kinds[0]
        whole, fraction = digits.split(kinds[1])
    elif len(marks) > 1 or (marks and marks[0] in " '"):
        grouping = marks[0]
    elif marks:
        whole, fraction = digits.split(marks[0])
        if len(fraction) == 3 and len(whole) <= 3 and not whole.startswith("0"):
            raise UnreadableMoney(f"{shown[:40]!r} can be read in two ways (thousands or decimals)")
    if grouping:
        if not _GROUPED[grouping].fullmatch(whole):
            raise UnreadableMoney(f"{shown[:40]!r} is grouped in an odd way")
        whole = whole.replace(grouping, "")
    if len(whole.lstrip("0")) > DIGITS:
        raise UnreadableMoney(f"{shown[:40]!r} is no amount that anybody has or pays")
    return Decimal(f"{whole}.{fraction}" if fraction else whole)
