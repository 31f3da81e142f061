"""What is asked for twice and can be meant only once is refused: neither the first nor the last would be right."""

from fastapi import Request

from orders.errors import InvalidField

SINGLE = ("limit", "cursor", "older_than")
"""All other parameters of lists are filters: several values are a set (`orders.views.filters`)."""


def given_once(request: Request) -> None:
    """Raises InvalidField."""
    for name in SINGLE:
        if len(request.query_params.getlist(name)) > 1:
            raise InvalidField(name, "is given more than once")
