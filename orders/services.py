"""What the upstream shows, applied to our service."""

from models.audit import AuditEntry
from models.columns import utc_now
from models.enums import ServiceStatus, UpstreamStatus
from models.events import UpstreamSnapshot
from models.order import Service


def apply_snapshot(service: Service, snapshot: UpstreamSnapshot) -> dict[str, tuple[str, str]]:
    """Make the service what its item is. Returns what changed: field -> (before, after)."""
    changed: dict[str, tuple[str, str]] = {}

    def put(name: str, value: object) -> None:
        before = getattr(service, name)
        if before != value:
            changed[name] = ("" if before is None else str(before), "" if value is None else str(value))
            setattr(service, name, value)

    status = _service_status(service.status, UpstreamStatus(snapshot.status), gone=snapshot.gone)
    if status is not service.status:
        changed["status"] = (service.status.value, status.value)
        service.status = status
        service.status_since = utc_now()
    put("suspend_reason", snapshot.suspend_reason)
    if snapshot.expires_on is not None:
        put("expires_on", snapshot.expires_on)
    if snapshot.ip:
        put("ip", snapshot.ip)
    if snapshot.pricelist:
        put("upstream_pricelist", snapshot.pricelist)
    if snapshot.cost_amount:
        put("cost_amount", snapshot.cost_amount)
        put("cost_currency", snapshot.cost_currency)
    return changed


def history_entry(service: Service, source: str, action: str, changed: dict[str, tuple[str, str]]) -> AuditEntry:
    """Who or what changed which value from what to what."""
    assert service.id is not None  # noqa: S101 - read from the database
    detail = {name: f"{before or '(nothing)'} → {after or '(nothing)'}" for name, (before, after) in changed.items()}
    return AuditEntry(actor=source, action=action, subject="service", subject_number=service.id, detail=detail)


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
