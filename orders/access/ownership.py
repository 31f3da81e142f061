"""Owners of services, and who sees a service. See docs/tenancy.md.

The owner is the name of the storefront's token, so that another token of the same name sees the same; None: the
operators'. What belongs to a service (operations, tasks, history, stream, licence key) follows its owner. There is one
condition for lists and single rows alike; what a caller may not see is not found, as if it were not there.
"""

from sqlalchemy import ColumnElement, true
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.order import Operation, Service, Task
from orders.access.roles import OPERATOR, Requester
from orders.errors import NotFound

NOUN = "service"


def visible(requester: Requester) -> ColumnElement[bool]:
    """Rows of services that the caller may see. All but storefronts see all."""
    return true() if requester.is_staff else col(Service.owner) == requester.name


def belongs_to_visible(table: type[Operation] | type[Task], requester: Requester) -> ColumnElement[bool]:
    """Rows whose service the caller may see."""
    return true() if requester.is_staff else col(table.service_id).in_(select(Service.id).where(visible(requester)))


def check_visible(service: Service | None, number: int, requester: Requester = OPERATOR) -> Service:
    """Raises NotFound for a service that is not there, and in the same words for one that is another's."""
    if service is None or not (requester.is_staff or service.owner == requester.name):
        raise NotFound(NOUN, number)
    return service


async def visible_service(session: AsyncSession, number: int, requester: Requester = OPERATOR) -> Service:
    """Raises NotFound."""
    return check_visible(await session.get(Service, number), number, requester)
