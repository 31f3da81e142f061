"""/v1/token: whose token a request carries."""

from fastapi import APIRouter

from storefront.auth import AnyCaller
from storefront.schemas.services import TokenHolder

router = APIRouter(tags=["services"])


@router.get("/v1/token", summary="See whose token this is")
async def read_token(caller: AnyCaller) -> TokenHolder:
    """The holder of the token that the request carries. A shop compares it with its own name before it orders."""
    return TokenHolder(name=caller.name, role=caller.role)
