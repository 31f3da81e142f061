"""Their quotes: a price that they hold for us until a time, for exactly one request, which then names it.

A version of theirs without quotes has no such address. That is remembered for a while, and their price list is asked
instead, which holds nothing.
"""

from collections.abc import Mapping
from time import monotonic

from upstreams.errors import NoSuchItem, Rejected, SetupFault
from upstreams.httpcalls import RefusalScope
from upstreams.resellflow.documents import TheirQuote
from upstreams.resellflow.session import Session

ADDRESS = "/v1/quotes"
ASK_AGAIN_SECONDS = 600.0
"""A version without quotes is asked for one again after so long: it may have been replaced."""


class Quotes:
    """One per account: what is known of theirs."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._absent_until = 0.0

    async def ask(self, kind: str, body: Mapping[str, object], number: str = "") -> TheirQuote | None:
        """One request, which orders nothing. `kind`: their word for what it does. `number`: the service that it is
        about, which is there; empty: a new one.

        None: they have no quotes, or would refuse the request, which then says so itself.
        """
        if monotonic() < self._absent_until:
            return None
        asked = {**body, "kind": kind} | ({"service": int(number)} if number else {})
        try:
            quote = await self._session.ask(ADDRESS, asked, TheirQuote, refusals=RefusalScope.OF_AN_OPERATION)
        except NoSuchItem:
            self._absent_until = monotonic() + ASK_AGAIN_SECONDS
            return None
        except (Rejected, SetupFault):
            return None
        return quote if quote.possible and quote.id and quote.valid_until is not None else None
