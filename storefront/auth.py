"""Who is asking: bearer tokens, and the roles behind them.

The token is looked at before anything else of a request is read, so that a stranger's body is never parsed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from models.enums import Role
from orders.allowed import Asker
from orders.roles import Right, holders, lacks
from settings import Settings
from storefront.problems import UNAUTHENTICATED, Forbidden, answer

PROTECTED = "/v1/"
SIGNED = re.compile(r"/v1/upstreams/[^/]+/hints")
"""Whoever calls these has no token: what is sent there is signed (`storefront.hints`)."""


@dataclass(frozen=True)
class Caller:
    """Whose token it is. The name is the client of orders and the actor of decisions."""

    name: str
    role: Role

    @property
    def asker(self) -> Asker:
        return Asker(self.role, self.name)


class Authentication:
    """ASGI middleware: lets nobody without a valid token at what lies under /v1/."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _needs_token(scope["path"]):
            await self._app(scope, receive, send)
            return
        scheme, _, token = Headers(scope=scope).get("Authorization", "").partition(" ")
        found = self._settings.client_of(token.strip()) if scheme.lower() == "bearer" else None
        if found is not None:
            scope.setdefault("state", {})["caller"] = Caller(*found)
            await self._app(scope, receive, send)
            return
        if token:
            detail, challenge = "The token is not valid here.", 'Bearer realm="resellflow", error="invalid_token"'
        else:
            detail, challenge = "Send a token: Authorization: Bearer TOKEN.", 'Bearer realm="resellflow"'
        await answer(UNAUTHENTICATED, detail, headers={"WWW-Authenticate": challenge})(scope, receive, send)


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
    caller = request.state.caller
    assert isinstance(caller, Caller)  # noqa: S101 - Authentication let the request through
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
    if not caller.asker.may(right):
        raise Forbidden(lacks(caller.name, caller.role, right, what))


Viewer = Annotated[Caller, Depends(Needs(Right.SEE))]
Orderer = Annotated[Caller, Depends(Needs(Right.ORDER))]
Operator = Annotated[Caller, Depends(Needs(Right.DECIDE))]
Explainer = Annotated[Caller, Depends(Needs(Right.EXPLAIN))]
PriceAccepter = Annotated[Caller, Depends(Needs(Right.ACCEPT_PRICE))]
Voucher = Annotated[Caller, Depends(Needs(Right.VOUCH))]
"""Callers with these rights."""


def roles_of(route: APIRoute) -> tuple[Role, ...] | None:
    """Who may call it; None: whoever it is, there is no token."""
    needed = [one.call.right for one in _all(route.dependant) if isinstance(one.call, Needs)]
    if needed:
        return tuple(role for role in Role if all(role in holders(right) for right in needed))
    return tuple(Role) if any(one.call is authenticated for one in _all(route.dependant)) else None


def _all(dependant: Dependant) -> Iterator[Dependant]:
    for one in dependant.dependencies:
        yield one
        yield from _all(one)
