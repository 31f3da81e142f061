"""/v1/services/{number}: what can be done to a service that is there. Each request is an operation, accepted once."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Response
from starlette.status import HTTP_200_OK, HTTP_201_CREATED

from orders.access.roles import Right
from orders.errors import existing
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.requests import ServiceChange
from orders.views import find_operation, find_service
from storefront import examples
from storefront.auth import Orderer, check
from storefront.callers import Caller
from storefront.context import Context, InContext
from storefront.problems import (
    FORBIDDEN,
    INVALID_BODY,
    INVALID_FIELD,
    INVALID_KEY,
    KEY_REUSED,
    NOT_FOUND,
    REFUSED,
    documented,
)
from storefront.schemas import OrderAccepted, PlanChange, Prolongation, Suspension
from storefront.services import IdempotencyKey

router = APIRouter(prefix="/v1/services/{number}", tags=["services"])


def _possible(number: Annotated[int, Path(description="number of the service", examples=[1042])]) -> int:
    return existing("service", number)


ServiceNumber = Annotated[int, Depends(_possible)]

_LOCATION: dict[str, Any] = {"Location": {"description": "the operation", "schema": {"type": "string"}}}


def _answers(example: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {
        HTTP_201_CREATED: {
            "description": "The operation is accepted and cannot be lost any more. `queued`: another one of the same "
            "service runs; it starts by itself.",
            "headers": _LOCATION,
            "content": {"application/json": {"example": example}},
        },
        HTTP_200_OK: {
            "model": OrderAccepted,
            "description": "This key and body made an operation before: this one, as it is now.",
            "headers": _LOCATION,
        },
        **documented(INVALID_KEY, INVALID_FIELD, INVALID_BODY, KEY_REUSED, FORBIDDEN, NOT_FOUND, REFUSED),
    }


@router.post(
    "/prolong",
    status_code=HTTP_201_CREATED,
    summary="Prolong a service",
    responses=_answers(examples.PROLONGATION_ACCEPTED),
)
async def prolong_service(
    number: ServiceNumber,
    wanted: Annotated[Prolongation, Body(openapi_examples=examples.PROLONGATIONS)],
    key: IdempotencyKey,
    caller: Orderer,
    context: InContext,
    response: Response,
) -> OrderAccepted:
    """The new expiry date is the upstream's word; the service shows it when the operation is completed."""
    accepted = await context.resellflow.prolong(
        number,
        wanted.period_months,
        key=key,
        client=caller.name,
        agreed_cost_limit=wanted.agreed_cost_limit,
        asker=caller.asker,
    )
    return await _answer(context, caller, accepted, response)


@router.post(
    "/suspend",
    status_code=HTTP_201_CREATED,
    summary="Suspend a service",
    responses=_answers(examples.SUSPENSION_ACCEPTED),
)
async def suspend_service(
    number: ServiceNumber,
    key: IdempotencyKey,
    caller: Orderer,
    context: InContext,
    response: Response,
    wanted: Annotated[Suspension | None, Body(openapi_examples=examples.SUSPENSIONS)] = None,
) -> OrderAccepted:
    """In its turn; or, if `urgent`, before everything else that waits for this service: not for storefronts. The body
    may be left out."""
    wanted = wanted or Suspension()
    if wanted.urgent:
        check(caller, Right.DECIDE, "to suspend urgently")
    accepted = await context.resellflow.suspend(
        number, key=key, client=caller.name, urgent=wanted.urgent, reason=wanted.reason or "", asker=caller.asker
    )
    return await _answer(context, caller, accepted, response)


@router.post(
    "/resume",
    status_code=HTTP_201_CREATED,
    summary="Resume a suspended service",
    responses=_answers(examples.RESUMPTION_ACCEPTED),
)
async def resume_service(
    number: ServiceNumber, key: IdempotencyKey, caller: Orderer, context: InContext, response: Response
) -> OrderAccepted:
    """Where the upstream does not let us (it was suspended for abuse, say), it becomes a task for a person."""
    accepted = await context.resellflow.resume(number, key=key, client=caller.name, asker=caller.asker)
    return await _answer(context, caller, accepted, response)


@router.delete(
    "",
    status_code=HTTP_201_CREATED,
    summary="Close a service for good",
    responses=_answers(examples.CLOSING_ACCEPTED),
)
async def close_service(
    number: ServiceNumber, key: IdempotencyKey, caller: Orderer, context: InContext, response: Response
) -> OrderAccepted:
    """Deletes the item at the upstream, before everything else that waits for this service. What is queued for it after
    that ends without effect.

    A service that is still being opened is called off: nothing more of its opening is sent. Had nothing been sent, both
    operations are `cancelled` in the answer already and the service is `closed`. May an earlier request have left
    something at the upstream, that is removed first; then both end, without a charge. A request under way is waited
    for: had it no effect, both end; else the service is deleted once it is open. `waits_for` says which. A storefront
    may call off only what it asked for itself, as with cancelling; what is open may be closed by its owner."""
    accepted = await context.resellflow.close_service(number, key=key, client=caller.name, asker=caller.asker)
    return await _answer(context, caller, accepted, response)


@router.patch(
    "",
    status_code=HTTP_201_CREATED,
    summary="Change add-ons, domain, renewal, password or licence key",
    responses=_answers(examples.CHANGE_ACCEPTED),
)
async def change_service(
    number: ServiceNumber,
    change: Annotated[ServiceChange, Body(openapi_examples=examples.CHANGES)],
    key: IdempotencyKey,
    caller: Orderer,
    context: InContext,
    response: Response,
) -> OrderAccepted:
    """What is left out stays. The service shows the new values when the operation is completed. What they cost more is
    shown as the operation's `cost` before it is paid, where the upstream can say it.

    A password can't be chosen, because none is ever written down here: `"password": "new"` has one made up and set at
    the upstream, where the item shows it. `"licence_key": "new"` has the upstream make another key, to be read when it
    has come."""
    accepted = await context.resellflow.change_parameters(
        number, change, key=key, client=caller.name, asker=caller.asker
    )
    return await _answer(context, caller, accepted, response)


@router.post(
    "/change-plan",
    status_code=HTTP_201_CREATED,
    summary="Change the tariff plan",
    responses=_answers(examples.PLAN_CHANGE_ACCEPTED),
)
async def change_plan(
    number: ServiceNumber,
    wanted: Annotated[PlanChange, Body(openapi_examples=examples.PLAN_CHANGES)],
    key: IdempotencyKey,
    caller: Orderer,
    context: InContext,
    response: Response,
) -> OrderAccepted:
    """The upstream is asked first what the change costs; where it says so, the operation's `cost` shows it from the
    stage `checking_balance` on, before anything is paid. What no upstream can do by itself becomes a task for a person
    (stage `awaiting_manual_task`). Add-ons are carried to the new plan; where it can't have them all, the request is
    refused unless it says `drop_addons`."""
    accepted = await context.resellflow.change_plan(
        number,
        wanted.plan,
        key=key,
        client=caller.name,
        drop_addons=wanted.drop_addons,
        agreed_cost_limit=wanted.agreed_cost_limit,
        asker=caller.asker,
    )
    return await _answer(context, caller, accepted, response)


async def _answer(context: Context, caller: Caller, accepted: AcceptedOrder, response: Response) -> OrderAccepted:
    async with context.database.read() as session:
        service = await find_service(session, accepted.service, caller.asker)
        operation = await find_operation(session, context.links, accepted.operation, caller.asker)
    response.status_code = HTTP_201_CREATED if accepted.created else HTTP_200_OK
    response.headers["Location"] = f"/v1/operations/{accepted.operation}"
    return OrderAccepted(service=service, operation=operation)
