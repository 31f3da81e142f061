"""From looks at the upstream to events: snapshot, events and the changes to our services in one transaction."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, and_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry
from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.enums import EventKind, Knowledge, OperationKind, Stage, UpstreamStatus
from models.events import UpstreamEvent, UpstreamSnapshot
from models.order import Operation, Service
from orders import renewal, tracking
from orders.differences import (
    Change,
    absorb,
    as_listed,
    compare,
    is_unexplained,
    key_changes,
    list_is_behind,
    listed_fields,
    merged,
    new_snapshot,
    note_form,
    note_listed,
    seen_again,
)
from orders.goals import SEEN_IN_FORMS, Seen, outcome
from orders.history import Changes, write_events
from orders.intents import learn
from orders.linking import linked_by_hand
from orders.marks import same_mark
from orders.naming import canonical, same_name
from orders.outbox import item_appeared
from orders.second_items import report_paid, report_second
from orders.services import apply_snapshot
from upstreams.port import UpstreamItem

MISSES_BEFORE_GONE = 2
_FEW = 500
"""So many numbers are named to the database in one question."""


_TOLD_BY_FORM = frozenset({EventKind.OPENED, EventKind.RESUMED, EventKind.PLAN_CHANGED, EventKind.OPERATION_ENDED})
"""After these the form is read, which tells more than the list (addresses, the tariff's number)."""
_HINTS_AT_MORE = frozenset({"pricelist", "autoprolong", "cost"})
"""Fields of a list whose change may come of one that only the form shows: tariff number, who renews, add-ons."""


@dataclass
class Digest:
    """What one look brought."""

    events: int = 0
    suspects: list[str] = field(default_factory=list)
    """Numbers missing so often that they should be asked for one by one."""
    to_read: list[str] = field(default_factory=list)
    """Numbers of our own items that changed: their forms tell what the list does not."""
    list_again: bool = False
    """A form shows something newer than the list did, which is the one that counts."""
    form_changed: bool = False
    """A form shows something else than when it was read before."""
    waiting: int = 0
    """Events that wait to be signalled."""


_CONFIRMED_BY_SIGHT = (Stage.AWAITING_CONFIRMATION, Stage.AWAITING_MANUAL_TASK)
"""What a person does by hand is seen as well as what the upstream does; only it is not looked for so often."""


_GROWTH_TELLS = (*_CONFIRMED_BY_SIGHT, Stage.WAITING_FOR_FUNDS)
"""Any growth of the expiry counts after a yes, and is reason enough to look again after a refusal. While it is not
known what became of a prolongation it proves nothing."""


@dataclass(frozen=True)
class Hot:
    """An operation that waits for its item to reach a state."""

    operation: int
    service: int
    kind: OperationKind
    upstream_number: str
    product_type: str
    since_seconds: float
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def by_form(self) -> bool:
        return self.kind in SEEN_IN_FORMS

    def outcome(self, snapshot: UpstreamSnapshot) -> bool | None:
        return outcome(self.kind, self.parameters, Seen.of_snapshot(snapshot))


async def hot_operations(
    session: AsyncSession, upstream: str, stages: tuple[Stage, ...] = (Stage.AWAITING_CONFIRMATION,)
) -> list[Hot]:
    """Operations that wait for a confirmation and know their item, longest waiting last."""
    found = await session.exec(
        select(Operation, Service)
        .join(Service, col(Operation.service_id) == col(Service.id))
        .where(col(Operation.stage).in_(stages), Operation.upstream_name == upstream)
        .order_by(col(Operation.stage_since).desc())
    )
    now = utc_now()
    return [
        Hot(
            operation.id,
            service.id,
            operation.kind,
            service.upstream_number,
            service.product_type,
            (now - operation.stage_since).total_seconds(),
            operation.parameters,
        )
        for operation, service in found.all()
        if operation.id is not None and service.id is not None and service.upstream_number
    ]


async def take_in(
    database: Database,
    account_id: int,
    product_type: str,
    items: Iterable[UpstreamItem],
    *,
    complete: bool,
    from_form: bool = False,
    lists_show_remoteid: Knowledge = Knowledge.UNKNOWN,
) -> Digest:
    """Compare what was read with the snapshot and write every difference down, in one transaction.

    `complete`: the items are the whole list of their type, so what is not among them is missing. `from_form`: they were
    read from their forms.
    """
    items = list(items)
    if not await _differs(database, account_id, product_type, items, complete=complete, from_form=from_form):
        return Digest()
    async with database.write() as session:
        account = await session.get_one(UpstreamAccount, account_id)
        intake = _Intake(session, account)
        await intake.load(product_type, _of_these_alone(items, complete=complete))
        for item in items:
            await intake.item(item, from_form=from_form)
        if complete:
            intake.missing({item.number for item in items})
        await intake.confirm_waiting()
        intake.learn(lists_show_remoteid)
        await session.flush()
        return intake.digest


def _of_these_alone(items: list[UpstreamItem], *, complete: bool) -> set[str] | None:
    """A form, or the head of a list, tells of its own items alone: nothing else is read, or locked, for it. None: what
    is known of all of their type is compared."""
    return {item.number for item in items} if not complete and len(items) <= _FEW else None


async def take_absence(database: Database, account_id: int, product_type: str, number: str) -> Digest:
    """The upstream itself says that this item does not exist (any more)."""
    async with database.write() as session:
        account = await session.get_one(UpstreamAccount, account_id)
        intake = _Intake(session, account)
        await intake.load(product_type, {number})
        intake.vanish(number)
        await intake.confirm_waiting()
        await session.flush()
        return intake.digest


async def _differs(
    database: Database,
    account_id: int,
    product_type: str,
    items: list[UpstreamItem],
    *,
    complete: bool,
    from_form: bool,
) -> bool:
    """A cheap look before a write transaction: most polls bring nothing new."""
    async with database.read() as session:
        numbers = _of_these_alone(items, complete=complete)
        known = {row.number: row for row in await _snapshots(session, account_id, product_type, numbers)}
        for item in items:
            row = known.get(item.number)
            if row is None or compare(row, as_listed(row, item) if from_form else item):
                return True
            if row.form != item.raw if from_form else row.listed != listed_fields(item):
                return True
            if item.pricelist_id not in ("", row.pricelist_id):
                return True
            if not from_form and (row.pricelist_unexplained or is_unexplained(row, item)):
                return True
            if from_form and row.service_id is not None and await _renewal_is_news(session, account_id, row):
                return True
        seen = {item.number for item in items}
        if complete and any(not row.gone and row.number not in seen for row in known.values()):
            return True
        if any(known[number].misses for number in seen if number in known):
            return True
        if not known:
            return False
        account = await session.get_one(UpstreamAccount, account_id)
        for hot in await hot_operations(session, account.name, _CONFIRMED_BY_SIGHT):
            row = known.get(hot.upstream_number)
            if row is None or hot.product_type != product_type:
                continue
            met = hot.outcome(row)
            if met is not None and not await _already_told(session, hot.operation, row, met):
                return True
    return False


async def _renewal_is_news(session: AsyncSession, account_id: int, row: UpstreamSnapshot) -> bool:
    if any(not found.reported for found in await renewal.mismatches(session, account_id, row.service_id)):
        return True
    return row.service_id is not None and await renewal.is_put_right(session, account_id, row.service_id)


async def _snapshots(
    session: AsyncSession, account_id: int, product_type: str, numbers: set[str] | None, *, lock: bool = False
) -> Sequence[UpstreamSnapshot]:
    """What is known of these items, or of all of their type."""
    query = select(UpstreamSnapshot).where(
        UpstreamSnapshot.account_id == account_id, UpstreamSnapshot.product_type == product_type
    )
    if numbers is not None:
        query = query.where(col(UpstreamSnapshot.number).in_(numbers))
    return (await session.exec(query.with_for_update() if lock else query)).all()


async def _already_told(session: AsyncSession, operation: int, row: UpstreamSnapshot, met: bool) -> bool:
    found = await session.exec(
        select(UpstreamEvent.id).where(
            UpstreamEvent.operation_id == operation,
            col(UpstreamEvent.met).is_(met),
            UpstreamEvent.upstream_number == row.number,
            UpstreamEvent.status == row.status,
        )
    )
    return found.first() is not None


_NOT_ASKED_YET = frozenset({Stage.ACCEPTED, Stage.CHECKING_BALANCE, Stage.RETRYING})
"""Stages in which nothing was asked of the upstream: what it shows is no answer to this operation."""


@dataclass(frozen=True)
class _Told:
    """An operation that hears of an event, and what the event means for it."""

    operation: int
    met: bool


class _Intake:
    """One transaction of taking in."""

    def __init__(self, session: AsyncSession, account: UpstreamAccount) -> None:
        assert account.id is not None  # noqa: S101 - read from the database
        self._session = session
        self._account = account
        self._account_id = account.id
        self._known: dict[str, UpstreamSnapshot] = {}
        self._product_type = ""
        self._vanished: list[UpstreamSnapshot] = []
        self._reported: set[str] = set()
        self.digest = Digest()

    async def load(self, product_type: str, numbers: set[str] | None) -> None:
        self._product_type = product_type
        found = await _snapshots(self._session, self._account_id, product_type, numbers, lock=True)
        self._known = {row.number: row for row in found}

    async def item(self, item: UpstreamItem, *, from_form: bool) -> None:
        snapshot = self._known.get(item.number)
        form_before = snapshot.form if snapshot is not None and from_form else None
        form = item
        if snapshot is not None and from_form:
            self.digest.list_again |= list_is_behind(snapshot, item)
            self.digest.form_changed |= snapshot.form != item.raw
            item = as_listed(snapshot, item)
        if snapshot is None:
            snapshot = new_snapshot(self._account_id, item)
            changes = [Change(EventKind.APPEARED, {"status": ("", item.status.name.lower())}), *key_changes({}, item)]
            self._known[item.number] = snapshot
        else:
            changes = compare(snapshot, item)
            if changes:
                absorb(snapshot, item, changes)
            else:
                seen_again(snapshot, item)
        if from_form:
            note_form(snapshot, form)
        elif snapshot.pricelist_unexplained:
            self.digest.to_read.append(snapshot.number)
        self._session.add(snapshot)
        followed = await self._follow(snapshot, changes, form_before)
        if followed:
            if not changes:
                snapshot.version += 1
            kind = EventKind.PLAN_CHANGED if "plan" in followed else EventKind.PARAMETERS_CHANGED
            changes = merged([*changes, Change(kind, followed)])
        if changes:
            await self._take_in_changes(snapshot, item, changes, followed, from_form=from_form)
        elif not from_form and snapshot.listed != listed_fields(item):
            note_listed(snapshot, item)
            await self._learn_from_row(await self._owner(snapshot), item)
        if from_form and snapshot.service_id is not None:
            await renewal.report(self._session, self._account_id, snapshot.service_id)

    async def _follow(
        self, snapshot: UpstreamSnapshot, changes: list[Change], form_before: dict[str, str] | None
    ) -> Changes:
        """What staff changed of tariff and add-ons, taken over by the service. `form_before`: the form was read."""
        tariff = next((change.fields["pricelist_id"][1] for change in changes if "pricelist_id" in change.fields), "")
        if not tariff and form_before is None:
            return {}
        service = await self._owner(snapshot)
        if service is None or service.upstream_number != snapshot.number:
            return {}
        plan = await tracking.take_over_plan(self._session, service, tariff) if tariff else {}
        now = snapshot.form.get("pricelist")
        if form_before is None and tariff != now:
            return plan  # the form, which tells of add-ons, is of an earlier time
        before = form_before or {}
        changed = bool(tariff) or before.get("pricelist") not in (None, now)
        return plan | await tracking.take_over_addons(self._session, service, snapshot, before, plan_changed=changed)

    async def _take_in_changes(
        self,
        snapshot: UpstreamSnapshot,
        item: UpstreamItem,
        changes: list[Change],
        followed: Changes,
        *,
        from_form: bool,
    ) -> None:
        """Events for the changes, told to the order that waits for them and applied to the service."""
        if not from_form:
            note_listed(snapshot, item)
        snapshot.changed_at = utc_now()
        service = await self._owner(snapshot)
        if not from_form:
            await self._learn_from_row(service, item)
        tell = await self._to_be_told(service, snapshot)
        if tell is not None and service is not None and service.upstream_number == snapshot.number:
            await self._settled(service, snapshot)
        events = []
        for change in changes:
            event = self._event(snapshot, change, service, tell, item.raw)
            tell = None if event.operation_id else tell  # one signal for one look is enough
            events.append(event)
        if service is None and changes[0].kind is EventKind.APPEARED and self._account.polled_at is not None:
            item_appeared(self._session, self._account.name, snapshot, item.status.name.lower())
        if service is not None and service.upstream_number == snapshot.number:
            self._apply(service, snapshot, events, followed)
            if any(_form_tells_more(event, from_form=from_form) for event in events) or _form_wanted(snapshot):
                self.digest.to_read.append(snapshot.number)

    def missing(self, seen: set[str]) -> None:
        for snapshot in self._known.values():
            if snapshot.number in seen or snapshot.gone:
                continue
            snapshot.misses += 1
            self._session.add(snapshot)
            if snapshot.misses >= MISSES_BEFORE_GONE:
                self.digest.suspects.append(snapshot.number)

    def vanish(self, number: str) -> None:
        snapshot = self._known.get(number)
        if snapshot is None or snapshot.gone:
            return
        snapshot.gone = True
        snapshot.version += 1
        snapshot.status = int(UpstreamStatus.DELETED)
        snapshot.settled_status = int(UpstreamStatus.DELETED)
        snapshot.changed_at = utc_now()
        self._vanished.append(snapshot)
        self._session.add(snapshot)

    async def confirm_waiting(self) -> None:
        """Tell every order that waits for a state its item is in, whether that state is news or not.

        So an item that was ready before the order knew its number confirms the order too.
        """
        for snapshot in self._vanished:
            service = await self._owner(snapshot)
            tell = await self._to_be_told(service, snapshot)
            change = Change(EventKind.VANISHED, {"status": ("", "gone")})
            event = self._event(snapshot, change, service, tell, {})
            if service is not None and service.upstream_number == snapshot.number:
                self._apply(service, snapshot, [event])
        await self._session.flush()
        for hot in await hot_operations(self._session, self._account.name, _CONFIRMED_BY_SIGHT):
            row = self._known.get(hot.upstream_number)
            if row is None or hot.product_type != self._product_type:
                continue
            status = UpstreamStatus(row.status)
            met = hot.outcome(row)
            if met is None or await _already_told(self._session, hot.operation, row, met):
                continue
            service = await self._session.get_one(Service, hot.service)
            row.service_id = hot.service
            await self._settled(service, row)
            kind = EventKind.CLOSED if status is UpstreamStatus.DELETED else _settled_kind(hot.kind)
            event_id = f"confirm-{hot.operation}-{row.number}-{row.status}-{met}"
            event = self._add_event(event_id, row, Change(kind), service, _Told(hot.operation, met), row.raw)
            self._apply(service, row, [event])
            if _form_wanted(row):
                self.digest.to_read.append(row.number)

    def learn(self, lists_show_remoteid: Knowledge) -> None:
        known = self._account.lists_show_remoteid
        self._account.lists_show_remoteid = learn(lists_show_remoteid, known)
        self._session.add(self._account)

    async def _owner(self, snapshot: UpstreamSnapshot) -> Service | None:
        """The service this item is: by number if we know it, else by our mark. Only the number makes it the item's
        owner for good: a second item with the same mark stays an orphan."""
        found = await self._session.exec(
            select(Service).where(
                Service.account_id == self._account_id,
                Service.product_type == snapshot.product_type,  # each type may count its items by itself
                Service.upstream_number == snapshot.number,
            )
        )
        service = found.one_or_none()
        if service is not None:
            snapshot.service_id = service.id
            return service
        await self._report_second(snapshot)
        by_mark = await self._session.exec(
            select(Service).where(
                Service.account_id == self._account_id,
                Service.product_type == snapshot.product_type,
                col(Service.upstream_number).is_(None),
                (col(Service.mark) == (snapshot.remoteid or "-"))
                | (
                    col(Service.name).in_([snapshot.name or "-", canonical(snapshot.name) or "-"])
                    & col(Service.name_is_ours).is_(True)
                ),
            )
        )
        for ordered in by_mark.all():
            if await self._tells(snapshot, ordered):
                await report_paid(self._session, ordered, snapshot)
                return ordered
        return None

    async def _tells(self, snapshot: UpstreamSnapshot, service: Service) -> bool:
        """Whether what it shows of this service, whole mark or name, may not as well be another service's mark, cut
        short: then the item's name must be this service's, and no name of such another's."""
        if not same_mark(snapshot.remoteid or "", service.mark):
            return True
        found = await self._session.exec(
            select(Service).where(
                Service.account_id == self._account_id,
                Service.id != service.id,
                col(Service.mark).istartswith((snapshot.remoteid or "").strip(), autoescape=True),
            )
        )
        others = found.all()
        return not others or (
            same_name(snapshot.name, service.name) and not any(same_name(snapshot.name, one.name) for one in others)
        )

    async def _report_second(self, snapshot: UpstreamSnapshot) -> None:
        """An item with the mark of a service that is another item already: bought twice? People must know.

        Or with its name, where we made that up and no mark of somebody else's is shown.
        """
        named = {snapshot.name, canonical(snapshot.name)} - {""}
        if not snapshot.remoteid and not named:
            return
        found = await self._session.exec(
            select(Service).where(
                Service.account_id == self._account_id,
                Service.product_type == snapshot.product_type,
                col(Service.upstream_number).is_not(None),
                (col(Service.mark) == (snapshot.remoteid or "-"))
                | (col(Service.name).in_(named) & col(Service.name_is_ours).is_(True)),
            )
        )
        for service in found.all():
            if snapshot.remoteid and same_mark(snapshot.remoteid, service.mark):
                if await self._tells(snapshot, service):
                    await self._report(service, snapshot)
            elif not snapshot.remoteid:
                await self._report(service, snapshot, by="its name")

    async def _settled(self, service: Service, snapshot: UpstreamSnapshot) -> None:
        """An order hears what became of its item: by then lists have shown what they show of it, and of others."""
        await self._learn_from_listed(service, snapshot)
        await self._report_others(service)

    async def _report_others(self, service: Service) -> None:
        """Items with this service's mark, or the name that we made up for it, that were seen before it was linked."""
        if service.mark in self._reported:
            return
        self._reported.add(service.mark)
        found = await self._session.exec(
            select(UpstreamSnapshot).where(
                UpstreamSnapshot.account_id == self._account_id,
                UpstreamSnapshot.product_type == service.product_type,
                col(UpstreamSnapshot.service_id).is_(None),
                UpstreamSnapshot.number != service.upstream_number,
            )
        )
        for snapshot in found.all():
            if same_mark(snapshot.remoteid or "", service.mark):
                if await self._tells(snapshot, service):
                    await self._report(service, snapshot)
            elif service.name_is_ours and not snapshot.remoteid and same_name(snapshot.name, service.name):
                await self._report(service, snapshot, by="its name")

    async def _report(self, service: Service, second: UpstreamSnapshot, by: str = "its mark") -> None:
        """Write down, once for each item, that `second` was ordered for this service, too."""
        if second.gone or second.status == UpstreamStatus.DELETED:
            return
        await report_second(self._session, service, second.number, by=by)

    async def _learn_from_row(self, service: Service | None, item: UpstreamItem) -> None:
        """Our own item as a list just showed it shows what this upstream's lists show."""
        if service is None or service.upstream_number != item.number or await linked_by_hand(self._session, service):
            return
        if item.remoteid is not None:
            self._learn_mark(_seen(item.remoteid == service.mark))
        if item.name:
            self._learn_name(_seen(same_name(item.name, service.name)))

    async def _learn_from_listed(self, service: Service, snapshot: UpstreamSnapshot) -> None:
        """The same of an item that a list showed earlier; what a form said of it proves nothing of lists."""
        if not snapshot.listed or await linked_by_hand(self._session, service):
            return
        self._learn_mark(_seen("remoteid" in snapshot.listed and snapshot.remoteid == service.mark))
        self._learn_name(_seen("name" in snapshot.listed and same_name(snapshot.name, service.name)))

    def _learn_mark(self, seen: Knowledge) -> None:
        self._account.lists_return_mark = learn(seen, self._account.lists_return_mark)
        self._session.add(self._account)

    def _learn_name(self, seen: Knowledge) -> None:
        self._account.lists_return_name = learn(seen, self._account.lists_return_name)
        self._session.add(self._account)

    async def _to_be_told(self, service: Service | None, snapshot: UpstreamSnapshot) -> "_Told | None":
        """The running operation of this service, if the item's state decides it and it has not heard so yet.

        It may hear before it knows its item's number, that is before the answer to its own request.
        """
        if service is None:
            return None
        found = await self._session.exec(
            select(Operation).where(
                Operation.service_id == service.id,
                col(Operation.stage).not_in([Stage.QUEUED, Stage.COMPLETED, Stage.CANCELLED]),
            )
        )
        running = found.one_or_none()
        if running is None or running.id is None:
            return None
        met = outcome(running.kind, running.parameters, Seen.of_snapshot(snapshot))
        if met is None or running.stage in _NOT_ASKED_YET:
            return None
        if running.kind is OperationKind.PROLONG and running.stage not in _CONFIRMED_BY_SIGHT:
            return (
                None  # any growth counts after a yes; before it is known what became of the request, it proves nothing
            )
        return None if await _already_told(self._session, running.id, snapshot, met) else _Told(running.id, met)

    def _event(
        self,
        snapshot: UpstreamSnapshot,
        change: Change,
        service: Service | None,
        tell: "_Told | None",
        raw: dict[str, str],
    ) -> UpstreamEvent:
        # A value held back may come again later, after other changes: the version tells these events apart too.
        event_id = hashlib.sha256(
            f"{self._account.name}|{snapshot.product_type}|{snapshot.number}|{change.kind}|{snapshot.version}".encode()
        ).hexdigest()[:40]
        held_back = change.kind is EventKind.HELD_BACK
        return self._add_event(event_id, snapshot, change, service, None if held_back else tell, raw)

    def _add_event(
        self,
        event_id: str,
        snapshot: UpstreamSnapshot,
        change: Change,
        service: Service | None,
        tell: "_Told | None",
        raw: dict[str, str],
    ) -> UpstreamEvent:
        event = UpstreamEvent(
            event_id=event_id,
            account_id=self._account_id,
            product_type=snapshot.product_type,
            upstream_number=snapshot.number,
            kind=change.kind,
            changes={name: list(pair) for name, pair in change.fields.items()},
            raw=raw,
            status=snapshot.status,
            service_id=service.id if service else None,
            operation_id=tell.operation if tell else None,
            met=tell.met if tell else None,
        )
        self._session.add(event)
        self.digest.events += 1
        self.digest.waiting += tell is not None
        return event

    def _apply(
        self, service: Service, snapshot: UpstreamSnapshot, events: list[UpstreamEvent], followed: Changes | None = None
    ) -> None:
        snapshot.service_id = service.id
        applied = apply_snapshot(service, snapshot) | (followed or {})
        self._session.add(service)
        now = utc_now()
        for event in events:
            if event.kind is not EventKind.HELD_BACK:
                event.applied_at = now
        write_events(self._session, service, self._account.name, events, applied)


def _seen(comes_back: bool) -> Knowledge:
    return Knowledge.YES if comes_back else Knowledge.NO


def _form_tells_more(event: UpstreamEvent, *, from_form: bool) -> bool:
    return event.kind in _TOLD_BY_FORM or (not from_form and not _HINTS_AT_MORE.isdisjoint(event.changes))


def _form_wanted(snapshot: UpstreamSnapshot) -> bool:
    """It was in service when it was first seen, so that no opening was seen."""
    return snapshot.status == UpstreamStatus.ACTIVE and not snapshot.form


def _settled_kind(kind: OperationKind) -> EventKind:
    match kind:
        case OperationKind.OPEN:
            return EventKind.OPENED
        case OperationKind.PROLONG:
            return EventKind.PROLONGED
        case OperationKind.SUSPEND:
            return EventKind.SUSPENDED
        case OperationKind.RESUME:
            return EventKind.RESUMED
        case OperationKind.CLOSE:
            return EventKind.CLOSED
        case OperationKind.CHANGE_PLAN:
            return EventKind.PLAN_CHANGED
        case OperationKind.SET_PARAMETERS:
            return EventKind.PARAMETERS_CHANGED


def is_orphan(account_id: int) -> ColumnElement[bool]:
    """A live item at the upstream that is no service of ours."""
    return and_(
        col(UpstreamSnapshot.account_id) == account_id,
        col(UpstreamSnapshot.service_id).is_(None),
        col(UpstreamSnapshot.gone).is_(False),
        col(UpstreamSnapshot.status) != int(UpstreamStatus.DELETED),
    )


async def record_poll(database: Database, account_id: int) -> None:
    """Note that the upstream was read just now."""
    async with database.write() as session:
        account = await session.get_one(UpstreamAccount, account_id)
        account.polled_at = utc_now()
        session.add(account)


async def record_health(database: Database, account_id: int, reason: str | None) -> bool:
    """The account's connection is unhealthy (`reason`) or well again (None). True if that is news."""
    async with database.write() as session:
        account = await session.get_one(UpstreamAccount, account_id)
        if bool(account.unhealthy_reason) == bool(reason):
            if reason and reason != account.unhealthy_reason:
                account.unhealthy_reason = reason
                session.add(account)
            return False
        account.unhealthy_reason = reason
        account.unhealthy_since = utc_now() if reason else None
        session.add(account)
        session.add(
            AuditEntry(
                actor="resellflow",
                action="upstream_unhealthy" if reason else "upstream_well_again",
                subject="upstream_account",
                subject_number=account_id,
                detail={"reason": reason} if reason else {},
            )
        )
        return True
