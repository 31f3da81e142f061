"""Operations on a service that is there: what may be asked for, checked; written down in one transaction; queued."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import IntegrityError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import PlanMapping, ProcessingModule, TariffPlan, UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.enums import OperationKind, RenewalOwner, ServiceStatus, Source, Stage
from models.money import Money
from models.order import Operation, Service
from models.parameters import (
    ADDON_PREFIX,
    BY_HAND,
    DROPPED_ADDONS,
    FIELD_PREFIX,
    NEW_KEY,
    NEW_PASSWORD,
    PERIOD_MONTHS,
    PLAN_ID,
    RENEWAL_OWNER,
    SHOWN_PREFIX,
    TARIFF,
)
from models.periods import period_in_words
from models.product_types import PRODUCT_TYPES, ProductType
from orders.access.ownership import check_visible
from orders.errors import InvalidField, Refused
from orders.lifecycle import calling_off, turns
from orders.lifecycle.acceptance import AcceptedOrder, Key, accepted_before, hash_of, known, write
from orders.lifecycle.allowed import OPERATOR, Asker
from orders.lifecycle.facts import facts_of
from orders.money.limits import LIMIT_DESCRIPTION, CostLimit, check_limit, limited
from orders.services import addons, naming, periods
from orders.services.addons import AskedAddon
from orders.services.history import Origin


class ServiceChange(BaseModel):
    """What a storefront may change of a service; what is left out stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    addons: dict[str, AskedAddon] = Field(
        default_factory=dict,
        description="add-on name and new quantity; of a switch true or false, of a choice the name of what is chosen",
    )
    domain: str | None = Field(default=None, max_length=253)
    renewal_owner: RenewalOwner | None = None
    password: Literal["new"] | None = Field(
        default=None,
        description="`new`: one is made up and set at the upstream, which shows it; kept nowhere here. Alone only",
    )
    licence_key: Literal["new"] | None = Field(
        default=None, description="`new`: the upstream makes another key, and the old one ends. Alone only"
    )
    agreed_cost_limit: CostLimit | None = Field(default=None, description=LIMIT_DESCRIPTION)

    @property
    def changes_values(self) -> bool:
        return bool(self.addons) or self.domain is not None or self.renewal_owner is not None


@dataclass(frozen=True)
class _Asked:
    """An operation in the making."""

    parameters: dict[str, str]
    title: str
    cost: Money | None = None
    urgent: bool = False
    reason: str = ""
    """Why, in the asker's words; for the audit."""


_DONE = {
    OperationKind.SUSPEND: "suspended",
    OperationKind.RESUME: "resumed",
    OperationKind.CHANGE_PLAN: "given another plan",
}

NO_RENEWAL = "null"
"""The upstream's word."""

_Asking = Callable[[AsyncSession, Service], Coroutine[object, object, _Asked]]


async def prolong(
    database: Database,
    service: int,
    months: int,
    *,
    client: str,
    key: str,
    agreed_cost_limit: Money | None = None,
    asker: Asker = OPERATOR,
) -> AcceptedOrder:
    async def asked(session: AsyncSession, row: Service) -> _Asked:
        mapping, period = await periods.mapped(session, row, row.plan_id, months)
        await periods.check_prolongable(session, row, mapping, period)
        title = f"Prolong service {row.id} by {period_in_words(months)}"
        cost = period.cost if period else None
        return _Asked({PERIOD_MONTHS: str(months)}, title, cost)

    body: dict[str, object] = {"period_months": months}
    kind = OperationKind.PROLONG
    return await _accept(database, service, kind, asked, client, key, body, limit=agreed_cost_limit, asker=asker)


async def switch(
    database: Database,
    service: int,
    kind: OperationKind,
    *,
    client: str,
    key: str,
    urgent: bool = False,
    reason: str = "",
    asker: Asker = OPERATOR,
) -> AcceptedOrder:
    """Suspend, resume or close. Raises NotTheirs where that would call off an opening that another shop asked for."""

    goes_first = urgent or kind is OperationKind.CLOSE

    async def asked(session: AsyncSession, row: Service) -> _Asked:
        if kind is OperationKind.RESUME:
            await periods.check_resumable(session, row)
        return _Asked({}, f"{kind.value.capitalize()} service {row.id}", urgent=goes_first, reason=reason)

    body: dict[str, object] = {"urgent": urgent, "reason": reason}
    return await _accept(database, service, kind, asked, client, key, body, goes_first=goes_first, asker=asker)


async def change_plan(
    database: Database,
    service: int,
    plan_name: str,
    *,
    client: str,
    key: str,
    manual_when: dict[str, list[str]],
    agreed_cost_limit: Money | None = None,
    drop_addons: bool = False,
    asker: Asker = OPERATOR,
) -> AcceptedOrder:
    """`manual_when`: product type -> resources whose change only a person can carry out. `drop_addons`: the caller
    agrees to lose the add-ons that the new plan can't have; without it such a change is refused, naming them."""

    async def asked(session: AsyncSession, row: Service) -> _Asked:
        plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == plan_name))).one_or_none()
        if plan is None or not plan.active:
            raise InvalidField("plan", f"there is no tariff plan {plan_name!r}")
        if plan.product_type != row.product_type:
            raise InvalidField("plan", f"{plan_name!r} is a {plan.product_type}, the service a {row.product_type}")
        if plan.id == row.plan_id:
            raise InvalidField("plan", f"service {row.id} has plan {plan_name!r} already")
        mapping, _ = await periods.mapped(session, row, plan.id, row.period_months)
        old = await session.get_one(TariffPlan, row.plan_id)
        parameters = {PLAN_ID: str(plan.id), TARIFF: mapping.tariff if mapping else ""}
        shown = mapping.resource_fields if mapping else {}
        parameters |= {
            f"{SHOWN_PREFIX}{field}": str(plan.resources[resource])
            for resource, field in shown.items()
            if resource in plan.resources
        }
        parameters |= _addons_to_carry(row, mapping, plan.name, drop=drop_addons)
        differing = [
            name
            for name in manual_when.get(row.product_type, [])
            if old.resources.get(name) != plan.resources.get(name)
        ]
        if differing:
            words = ", ".join(f"{name} {old.resources.get(name)} → {plan.resources.get(name)}" for name in differing)
            parameters[BY_HAND] = f"the upstream can't change this by itself: {words}"
        title = f"Change the plan of service {row.id} from {old.name} to {plan.name}"
        return _Asked(parameters, title)

    body: dict[str, object] = {"plan": plan_name} | ({"drop_addons": True} if drop_addons else {})
    kind = OperationKind.CHANGE_PLAN
    return await _accept(database, service, kind, asked, client, key, body, limit=agreed_cost_limit, asker=asker)


def _addons_to_carry(service: Service, mapping: PlanMapping | None, plan: str, *, drop: bool) -> dict[str, str]:
    """Raises InvalidField for add-ons that the new plan can't have, unless they are to be dropped."""
    if mapping is None:
        return {f"{ADDON_PREFIX}{name}": str(value) for name, value in service.addons.items()}
    carried, lost = addons.carried(service.addons, mapping, plan)
    if lost and not drop:
        words = "; ".join(f"{name} {service.addons[name]}: {reason}" for name, reason in lost.items())
        raise InvalidField(
            "plan",
            f"service {service.id} would lose add-ons with {plan} ({words}). Change them first, or ask with "
            "drop_addons to change the plan without them",
        )
    found = {f"{ADDON_PREFIX}{name}": str(value) for name, value in carried.items()}
    if lost:
        found[DROPPED_ADDONS] = ", ".join(f"{name} {service.addons[name]}" for name in lost)
    return found


async def change_parameters(
    database: Database,
    service: int,
    change: ServiceChange,
    *,
    client: str,
    key: str,
    asker: Asker = OPERATOR,
) -> AcceptedOrder:
    async def asked(session: AsyncSession, row: Service) -> _Asked:
        kind = PRODUCT_TYPES[row.product_type]
        if change.password is not None:
            return _new_password(row, kind, change)
        if change.licence_key is not None:
            return _new_key(row, kind, change)
        mapping = await periods.mapping_of_plan(session, row, row.plan_id)
        plan = await session.get_one(TariffPlan, row.plan_id)
        parameters = addons.wish(addons.check(change.addons, mapping, plan.name), mapping)
        if change.domain is not None:
            try:
                parameters["domain"] = naming.check_new_name(kind, change.domain)
            except ValueError as error:
                raise InvalidField("domain", str(error)) from error
            parameters[f"{FIELD_PREFIX}domain"] = parameters["domain"]
        if change.renewal_owner is not None:
            renewed = NO_RENEWAL
            if change.renewal_owner is RenewalOwner.UPSTREAM:
                _, period = await periods.mapped(session, row, row.plan_id, row.period_months)
                renewed = str(period.upstream_period if period else row.period_months)
            parameters[f"{FIELD_PREFIX}autoprolong"] = renewed
            parameters[RENEWAL_OWNER] = change.renewal_owner.value
        if not parameters:
            possible = "addons, domain, renewal_owner, password or licence_key"
            raise InvalidField("addons", f"name at least one thing to change: {possible}")
        return _Asked(parameters, f"Set parameters of service {row.id}")

    body = change.model_dump(mode="json", exclude={"agreed_cost_limit"})
    kind, limit = OperationKind.SET_PARAMETERS, change.agreed_cost_limit
    return await _accept(database, service, kind, asked, client, key, body, limit=limit, asker=asker)


def _new_password(service: Service, kind: ProductType, change: ServiceChange) -> _Asked:
    """A call of its own at the upstream, so an operation of its own."""
    if not kind.has_password:
        raise InvalidField("password", f"a {kind.intname} has none")
    if change.changes_values or change.licence_key is not None:
        raise InvalidField("password", "is changed alone; ask for the rest in a request of its own")
    return _Asked({NEW_PASSWORD: "yes"}, f"Give service {service.id} a new password")


def _new_key(service: Service, kind: ProductType, change: ServiceChange) -> _Asked:
    """Likewise."""
    if not kind.has_key:
        raise InvalidField("licence_key", f"a {kind.intname} has none")
    if change.changes_values:
        raise InvalidField("licence_key", "is changed alone; ask for the rest in a request of its own")
    return _Asked({NEW_KEY: "yes"}, f"Give service {service.id} a new licence key")


async def _accept(
    database: Database,
    service_number: int,
    kind: OperationKind,
    asked: _Asking,
    client: str,
    key: str,
    body: Mapping[str, object],
    *,
    goes_first: bool = False,
    limit: Money | None = None,
    asker: Asker,
) -> AcceptedOrder:
    once = Key(client, key, hash_of({"kind": kind.value, "service": service_number, **body, **limited(limit)}))
    try:
        async with database.write() as session:
            return await _write_down(session, service_number, kind, asked, once, goes_first, limit, asker)
    except IntegrityError:
        async with database.write() as session:  # the same key at once, or another operation began meanwhile
            return await _write_down(session, service_number, kind, asked, once, goes_first, limit, asker)


async def _write_down(
    session: AsyncSession,
    service_number: int,
    kind: OperationKind,
    asked: _Asking,
    key: Key,
    goes_first: bool,
    limit: Money | None,
    asker: Asker,
) -> AcceptedOrder:
    running = await turns.lock_running(session, service_number)  # before the service, as everywhere
    found = await session.exec(select(Service).where(Service.id == service_number).with_for_update())
    service = check_visible(found.one_or_none(), service_number, asker)
    earlier = await accepted_before(session, key)
    if earlier is not None:  # as it was then: what may be asked of the service can be something else by now
        return earlier
    if service.status is ServiceStatus.CLOSED:
        raise Refused(f"service {service_number} is closed; nothing can be done to it any more")
    if kind not in PRODUCT_TYPES[service.product_type].operations:
        raise Refused(f"a {service.product_type} can't be {_DONE[kind]}; prolong it, let it expire or close it")
    request = await asked(session, service)
    stage = Stage.QUEUED if running is not None else Stage.ACCEPTED
    stepped_aside: AcceptedOrder | None = None
    goes_first = goes_first or (running is not None and _mends(kind, running, service))
    if running is not None and goes_first and await turns.may_step_aside(session, running):
        await turns.step_aside(session, running, client=key.client)
        stage = Stage.ACCEPTED
        stepped_aside = known(running)
    account = await session.get(UpstreamAccount, service.account_id) if service.account_id else None
    check_limit(limit, account)
    module = await session.get_one(ProcessingModule, service.home_module_id or service.module_id)
    is_closing_early = kind is OperationKind.CLOSE and running is not None and running.kind is OperationKind.OPEN
    opening = running if is_closing_early else None
    follows = ""
    if opening is not None:
        facts = await facts_of(session, opening)
        calling_off.check_whose(opening, facts, asker)
        follows = calling_off.what_follows(facts)
    now = utc_now()
    operation = Operation(
        service_id=service_number,
        kind=kind,
        upstream_name=account.name if account else "",
        stage=stage,
        stage_since=now,
        created_at=now,
        reason=follows,
        parameters=request.parameters,
        cost_amount=request.cost.amount if request.cost else None,
        cost_currency=request.cost.currency if request.cost else None,
        agreed_limit_amount=limit.amount if limit else None,
        agreed_limit_currency=limit.currency if limit else None,
        actor=key.client,
        urgent=request.urgent,
    )
    number = await write(
        session,
        operation,
        key,
        department=module.department,
        title=request.title,
        facts={"service": service_number, "kind": kind.value, "reason": request.reason or None},
        because=follows,
    )
    called_off: AcceptedOrder | None = None
    if opening is not None:
        origin = Origin(key.client, kind.value, number, "its opening is called off", Source.OPERATION)
        if await calling_off.not_wanted(session, opening, origin):
            called_off = known(opening)
    return AcceptedOrder(
        service_number,
        number,
        kind,
        operation.upstream_name,
        created=True,
        queued=stage is Stage.QUEUED,
        stepped_aside=stepped_aside,
        called_off=called_off,
    )


def _mends(kind: OperationKind, running: Operation, service: Service) -> bool:
    """A prolongation is what a resumption of an expired service waits for, so it does not wait for that one."""
    if kind is not OperationKind.PROLONG or running.kind is not OperationKind.RESUME:
        return False
    expired = service.expires_on is not None and service.expires_on < utc_now().date()
    return expired or running.stage is Stage.NEEDS_ATTENTION
