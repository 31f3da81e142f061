"""One row, locked before it is read: what is decided about it holds until the transaction ends."""

from typing import TypeVar

from sqlalchemy import ColumnElement
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from orders.errors import NotFound

Row = TypeVar("Row", bound=SQLModel)


async def locked(
    session: AsyncSession, model: type[Row], key: ColumnElement[bool] | bool, *, what: str, name: str | int
) -> Row:
    """The row with this key, as it is now, locked until the end of this transaction. Raises NotFound, for `what`
    `name`."""
    found = await session.exec(
        select(model).where(key).with_for_update(key_share=True).execution_options(populate_existing=True)
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound(what, name)
    return row
