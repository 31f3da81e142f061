"""What a person sets for themselves: language, time zone, password."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from console.errors import on_problem
from console.flash import forget, said, say
from console.languages import LANGUAGES
from console.rendering import pages_of
from console.sessions import LoggedIn, SentForm, Session, keep, text_of
from orders.access import people
from orders.errors import InvalidField
from storefront.context import InContext
from storefront.problems import Problem

router = APIRouter()


@router.get("/me")
async def show_me(request: Request, session: LoggedIn) -> Response:
    return _page(request, session)


@router.post("/me")
async def prefer(request: Request, session: LoggedIn, context: InContext, form: SentForm) -> Response:
    _show_problems(request, session)
    language, zone = text_of(form, "language"), text_of(form, "time_zone").strip()
    if language and language not in LANGUAGES:
        raise InvalidField("language", f"{language!r} is none of {', '.join(LANGUAGES)}")
    await people.prefer(context.database, session.visitor.number, language=language, time_zone=zone)
    response = RedirectResponse("me", status_code=303)
    say(response, "saved")
    return response


@router.post("/me/password")
async def change_password(request: Request, session: LoggedIn, context: InContext, form: SentForm) -> Response:
    """It ends all sessions of the person and begins a new one here."""
    _show_problems(request, session)
    name, new = session.visitor.name, text_of(form, "new")
    if new != text_of(form, "again"):
        raise InvalidField("again", "is not the same as the new password")
    try:
        await people.log_in(context.database, name, text_of(form, "password"))
    except people.WrongPassword:
        raise InvalidField("password", "is not your present password") from None
    except people.LockedOut as error:
        raise InvalidField("password", str(error)) from None
    await people.change_password(context.database, name, new, actor=name)
    response = RedirectResponse("../me", status_code=303)
    keep(request, response, await people.log_in(context.database, name, new))
    say(response, "saved")
    return response


def _show_problems(request: Request, session: Session) -> None:
    async def show_again(problem: Problem) -> Response:
        return _page(request, session, problem)

    on_problem(request, show_again)


def _page(request: Request, session: Session, problem: Problem | None = None) -> Response:
    told = said(request)
    status = problem.status if problem else 200
    response = pages_of(request).show(request, "me.html", session, status=status, problem=problem, said=told)
    return forget(response) if told else response
