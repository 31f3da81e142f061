"""What may be asked: an item for a service, or a service for an item. And what is answered."""

from pydantic import BaseModel, ConfigDict, Field

from orders.errors import InvalidField
from orders.text import PlainText, Prose, Words


class ItemRequest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Prose | None = Field(default=None, max_length=2000, description="why; written to the audit log")
    force: bool = Field(
        default=False,
        strict=True,
        description="do it in spite of differences between the item and the service; needs a reason",
    )
    dry_run: bool = Field(default=False, strict=True, description="only report the differences; change nothing")

    def checked(self) -> None:
        """Raises InvalidField."""
        if self.force and self.reason is None:
            raise InvalidField("reason", "is needed with force")


class LinkRequest(ItemRequest):
    """A service that is this item at its upstream."""

    upstream_number: PlainText = Field(
        pattern=r"^\S{1,64}$", description="number of the item at the upstream", examples=["900001"]
    )
    upstream: Words | None = Field(
        default=None, max_length=64, description="name of the upstream account, which must be the service's"
    )


class AdoptRequest(ItemRequest):
    """Makes a service from an item that the upstream already has."""

    plan: Words = Field(max_length=64, description="name of a tariff plan", examples=["VDS-1"])
    customer: Words = Field(max_length=200, description="the storefront's own name of its customer")
    period_months: int | None = Field(
        default=None, strict=True, description="months; absent: the one that the upstream shows"
    )


class Outcome(BaseModel):
    """What was done, or, in a dry run, would be done."""

    model_config = ConfigDict(frozen=True)

    service: int | None = Field(description="its number; null for a service that would be made")
    upstream: str
    product_type: str
    upstream_number: str
    differences: list[str] = Field(
        description="differences between the item and the service; overruled, unless it is a dry run"
    )
    done: bool = Field(description="false: a dry run")
    created: bool = Field(default=False, description="the service was made by this request")
    mark: str = Field(description="our mark for the item")
    mark_set: bool = Field(default=False, description="the upstream shows our mark on the item")
    mark_problem: str = Field(default="", description="why the mark could not be set; the link is valid nevertheless")
