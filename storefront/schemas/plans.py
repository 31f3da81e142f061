"""Plans and prices: the parameters of lists, and answers."""

from typing import Annotated

from pydantic import Field

from models.periods import TRIAL
from orders.errors import InvalidField
from orders.plans.views import PlanView
from orders.services.addons import from_text
from orders.text import PlainText
from orders.views import Page
from storefront.schemas.common import Name, Paging, Strict, Wanted


class PlanFilter(Paging):
    product_type: Wanted[Annotated[PlainText, Field(max_length=32)]] = None
    active: Wanted[bool] = Field(default=None, description="whether it is on sale")


class PriceQuestion(Strict):
    plan: Name = Field(description="name of a tariff plan", examples=["VDS-1"])
    period_months: int = Field(
        ge=TRIAL, le=1200, description="one of the plan's periods; -100: a trial, 0: for ever", examples=[1]
    )
    renewal: bool = Field(default=False, description="what a renewal by this period is sold for")
    addon: list[Annotated[PlainText, Field(max_length=200)]] = Field(
        default_factory=list, max_length=50, description="add-on and value, like `ram:4`; may be given several times"
    )

    def chosen(self) -> dict[str, int | str]:
        """Raises InvalidField."""
        pairs = [text.partition(":") for text in self.addon]
        if not all(name and value for name, _, value in pairs):
            raise InvalidField("addon", "must have a name and a value, like ram:4")
        return {name: from_text(value) for name, _, value in pairs}


class Plans(Page[PlanView]):
    """Plans, those that the catalogue got last first."""
