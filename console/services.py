"""One service: how it stands here and at the upstream, what was and is done to it; and the search for one."""

import contextlib
from collections.abc import Callable
from dataclasses import replace

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from console.acts import Act, Acts, Tried, add_page, show_page
from console.errors import on_problem
from console.forms import text_in
from console.rendering import pages_of
from console.sessions import LoggedIn, SentForm, Session
from console.texts import AT_END_OF_TERM, _
from models.enums import DriftState, ServiceStatus
from models.numbers import HIGHEST_NUMBER
from orders.access.handing_over import OwnerChange
from orders.access.roles import Right
from orders.drift.views import list_drift
from orders.errors import NotFound, existing
from orders.lifecycle.choice_views import modules_for, possible_kinds
from orders.lifecycle.views import operations_by_number
from orders.money.refund_views import list_refunds
from orders.renewals.stopping import RenewalChange
from orders.services.item_views import beside
from orders.services.modules import ModuleChange
from orders.services.references import ReferenceChange
from orders.text import Prose
from orders.views import (
    OperationView,
    PageRequest,
    ServiceView,
    find_service,
    list_history,
    list_operations,
    list_services,
)
from storefront import keys, modules, owners, references, renewal
from storefront.auth import check
from storefront.context import Context, InContext
from storefront.problems import Problem

router = APIRouter()

SHOWN = 50
LONGEST_SEARCH = 200


def _or_null(name: str) -> Callable[[FormData], dict[str, object]]:
    """A field that is left empty says that there is none."""
    return lambda form: {name: text_in(form, name) or None}


class RenewalDecision(RenewalChange):
    """A person of ours says why. A shop need not."""

    reason: Prose = Field(max_length=2000)


ACTS: Acts = {
    "renewal": Act(
        _("Decide about the end of its term"),
        _("It is only written down, and can be taken back until then. Nothing is sent to the upstream."),
        RenewalDecision,
        renewal.set_renewal,
        ("at_end_of_term", "reason"),
        Right.ORDER,
        choices={"at_end_of_term": {one.value: words for one, words in AT_END_OF_TERM.items()}},
    ),
    "module": Act(
        _("Give it to another processing module"),
        _("With a manual one every operation becomes a task for a person. Nothing happens at the upstream."),
        ModuleChange,
        modules.set_module,
        ("module", "reason"),
    ),
    "reference": Act(
        _("Change its reference"),
        _("Messages about the service have it from the next one on. Empty: it has none."),
        ReferenceChange,
        references.set_reference,
        right=Right.ORDER,
        read=_or_null("reference"),
        shows=("reference",),
    ),
    "owner": Act(
        _("Hand it over to another shop"),
        _("Its operations, tasks, history and key go with it."),
        OwnerChange,
        owners.set_owner,
        ("reason",),
        read=_or_null("owner"),
        shows=("owner", "reason"),
    ),
}


async def _page(number: int, request: Request, session: Session, context: Context, tried: Tried) -> Response:
    requester, ask = session.visitor.requester, PageRequest(limit=SHOWN)
    async with context.database.read() as reading:
        service = await find_service(reading, number, requester)
        operations = await list_operations(reading, context.links, ask, requester, service=[number])
        history = await list_history(reading, ask, requester, service=number)
        differences = await list_drift(reading, ask, service=[number], state=[DriftState.OPEN])
        refunds = await list_refunds(reading, ask, service=[number])
        item = await beside(reading, number, requester)
        possible = await possible_kinds(reading, number, requester) if requester.may(Right.ORDER) else []
        others = await modules_for(reading, number, requester)
    in_the_table = {one.drift for one in item.rows} if item is not None else set()
    return show_page(
        request,
        session,
        "service.html",
        tried,
        service=service,
        operations=operations.items,
        history=history.items,
        item=item,
        differences=[one for one in differences.items if one.number not in in_the_table],
        refunds=refunds.items,
        possible=possible,
        acts=_offered(service, others, session),
        may_read_key=service.key_ready and requester.may(Right.ORDER),
    )


def _offered(service: ServiceView, others: list[str], session: Session) -> Acts:
    """What this person may do to it now. Whether it is possible is checked once more when it is done."""
    requester = session.visitor.requester
    current = {"at_end_of_term": service.at_end_of_term.value, "reference": service.reference or "",
               "owner": service.owner or ""}  # fmt: skip
    offered = {name: replace(act, current=current) for name, act in ACTS.items() if requester.may(act.right)}
    if "module" in offered:
        offered["module"] = replace(ACTS["module"], choices={"module": dict.fromkeys(others, "")})
    gone = {"module"} if not others or service.status is ServiceStatus.CLOSED else set()
    gone |= {"renewal"} if service.status is ServiceStatus.CLOSED else set()
    return {name: act for name, act in offered.items() if name not in gone}


@router.post("/services/{number}/licence-key")
async def read_key(number: int, request: Request, session: LoggedIn, context: InContext, form: SentForm) -> Response:
    """Shown once, on a page that nobody keeps. Who reads it is in the audit log."""

    async def show_again(problem: Problem) -> Response:
        return await _page(number, request, session, context, Tried("licence-key", problem))

    on_problem(request, show_again)
    check(session.caller, Right.ORDER)
    key = await keys.read_licence_key(existing("service", number), session.caller, context, Response())
    return pages_of(request).show(request, "key.html", session, key=key)


add_page(router, "services", ACTS, _page)


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
