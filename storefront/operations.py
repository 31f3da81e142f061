"""/v1/operations: see them, follow them."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from orders.views import (
    AuditView,
    OperationDetail,
    OperationView,
    Page,
    find_operation,
    list_audit,
    list_intents,
    list_operations,
)
from storefront import stream
from storefront.auth import AnyCaller, Viewer
from storefront.context import InContext
from storefront.export import EXPORTABLE
from storefront.problems import FORBIDDEN, NOT_FOUND, TOO_MANY_STREAMS, documented
from storefront.schemas.common import Paging
from storefront.schemas.operations import Audit, Intents, OperationFilter, Operations

router = APIRouter(prefix="/v1/operations", tags=["operations"])

OperationNumber = Annotated[int, Path(description="number of the operation", examples=[7])]


async def existing_operation(number: OperationNumber, caller: AnyCaller, context: InContext) -> OperationDetail:
    async with context.database.read() as session:
        return await find_operation(session, context.links, number, caller.requester)


ExistingOperation = Annotated[OperationDetail, Depends(existing_operation)]


@router.get("", response_model=Operations, summary="List operations")
async def list_of_operations(
    wanted: Annotated[OperationFilter, Query()], caller: AnyCaller, context: InContext
) -> Page[OperationView]:
    async with context.database.read() as session:
        return await list_operations(
            session,
            context.links,
            wanted.asked(),
            caller.requester,
            stage=wanted.stage,
            service=wanted.service,
            kind=wanted.kind,
            upstream=wanted.upstream,
            slow=wanted.slow,
            reference=wanted.reference,
            created_after=wanted.created_after,
            created_before=wanted.created_before,
            ended_after=wanted.ended_after,
            ended_before=wanted.ended_before,
            sort=wanted.sort,
        )


@router.get("/{number}", summary="Show an operation and the stages it has passed", responses=documented(NOT_FOUND))
async def show_operation(operation: ExistingOperation) -> OperationDetail:
    return operation


@router.get(
    "/{number}/stream",
    summary="Follow an operation",
    response_class=EventSourceResponse,
    responses=documented(NOT_FOUND, TOO_MANY_STREAMS),
)
async def follow_operation(
    operation: ExistingOperation,
    caller: AnyCaller,
    context: InContext,
    last_event_id: Annotated[
        str | None,
        Header(
            alias="Last-Event-ID",
            description="sent by a client that connects again; the stream continues after this id",
        ),
    ] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events. There is a `stage` for every stage, beginning with those already passed, each with the fields
    of an entry of `stages`, the numbers of operation and service, and the request's `reference` and `metadata`. After
    the last one there is an `end`, and the stream is closed. A client that connects again sends the last id that it
    got, and misses nothing."""
    async for event in stream.follow(context, operation, caller, after=last_event_id):
        yield event


@router.get(
    "/{number}/audit",
    response_model=Audit,
    summary="Who did what to an operation",
    responses=documented(FORBIDDEN, NOT_FOUND),
)
async def audit_of_operation(
    caller: Viewer, operation: ExistingOperation, wanted: Annotated[Paging, Query()], context: InContext
) -> Page[AuditView]:
    """Not for storefronts."""
    async with context.database.read() as session:
        return await list_audit(session, wanted.asked(), subject="operation", number=operation.number)


@router.get(
    "/{number}/intents",
    summary="What an operation sent to the upstream, and the evidence of each verdict",
    dependencies=[EXPORTABLE],
    responses=documented(FORBIDDEN, NOT_FOUND),
)
async def intents_of_operation(caller: Viewer, operation: ExistingOperation, context: InContext) -> Intents:
    """Not for storefronts: the evidence names items of others."""
    async with context.database.read() as session:
        return Intents(items=await list_intents(session, operation.number))
