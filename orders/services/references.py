"""Changing what a shop has written on its service. Nothing is sent to the upstream, and no operation is needed."""

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import select

from models.database import Database
from models.enums import Source
from models.order import Service
from orders.access.ownership import check_visible
from orders.access.roles import OPERATOR, Requester
from orders.errors import InvalidField
from orders.references import Key, Reference, Value, merged
from orders.services.history import Origin, changing

ACTION = "reference_changed"


class ReferenceChange(BaseModel):
    """What is left out stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: Reference | None = Field(default=None, description="the new one; null removes it")
    metadata: dict[Key, Value | None] = Field(
        default_factory=dict, description="keys that get another value; null removes a key. Other keys stay"
    )


async def change_reference(
    database: Database, number: int, change: ReferenceChange, *, actor: str, requester: Requester = OPERATOR
) -> None:
    """Raises NotFound, also for a service that the requester may not see, or InvalidField."""
    given = change.model_fields_set
    if not given:
        raise InvalidField("reference", "name at least one thing to change: reference or metadata")
    async with database.write() as session:
        found = await session.exec(select(Service).where(Service.id == number).with_for_update())
        service = check_visible(found.one_or_none(), number, requester)
        async with changing(session, service, Origin(actor, ACTION, source=Source.PERSON)):
            if "reference" in given:
                service.reference = change.reference or ""
            try:
                service.shop_metadata = merged(service.shop_metadata, change.metadata)
            except ValueError as error:
                raise InvalidField("metadata", str(error)) from error
        session.add(service)
