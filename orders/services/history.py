"""The history of a service: who or what changed which value from what to what, when, and from where.

Whoever changes a service's values does it inside `changing`, which writes the difference down. What the upstream
changes is written by `write_events`, which knows more: the event, and values that we do not keep. The tests watch that
every change of a service has its entry (`tests/infrastructure/history.py`).
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry
from models.catalogue import ProcessingModule, TariffPlan
from models.enums import EventKind, ServiceStatus, Source
from models.events import UpstreamEvent
from models.order import Operation, Service
from models.public_words import UPSTREAM_TARIFF, public
from orders import audit
from orders.audit import OURSELVES
from orders.webhooks import outbox
from upstreams.port import KEY_READY

SUBJECT = "service"
REFUNDED = "refunded"
"""The action of an entry that says what was paid back."""
Changes = dict[str, tuple[str, str]]
"""Field -> (before, after), as text."""

_PLAIN = (
    "status",
    "suspend_reason",
    "name",
    "mark",
    "upstream_number",
    "period_months",
    "ip",
    "expires_on",
    "reference",
    "at_end_of_term",
)
_BY_KEY = {"parameters": "parameters", "addons": "addons", "shop_metadata": "metadata"}
"""Column → how its fields are called."""
_BY_NUMBER = ("plan", "processing_module")

_OF_EVENTS = {public("tariff"): UPSTREAM_TARIFF}
"""Fields of events that a service calls otherwise."""
_SHOWN_ALIKE = frozenset({KEY_READY})
"""Fields of events that a service shows under the same name, though it does not keep them."""
_NOT_KEPT = frozenset(map(public, ("name", "mark", "renewal", "status_detail", "tariff_id")))
"""Fields of events that a service does not have: the history shows them as `upstream_…`."""


@dataclass(frozen=True)
class Origin:
    """Who or what changes a service in this transaction."""

    actor: str
    action: str
    operation: int | None = None
    reason: str = ""
    source: Source = Source.RESELLFLOW

    @property
    def detail(self) -> dict[str, str]:
        found = {"source": self.source.value, "operation": str(self.operation or ""), "reason": self.reason}
        return {name: value for name, value in found.items() if value}


def origin_of(operation: Operation) -> Origin:
    return Origin(operation.actor or OURSELVES, operation.kind.value, operation.id, source=Source.OPERATION)


@asynccontextmanager
async def changing(session: AsyncSession, service: Service, origin: Origin) -> AsyncIterator[None]:
    """What the block changes of the service is one entry of its history. Nothing is written if the block raises."""
    before = _values(service)
    yield
    changes = await _differences(session, before, _values(service))
    if changes:
        session.add(change_entry(service, origin, changes))


def write_events(
    session: AsyncSession, service: Service, upstream: str, events: Iterable[UpstreamEvent], applied: Changes
) -> None:
    """Write down and publish what the upstream changed: an entry for each event, with the values it changed.

    `applied`: what has become of it in our service; values held back are not among them.
    """
    held_back = [one for one in events if one.kind is EventKind.HELD_BACK]
    sound = [one for one in events if one.kind is not EventKind.HELD_BACK]
    left = dict(applied)
    for number, one in enumerate(sound):
        named = [_OF_EVENTS.get(name, name) for name in one.changes]
        own = {name: left.pop(name) for name in [*left] if name in named or (number == 0 and not _named(name, sound))}
        _write_event(session, service, upstream, one, _kind(one, own), own | _not_applied(one, own))
    if left:  # nothing of this look is sound, but an earlier one had not been applied
        origin = Origin(_upstream(upstream), EventKind.PARAMETERS_CHANGED.value, source=Source.UPSTREAM)
        session.add(change_entry(service, origin, left))
    for one in held_back:
        _write_event(session, service, upstream, one, one.kind, {name: _pair(one, name) for name in one.changes})


def write_look(session: AsyncSession, service: Service, operation: Operation, applied: Changes) -> None:
    """Write down what an operation's last look at the upstream has changed."""
    if applied:
        origin = Origin(_upstream(operation.upstream_name), operation.kind.value, operation.id, source=Source.UPSTREAM)
        session.add(change_entry(service, origin, applied))


def change_entry(
    service: Service, origin: Origin, changes: Changes, facts: Mapping[str, str] | None = None
) -> AuditEntry:
    return audit.entry(
        SUBJECT, service.id, origin.action, by=origin.actor, changes=changes, facts={**origin.detail, **(facts or {})}
    )


def _named(field: str, events: Iterable[UpstreamEvent]) -> bool:
    return any(field == _OF_EVENTS.get(name, name) for one in events for name in one.changes)


def _pair(one: UpstreamEvent, name: str) -> tuple[str, str]:
    before, after = one.changes[name]
    return before, after


def _not_applied(one: UpstreamEvent, own: Changes) -> Changes:
    """What an event shows beyond our values: of the upstream's own, and all of it where nothing of ours changed."""
    return {
        name if name in _SHOWN_ALIKE else f"upstream_{name.removeprefix('upstream_')}": _pair(one, name)
        for name in one.changes
        if name in _NOT_KEPT | _SHOWN_ALIKE or not own
    }


def _kind(one: UpstreamEvent, own: Changes) -> EventKind:
    """An item that is in service when it is first seen has been opened, as far as we know."""
    if one.kind is EventKind.APPEARED and own.get("status", ("", ""))[1] == ServiceStatus.ACTIVE:
        return EventKind.OPENED
    return one.kind


def _write_event(
    session: AsyncSession, service: Service, upstream: str, one: UpstreamEvent, event_kind: EventKind, changes: Changes
) -> None:
    if not changes:
        return  # told again, to an order that waited for it
    origin = Origin(_upstream(upstream), event_kind.value, one.operation_id, source=Source.UPSTREAM)
    session.add(change_entry(service, origin, changes, {"event": one.event_id}))
    outbox.service_changed(
        session,
        service,
        event_kind,
        upstream=upstream,
        operation=one.operation_id,
        event=one.event_id,
        changes=changes,
    )


def _upstream(name: str) -> str:
    return f"upstream {name}"[:64]


def _values(service: Service) -> dict[str, Any]:
    """By field, as they are compared. Of what is kept by key, each key is a field."""
    found: dict[str, Any] = {name: getattr(service, name) for name in _PLAIN}
    for column, name in _BY_KEY.items():
        found |= {f"{name}.{key}": value for key, value in getattr(service, column).items()}
    found["renewal_owner"] = service.renewed_by
    found["cost"] = cost_text(service.cost_amount, service.cost_currency)
    found[UPSTREAM_TARIFF] = service.upstream_tariff
    return found | {"plan": service.plan_id, "processing_module": service.module_id}


async def _differences(session: AsyncSession, before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    found: Changes = {}
    for name in dict.fromkeys([*before, *after]):
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        if name in _BY_NUMBER:
            found[name] = await _name_of(session, name, was), await _name_of(session, name, now)
        elif text(was) != text(now):
            found[name] = text(was), text(now)
    return found


async def _name_of(session: AsyncSession, field: str, number: int | None) -> str:
    if number is None:
        return ""
    if field == "plan":
        return (await session.get_one(TariffPlan, number)).name
    return (await session.get_one(ProcessingModule, number)).name


def cost_text(amount: Decimal | None, currency: str | None) -> str:
    if amount is None:
        return ""
    cents = f"{amount:.2f}"
    return f"{cents if Decimal(cents) == amount else format(amount.normalize(), 'f')} {currency}"


def text(value: Any) -> str:
    match value:
        case None:
            return ""
        case Enum():
            return str(value.value)
        case date():
            return value.isoformat()
    return str(value)
