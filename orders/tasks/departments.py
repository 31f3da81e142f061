"""The departments to which tasks of people go."""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import ProcessingModule


async def departments(session: AsyncSession) -> list[str]:
    """Those that the processing modules name."""
    name = col(ProcessingModule.department)
    return list((await session.exec(select(name).distinct().order_by(name))).all())
