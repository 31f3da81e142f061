"""What may be asked of a service that is there: a form for each operation of the API that would do something.

`orders.lifecycle.choice_views` says which ones, and what there is to choose; the fields are those of the API's request.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from console.inputs import Input, addon_input, inputs_of
from console.sessions import LoggedIn, SentForm, Session
from console.texts import EFFECTS, FIELDS, KINDS, RENEWAL_OWNERS
from console.wishes import Sent, Wish, send, show_choice, show_quote
from models.enums import OperationKind
from orders.errors import NotFound
from orders.lifecycle.choice_views import Choices, choices_of
from orders.operations.registry import operation_type
from orders.operations.requests import OperationRequest, Rules
from orders.views import OperationView, ServiceView, find_service
from storefront import life
from storefront.context import Context, InContext

router = APIRouter()

ADDRESS = "/services/{number}/request/{kind}"


@router.get(ADDRESS)
async def choose(number: int, kind: OperationKind, request: Request, session: LoggedIn, context: InContext) -> Response:
    """Where there is nothing to choose, the second step at once."""
    wish = await _wish(number, kind, session, context)
    if not wish.inputs:
        return await show_quote(request, session, context, wish, None)
    return await show_choice(request, session, wish, Sent())


@router.post(ADDRESS)
async def look_at_quote(
    number: int, kind: OperationKind, request: Request, session: LoggedIn, context: InContext, form: SentForm
) -> Response:
    return await show_quote(request, session, context, await _wish(number, kind, session, context), form)


@router.post(f"{ADDRESS}/send")
async def ask_for_it(
    number: int, kind: OperationKind, request: Request, session: LoggedIn, context: InContext, form: SentForm
) -> Response:
    return await send(request, session, context, await _wish(number, kind, session, context), form)


async def _wish(number: int, kind: OperationKind, session: Session, context: Context) -> Wish:
    """Raises NotFound, also for a kind that is not asked of a service."""
    operation = operation_type(kind)
    if operation.route is None:
        raise NotFound("request", kind.value)
    requester = session.visitor.requester
    async with context.database.read() as reading:
        service = await find_service(reading, number, requester)
        choices = await choices_of(reading, number, requester, Rules(context.settings.manual_plan_changes))
    return Wish(
        title=KINDS[kind],
        effect=EFFECTS[kind],
        address=f"services/{number}/request/{kind.value}",
        back=f"services/{number}",
        about=f"{number} · {service.name} · {service.plan}",
        model=operation.request_model,
        inputs=inputs_of(operation.request_model, _known(service, choices)),
        place=partial(_place, number, session, context),
        service=number,
        upstream=service.upstream.name if service.upstream is not None else None,
        rehearse=None if operation.charges else partial(_rehearse, number, session, context),
        is_grave=operation.ends_service,
    )


async def _place(number: int, session: Session, context: Context, asked: OperationRequest, key: str) -> int:
    accepted = await life.ask_for(number, key, session.caller, context, Response(), asked)
    return accepted.operation.number


async def _rehearse(number: int, session: Session, context: Context, asked: OperationRequest) -> OperationView:
    made = await life.ask_for(number, "rehearsal", session.caller, context, Response(), asked, dry_run=True)
    return made.operation


def _known(service: ServiceView, choices: Choices) -> dict[str, Sequence[Input]]:
    """The inputs of each field that is chosen, or that shows how it is now."""
    months = dict.fromkeys(map(str, choices.months), "")
    plans = {one.plan: f"{one.plan} · {one.why}" if one.needs_person else one.plan for one in choices.plans}
    owners = {one.value: RENEWAL_OWNERS[one] for one in choices.renewal_owners}
    made_anew = {name: _input(name, "tick", "new") for name in choices.secrets}
    return {
        "period_months": [_input("period_months", "months", str(service.period_months), choices=months, needed=True)],
        "expires_on": [_input("expires_on", "date", _day(service))],
        "plan": [_input("plan", "list", "", choices=plans, needed=True)],
        "addons": [addon_input(one, service.addons.get(one.name)) for one in choices.addons],
        "domain": [_input("domain", "text", service.name, stays=True)] if choices.takes_name else [],
        "renewal_owner": [_input("renewal_owner", "list", service.renewal_owner.value, choices=owners, stays=True)],
        **{name: [made_anew[name]] if name in made_anew else [] for name in ("password", "licence_key")},
    }


def _input(name: str, kind: str, value: str, **more: Any) -> Input:
    return Input(name, FIELDS[name], kind, value, **more)


def _day(service: ServiceView) -> str:
    return service.expires_on.isoformat() if service.expires_on is not None else ""
