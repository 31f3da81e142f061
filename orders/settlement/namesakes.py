"""What an upstream may mean when it says that a thing exists already: a service of ours, or an item of the account."""

from sqlalchemy import or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import ServiceStatus, UpstreamStatus
from models.events import UpstreamSnapshot
from models.order import Service
from orders.services.naming import canonical, same_name

SHOWN_AT_MOST = 5


async def namesakes(session: AsyncSession, service: Service) -> str:
    """Services and items of the same account and type that have this service's name or address, in words; empty where
    there is none."""
    names = {service.name, service.name.lower(), canonical(service.name)} - {""}
    address = service.parameters.get("ip", "")
    ours = await session.exec(
        select(Service)
        .where(
            Service.account_id == service.account_id,
            Service.product_type == service.product_type,
            Service.id != service.id,
            Service.status != ServiceStatus.CLOSED,
            or_(col(Service.name).in_(names), col(Service.ip).in_({address} - {""})),
        )
        .order_by(col(Service.id))
        .limit(SHOWN_AT_MOST)
    )
    items = await session.exec(
        select(UpstreamSnapshot)
        .where(
            UpstreamSnapshot.account_id == service.account_id,
            UpstreamSnapshot.product_type == service.product_type,
            col(UpstreamSnapshot.gone).is_(False),
            UpstreamSnapshot.status != int(UpstreamStatus.DELETED),
            or_(col(UpstreamSnapshot.name).in_(names), col(UpstreamSnapshot.ip).in_({address} - {""})),
        )
        .order_by(col(UpstreamSnapshot.id))
        .limit(SHOWN_AT_MOST)
    )
    shown = items.all()
    owners = {one.service_id for one in shown if one.service_id not in (None, service.id)}
    found = list(ours.all())
    for number in sorted(owners - {one.id for one in found}, key=lambda one: one or 0):
        found.append(await session.get_one(Service, number))
    words = [_of_ours(one, service, address) for one in found]
    words += [
        f"item {one.number} there {_has(one.name, one.ip, service, address)}, and is no service of ours"
        for one in shown
        if one.service_id is None
    ]
    return "; ".join(words)


def _of_ours(one: Service, service: Service, address: str) -> str:
    item = f"item {one.upstream_number}" if one.upstream_number else "no item yet"
    return f"service {one.id} of ours ({one.status.value}, {item}) {_has(one.name, one.ip, service, address)}"


def _has(name: str, ip: str, service: Service, address: str) -> str:
    return (
        f"has the address {address}"
        if address and ip == address and not same_name(name, service.name)
        else (f"has the name {service.name}")
    )
