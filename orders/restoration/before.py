"""What the restored database knows of an item, noted in the intent of an operation that may have been sent since."""

from collections.abc import Mapping
from datetime import date, datetime

from models.catalogue import PlanMapping
from models.enums import IntentState
from models.events import UpstreamSnapshot
from models.order import Intent, Service
from orders.services import addons

RESTORED = "restored"
"""In `before` of an intent: when the database was restored that the intent was written for."""
EXPIRY, TARIFF, ADDONS = "known_expiry", "known_tariff", "known_addons"


def notes(
    at: datetime, service: Service, snapshot: UpstreamSnapshot | None, mapping: PlanMapping | None
) -> dict[str, list[str]]:
    """A value that the database does not know is left out."""
    found = {RESTORED: [at.isoformat()]}
    expires = known_expiry(service, snapshot)
    if expires is not None:
        found[EXPIRY] = [expires.isoformat()]
    if snapshot is not None and snapshot.form_tariff:
        found[TARIFF] = [snapshot.form_tariff]
    if snapshot is not None and snapshot.form and mapping is not None:
        found[ADDONS] = addons_in_words(mapping, snapshot.form)
    return found


def known_expiry(service: Service, snapshot: UpstreamSnapshot | None) -> date | None:
    seen = snapshot.expires_on if snapshot is not None else None
    return seen or service.expires_on


def addons_in_words(mapping: PlanMapping, form: Mapping[str, str]) -> list[str]:
    return [f"{name} {value}" for name, value in sorted(addons.had(mapping, form).items())]


def is_suspected(call: Intent | None) -> bool:
    """The call was never recorded: it is there because the operation may have been sent after the backup."""
    return call is not None and RESTORED in call.before


def may_be_sent(calls: list[Intent]) -> bool:
    """Nothing recorded keeps the operation from being sent: every call is settled, and none was accepted."""
    return all(call.state.is_settled and call.state is not IntentState.ACCEPTED for call in calls)
