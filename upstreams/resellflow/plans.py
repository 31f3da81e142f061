"""Their plans as a price list: which can be ordered, and which are not available at the moment."""

from collections.abc import Awaitable, Callable

from models.enums import Availability
from upstreams.answers import OnSale
from upstreams.resellflow.documents import TheirPlan, TheirPlans

MOST_PAGES = 100


async def on_sale(fetch: Callable[[str | None], Awaitable[TheirPlans]]) -> OnSale:
    """`fetch` reads the page with a cursor; None: the first one. With more than MOST_PAGES pages nothing is known."""
    tariffs: set[str] = set()
    withheld: dict[str, str] = {}
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await fetch(cursor)
        for plan in page.items:
            if why := _not_available(plan):
                withheld[plan.name] = why
            else:
                tariffs.add(plan.name)
        cursor = page.next_cursor
        if cursor is None:
            return OnSale(tariffs=frozenset(tariffs), withheld=withheld)
    return OnSale(tariffs=None)


def _not_available(plan: TheirPlan) -> str:
    if not plan.orderable:
        return f"their plan can't be ordered: {plan.not_orderable_because}"
    if plan.availability.status == Availability.UNAVAILABLE.value:
        return f"their plan is not available: {plan.availability.reason}"
    return ""
