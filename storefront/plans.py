"""/v1/plans: what can be ordered, for how much, and what an order must look like."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from orders.operations.requests import Rules
from orders.plans.views import PlanDetail, PlanView, find_plan, list_plans
from orders.reading.paging import Page
from storefront.auth import AnyCaller
from storefront.context import InContext
from storefront.problems import NOT_FOUND, documented
from storefront.schemas.plans import PlanFilter, Plans

router = APIRouter(prefix="/v1/plans", tags=["plans"])


@router.get("", response_model=Plans, summary="List plans: what can be ordered, and for how much")
async def list_of_plans(
    wanted: Annotated[PlanFilter, Query()], caller: AnyCaller, context: InContext
) -> Page[PlanView]:
    """Every caller sees the same plans and selling prices. Costs are for operators, and in the plan's own document."""
    terms = context.settings.renewal_terms()
    async with context.database.read() as session:
        return await list_plans(
            session, wanted.asked(), caller.requester, terms, product_type=wanted.product_type, active=wanted.active
        )


# A name may hold slashes, which are there as they are, also where a client wrote them as %2F.
@router.get(
    "/{name:path}", summary="Show a plan, and what an order of it must look like", responses=documented(NOT_FOUND)
)
async def show_plan(
    name: Annotated[str, Path(description="name of the tariff plan", examples=["VDS-1"])],
    caller: AnyCaller,
    context: InContext,
) -> PlanDetail:
    """`order_schema` is the JSON Schema of an order of this plan. `availability` is what the upstream's price list said
    when it was last read: no upstream is asked for this answer."""
    rules, terms = Rules(context.settings.manual_plan_changes), context.settings.renewal_terms()
    async with context.database.read() as session:
        return await find_plan(session, name, caller.requester, rules, terms)
