"""/v1/upstreams/{name}/pause and /resume: a person wants nothing sent to an upstream for a while."""

from typing import Annotated

from fastapi import APIRouter, Body

from orders.accounts import pausing
from orders.accounts.pausing import Why
from orders.views import find_upstream
from storefront import examples
from storefront.auth import Operator
from storefront.context import Context, InContext
from storefront.problems import FORBIDDEN, INVALID_BODY, INVALID_FIELD, NOT_FOUND, REFUSED, documented
from storefront.schemas.upstreams import PauseTaken
from storefront.upstreams import UpstreamName

router = APIRouter(
    prefix="/v1/upstreams",
    tags=["upstreams"],
    responses=documented(FORBIDDEN, NOT_FOUND, REFUSED, INVALID_FIELD, INVALID_BODY),
)


@router.post("/{name}/pause", summary="Have nothing sent to an upstream until it is resumed")
async def pause_upstream(
    name: UpstreamName,
    decision: Annotated[Why, Body(openapi_examples=examples.UPSTREAM_PAUSED)],
    caller: Operator,
    context: InContext,
) -> PauseTaken:
    """No order, payment, renewal, change or close is sent. Reads and confirmations go on, and so does what was sent
    before. Operations wait, and say why."""
    async with context.database.write() as session:
        under_way = await pausing.pause(session, name, decision, actor=caller.name)
    return await _taken(context, name, under_way, "nothing is sent from now on")


@router.post("/{name}/resume", summary="Have things sent to an upstream again")
async def resume_upstream(
    name: UpstreamName,
    decision: Annotated[Why, Body(openapi_examples=examples.UPSTREAM_RESUMED)],
    caller: Operator,
    context: InContext,
) -> PauseTaken:
    """The operations that wait continue automatically, the oldest first."""
    async with context.database.write() as session:
        await pausing.resume(session, name, decision, actor=caller.name)
    return await _taken(context, name, 0, "it is resumed; what waits continues automatically")


async def _taken(context: Context, name: str, under_way: int, words: str) -> PauseTaken:
    if under_way:
        words = f"{words}; {under_way} requests that were written down before go on to their end"
    async with context.database.read() as session:
        return PauseTaken(upstream=await find_upstream(session, name), under_way=under_way, message=f"{name}: {words}")
