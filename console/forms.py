"""What was typed into a form, as the body that the API's route takes."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from orders.errors import InvalidField

M = TypeVar("M", bound=BaseModel)


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
