"""What every admin endpoint works on, and how one is made."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import to_jsonable_python
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.entities import Account, Item
from simulator.faults import Faults
from simulator.lifecycle import advance
from simulator.panel import Panel
from simulator.requestlog import RequestLog
from simulator.world import World

M = TypeVar("M", bound=BaseModel)
Result = BaseModel | Mapping[str, object] | Sequence[BaseModel] | None


class Body(BaseModel):
    """A request body; a misspelt field is an error."""

    model_config = ConfigDict(extra="forbid")


class NotFound(Exception):
    """There is no such thing."""


class Unusable(Exception):
    """The request makes no sense."""


@dataclass(frozen=True, slots=True)
class Bench:
    """The running simulator, as the admin API sees it."""

    panel: Panel
    faults: Faults
    log: RequestLog

    @property
    def world(self) -> World:
        """The panel's state."""
        return self.panel.world

    def account(self, name: str) -> Account:
        """An account by its login."""
        account = self.world.account_named(name)
        if account is None:
            raise NotFound(f"no account {name!r}")
        return account

    def item(self, number: int) -> Item:
        """A service by its number."""
        item = self.world.items.get(number)
        if item is None:
            raise NotFound(f"no item {number}")
        return item


Handler = Callable[[Bench, Request], Awaitable[Result]]


def route(bench: Bench, method: str, path: str, handler: Handler, status: int = 200) -> Route:
    """An endpoint: steps that are due are taken first, changes are kept before the answer."""

    async def endpoint(request: Request) -> Response:
        advance(bench.world)
        try:
            result = await handler(bench, request)
        except NotFound as error:
            return JSONResponse({"error": str(error)}, 404)
        except (ValidationError, Unusable, json.JSONDecodeError) as error:
            return JSONResponse({"error": str(error)}, 422)
        advance(bench.world)
        bench.world.commit()
        if result is None:
            return Response(status_code=204)
        return JSONResponse(to_jsonable_python(result), status)

    return Route(f"/_sim{path}", endpoint, methods=[method])


async def body(request: Request, model: type[M]) -> M:
    """The request's body as a model; no body at all is an empty object."""
    raw = await request.body()
    return model.model_validate_json(raw or b"{}")
