"""What an order or a renewal would cost, in the ways in which panels report it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from simulator import money
from simulator.call import Call
from simulator.catalogue import Pricelist
from simulator.document import Node, fields, table
from simulator.knobs import Quote
from simulator.money import cents


@dataclass(frozen=True, slots=True)
class _Line:
    """A row of a summary: what it is for, and its list price."""

    label: str
    amount: Decimal
    weight: str = "normal"


def total_word(lang: str) -> str:
    """The word in front of a total."""
    return "Итого" if lang == "ru" else "Total"


def order_lines(tariff: Pricelist, period: int, addons: dict[int, str]) -> list[tuple[str, Decimal]]:
    """What an order consists of, at list prices."""
    base, price = cents(tariff.prices[period]), cents(tariff.price(period, addons))
    return [(tariff.name, base), *([("Add-ons", price - base)] if price != base else [])]


def sentence(call: Call, text: str, total: Decimal, currency: str) -> str:
    """``orderinfo``: a description, and the total where the panel reports it in words."""
    if call.world.settings.quote in (Quote.UNREADABLE, Quote.ABSENT):
        return text
    shown = money.text(total, currency, call.world.settings.money_style)
    return f"{text}. {total_word(call.lang)}: {shown}"


def summaries(call: Call, lines: list[tuple[str, Decimal]], currency: str, *, new_form: bool) -> list[Node]:
    """The tables ``pricelist_summary``, ``discount_summary`` and ``total_summary``, as the panel is set."""
    quote = call.world.settings.quote
    if quote in (Quote.TEXT, Quote.ABSENT):
        return []
    total = sum((amount for _, amount in lines), Decimal(0))
    rows = [_Line(label, amount) for label, amount in lines]
    whole = _Line(total_word(call.lang), total, "bold")
    discounts = [whole] if call.world.settings.discount_percent else []
    if quote is Quote.NESTED_EVERYWHERE or (new_form and quote is not Quote.FLAT):
        tables = {"pricelist_summary": rows, "discount_summary": discounts, "total_summary": [whole]}
        return [_nested_table(call, name, content, currency) for name, content in tables.items()]
    return [
        table("pricelist_summary", [_flat(call, line.label, line.amount, currency) for line in rows]),
        table("discount_summary", [_flat(call, "-", _discount(call, line), currency) for line in discounts]),
        table("total_summary", [_flat(call, whole.label, call.world.discounted(total), currency)]),
    ]


def _discount(call: Call, line: _Line) -> Decimal:
    return line.amount - call.world.discounted(line.amount)


def _flat(call: Call, label: str, amount: Decimal, currency: str) -> list[tuple[str, str]]:
    settings = call.world.settings
    if settings.quote is Quote.UNREADABLE:
        return [("name", label), ("cost", _on_request(call))]
    return [("name", label), ("cost", money.text(amount, currency, settings.money_style))]


def _on_request(call: Call) -> str:
    return "по запросу" if call.lang == "ru" else "on request"


def _nested_table(call: Call, name: str, lines: list[_Line], currency: str) -> Node:
    rows = [Node("elem", children=_nested(call, line, currency)) for line in lines]
    return Node("list", attributes={"name": name}, children=rows)


def _nested(call: Call, line: _Line, currency: str) -> list[Node]:
    """A row whose sum is a node within nodes."""
    settings = call.world.settings
    readable = settings.quote is not Quote.UNREADABLE
    paid = call.world.discounted(line.amount)
    price = fields(
        [
            ("cost", money.number(paid, settings.money_style) if readable else _on_request(call)),
            ("currency", money.currency_column(currency, settings.currency_style)),
            ("discount", money.number(line.amount - paid, settings.money_style)),
            ("discountPercent", f"{settings.discount_percent:f}"),
            ("noDiscountCost", money.number(line.amount, settings.money_style) if readable else _on_request(call)),
            ("sign", money.sign(currency)),
        ]
    )
    label = Node("label", line.label, {"weight": line.weight})
    return [label, Node("cost", children=[Node("price", children=price)])]
