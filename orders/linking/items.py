"""Tie an upstream item that was bought by hand, or that lost its link, to a service; or make a service of it.

Nothing is bought. What the upstream shows of the item is read before (`orders.linking.linker`) and compared here with
what the service should be. A difference is refused, unless a person overrules it with a reason; that an item belongs to
another service, or that an order may yet find it, is never overruled.
"""

import hashlib
import json
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry, Installation
from models.catalogue import MappedPeriod, PlanMapping, ProcessingModule, TariffPlan, UpstreamAccount
from models.database import Database
from models.enums import ModuleKind, OperationKind, RenewalOwner, ServiceStatus, Source, Stage, UpstreamStatus
from models.events import UpstreamSnapshot
from models.invariants import required
from models.numbers import next_number
from models.order import Operation, Service
from models.periods import period_in_words
from orders import audit
from orders.audit import ADOPTED, LINKED
from orders.errors import InvalidField, NotFound, Refused
from orders.events.differences import absorb, as_listed, compare, new_snapshot, note_form, note_listed, tariff_number
from orders.lifecycle.acceptance import Terms, new_service
from orders.services import addons, history
from orders.services.history import Origin, changing
from orders.services.state import apply_snapshot
from orders.settlement import intents
from orders.text import PlainText, Prose, Words
from upstreams.port import UpstreamItem

MARK_SET, MARK_NOT_SET = "mark_set", "mark_not_set"


class _Wish(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Prose | None = Field(default=None, max_length=2000, description="why; it goes to the audit")
    force: bool = Field(
        default=False, strict=True, description="overrule what differs between the item and the service; needs a reason"
    )
    dry_run: bool = Field(default=False, strict=True, description="only say what differs; change nothing")

    def checked(self) -> None:
        """Raises InvalidField."""
        if self.force and self.reason is None:
            raise InvalidField("reason", "is needed with force")


class LinkRequest(_Wish):
    """A service that is this item at its upstream."""

    upstream_number: PlainText = Field(
        pattern=r"^\S{1,64}$", description="number of the item at the upstream", examples=["900001"]
    )
    upstream: Words | None = Field(
        default=None, max_length=64, description="name of the upstream account, which must be the service's"
    )


class AdoptRequest(_Wish):
    """A new service that is an item which the upstream has already."""

    plan: Words = Field(max_length=64, description="name of a tariff plan", examples=["VDS-1"])
    customer: Words = Field(max_length=200, description="the storefront's own name of its customer")
    period_months: int | None = Field(
        default=None, strict=True, description="months; absent: the one that the upstream shows"
    )


@dataclass(frozen=True)
class Target:
    """What the item should be: an account's counterpart of a plan."""

    account: UpstreamAccount
    module: ProcessingModule
    plan: TariffPlan
    mapping: PlanMapping | None
    """None: the catalogue does not say any more what the plan is there."""
    periods: dict[int, MappedPeriod] = field(default_factory=dict)

    @property
    def account_id(self) -> int:
        return self.account.id

    @property
    def product_type(self) -> str:
        return self.plan.product_type


@dataclass(frozen=True)
class Seen:
    """The item as it was read just now: its form, and its row in the list where it was not known before."""

    form: UpstreamItem
    row: UpstreamItem | None = None


class Outcome(BaseModel):
    """What was done, or would be."""

    model_config = ConfigDict(frozen=True)

    service: int | None = Field(description="its number; null for a service that would be made")
    upstream: str
    product_type: str
    upstream_number: str
    differences: list[str] = Field(
        description="what the item shows that does not fit; overruled, unless it is a dry run"
    )
    done: bool = Field(description="false: a dry run")
    created: bool = Field(default=False, description="the service was made by this request")
    mark: str = Field(description="our mark for the item")
    mark_set: bool = Field(default=False, description="the upstream shows our mark on the item")
    mark_problem: str = Field(default="", description="why the mark could not be set; the link stands all the same")


# What it should be.


async def target_of_service(session: AsyncSession, number: int, upstream: str | None) -> Target:
    """Raises NotFound, or Refused for a service of no upstream or of another one than named."""
    service = await session.get(Service, number)
    if service is None:
        raise NotFound("service", number)
    account = await session.get(UpstreamAccount, service.account_id) if service.account_id else None
    if account is None:
        raise Refused(f"service {number} has no upstream: only people deal with it")
    if upstream is not None and upstream != account.name:
        raise Refused(f"service {number} is at upstream {account.name}, not at {upstream}")
    plan = await session.get_one(TariffPlan, service.plan_id)
    module = await session.get_one(ProcessingModule, service.home_module_id or service.module_id)
    return await _target(session, account, module, plan)


async def target_of_plan(session: AsyncSession, plan_name: str, upstream: str | None) -> Target:
    """Raises InvalidField for a plan that there is not, or not there; and where there is a choice of upstreams."""
    plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == plan_name))).one_or_none()
    if plan is None:
        raise InvalidField("plan", f"there is no tariff plan {plan_name!r}")
    found = await session.exec(
        select(UpstreamAccount, ProcessingModule)
        .join(ProcessingModule, col(ProcessingModule.account_id) == col(UpstreamAccount.id))
        .join(PlanMapping, col(PlanMapping.module_id) == col(ProcessingModule.id))
        .where(PlanMapping.plan_id == plan.id, ProcessingModule.kind == ModuleKind.UPSTREAM)
        .order_by(col(ProcessingModule.priority), col(ProcessingModule.id))
    )
    ways = [(account, module) for account, module in found.all() if upstream in (None, account.name)]
    names = sorted({account.name for account, _ in ways})
    if not ways:
        where = f"upstream {upstream}" if upstream else "any upstream"
        raise InvalidField("plan", f"{plan_name!r} is not mapped to {where}")
    if len(names) > 1:
        raise InvalidField("upstream", f"{plan_name!r} is mapped to {', '.join(names)}; say which")
    return await _target(session, *ways[0], plan)


async def _target(
    session: AsyncSession, account: UpstreamAccount, module: ProcessingModule, plan: TariffPlan
) -> Target:
    query = select(PlanMapping).where(PlanMapping.plan_id == plan.id, PlanMapping.module_id == module.id)
    mapping = (await session.exec(query)).one_or_none()
    if mapping is None:
        return Target(account, module, plan, None)
    periods = await session.exec(select(MappedPeriod).where(MappedPeriod.mapping_id == mapping.id))
    return Target(account, module, plan, mapping, {row.period_months: row for row in periods.all()})


async def is_known(session: AsyncSession, target: Target, number: str) -> bool:
    """The item was seen in a list already."""
    return await _snapshot(session, target, number) is not None


async def what_else(session: AsyncSession, target: Target, number: str) -> str:
    """Words about an item that does not exist as one of the target's product type."""
    found = await session.exec(
        select(UpstreamSnapshot.product_type).where(
            UpstreamSnapshot.account_id == target.account_id,
            UpstreamSnapshot.number == number,
            col(UpstreamSnapshot.gone).is_(False),
        )
    )
    others = sorted(set(found.all()) - {target.product_type})
    there = f"; there is a {', '.join(others)} of that number" if others else ""
    return f"upstream {target.account.name} has no {target.product_type} {number}{there}"


# Linking.


async def link(database: Database, target: Target, number: int, wish: LinkRequest, seen: Seen, actor: str) -> Outcome:
    """The service is this item from now on. Raises Refused or InvalidField, and changes nothing then."""
    wish.checked()
    try:
        return await _link(database, target, number, wish, seen, actor)
    except IntegrityError:  # somebody else linked it, or the poller saw it for the first time, just now
        return await _link(database, target, number, wish, seen, actor)


async def _link(database: Database, target: Target, number: int, wish: LinkRequest, seen: Seen, actor: str) -> Outcome:
    async with database.write() as session:
        snapshot = await _locked_snapshot(session, target, seen)
        service = await _locked_service(session, number)
        await _nothing_runs(session, service, seen.form.number)
        differing = _differences(target, seen.form, service.period_months, service.renewal_owner)
        differing += _differing_service(service, seen.form)
        differing += await _differing_mark(session, target, seen.form, service)
        await _may_be_had(session, target, seen.form, number)
        outcome = _outcome(target, wish, seen.form, differing, service)
        if wish.dry_run:
            await session.rollback()
            return outcome
        origin = _origin(actor, LINKED, wish, differing)
        async with changing(session, service, origin):
            await _let_go(session, service, seen.form.number)
            service.renewal_owner = _renewed_by(seen.form) or service.renewal_owner
            apply_snapshot(service, snapshot)
            await intents.tie(session, service, snapshot.number, origin)
        return outcome


async def adopt(
    database: Database, target: Target, wish: AdoptRequest, seen: Seen, *, actor: str, client: str, key: str
) -> Outcome:
    """A new service that is this item. Raises Refused or InvalidField, and changes nothing then.

    The same client, key and request for the same item give the same service.
    """
    wish.checked()
    try:
        return await _adopt(database, target, wish, seen, actor, client, key)
    except IntegrityError:  # likewise; perhaps by the same request, sent twice at once
        return await _adopt(database, target, wish, seen, actor, client, key)


async def _adopt(
    database: Database, target: Target, wish: AdoptRequest, seen: Seen, actor: str, client: str, key: str
) -> Outcome:
    async with database.write() as session:
        snapshot = await _locked_snapshot(session, target, seen)
        # Behind the lock: the same request, sent twice at once, may have been done while this one waited for it.
        earlier = await adopted_before(session, client, key, target.account.name, seen.form.number, wish)
        if earlier is not None:
            return earlier
        period = _period(target, seen.form, wish.period_months)
        differing = _differences(target, seen.form, period.period_months, None)
        differing += await _differing_mark(session, target, seen.form, None)
        await _may_be_had(session, target, seen.form, None)
        outcome = _outcome(target, wish, seen.form, differing, None)
        if wish.dry_run:
            await session.rollback()
            return outcome
        origin = _origin(actor, ADOPTED, wish, differing)
        service = await _new_service(session, target, wish, period, seen.form, snapshot)
        async with changing(session, service, origin):
            apply_snapshot(service, snapshot)
            await intents.tie(session, service, snapshot.number, origin)
        outcome = outcome.model_copy(update={"service": service.id, "mark": service.mark, "created": True})
        _write_key(session, target, outcome, wish, client, key)
        return outcome


async def adopted_before(
    session: AsyncSession, client: str, key: str, upstream: str, number: str, wish: AdoptRequest
) -> Outcome | None:
    """What this key made earlier. Raises Refused if that was something else."""
    if wish.dry_run:
        return None
    found = await session.exec(
        select(AuditEntry).where(
            AuditEntry.subject == UpstreamAccount.__tablename__,
            AuditEntry.action == ADOPTED,
            AuditEntry.actor == client,
        )
    )
    entry = next((one for one in found.all() if one.detail.get("key") == key), None)
    if entry is None:
        return None
    if entry.detail["request"] != _hash(upstream, number, wish):
        raise Refused(
            f"Idempotency-Key {key!r} was used to adopt item {entry.detail['item']} as service "
            f"{entry.detail['service']}; something else needs a new key"
        )
    service = await session.get_one(Service, int(entry.detail["service"]))
    return Outcome(
        service=service.id,
        upstream=upstream,
        product_type=service.product_type,
        upstream_number=number,
        differences=[],
        done=True,
        mark=service.mark,
    )


async def note_mark(database: Database, outcome: Outcome, actor: str, problem: str) -> None:
    """Write down whether the item carries our mark now."""
    service = required(outcome.service, "the service that was linked")
    detail = {"mark": outcome.mark, "item": outcome.upstream_number, "source": Source.PERSON.value}
    async with database.write() as session:
        audit.record(
            session,
            history.SUBJECT,
            service,
            MARK_NOT_SET if problem else MARK_SET,
            by=actor,
            facts={**detail, "reason": problem or None},
        )


# What differs, in words. Never overruled: what raises Refused.


def _differences(target: Target, item: UpstreamItem, months: int, owner: RenewalOwner | None) -> list[str]:
    found: list[str] = []
    if item.status is UpstreamStatus.DELETED:
        raise Refused(f"item {item.number} is deleted at the upstream")
    if item.status is UpstreamStatus.ORDERED:
        found.append("it is ordered, but not paid yet")
    plan = target.plan.name
    if target.mapping is None:
        found.append(f"plan {plan} is not mapped to {target.module.name} any more, so its tariff can't be compared")
    else:
        if (tariff_number(item) or item.tariff) != target.mapping.tariff:
            shown = f"it has tariff {item.tariff}" if item.tariff else "it does not show its tariff"
            found.append(f"{shown}; plan {plan} is tariff {target.mapping.tariff}")
        found += _differing_period(target, item, months)
    renewed = _renewed_by(item)
    if owner is not None and renewed is not None and renewed is not owner:
        found.append(f"it is renewed by {_who(renewed)}, the service by {_who(owner)}")
    return found


def _differing_period(target: Target, item: UpstreamItem, months: int) -> list[str]:
    mapped = target.periods.get(months)
    if mapped is None:
        return [f"plan {target.plan.name} is not mapped for {period_in_words(months)} any more"]
    if item.period and item.period != str(mapped.upstream_period):
        return [f"its period is {item.period}; {period_in_words(months)} is period {mapped.upstream_period}"]
    return []


def _differing_service(service: Service, item: UpstreamItem) -> list[str]:
    found: list[str] = []
    if service.upstream_number not in (None, item.number):
        found.append(f"service {service.id} is item {service.upstream_number}, which would be an orphan")
    if service.status is ServiceStatus.CLOSED:
        found.append(f"service {service.id} is closed")
    return found


async def _differing_mark(
    session: AsyncSession, target: Target, item: UpstreamItem, service: Service | None
) -> list[str]:
    """A mark that is not this service's: it would be replaced."""
    mark = item.mark
    if not mark or (service is not None and _first_mark(mark) == _first_mark(service.mark)):
        return []
    own = _first_mark(mark)
    others = await session.exec(
        select(Service)
        .where((col(Service.mark) == own) | col(Service.mark).startswith(f"{own}-", autoescape=True))
        .order_by(col(Service.id))
    )
    other = others.first()
    if other is None:
        return [f"it carries the mark {mark}, which is of no service here"]
    running = await _running(session, other.id)
    if running is not None and other.upstream_number is None:
        raise Refused(
            f"item {item.number} carries the mark of service {other.id}, and operation {running.id} of it has not "
            "ended: it may yet find this item"
        )
    return [f"it carries the mark of service {other.id}"]


def _first_mark(mark: str) -> str:
    """Of rf-TAG-7 and its successors rf-TAG-7-2, rf-TAG-7-3 …: rf-TAG-7."""
    return "-".join(mark.split("-")[:3])


async def _may_be_had(session: AsyncSession, target: Target, item: UpstreamItem, number: int | None) -> None:
    """Raises Refused for an item of another service, or that an order under way may take for its own."""
    holder = await session.exec(
        select(Service.id).where(
            Service.account_id == target.account_id,
            Service.product_type == target.product_type,
            Service.upstream_number == item.number,
            Service.id != (number or 0),
            Service.status != ServiceStatus.CLOSED,  # which gives the number up
        )
    )
    other = holder.first()
    if other is not None:
        raise Refused(f"item {item.number} belongs to service {other}")
    looking = await intents.looking_for_name(session, target.account_id, item.name, but_not=0) if item.name else []
    if looking:
        raise Refused(f"operation {looking[0]} looks for an item named {item.name}: it may yet find item {item.number}")


async def _nothing_runs(session: AsyncSession, service: Service, item: str) -> None:
    running = await _running(session, service.id)
    if running is None:
        return
    if running.stage is not Stage.NEEDS_ATTENTION:
        raise Refused(f"operation {running.id} of service {service.id} is {running.stage.value}; wait for its end")
    named = f" --upstream-number {item}" if running.kind is OperationKind.OPEN else ""
    raise Refused(
        f"operation {running.id} of service {service.id} needs attention: decide about that first, by "
        f"`resell operations mark-done {running.id}{named} --reason …`"
    )


async def _running(session: AsyncSession, service_number: int) -> Operation | None:
    found = await session.exec(
        select(Operation)
        .where(Operation.service_id == service_number, col(Operation.stage).not_in([Stage.COMPLETED, Stage.CANCELLED]))
        .order_by(col(Operation.stage) == Stage.QUEUED, col(Operation.id))
    )
    return found.first()


def _period(target: Target, item: UpstreamItem, months: int | None) -> MappedPeriod:
    """The period asked for, or the one that the item shows. Raises InvalidField."""
    periods = {of: row for of, row in target.periods.items() if not row.retired}
    offered = ", ".join(str(one) for one in sorted(periods)) or "no period at all"
    if months is not None and months not in periods:
        raise InvalidField("period_months", f"{target.plan.name!r} is mapped for {offered}")
    fitting = [row for row in periods.values() if str(row.upstream_period) == item.period]
    if months is not None:
        return periods[months]
    if len(fitting) != 1:
        shown = f"shows period {item.period}" if item.period else "does not show its period"
        raise InvalidField("period_months", f"the item {shown}; say which of {offered} it is")
    return fitting[0]


def _renewed_by(item: UpstreamItem) -> RenewalOwner | None:
    """None: the item does not show it in a way that can be told."""
    if item.renews is None:
        return None
    return RenewalOwner.UPSTREAM if item.renews else RenewalOwner.RESELLFLOW


def _who(owner: RenewalOwner) -> str:
    return "the upstream" if owner is RenewalOwner.UPSTREAM else "Resellflow"


def _outcome(target: Target, wish: _Wish, item: UpstreamItem, differing: list[str], service: Service | None) -> Outcome:
    """Raises Refused if something differs that nobody overrules."""
    if differing and not (wish.force or wish.dry_run):
        raise Refused(
            f"item {item.number} does not fit: {'; '.join(differing)}. If it is the right one all the same, say so "
            "with force and a reason"
        )
    return Outcome(
        service=service.id if service else None,
        upstream=target.account.name,
        product_type=target.product_type,
        upstream_number=item.number,
        differences=differing,
        done=not wish.dry_run,
        mark=service.mark if service else "",
    )


# Writing it down. Locks in the order of the poller: snapshot, then service.


async def _locked_snapshot(session: AsyncSession, target: Target, seen: Seen) -> UpstreamSnapshot:
    """The item as it is kept, brought up to what was read."""
    snapshot = await _snapshot(session, target, seen.form.number, lock=True)
    if snapshot is None:
        snapshot = new_snapshot(target.account_id, seen.row or seen.form)
        if seen.row is not None:
            note_listed(snapshot, seen.row)
    form = as_listed(snapshot, seen.form)
    absorb(snapshot, form, compare(snapshot, form))
    note_form(snapshot, seen.form)
    session.add(snapshot)
    await session.flush()
    return snapshot


async def _snapshot(
    session: AsyncSession, target: Target, number: str, *, lock: bool = False
) -> UpstreamSnapshot | None:
    query = select(UpstreamSnapshot).where(
        UpstreamSnapshot.account_id == target.account_id,
        UpstreamSnapshot.product_type == target.product_type,
        UpstreamSnapshot.number == number,
    )
    return (await session.exec(query.with_for_update() if lock else query)).one_or_none()


async def _locked_service(session: AsyncSession, number: int) -> Service:
    query = select(Service).where(Service.id == number).with_for_update()
    return (await session.exec(query.execution_options(populate_existing=True))).one()


async def _let_go(session: AsyncSession, service: Service, number: str) -> None:
    """The item that the service was until now is an orphan."""
    if service.upstream_number in (None, number):
        return
    found = await session.exec(
        select(UpstreamSnapshot).where(
            UpstreamSnapshot.account_id == service.account_id,
            UpstreamSnapshot.product_type == service.product_type,
            UpstreamSnapshot.number == service.upstream_number,
        )
    )
    for snapshot in found.all():
        snapshot.service_id = None
        session.add(snapshot)
    service.upstream_number = None


async def _new_service(
    session: AsyncSession,
    target: Target,
    wish: AdoptRequest,
    period: MappedPeriod,
    item: UpstreamItem,
    snapshot: UpstreamSnapshot,
) -> Service:
    mapping = required(target.mapping, "the mapping that has the period")
    number = (await session.exec(select(next_number(session.get_bind().dialect.name, Service)))).one()
    tag = (await session.get_one(Installation, 1)).tag
    terms = Terms(target.plan, target.module, target.account, mapping, period)
    service = new_service(number, tag, terms, customer=wish.customer, owner=None)  # bought past every storefront
    service.name, service.name_is_ours = snapshot.name or item.name or service.mark, False
    service.addons = addons.had(mapping, item.raw)
    service.renewal_owner = _renewed_by(item) or service.renewal_owner
    session.add(service)
    await session.flush()
    return service


def _origin(actor: str, action: str, wish: _Wish, differing: list[str]) -> Origin:
    words = [wish.reason or "", f"overruled: {'; '.join(differing)}" if differing else ""]
    return Origin(actor, action, reason="; ".join(filter(None, words)), source=Source.PERSON)


def _write_key(
    session: AsyncSession, target: Target, outcome: Outcome, wish: AdoptRequest, client: str, key: str
) -> None:
    audit.record(
        session,
        str(UpstreamAccount.__tablename__),
        target.account_id,
        ADOPTED,
        by=client,
        facts={
            "service": outcome.service,
            "item": outcome.upstream_number,
            "key": key,
            "request": _hash(target.account.name, outcome.upstream_number, wish),
        },
    )


def _hash(upstream: str, number: str, wish: AdoptRequest) -> str:
    asked = wish.model_dump(mode="json", exclude={"dry_run"})
    canonical = json.dumps({**asked, "upstream": upstream, "number": number}, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
