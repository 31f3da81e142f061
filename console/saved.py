"""Filters of the inbox that a person saves under a name, chooses and deletes."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from console.inbox import FIELDS, wanted_by
from console.sessions import LoggedIn, SentForm, text_of
from orders.access import saved_filters
from orders.errors import existing
from storefront.context import InContext

router = APIRouter()


@router.post("/saved")
async def save_filter(request: Request, session: LoggedIn, context: InContext, form: SentForm) -> Response:
    """Raises InvalidField."""
    asked = {name: text_of(form, name).strip()[:200] for name in FIELDS}
    wanted_by(asked)
    wanted = {name: value for name, value in asked.items() if value}
    await saved_filters.save(context.database, session.visitor.number, text_of(form, "name"), wanted)
    return RedirectResponse(f"./?{urlencode(wanted)}", status_code=303)


@router.post("/saved/{number}/forget")
async def forget_filter(
    number: int, request: Request, session: LoggedIn, context: InContext, form: SentForm
) -> Response:
    await saved_filters.forget(context.database, session.visitor.number, existing("filter", number))
    return RedirectResponse("../../", status_code=303)
