"""Every address of the console, made of its routes: a new route without values for its parameters fails the tests."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from starlette.routing import Mount, Route

from console import incidents, items, notifications, operations, refunds, services, tasks, upstreams
from models.enums import OperationKind
from orders.operations.registry import operation_type
from tests.storefront.api import Api

REQUESTS = [kind.value for kind in OperationKind if operation_type(kind).route is not None]
ACTS: Mapping[str, Sequence[str]] = {
    "operations": [*operations.ACTS],
    "tasks": [*tasks.ACTS],
    "incidents": [*incidents.OF_INCIDENTS],
    "drift": [*incidents.OF_DRIFT],
    "items": [*items.ACTS],
    "refunds": [*refunds.ACTS],
    "services": [*services.ACTS],
    "upstreams": [*upstreams.ACTS],
    "notifications": [*notifications.ACTS],
}
"""What may be done to the things of a page: the last part of an address to which a form is sent."""
NUMBERS = {"tasks": "4"}
"""Of the thing in tests.console.stuck. 1 for every other page."""
VALUES = {"kind": REQUESTS, "product_type": ["vds"]}
OWN_MATTERS = frozenset({"/log-in", "/log-out", "/me", "/me/password", "/saved", "/saved/{number}/forget"})
"""Forms about the person who sends them, which every role has."""
NO_PAGES = frozenset({"/news", "/entered", "/log-in"})


def routes(api: Api) -> list[Route]:
    app: Any = api.server.config.app
    console: Any
    [console] = [one.app for one in app.routes if isinstance(one, Mount) and one.path == "/console"]
    return list(_all(console.routes))


def _all(some: Sequence[Any]) -> Iterator[Route]:
    for one in some:
        if isinstance(one, Route):
            yield one
        elif not isinstance(one, Mount):
            yield from _all(one.original_router.routes)  # what FastAPI keeps of an included router


def addresses(route: Route) -> list[str]:
    """All that this route answers, below /console/."""
    parts = re.findall(r"\{(\w+)(?::\w+)?\}", route.path)
    return [_filled(route.path, dict(zip(parts, chosen, strict=True))) for chosen in product(*_choices(route, parts))]


def _choices(route: Route, parts: Sequence[str]) -> Iterator[Sequence[str]]:
    noun = route.path.split("/")[1]
    for place, part in enumerate(parts):
        is_act = part in ("act", "name") and place == len(parts) - 1 and place > 0 and route.methods == {"POST"}
        if is_act:
            yield ACTS[noun]
        elif part in VALUES:
            yield VALUES[part]
        elif noun == "upstreams" and part == "name":
            yield ["main"]
        elif noun == "notifications" and part == "name":
            yield ["office"]
        elif part == "number":
            yield ["9000"] if noun == "upstreams" else [NUMBERS.get(noun, "1")]
        else:
            raise AssertionError(f"tests/console/routes.py has no value for {part} in {route.path}: add one")


def _filled(path: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: values[found[1]], path).removeprefix("/")
