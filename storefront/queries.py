"""What is asked for twice and can be meant only once is refused: neither the first nor the last would be right."""

from fastapi import Request

from orders.errors import InvalidField
from storefront.problems import KEY_HEADER, SeveralKeys

SINGLE = frozenset(
    {
        *("limit", "cursor", "format", "sort", "start", "q", "older_than", "dry_run"),
        *("created_after", "created_before", "ended_after", "ended_before"),
    }
)
"""All other parameters of lists are filters: several values are a set (`orders.reading.filters`)."""


def given_once(request: Request) -> None:
    """Raises InvalidField, or SeveralKeys: with one key of two the same order could be made twice."""
    for name in SINGLE:
        if len(request.query_params.getlist(name)) > 1:
            raise InvalidField(name, "is given more than once")
    if len(request.headers.getlist(KEY_HEADER)) > 1:
        raise SeveralKeys
