"""After the sweep of a list: our services compared with their items, and items that are nobody's. Only reported."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import Installation, Restoration
from models.catalogue import PlanMapping, UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.drift import Drift
from models.enums import DriftKind, DriftState, IncidentKind, RenewalOwner, ServiceStatus
from models.events import UpstreamSnapshot
from models.order import RUNNING, Operation, Service
from orders.events.batch import snapshots_of
from orders.events.orphans import is_orphan
from orders.incidents.conditions import Condition, keep_one
from orders.services import addons, naming
from orders.services.history import cost_text, text
from orders.services.state import differing

SLICE = 500
ITEMS_AT_MOST = 1000
"""Items of nobody that are written down for each list, the newest ones."""
OF_OTHERS = (DriftKind.SECOND_ITEM, DriftKind.RENEWAL)
"""Kinds that have an incident of their own: the incident of the account does not count them."""


OF_ITEMS = (DriftKind.SECOND_ITEM, DriftKind.FOREIGN_MARK, DriftKind.NOBODYS_ITEM)
"""Kinds that are about an item that is no service of ours."""
UNDECIDED = (DriftState.OPEN, DriftState.IGNORED)
_HAVE_NO_ITEM = (ServiceStatus.CLOSED, ServiceStatus.ORDERED)


@dataclass(frozen=True)
class Difference:
    item: str
    kind: DriftKind
    ours: str
    theirs: str
    service: int | None = None


@dataclass(frozen=True)
class _List:
    account: int
    product_type: str
    complete: bool

    @property
    def key(self) -> tuple[int, str]:
        return self.account, self.product_type

    @property
    def drift(self) -> tuple[ColumnElement[bool], ...]:
        """The rows of it that are not ended, by their index."""
        return (
            col(Drift.account_id) == self.account,
            col(Drift.product_type) == self.product_type,
            col(Drift.state).in_(UNDECIDED),
        )

    def row(self, one: Difference) -> Drift:
        return Drift(
            account_id=self.account, product_type=self.product_type, item=one.item, kind=one.kind, ours="", theirs=""
        )


async def compare(database: Database, account_id: int, product_type: str, *, complete: bool) -> None:
    """Write down what differs now for one list, and what does not differ any more. `complete`: the list showed
    everything, so an item that was never seen does not exist.

    Services are compared slice by slice. Only a slice with news is written, in a transaction of its own, so a long list
    holds up no other writer.
    """
    of_list = _List(account_id, product_type, complete)
    last, more = 0, True
    while more:
        async with database.read() as session:
            services = await _services_after(session, of_list, last)
            found, known = await _of_slice(session, of_list, services)
        if _has_news(found, known):
            async with database.write() as session:
                services = await _services_after(session, of_list, last)
                found, known = await _of_slice(session, of_list, services)
                await _write(session, of_list, found, known)
        more = len(services) == SLICE
        last = services[-1].id if services else last
    async with database.write() as session:
        await _write(session, of_list, await _of_items(session, of_list), await _open_items(session, of_list))
        await _end_of_others(session, of_list)
        await report_open(session, account_id)


async def _services_after(session: AsyncSession, of_list: _List, last: int) -> list[Service]:
    rows = await session.exec(
        select(Service)
        .where(
            Service.account_id == of_list.account,
            Service.product_type == of_list.product_type,
            col(Service.status).not_in(_HAVE_NO_ITEM),
            col(Service.upstream_number).is_not(None),
            col(Service.id) > last,
        )
        .order_by(col(Service.id))
        .limit(SLICE)
    )
    return list(rows.all())


async def _of_slice(
    session: AsyncSession, of_list: _List, services: list[Service]
) -> tuple[list[Difference], list[Drift]]:
    """What differs now, and what was known to differ. Neither says anything of a service with an operation under way,
    nor of one whose item a list that is not complete did not show."""
    running = select(Operation.service_id).where(RUNNING, col(Operation.service_id).in_([one.id for one in services]))
    busy = set((await session.exec(running)).all())
    idle = [one for one in services if one.id not in busy]
    numbers = [str(one.upstream_number) for one in idle]
    snapshots = {row.number: row for row in await snapshots_of(session, *of_list.key, numbers)}
    mappings = {(row.plan_id, row.module_id): row for row in (await session.exec(select(PlanMapping))).all()}
    found: list[Difference] = []
    compared: list[int] = []
    for service in idle:
        mapping = mappings.get((service.plan_id, service.home_module_id or service.module_id))
        snapshot = snapshots.get(str(service.upstream_number))
        if snapshot is None and not of_list.complete:
            continue
        compared.append(service.id)
        for kind, (ours, theirs) in differences(service, snapshot, mapping).items():
            found.append(Difference(str(service.upstream_number), kind, ours, theirs, service.id))
    known = select(Drift).where(
        col(Drift.service_id).in_(compared), col(Drift.state).in_(UNDECIDED), col(Drift.kind).not_in(OF_ITEMS)
    )
    return found, list((await session.exec(known)).all())


def _has_news(found: list[Difference], known: list[Drift]) -> bool:
    return {(one.item, one.kind, one.ours, one.theirs) for one in found} != {
        (row.item, row.kind, row.ours, row.theirs) for row in known
    }


def differences(
    service: Service, snapshot: UpstreamSnapshot | None, mapping: PlanMapping | None
) -> dict[DriftKind, tuple[str, str]]:
    """Kind -> (our value, the upstream's), as text. Nothing is said of what the item does not show."""
    if snapshot is None or snapshot.gone:
        return {DriftKind.GONE: (service.status.value, "not at the upstream")}
    shown = differing(service, snapshot)
    found: dict[DriftKind, tuple[str, str]] = {}
    if "cost_amount" in shown or "cost_currency" in shown:
        ours = cost_text(service.cost_amount, service.cost_currency)
        found[DriftKind.PRICE] = (ours, cost_text(snapshot.cost_amount, snapshot.cost_currency))
    if "expires_on" in shown:
        found[DriftKind.TERM] = (text(service.expires_on), text(snapshot.expires_on))
    if "status" in shown:
        found[DriftKind.STATUS] = (service.status.value, text(shown["status"]))
    if mapping is not None and snapshot.tariff_id and snapshot.tariff_id != mapping.tariff:
        found[DriftKind.PLAN] = (f"tariff {mapping.tariff}", f"tariff {snapshot.tariff_id}")
    if mapping is not None and snapshot.form:
        there = addons.shown(mapping, snapshot.form)
        other = sorted(name for name, value in service.addons.items() if name in there and there[name] != value)
        if other:
            kept = ", ".join(f"{name}={service.addons[name]}" for name in other)
            found[DriftKind.ADDONS] = (kept, ", ".join(f"{name}={there[name]}" for name in other))
    if snapshot.renews is not None and snapshot.renews is not (service.renewed_by is RenewalOwner.UPSTREAM):
        renews = "renewed by the upstream" if snapshot.renews else "not renewed by the upstream"
        found[DriftKind.RENEWAL] = (f"renewed by {service.renewed_by.value}", renews)
    return found


async def _of_items(session: AsyncSession, of_list: _List) -> list[Difference]:
    """Live items that are no service of ours: somebody else uses this account, or one was bought twice."""
    rows = await session.exec(
        select(UpstreamSnapshot)
        .where(is_orphan(of_list.account), UpstreamSnapshot.product_type == of_list.product_type)
        .order_by(col(UpstreamSnapshot.id).desc())
        .limit(ITEMS_AT_MOST)
    )
    items = list(rows.all())
    marks = {(row.mark or row.form_mark).lower() for row in items} - {""}
    found = await session.exec(select(Service.mark, Service.id).where(func.lower(Service.mark).in_(marks)))
    services = {mark.lower(): number for mark, number in found.all()}
    tags = {(await session.get_one(Installation, 1)).tag, *(await session.exec(select(Restoration.former_tag))).all()}
    return [_of_item(row, services, tags) for row in items]


def _of_item(row: UpstreamSnapshot, services: Mapping[str, int], tags: set[str]) -> Difference:
    mark = (row.mark or row.form_mark).lower()
    if mark in services:
        return Difference(row.number, DriftKind.SECOND_ITEM, f"service {services[mark]}", row.name, services[mark])
    if naming.is_mark(mark) and mark.split("-")[1] not in tags:
        return Difference(row.number, DriftKind.FOREIGN_MARK, "", f"{mark} {row.name}")
    return Difference(row.number, DriftKind.NOBODYS_ITEM, "", row.name)


async def _open_items(session: AsyncSession, of_list: _List) -> list[Drift]:
    rows = await session.exec(select(Drift).where(*of_list.drift, col(Drift.kind).in_(OF_ITEMS)))
    return list(rows.all())


async def _write(session: AsyncSession, of_list: _List, found: list[Difference], known: list[Drift]) -> None:
    """`known`: the rows that nobody has decided and that are over unless they are found again."""
    over = {(row.item, row.kind): row for row in known}
    news = [one for one in found if (one.item, one.kind) not in over]
    earlier = await _earlier(session, of_list, {one.item for one in news})
    for one in found:
        key = (one.item, one.kind)
        row = over.pop(key, None)
        if row is not None and (row.ours, row.theirs) == (one.ours, one.theirs):
            continue
        row = row or earlier.get(key) or of_list.row(one)
        row.service_id, row.ours, row.theirs = one.service, one.ours, one.theirs
        row.state, row.seen_at = DriftState.OPEN, utc_now()
        session.add(row)
    for row in over.values():
        row.state = DriftState.OVER
        session.add(row)


async def _earlier(session: AsyncSession, of_list: _List, items: set[str]) -> dict[tuple[str, DriftKind], Drift]:
    """Rows of these items, also ended ones: there is one for each item and kind."""
    if not items:
        return {}
    rows = await session.exec(
        select(Drift).where(
            Drift.account_id == of_list.account,
            Drift.product_type == of_list.product_type,
            col(Drift.item).in_(items),
        )
    )
    return {(row.item, row.kind): row for row in rows.all()}


async def _end_of_others(session: AsyncSession, of_list: _List) -> None:
    """What is known of services that are closed, or that have another item now: they are compared no more."""
    still = select(Service.id).where(
        Service.id == Drift.service_id,
        Service.upstream_number == Drift.item,
        col(Service.status).not_in(_HAVE_NO_ITEM),
    )
    await session.exec(
        update(Drift)
        .where(*of_list.drift, col(Drift.kind).not_in(OF_ITEMS), ~still.exists())
        .values(state=DriftState.OVER)
        .execution_options(synchronize_session=False)
    )


async def report_open(session: AsyncSession, account_id: int) -> None:
    """One incident for each account, while anything is open that has no incident of its own."""
    await session.flush()
    rows = await session.exec(
        select(Drift.kind, func.count())
        .where(Drift.account_id == account_id, Drift.state == DriftState.OPEN, col(Drift.kind).not_in(OF_OTHERS))
        .group_by(col(Drift.kind))
    )
    counts = {str(kind): count for kind, count in rows.all()}
    account = await session.get_one(UpstreamAccount, account_id)
    many = ", ".join(f"{kind}: {count}" for kind, count in sorted(counts.items()))
    message = (
        f"Our record and upstream {account.name} differ ({many}). Look at resell drift; then approve a difference, "
        "which takes the upstream's value over, ignore it, or have it corrected at the upstream"
    )
    condition = Condition(
        IncidentKind.DRIFT, account.name, message, account=account_id, detail={"upstream": account.name}
    )
    await keep_one(session, condition, lasts=bool(counts))
