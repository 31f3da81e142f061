"""What the upstream shows, applied to our service."""

from datetime import date

from models.columns import utc_now
from models.enums import ServiceStatus, SuspendReason, UpstreamStatus
from models.events import UpstreamSnapshot
from models.order import Service
from models.public_words import UPSTREAM_TARIFF
from orders.services import expiry
from orders.services.history import Changes, cost_text, text


def apply_snapshot(service: Service, snapshot: UpstreamSnapshot) -> Changes:
    """Make the service what its item is. Returns what changed: field -> (before, after)."""
    changed: Changes = {}
    cost = cost_text(service.cost_amount, service.cost_currency)
    if snapshot.expires_on is not None and snapshot.expires_on != service.expires_on:
        service.anchor_day = expiry.anchor_after(anchor_of(service), snapshot.expires_on)
    for name, value in differing(service, snapshot).items():
        if name not in ("cost_amount", "cost_currency"):
            seen_as = UPSTREAM_TARIFF if name == "upstream_tariff" else name
            changed[seen_as] = (
                text(getattr(service, name)),
                text(value),
            )
        setattr(service, name, value)
    if "status" in changed:
        service.status_since = utc_now()
    after = cost_text(service.cost_amount, service.cost_currency)
    if cost != after:
        changed["cost"] = (cost, after)
    return changed


def anchor_of(service: Service) -> int:
    """The day of the month on which the service's terms end; before it has one, that on which it began."""
    begun = service.created_at.day
    if service.anchor_day is not None:
        return service.anchor_day
    if service.expires_on is None or expiry.on_anchor(service.expires_on, begun):
        return begun
    return service.expires_on.day


_BY = {
    SuspendReason.ABUSE.value: "by the upstream, for abuse",
    SuspendReason.STAFF.value: "by the upstream's staff",
    SuspendReason.AUTOMATIC.value: "by the upstream automatically",
}


def wrong_with(service: Service, today: date | None = None) -> str:
    """What keeps the customer from using the service although an operation is done, in words; empty: nothing."""
    if service.status is ServiceStatus.CLOSED:
        return ""
    found: list[str] = []
    if service.expires_on is not None and service.expires_on < (today or utc_now().date()):
        found.append(f"expired, on {service.expires_on}: prolong it")
    if service.status is ServiceStatus.SUSPENDED:
        found.append(f"suspended, {_BY.get(service.suspend_reason or '', 'the upstream does not say by whom')}")
    return f"service {service.id} is still {'; and '.join(found)}" if found else ""


def differing(service: Service, snapshot: UpstreamSnapshot) -> dict[str, object]:
    """What the item shows otherwise than the service has it, in the service's words."""
    shown: dict[str, object] = {
        "status": _service_status(service.status, UpstreamStatus(snapshot.status), gone=snapshot.gone),
        "suspend_reason": snapshot.suspend_reason,
    }
    if snapshot.expires_on is not None:
        shown["expires_on"] = snapshot.expires_on
    if snapshot.ip:
        shown["ip"] = snapshot.ip
    if snapshot.tariff:
        shown["upstream_tariff"] = snapshot.tariff
    if snapshot.cost_amount:
        shown |= {"cost_amount": snapshot.cost_amount, "cost_currency": snapshot.cost_currency}
    return {name: value for name, value in shown.items() if getattr(service, name) != value}


def _service_status(now: ServiceStatus, upstream: UpstreamStatus, *, gone: bool) -> ServiceStatus:
    if gone:
        return ServiceStatus.CLOSED
    match upstream:
        case UpstreamStatus.ACTIVE:
            return ServiceStatus.ACTIVE
        case UpstreamStatus.SUSPENDED:
            return ServiceStatus.SUSPENDED
        case UpstreamStatus.DELETED:
            return ServiceStatus.CLOSED
        case UpstreamStatus.PROCESSING:
            # Being worked on does not take a service away from a customer who has it.
            return ServiceStatus.PROCESSING if now is ServiceStatus.ORDERED else now
        case UpstreamStatus.ORDERED | UpstreamStatus.UNKNOWN:
            return now
