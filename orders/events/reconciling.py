"""Reconciles items of the upstream with their snapshots, in one transaction: every difference becomes an event."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from models import rows
from models.audit import AuditEntry
from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.enums import EventKind, UpstreamStatus
from models.events import UpstreamEvent, UpstreamList, UpstreamSnapshot
from models.order import Service
from models.public_words import public
from models.webhooks import WebhookMessage
from orders.events.batch import Batch, snapshots_of
from orders.events.differences import (
    Change,
    as_listed,
    compare,
    key_changes,
    list_is_behind,
    listed_fields,
    merged,
    new_snapshot,
    note_form,
    note_listed,
    seen_again,
    update_snapshot,
)
from orders.events.learning import ListLearning
from orders.events.owners import Owners
from orders.events.result import PollResult
from orders.events.waiting import CONFIRMABLE, WaitingOperation, outcome_of_running, waiting_operations
from orders.operations.registry import operation_type
from orders.services import renewal, tracking
from orders.services.history import Changes, write_events
from orders.services.state import apply_snapshot
from orders.settlement.other_terms import report_other_currency, show_cost_seen_late
from orders.settlement.second_terms import report_second_term
from orders.webhooks.outbox import item_appeared
from upstreams.port import UpstreamItem

MISSES_BEFORE_GONE = 2

_TOLD_BY_FORM = frozenset({EventKind.OPENED, EventKind.RESUMED, EventKind.PLAN_CHANGED, EventKind.OPERATION_ENDED})
"""After these the form is read, which shows more than the list (addresses, the tariff's number)."""
_HINTS_AT_MORE = frozenset(map(public, ("tariff", "renewal", "cost")))
"""Fields of a list whose change may come of one that only the form shows: tariff number, who renews, add-ons."""


@dataclass(frozen=True)
class _Notified:
    """An operation that hears of an event, and what the event means for it."""

    operation: int
    met: bool


class Reconciliation:
    """One transaction: `load`, then `row`, `form`, `note_missing`, `mark_gone`; after forms `report_renewals`; last
    `confirm_waiting` and `write`."""

    def __init__(self, session: AsyncSession, account: UpstreamAccount, product_type: str) -> None:
        self._session = session
        self._account = account
        self._account_id = account.id
        self._product_type = product_type
        self._batch = Batch(session, account.id, product_type)
        self._owners = Owners(self._batch)
        self._lessons = ListLearning(self._batch, account)
        self._known: dict[str, UpstreamSnapshot] = {}
        self._gone: list[UpstreamSnapshot] = []
        self._is_loaded = False
        self._new: list[UpstreamSnapshot] = []
        self._events: list[UpstreamEvent] = []
        self._with_forms: set[int] = set()
        """Services whose items' forms were read."""
        self.result = PollResult()

    async def load(self, numbers: Collection[str], items: Iterable[UpstreamItem] = ()) -> None:
        """Everything that is asked of the database for these numbers. The snapshots first, with their locks: what is
        read of services after that is as the last one left it who held them."""
        found = await snapshots_of(self._session, self._account_id, self._product_type, numbers, lock=True)
        self._known = {row.number: row for row in found}
        listed = await self._session.get(UpstreamList, (self._account_id, self._product_type))
        self._is_loaded = listed is not None and listed.loaded_at is not None
        items = list(items)
        names = [*(row.name for row in found), *(item.name for item in items)]
        marks = [*(row.mark or "" for row in found), *(item.mark or "" for item in items)]
        await self._batch.load(numbers, names, marks)

    async def row(self, item: UpstreamItem, digest: str, *, rejudge: bool = False) -> None:
        """A row of a list. `rejudge`: something else than the item has changed, so an equal one is judged, too."""
        known = self._known.get(item.number)
        snapshot, changes = self._compared(item)
        if known is None:
            self._new.append(snapshot)
        if known is not None and snapshot.tariff_unexplained:
            self.result.to_read.append(snapshot.number)
        followed = await self._follow(snapshot, changes, None)
        changes = self._with_followed(snapshot, changes, followed)
        if known is None and not self._is_loaded and await self._owners.owner(snapshot) is None:
            note_listed(snapshot, item)  # one of those that the event of the first look counts
        elif changes:
            await self._record_changes(snapshot, item, changes, followed, from_form=False)
        elif rejudge or snapshot.listed != listed_fields(item):
            note_listed(snapshot, item)
            service = await self._owners.owner(snapshot)
            self._lessons.of_row(service, item)
            if service is not None and service.upstream_number == snapshot.number and _form_wanted(snapshot):
                self.result.to_read.append(snapshot.number)
        snapshot.row_digest = "" if snapshot.tariff_unexplained else digest

    async def form(self, form: UpstreamItem) -> None:
        """An item as its form shows it."""
        item, form_before, tariff_before = form, None, ""
        known = self._known.get(form.number)
        if known is not None:
            form_before, tariff_before = known.form, known.form_tariff
            self.result.list_again |= list_is_behind(known, form)
            self.result.form_changed |= known.form != form.raw
            item = as_listed(known, form)
        number_before = known.tariff_id if known is not None else None
        snapshot, changes = self._compared(item)
        self._session.add(snapshot)
        note_form(snapshot, form)
        followed = await self._follow(snapshot, changes, form_before, tariff_before)
        changes = self._with_followed(snapshot, changes, followed)
        if changes:
            await self._record_changes(snapshot, item, changes, followed, from_form=True)
        if any("cost" in change.fields for change in changes):
            service = await self._owners.owner(snapshot)
            if service is not None and service.upstream_number == snapshot.number:
                await show_cost_seen_late(self._session, service, snapshot)
        if changes or form_before != form.raw or number_before != snapshot.tariff_id:
            snapshot.row_digest = ""  # the list is judged by this, too
        if snapshot.service_id is not None:
            self._with_forms.add(snapshot.service_id)

    async def report_renewals(self) -> None:
        """To be awaited after the last form: what these forms show of who renews their services."""
        await renewal.report(self._session, self._account_id, self._with_forms)

    def digests(self, numbers: Iterable[str]) -> dict[str, str]:
        """Number -> the digest that its snapshot has now."""
        return {number: self._known[number].row_digest or "" for number in numbers}

    def note_missing(self, number: str) -> bool:
        """A complete list does not show it. False: it is gone, which is known."""
        snapshot = self._known.get(number)
        if snapshot is None or snapshot.gone:
            return False
        snapshot.misses += 1
        snapshot.row_digest = ""
        if snapshot.misses >= MISSES_BEFORE_GONE:
            self.result.suspects.append(number)
        return True

    def mark_gone(self, number: str) -> None:
        """The upstream itself says that it does not exist."""
        snapshot = self._known.get(number)
        if snapshot is None or snapshot.gone:
            return
        snapshot.gone = True
        snapshot.version += 1
        snapshot.status = int(UpstreamStatus.DELETED)
        snapshot.settled_status = int(UpstreamStatus.DELETED)
        snapshot.changed_at = utc_now()
        snapshot.row_digest = ""
        self._gone.append(snapshot)

    async def confirm_waiting(self) -> None:
        """Tell every order that waits for a state its item is in, whether that state is news or not.

        So an item that was ready before the order knew its number confirms the order too.
        """
        for snapshot in self._gone:
            service = await self._owners.owner(snapshot)
            notify = self._operation_to_notify(service, snapshot)
            change = Change(EventKind.VANISHED, {"status": ("", "gone")})
            event = self._event(snapshot, change, service, notify, {})
            if service is not None and service.upstream_number == snapshot.number:
                self._apply(service, snapshot, [event])
        await self._session.flush()
        waiting = [
            (operation, self._known[operation.upstream_number])
            for operation in await waiting_operations(
                self._session, self._account.name, CONFIRMABLE, items=(self._product_type, self._known.keys())
            )
        ]
        await self._batch.load_notified({operation.number for operation, _ in waiting})
        met = [
            (operation, row, goal)
            for operation, row in waiting
            if (goal := self._unreported_outcome(operation, row)) is not None
        ]
        await self._batch.load_services({operation.service for operation, _, _ in met})
        for operation, row, goal in met:
            service = self._batch.by_number[operation.upstream_number]
            row.service_id = operation.service
            await self._settled(service, row)
            closed = row.status == UpstreamStatus.DELETED
            event_kind = EventKind.CLOSED if closed else operation_type(operation.kind).event
            about = (
                f"{operation.number}|{row.product_type}|{row.number}|{row.status}|{goal}|{'' if goal else row.cause}"
            )
            event_id = f"confirm-{hashlib.sha256(about.encode()).hexdigest()[:40]}"
            event = self._add_event(
                event_id, row, Change(event_kind), service, _Notified(operation.number, goal), row.raw
            )
            self._apply(service, row, [event])
            if _form_wanted(row):
                self.result.to_read.append(row.number)

    async def write(self) -> None:
        """Everything, to the database; to be awaited last. What is new goes there with one statement for each table:
        nobody asks for the numbers of these rows, and SQLAlchemy would ask for each on SQLite."""
        messages, entries = self._pending_rows(WebhookMessage), self._pending_rows(AuditEntry)
        await rows.insert(self._session, *self._new, *self._events, *messages, *entries)
        await self._session.flush()
        self._lessons.write()

    def _pending_rows(self, model: type[SQLModel]) -> list[SQLModel]:
        """Rows that others have added to the session and nobody asks for."""
        found = [row for row in self._session.new if isinstance(row, model)]
        for row in found:
            self._session.expunge(row)
        return found

    def _unreported_outcome(self, operation: WaitingOperation, row: UpstreamSnapshot) -> bool | None:
        """What the item's state means for the operation, if that was not said."""
        met = operation.outcome(row)
        return None if met is None or self._batch.was_notified(operation.number, row, met=met) else met

    def _compared(self, item: UpstreamItem) -> tuple[UpstreamSnapshot, list[Change]]:
        """The item's snapshot, brought up to the item, and what that changed."""
        snapshot = self._known.get(item.number)
        if snapshot is None:
            snapshot = new_snapshot(self._account_id, item)
            self._known[item.number] = snapshot
            appeared = Change(EventKind.APPEARED, {"status": ("", item.status.name.lower())})
            return snapshot, [appeared, *key_changes({}, item)]
        changes = compare(snapshot, item)
        if changes:
            update_snapshot(snapshot, item, changes)
        else:
            seen_again(snapshot, item)
        return snapshot, changes

    def _with_followed(self, snapshot: UpstreamSnapshot, changes: list[Change], followed: Changes) -> list[Change]:
        if not followed:
            return changes
        if not changes:
            snapshot.version += 1
        event_kind = EventKind.PLAN_CHANGED if "plan" in followed else EventKind.PARAMETERS_CHANGED
        return merged([*changes, Change(event_kind, followed)])

    async def _follow(
        self,
        snapshot: UpstreamSnapshot,
        changes: list[Change],
        form_before: dict[str, str] | None,
        tariff_before: str = "",
    ) -> Changes:
        """What staff changed of tariff and add-ons, taken over by the service. `form_before`: the form was read."""
        tariff = next((change.fields["tariff_id"][1] for change in changes if "tariff_id" in change.fields), "")
        if not tariff and form_before is None:
            return {}
        service = await self._owners.owner(snapshot)
        if service is None or service.upstream_number != snapshot.number:
            return {}
        running = self._batch.running.get(service.id)
        plan = await tracking.take_over_plan(self._session, service, tariff, running) if tariff else {}
        if form_before is None and tariff != snapshot.form_tariff:
            return plan  # the form, which tells of add-ons, is of an earlier time
        before = form_before or {}
        changed = bool(tariff) or tariff_before not in ("", snapshot.form_tariff)
        addons = tracking.take_over_addons(self._session, service, snapshot, before, running, plan_changed=changed)
        return plan | await addons

    async def _record_changes(
        self,
        snapshot: UpstreamSnapshot,
        item: UpstreamItem,
        changes: list[Change],
        followed: Changes,
        *,
        from_form: bool,
    ) -> None:
        """Events for the changes, reported to the order that waits for them and applied to the service."""
        if not from_form:
            note_listed(snapshot, item)
        snapshot.changed_at = utc_now()
        service = await self._owners.owner(snapshot)
        if not from_form:
            self._lessons.of_row(service, item)
        notify = self._operation_to_notify(service, snapshot)
        if notify is not None and service is not None and service.upstream_number == snapshot.number:
            await self._settled(service, snapshot)
        events = []
        for change in changes:
            event = self._event(snapshot, change, service, notify, item.raw)
            notify = None if event.operation_id else notify  # one signal for one look is enough
            events.append(event)
        if service is None and changes[0].kind is EventKind.APPEARED and self._is_loaded:
            item_appeared(self._session, self._account.name, snapshot, item.status.name.lower())
        if service is not None and service.upstream_number == snapshot.number:
            self._apply(service, snapshot, events, followed)
            if any(event.kind is EventKind.PROLONGED for event in events):
                await report_second_term(self._session, service)
            if snapshot.cost_currency != self._account.currency:
                await report_other_currency(self._session, service, snapshot)
            if any(_form_shows_more(event, snapshot, from_form) for event in events) or _form_wanted(snapshot):
                self.result.to_read.append(snapshot.number)

    async def _settled(self, service: Service, snapshot: UpstreamSnapshot) -> None:
        """An order hears what became of its item: by then lists have shown what they show of it, and of others."""
        self._lessons.of_listed(service, snapshot)
        await self._owners.report_others(service)

    def _operation_to_notify(self, service: Service | None, snapshot: UpstreamSnapshot) -> _Notified | None:
        """The running operation of this service, if the item's state decides it and it has not heard so yet.

        It may hear before it knows its item's number, that is before the answer to its own request.
        """
        running = self._batch.running.get(service.id) if service is not None else None
        if running is None:
            return None
        met = outcome_of_running(running, snapshot)
        if met is None:
            return None
        notified = self._batch.was_notified(running.id, snapshot, met=met)
        return None if notified else _Notified(running.id, met)

    def _event(
        self,
        snapshot: UpstreamSnapshot,
        change: Change,
        service: Service | None,
        notify: _Notified | None,
        raw: dict[str, str],
    ) -> UpstreamEvent:
        # A value held back may come again later, after other changes: the version tells these events apart too.
        event_id = hashlib.sha256(
            f"{self._account.name}|{snapshot.product_type}|{snapshot.number}|{change.kind}|{snapshot.version}".encode()
        ).hexdigest()[:40]
        held_back = change.kind is EventKind.HELD_BACK
        return self._add_event(event_id, snapshot, change, service, None if held_back else notify, raw)

    def _add_event(
        self,
        event_id: str,
        snapshot: UpstreamSnapshot,
        change: Change,
        service: Service | None,
        notify: _Notified | None,
        raw: dict[str, str],
    ) -> UpstreamEvent:
        event = UpstreamEvent(
            event_id=event_id,
            account_id=self._account_id,
            product_type=snapshot.product_type,
            upstream_number=snapshot.number,
            kind=change.kind,
            changes={public(name): list(pair) for name, pair in change.fields.items()},
            raw=raw,
            status=snapshot.status,
            service_id=service.id if service else None,
            operation_id=notify.operation if notify else None,
            met=notify.met if notify else None,
            cause=snapshot.cause if notify and not notify.met else "",
        )
        self._events.append(event)
        self.result.events += 1
        if notify is not None:
            self.result.waiting += 1
            self._batch.note_notified(notify.operation, snapshot, met=notify.met)
        return event

    def _apply(
        self, service: Service, snapshot: UpstreamSnapshot, events: list[UpstreamEvent], followed: Changes | None = None
    ) -> None:
        snapshot.service_id = service.id
        applied = apply_snapshot(service, snapshot) | (followed or {})
        now = utc_now()
        for event in events:
            if event.kind is not EventKind.HELD_BACK:
                event.applied_at = now
        write_events(self._session, service, self._account.name, events, applied)


def _form_shows_more(event: UpstreamEvent, snapshot: UpstreamSnapshot, from_form: bool) -> bool:
    if event.kind in _TOLD_BY_FORM:
        return True
    if from_form:
        return False
    costs_are_hidden = snapshot.cost_amount is not None and "cost" not in snapshot.listed
    bought = event.kind is EventKind.PROLONGED and costs_are_hidden
    return bought or not _HINTS_AT_MORE.isdisjoint(event.changes)


def _form_wanted(snapshot: UpstreamSnapshot) -> bool:
    """It was in service when it was first seen, so that no opening was seen."""
    return snapshot.status == UpstreamStatus.ACTIVE and not snapshot.form
