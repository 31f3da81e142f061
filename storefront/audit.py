"""/v1/audit: who did what, to what and when, of all that was ever done. Not for storefronts."""

from typing import Annotated

from fastapi import APIRouter, Query

from orders.reading.audit_search import AuditRow, search_audit
from orders.views import Page
from storefront.auth import Viewer
from storefront.context import InContext
from storefront.problems import FORBIDDEN, documented
from storefront.schemas.audit import AuditFilter, WholeAudit

router = APIRouter(prefix="/v1/audit", tags=["operations"], responses=documented(FORBIDDEN))


@router.get("", response_model=WholeAudit, summary="Who did what, to what and when")
async def list_of_audit(wanted: Annotated[AuditFilter, Query()], caller: Viewer, context: InContext) -> Page[AuditRow]:
    """Every change that a person, a token or Resellflow itself has made, with the values before and after."""
    async with context.database.read() as session:
        return await search_audit(session, wanted.asked(), wanted.wanted())
