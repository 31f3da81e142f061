"""Who looks at a page: the cookie of the session, the person behind it, and the proof that a form is from our page.

A form carries a token that is made of the session's secret, so only a page that this session was shown has it. The
browser's own word (`Sec-Fetch-Site`) is heeded, too, where it gives one.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from models.enums import Role
from orders.access.people import NewSession, Visitor, visitor_of
from orders.access.roles import Right
from storefront.auth import check
from storefront.callers import Caller
from storefront.context import Context, InContext

COOKIE, COOKIE_ON_THIS_MACHINE = "__Host-resellflow", "resellflow"
"""Browsers take the first over https alone. The second is for addresses of the machine itself."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})
FIELDS_AT_MOST = 200
OUR_OWN = frozenset({"", "same-origin", "none"})


class NotLoggedIn(Exception):
    """The page needs a session that is valid."""


class ForeignForm(Exception):
    """The form does not come from a page that this session was shown."""


@dataclass(frozen=True)
class Session:
    """A request of somebody who is logged in."""

    visitor: Visitor
    secret: str

    @property
    def caller(self) -> Caller:
        """The same person, as the API's routes know callers."""
        return Caller(self.visitor.name, self.visitor.role)

    @property
    def may_order(self) -> bool:
        return self.visitor.requester.may(Right.ORDER)

    @property
    def csrf(self) -> str:
        return _csrf(self.secret)


def _csrf(secret: str) -> str:
    return hashlib.sha256(f"csrf {secret}".encode()).hexdigest()


def is_on_this_machine(request: Request) -> bool:
    return request.url.scheme == "http" and request.url.hostname in LOOPBACK


def cookie_name(request: Request) -> str:
    return COOKIE_ON_THIS_MACHINE if is_on_this_machine(request) else COOKIE


def secret_of(request: Request) -> str:
    """Empty: there is no cookie."""
    return request.cookies.get(cookie_name(request), "")[:200]


def keep(request: Request, response: Response, session: NewSession) -> None:
    response.set_cookie(
        cookie_name(request),
        session.secret,
        max_age=int(session.lasts.total_seconds()),
        path="/",
        secure=not is_on_this_machine(request),
        httponly=True,
        samesite="lax",
    )


def forget(request: Request, response: Response) -> None:
    response.delete_cookie(cookie_name(request), path="/", secure=not is_on_this_machine(request), httponly=True)


async def session_of(request: Request, context: Context) -> Session | None:
    return await session_with(secret_of(request), context)


async def session_with(secret: str, context: Context) -> Session | None:
    if not secret:
        return None
    async with context.database.read() as session:
        visitor = await visitor_of(session, secret)
    return None if visitor is None or visitor.role is Role.STOREFRONT else Session(visitor, secret)


async def logged_in(request: Request, context: InContext) -> Session:
    """Dependency of every page but the one to log in. Raises NotLoggedIn."""
    found = await session_of(request, context)
    if found is None:
        raise NotLoggedIn
    check(found.caller, Right.SEE)
    request.state.session, request.state.caller = found, found.caller  # of whom the API's handlers of errors ask
    return found


LoggedIn = Annotated[Session, Depends(logged_in)]


def check_origin(request: Request) -> None:
    """Raises ForeignForm where the browser says that another site sends the form."""
    if request.headers.get("Sec-Fetch-Site", "") not in OUR_OWN:
        raise ForeignForm


async def sent_form(request: Request, session: LoggedIn) -> FormData:
    """Dependency of whatever changes something: the fields of a form of ours. Raises ForeignForm."""
    check_origin(request)
    form = await read_form(request)
    if not hmac.compare_digest(text_of(form, "csrf").encode(), session.csrf.encode()):
        raise ForeignForm
    return form


SentForm = Annotated[FormData, Depends(sent_form)]


async def read_form(request: Request) -> FormData:
    return await request.form(max_files=0, max_fields=FIELDS_AT_MOST)


def text_of(form: FormData, name: str) -> str:
    """Empty: the field was not sent."""
    value: Any = form.get(name, "")
    return value if isinstance(value, str) else ""
