"""Their list of events: only of which services they are is believed, so their order, their types and whether one comes
twice do not matter."""

from collections.abc import Iterable

import httpx

from models.numbers import HIGHEST_NUMBER
from upstreams.answers import News
from upstreams.errors import NoSuchItem, Rejected
from upstreams.httpcalls import RefusalScope
from upstreams.resellflow.documents import TheirEvents
from upstreams.resellflow.session import Session

ADDRESS = "/v1/events"
PAGE_SIZE = 200
_NOW: dict[str, str | int] = {"start": "now", "limit": 1}


async def news(session: Session, cursor: str | None) -> News:
    """See `upstreams.port.Upstream.news`."""
    if cursor is not None:
        try:
            page = await _page(session, {"cursor": cursor, "limit": PAGE_SIZE})
            return News(numbers=_services(page.items), cursor=page.next_cursor, more=page.more)
        except NoSuchItem:
            raise
        except Rejected as refused:  # too old, of a database that was restored since, or of another installation
            if refused.field != "cursor":
                raise
    page = await _page(session, _NOW)
    return News(numbers=(), cursor=page.next_cursor, begins_anew=True)


async def _page(session: Session, query: dict[str, str | int]) -> TheirEvents:
    path = f"{ADDRESS}?{httpx.QueryParams(query)}"
    return await session.read(path, TheirEvents, refusals=RefusalScope.OF_AN_OPERATION)


def _services(items: Iterable[dict[str, object]]) -> tuple[str, ...]:
    found = (_service(one) for one in items)
    return tuple(dict.fromkeys(number for number in found if number))


def _service(event: dict[str, object]) -> str:
    """Number of the service that it is about, whatever its type; empty: of none, or not to be read."""
    data = event.get("data")
    number = data.get("service") if isinstance(data, dict) else None
    is_number = isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= HIGHEST_NUMBER
    return str(number) if is_number else ""
