"""Parameters that can be meant in two ways are refused before anything is done: unknown ones, and some given twice."""

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import ParamTypes
from fastapi.routing import APIRoute

from orders.errors import InvalidField
from storefront.problems import KEY_HEADER, SeveralKeys

SINGLE = frozenset(
    {
        *("limit", "cursor", "format", "sort", "start", "q", "older_than", "dry_run"),
        *("created_after", "created_before", "ended_after", "ended_before"),
    }
)
"""All other parameters of lists are filters: several values are a set (`orders.reading.filters`)."""


def unambiguous(request: Request) -> None:
    """Raises InvalidField, or SeveralKeys: with one key of two the same order could be made twice.

    An unknown parameter may be a known one with a slip of the pen, without which more is done than was meant.
    """
    if request.query_params:
        _only_known(request)
    for name in SINGLE:
        if len(request.query_params.getlist(name)) > 1:
            raise InvalidField(name, "is given more than once")
    if len(request.headers.getlist(KEY_HEADER)) > 1:
        raise SeveralKeys


def _only_known(request: Request) -> None:
    known = _known(request.scope["route"])
    for name in request.query_params:
        if name not in known:
            others = f"known: {', '.join(sorted(known))}" if known else "this address takes no parameters"
            raise InvalidField(name, f"is not known here; {others}")


def _known(route: APIRoute) -> set[str]:
    """The parameters of the route, also those that are together in a model. FastAPI makes its document of the same."""
    fields = get_flat_params(route.dependant)
    return {one.alias for one in fields if getattr(one.field_info, "in_", ParamTypes.query) is ParamTypes.query}
