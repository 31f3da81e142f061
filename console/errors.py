"""What went wrong, as a page. Which exception is which problem, and its words, are the API's (storefront.problems)."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from console.rendering import pages_of
from console.sessions import ForeignForm, NotLoggedIn, Session
from storefront import problems
from storefront.problems import FORBIDDEN, Problem, ProblemResponse, answer

Handler = Callable[[Request, Any], Awaitable[Response]]
ShowAgain = Callable[[Problem], Awaitable[Response]]


def install(app: FastAPI) -> None:
    problems.install(app)
    for error, handler in list(app.exception_handlers.items()):
        app.exception_handlers[error] = _as_page(handler)  # type: ignore[arg-type]  # handlers of HTTP alone
    app.exception_handler(NotLoggedIn)(_to_the_login)
    app.exception_handler(ForeignForm)(_as_page(_foreign_form))


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


async def _foreign_form(request: Request, error: ForeignForm) -> Response:
    return answer(FORBIDDEN, "This form is not from a page of your session. Go back, load the page again, and send it.")


async def _to_the_login(request: Request, error: NotLoggedIn) -> Response:
    """A part of a page that is loaded in the background has the whole page moved."""
    path = request.url.path.removeprefix(request.scope.get("root_path", "")).removeprefix("/")
    there = f"{'../' * path.count('/')}log-in"
    if request.headers.get("HX-Request"):
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    query = f"?{request.url.query}" if request.url.query else ""
    wanted = f"{path or './'}{query}" if request.method == "GET" else ""
    return RedirectResponse(f"{there}?{urlencode({'next': wanted})}", status_code=303)
