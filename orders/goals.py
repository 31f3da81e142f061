"""Is an operation confirmed? What each kind wants to see at the upstream, for poller and order alike."""

from dataclasses import dataclass, field
from datetime import date
from typing import Self

from models.enums import OperationKind, UpstreamStatus
from models.events import UpstreamSnapshot
from models.goals import goal_failed, goal_met
from models.parameters import EXPIRES_BEFORE, FIELD_PREFIX, PRICELIST
from upstreams.port import UpstreamItem

SEEN_IN_FORMS = frozenset({OperationKind.CHANGE_PLAN, OperationKind.SET_PARAMETERS})
"""Kinds whose effect lists do not show well enough: the item's form is read."""


@dataclass(frozen=True)
class Seen:
    """An item as far as goals need it."""

    status: UpstreamStatus
    expires_on: date | None = None
    form: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_snapshot(cls, snapshot: UpstreamSnapshot) -> Self:
        return cls(UpstreamStatus(snapshot.status), snapshot.expires_on, snapshot.form)

    @classmethod
    def of_form(cls, item: UpstreamItem) -> Self:
        return cls(item.status, item.expires_on, item.raw)


def outcome(kind: OperationKind, parameters: dict[str, str], seen: Seen) -> bool | None:
    """True: the goal is reached; False: it can't be any more; None: neither yet."""
    if goal_failed(kind, seen.status):
        return False
    match kind:
        case OperationKind.OPEN | OperationKind.SUSPEND | OperationKind.RESUME | OperationKind.CLOSE:
            return True if goal_met(kind, seen.status) else None
        case OperationKind.PROLONG:
            before = parameters.get(EXPIRES_BEFORE)
            if before is None or seen.status is UpstreamStatus.PROCESSING or seen.expires_on is None:
                return None
            return True if not before or seen.expires_on > date.fromisoformat(before) else None
        case OperationKind.CHANGE_PLAN:
            there = seen.form.get("pricelist") == parameters.get(PRICELIST)
            return True if there and seen.status is not UpstreamStatus.PROCESSING else None
        case OperationKind.SET_PARAMETERS:
            wanted = {n.removeprefix(FIELD_PREFIX): v for n, v in parameters.items() if n.startswith(FIELD_PREFIX)}
            there = all(seen.form.get(name) == value for name, value in wanted.items())
            return True if there and seen.status is not UpstreamStatus.PROCESSING else None
