"""What the upstream shows, applied to our service."""

from models.columns import utc_now
from models.enums import ServiceStatus, UpstreamStatus
from models.events import UpstreamSnapshot
from models.order import Service
from orders.history import Changes, cost_text, text


def apply_snapshot(service: Service, snapshot: UpstreamSnapshot) -> Changes:
    """Make the service what its item is. Returns what changed: field -> (before, after)."""
    changed: Changes = {}

    def put(name: str, value: object) -> None:
        before = getattr(service, name)
        if before != value:
            changed[name] = (text(before), text(value))
            setattr(service, name, value)

    status = _service_status(service.status, UpstreamStatus(snapshot.status), gone=snapshot.gone)
    if status is not service.status:
        put("status", status)
        service.status_since = utc_now()
    put("suspend_reason", snapshot.suspend_reason)
    if snapshot.expires_on is not None:
        put("expires_on", snapshot.expires_on)
    if snapshot.ip:
        put("ip", snapshot.ip)
    if snapshot.pricelist:
        put("upstream_pricelist", snapshot.pricelist)
    if snapshot.cost_amount:
        cost = cost_text(service.cost_amount, service.cost_currency)
        service.cost_amount, service.cost_currency = snapshot.cost_amount, snapshot.cost_currency
        if cost != cost_text(service.cost_amount, service.cost_currency):
            changed["cost"] = (cost, cost_text(service.cost_amount, service.cost_currency))
    return changed


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
