"""Items at an upstream: read at a person's word, given to a service, or made one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response
from starlette.status import HTTP_200_OK, HTTP_201_CREATED

from orders.access.roles import Right
from orders.accounts.reading_now import ReadingNow
from orders.errors import NotFound, existing
from orders.linking.linker import Linker
from orders.linking.requests import AdoptRequest, LinkRequest, Outcome
from orders.views import find_item, find_upstream
from storefront.auth import Operator, check
from storefront.callers import Caller
from storefront.context import Context, InContext
from storefront.problems import (
    FORBIDDEN,
    INVALID_BODY,
    INVALID_FIELD,
    INVALID_KEY,
    NOT_FOUND,
    REFUSED,
    UPSTREAM_FAILED,
    documented,
)
from storefront.schemas.upstreams import BalanceRead, ItemQuestion, ItemRead
from storefront.services import IdempotencyKey
from storefront.upstreams import UpstreamName
from upstreams.connections import Connections

router = APIRouter(
    tags=["upstreams"],
    responses=documented(FORBIDDEN, NOT_FOUND, REFUSED, INVALID_FIELD, INVALID_BODY, UPSTREAM_FAILED),
)


def _possible(number: Annotated[int, Path(description="number of the service", examples=[1042])]) -> int:
    return existing("service", number)


ItemNumber = Annotated[
    str, Path(description="number of the item at the upstream", pattern=r"^\S{1,64}$", examples=["900001"])
]
_LOCATION: dict[str, Any] = {"Location": {"description": "the service", "schema": {"type": "string"}}}


@asynccontextmanager
async def _connections(context: Context) -> AsyncIterator[Connections]:
    """They are opened for one request: this is done now and then, by people."""
    async with Connections.of(context.settings, gates=context.gates) as connections:
        yield connections


def _check_force(caller: Caller, request: LinkRequest | AdoptRequest) -> None:
    if request.force:
        check(caller, Right.VOUCH, "to overrule with force what differs")


@router.post("/v1/services/{number}/link", summary="Link a service to an item at its upstream")
async def link_service(
    number: Annotated[int, Depends(_possible)], request: LinkRequest, caller: Operator, context: InContext
) -> Outcome:
    """The item is read and compared. Differences are refused, unless `force` and a reason overrule them. Nothing is
    bought. This process needs the upstream's password."""
    _check_force(caller, request)
    async with _connections(context) as connections:
        return await Linker(context.database, connections).link(number, request, actor=caller.name)


@router.post(
    "/v1/upstreams/{name}/orphans/{number}/adopt",
    status_code=HTTP_201_CREATED,
    summary="Make a service of an item at an upstream",
    responses={
        HTTP_201_CREATED: {"description": "The service was made.", "headers": _LOCATION},
        HTTP_200_OK: {
            "model": Outcome,
            "description": "A dry run; or this key and body made the service before.",
            "headers": _LOCATION,
        },
        **documented(INVALID_KEY),
    },
)
async def adopt_orphan(
    name: UpstreamName,
    number: ItemNumber,
    request: AdoptRequest,
    key: IdempotencyKey,
    caller: Operator,
    context: InContext,
    response: Response,
) -> Outcome:
    """This is linking with a new service. It takes name, expiry, cost and address from the item; nothing is bought."""
    _check_force(caller, request)
    async with _connections(context) as connections:
        linker = Linker(context.database, connections)
        outcome = await linker.adopt(number, request, upstream=name, actor=caller.name, client=caller.name, key=key)
    response.status_code = HTTP_201_CREATED if outcome.created else HTTP_200_OK
    if outcome.service is not None:
        response.headers["Location"] = f"/v1/services/{outcome.service}"
    return outcome


@router.post("/v1/upstreams/{name}/read-balance", summary="Read the balance of an upstream account now")
async def read_balance(name: UpstreamName, caller: Operator, context: InContext) -> BalanceRead:
    """By the account's limits and breakers. This process needs the upstream's password."""
    async with _connections(context) as connections:
        await ReadingNow(context.database, connections).balance(name)
    async with context.database.read() as session:
        upstream = await find_upstream(session, name)
    balance = upstream.funds.balance if upstream.funds else None
    return BalanceRead(upstream=upstream, message=f"the balance of {name} is {balance}")


@router.post("/v1/upstreams/{name}/items/{number}/read", summary="Read one item at an upstream now")
async def read_item(
    name: UpstreamName, number: ItemNumber, question: ItemQuestion, caller: Operator, context: InContext
) -> ItemRead:
    """What it shows is applied as if the poller had read it. By the account's limits and breakers. This process needs
    the upstream's password."""
    async with _connections(context) as connections:
        product_type, seen = await ReadingNow(context.database, connections).item(name, number, question.product_type)
    async with context.database.read() as session:
        try:
            item = await find_item(session, name, product_type, number)
        except NotFound:
            item = None
    if seen is None:
        return ItemRead(item=item, message=f"{name} has no {product_type} {number}")
    words = f"{product_type} {number} is {seen.status.name.lower()}"
    if item is None:
        words += "; no list has shown it yet, so it is not kept"
    return ItemRead(item=item, message=words)
