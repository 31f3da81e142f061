"""What may belong together: items at an upstream that are nobody's, and services of ours that have no item.

For people who compare and decide. Nothing is concluded from it; what proves that an item is ours is in
orders.settlement.
"""

from pydantic import Field
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import PlanMapping, ProcessingModule, TariffPlan, UpstreamAccount
from models.enums import IntentState, OperationKind, ServiceStatus, Stage
from models.events import UpstreamSnapshot
from models.order import Intent, Operation, Service
from orders.errors import NotFound, existing
from orders.events import is_orphan
from orders.events.views import ItemView, item_of
from orders.reading.documents import Document
from orders.services.naming import same_mark, same_name
from orders.services.views import ServiceView, find_service

MOST = 5
LOOKED_AT = 50
"""The newest ones; what is older was there before, or would have been found by its mark."""


class ItemCandidate(Document):
    """An item of nobody that an order may have made."""

    key: int = Field(description="number of what is kept of the item")
    item: ItemView
    same_mark: bool
    same_name: bool
    appeared_since: bool = Field(description="it was first seen after the request was written down")


class ServiceCandidate(Document):
    """A service without an item, which an item may be."""

    service: ServiceView
    same_mark: bool
    same_name: bool


async def items_for(session: AsyncSession, operation_number: int) -> list[ItemCandidate]:
    """For an opening whose request was made and whose item is not known, the likeliest first. After a definite no only
    those with its mark or name. Empty for all others."""
    operation = await session.get(Operation, operation_number)
    if operation is None or operation.kind is not OperationKind.OPEN or operation.stage.is_final:
        return []
    service = await session.get_one(Service, operation.service_id)
    made = await session.exec(
        select(Intent).where(Intent.operation_id == operation_number).order_by(col(Intent.id)).limit(1)
    )
    first = made.first()
    if first is None or service.account_id is None or service.upstream_number is not None:
        return []
    account = await session.get_one(UpstreamAccount, service.account_id)
    found = await session.exec(
        select(UpstreamSnapshot)
        .where(is_orphan(account.id), UpstreamSnapshot.product_type == service.product_type)
        .order_by(col(UpstreamSnapshot.id).desc())
        .limit(LOOKED_AT)
    )
    candidates = [
        ItemCandidate(
            key=row.id,
            item=item_of(account, row),
            same_mark=same_mark(row.mark or row.form_mark, service.mark),
            same_name=same_name(row.name, service.name),
            appeared_since=row.first_seen_at >= first.created_at,
        )
        for row in found.all()
    ]
    unclear = operation.stage is Stage.OUTCOME_UNKNOWN or await _is_unclear(session, operation_number)
    likely = [one for one in candidates if one.same_mark or one.same_name or (unclear and one.appeared_since)]
    return sorted(likely, key=lambda one: (one.same_mark, one.same_name, one.key), reverse=True)[:MOST]


async def _is_unclear(session: AsyncSession, operation_number: int) -> bool:
    """A request of it may have had an effect: no answer is known, or it was a yes without a number."""
    states = [IntentState.PREPARED, IntentState.UNKNOWN, IntentState.ABANDONED, IntentState.ACCEPTED]
    found = await session.exec(
        select(Intent.id).where(Intent.operation_id == operation_number, col(Intent.state).in_(states)).limit(1)
    )
    return found.first() is not None


async def services_for(session: AsyncSession, item: ItemView) -> list[ServiceCandidate]:
    """Services of the item's account and type that have no item; the likeliest first."""
    found = await session.exec(
        select(Service)
        .join(UpstreamAccount, col(UpstreamAccount.id) == col(Service.account_id))
        .where(
            UpstreamAccount.name == item.upstream,
            Service.product_type == item.product_type,
            Service.status != ServiceStatus.CLOSED,
            col(Service.upstream_number).is_(None),
        )
        .order_by(col(Service.id).desc())
        .limit(LOOKED_AT)
    )
    rated = sorted(
        ((same_mark(item.mark or "", row.mark), same_name(item.name, row.name), row.id) for row in found.all()),
        reverse=True,
    )
    return [
        ServiceCandidate(service=await find_service(session, number), same_mark=mark, same_name=name)
        for mark, name, number in rated[:MOST]
    ]


async def item_kept(session: AsyncSession, key: int) -> ItemView:
    """By the number of what is kept of it. Raises NotFound."""
    row = await session.get(UpstreamSnapshot, existing("item", key))
    if row is None:
        raise NotFound("item", key)
    return item_of(await session.get_one(UpstreamAccount, row.account_id), row)


async def key_of(session: AsyncSession, upstream: str, product_type: str, number: str) -> int:
    """The number of what is kept of an item. Raises NotFound."""
    found = await session.exec(
        select(UpstreamSnapshot.id)
        .join(UpstreamAccount, col(UpstreamAccount.id) == col(UpstreamSnapshot.account_id))
        .where(
            UpstreamAccount.name == upstream,
            UpstreamSnapshot.product_type == product_type,
            UpstreamSnapshot.number == number,
        )
    )
    key = found.one_or_none()
    if key is None:
        raise NotFound("item", f"{product_type} {number}")
    return key


async def plans_for(session: AsyncSession, item: ItemView) -> list[str]:
    """Names of the plans that are mapped to the item's account, those with its tariff first."""
    found = await session.exec(
        select(TariffPlan.name, PlanMapping.tariff)
        .join(PlanMapping, col(PlanMapping.plan_id) == col(TariffPlan.id))
        .join(ProcessingModule, col(ProcessingModule.id) == col(PlanMapping.module_id))
        .join(UpstreamAccount, col(UpstreamAccount.id) == col(ProcessingModule.account_id))
        .where(UpstreamAccount.name == item.upstream, TariffPlan.product_type == item.product_type)
        .order_by(col(TariffPlan.name))
    )
    plans = sorted(found.all(), key=lambda one: one[1] != item.tariff)
    return list(dict.fromkeys(name for name, _ in plans))
