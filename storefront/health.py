"""/healthz and /readyz, for load balancers and orchestrators.

Ready means: an order can be accepted, and for that a database that takes writes is enough. Were Temporal part of it, a
restart of Temporal would take every API process out of the load balancer and turn orders away that would only have
waited; so its absence is shown as `degraded`, with status 200.
"""

import asyncio
from datetime import timedelta

from fastapi import APIRouter, Response
from temporalio.client import Client
from temporalio.service import RPCError

from models.readiness import Readiness
from storefront.context import InContext
from storefront.problems import NOT_READY, ProblemResponse
from storefront.schemas.health import Alive, Check, NotReady, Ready

_PATIENCE_SECONDS = 0.7
"""With Temporal. Probes wait for a second, where nobody has set more, and its silence shall not fail them."""

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Is the process up?")
async def healthz() -> Alive:
    return Alive()


@router.get(
    "/readyz",
    summary="Can orders be accepted?",
    response_model=Ready,
    responses={503: {"model": NotReady, "description": NOT_READY.title}},
)
async def readyz(context: InContext) -> Ready | Response:
    """It needs only the database. Without Temporal, orders are accepted and wait for it: `degraded`."""
    database, temporal = await asyncio.gather(
        _check_database(context.readiness), _check_temporal(context.resellflow.client)
    )
    if database.status == "unavailable":
        return ProblemResponse(
            NotReady(
                type=NOT_READY.uri,
                title=NOT_READY.title,
                status=NOT_READY.status,
                detail=database.detail,
                database=database,
                temporal=temporal,
            )
        )
    return Ready(
        status="ready" if temporal.status == "ok" else "degraded",
        database=database,
        temporal=temporal,
    )


async def _check_database(readiness: Readiness) -> Check:
    outage = await readiness.outage()
    if outage is None:
        return Check(status="ok")
    return Check(status="unavailable", detail=outage.words)


async def _check_temporal(client: Client) -> Check:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            well = await client.service_client.check_health(timeout=timedelta(seconds=_PATIENCE_SECONDS))
    except (TimeoutError, RPCError, RuntimeError):
        well = False
    if well:
        return Check(status="ok")
    return Check(status="unavailable", detail="Temporal does not answer; orders are accepted and wait for it")
