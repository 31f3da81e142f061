"""One service: how it stands here and at the upstream, what was and is done to it; and the search for one."""

import contextlib

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from console.rendering import pages_of
from console.sessions import LoggedIn
from models.enums import DriftState
from models.numbers import HIGHEST_NUMBER
from orders.drift.views import list_drift
from orders.errors import NotFound
from orders.lifecycle.views import operations_by_number
from orders.views import (
    OperationView,
    PageRequest,
    ServiceView,
    find_service,
    list_history,
    list_operations,
    list_services,
)
from storefront.context import InContext

router = APIRouter()

SHOWN = 50
LONGEST_SEARCH = 200


@router.get("/services/{number}")
async def show_service(number: int, request: Request, session: LoggedIn, context: InContext) -> Response:
    requester, ask = session.visitor.requester, PageRequest(limit=SHOWN)
    async with context.database.read() as reading:
        service = await find_service(reading, number, requester)
        operations = await list_operations(reading, context.links, ask, requester, service=[number])
        history = await list_history(reading, ask, requester, service=number)
        differences = await list_drift(reading, ask, service=[number], state=[DriftState.OPEN])
    return pages_of(request).show(
        request,
        "service.html",
        session,
        service=service,
        operations=operations.items,
        history=history.items,
        differences=differences.items,
    )


@router.get("/search")
async def search(request: Request, session: LoggedIn, context: InContext, q: str = "") -> Response:
    """Services by name, address, number, mark, customer or reference; operations by number or reference. The only
    service that is found is opened."""
    wanted, requester = q.strip()[:LONGEST_SEARCH], session.visitor.requester
    services: list[ServiceView] = []
    operations: list[OperationView] = []
    if wanted:
        ask, number = PageRequest(limit=SHOWN), _number(wanted)
        async with context.database.read() as reading:
            services = (await list_services(reading, ask, requester, containing=wanted)).items
            operations = (await list_operations(reading, context.links, ask, requester, reference=[wanted])).items
            if number is not None:
                numbered = await operations_by_number(reading, context.links, [number], requester)
                operations = [*numbered.values(), *(one for one in operations if one.number != number)]
                with contextlib.suppress(NotFound):
                    own = await find_service(reading, number, requester)
                    services = [own, *(one for one in services if one.number != number)]
    if len(services) == 1 and not operations:
        return RedirectResponse(f"services/{services[0].number}", status_code=303)
    return pages_of(request).show(request, "search.html", session, q=wanted, services=services, operations=operations)


def _number(text: str) -> int | None:
    digits = text.removeprefix("#")
    return int(digits) if digits.isascii() and digits.isdigit() and 0 < int(digits) <= HIGHEST_NUMBER else None
