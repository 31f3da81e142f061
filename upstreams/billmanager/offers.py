"""What may be ordered, and for how much: the published price list, or the first step of the order.

`pricelist.export` is documented (MODULES, SITE), with the parts that modules have; more of them, and the lists of the
order form, are seen in code. Whether the exported prices include the account's discount is not known.
"""

from models.money import Money
from upstreams.billmanager.moneytext import UnreadableMoney, currency_code, parse_money
from upstreams.billmanager.numbers import whole
from upstreams.billmanager.periods import price_and_unit
from upstreams.billmanager.wire import Document
from upstreams.port import Offer

EXPORT = "pricelist.export"
_NAMES = ("name", "name_en", "title", "desc", "intname", "additionintname")
_MONTHS = {"month": 1, "year": 12}
_SPECIAL = {"trial": -100, "day": -50, "lifetime": 0}


def exported(answer: Document, product_type: str, currency: str) -> tuple[Offer, ...]:
    """Rows of another product type are left out where the upstream names the type by its word."""
    offers = []
    for row in answer.children("pricelist"):
        kind = _value(row, "itemtype")
        is_other = kind and not kind.isdecimal() and kind != product_type
        if _value(row, "id") and not is_other:
            offers.append(Offer(tariff=_value(row, "id"), name=_name(row), prices=_exported_prices(row, currency)))
    return tuple(offers)


def ordered(answer: Document, currency: str) -> tuple[Offer, ...]:
    """Rows of the order form's list: `pricelist`, `desc`, `price` for the form's period; or with `prices` inside."""
    shown = answer.fields.get("order_period") or answer.fields.get("period")
    period = whole(shown.raw) if shown is not None else None
    offers = {}
    for row in answer.children("list/elem"):
        identity = _value(row, "pricelist") or _value(row, "id")
        if not identity or not _name(row):
            continue
        prices = {}
        for price in row.children("prices/price"):
            length = whole(_value(price, "period"))
            if length is not None:
                prices[length] = _price(_value(price, "cost"), _value(price, "currency"), currency)
        if not prices and period is not None:
            amount, unit = price_and_unit(_value(row, "price"))
            prices[period] = _price(amount, "", currency) if unit in (None, period) else None
        offers[identity] = Offer(tariff=identity, name=_name(row), prices=_readable(prices, currency))
    return tuple(offers.values())


def _exported_prices(row: Document, currency: str) -> dict[int, Money]:
    prices: dict[int, Money | None] = {}
    for price in row.children("price"):
        for period in price.children("period"):
            length = _period(_value(period, "type"), _value(period, "length"))
            money = _price(_value(period, "cost"), _value(price, "currency"), currency)
            if length is not None and money is not None and money.currency == currency:
                prices.setdefault(length, money)
    return _readable(prices, currency)


def _readable(prices: dict[int, Money | None], currency: str) -> dict[int, Money]:
    return {period: money for period, money in prices.items() if money is not None and money.currency == currency}


def _period(kind: str, length: str) -> int | None:
    """The upstream's period in months, or its special value."""
    if kind in _SPECIAL:
        return _SPECIAL[kind] if kind != "day" or length in ("", "1") else None
    count = whole(length)
    return count * _MONTHS[kind] if kind in _MONTHS and count is not None else None


def _price(text: str, word: str, currency: str) -> Money | None:
    try:
        return parse_money(text, currency_code(word, currency) if word else currency)
    except UnreadableMoney:
        return None


def _name(row: Document) -> str:
    return next((value for name in _NAMES if (value := _value(row, name))), "")


def _value(part: Document, name: str) -> str:
    """An attribute or a child of that name."""
    child = part.fields.get(name)
    return part.attributes.get(name, "") or (child.raw if child is not None else "")
