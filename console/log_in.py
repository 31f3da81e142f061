"""Log in and out."""

import re
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from console.again import Kept, carried_by, show_kept
from console.rendering import pages_of
from console.sessions import (
    SentForm,
    check_origin,
    forget,
    keep,
    read_form,
    secret_of,
    session_of,
    session_with,
    text_of,
)
from orders.access.people import LockedOut, WrongPassword, log_in, log_out
from storefront.addresses import client_address
from storefront.context import Context, InContext
from storefront.guess_brake import GuessBrake

router = APIRouter()

_OWN_PAGE = re.compile(r"(\./|[a-z][\w/-]*)(\?[\w=&%.~+-]*)?", re.ASCII)
_brake = GuessBrake()


@router.get("/log-in")
async def log_inpage_of(request: Request, context: InContext, next: str = "") -> Response:
    if await session_of(request, context):
        return RedirectResponse(own_page(next), status_code=303)
    return page_of(request, next)


@router.post("/log-in")
async def log_in_person(request: Request, context: InContext) -> Response:
    check_origin(request)
    form = await read_form(request)
    name, wanted = text_of(form, "name").strip()[:64], text_of(form, "next")
    kept = carried_by(request, form)
    try:
        begun = await log_in(context.database, name, text_of(form, "password"))
    except LockedOut as error:
        return page_of(request, wanted, name=name, kept=kept, status=429, locked_until=error.until)
    except WrongPassword:
        return _wrong(request, context, name, wanted, kept)
    response: Response = RedirectResponse(f"entered?{urlencode({'next': own_page(wanted)})}", status_code=303)
    if kept is not None and (session := await session_with(begun.secret, context)) is not None:
        response = show_kept(request, session, kept)
    keep(request, response, begun)
    return response


@router.get("/entered")
async def entered(request: Request, context: InContext, next: str = "") -> Response:
    """Whether the browser has kept the cookie: over plain http to another machine it does not."""
    if await session_of(request, context):
        return RedirectResponse(own_page(next), status_code=303)
    return page_of(request, next, no_cookie=True, status=400)


@router.post("/log-out")
async def log_out_person(request: Request, context: InContext, form: SentForm) -> Response:
    await log_out(context.database, secret_of(request))
    response = RedirectResponse("log-in", status_code=303)
    forget(request, response)
    return response


def _wrong(request: Request, context: Context, name: str, wanted: str, kept: Kept | None) -> Response:
    wait = _brake.wrong(client_address(request.scope, context.settings.trusted_proxies))
    if wait is None:
        return page_of(request, wanted, name=name, kept=kept, status=401, wrong=True)
    return page_of(request, wanted, name=name, kept=kept, status=429, wait=wait, headers={"Retry-After": str(wait)})


def page_of(request: Request, wanted: str, *, status: int = 200, headers: dict[str, str] | None = None,
            name: str = "", kept: Kept | None = None, **said: Any) -> Response:  # fmt: skip
    given: dict[str, Any] = {
        "wrong": False,
        "locked_until": None,
        "wait": None,
        "no_cookie": False,
        "provider": "",
        **said,
    }
    settings = request.app.state.context.settings
    by_provider = settings.oidc_label if settings.oidc_issuer else ""
    return pages_of(request).show(
        request,
        "log_in.html",
        status=status,
        headers=headers,
        next=wanted,
        name=name,
        kept=kept,
        by_provider=by_provider,
        **given,
    )


def own_page(wanted: str) -> str:
    """A page of the console, whatever else the address of this page said."""
    return wanted if _OWN_PAGE.fullmatch(wanted) and "//" not in wanted else "./"
