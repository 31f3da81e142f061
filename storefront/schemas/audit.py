"""The audit: the parameters of its list, and its answer."""

from pydantic import Field

from orders.days import Moment
from orders.reading.audit_search import AuditRow, AuditWanted, thing
from orders.text import PlainText
from orders.views import Page
from storefront.schemas.common import Name, Paging, Wanted


class AuditFilter(Paging):
    actor: Wanted[Name] = Field(default=None, description="who did it: a person, a token or a part of Resellflow")
    action: Wanted[Name] = Field(default=None, description="what was done, e.g. `retry`")
    object: PlainText | None = Field(
        default=None, max_length=64, description="what it was done to: `operation 7`", examples=["operation 7"]
    )
    after: Moment | None = Field(default=None, description="done at this time or later")
    before: Moment | None = Field(default=None, description="done earlier")

    def wanted(self) -> AuditWanted:
        """Raises InvalidField."""
        subject, number = thing("object", self.object or "")
        return AuditWanted(self.actor, self.action, subject, number, self.after, self.before)


class WholeAudit(Page[AuditRow]):
    """Entries of the audit, newest first."""
