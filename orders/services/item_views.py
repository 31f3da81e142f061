"""A service and its item at the upstream, value beside value, by what was last read there. Nothing is asked for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import PlanMapping, TariffPlan
from models.drift import Drift
from models.enums import DriftKind, DriftState, UpstreamStatus
from models.events import UpstreamList, UpstreamSnapshot
from models.order import Service
from models.product_types import PRODUCT_TYPES
from orders.access.ownership import visible_service
from orders.access.roles import Requester
from orders.drift.comparing import differences
from orders.events.batch import snapshots_of
from orders.reading.documents import Document
from orders.services import addons
from orders.services.history import cost_text, text
from orders.services.mappings import mapping_of

ADDON, PARAMETER = "addon.", "parameter."
"""Before the name of an add-on or a parameter, in `what`."""


class Beside(Document):
    """One value here and at the upstream."""

    what: str = Field(description="`status`, `expires_on` …; `addon.NAME`, `parameter.NAME`")
    ours: str = Field(description="empty: none")
    theirs: str | None = Field(description="empty: none; null: what was read does not show it")
    differs: bool
    drift: int | None = Field(description="number of the open difference; null: it is not reported")


class ItemBeside(Document):
    """What was last read of the item, beside the service."""

    read_at: datetime | None = Field(description="when the list that shows the item was last read to its end")
    changed_at: datetime | None = Field(description="when a reading showed something else than the one before")
    seen: bool = Field(description="the item was seen at least once")
    rows: list[Beside]
    raw: dict[str, str] = Field(description="the upstream's own words: its form as it was last read, without secrets")


async def beside(session: AsyncSession, number: int, requester: Requester) -> ItemBeside | None:
    """None: the service has no item. Raises NotFound."""
    service = await visible_service(session, number, requester)
    if service.account_id is None or not service.upstream_number:
        return None
    found = await snapshots_of(session, service.account_id, service.product_type, [service.upstream_number])
    snapshot = next(iter(found), None)
    reading = await session.get(UpstreamList, (service.account_id, service.product_type))
    mapping = await mapping_of(session, service)
    plan = (await session.get_one(TariffPlan, service.plan_id)).name
    open_ones = await session.exec(
        select(Drift.kind, Drift.id).where(Drift.service_id == number, Drift.state == DriftState.OPEN)
    )
    pair = _Pair(service, snapshot, mapping, plan, {DriftKind(kind): one for kind, one in open_ones.all()})
    return ItemBeside(
        read_at=reading.listed_at if reading is not None else None,
        changed_at=snapshot.changed_at if snapshot is not None else None,
        seen=snapshot is not None,
        rows=list(pair.rows()) if snapshot is not None else [],
        raw=(snapshot.form or snapshot.raw) if snapshot is not None else {},
    )


@dataclass(frozen=True)
class _Pair:
    service: Service
    snapshot: UpstreamSnapshot | None
    mapping: PlanMapping | None
    plan: str
    drift: Mapping[DriftKind, int]

    def rows(self) -> Iterator[Beside]:
        """Every value that both sides have words for, the important ones first."""
        service, item = self.service, self.snapshot
        if item is None:
            return
        kinds = differences(service, item, self.mapping)
        is_other_state = DriftKind.STATUS in kinds or DriftKind.GONE in kinds
        yield self._row("status", service.status.value, _status(item), is_other_state)
        ends_on = text(item.expires_on) or None
        yield self._row("expires_on", text(service.expires_on), ends_on, DriftKind.TERM in kinds)
        tariff = f"{self.plan} ({self.mapping.tariff})" if self.mapping is not None else self.plan
        yield self._row("plan", tariff, _tariff(item) or None, DriftKind.PLAN in kinds)
        ours = cost_text(service.cost_amount, service.cost_currency)
        theirs = cost_text(item.cost_amount, item.cost_currency) if item.cost_amount else None
        yield self._row("cost", ours, theirs, DriftKind.PRICE in kinds)
        renews = None if item.renews is None else "upstream" if item.renews else "not the upstream"
        yield self._row("renewal_owner", service.renewed_by.value, renews, DriftKind.RENEWAL in kinds)
        is_said = PRODUCT_TYPES[service.product_type].name.is_chosen
        is_other = is_said and bool(item.name) and service.name.lower() not in item.name.lower()
        yield self._row("name", service.name, item.name or None, is_other)
        yield self._row("ip", service.ip, item.ip or None, bool(item.ip) and item.ip != service.ip)
        mark = item.mark or item.form_mark or None
        yield self._row("mark", service.mark, mark, mark is not None and mark.lower() != service.mark.lower())
        yield from self._addons(item)
        for parameter, value in sorted(service.parameters.items()):
            yield self._row(f"{PARAMETER}{parameter}", value, item.form.get(parameter), differs=False)

    def _addons(self, item: UpstreamSnapshot) -> Iterator[Beside]:
        there = addons.shown(self.mapping, item.form) if self.mapping is not None and item.form else {}
        for name in sorted({*self.service.addons, *addons.without_none(there)}):
            ours, theirs = self.service.addons.get(name), there.get(name)
            differs = ours is not None and theirs is not None and ours != theirs
            yield self._row(f"{ADDON}{name}", text(ours), None if theirs is None else str(theirs), differs)

    def _row(self, what: str, ours: str, theirs: str | None, differs: bool) -> Beside:
        kind = DriftKind.ADDONS if what.startswith(ADDON) else _KINDS.get(what)
        drift = self.drift.get(kind) if kind is not None and differs else None
        return Beside(what=what, ours=ours, theirs=theirs, differs=differs, drift=drift)


_KINDS = {
    "status": DriftKind.STATUS,
    "expires_on": DriftKind.TERM,
    "plan": DriftKind.PLAN,
    "cost": DriftKind.PRICE,
    "renewal_owner": DriftKind.RENEWAL,
}


def _status(item: UpstreamSnapshot) -> str:
    if item.gone:
        return "not there any more"
    words = UpstreamStatus(item.status).name.lower()
    why = ", ".join(part for part in (item.suspend_reason or "", item.cause or item.status_detail) if part)
    return f"{words} ({why})" if why else words


def _tariff(item: UpstreamSnapshot) -> str:
    if item.tariff_id and item.tariff_id != item.tariff:
        return f"{item.tariff} ({item.tariff_id})" if item.tariff else item.tariff_id
    return item.tariff
