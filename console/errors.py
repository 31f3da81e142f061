"""What went wrong, as a page. Which exception is which problem, and its words, are the API's (storefront.problems)."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from console.again import kept_of, page_of_form, show_kept
from console.log_in import page_of
from console.rendering import own_path, pages_of, way_home
from console.sessions import ForeignForm, NotLoggedIn, Session
from storefront import problems
from storefront.problems import FORBIDDEN, INTERNAL, Problem, ProblemResponse, answer
from telemetry.fields import request_id

log = logging.getLogger(__name__)

Handler = Callable[[Request, Any], Awaitable[Response]]
ShowAgain = Callable[[Problem], Awaitable[Response]]


def install(app: FastAPI) -> None:
    problems.install(app)
    for error, handler in list(app.exception_handlers.items()):
        app.exception_handlers[error] = _as_page(handler)  # type: ignore[arg-type]  # handlers of HTTP alone
    app.exception_handlers[HTTPException] = _or_the_page(app.exception_handlers[HTTPException])  # type: ignore[arg-type]  # as above
    app.exception_handler(NotLoggedIn)(_to_the_login)
    app.exception_handler(ForeignForm)(_not_of_this_session)


def on_problem(request: Request, show_again: ShowAgain) -> None:
    """Have this page shown with the problem in it, and with what was typed, instead of a page of the problem alone."""
    request.state.show_again = show_again


def _as_page(handler: Handler) -> Handler:
    async def page(request: Request, error: Exception) -> Response:
        response = await handler(request, error)
        if not isinstance(response, ProblemResponse):
            return response
        problem = Problem.model_validate_json(bytes(response.body))
        show_again: ShowAgain | None = getattr(request.state, "show_again", None)
        if show_again is not None:
            request.state.show_again = None  # what fails while it is shown again is a page of its own
            return await show_again(problem)
        session: Session | None = getattr(request.state, "session", None)
        return pages_of(request).show(request, "problem.html", session, status=problem.status, problem=problem)

    return page


def _or_the_page(handler: Handler) -> Handler:
    """Whoever opens the address of a form is led to the page that it stands on: after a refusal it is the address of
    the page that is shown."""

    async def led(request: Request, error: HTTPException) -> Response:
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and request.method == "GET":
            page = page_of_form(request, own_path(request))
            return RedirectResponse(f"{way_home(request)}{page}", status_code=303)
        return await handler(request, error)

    return led


async def page_of_a_fault(request: Request, error: Exception) -> Response:
    """The page of a fault that nobody has thought of. It stands beside what was typed, unless that page fails, too."""
    page = _as_page(_our_fault)
    try:
        return await page(request, error)
    except Exception:  # of whatever kind: the form is shown again once only, so this is the problem alone
        log.exception("the page of a fault failed")
        return await page(request, error)


async def _our_fault(request: Request, error: Exception) -> Response:
    return answer(INTERNAL, f"This is a fault of ours. The log has more, under request {request_id()}.")


async def _not_of_this_session(request: Request, error: ForeignForm) -> Response:
    """A page of an earlier session of the same browser may send its form once more."""
    session: Session | None = getattr(request.state, "session", None)
    if session is not None and (kept := await kept_of(request)) is not None:
        return show_kept(request, session, kept, status=FORBIDDEN.status)
    return await _as_page(_foreign_form)(request, error)


async def _foreign_form(request: Request, error: ForeignForm) -> Response:
    return answer(FORBIDDEN, "This form is not from a page of your session. Go back, load the page again, and send it.")


async def _to_the_login(request: Request, error: NotLoggedIn) -> Response:
    """A part of a page that is loaded in the background has the whole page moved."""
    path = own_path(request)
    if request.headers.get("HX-Request"):
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    if (kept := await kept_of(request)) is not None:
        return page_of(request, kept.page, status=401, kept=kept)
    query = f"?{request.url.query}" if request.url.query else ""
    wanted = f"{path or './'}{query}" if request.method == "GET" else page_of_form(request, path)
    return RedirectResponse(f"{way_home(request)}log-in?{urlencode({'next': wanted})}", status_code=303)
