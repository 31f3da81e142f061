"""The sweep of each list, as people see it."""

from datetime import datetime

from pydantic import Field
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.sweep import ListSweep
from orders.events.sweeps import is_due
from orders.reading.documents import Document


class SweepView(Document):
    """The sweep of one list: what was asked for last, and what the last one found."""

    upstream: str
    product_type: str
    asked_at: datetime
    asked_by: str = Field(description="`schedule`, or the person")
    due: bool = Field(description="it was asked for and has not ended yet")
    ended_at: datetime | None = Field(description="when the last one ended")
    seconds: float | None = Field(description="how long the last one took")
    compared: int | None = Field(description="items that the last one compared")
    missed: int | None = Field(description="changes it found that the poller should have seen")
    unlisted: int | None = Field(description="our services that the list did not show; their forms were read instead")
    missed_in_all: int = Field(description="the same as `missed`, of all sweeps")


async def list_sweeps(session: AsyncSession) -> list[SweepView]:
    """The sweeps of all lists, by account and product type."""
    found = await session.exec(
        select(ListSweep, UpstreamAccount.name)
        .join(UpstreamAccount, col(UpstreamAccount.id) == col(ListSweep.account_id))
        .order_by(UpstreamAccount.name, ListSweep.product_type)
    )
    return [
        SweepView(upstream=name, due=is_due(row), **row.model_dump(exclude={"account_id"})) for row, name in found.all()
    ]
