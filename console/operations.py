"""One operation: why it waits, what happens next, what a person may do, and all that was done so far."""

from collections.abc import Sequence
from dataclasses import replace

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.datastructures import FormData
from starlette.responses import Response

from console.acts import Act, Acts, Tried, add_page, show_page
from console.comparing import Row, compared, of_item, of_service
from console.forms import BEFORE, text_in
from console.sessions import Session
from console.texts import DECISIONS
from models.enums import Stage
from models.messages import DecisionKind
from models.parameters import ADDON
from models.product_types import PRODUCT_TYPES
from orders.access.roles import Right
from orders.decisions.allowed import PARAMETERS, PRICE
from orders.linking.candidate_views import ItemCandidate, items_for
from orders.operations.registry import operation_type
from orders.operations.set_parameters import DOMAIN
from orders.services.addons import from_text
from orders.views import (
    DecisionView,
    OperationDetail,
    PageRequest,
    ServiceView,
    find_operation,
    find_service,
    list_audit,
    list_intents,
    list_operations,
)
from storefront import decisions
from storefront.context import Context
from storefront.schemas.operations import (
    Cancellation,
    Correction,
    DoneByHand,
    LookAsked,
    PriceAccepted,
    Vouched,
)

router = APIRouter()

AUDIT_SHOWN = 100


def _corrected(form: FormData) -> dict[str, object]:
    """Parameters and add-ons that were typed otherwise than they stood there."""
    parameters: dict[str, str] = {}
    addons: dict[str, object] = {}
    for field in form:
        prefix, _, name = field.partition(".")
        typed = text_in(form, field)
        if prefix != PARAMETERS or typed == text_in(form, f"{BEFORE}{field}"):
            continue
        if name.startswith(ADDON.text):
            addons[name.removeprefix(ADDON.text)] = from_text(typed)
        else:
            parameters[name] = typed
    return {PARAMETERS: parameters, "addons": addons}


def _act(kind: DecisionKind, body: type[BaseModel], right: Right, **more: object) -> Act:
    fields = tuple(name for name in body.model_fields if name not in (PARAMETERS, "addons"))
    # `more` has fields of an Act by their names; mypy takes each for every one of them.
    return Act(DECISIONS[kind], "", body, fields=fields, right=right, is_grave=kind is DecisionKind.CANCEL, **more)  # type: ignore[arg-type]


ACTS: Acts = {
    DecisionKind.RETRY.value: _act(DecisionKind.RETRY, Vouched, Right.DECIDE, carry_out=decisions.retry),
    DecisionKind.CORRECT_AND_RETRY.value: _act(
        DecisionKind.CORRECT_AND_RETRY, Correction, Right.DECIDE, carry_out=decisions.correct, read=_corrected
    ),
    DecisionKind.ACCEPT_PRICE.value: _act(
        DecisionKind.ACCEPT_PRICE, PriceAccepted, Right.ACCEPT_PRICE, carry_out=decisions.accept_price
    ),
    DecisionKind.LOOK_NOW.value: _act(
        DecisionKind.LOOK_NOW,
        LookAsked,
        Right.DECIDE,
        carry_out=lambda number, body, caller, context: decisions.look_now(number, caller, context, body),
    ),
    DecisionKind.MARK_DONE.value: _act(DecisionKind.MARK_DONE, DoneByHand, Right.VOUCH, carry_out=decisions.mark_done),
    DecisionKind.CANCEL.value: _act(
        DecisionKind.CANCEL,
        Cancellation,
        Right.ORDER,
        carry_out=lambda number, body, caller, context: decisions.cancel(number, caller, context, body),
    ),
}
"""How each decision is sent: the body and the route that the API has for it. What it would do, the operation says."""


def _correctable(operation: OperationDetail, service: ServiceView) -> dict[str, str]:
    """What a person may correct of it, as it is now: of an order all that it said, of a change the values to come."""
    if not operation_type(operation.kind).begins:
        return {
            name: value for name, value in operation.parameters.items() if name.startswith(ADDON.text) or name == DOMAIN
        }
    product_type = PRODUCT_TYPES[service.product_type]
    name = {DOMAIN: service.name} if product_type.name.is_chosen else {}
    parameters = {one: service.parameters.get(one, "") for one in product_type.parameters}
    return {**name, **parameters, **ADDON.written({one: str(value) for one, value in service.addons.items()})}


def _offered(operation: OperationDetail, service: ServiceView) -> Acts:
    """What the API offers this person now."""
    return {
        one.decision.value: _as_offered(ACTS[one.decision.value], one, operation, service)
        for one in operation.allowed_decisions
        if one.decision.value in ACTS
    }


def _as_offered(act: Act, offer: DecisionView, operation: OperationDetail, service: ServiceView) -> Act:
    fields, current = (*offer.needs, *offer.may), dict[str, str]()
    if PARAMETERS in fields:
        current = {f"{PARAMETERS}.{name}": value for name, value in _correctable(operation, service).items()}
        fields = (*current, *(name for name in fields if name != PARAMETERS))
    if PRICE in fields and operation.cost is not None:
        current = {PRICE: str(operation.cost)}
    says = f"{offer.effect[:1].upper()}{offer.effect[1:]}."
    return replace(act, says=says, fields=fields, needs=tuple(offer.needs), current=current)


def _beside(service: ServiceView, candidates: Sequence[ItemCandidate]) -> list[Row]:
    """The order and, below it, the items that it may have made. Empty: there is none."""
    if not candidates:
        return []
    own = of_service(service)
    rows = [
        compared(of_item(one.item, one.key), own, mark=one.same_mark, name=one.same_name, is_since=one.appeared_since)
        for one in candidates
    ]
    return [own, *rows]


async def _page(number: int, request: Request, session: Session, context: Context, tried: Tried) -> Response:
    requester = session.visitor.requester
    async with context.database.read() as reading:
        operation = await find_operation(reading, context.links, number, requester)
        service = await find_service(reading, operation.service, requester)
        intents = await list_intents(reading, number)
        audit = await list_audit(reading, PageRequest(limit=AUDIT_SHOWN), subject="operation", number=number)
        candidates = await items_for(reading, number)
        behind = await list_operations(
            reading, context.links, PageRequest(limit=20), requester, service=[operation.service], stage=[Stage.QUEUED]
        )
    return show_page(
        request,
        session,
        "operation.html",
        tried,
        operation=operation,
        service=service,
        intents=intents,
        audit=audit.items,
        compared=_beside(service, candidates),
        behind=[one for one in behind.items if one.number != number],
        acts=_offered(operation, service),
    )


add_page(router, "operations", ACTS, _page)
