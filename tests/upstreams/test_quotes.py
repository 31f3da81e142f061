"""What a form shows of a price: the price, something that can't be read (a person has to look), or nothing."""

import re

import pytest

from models.money import Money
from tests.upstreams.panel import Panel, doc
from upstreams.answers import Quote
from upstreams.billmanager import BillmanagerUpstream
from upstreams.port import OrderSpec


def nested(cost: str, currency: str = "EUR", label: str = "Total", more: str = "") -> str:
    """A row of a summary as BILLmanager 6 has it."""
    return (
        f'<elem><label weight="bold">{label}</label><cost><price><cost>{cost}</cost><currency>{currency}</currency>'
        f"<discount>0.50</discount><discountPercent>10</discountPercent><noDiscountCost>99.00</noDiscountCost>"
        f"<sign>€</sign></price>{more}</cost></elem>"
    )


def summary(*rows: str, name: str = "total_summary") -> str:
    return f'<list name="{name}">{"".join(rows)}</list>'


@pytest.mark.parametrize(
    ("form", "price"),
    [
        (summary(nested("4.50")), "4.50"),
        (summary(nested("4.5000", "eur")), "4.50"),
        (summary(nested("5")), "5.00"),
        (summary(nested("1 234,56")), "1234.56"),
        (summary(nested("0.0000")), "0.00"),
        (summary(nested("4.50 EUR", "")), "4.50"),
        (summary(nested("4.50", "153")), "4.50"),  # the currency by an internal number: its sign tells
        (summary(nested("4.50")) + summary(nested("5.00", label="VPS-2"), name="pricelist_summary"), "4.50"),
        (summary(nested("5.00", label="VPS-2"), nested("2.00", label="Memory"), nested("7.00")), "7.00"),
        (summary(nested("0.50", label="Total discount"), nested("4.50")), "4.50"),
        (summary(nested("4.50", label="Итого")), "4.50"),
        # One row in two currencies: the account's counts.
        (summary(nested("4.50", more="<price><cost>450</cost><currency>RUB</currency></price>")), "4.50"),
        (summary('<elem><cost><price cost="4.50" currency="EUR"/></cost></elem>'), "4.50"),
        (summary("<elem><cost>4.50</cost><currency>EUR</currency><discount>1.00</discount></elem>"), "4.50"),
        ("<orderinfo>VPS-2&lt;br/&gt;Итого: 4,50 €</orderinfo>", "4.50"),
    ],
)  # fmt: skip
async def test_a_total_is_read_flat_or_nested(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec, form: str, price: str
) -> None:
    panel.answers(doc(form))
    assert await upstream.quote(spec) == Quote(price=Money.of(price, "EUR"))


@pytest.mark.parametrize(
    ("form", "why"),
    [
        (summary(nested("4.50"), nested("5.00")), r"several totals \(4\.50 EUR and 5\.00 EUR\)"),
        (summary(nested("4.50"), nested("5.40", label="Total with VAT")), "several totals"),
        (summary(nested("4.50", label="VPS-2"), nested("2.00", label="Memory")), "several totals"),
        (summary(nested("1.234")), "can't be read in one way"),
        (summary(nested("by agreement")), "can't be read in one way: Total by agreement"),
        (summary(nested("4.50", "credits")), "can't be read in one way"),
        (summary(nested("4.50"), nested("1.234")), "can't be read in one way"),
        (summary("<elem><cost><price><cost>4.50</cost><sign>-</sign></price></cost></elem>"), "one way"),
        (summary("<elem><label>Total</label></elem>"), "can't be read in one way: Total"),
        (summary("<elem><a>5.00 EUR</a><b>6.00 EUR</b></elem>"), "several totals"),
        (summary(nested("4.50", label="VPS-2"), name="pricelist_summary"), "parts of a price and no total"),
        ("<orderinfo>VPS-2: 5.00 EUR&lt;br/&gt;Memory: 2.00 EUR</orderinfo>", "one way: VPS-2: 5.00 EUR; Memory"),
        ("<orderinfo>Total: 5.00 EUR&lt;br/&gt;Total next year: 7.00 EUR</orderinfo>", "several totals"),
    ],
)  # fmt: skip
async def test_a_price_that_cannot_be_read_in_one_way_is_said_to_be_there(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec, form: str, why: str
) -> None:
    panel.answers(doc(form))
    quote = await upstream.quote(spec)
    assert (quote.price, quote.foreign) == (None, None)
    assert re.search(why, quote.unreadable)


@pytest.mark.parametrize(
    "form",
    [
        summary(nested("450.00", "RUB")),
        summary(nested("450,00", "руб.")),
        summary("<elem><cost>450.00</cost><currency>rub</currency></elem>"),
        summary('<elem><cost currency="RUB">450.00</cost></elem>'),
        summary("<elem><total>450.00 RUB</total></elem>"),
        "<orderinfo>Total: 450,00 руб.</orderinfo>",
    ],
)
async def test_a_price_in_another_currency_is_told_apart(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec, form: str
) -> None:
    panel.answers(doc(form))
    assert await upstream.quote(spec) == Quote(
        price=None,
        foreign=Money.of("450.00", "RUB"),
        unreadable="the form shows the price in RUB (450.00 RUB), the account is in EUR",
    )


@pytest.mark.parametrize(
    "form",
    [
        "",
        "<pricelist>58</pricelist>",
        "<orderinfo>VPS-2, 2 Gb</orderinfo>",
        '<list name="total_summary"/>',
        summary("<elem><a>VPS-2</a></elem>", name="pricelist_summary"),
        '<list name="tariflist"><elem><price>5.00 EUR</price></elem></list>',
    ],
)
async def test_a_form_without_a_price_shows_none(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec, form: str
) -> None:
    panel.answers(doc(form))
    assert await upstream.quote(spec) == Quote(price=None)


@pytest.mark.parametrize(
    ("inner", "price", "why"),
    [
        (summary(nested("50.00")), "50.00", ""),
        ('<slist name="period"><val key="12">year - 50.00 EUR</val></slist>', "50.00", ""),
        ('<slist name="period"><val key="12">year - 50.00 instead of 60.00 EUR</val></slist>', "60.00", ""),
        ('<slist name="period"><val key="12">50.00 EUR instead of 60.00 EUR</val></slist>', None, "several totals"),
        ('<slist name="period"><val key="12">year (50.00)</val></slist>', None, "can't be read in one way"),
        ('<slist name="period"><val key="12">year - 50.00 USD</val></slist>', None, "in USD"),
        ("<price>50.00</price><cost>60.00</cost>", None, "several totals"),
        ("<cost>50.00 EUR / year</cost>", "50.00", ""),
        # The price of a month is none of a year's.
        ("<cost>5.00 EUR / month</cost>", None, ""),
        ("<cost>5,00 € в месяц</cost>", None, ""),
        ('<cost orig="5.00">5.00 EUR / month</cost>', None, ""),
        ("", None, ""),
    ],
)
async def test_the_price_of_a_renewal(
    panel: Panel, upstream: BillmanagerUpstream, inner: str, price: str | None, why: str
) -> None:
    panel.answers(doc(f"<elid>4711</elid><period>12</period>{inner}"))
    quote = await upstream.quote_prolong("vds", "4711", 12)
    assert quote.price == (None if price is None else Money.of(price, "EUR"))
    assert why in quote.unreadable
    assert bool(quote.unreadable) is bool(why)
    assert quote.foreign == (Money.of("50.00", "USD") if "USD" in why else None)


@pytest.mark.parametrize(
    ("inner", "price", "why"),
    [
        (summary(nested("4.00")), "4.00", ""),
        (summary(nested("4.00", "USD")), None, "in USD"),
        ("<money_info>К оплате: 4,00 EUR</money_info>", "4.00", ""),
        ("<money_info>To pay: 4.00 eur</money_info>", "4.00", ""),
        ("<money_info>2.00 EUR will be returned to your account</money_info>", "-2.00", ""),
        ("<money_info>Возврат на счет: 2,00 EUR</money_info>", "-2.00", ""),
        ("<money_info>4.00 EUR for something</money_info>", None, "can't be read in one way"),
        ("<money_info>You get 2.00 EUR as a bonus</money_info>", None, "can't be read in one way"),
        ("<money_info>2.00 EUR are returned, 9.00 EUR are to pay</money_info>", None, "can't be read in one way"),
        ("<money_info>Nothing</money_info>", None, ""),
    ],
)
async def test_the_price_of_a_change_of_tariff(
    panel: Panel, upstream: BillmanagerUpstream, inner: str, price: str | None, why: str
) -> None:
    panel.answers(doc("<elid>4711</elid>"), doc(f"<elid>4711</elid>{inner}"))
    quote = await upstream.quote_plan_change("4711", "59", 1)
    assert quote.price == (None if price is None else Money.of(price, "EUR"))
    assert why in quote.unreadable
    assert bool(quote.unreadable) is bool(why)


@pytest.mark.parametrize(
    ("inner", "price", "why"),
    [
        (summary(nested("7.00")), "7.00", ""),
        (summary(nested("7.00", "USD")), None, "in USD"),
        ("<orderinfo>5.00 EUR and 2.00 EUR</orderinfo>", None, "can't be read in one way"),
        ("<cost>5.00 EUR</cost>", None, ""),
    ],
)
async def test_the_price_of_parameters(
    panel: Panel, upstream: BillmanagerUpstream, inner: str, price: str | None, why: str
) -> None:
    panel.answers(doc(f"<elid>4711</elid><addon_61>4</addon_61>{inner}"))
    quote = await upstream.quote_parameters("vds", "4711", {"addon_61": "4"})
    assert quote.price == (None if price is None else Money.of(price, "EUR"))
    assert why in quote.unreadable
    assert bool(quote.unreadable) is bool(why)
