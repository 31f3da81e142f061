"""Prolonging: the quote from the form, and what an answer proves about the charge."""

from datetime import UTC, date, datetime

import pytest

from models.money import Money
from tests.upstreams.panel import Panel, doc, refusal
from upstreams.answers import ProlongQuote
from upstreams.billmanager import BillmanagerUpstream
from upstreams.errors import NotYet, OutcomeUnknown

PERIODS = '<slist name="period"><val key="">-- choose --</val><val key="12">year</val><val key="1">month</val></slist>'
FORM = (
    "<elid>4711</elid><title_name>VPS-2</title_name><expiredate>2026-01-31</expiredate><period>1</period>"
    f"<newexpiredate>2026-02-28</newexpiredate><status>2</status>{PERIODS}<messages/><metadata/>"
)


async def test_a_quote(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(doc(f"{FORM}<orderinfo>Total amount: 5.00 EUR</orderinfo>"))
    assert await upstream.quote_prolong("vds", "4711", 1) == ProlongQuote(
        price=Money.of("5.00", "EUR"),
        expires_on=date(2026, 1, 31),
        new_expires_on=date(2026, 2, 28),
        periods=(1, 12),
    )


@pytest.mark.parametrize(
    ("inner", "price"),
    [
        ('<list name="total_summary"><elem><cost>5.00 EUR</cost></elem></list>', "5.00"),
        ('<slist name="period"><val key="1">1 month - 5.00 EUR</val></slist>', "5.00"),
        ('<slist name="period"><val key="1">For 1\u00a0005,00 EUR month</val></slist>', "1005.00"),
        ('<slist name="period"><val key="1">month (€5.00)</val></slist>', "5.00"),
        ('<slist name="period"><val key="1">month (5.00)</val></slist>', None),
        ('<slist name="period"><val key="1">5.00 EUR instead of 6.00 EUR</val></slist>', None),
        ('<slist name="period"><val key="1">month -5.00 EUR</val></slist>', None),
        ('<slist name="period"><val key="12">year - 50.00 EUR</val></slist>', None),
        ('<slist name="period"><val key="1">month - 5.00 USD</val></slist>', None),
        ("<cost>5.00 EUR / month</cost>", "5.00"),
        ("<price>5.00</price><cost>5.00 EUR</cost>", "5.00"),
        ("<price>5.00</price><cost>6.00</cost>", None),
        ("<cost>5</cost>", None),
        ("<cost>-5.00 EUR</cost>", None),
        ("<cost>5.00 USD</cost>", None),
        ("", None),
    ],
)
async def test_a_price_is_read_only_if_it_can_be_read_in_one_way(
    panel: Panel, upstream: BillmanagerUpstream, inner: str, price: str | None
) -> None:
    panel.answers(doc(f"<elid>4711</elid><period>1</period>{inner}"))
    quote = await upstream.quote_prolong("vds", "4711", 1)
    assert quote.price == (None if price is None else Money.of(price, "EUR"))


async def test_a_form_about_another_period_tells_neither_price_nor_date(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    panel.answers(doc(f"{FORM}<orderinfo>Total amount: 5.00 EUR</orderinfo>"))
    quote = await upstream.quote_prolong("vds", "4711", 12)
    assert (quote.price, quote.new_expires_on, quote.expires_on) == (None, None, date(2026, 1, 31))


async def test_the_cost_of_a_form_that_names_no_period_may_be_of_any(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    panel.answers(doc("<elid>4711</elid><newexpiredate>2027-01-31</newexpiredate><cost>5.00 EUR</cost>"))
    quote = await upstream.quote_prolong("vds", "4711", 12)
    assert (quote.price, quote.new_expires_on, quote.periods) == (None, date(2027, 1, 31), ())


@pytest.mark.parametrize("inner", ["", "<elid>4712</elid><expiredate>2026-01-31</expiredate>"])
async def test_an_answer_that_is_not_the_form_of_the_item(
    panel: Panel, upstream: BillmanagerUpstream, inner: str
) -> None:
    panel.answers(doc(inner))
    with pytest.raises(OutcomeUnknown):
        await upstream.quote_prolong("vds", "4711", 1)


@pytest.mark.parametrize(
    ("answer", "expires_on", "billorder"),
    [
        ("<doc><newexpiredate>2026-02-28</newexpiredate></doc>", date(2026, 2, 28), None),
        ("<ok/><doc><newexpiredate>2026-02-28</newexpiredate></doc>", date(2026, 2, 28), None),
        ("<doc><doc><newexpiredate>2026-02-28</newexpiredate></doc></doc>", date(2026, 2, 28), None),
        ("<result><newexpiredate>2026-02-28</newexpiredate></result>", date(2026, 2, 28), None),
        ("<newexpiredate>2026-02-28</newexpiredate>", date(2026, 2, 28), None),
        (
            "<elid>4711</elid><newexpiredate/><doc><newexpiredate>2026-02-28</newexpiredate></doc>",
            date(2026, 2, 28),
            None,
        ),
        ('<ok/><newexpiredate orig="2026-02-28">28 Feb</newexpiredate>', date(2026, 2, 28), None),
        (f"<ok/>{FORM}", date(2026, 2, 28), None),
        ('<ok type="list">func=vds</ok>', None, None),
        ("<ok/><newexpiredate>soon</newexpiredate>", None, None),
        ("", None, None),
        ("<ok/><billorder>77</billorder>", None, "77"),
        ("<doc><billorder.id>77</billorder.id></doc>", None, "77"),
        ('<ok/><lineitem id="77"/>', None, "77"),
        ('<ok type="form">func=basket</ok>', None, ""),
        ('<ok type="list">func=cart</ok><newexpiredate>2026-02-28</newexpiredate>', date(2026, 2, 28), ""),
        ('<ok type="form">func=payment.add&amp;billorder=77</ok>', None, "77"),
    ],
)
async def test_a_yes(
    panel: Panel, upstream: BillmanagerUpstream, answer: str, expires_on: date | None, billorder: str | None
) -> None:
    panel.answers(doc(answer))
    accepted = await upstream.prolong("4711", 1)
    assert accepted.new_expires_on == expires_on
    assert (accepted.unpaid.number if accepted.unpaid else None) == billorder


@pytest.mark.parametrize(
    "answer",
    [
        FORM,
        f"<doc>{FORM}</doc>",
        f"{FORM}<billorder>77</billorder>",
        "<elid>4711</elid><period>1</period><newexpiredate>2026-02-28</newexpiredate>",
        '<newexpiredate>2026-02-28</newexpiredate><metadata type="form"/>',
        "<p_elems>0</p_elems>",
        '<ok type="form">func=service.prolong.pay&amp;elid=4711</ok>',
    ],
)
async def test_the_form_shown_again_proves_nothing_although_it_has_a_new_date(
    panel: Panel, upstream: BillmanagerUpstream, answer: str
) -> None:
    panel.answers(doc(answer))
    with pytest.raises(OutcomeUnknown):
        await upstream.prolong("4711", 1)
    assert len(panel.requests) == 1


async def test_too_early_is_told_with_the_start_of_the_day(panel: Panel, upstream: BillmanagerUpstream) -> None:
    no = refusal("value", "date", "The service can be renewed only after 2026-02-01", value="2026-02-01")
    panel.answers(no, no)
    with pytest.raises(NotYet) as raised:
        await upstream.prolong("4711", 1)
    assert raised.value.not_before == datetime(2026, 2, 1, tzinfo=UTC)
    with pytest.raises(NotYet):
        await upstream.quote_prolong("vds", "4711", 1)
