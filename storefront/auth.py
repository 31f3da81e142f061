"""Who is asking: bearer tokens, and the roles behind them.

The token is looked at before anything else of a request is read, so that a stranger's body is never parsed.
"""

import re
import sqlite3
from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from models.enums import Role
from orders.access.roles import Right, holders, lacks
from storefront.addresses import Networks, client_address
from storefront.callers import Caller, Callers
from storefront.guess_brake import GuessBrake
from storefront.problems import TOO_MANY_GUESSES, UNAUTHENTICATED, Forbidden, answer, database_problem

PROTECTED = "/v1/"
SIGNED = re.compile(r"/v1/upstreams/[^/]+/hints")
"""Whoever calls these has no token: what is sent there is signed (`storefront.hints`)."""


class Authentication:
    """ASGI middleware: lets nobody without a valid token at what lies under /v1/."""

    def __init__(self, app: ASGIApp, callers: Callers, trusted_proxies: Networks) -> None:
        self._app = app
        self._callers = callers
        self._trusted_proxies = trusted_proxies
        self._brake = GuessBrake()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _needs_token(scope["path"]):
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).getlist("Authorization")
        if len(given) > 1:  # a proxy in front may have looked at another one of them
            await _several()(scope, receive, send)
            return
        scheme, _, token = "".join(given).partition(" ")
        found = None
        if scheme.lower() == "bearer" and token.strip():
            try:
                found = await self._callers.find(token.strip())
            except (SQLAlchemyError, sqlite3.Error) as error:
                await database_problem(error)(scope, receive, send)
                return
        if found is None:
            await self._refusal(scope, token)(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = found
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope, token: str) -> Response:
        if not token:
            detail = "Send a token: Authorization: Bearer TOKEN."
            return answer(UNAUTHENTICATED, detail, headers={"WWW-Authenticate": 'Bearer realm="resellflow"'})
        wait = self._brake.wrong(client_address(scope, self._trusted_proxies))
        if wait is not None:
            detail = f"Too many wrong tokens came from this address. Wait {wait} seconds, or send the right one."
            return answer(TOO_MANY_GUESSES, detail, headers={"Retry-After": str(wait)})
        challenge = 'Bearer realm="resellflow", error="invalid_token"'
        return answer(UNAUTHENTICATED, "The token is not valid here.", headers={"WWW-Authenticate": challenge})


def _several() -> Response:
    detail = "There is more than one header Authorization. Send one."
    return answer(UNAUTHENTICATED, detail, headers={"WWW-Authenticate": 'Bearer realm="resellflow"'})


def _needs_token(path: str) -> bool:
    return path.startswith(PROTECTED) and SIGNED.fullmatch(path) is None


_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="The token's role says what may be called: `x-roles` of each operation. A `storefront` sees its own "
    "services only.",
)


def authenticated(
    request: Request, _documented: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> Caller:
    caller: Caller = request.state.caller  # of Authentication, which let the request through
    return caller


AnyCaller = Annotated[Caller, Depends(authenticated)]


class Needs:
    """Dependency of a route: who has not this right is refused, before anything of the request is looked at."""

    def __init__(self, right: Right) -> None:
        self.right = right

    def __call__(self, caller: AnyCaller) -> Caller:
        check(caller, self.right)
        return caller


def check(caller: Caller, right: Right, what: str = "this") -> None:
    """Raises Forbidden naming the roles that may."""
    if not caller.requester.may(right):
        raise Forbidden(lacks(caller.name, caller.role, right, what))


Viewer = Annotated[Caller, Depends(Needs(Right.SEE))]
Orderer = Annotated[Caller, Depends(Needs(Right.ORDER))]
Operator = Annotated[Caller, Depends(Needs(Right.DECIDE))]
Explainer = Annotated[Caller, Depends(Needs(Right.EXPLAIN))]
PriceAccepter = Annotated[Caller, Depends(Needs(Right.ACCEPT_PRICE))]
Voucher = Annotated[Caller, Depends(Needs(Right.VOUCH))]
"""Callers with these rights."""


def roles_of(route: APIRoute) -> list[Role]:
    """Who may call a route that needs a token."""
    needed = [one.call.right for one in _all(route.dependant) if isinstance(one.call, Needs)]
    return [role for role in Role if all(role in holders(right) for right in needed)]


def _all(dependant: Dependant) -> Iterator[Dependant]:
    for one in dependant.dependencies:
        yield one
        yield from _all(one)
