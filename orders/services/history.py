"""The history of a service: who or what changed which value from what to what, when, and from where.

Every change of a service's values is written down by the session itself, just before it is flushed; so no code that
changes a service can forget to. What it knows of the cause it takes from `attribute`. What the upstream changes is
written by `write_events`, which knows more: the event, and values that we do not keep.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.orm import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry
from models.catalogue import ProcessingModule, TariffPlan
from models.enums import EventKind, ServiceStatus, Source
from models.events import UpstreamEvent
from models.order import Operation, Service
from models.public_words import UPSTREAM_TARIFF, public
from orders.webhooks import outbox
from upstreams.port import KEY_READY

SUBJECT = "service"
OURSELVES = "resellflow"
Changes = dict[str, tuple[str, str]]
"""Field -> (before, after), as text."""

_PLAIN = (
    "status",
    "suspend_reason",
    "name",
    "mark",
    "upstream_number",
    "period_months",
    "renewal_owner",
    "ip",
    "expires_on",
)
_BY_KEY = ("parameters", "addons")
_TOLD, _ORIGIN = "history_told", "history_origin"

_OF_EVENTS = {public("tariff"): UPSTREAM_TARIFF}
"""Fields of events that a service calls otherwise."""
_SHOWN_ALIKE = frozenset({KEY_READY})
"""Fields of events that a service shows under the same name, though it does not keep them."""
_NOT_KEPT = frozenset(map(public, ("name", "mark", "renewal", "status_detail", "tariff_id")))
"""Fields of events that a service does not have: the history shows them as `upstream_…`."""


@dataclass(frozen=True)
class Origin:
    """Who or what changes a service in this transaction."""

    actor: str = OURSELVES
    action: str = "changed"
    operation: int | None = None
    reason: str = ""
    source: Source = Source.RESELLFLOW

    @property
    def detail(self) -> dict[str, str]:
        found = {"source": self.source.value, "operation": str(self.operation or ""), "reason": self.reason}
        return {name: value for name, value in found.items() if value}


def attribute(session: AsyncSession, origin: Origin) -> None:
    """From here on, whatever this transaction changes of a service comes from there."""
    session.info[_ORIGIN] = origin


def write_events(
    session: AsyncSession, service: Service, upstream: str, events: Iterable[UpstreamEvent], applied: Changes
) -> None:
    """Write down and publish what the upstream changed: an entry for each event, with the values it changed.

    `applied`: what has become of it in our service; values held back are not among them.
    """
    note_told(session, service, applied)
    held_back = [one for one in events if one.kind is EventKind.HELD_BACK]
    sound = [one for one in events if one.kind is not EventKind.HELD_BACK]
    left = dict(applied)
    for number, one in enumerate(sound):
        named = [_OF_EVENTS.get(name, name) for name in one.changes]
        own = {name: left.pop(name) for name in [*left] if name in named or (number == 0 and not _named(name, sound))}
        _write_event(session, service, upstream, one, _kind(one, own), own | _not_applied(one, own))
    if left:  # nothing of this look is sound, but an earlier one had not been applied
        session.add(
            _entry(
                service,
                Origin(_upstream(upstream), EventKind.PARAMETERS_CHANGED.value, source=Source.UPSTREAM),
                left,
                {},
            )
        )
    for one in held_back:
        _write_event(session, service, upstream, one, one.kind, {name: _pair(one, name) for name in one.changes})


def write_look(session: AsyncSession, service: Service, operation: Operation, applied: Changes) -> None:
    """Write down what an operation's last look at the upstream has changed."""
    if applied:
        note_told(session, service, applied)
        origin = Origin(_upstream(operation.upstream_name), operation.kind.value, operation.id, source=Source.UPSTREAM)
        session.add(_entry(service, origin, applied, {}))


def change_entry(service: Service, origin: Origin, changes: Changes) -> AuditEntry:
    """For changes that are made past the session: by a statement, and not by changing the service's row."""
    return _entry(service, origin, changes, {})


def note_told(session: AsyncSession, service: Service, applied: Changes) -> None:
    """These changes are written down by who makes them, so the session need not."""
    told = session.info.setdefault(_TOLD, {}).setdefault(service.id, {})
    told.update({name: after for name, (_, after) in applied.items()})


def _named(field: str, events: Iterable[UpstreamEvent]) -> bool:
    return any(field == _OF_EVENTS.get(name, name) for one in events for name in one.changes)


def _pair(one: UpstreamEvent, name: str) -> tuple[str, str]:
    before, after = one.changes[name]
    return before, after


def _not_applied(one: UpstreamEvent, own: Changes) -> Changes:
    """What an event tells beyond our values: of the upstream's own, and all of it where nothing of ours changed."""
    return {
        name if name in _SHOWN_ALIKE else f"upstream_{name.removeprefix('upstream_')}": _pair(one, name)
        for name in one.changes
        if name in _NOT_KEPT | _SHOWN_ALIKE or not own
    }


def _kind(one: UpstreamEvent, own: Changes) -> EventKind:
    """An item that is in service when it is first seen has been opened, as far as we can tell."""
    if one.kind is EventKind.APPEARED and own.get("status", ("", ""))[1] == ServiceStatus.ACTIVE:
        return EventKind.OPENED
    return one.kind


def _write_event(
    session: AsyncSession, service: Service, upstream: str, one: UpstreamEvent, kind: EventKind, changes: Changes
) -> None:
    if not changes:
        return  # told again, to an order that waited for it
    origin = Origin(_upstream(upstream), kind.value, one.operation_id, source=Source.UPSTREAM)
    session.add(_entry(service, origin, changes, {"event": one.event_id}))
    outbox.service_changed(
        session,
        service,
        kind,
        upstream=upstream,
        operation=one.operation_id,
        event=one.event_id,
        changes=changes,
    )


def _upstream(name: str) -> str:
    return f"upstream {name}"[:64]


def _entry(service: Service, origin: Origin, changes: Changes, more: Mapping[str, str]) -> AuditEntry:
    return AuditEntry(
        actor=origin.actor,
        action=origin.action,
        subject=SUBJECT,
        subject_number=service.id,
        changes={name: list(pair) for name, pair in changes.items()},
        detail={**origin.detail, **more},
    )


@event.listens_for(Session, "before_flush")
def _write_what_is_flushed(session: Session, *_: object) -> None:
    for row in session.dirty:
        if isinstance(row, Service) and row.id is not None:
            told: dict[str, str] = session.info.get(_TOLD, {}).pop(row.id, {})
            changes = {n: pair for n, pair in _changes(session, row).items() if told.get(n) != pair[1]}
            if changes:
                session.add(_entry(row, session.info.get(_ORIGIN, Origin()), changes, {}))


def _changes(session: Session, service: Service) -> Changes:
    found: Changes = {}
    for name in _PLAIN:
        found[name] = _texts(*_values(service, name))
    for name in _BY_KEY:
        before, after = _values(service, name)
        for key in sorted({*(before or {}), *(after or {})}):
            found[f"{name}.{key}"] = _texts((before or {}).get(key), (after or {}).get(key))
    found[UPSTREAM_TARIFF] = _texts(*_values(service, "upstream_tariff"))
    found["cost"] = _cost(service)
    for name, column, table in (("plan", "plan_id", TariffPlan), ("processing_module", "module_id", ProcessingModule)):
        before, after = _values(service, column)
        if before != after:
            found[name] = _name_of(session, table, before), _name_of(session, table, after)
    return {name: pair for name, pair in found.items() if pair[0] != pair[1] and not _first_mark(name, pair[0])}


def _first_mark(name: str, before: str) -> bool:
    """A new service gets mark and name when its number is known: that is no change."""
    return (name == "mark" and before.startswith("new-")) or (name == "name" and not before)


def _values(service: Service, name: str) -> tuple[Any, Any]:
    """Before this flush, and after it."""
    now = getattr(service, name)
    history = inspect(service).attrs[name].history
    return (history.deleted[0] if history.deleted else now), now


def _cost(service: Service) -> tuple[str, str]:
    (amount, new_amount), (currency, new_currency) = _values(service, "cost_amount"), _values(service, "cost_currency")
    return cost_text(amount, currency), cost_text(new_amount, new_currency)


def cost_text(amount: Decimal | None, currency: str | None) -> str:
    if amount is None:
        return ""
    cents = f"{amount:.2f}"
    return f"{cents if Decimal(cents) == amount else format(amount.normalize(), 'f')} {currency}"


def _texts(before: Any, after: Any) -> tuple[str, str]:
    return text(before), text(after)


def text(value: Any) -> str:
    match value:
        case None:
            return ""
        case Enum():
            return str(value.value)
        case date():
            return value.isoformat()
    return str(value)


def _name_of(session: Session, table: type[TariffPlan] | type[ProcessingModule], number: int | None) -> str:
    row = session.get(table, number) if number is not None else None
    return str(getattr(row, "name", ""))
