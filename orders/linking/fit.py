"""Does the item fit the service? What differs is named, in words, and a person may overrule it with a reason.

What raises Refused is never overruled: that the item belongs to another service, or that an order may yet find it.
"""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import RenewalOwner, ServiceStatus, Source, Stage, UpstreamStatus
from models.order import Operation, Service
from models.periods import period_in_words
from orders.errors import Refused
from orders.events.differences import tariff_number
from orders.linking.requests import ItemRequest, Outcome
from orders.linking.target import Target
from orders.restoration.marks import service_of, tags
from orders.services import naming
from orders.services.history import Origin
from orders.settlement import intents
from upstreams.kinds import adapter_of
from upstreams.port import UpstreamItem


def differences(target: Target, item: UpstreamItem, months: int, owner: RenewalOwner | None) -> list[str]:
    """State, tariff, period and who renews it. `owner` None: no matter who. Raises Refused for a deleted item."""
    found: list[str] = []
    if item.status is UpstreamStatus.DELETED:
        raise Refused(f"item {item.number} is deleted at the upstream")
    if item.status is UpstreamStatus.ORDERED:
        found.append("it is ordered, but not paid yet")
    plan = target.plan.name
    if target.mapping is None:
        found.append(f"plan {plan} is not mapped to {target.module.name} any more, so its tariff can't be compared")
    else:
        if (tariff_number(item) or item.tariff) != target.mapping.tariff:
            shown = f"it has tariff {item.tariff}" if item.tariff else "it does not show its tariff"
            found.append(f"{shown}; plan {plan} is tariff {target.mapping.tariff}")
        found += _differing_period(target, item, months)
    if owner is not None and renewed_by(item, owner) is not owner:
        there = "it is renewed by the upstream" if item.renews else "it is not renewed by the upstream"
        found.append(f"{there}, and the service's renewal is {owner.value}")
    return found


def _differing_period(target: Target, item: UpstreamItem, months: int) -> list[str]:
    mapped = target.periods.get(months)
    if mapped is None:
        return [f"plan {target.plan.name} is not mapped for {period_in_words(months)} any more"]
    if item.period and item.period != str(mapped.upstream_period):
        return [f"its period is {item.period}; {period_in_words(months)} is period {mapped.upstream_period}"]
    return []


def differing_service(service: Service, item: UpstreamItem) -> list[str]:
    found: list[str] = []
    if service.upstream_number not in (None, item.number):
        found.append(f"service {service.id} is item {service.upstream_number}, which would be an orphan")
    if service.status is ServiceStatus.CLOSED:
        found.append(f"service {service.id} is closed")
    return found


async def differing_mark(
    session: AsyncSession, target: Target, item: UpstreamItem, service: Service | None
) -> list[str]:
    """A mark that is not this service's.

    Other words in the mark's place are no mark. They count only where they would be replaced.
    """
    mark = item.mark
    if not mark or (service is not None and _first_mark(mark) == _first_mark(service.mark)):
        return []
    own = _first_mark(mark)
    others = await session.exec(
        select(Service)
        .where((col(Service.mark) == own) | col(Service.mark).startswith(f"{own}-", autoescape=True))
        .order_by(col(Service.id))
    )
    other = others.first()
    if other is None and service is None and service_of(mark, (await tags(session))[1:]) is not None:
        return []  # of an order that a restored database has lost
    if other is None:
        stays = not adapter_of(target.account.kind).capabilities.set_mark
        if stays and not naming.is_mark(mark):
            return []
        return [f"it carries the mark {mark}, which is of no service here"]
    running = await running_of(session, other.id)
    if running is not None and other.upstream_number is None:
        raise Refused(
            f"item {item.number} carries the mark of service {other.id}, and operation {running.id} of it has not "
            "ended: it may yet find this item"
        )
    return [f"it carries the mark of service {other.id}"]


def _first_mark(mark: str) -> str:
    """The first mark of a service: rf-TAG-7 for its successors rf-TAG-7-2, rf-TAG-7-3 …"""
    return "-".join(mark.split("-")[:3])


async def check_free(session: AsyncSession, target: Target, item: UpstreamItem, number: int | None) -> None:
    """Raises Refused for an item of another service, or that an order under way may take for its own."""
    holder = await session.exec(
        select(Service.id).where(
            Service.account_id == target.account_id,
            Service.product_type == target.product_type,
            Service.upstream_number == item.number,
            Service.id != (number or 0),
            Service.status != ServiceStatus.CLOSED,  # which gives the number up
        )
    )
    other = holder.first()
    if other is not None:
        raise Refused(f"item {item.number} belongs to service {other}")
    looking = await intents.looking_for_name(session, target.account_id, item.name, but_not=0) if item.name else []
    if looking:
        raise Refused(f"operation {looking[0]} looks for an item named {item.name}: it may yet find item {item.number}")


def renewed_by(item: UpstreamItem, owner: RenewalOwner) -> RenewalOwner:
    """Who renews it after what the item shows; `owner` is who did so far. An item shows only whether the upstream does,
    and some don't show that in a way that can be known."""
    if item.renews is None or item.renews is (owner is RenewalOwner.UPSTREAM):
        return owner
    return RenewalOwner.UPSTREAM if item.renews else RenewalOwner.STOREFRONT


async def running_of(session: AsyncSession, service_number: int) -> Operation | None:
    found = await session.exec(
        select(Operation)
        .where(Operation.service_id == service_number, col(Operation.stage).not_in([Stage.COMPLETED, Stage.CANCELLED]))
        .order_by(col(Operation.stage) == Stage.QUEUED, col(Operation.id))
    )
    return found.first()


def outcome_of(
    target: Target, request: ItemRequest, item: UpstreamItem, differing: list[str], service: Service | None
) -> Outcome:
    """Raises Refused if something differs that nobody overrules."""
    if differing and not (request.force or request.dry_run):
        raise Refused(
            f"item {item.number} does not fit: {'; '.join(differing)}. If it is the right one all the same, say so "
            "with force and a reason"
        )
    return Outcome(
        service=service.id if service else None,
        upstream=target.account.name,
        product_type=target.product_type,
        upstream_number=item.number,
        differences=differing,
        done=not request.dry_run,
        mark=service.mark if service else "",
    )


def origin_of_request(actor: str, action: str, request: ItemRequest, differing: list[str]) -> Origin:
    words = [request.reason or "", f"overruled: {'; '.join(differing)}" if differing else ""]
    return Origin(actor, action, reason="; ".join(filter(None, words)), source=Source.PERSON)
