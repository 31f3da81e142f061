"""/v1/prices: what a plan is sold for."""

from typing import Annotated

from fastapi import APIRouter, Query

from orders.money.views import PriceView, find_price
from storefront.auth import AnyCaller
from storefront.context import InContext
from storefront.problems import INVALID_FIELD, documented
from storefront.schemas.plans import PriceQuestion

router = APIRouter(tags=["services"])


@router.get("/v1/prices", summary="See what a plan is sold for", responses=documented(INVALID_FIELD))
async def read_price(wanted: Annotated[PriceQuestion, Query()], caller: AnyCaller, context: InContext) -> PriceView:
    """The price of a whole period by the catalogue as it is now. Nothing is ordered, and nothing is reserved."""
    async with context.database.read() as session:
        return await find_price(session, wanted.plan, wanted.period_months, wanted.chosen(), renewal=wanted.renewal)
