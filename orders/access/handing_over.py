"""Handing a service over to another storefront, or to the operators. With it goes all that belongs to the service."""

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import select

from models.database import Database
from models.enums import Source
from models.order import Service
from orders import audit
from orders.access.ownership import check_visible
from orders.access.tokens import check_storefront
from orders.services.history import SUBJECT
from orders.text import Prose, Words

HANDED_OVER = "handed_over"


class OwnerChange(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    owner: Words | None = Field(
        max_length=64, description="name of a storefront's token; null: it belongs to the operators"
    )
    reason: Prose = Field(max_length=2000, description="why; written to the audit log")


async def hand_over(
    database: Database, number: int, change: OwnerChange, *, storefronts: frozenset[str], actor: str
) -> bool:
    """False: it is theirs already. `storefronts`: the names that have a token in the settings.

    Raises NotFound, or InvalidField for an owner that is no storefront.
    """
    async with database.write() as session:
        await check_storefront(session, change.owner, storefronts)
        found = await session.exec(select(Service).where(Service.id == number).with_for_update())
        service = check_visible(found.one_or_none(), number)
        if service.owner == change.owner:
            return False
        entry = audit.entry(
            SUBJECT,
            number,
            HANDED_OVER,
            by=actor,
            facts={"source": Source.PERSON.value, "reason": change.reason},
            changes={"owner": (service.owner or "", change.owner or "")},
        )
        service.owner = change.owner
        session.add_all([service, entry])
        return True
