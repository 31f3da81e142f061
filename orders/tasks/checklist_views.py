"""What a person changes at the upstream for a task, value by value, and where."""

from pydantic import Field
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.events import UpstreamSnapshot
from models.order import Operation, Service, Task
from orders.errors import NotFound
from orders.events.batch import snapshots_of
from orders.operations.base import Difference
from orders.operations.item import TARIFF
from orders.operations.registry import operation_type
from orders.reading.documents import Document


class ValueToChange(Document):
    """One value. Empty: not known."""

    what: str = Field(description="plan, tariff, or a resource with its unit")
    before: str
    after: str
    seen: str = Field(description="as last read at the upstream; empty: what was read does not show it")


class Checklist(Document):
    """For staff only: it has the upstream's address."""

    item: str = Field(description="number of the item at the upstream; empty: none")
    address: str = Field(description="of the upstream's own page; empty: no upstream does it, or it is no web address")
    values: list[ValueToChange]


async def checklist_of(session: AsyncSession, number: int) -> Checklist:
    """Raises NotFound."""
    task = await session.get(Task, number)
    if task is None:
        raise NotFound("task", number)
    operation = await session.get_one(Operation, task.operation_id)
    service = await session.get_one(Service, operation.service_id)
    account = await session.get(UpstreamAccount, service.account_id) if service.account_id else None
    kind = operation_type(operation.kind)
    item = await _seen(session, service)
    return Checklist(
        item=service.upstream_number or "",
        address=account.url if account is not None and account.url.startswith(("https://", "http://")) else "",
        values=[_value(one, item) for one in await kind.differences(session, service, kind.asked(operation))],
    )


async def _seen(session: AsyncSession, service: Service) -> UpstreamSnapshot | None:
    if service.account_id is None or not service.upstream_number:
        return None
    found = await snapshots_of(session, service.account_id, service.product_type, [service.upstream_number])
    return next(iter(found), None)


def _value(one: Difference, item: UpstreamSnapshot | None) -> ValueToChange:
    seen = ""
    if item is not None and one.field:
        tariff = item.form_tariff or item.tariff_id or item.tariff
        seen = tariff if one.field == TARIFF else item.form.get(one.field, "")
    return ValueToChange(what=one.what, before=one.before, after=one.after, seen=seen)
