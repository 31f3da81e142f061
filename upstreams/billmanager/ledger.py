"""The lists `expense` and `payment`, read for what was paid back.

Columns and the filters `fromdate`, `todate` are documented; that a payment whose number begins with `return/` is a
refund is seen in code (ZOMDASH), and so is status 6, refunded. A column or a text that names the item is assumed.
"""

from collections.abc import Sequence
from datetime import date

from models.enums import RefundSource
from models.money import Money
from upstreams.billmanager.items import first_date
from upstreams.billmanager.listing import TakePage, read_pages
from upstreams.billmanager.moneytext import UnreadableMoney, currency_code, parse_money
from upstreams.billmanager.pages import Page
from upstreams.billmanager.session import Session
from upstreams.billmanager.settings import BillmanagerConnection
from upstreams.billmanager.wire import Fields, Row, first_text
from upstreams.errors import ConnectionUnhealthy, Rejected, Scope, SetupFault
from upstreams.httpcalls import Effect, RefusalScope
from upstreams.ledger import LedgerEnd, LedgerRow, TakeLedger

_REFUNDED = "6"
_RETURN = "return/"


class Ledger:
    """The docstrings of `upstreams.port.Upstream` hold."""

    _connection: BillmanagerConnection
    _session: Session

    async def walk_ledger(self, since: date, until: date | None, take: TakeLedger) -> LedgerEnd:
        days = {"fromdate": since.isoformat()} | ({"todate": until.isoformat()} if until else {})

        async def expenses(rows: Sequence[Row], _total: int | None) -> None:
            read = [self._expense(row) for row in rows]
            await take([row for row in read if row.on is None or since <= row.on <= (until or date.max)])

        async def payments(rows: Sequence[Row], _total: int | None) -> None:
            read = [self._payment(row) for row in rows if _is_refund(row.fields)]
            await take([row for row in read if row.on is None or row.on >= since])

        problem = await self._walk_money("expense", days, expenses)
        problems = [problem] if problem else []
        if until is None and (more := await self._walk_money("payment", {}, payments)):
            problems.append(more)
        return LedgerEnd(complete=not problem, problems=tuple(problems))

    async def _walk_money(self, function: str, fields: dict[str, str], take: TakePage) -> str:
        """Why not all of it could be read; empty: it was."""
        call = self._session.describe(function, Effect.READ, refusals=RefusalScope.OF_AN_OPERATION)

        async def fetch(page: dict[str, str]) -> Page:
            return Page.of(await self._session.send(call, page | fields))

        try:
            read = await read_pages(fetch, take)
        except (Rejected, SetupFault) as error:
            return error.message
        except ConnectionUnhealthy as error:
            if error.scope is Scope.ACCOUNT:
                raise
            return error.message
        return f"the list {function} is not complete: {read.because}" if read.because else ""

    def _expense(self, row: Row) -> LedgerRow:
        fields = row.fields
        return LedgerRow(
            source=RefundSource.EXPENSE,
            number=row.number,
            item=first_text(fields, "item", "main_item", "item.id"),
            text=first_text(fields, "locale_name", "name", "intname"),
            amount=self._money(fields, "amount_iso", "amount", "cost"),
            on=first_date(fields, "realdate", "date"),
        )

    def _payment(self, row: Row) -> LedgerRow:
        fields = row.fields
        amount = self._money(fields, "subaccountamount_iso", "subaccountamount", "amount_iso", "amount")
        return LedgerRow(
            source=RefundSource.PAYMENT,
            number=row.number or first_text(fields, "number"),
            item=first_text(fields, "item", "main_item", "item.id"),
            text=first_text(fields, "description", "locale_name", "name", "comment"),
            amount=Money(amount=abs(amount.amount), currency=amount.currency) if amount else None,
            on=first_date(fields, "pay_date", "create_date"),
        )

    def _money(self, fields: Fields, *names: str) -> Money | None:
        currency = self._connection.currency
        word = first_text(fields, "currency_iso", "currency_str", "currency")
        try:
            return parse_money(
                first_text(fields, *names).partition("/")[0], currency_code(word, currency) if word else currency
            )
        except UnreadableMoney:
            return None


def _is_refund(fields: Fields) -> bool:
    codes = {first_text(fields, name) for name in ("real_status", "status_orig", "status")}
    return first_text(fields, "number").startswith(_RETURN) or _REFUNDED in codes
