"""Is an operation confirmed? What each kind wants to see at the upstream, for poller and order alike."""

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Self

from models.enums import OperationKind, UpstreamStatus
from models.events import UpstreamSnapshot
from models.goals import goal_failed, goal_met
from models.parameters import EXPIRES_BEFORE, FIELD_PREFIX, SHOWN_PREFIX, TARIFF
from orders.services.meaning import RENEWAL_FIELD, number_of, same_value
from upstreams.port import UpstreamItem

NOTHING = "null"
"""The upstream's word for nothing chosen, e.g. no renewal of its own."""
MOST_OF_A_VALUE = 80
"""Characters of a form's value in a sentence for people."""
SEEN_IN_FORMS = frozenset({OperationKind.CHANGE_PLAN, OperationKind.SET_PARAMETERS})
"""Kinds whose effect lists do not show well enough: the item's form is read."""

DEAD_ENDS = frozenset({"item_status_service_nosuitable", "service_status_6"})
"""Causes of a state that last until somebody at the upstream does something: nothing can open it, or it was refused."""


@dataclass(frozen=True)
class Seen:
    """An item as far as goals need it."""

    status: UpstreamStatus
    expires_on: date | None = None
    form: dict[str, str] = field(default_factory=dict)
    detail: str = ""
    """The upstream's own key for the cause of its state, e.g. `item_status_5_open`."""

    @classmethod
    def of_snapshot(cls, snapshot: UpstreamSnapshot) -> Self:
        return cls(UpstreamStatus(snapshot.status), snapshot.expires_on, snapshot.form, snapshot.status_detail)

    @classmethod
    def of_form(cls, item: UpstreamItem) -> Self:
        return cls(item.status, item.expires_on, item.raw, item.status_detail)

    @property
    def dead_end(self) -> bool:
        """The upstream does not go on with it by itself, as far as it tells."""
        return self.status is UpstreamStatus.PROCESSING and self.detail in DEAD_ENDS


def outcome(kind: OperationKind, parameters: dict[str, str], seen: Seen) -> bool | None:
    """True: the goal is reached; False: it can't be any more; None: neither yet."""
    if goal_failed(kind, seen.status) or (kind is OperationKind.OPEN and seen.dead_end):
        return False
    match kind:
        case OperationKind.OPEN | OperationKind.SUSPEND | OperationKind.RESUME | OperationKind.CLOSE:
            return True if goal_met(kind, seen.status) else None
        case OperationKind.PROLONG:
            before = parameters.get(EXPIRES_BEFORE)
            if before is None or seen.status is UpstreamStatus.PROCESSING or seen.expires_on is None:
                return None
            return True if not before or seen.expires_on > date.fromisoformat(before) else None
        case OperationKind.CHANGE_PLAN | OperationKind.SET_PARAMETERS:
            there = not differences(kind, parameters, seen)
            return True if there and seen.status is not UpstreamStatus.PROCESSING else None


def differences(kind: OperationKind, parameters: dict[str, str], seen: Seen) -> str:
    """What the item's form does not show (yet), in words: "tariff: wanted 59, shows 58". Empty: all is there.

    Values are compared by meaning: `4 GB` is 4, a name in punycode is the one in Unicode.
    """
    wanted: list[tuple[str, str, str, bool]] = []
    match kind:
        case OperationKind.CHANGE_PLAN:
            tariff, asked = seen.form.get("pricelist", ""), parameters.get(TARIFF, "")
            wanted.append(("tariff", tariff, asked, tariff == asked))
            for name, value in _under(SHOWN_PREFIX, parameters):
                shown = seen.form.get(name, "")
                wanted.append((name, shown, value, _same_amount(shown, value)))
        case OperationKind.SET_PARAMETERS:
            for name, value in fields_to_show(parameters).items():
                found = seen.form.get(name)
                wanted.append((name, found or "", value, same_value(name, found, value)))
        case _:
            pass
    return "; ".join(
        f"{name}: wanted {asked or 'nothing'}, shows {found[:MOST_OF_A_VALUE] or 'nothing'}"
        for name, found, asked, same in wanted
        if not same
    )


def fields_to_set(parameters: dict[str, str]) -> dict[str, str]:
    """Upstream field -> value, of an operation that sets parameters."""
    return dict(_under(FIELD_PREFIX, parameters))


def fields_to_show(parameters: dict[str, str]) -> dict[str, str]:
    """Those that tell whether it was done. Who renews is a call of its own, made after the rest is accepted; it tells
    only where nothing else was asked for."""
    fields = fields_to_set(parameters)
    return {name: value for name, value in fields.items() if name != RENEWAL_FIELD} or fields


def fields_missing(parameters: dict[str, str], seen: Seen) -> dict[str, str]:
    """Those whose values the form does not show (yet), who renews among them."""
    fields = fields_to_set(parameters)
    return {name: value for name, value in fields.items() if not same_value(name, seen.form.get(name), value)}


def _under(prefix: str, parameters: dict[str, str]) -> list[tuple[str, str]]:
    return [(name.removeprefix(prefix), value) for name, value in parameters.items() if name.startswith(prefix)]


def _same_amount(shown: str, wanted: str) -> bool:
    """Of "60 GB" the number counts, and of "60 GB SSD" the number that it begins with; other texts must be equal."""
    if number_of(shown) is None and (found := re.match(r"\s*(\d+)(?![\d.,])", shown)):
        shown = found[1]
    number, asked = number_of(shown), number_of(wanted)
    return number == asked if number is not None and asked is not None else shown.strip() == wanted.strip()
