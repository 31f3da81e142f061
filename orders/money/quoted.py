"""A request that names a quote: it is checked, and costs no more than the quote says, or a person decides. It is sold
for what the quote says, whatever the catalogue says by then."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.money import Money
from models.quote import StoredQuote
from orders.errors import InvalidField
from orders.money.prices import SOLD_BY_QUOTE
from orders.text import PlainText

QUOTE_DESCRIPTION = (
    "`id` of a quote of exactly this request (`POST /v1/quotes`): it is sold for what was quoted, and the upstream may "
    "charge no more than was quoted; if it asks more, nothing is sent and a person decides"
)
FIELD = "quote"
_MAY_DIFFER = "reference, metadata, reason, agreed_cost_limit and expires_on"
QuoteName = Annotated[PlainText, Field(max_length=40)]


def naming(quote: str | None) -> dict[str, str]:
    """For the hash of a request. One without a quote hashes as it did before there were quotes."""
    return {} if quote is None else {FIELD: quote}


@dataclass(frozen=True)
class Agreed:
    """What is agreed of an operation's price before the upstream is asked."""

    limit: Money | None
    """The most that the request may cost: its own limit, or what was quoted if that is less."""
    price: dict[str, str]
    """For the operation's price: what it is sold for by the quote."""


async def agreed_by(
    session: AsyncSession,
    name: str | None,
    body_hash: str,
    owner: str | None,
    account: UpstreamAccount | None,
    limit: Money | None,
) -> Agreed:
    """What was quoted, and the request's own limit.

    Raises InvalidField for a quote that is not there or is another's (in the same words), is too old, or is of another
    request.
    """
    if name is None:
        return Agreed(limit, {})
    quote = (await session.exec(select(StoredQuote).where(StoredQuote.name == name))).one_or_none()
    if quote is None or quote.owner != owner:
        raise InvalidField(FIELD, f"there is no quote {name!r}")
    now = utc_now()
    if quote.valid_until <= now:
        ended = quote.valid_until.isoformat(timespec="seconds").replace("+00:00", "Z")
        raise InvalidField(FIELD, f"was valid until {ended}; ask for a new one")
    if quote.body_hash != body_hash:
        raise InvalidField(FIELD, f"is of another request: only {_MAY_DIFFER} may differ; ask for a new quote")
    sold = {SOLD_BY_QUOTE: str(quote.selling)} if quote.selling is not None else {}
    cost = quote.cost
    if cost is None:
        return Agreed(limit, sold)
    if account is None or cost.currency != account.currency:
        raise InvalidField(FIELD, "was made when the plan was bought elsewhere; ask for a new one")
    return Agreed(cost if limit is None or cost < limit else limit, sold)
