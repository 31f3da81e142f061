"""The cart as documents show it: rows with their sums in both shapes, and what an answer to a payment proves."""

from datetime import date

import pytest

from models.enums import UnpaidKind
from models.money import Money
from tests.upstreams.panel import Panel, doc, refusal
from upstreams.answers import Unpaid
from upstreams.billmanager import BillmanagerUpstream
from upstreams.carts import CartRow, Payment
from upstreams.errors import NotAllowed, NotEnoughMoney, OutcomeUnknown, Rejected, SetupFault
from upstreams.port import OrderSpec

FIVE = Money.of("5.00", "EUR")
LINE = """<elem><id>{number}</id><elid>{item}</elid><main><name>VPS-2</name><period>1 month</period></main>
<price><price><cost>{cost}</cost><currency>EUR</currency></price></price>
<configuration><elem><name>RAM</name><value>4</value></elem><elem><name>Disk</name></elem></configuration>
<action><button>delete</button></action></elem>"""
CART = """<total><cost>{total}</cost><currency>EUR</currency><count>{count}</count></total>
<list name="lineitems">{rows}</list>"""
BASKET = """<billorder>77</billorder><total_sum>{total}</total_sum><tax>0.00 EUR</tax>
<full_discount>0.00 EUR</full_discount><list name="itemlist"><elem><item.id>900123</item.id><item.type>vds</item.type>
<item.period>1 month</item.period><cost>5.00 EUR</cost></elem></list><messages/><metadata type="form"/>"""


def lines(*rows: tuple[str, str, str], total: str = "", count: int | None = None) -> str:
    inner = "".join(LINE.format(number=number, item=item, cost=cost) for number, item, cost in rows)
    told = total or f"{sum(float(cost) for _, _, cost in rows):.2f}"
    return CART.format(total=told, count=len(rows) if count is None else count, rows=inner)


async def test_the_new_cart_with_its_nested_sums(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(doc(lines(("17", "900123", "5.00"), ("18", "900124", "7.5000"))))
    cart = await upstream.read_cart(UnpaidKind.CART_ROW)
    assert cart.rows == (
        CartRow(number="17", item="900123", name="VPS-2", amount=FIVE),
        CartRow(number="18", item="900124", name="VPS-2", amount=Money.of("7.50", "EUR")),
    )
    assert cart.total == Money.of("12.50", "EUR")
    assert cart.unreadable == ""
    assert panel.functions == ["cart"]


async def test_the_old_basket_is_one_order_of_all_its_rows(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(doc(BASKET.format(total="5.00 EUR")))
    cart = await upstream.read_cart(UnpaidKind.ORDER)
    assert cart.rows == (CartRow(order="77", item="900123", product_type="vds", amount=FIVE),)
    assert cart.total == FIVE
    assert panel.functions == ["basket"]


async def test_a_basket_of_orders_of_their_own(panel: Panel, upstream: BillmanagerUpstream) -> None:
    rows = "".join(f"<elem><id>{n}</id><item.id>9{n}</item.id><cost>5,00 €</cost></elem>" for n in (77, 78))
    panel.answers(doc(f'<billorder>77, 78</billorder><total_sum>€10.00</total_sum><list name="itemlist">{rows}</list>'))
    cart = await upstream.read_cart(UnpaidKind.ORDER)
    assert [(row.order, row.item, row.amount) for row in cart.rows] == [("77", "977", FIVE), ("78", "978", FIVE)]


@pytest.mark.parametrize(
    "empty",
    [
        "<total><cost>0</cost><currency>EUR</currency><count>0</count></total><list name='lineitems'/>",
        "<p_elems>0</p_elems><p_num>1</p_num>",
        "<billorder/><total_sum>0.00 EUR</total_sum><list name='itemlist'/>",
        '<metadata type="list"/>',
    ],
)
async def test_an_empty_cart(panel: Panel, upstream: BillmanagerUpstream, empty: str) -> None:
    panel.answers(doc(empty))
    cart = await upstream.read_cart(UnpaidKind.CART_ROW)
    assert cart.rows == ()
    assert cart.unreadable == ""


@pytest.mark.parametrize("nothing", ["", "<ok/>", "<id>5</id>"])
async def test_an_answer_without_a_cart_is_not_an_empty_one(
    panel: Panel, upstream: BillmanagerUpstream, nothing: str
) -> None:
    panel.answers(doc(nothing))
    with pytest.raises(OutcomeUnknown):
        await upstream.read_cart(UnpaidKind.CART_ROW)


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        (lines(("17", "900123", "5.00"), count=2), "2 rows are there and shows 1"),
        (f"<p_elems>3</p_elems>{lines(('17', '900123', '5.00'))}", "3 rows"),
        (f"<p_filter>status: new</p_filter>{lines(('17', '900123', '5.00'))}", "filter"),
        (lines(("17", "900123", "5.00"), total="1.234"), "total"),
    ],
)
async def test_what_is_not_all_or_can_be_read_in_two_ways_is_said(
    panel: Panel, upstream: BillmanagerUpstream, inner: str, words: str
) -> None:
    panel.answers(doc(inner))
    assert words in (await upstream.read_cart(UnpaidKind.CART_ROW)).unreadable


@pytest.mark.parametrize(
    "sums",
    [
        "<cost>1.234 EUR</cost>",
        "<price><price><cost>5.00</cost><currency>126</currency></price></price>",
        "",
    ],
)
async def test_a_sum_that_can_not_be_read_in_one_way_is_none(
    panel: Panel, upstream: BillmanagerUpstream, sums: str
) -> None:
    panel.answers(doc(f'<list name="lineitems"><elem><id>17</id>{sums}</elem></list>'))
    [row] = (await upstream.read_cart(UnpaidKind.CART_ROW)).rows
    assert row.amount is None


async def test_a_cart_in_another_currency_says_so(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(doc(lines(("17", "900123", "5.00")).replace("EUR", "rub")))
    [row] = (await upstream.read_cart(UnpaidKind.CART_ROW)).rows
    assert row.amount == Money.of("5.00", "RUB")


async def test_confirming_names_the_rows_and_pays_from_the_balance(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(doc('<ok type="list">func=cart</ok>'))
    assert await upstream.confirm_cart(["17", "18"]) == Payment()
    [sent] = panel.requests
    named = {name: value for name, value in sent.fields.items() if name not in ("authinfo", "out", "lang")}
    assert named == {"func": "cartorder.create.confirm", "elid": "17, 18", "paymethod_id": "0", "sok": "ok"}


@pytest.mark.parametrize(
    ("inner", "number"),
    [
        ("<billorder>77</billorder><ok/>", "77"),
        ('<billorder.id>77</billorder.id><ok type="form">func=payment.add&amp;billorder=77</ok>', "77"),
        ('<ok type="form">func=payment.add</ok>', ""),
    ],
)
async def test_a_confirmation_that_only_makes_an_order_is_not_paid_yet(
    panel: Panel, upstream: BillmanagerUpstream, inner: str, number: str
) -> None:
    panel.answers(doc(inner))
    assert await upstream.confirm_cart(["17"]) == Payment(unpaid=Unpaid(kind=UnpaidKind.ORDER, number=number))


async def test_paying_an_order_from_the_balance(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(doc('<ok type="list">func=payment</ok>'))
    assert await upstream.pay("77") == Payment()
    [sent] = panel.requests
    assert (sent.function, sent.fields["billorder"], sent.fields["clicked_button"], sent.fields["sok"]) == (
        "payment.add",
        "77",
        "fromsubaccount",
        "ok",
    )


@pytest.mark.parametrize(
    "inner",
    [
        '<ok type="form">func=payment.add.method</ok>',
        '<billorder>77</billorder><slist name="paymethod"><val key="1">Card</val></slist>',
    ],
)
async def test_a_further_step_of_the_payment_is_no_yes(panel: Panel, upstream: BillmanagerUpstream, inner: str) -> None:
    panel.answers(doc(inner))
    with pytest.raises(OutcomeUnknown):
        await upstream.pay("77")


@pytest.mark.parametrize(
    ("kind", "thing", "error"),
    [
        ("not_enough_money", "", NotEnoughMoney),
        ("access", "payment.add", NotAllowed),
        ("missed", "func", SetupFault),
        ("missed", "billorder", Rejected),
        ("query", "", OutcomeUnknown),
    ],
)
async def test_refused_payments(
    panel: Panel, upstream: BillmanagerUpstream, kind: str, thing: str, error: type[Exception]
) -> None:
    panel.answers(doc("<total_sum/>"), refusal(kind, thing))
    await upstream.read_cart(UnpaidKind.ORDER)  # the account is healthy
    with pytest.raises(error):
        await upstream.pay("77")


async def test_charges_since_a_day(panel: Panel, upstream: BillmanagerUpstream) -> None:
    row = "<elem><id>{}</id><item>900123</item><amount>-5.00 EUR</amount><realdate>{} 10:00:00</realdate></elem>"
    panel.answers(doc(f"<p_elems>2</p_elems>{row.format(1, '2026-10-30')}{row.format(2, '2026-11-01')}"))
    listed = await upstream.expenses(date(2026, 11, 1))
    assert listed.complete
    assert [(one.number, one.item, one.amount) for one in listed.entries] == [("2", "900123", FIVE)]
    assert panel.requests[0].fields["fromdate"] == "2026-11-01"


@pytest.mark.parametrize(
    ("kind", "function", "field"), [(UnpaidKind.CART_ROW, "cart", "id"), (UnpaidKind.ORDER, "basket", "elid")]
)
async def test_one_row_is_removed_by_its_number(
    panel: Panel, upstream: BillmanagerUpstream, kind: UnpaidKind, function: str, field: str
) -> None:
    panel.answers(doc("<ok/>"))
    await upstream.remove_cart_row(kind, "17")
    [sent] = panel.requests
    assert (sent.function, sent.fields[field], sent.fields["clicked_button"]) == (function, "17", "delete")


@pytest.mark.parametrize(
    ("inner", "unpaid"),
    [
        ("<lineitem.id>17</lineitem.id><ok/>", Unpaid(kind=UnpaidKind.CART_ROW, number="17")),
        ("<billorder>77</billorder><id>77</id><ok/>", Unpaid(kind=UnpaidKind.ORDER, number="77")),
        ('<ok type="list">func=cart</ok>', Unpaid(kind=UnpaidKind.CART_ROW)),
        ('<ok type="list">func=basket</ok>', Unpaid(kind=UnpaidKind.ORDER)),
        ('<ok type="form">func=payment.add</ok>', Unpaid(kind=UnpaidKind.ORDER)),
    ],
)
async def test_an_order_that_went_into_the_cart_names_no_item(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec, inner: str, unpaid: Unpaid
) -> None:
    panel.answers(doc(inner))
    accepted = await upstream.order(spec)
    assert accepted.upstream_number is None
    assert accepted.unpaid == unpaid
