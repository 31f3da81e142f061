"""Differences from the upstreams: the parameters of lists, bodies of decisions, and answers."""

from pydantic import Field

from models.enums import DriftKind, DriftState
from orders.drift.views import DriftView
from orders.tasks.work import Note
from orders.views import Page
from storefront.schemas.common import Number, Paging, Strict, Wanted


class DriftFilter(Paging):
    state: Wanted[DriftState] = None
    kind: Wanted[DriftKind] = None
    service: Wanted[Number] = Field(default=None, description="number of a service")


class DriftDecision(Strict):
    reason: Note = Field(description="why; written to the audit log")


class Drifts(Page[DriftView]):
    """Differences from the upstreams, newest first."""
