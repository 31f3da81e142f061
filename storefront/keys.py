"""/v1/services/{number}/licence-key: read at the upstream when it is asked for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from orders.errors import existing
from orders.services.keys import KeyReader
from storefront.auth import Orderer
from storefront.context import Context, InContext
from storefront.problems import FORBIDDEN, NOT_FOUND, REFUSED, UPSTREAM_FAILED, documented
from storefront.schemas.services import LicenceKey
from upstreams.connections import Connections

router = APIRouter(tags=["services"], responses=documented(FORBIDDEN, NOT_FOUND, REFUSED, UPSTREAM_FAILED))


def _possible(number: Annotated[int, Path(description="number of the service", examples=[1042])]) -> int:
    return existing("service", number)


@asynccontextmanager
async def _reader(context: Context) -> AsyncIterator[KeyReader]:
    settings = context.settings
    async with Connections.of(settings, gates=context.gates) as connections:
        yield KeyReader(context.database, connections)


@router.get("/v1/services/{number}/licence-key", summary="Read the key of a licence")
async def read_licence_key(
    number: Annotated[int, Depends(_possible)], caller: Orderer, context: InContext, response: Response
) -> LicenceKey:
    """The key is read at the upstream and stored nowhere. The audit log records who read it. It is refused until the
    key has come, which `key_ready` of the service and a webhook report. This process needs the upstream's password."""
    async with _reader(context) as reader:
        key = await reader.read(number, actor=caller.name, requester=caller.requester)
    response.headers["Cache-Control"] = "no-store"
    return LicenceKey(service=number, licence_key=key.get_secret_value())
