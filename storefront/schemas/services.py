"""Services and their owners: the parameters of lists, and answers."""

from typing import Annotated

from pydantic import Field

from models.enums import Role, ServiceStatus
from orders.days import Day, Moment
from orders.references import SoughtReference
from orders.services.views import ServiceSort
from orders.text import PlainText
from orders.views import Document, HistoryEntry, OperationView, Page, ServiceView
from storefront.schemas.common import Name, Paging, Wanted


class ServiceFilter(Paging):
    customer: Wanted[Annotated[PlainText, Field(max_length=200)]] = None
    status: Wanted[ServiceStatus] = None
    plan: Wanted[Name] = Field(default=None, description="name of a tariff plan")
    expires_after: Day | None = Field(default=None, description="its term ends on a later day")
    expires_before: Day | None = Field(default=None, description="its term ends on an earlier day")
    reference: Wanted[SoughtReference] = Field(default=None, description="the shop's own name of it, exactly")
    q: PlainText | None = Field(
        default=None,
        min_length=2,
        max_length=100,
        description="text in name, address, item number, mark, customer or reference, in capitals or not",
    )
    created_after: Moment | None = Field(default=None, description="ordered at this time or later")
    created_before: Moment | None = Field(default=None, description="ordered earlier")
    sort: ServiceSort = Field(default="-created_at", description="`-`: the other way. What has no expiry comes last")


class OrderAccepted(Document):
    """An order that is accepted and can't be lost."""

    service: ServiceView
    operation: OperationView


class TokenHolder(Document):
    """The holder of a token."""

    name: str = Field(description="actor in the audit log; of a storefront, also the owner of its services")
    role: Role


class LicenceKey(Document):
    """A secret of the customer."""

    service: int = Field(description="number of the service")
    licence_key: str


class Services(Page[ServiceView]):
    """Services, newest first."""


class History(Page[HistoryEntry]):
    """What changed of a service, newest first."""
