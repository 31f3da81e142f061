"""Refunds: the parameters of lists, bodies of decisions, and answers."""

from pydantic import Field

from models.enums import RefundState
from orders.money.refund_views import RefundView
from orders.tasks.work import Note
from orders.views import Page
from storefront.schemas.common import Number, Paging, Strict, Wanted


class RefundFilter(Paging):
    state: Wanted[RefundState] = None
    service: Wanted[Number] = Field(default=None, description="number of a service")
    operation: Wanted[Number] = Field(default=None, description="number of an operation")


class RefundAssignment(Strict):
    operation: Number = Field(description="number of the operation that it was paid back for")
    reason: Note = Field(description="why; written to the audit log")


class RefundIgnoring(Strict):
    reason: Note = Field(description="why; written to the audit log")


class Refunds(Page[RefundView]):
    """What the upstreams paid back, newest first."""
