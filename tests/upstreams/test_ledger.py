"""The lists of expenses and payments as documents show them: signs, columns, refusals."""

from collections.abc import Sequence
from datetime import date

from models.enums import RefundSource
from models.money import Money
from tests.upstreams.panel import Panel, doc, refusal
from upstreams.billmanager import BillmanagerUpstream
from upstreams.ledger import LedgerEnd, LedgerRow

DAY = date(2026, 11, 1)
EXPENSE = (
    "<elem><id>{}</id><item>900123</item><locale_name>{}</locale_name><amount>{}</amount>"
    "<realdate>{} 10:00:00</realdate></elem>"
)
PAYMENTS = doc(
    "<p_elems>4</p_elems>"
    "<elem><id>1</id><number>P/1</number><pay_date>2026-11-02</pay_date><status orig='4'>Credited</status>"
    "<subaccountamount_iso>50.00 EUR</subaccountamount_iso></elem>"
    "<elem><id>2</id><number>return/2</number><pay_date>2026-11-02</pay_date><status orig='4'>Credited</status>"
    "<description>Refund rf-a-1</description><subaccountamount_iso>-2.00 EUR</subaccountamount_iso></elem>"
    "<elem><id>3</id><number>P/3</number><pay_date>2026-11-02</pay_date><status orig='6'>Refunded</status>"
    "<subaccountamount_iso>3.00 EUR</subaccountamount_iso></elem>"
    "<elem><id>4</id><number>return/4</number><pay_date>2026-10-02</pay_date><status orig='4'>Credited</status>"
    "<subaccountamount_iso>9.00 EUR</subaccountamount_iso></elem>"
)


async def walk(upstream: BillmanagerUpstream, until: date | None = None) -> tuple[list[LedgerRow], LedgerEnd]:
    rows: list[LedgerRow] = []

    async def take(some: Sequence[LedgerRow]) -> None:
        rows.extend(some)

    return rows, await upstream.walk_ledger(DAY, until, take)


async def test_expenses_keep_their_sign_and_payments_come_if_they_say_that_they_are_refunds(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    rows = EXPENSE.format(1, "Order", "5.00 EUR", DAY) + EXPENSE.format(2, "Refund", "-2.00 EUR", "2026-11-02")
    old = EXPENSE.format(3, "Order", "5.00 EUR", "2026-10-01")
    panel.answers(doc(f"<p_elems>3</p_elems>{rows}{old}"), PAYMENTS)
    found, end = await walk(upstream)
    assert end == LedgerEnd(complete=True)
    assert [(row.source, row.number, row.item, row.text, row.amount) for row in found] == [
        (RefundSource.EXPENSE, "1", "900123", "Order", Money.of("5.00", "EUR")),
        (RefundSource.EXPENSE, "2", "900123", "Refund", Money.of("-2.00", "EUR")),
        (RefundSource.PAYMENT, "2", "", "Refund rf-a-1", Money.of("2.00", "EUR")),
        (RefundSource.PAYMENT, "3", "", "", Money.of("3.00", "EUR")),
    ]
    assert panel.functions == ["expense", "payment"]
    assert panel.requests[0].fields["fromdate"] == "2026-11-01"


async def test_one_day_is_asked_for_alone_and_without_payments(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(doc(f"<p_elems>1</p_elems>{EXPENSE.format(1, 'Order', 'a lot', DAY)}"))
    [row], end = await walk(upstream, DAY)
    assert row.amount is None
    assert end.complete
    [asked] = panel.requests
    assert (asked.fields["fromdate"], asked.fields["todate"]) == ("2026-11-01", "2026-11-01")


async def test_a_list_that_is_refused_is_a_problem_and_the_other_is_read(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    panel.answers(refusal("missed", "func"), PAYMENTS)
    found, end = await walk(upstream)
    assert len(found) == 2, end.problems
    assert not end.complete
    assert len(end.problems) == 1
