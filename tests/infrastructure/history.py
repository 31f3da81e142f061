"""Every change that product code makes of a service has its entry in the service's history.

In the test suite only: each value that product code sets in a stored service is noted, and before the transaction is
committed there must be an entry, added to the same session since then, that has the value. Stories that run at the same
time, in one database or in several, have sessions of their own, so none can hide or spoil what another one does. It
asks the database nothing, so that tests may count statements. What tests set themselves is theirs. Statements that
change services past the session are not seen here (`orders.lifecycle.fast_path` has a test of its own).
"""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, inspect
from sqlalchemy.orm import Session

from models.audit import AuditEntry
from models.catalogue import ProcessingModule, TariffPlan
from models.enums import EventKind
from models.order import Service
from models.renewal import owner_of
from orders.services.history import SUBJECT, cost_text, text
from tests.infrastructure.processes import PROJECT

FIELDS = {
    "status": "status",
    "suspend_reason": "suspend_reason",
    "name": "name",
    "mark": "mark",
    "upstream_number": "upstream_number",
    "upstream_tariff": "upstream_pricelist",
    "period_months": "period_months",
    "renewal_owner": "renewal_owner",
    "renews_automatically": "renewal_owner",
    "ip": "ip",
    "expires_on": "expires_on",
    "at_end_of_term": "at_end_of_term",
    "parameters": "parameters",
    "addons": "addons",
    "cost_amount": "cost",
    "cost_currency": "cost",
    "plan_id": "plan",
    "module_id": "processing_module",
}
"""Column -> the field of the history that tells it."""
_TOLD_TOGETHER = ("cost_amount", "cost_currency", "renewal_owner", "renews_automatically")
"""Columns of which two are one field."""
_ROWS = str(PROJECT / "models" / "order.py")
"""A property of a row is set by whoever uses it."""
_CHANGED = "services_changed"
_ENTRIES = "entries_of_services"
"""Under this name a session keeps the entries of the history that were added to it: service and changes."""
_missing: list[str] = []


@pytest.fixture(autouse=True)
def _history_is_complete() -> Iterator[None]:
    begin()
    yield
    assert _missing == [], "changed without an entry in the service's history"


def begin() -> None:
    """A test begins. Transactions of others may be under way: what their sessions have noted stays."""
    _missing.clear()


def missing() -> list[str]:
    """What has been found since the test began; whoever asks has dealt with it."""
    found, _missing[:] = [*_missing], []
    return found


def _note(service: Service, value: object, before: object, initiator: Any) -> None:
    state = inspect(service)
    if state.session is None or not state.persistent or service.id is None:
        return
    where = _set_by()
    if where:
        so_far = len(_entries(state.session))
        changed = state.session.info.setdefault(_CHANGED, {}).setdefault(service.id, (service, {}, {}, so_far))
        changed[1].setdefault(initiator.key, service.__dict__.get(initiator.key))
        changed[2][initiator.key] = where


def _set_by() -> str:
    """File and line of the product that sets the value; empty: a test does."""
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(str(PROJECT)) and "site-packages" not in name and name != _ROWS:
            return (
                ""
                if name.startswith(str(PROJECT / "tests"))
                else f"{name.removeprefix(f'{PROJECT}/')}:{frame.f_lineno}"
            )
        frame = frame.f_back  # type: ignore[assignment]
    return ""


def _entries(session: Session) -> list[tuple[int, dict[str, list[str]]]]:
    found: list[tuple[int, dict[str, list[str]]]] = session.info.setdefault(_ENTRIES, [])
    return found


@event.listens_for(Session, "after_attach")
def _note_entry(session: Session, row: object) -> None:
    if not isinstance(row, AuditEntry) or not inspect(row).pending:
        return
    if row.subject == SUBJECT and row.action != EventKind.HELD_BACK:  # of which nothing is applied
        _entries(session).append((row.subject_number, dict(row.changes)))


for _column in FIELDS:
    event.listen(getattr(Service, _column), "set", _note)


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, previous: Any) -> None:
    if not previous.nested:
        session.info.pop(_CHANGED, None)
        session.info.pop(_ENTRIES, None)


@event.listens_for(Session, "before_commit")
def _check(session: Session) -> None:
    if session.in_nested_transaction() or _CHANGED not in session.info:
        return
    session.flush()
    for number, (service, before, where, since) in session.info.pop(_CHANGED).items():
        now = {name: getattr(service, name) for name in before}
        whole = {name: getattr(service, name) for name in _TOLD_TOGETHER}
        was, is_now = _shown(session, {**whole, **before}), _shown(session, {**whole, **now})
        wanted = {name: is_now.get(name, "") for name in was | is_now if was.get(name, "") != is_now.get(name, "")}
        own = [changes for one, changes in _entries(session)[since:] if one == number]
        told = {name: pair[1] for changes in own for name, pair in changes.items()}
        _missing.extend(
            f"{name} of service {number} is {value!r}, not {told.get(name)!r}: {sorted(set(where.values()))}"
            for name, value in wanted.items()
            if told.get(name) != value
        )


def _shown(session: Session, values: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for column, value in values.items():
        match column:
            case "parameters" | "addons":
                found |= {f"{column}.{key}": text(one) for key, one in (value or {}).items()}
            case "plan_id":
                found["plan"] = session.get_one(TariffPlan, value).name
            case "module_id":
                found["processing_module"] = session.get_one(ProcessingModule, value).name
            case "renewal_owner" | "renews_automatically":
                found["renewal_owner"] = text(owner_of(values["renewal_owner"], values["renews_automatically"]))
            case "cost_amount" | "cost_currency":
                found["cost"] = cost_text(values["cost_amount"], values["cost_currency"])
            case _:
                found[FIELDS[column]] = text(value)
    return found
