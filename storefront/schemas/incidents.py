"""Incidents: the parameters of lists, bodies of what is done about one, and answers."""

from pydantic import Field

from models.enums import IncidentKind
from orders.tasks.work import Note
from orders.views import IncidentView, Page
from storefront.schemas.common import Number, Paging, Strict, Wanted


class IncidentFilter(Paging):
    open: Wanted[bool] = Field(default=None, description="whether nobody has closed it yet")
    service: Wanted[Number] = Field(default=None, description="number of a service")
    kind: Wanted[IncidentKind] = None


class IncidentClosing(Strict):
    note: Note = Field(description="what it was, and what was done about it; written to the audit log")


class Incidents(Page[IncidentView]):
    """Incidents, newest first."""
