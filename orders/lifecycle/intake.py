"""Accepting an order for a new service: what may be asked, the offer that serves it, and one transaction."""

from dataclasses import dataclass
from functools import cache
from typing import NoReturn

from pydantic import Field
from sqlalchemy import and_, bindparam
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select

from models.catalogue import MappedPeriod, PlanMapping, ProcessingModule, TariffPlan, TariffPlanPrice, UpstreamAccount
from models.database import Database
from models.enums import ModuleKind, OperationKind
from models.numbers import HIGHEST_NUMBER, next_number
from models.order import IntakeKey, Operation, Service
from models.periods import period_in_words
from models.product_types import PRODUCT_TYPES, ProductType
from orders.errors import InvalidField
from orders.installation import held_column, raise_if_held, tag_column
from orders.lifecycle.acceptance import (
    AcceptedOrder,
    CatalogueTerms,
    Key,
    NewRows,
    accepted_before,
    hash_of,
    new_service,
    write,
)
from orders.money.limits import LIMIT_DESCRIPTION, CostLimit, check_limit, limited
from orders.money.quoted import QUOTE_DESCRIPTION, QuoteName, agreed_by
from orders.money.quoted import naming as naming_quote
from orders.references import OF_THE_SHOP, Referenced
from orders.services import addons, naming
from orders.services.addons import AskedAddon, spelled_alike
from orders.services.forms import check_parameters
from orders.text import Lines, PlainText, Words


class ServiceRequest(Referenced):
    """An order of a storefront. Unknown fields are refused, not ignored."""

    plan: Words = Field(max_length=64, description="name of a tariff plan")
    period_months: int = Field(strict=True, description="months; one of the plan's periods")
    customer: Words = Field(max_length=200, description="the storefront's own name of its customer")
    domain: PlainText | None = Field(
        default=None,
        max_length=253,
        description="host name, made up when absent; needed for domains, and as common name of certificates",
    )
    parameters: dict[PlainText, Lines] = Field(
        default_factory=dict,
        description="what the product type takes: template and recipe; ip of a licence; approver_email and csr of a "
        "certificate; nameserver1…4 and contacts of a domain",
    )
    addons: dict[PlainText, AskedAddon] = Field(
        default_factory=dict,
        description="add-on name and quantity; true or false for a switch, the chosen name for a choice",
    )
    agreed_cost_limit: CostLimit | None = Field(default=None, description=LIMIT_DESCRIPTION)
    quote: QuoteName | None = Field(default=None, description=QUOTE_DESCRIPTION)


@dataclass(frozen=True)
class _Candidate(CatalogueTerms):
    """One mapping of the plan to a module, by which it can be ordered."""

    type: ProductType
    service: int
    """The number that the service gets."""
    operation: int
    tag: str
    """For its mark."""

    @property
    def by_whom(self) -> str:
        return f"at {self.account.name}" if self.account else "by hand"


async def accept_order(
    database: Database,
    request: ServiceRequest,
    *,
    client: str,
    key: str,
    hostname_suffix: str,
    owner: str | None = None,
) -> AcceptedOrder:
    """Write the order down. Raises InvalidField, KeyReused or Held.

    The same client, key and body give the same numbers. `owner`: the storefront whose the service will be; None: the
    operators'.

    Once this returns the order cannot be lost: it is committed, and the sweep starts what nobody started.
    """
    once = key_of(request, client, key)
    try:
        async with database.write() as session:
            return await accept_in(session, request, once, hostname_suffix=hostname_suffix, owner=owner)
    except IntegrityError:
        async with database.read() as session:
            winner = await accepted_before(session, once)  # the same key, posted twice at once
        if winner is None:
            raise
        return winner


async def accept_in(
    session: AsyncSession, request: ServiceRequest, once: Key, *, hostname_suffix: str, owner: str | None
) -> AcceptedOrder:
    """The same within a transaction of the caller's, who may roll it back."""
    candidate = await _find_candidate(session, request, once)
    if candidate is None:
        again = await accepted_before(session, once)
        if again is not None:
            return again
        await _refuse(session, request)
    return await _accept(session, request, candidate, once, hostname_suffix, owner)


def key_of(request: ServiceRequest, client: str, key: str) -> Key:
    return Key(client, key, _body_hash(request))


def _body_hash(request: ServiceRequest) -> str:
    return hash_of(
        _body(request) | limited(request.agreed_cost_limit) | naming_quote(request.quote) | request.of_the_shop
    )


def _body(request: ServiceRequest) -> dict[str, object]:
    return request.model_dump(mode="json", exclude={"agreed_cost_limit", "quote", *OF_THE_SHOP})


def quoted_hash(request: ServiceRequest) -> str:
    """What a quote is of: all that is ordered, without limit, reference and metadata."""
    return hash_of(spelled_alike({"kind": OperationKind.OPEN.value, **_body(request)}))


_Candidates = Select[
    TariffPlan, ProcessingModule, PlanMapping, MappedPeriod, UpstreamAccount | None, int, int, str, str | None
]


async def _find_candidate(session: AsyncSession, request: ServiceRequest, key: Key) -> _Candidate | None:
    """The first mapping that has the plan for so many months. The same statement shows whether the key is free, and the
    numbers of the service and the operation to come. None: the key is known, or there is no such mapping. Raises Held.
    """
    if abs(request.period_months) > HIGHEST_NUMBER:
        return None  # no period is so long, and no database would look for it
    asked = {"plan": request.plan, "months": request.period_months, "client": key.client, "key": key.key}
    found = await session.exec(_candidates_query(session.get_bind().dialect.name), params=asked)
    row = found.one_or_none()
    if row is None:
        return None
    plan, module, mapping, period, account, service, operation, tag, held = row
    raise_if_held(held)
    by_hand = module.kind is ModuleKind.MANUAL
    product_type = PRODUCT_TYPES[plan.product_type]
    return _Candidate(
        plan, module, None if by_hand else account, mapping, period, product_type, service, operation, tag
    )


@cache
def _candidates_query(dialect: str) -> _Candidates:
    """Ways to get `plan` for `months`, the first one first, unless the `client` has used the `key`."""
    known = select(IntakeKey.operation_id).where(
        IntakeKey.client == bindparam("client"), IntakeKey.key == bindparam("key")
    )
    query: _Candidates = (
        select(  # type: ignore[call-overload]  # it knows no more than four
            TariffPlan,
            ProcessingModule,
            PlanMapping,
            MappedPeriod,
            UpstreamAccount,
            next_number(dialect, Service),
            next_number(dialect, Operation),
            tag_column(),
            held_column(),
        )
        .join(PlanMapping, col(PlanMapping.plan_id) == col(TariffPlan.id))
        .join(ProcessingModule, col(PlanMapping.module_id) == col(ProcessingModule.id))
        .join(MappedPeriod, col(MappedPeriod.mapping_id) == col(PlanMapping.id))
        .join(  # a period that is mapped but has no price is not on sale
            TariffPlanPrice,
            and_(
                col(TariffPlanPrice.plan_id) == col(TariffPlan.id),
                col(TariffPlanPrice.period_months) == col(MappedPeriod.period_months),
                col(TariffPlanPrice.retired).is_(False),
            ),
        )
        .outerjoin(UpstreamAccount, col(UpstreamAccount.id) == col(ProcessingModule.account_id))
        .where(
            TariffPlan.name == bindparam("plan"),
            col(TariffPlan.active).is_(True),
            MappedPeriod.period_months == bindparam("months"),
            col(MappedPeriod.retired).is_(False),
            ~known.exists(),
        )
        .order_by(col(ProcessingModule.priority), col(ProcessingModule.id))
        .limit(1)
    )
    return query


async def _refuse(session: AsyncSession, request: ServiceRequest) -> NoReturn:
    """Why the plan can't be had so. Raises InvalidField."""
    plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == request.plan))).one_or_none()
    if plan is None:
        raise InvalidField("plan", f"there is no tariff plan {request.plan!r}")
    if not plan.active:
        raise InvalidField("plan", f"{request.plan!r} is not on sale any more")
    mappings = (await session.exec(select(PlanMapping.id).where(PlanMapping.plan_id == plan.id))).all()
    if not mappings:
        raise InvalidField("plan", f"{request.plan!r} is not mapped to any processing module; it can't be ordered yet")
    priced = await session.exec(
        select(TariffPlanPrice.period_months).where(
            TariffPlanPrice.plan_id == plan.id, col(TariffPlanPrice.retired).is_(False)
        )
    )
    mapped = await session.exec(
        select(MappedPeriod.period_months).where(
            col(MappedPeriod.mapping_id).in_(mappings), col(MappedPeriod.retired).is_(False)
        )
    )
    periods = set(priced.all()) & set(mapped.all())
    offered = ", ".join(str(months) for months in sorted(periods)) or "no period at all"
    raise InvalidField(
        "period_months",
        f"{request.plan!r} can't be had for {period_in_words(request.period_months)}; only for {offered}",
    )


@dataclass(frozen=True)
class Details:
    """What the product type and the mapping decide of a request, each value in its one spelling."""

    domain: str | None
    parameters: dict[str, str]


def check_details(request: ServiceRequest, product_type: ProductType, mapping: PlanMapping) -> Details:
    """Raises InvalidField."""
    parameters = check_parameters(request.parameters, product_type, mapping)
    missing = product_type.required - parameters.keys()
    if missing:
        raise InvalidField(f"parameters.{min(missing)}", f"is needed to order the type {product_type.intname}")
    if request.domain is None:
        if product_type.name.is_the_thing:
            raise InvalidField("domain", f"is needed to order the type {product_type.intname}")
        return Details(None, parameters)
    try:
        return Details(naming.check_name(product_type, request.domain), parameters)
    except ValueError as error:
        raise InvalidField("domain", str(error)) from error


async def _check_own_items(
    session: AsyncSession, candidate: _Candidate, parameters: dict[str, str], owner: str | None
) -> None:
    """A storefront adds to what is its own. Raises InvalidField, in the same words for what is another's and what is
    not there."""
    if owner is None:
        return
    for name in parameters.keys() & {name for name, one in candidate.type.parameters.items() if one.of_item}:
        own = select(Service.id).where(Service.owner == owner, Service.upstream_number == parameters[name])
        if candidate.account is not None:
            own = own.where(Service.account_id == candidate.account.id)
        if (await session.exec(own.limit(1))).first() is None:
            raise InvalidField(f"parameters.{name}", f"no service of {owner} is item {parameters[name]}")


async def _accept(
    session: AsyncSession,
    request: ServiceRequest,
    candidate: _Candidate,
    key: Key,
    hostname_suffix: str,
    owner: str | None,
) -> AcceptedOrder:
    details = check_details(request, candidate.type, candidate.mapping)
    check_limit(request.agreed_cost_limit, candidate.account)
    agreed = await agreed_by(
        session, request.quote, quoted_hash(request), owner, candidate.account, request.agreed_cost_limit
    )
    await _check_own_items(session, candidate, details.parameters, owner)
    service = new_service(candidate.service, candidate.tag, candidate, customer=request.customer, owner=owner)
    service.name = details.domain or naming.own_name(candidate.type, service.mark, hostname_suffix)
    service.name_is_ours = details.domain is None
    service.parameters = details.parameters
    service.addons = addons.check(request.addons, candidate.mapping, candidate.plan.name)
    service.reference, service.shop_metadata = request.reference or "", request.metadata
    operation = Operation(
        id=candidate.operation,
        service_id=candidate.service,
        kind=OperationKind.OPEN,
        upstream_name=candidate.account.name if candidate.account else "",
        parameters={"period_months": str(request.period_months)},
        cost_amount=candidate.period.cost_amount,
        cost_currency=candidate.period.cost_currency,
        price=agreed.price,
        agreed_limit_amount=agreed.limit.amount if agreed.limit else None,
        agreed_limit_currency=agreed.limit.currency if agreed.limit else None,
        quote=request.quote,
        actor=key.client,
        reference=service.reference,
        shop_metadata=service.shop_metadata,
        stage_since=service.status_since,
        created_at=service.created_at,
    )
    await write(
        session,
        operation,
        key,
        service=service,
        department=candidate.module.department,
        title=f"Open {candidate.plan.name} as service {candidate.service} {candidate.by_whom}",
        facts={"service": candidate.service, "plan": candidate.plan.name, "period_months": request.period_months},
    )
    return AcceptedOrder(
        candidate.service,
        candidate.operation,
        OperationKind.OPEN,
        operation.upstream_name,
        created=True,
        rows=NewRows(service, operation, candidate.plan, candidate.module, candidate.account),
        request_id=operation.request_id,
        traceparent=operation.traceparent,
    )
