"""What changed at the upstream between two looks at one item. Pure: no I/O.

Values that cannot be right are reported as HELD_BACK and never enter the snapshot, so nothing is applied from them.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Context, Decimal

from models.columns import utc_now
from models.enums import EventKind, UpstreamStatus
from models.events import UpstreamSnapshot
from orders.services.expiry import is_implausible
from upstreams.port import KEY_READY, UpstreamItem

COST_JUMP = Decimal(100)
"""A cost this many times the last one is a slip, not a price."""
CENT_OF_A_CENT = Decimal("0.0001")
"""Costs are compared as exactly as they are stored (models.columns.Amount), and no more so."""

_SETTLED = frozenset({UpstreamStatus.ORDERED, UpstreamStatus.ACTIVE, UpstreamStatus.SUSPENDED, UpstreamStatus.DELETED})


@dataclass(frozen=True)
class Change:
    """One event in the making: field -> (before, after)."""

    kind: EventKind
    fields: dict[str, tuple[str, str]] = field(default_factory=dict)


def new_snapshot(account_id: int, item: UpstreamItem) -> UpstreamSnapshot:
    snapshot = UpstreamSnapshot(
        account_id=account_id, product_type=item.product_type, number=item.number, status=int(item.status)
    )
    snapshot.held_back = _implausible(snapshot, item)
    _take_over(snapshot, item, snapshot.held_back.keys())
    return snapshot


_WRITTEN_DIFFERENTLY = ("name", "mark", "ip", "renewal", "tariff", "cost", "expires_on")
"""Fields that list and form may write differently (a tariff's name and its number, say)."""
_NONE_IF_EMPTY = frozenset({"cost", "mark", "expires_on"})


def as_listed(snapshot: UpstreamSnapshot, form: UpstreamItem) -> UpstreamItem:
    """What a form shows, without what the list shows better; so reading list and form in turn is no change."""
    known: dict[str, object] = {
        name: (None if name in _NONE_IF_EMPTY else "") for name in _WRITTEN_DIFFERENTLY if name in snapshot.listed
    }
    if "renewal" in known:
        known["renewal"] = snapshot.renewal
    known |= _tariff_of_form(snapshot, form)
    if form.status is UpstreamStatus.UNKNOWN and not snapshot.gone:
        known |= {
            "status": UpstreamStatus(snapshot.status),
            "status_detail": snapshot.status_detail,
            "cause": snapshot.cause,
            "dead_end": snapshot.dead_end,
        }
    return form.model_copy(update=known)


def _tariff_of_form(snapshot: UpstreamSnapshot, form: UpstreamItem) -> dict[str, object]:
    """The number beside a name that lists show waits for the list, so that both change at once. If a list has shown
    another name that nobody could explain, the number explains it now."""
    if "tariff" not in snapshot.listed:
        return {"tariff_id": tariff_number(form)}
    if not snapshot.tariff_unexplained:
        return {"tariff_id": ""}
    return {"tariff_id": tariff_number(form), "tariff": snapshot.tariff_unexplained}


def tariff_number(form: UpstreamItem) -> str:
    """The tariff's number as a form shows it; empty where it shows a name alone."""
    return form.tariff_id or _number(form.tariff)


def _number(tariff: str) -> str:
    return tariff if tariff.isascii() and tariff.isdigit() else ""


def note_form(snapshot: UpstreamSnapshot, form: UpstreamItem) -> None:
    """Keep the form as it was read now, and what forms show better: the cause of the state, the tariff's number, and
    whether the upstream renews."""
    snapshot.form = form.raw
    if form.status is not UpstreamStatus.UNKNOWN:
        snapshot.status_detail, snapshot.cause, snapshot.dead_end = form.status_detail, form.cause, form.dead_end
    snapshot.tariff_id = snapshot.tariff_id or tariff_number(form)
    snapshot.form_tariff, snapshot.form_mark = form.tariff_id or form.tariff, form.mark or ""
    snapshot.form_renewal = form.renewal or ""
    if form.renews is not None and form.renews is not snapshot.renews:
        snapshot.renews, snapshot.renews_since = form.renews, utc_now()


def list_is_behind(snapshot: UpstreamSnapshot, form: UpstreamItem) -> bool:
    """The form has changed and shows a later expiry or another tariff than the list did: the list, which counts, should
    be read again."""
    if form.raw == snapshot.form:
        return False
    if "tariff" in snapshot.listed and snapshot.tariff_id not in ("", tariff_number(form)):
        return True
    if "expires_on" not in snapshot.listed or form.expires_on is None:
        return False
    return snapshot.expires_on is None or form.expires_on > snapshot.expires_on


def listed_fields(item: UpstreamItem) -> list[str]:
    return [name for name in _WRITTEN_DIFFERENTLY if getattr(item, name) not in (None, "")]


def note_listed(snapshot: UpstreamSnapshot, item: UpstreamItem) -> None:
    snapshot.listed = listed_fields(item)


def compare(snapshot: UpstreamSnapshot, item: UpstreamItem) -> list[Change]:
    """The changes from the snapshot to the item, most important first; none if it is as it was."""
    changes = [
        *_status_changes(snapshot, item),
        *_value_changes(snapshot, item),
        *held_back_changes(snapshot, item),
        *key_changes(snapshot.raw, item),
    ]
    return merged(change for change in changes if not _reported_already(snapshot, change))


def held_back_changes(snapshot: UpstreamSnapshot, item: UpstreamItem) -> list[Change]:
    """What is shown and can't be true, so that nothing is taken over from it."""
    return [
        Change(EventKind.HELD_BACK, {name: (_text(getattr(snapshot, name, "")), shown)})
        for name, shown in item.unreadable.items()
    ]


def merged(changes: Iterable[Change]) -> list[Change]:
    """One change of each kind, with all its fields."""
    fields: dict[EventKind, dict[str, tuple[str, str]]] = {}
    for change in changes:
        fields.setdefault(change.kind, {}).update(change.fields)
    return [Change(kind, pairs) for kind, pairs in fields.items()]


def _reported_already(snapshot: UpstreamSnapshot, change: Change) -> bool:
    return change.kind is EventKind.HELD_BACK and all(
        snapshot.held_back.get(name) == after for name, (_, after) in change.fields.items()
    )


def update_snapshot(snapshot: UpstreamSnapshot, item: UpstreamItem, changes: list[Change]) -> None:
    """Bring the snapshot up to the item, without the values that were held back."""
    implausible = _implausible(snapshot, item)
    if snapshot.gone:  # it may be another one of the same number: what the gone one was marked with is not its mark
        snapshot.mark = item.mark
    _take_over(snapshot, item, implausible.keys())
    snapshot.held_back = implausible
    snapshot.misses = 0
    snapshot.gone = False
    if changes:
        snapshot.version += 1


def seen_again(snapshot: UpstreamSnapshot, item: UpstreamItem) -> None:
    """The item is as it was; of its tariff something may be shown for the first time."""
    snapshot.misses = 0
    _take_over_tariff(snapshot, item)


def _status_changes(snapshot: UpstreamSnapshot, item: UpstreamItem) -> list[Change]:
    before, after = UpstreamStatus(snapshot.status), item.status
    reason = item.suspend_reason.value if item.suspend_reason else ""
    if after is UpstreamStatus.UNKNOWN and not snapshot.gone:
        return []  # it does not say: what was known stays
    if before is after and not snapshot.gone:
        if after is UpstreamStatus.SUSPENDED and reason and reason != (snapshot.suspend_reason or ""):
            return [Change(EventKind.SUSPENDED, {"suspend_reason": (snapshot.suspend_reason or "", reason)})]
        return []
    fields = {"status": (before.name.lower(), after.name.lower())}
    match after:
        case UpstreamStatus.ACTIVE:
            return [Change(_became_active(snapshot), fields)]
        case UpstreamStatus.SUSPENDED:
            return [Change(EventKind.SUSPENDED, fields | ({"suspend_reason": ("", reason)} if reason else {}))]
        case UpstreamStatus.DELETED:
            return [Change(EventKind.CLOSED, fields)]
        case UpstreamStatus.PROCESSING:
            return [Change(EventKind.OPERATION_STARTED, fields | {"status_detail": ("", item.status_detail)})]
        case UpstreamStatus.ORDERED | UpstreamStatus.UNKNOWN:
            return [Change(EventKind.PARAMETERS_CHANGED, fields)]


def _became_active(snapshot: UpstreamSnapshot) -> EventKind:
    match snapshot.settled_status:
        case UpstreamStatus.SUSPENDED:
            return EventKind.RESUMED
        case UpstreamStatus.ACTIVE:
            return EventKind.OPERATION_ENDED
        case _:
            return EventKind.OPENED


def _value_changes(snapshot: UpstreamSnapshot, item: UpstreamItem) -> list[Change]:
    changes: list[Change] = []
    if item.expires_on is not None and item.expires_on != snapshot.expires_on:
        pair = {"expires_on": (_text(snapshot.expires_on), item.expires_on.isoformat())}
        if is_implausible(item.expires_on):
            changes.append(Change(EventKind.HELD_BACK, pair))
        elif snapshot.expires_on is None:
            changes.append(Change(EventKind.PARAMETERS_CHANGED, pair))
        else:
            grew = item.expires_on > snapshot.expires_on
            changes.append(Change(EventKind.PROLONGED if grew else EventKind.SHORTENED, pair))
    changes.extend(_tariff_changes(snapshot, item))
    changes.extend(_cost_changes(snapshot, item))
    parameters = {
        name: (_text(getattr(snapshot, name)), _text(getattr(item, name)))
        for name in ("name", "mark", "ip")
        if getattr(item, name) and getattr(item, name) != getattr(snapshot, name)
    }
    if _renewal_changed(snapshot, item):
        parameters["renewal"] = (snapshot.renewal, item.renewal or "")
    if parameters:
        changes.append(Change(EventKind.PARAMETERS_CHANGED, parameters))
    return changes


def _renewal_changed(snapshot: UpstreamSnapshot, item: UpstreamItem) -> bool:
    """Some lists show a word while the upstream renews, and an empty column while it does not."""
    before, after = snapshot.renewal, item.renewal
    if after:
        return after != before and not (not before and item.renews is False)
    return bool(before) and _renewal_was_emptied(snapshot, item)


def _renewal_was_emptied(snapshot: UpstreamSnapshot, item: UpstreamItem) -> bool:
    """The list has shown how it is renewed, and the place for it is empty now."""
    return item.renewal == "" and "renewal" in snapshot.listed


def _tariff_changes(snapshot: UpstreamSnapshot, item: UpstreamItem) -> list[Change]:
    """The tariff's number decides; the same one under another name was renamed.

    A list that shows names alone shows of a change what the form has shown already, or nothing for certain.
    """
    fields: dict[str, tuple[str, str]] = {}
    if item.tariff and item.tariff != snapshot.tariff:
        fields["tariff"] = (snapshot.tariff, item.tariff)
    number = item.tariff_id or (_number(snapshot.form_tariff) if item.tariff else "")
    if number and snapshot.tariff_id not in ("", number):
        fields["tariff_id"] = (snapshot.tariff_id, number)
        return [Change(EventKind.PLAN_CHANGED, fields)]
    if not fields or is_unexplained(snapshot, item):
        return []
    changed = bool(snapshot.tariff) and not snapshot.tariff_id
    return [Change(EventKind.PLAN_CHANGED if changed else EventKind.PARAMETERS_CHANGED, fields)]


def is_unexplained(snapshot: UpstreamSnapshot, item: UpstreamItem) -> bool:
    """A list shows another name of the tariff and no number, and the form that was read last is of no help."""
    if item.tariff_id or not item.tariff or item.tariff == snapshot.tariff or not snapshot.tariff:
        return False
    return bool(snapshot.tariff_id) and _number(snapshot.form_tariff) == snapshot.tariff_id


def key_changes(known: Mapping[str, str], item: UpstreamItem) -> list[Change]:
    """A licence's key has come, or is gone again because another one is being made. Only forms show it."""
    before, after = known.get(KEY_READY, ""), item.raw.get(KEY_READY, "")
    match before, after:
        case "" | "no", "yes":
            return [Change(EventKind.KEY_READY, {KEY_READY: ("no", after)})]
        case "yes", "no":
            return [Change(EventKind.PARAMETERS_CHANGED, {KEY_READY: (before, after)})]
        case _:
            return []


def held_back_fields(item: UpstreamItem) -> dict[str, str]:
    """Field -> what it shows and nobody believes, whatever was known of the item before."""
    found = dict(item.unreadable)
    if item.expires_on is not None and is_implausible(item.expires_on):
        found["expires_on"] = item.expires_on.isoformat()
    return found


def _implausible(snapshot: UpstreamSnapshot, item: UpstreamItem) -> dict[str, str]:
    """Field -> what it shows and nobody believes."""
    changes = [*_value_changes(snapshot, item), *held_back_changes(snapshot, item)]
    return {
        name: after
        for change in changes
        if change.kind is EventKind.HELD_BACK
        for name, (_, after) in change.fields.items()
    }


def _cost_changes(snapshot: UpstreamSnapshot, item: UpstreamItem) -> list[Change]:
    if item.cost is None:
        return []
    amount = _stored(item.cost.amount)
    if amount == snapshot.cost_amount and item.cost.currency == snapshot.cost_currency:
        return []
    before = f"{snapshot.cost_amount:.2f} {snapshot.cost_currency}" if snapshot.cost_amount is not None else ""
    pair = {"cost": (before, str(item.cost))}
    if snapshot.cost_amount is None:
        return [] if amount == 0 else [Change(EventKind.COST_CHANGED, pair)]
    jumped = snapshot.cost_amount > 0 and (amount <= 0 or amount >= snapshot.cost_amount * COST_JUMP)
    return [Change(EventKind.HELD_BACK if jumped else EventKind.COST_CHANGED, pair)]


def _take_over(snapshot: UpstreamSnapshot, item: UpstreamItem, held_back: Collection[str]) -> None:
    if item.status is not UpstreamStatus.UNKNOWN or snapshot.gone:
        _take_over_status(snapshot, item)
    snapshot.name = item.name or snapshot.name
    snapshot.mark = item.mark if item.mark is not None else snapshot.mark
    if item.expires_on is not None and "expires_on" not in held_back:
        snapshot.expires_on = item.expires_on
    _take_over_tariff(snapshot, item)
    if item.cost is not None and "cost" not in held_back:
        snapshot.cost_amount = _stored(item.cost.amount)
        snapshot.cost_currency = item.cost.currency
    snapshot.ip = item.ip or snapshot.ip
    if item.renewal or _renewal_was_emptied(snapshot, item):
        snapshot.renewal = item.renewal or ""
    snapshot.raw = {**snapshot.raw, **item.raw}


def _take_over_tariff(snapshot: UpstreamSnapshot, item: UpstreamItem) -> None:
    if is_unexplained(snapshot, item):
        snapshot.tariff_unexplained = item.tariff
        return
    if item.tariff:
        snapshot.tariff, snapshot.tariff_unexplained = item.tariff, ""
    number = item.tariff_id or (_number(snapshot.form_tariff) if item.tariff else "")
    snapshot.tariff_id = number or snapshot.tariff_id


def _take_over_status(snapshot: UpstreamSnapshot, item: UpstreamItem) -> None:
    snapshot.status = int(item.status)
    if item.status in _SETTLED:
        snapshot.settled_status = int(item.status)
    snapshot.status_detail = item.status_detail
    snapshot.cause, snapshot.dead_end = item.cause, item.dead_end
    if item.status is UpstreamStatus.SUSPENDED:
        snapshot.suspend_reason = item.suspend_reason.value if item.suspend_reason else snapshot.suspend_reason
    else:
        snapshot.suspend_reason = None


def _stored(amount: Decimal) -> Decimal:
    return amount.quantize(CENT_OF_A_CENT, context=Context(prec=60))


def _text(value: object) -> str:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else str(value)
