"""What the schemas of all nouns have in common: numbers, names, filters with several values, pages."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from models.numbers import HIGHEST_NUMBER
from orders.reading.paging import DEFAULT_LIMIT, HIGHEST_LIMIT
from orders.tables import Format
from orders.text import PlainText
from orders.views import PageRequest

T = TypeVar("T")
Number = Annotated[int, Field(ge=1, le=HIGHEST_NUMBER)]
Name = Annotated[PlainText, Field(max_length=64)]
Wanted = Annotated[list[T], Field(min_length=1, max_length=50)] | None
"""A filter, which may be given several times: what has one of the values is shown."""


class Strict(BaseModel):
    """What is not known is refused, so that a slip of the pen is not taken for consent."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Paging(Strict):
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=HIGHEST_LIMIT, description="how many at most")
    cursor: PlainText | None = Field(
        default=None, max_length=100, description="`next_cursor` of the page before; absent for the newest"
    )

    format: Format | None = Field(
        default=None,
        description="the whole list as CSV or JSON, all pages after another (`Accept: text/csv` does the same); with "
        "`limit` one page of it",
    )

    def asked(self) -> PageRequest:
        return PageRequest(self.limit, self.cursor)
