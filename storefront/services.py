"""/v1/services: order them, see them."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Path, Query, Response
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.status import HTTP_200_OK, HTTP_201_CREATED

from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.intake import ServiceRequest
from orders.views import Page, ServiceView, find_operation, find_service, list_services, new_documents
from starter import Show
from storefront import examples
from storefront.auth import AnyCaller, Orderer
from storefront.callers import Caller
from storefront.context import Context, InContext
from storefront.problems import (
    FORBIDDEN,
    INVALID_BODY,
    INVALID_FIELD,
    INVALID_KEY,
    KEY_HEADER,
    KEY_REUSED,
    NOT_FOUND,
    documented,
)
from storefront.schemas.services import OrderAccepted, ServiceFilter, Services

router = APIRouter(prefix="/v1/services", tags=["services"])

IdempotencyKey = Annotated[
    str,
    Header(
        alias=KEY_HEADER,
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]([ -~]*[!-~])?$",
        description="Your own name of this order, e.g. the number of the cart. The same key with the same body gives "
        "the same order, for ever; with another body it is refused.",
        examples=["cart-4711"],
    ),
]
DryRun = Annotated[
    bool,
    Query(
        description="only check: the answer is that of the request, with status 200 and numbers that are not reserved. "
        "Nothing is written, and the key is not used up"
    ),
]


def showing(context: Context, caller: Caller) -> Show[OrderAccepted]:
    """Shows what a dry run would make."""

    async def show(session: AsyncSession, accepted: AcceptedOrder) -> OrderAccepted:
        service = await find_service(session, accepted.service, caller.requester)
        operation = await find_operation(session, context.links, accepted.operation, caller.requester)
        return OrderAccepted(service=service, operation=operation)

    return show


_LOCATION: dict[str, Any] = {"Location": {"description": "the service", "schema": {"type": "string"}}}


@router.post(
    "",
    status_code=HTTP_201_CREATED,
    summary="Order a service",
    responses={
        HTTP_201_CREATED: {
            "description": "The order is accepted and cannot be lost any more.",
            "headers": _LOCATION,
            "content": {"application/json": {"example": examples.ORDER_ACCEPTED}},
        },
        HTTP_200_OK: {
            "model": OrderAccepted,
            "description": "This key and body made an order before: this one, as it is now. Or it was a dry run.",
            "headers": _LOCATION,
        },
        **documented(INVALID_KEY, INVALID_FIELD, INVALID_BODY, KEY_REUSED, FORBIDDEN),
    },
)
async def place_order(
    order: Annotated[ServiceRequest, Body(openapi_examples=examples.ORDERS)],
    key: IdempotencyKey,
    caller: Orderer,
    context: InContext,
    response: Response,
    dry_run: DryRun = False,
) -> OrderAccepted:
    """Stores the order and starts its workflow. While Temporal is away the order is also accepted. Its operation stays
    `accepted` until the workflow starts automatically."""
    if dry_run:
        response.status_code = HTTP_200_OK
        show = showing(context, caller)
        return await context.resellflow.try_order(
            order, show, key=key, client=caller.name, owner=caller.requester.owner
        )
    accepted = await context.resellflow.place_order(order, key=key, client=caller.name, owner=caller.requester.owner)
    if accepted.rows is not None:
        service, operation = new_documents(context.links, accepted.rows, accepted.started_at, caller.requester)
    else:
        async with context.database.read() as session:
            service = await find_service(session, accepted.service, caller.requester)
            operation = await find_operation(session, context.links, accepted.operation, caller.requester)
    response.status_code = HTTP_201_CREATED if accepted.created else HTTP_200_OK
    response.headers["Location"] = f"{router.prefix}/{accepted.service}"
    return OrderAccepted(service=service, operation=operation)


@router.get("", response_model=Services, summary="List services")
async def list_of_services(
    wanted: Annotated[ServiceFilter, Query()], caller: AnyCaller, context: InContext
) -> Page[ServiceView]:
    """A storefront sees its own services, other roles see all. So it is for all that belongs to a service."""
    async with context.database.read() as session:
        return await list_services(
            session,
            wanted.asked(),
            caller.requester,
            customer=wanted.customer,
            status=wanted.status,
            plan=wanted.plan,
            expires_after=wanted.expires_after,
            expires_before=wanted.expires_before,
            reference=wanted.reference,
            containing=wanted.q,
            created_after=wanted.created_after,
            created_before=wanted.created_before,
            sort=wanted.sort,
        )


@router.get("/{number}", summary="Show a service", responses=documented(NOT_FOUND))
async def show_service(
    number: Annotated[int, Path(description="number of the service", examples=[1042])],
    caller: AnyCaller,
    context: InContext,
) -> ServiceView:
    async with context.database.read() as session:
        return await find_service(session, number, caller.requester)
