"""Who renews a service, ours and the upstream's word for it: both at once would charge twice, neither would end it.

Only an item's form shows for certain whether the upstream renews it (a list may show a localised word). Where the two
differ and no operation is about to change that, it is an incident, raised by a form read just then; what raised it may
be put back by an operation of ours (`RESELL_PUT_BACK_RENEWAL`).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from zlib import crc32

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import IncidentKind, OperationKind, RenewalOwner, RenewalSide, ServiceStatus, Stage
from models.events import UpstreamSnapshot
from models.incident import Incident
from models.order import IntakeKey, Operation, Service
from models.parameters import Values
from orders.audit import OURSELVES
from orders.incidents.record import close_put_right, raise_incident

PUT_BACK_AT_MOST = 3
"""A service's renewal is switched back at most this often a day: if it comes on again and again, people must act."""
_PUT_BACK = "put-back-renewal-"


@dataclass(frozen=True)
class Mismatch:
    """A service and an item that say something else of who renews."""

    service: int
    product_type: str
    number: str
    owner: RenewalOwner
    """The service's."""
    since: str
    """Since when the form shows it; distinguishes one time from the next."""
    reported: bool
    put_back: bool
    """An operation of ours was asked for that puts it back; or that has not helped often enough today."""

    @property
    def kind(self) -> IncidentKind:
        upstream = self.owner is RenewalOwner.UPSTREAM
        return IncidentKind.RENEWED_BY_NOBODY if upstream else IncidentKind.RENEWED_TWICE

    @property
    def about(self) -> str:
        return f"service {self.service} since {self.since}"

    @property
    def key(self) -> str:
        """Idempotency key of the operation that puts it back."""
        return f"{_PUT_BACK}{self.service}-{self.since}"


_KINDS = (IncidentKind.RENEWED_TWICE, IncidentKind.RENEWED_BY_NOBODY)


async def known_from_forms_alone(session: AsyncSession, account_id: int) -> list[tuple[str, str]]:
    """(product type, number) of the items of our services whose lists do not say whether the upstream renews them."""
    found = await session.exec(
        select(UpstreamSnapshot.product_type, UpstreamSnapshot.number, UpstreamSnapshot.listed)
        .join(
            Service,
            (col(UpstreamSnapshot.account_id) == col(Service.account_id))
            & (col(UpstreamSnapshot.product_type) == col(Service.product_type))
            & (col(UpstreamSnapshot.number) == col(Service.upstream_number)),
        )
        .where(
            Service.account_id == account_id,
            col(Service.status).in_([ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED]),
            col(UpstreamSnapshot.gone).is_(False),
        )
    )
    return [(product_type, number) for product_type, number, listed in found.all() if "renewal" not in listed]


def due_between(items: Iterable[tuple[str, str]], since: float, until: float, period: float) -> list[tuple[str, str]]:
    """Those whose moment lies between two times (seconds). Each has one in every period, always the same, so that they
    are spread evenly and nobody has to remember when each was read."""
    moments = {item: crc32(" ".join(item).encode()) % 1_000_000 / 1_000_000 * period for item in items}
    return [item for item, moment in moments.items() if (moment - since) % period < until - since]


async def mismatches(session: AsyncSession, account_id: int, services: Collection[int] | None = None) -> list[Mismatch]:
    """Those of an account (or of these services of it) that no operation is about to change."""
    if services is not None and not services:
        return []
    query = (
        select(Service, UpstreamSnapshot)
        .join(
            UpstreamSnapshot,
            (col(UpstreamSnapshot.account_id) == col(Service.account_id))
            & (col(UpstreamSnapshot.product_type) == col(Service.product_type))
            & (col(UpstreamSnapshot.number) == col(Service.upstream_number)),
        )
        .where(
            Service.account_id == account_id,
            Service.status != ServiceStatus.CLOSED,
            col(UpstreamSnapshot.gone).is_(False),
            col(UpstreamSnapshot.renews).is_not(None),
            col(UpstreamSnapshot.renews).is_(True) == (col(Service.renewal_owner) == RenewalSide.RESELLFLOW),
        )
    )
    if services is not None:
        query = query.where(col(Service.id).in_(services))
    found = (await session.exec(query)).all()
    changing = await _about_to_change(session, [service.id for service, _ in found])
    return [await _mismatch(session, service, snapshot) for service, snapshot in found if service.id not in changing]


async def _mismatch(session: AsyncSession, service: Service, snapshot: UpstreamSnapshot) -> Mismatch:
    since = snapshot.renews_since.isoformat() if snapshot.renews_since else "ever"
    found = Mismatch(
        service=service.id,
        product_type=snapshot.product_type,
        number=snapshot.number,
        owner=service.renewed_by,
        since=since,
        reported=False,
        put_back=False,
    )
    known = await session.exec(select(Incident.id).where(Incident.fingerprint == f"{found.kind.value}|{found.about}"))
    asked = await session.get(IntakeKey, (OURSELVES, found.key))
    lately = await session.exec(
        select(IntakeKey.key).where(
            IntakeKey.client == OURSELVES,
            col(IntakeKey.key).startswith(f"{_PUT_BACK}{found.service}-", autoescape=True),
            col(IntakeKey.created_at) > utc_now() - timedelta(days=1),
        )
    )
    enough = asked is not None or len(lately.all()) >= PUT_BACK_AT_MOST
    return replace(found, reported=known.first() is not None, put_back=enough)


async def _about_to_change(session: AsyncSession, services: Collection[int]) -> set[int]:
    """Those of these services that an operation is about to change."""
    if not services:
        return set()
    found = await session.exec(
        select(Operation.service_id, Operation.kind, Operation.parameters).where(
            col(Operation.service_id).in_(services),
            col(Operation.stage).not_in([Stage.COMPLETED, Stage.CANCELLED]),
        )
    )
    return {
        service
        for service, kind, parameters in found.all()
        if kind is OperationKind.OPEN or Values.of(parameters).renewal_owner is not None
    }


async def put_right(session: AsyncSession, account_id: int, services: Collection[int]) -> set[int]:
    """Those of these services of which an incident says that both renew them, or neither; and whose forms do not show
    it any more."""
    if not services:
        return set()
    found = await session.exec(
        select(Incident.service_id).where(
            col(Incident.service_id).in_(services),
            col(Incident.kind).in_(_KINDS),
            col(Incident.closed_at).is_(None),
        )
    )
    incidents = {service for service in found.all() if service is not None}
    return {service for service in incidents if not await _differ(session, account_id, service)}


async def _differ(session: AsyncSession, account_id: int, service: int) -> bool:
    """Whether ours and the upstream's word differ, or the upstream's is not known; whatever is about to change."""
    row = await session.get_one(Service, service, populate_existing=True)
    found = await session.exec(
        select(UpstreamSnapshot.renews).where(
            UpstreamSnapshot.account_id == account_id,
            UpstreamSnapshot.product_type == row.product_type,
            UpstreamSnapshot.number == row.upstream_number,
        )
    )
    told = found.first()
    return told is None or told is not (row.renewed_by is RenewalOwner.UPSTREAM)


async def report(session: AsyncSession, account_id: int, services: Collection[int]) -> None:
    """Raise the incidents of services whose forms were read just now, where there is one to raise; close those that the
    forms show to be put right."""
    if not services:
        return
    await session.flush()
    for service in sorted(await put_right(session, account_id, services)):
        note = "corrected: the item's form shows that only the right side renews it"
        await close_put_right(session, list(_KINDS), service, actor=OURSELVES, note=note)
    for found in await mismatches(session, account_id, services):
        service = found.service
        if found.reported:
            continue
        match found.owner:
            case RenewalOwner.STOREFRONT | RenewalOwner.AUTOMATIC:
                other = "its storefront" if found.owner is RenewalOwner.STOREFRONT else "us"
                message = (
                    f"Item {found.number} is renewed by the upstream, and service {service} by {other}: its next term "
                    "would be charged twice. Switch it off there, or say that the upstream renews it: "
                    f"resell change {service} --renewal-owner upstream."
                )
            case RenewalOwner.UPSTREAM:
                message = (
                    f"Item {found.number} is not renewed by the upstream, which should renew service {service}: it "
                    "will expire. Switch it on there, or say that its storefront prolongs it, or that we do: "
                    f"resell change {service} --renewal-owner storefront (or automatic)."
                )
        await raise_incident(
            session,
            found.kind,
            message,
            about=found.about,
            account=account_id,
            service=service,
            detail={"item": found.number, "renewal_owner": found.owner.value, "since": found.since},
        )
