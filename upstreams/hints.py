"""A push hint: an upstream says that items have changed. Only which they are is believed; the poller reads them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_NUMBERS = 50

Number = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$")]


class Hint(BaseModel):
    """What is read of a hint's body; whatever else it holds is left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    numbers: tuple[Number, ...] = Field(
        min_length=1, max_length=MOST_NUMBERS, description="numbers of the items at the upstream", examples=[["900001"]]
    )
    product_type: str = Field(default="", max_length=32, description="of the items, where it is known")
    function: str = Field(
        default="",
        max_length=128,
        description="the upstream's function that changed the item; it may name the product type",
        examples=["vds.edit"],
    )

    @model_validator(mode="before")
    @classmethod
    def _one_number(cls, body: object) -> object:
        if isinstance(body, dict) and "number" in body and "numbers" not in body:
            return {**body, "numbers": [body["number"]]}
        return body


def read_hint(body: bytes) -> Hint:
    """A hint in the documented form. Raises pydantic's ValidationError, a ValueError, for what is none."""
    return Hint.model_validate_json(body)
