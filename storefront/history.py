"""/v1/services/{number}/history: what changed of a service, by whom, and from where."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from orders.events.views import ValueChange
from orders.views import HistoryEntry, Page, list_history
from orders.webhooks.redaction import changes_for_shop
from storefront.auth import AnyCaller
from storefront.context import InContext
from storefront.problems import NOT_FOUND, documented
from storefront.schemas.common import Paging
from storefront.schemas.services import History

router = APIRouter(prefix="/v1/services/{number}", tags=["services"])


@router.get("/history", response_model=History, summary="What changed of a service", responses=documented(NOT_FOUND))
async def history_of_service(
    number: Annotated[int, Path(description="number of the service", examples=[1042])],
    wanted: Annotated[Paging, Query()],
    caller: AnyCaller,
    context: InContext,
) -> Page[HistoryEntry]:
    """Every changed value, with old and new value, changed by the upstream, an operation or a person. Storefronts do
    not get `note`, which may contain a person's words."""
    async with context.database.read() as session:
        page = await list_history(session, wanted.asked(), caller.requester, service=number)
    if caller.requester.is_staff:
        return page
    return page.model_copy(update={"items": [_for_shop(entry, caller.name) for entry in page.items]})


def _for_shop(entry: HistoryEntry, name: str) -> HistoryEntry:
    """Without people's words, our costs, addresses of upstreams, and the names of other storefronts whose the service
    was."""
    told = changes_for_shop({field: change.model_dump() for field, change in entry.changes.items()})
    changes = {field: ValueChange(**change) for field, change in told.items()}
    if (owner := changes.get("owner")) is not None:
        changes["owner"] = ValueChange(**{when: who if who == name else "" for when, who in owner.model_dump().items()})
    return entry.model_copy(update={"note": None, "changes": changes})
