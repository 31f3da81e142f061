"""A storefront says what the end of a term brings: renewal, expiry or closing. Nothing is sent to an upstream."""

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.database import Database
from models.enums import AtEndOfTerm, RenewalOwner, ServiceStatus, Source
from models.order import Service
from orders.access.ownership import check_visible
from orders.access.roles import OPERATOR, Requester
from orders.errors import InvalidField, Refused
from orders.services.history import Origin, changing
from orders.text import Prose
from orders.webhooks import outbox

ACTION = "renewal_changed"


class RenewalChange(BaseModel):
    """What becomes of a service at the end of its term. One of the two is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    renew: bool | None = Field(
        default=None, strict=True, description="false: it expires at the end of its term; true: takes that back"
    )
    at_end_of_term: AtEndOfTerm | None = Field(
        default=None, description="the same in three words: `renew`, `expire`, or `close`: it is closed then"
    )
    reason: Prose | None = Field(default=None, max_length=2000, description="why; written to the audit log")

    @property
    def wanted(self) -> AtEndOfTerm:
        """Raises InvalidField."""
        if (self.renew is None) == (self.at_end_of_term is None):
            raise InvalidField("renew", "name one thing: renew (true or false), or at_end_of_term")
        if self.at_end_of_term is not None:
            return self.at_end_of_term
        return AtEndOfTerm.RENEW if self.renew else AtEndOfTerm.EXPIRE


async def change_renewal(
    database: Database, number: int, change: RenewalChange, *, actor: str, requester: Requester = OPERATOR
) -> bool:
    """False: it is so already. Raises NotFound, also for a service that the requester may not see, InvalidField, or
    Refused for a service that is closed or that its upstream renews."""
    wanted = change.wanted
    async with database.write() as session:
        found = await session.exec(select(Service).where(Service.id == number).with_for_update())
        service = check_visible(found.one_or_none(), number, requester)
        if service.at_end_of_term is wanted:
            return False
        if service.status is ServiceStatus.CLOSED:
            raise Refused(f"service {number} is closed; it has no term any more")
        if wanted is not AtEndOfTerm.RENEW and service.renewed_by is RenewalOwner.UPSTREAM:
            raise Refused(
                f"service {number} is renewed by its upstream, which goes on until it is told: give it another owner "
                "first (renewal_owner: storefront)"
            )
        if wanted is AtEndOfTerm.CLOSE and service.expires_on is None:
            raise Refused(f"service {number} shows no day on which it ends; close it now, if it is to be closed")
        await _set(session, service, wanted, Origin(actor, ACTION, reason=change.reason or "", source=Source.PERSON))
        return True


async def _set(session: AsyncSession, service: Service, wanted: AtEndOfTerm, origin: Origin) -> None:
    async with changing(session, service, origin):
        service.at_end_of_term = wanted
    session.add(service)
    outbox.renewal_changed(session, service)
