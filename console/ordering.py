"""A new order: choose the plan, what belongs to it, then the quote. What is ordered here is the operators' own."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from console.forms import text_in
from console.inputs import Input, addon_input, inputs_of
from console.rendering import pages_of
from console.sessions import LoggedIn, SentForm, Session
from console.texts import EFFECTS, FIELDS, KINDS
from console.wishes import Sent, Wish, send, show_choice, show_quote
from models.enums import OperationKind
from models.product_types import PRODUCT_TYPES, Form
from orders.access.roles import Right
from orders.lifecycle.intake import ServiceRequest
from orders.operations.requests import Rules
from orders.plans.views import PlanDetail, find_plan, list_plans
from orders.reading.paging import HIGHEST_LIMIT
from orders.views import PageRequest
from storefront import services
from storefront.auth import check
from storefront.context import Context, InContext

router = APIRouter()


@router.get("/order")
async def choose(request: Request, session: LoggedIn, context: InContext, plan: str = "") -> Response:
    """The plans first, then what belongs to one of them."""
    check(session.caller, Right.ORDER)
    if plan:
        return await show_choice(request, session, await _wish(plan, session, context), Sent())
    terms = context.settings.renewal_terms()
    async with context.database.read() as reading:
        found = await list_plans(
            reading, PageRequest(limit=HIGHEST_LIMIT), session.visitor.requester, terms, active=[True]
        )
    return pages_of(request).show(request, "plans.html", session, plans=found.items)


@router.post("/order")
async def look_at_quote(request: Request, session: LoggedIn, context: InContext, form: SentForm) -> Response:
    check(session.caller, Right.ORDER)
    return await show_quote(request, session, context, await _wish(text_in(form, "plan"), session, context), form)


@router.post("/order/send")
async def order(request: Request, session: LoggedIn, context: InContext, form: SentForm) -> Response:
    check(session.caller, Right.ORDER)
    return await send(request, session, context, await _wish(text_in(form, "plan"), session, context), form)


async def _wish(name: str, session: Session, context: Context) -> Wish:
    """Raises NotFound."""
    rules, terms = Rules(context.settings.manual_plan_changes), context.settings.renewal_terms()
    async with context.database.read() as reading:
        plan = await find_plan(reading, name, session.visitor.requester, rules, terms)
    accounts = {one.account for one in plan.mappings or [] if any(cost.taken for cost in one.costs)} - {None}
    return Wish(
        title=KINDS[OperationKind.OPEN],
        effect=EFFECTS[OperationKind.OPEN],
        address="order",
        back="order",
        about="",
        model=ServiceRequest,
        inputs=inputs_of(ServiceRequest, _known(plan)),
        place=partial(_place, session, context),
        upstream=accounts.pop() if len(accounts) == 1 else None,
        reason_needed=False,
    )


async def _place(session: Session, context: Context, asked: ServiceRequest, key: str) -> int:
    accepted = await services.place_order(asked, key, session.caller, context, Response())
    return accepted.operation.number


def _known(plan: PlanDetail) -> dict[str, Sequence[Input]]:
    kind = PRODUCT_TYPES[plan.product_type]
    months = {str(one.months): str(one.price) for one in plan.periods}
    templates = {"": "–"} | {one.name: one.name for one in plan.templates}
    addons = {one.name: one for one in plan.addons}
    is_thing = kind.name.is_the_thing
    parameters = []
    for name, one in kind.parameters.items():
        if one.form is Form.TEMPLATE and not plan.templates:
            continue
        more: dict[str, Any] = {"choices": templates} if one.form is Form.TEMPLATE else {}
        how = "list" if more else "lines" if one.form is Form.CSR else "text"
        more |= {"stays": not one.required, "needed": one.required, "note": one.meaning}
        parameters.append(Input(f"parameters.{name}", "", how, **more))
    first = str(plan.periods[0].months) if plan.periods else ""
    return {
        "plan": [Input("plan", FIELDS["plan"], "fixed", plan.name, note=plan.not_orderable_because)],
        "period_months": [Input("period_months", FIELDS["period_months"], "months", first, months, needed=True)],
        "domain": [Input("domain", FIELDS["domain"], needed=is_thing)] if kind.name.is_chosen else [],
        "parameters": parameters,
        "addons": [addon_input(one, None) for one in addons.values()],
    }
