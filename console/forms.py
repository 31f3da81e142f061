"""What was typed into a form, as the body that the API's route takes."""

from collections.abc import Iterable
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData

from console.sessions import text_of
from orders.errors import InvalidField

M = TypeVar("M", bound=BaseModel)
BEFORE = "was."
"""Before the name of a field: what stood in it before anybody typed."""
BUTTON = "button"
"""Comes with a form: what the button says that was pressed."""
CHANGE = "change"
"""Comes with the form of a quote: go back to the choice, with all that was typed."""
SHOWN = ("shown_cost", "shown_selling", "shown_expiry")
"""What the quote said that the person has seen."""
CARRIED = frozenset({BUTTON, CHANGE, "key", "quote", *SHOWN})
"""Fields that a form carries unseen."""


def text_in(form: FormData, name: str) -> str:
    """Without space at its ends, and with lines that end in one way. Empty: nothing was typed."""
    return text_of(form, name).replace("\r\n", "\n").strip()


def typed_in(form: FormData) -> dict[str, str]:
    """All of it, as it was typed."""
    return {name: value for name, value in form.items() if isinstance(value, str) and name != "csrf"}


def by_hand(fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """What a person has typed or chosen: without what the form carries unseen, and without what was left as it was."""
    all_of_them = list(fields)
    before = {name: value for name, value in all_of_them if name.startswith(BEFORE)}
    return [
        (name, value.replace("\r\n", "\n"))
        for name, value in all_of_them
        if value and name not in CARRIED and name not in before and before.get(f"{BEFORE}{name}") != value
    ]


def valid(model: type[M], values: dict[str, object]) -> M:
    """Raises InvalidField for the first field that is wrong."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        is_missing = first["type"] == "missing"
        words = "is needed" if is_missing else first["msg"].removeprefix("Value error, ")
        raise InvalidField(field, words) from None
