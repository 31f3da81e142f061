"""Services as they are shown."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

from pydantic import Field
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import ProcessingModule, TariffPlan, UpstreamAccount
from models.enums import AtEndOfTerm, RenewalOwner, ServiceStatus
from models.money import Money
from models.order import Service
from orders.access.ownership import visible, visible_service
from orders.access.roles import OPERATOR, Requester
from orders.errors import InvalidField, existing
from orders.incidents.views import open_incidents
from orders.reading.documents import Document, money
from orders.reading.paging import Page, PageRequest, page_with
from orders.reading.sorting import Listing, contains, created_between
from orders.services import keys

_NOUN = "service"
ServiceSort = Literal["created_at", "-created_at", "expires_on", "-expires_on"]
_SEARCHED = tuple(
    map(
        col,
        (Service.name, Service.ip, Service.upstream_number, Service.mark, Service.customer, Service.reference),
    )
)


class UpstreamItemRef(Document):
    """Where a service is bought."""

    name: str = Field(description="name of the upstream account")
    number: str | None = Field(description="number of the item at the upstream, once known")


class ServiceView(Document):
    """What a customer has."""

    number: int
    customer: str = Field(description="the storefront's own name of its customer")
    owner: str | None = Field(description="name of the storefront that owns it; null: the operators")
    plan: str = Field(description="name of the tariff plan")
    product_type: str
    status: ServiceStatus
    status_since: datetime
    suspend_reason: str | None
    name: str = Field(description="domain, host or licence name, as sent to the upstream")
    name_is_ours: bool = Field(description="the name was generated, because the order had none")
    mark: str = Field(description="our mark on the upstream's item (remoteid), by which it can be found there")
    upstream: UpstreamItemRef | None = Field(description="null for a service that is handled by people only")
    ip: str | None
    expires_on: date | None
    key_ready: bool | None = Field(
        description="whether the licence key has come (`GET …/licence-key`); null if there is none, or it is not known"
    )
    period_months: int
    parameters: dict[str, str]
    reference: str | None = Field(description="the shop's own name of it; null: it gave none")
    metadata: dict[str, str] = Field(description="the shop's own values")
    addons: dict[str, int | str] = Field(
        description="add-on and quantity; `on` or `off` for a switch, the chosen name for a choice"
    )
    renewal_owner: RenewalOwner = Field(
        description="who renews it, and nobody else: `storefront` (its shop prolongs it), `automatic` (we do) or "
        "`upstream`"
    )
    renew: bool = Field(description="whether it is to be renewed at the end of its term; `PATCH …/renewal` changes it")
    at_end_of_term: AtEndOfTerm = Field(description="the same in three words: `close`: it is closed then")
    processing_module: str = Field(description="how operations on this service are carried out")
    home_processing_module: str | None = Field(description="where it returns to from the manual module")
    cost: Money | None = Field(description="what the upstream charges for a period; null for storefronts")
    open_incidents: list[int] = Field(description="numbers of incidents about it that nobody has closed yet")
    created_at: datetime


class _Names:
    """Names of the catalogue rows that some services refer to, and what is known of their keys."""

    def __init__(
        self,
        plans: dict[int, str],
        modules: dict[int, str],
        accounts: dict[int, str],
        keys_ready: dict[int, bool],
        incidents: dict[int, list[int]],
    ) -> None:
        self._incidents = incidents
        self._plans = plans
        self._modules = modules
        self._accounts = accounts
        self._keys_ready = keys_ready

    @classmethod
    async def of(cls, session: AsyncSession, services: Sequence[Service]) -> "_Names":
        plan_ids = {service.plan_id for service in services}
        module_ids = {number for service in services for number in (service.module_id, service.home_module_id)}
        account_ids = {service.account_id for service in services}
        plans = await session.exec(select(TariffPlan.id, TariffPlan.name).where(col(TariffPlan.id).in_(plan_ids)))
        modules = await session.exec(
            select(ProcessingModule.id, ProcessingModule.name).where(col(ProcessingModule.id).in_(module_ids - {None}))
        )
        accounts = await session.exec(
            select(UpstreamAccount.id, UpstreamAccount.name).where(col(UpstreamAccount.id).in_(account_ids - {None}))
        )
        ready = await keys.ready(session, services)
        incidents = await open_incidents(session, [service.id for service in services])
        return cls(_by_id(plans.all()), _by_id(modules.all()), _by_id(accounts.all()), ready, incidents)

    def show(self, service: Service, requester: Requester) -> ServiceView:
        upstream = None
        if service.account_id is not None:
            upstream = UpstreamItemRef(name=self._accounts[service.account_id], number=service.upstream_number)
        home = service.home_module_id
        return ServiceView(
            number=service.id,
            customer=service.customer,
            owner=service.owner,
            plan=self._plans[service.plan_id],
            product_type=service.product_type,
            status=service.status,
            status_since=service.status_since,
            suspend_reason=service.suspend_reason,
            name=service.name,
            name_is_ours=service.name_is_ours,
            mark=service.mark,
            upstream=upstream,
            ip=service.ip or None,
            expires_on=service.expires_on,
            key_ready=self._keys_ready.get(service.id),
            period_months=service.period_months,
            parameters=service.parameters,
            reference=service.reference or None,
            metadata=service.shop_metadata,
            addons=service.addons,
            renewal_owner=service.renewed_by,
            renew=service.at_end_of_term is AtEndOfTerm.RENEW,
            at_end_of_term=service.at_end_of_term,
            processing_module=self._modules[service.module_id],
            home_processing_module=None if home is None else self._modules[home],
            cost=money(service.cost_amount, service.cost_currency) if requester.is_staff else None,
            open_incidents=self._incidents.get(service.id, []),
            created_at=service.created_at,
        )


def _by_id(rows: Sequence[tuple[int | None, str]]) -> dict[int, str]:
    return {number: name for number, name in rows if number is not None}


async def find_service(session: AsyncSession, number: int, requester: Requester = OPERATOR) -> ServiceView:
    """Raises NotFound, also for what the requester may not see."""
    service = await visible_service(session, existing(_NOUN, number), requester)
    return (await _Names.of(session, [service])).show(service, requester)


def show_new(
    service: Service, plan: str, module: str, account: str | None, requester: Requester = OPERATOR
) -> ServiceView:
    """A service that was ordered just now, with the names of what it refers to: nothing of it is to be read."""
    accounts = {} if service.account_id is None or account is None else {service.account_id: account}
    return _Names({service.plan_id: plan}, {service.module_id: module}, accounts, {}, {}).show(service, requester)


async def list_services(
    session: AsyncSession,
    ask: PageRequest,
    requester: Requester = OPERATOR,
    *,
    customer: Sequence[str] | None = None,
    status: Sequence[ServiceStatus] | None = None,
    plan: Sequence[str] | None = None,
    expires_after: date | None = None,
    expires_before: date | None = None,
    reference: Sequence[str] | None = None,
    containing: str | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    sort: ServiceSort = "-created_at",
) -> Page[ServiceView]:
    """A page of the services that the requester may see. `containing`: text in name, address, item number, mark,
    customer or reference. `expires_after` and `expires_before`: those whose term ends on a later or an earlier day than
    this. Raises InvalidField for a plan that does not exist, or a wrong cursor."""
    query = select(Service).where(visible(requester), *created_between(Service, created_after, created_before))
    if expires_after is not None:
        query = query.where(col(Service.expires_on) > expires_after)
    if expires_before is not None:
        query = query.where(col(Service.expires_on) < expires_before)
    if containing is not None:
        query = query.where(contains(containing, *_SEARCHED))
    listing: Listing[Service] = Listing(
        _NOUN,
        query,
        col(Service.id),
        lambda row: row.id,
        (
            (Service.customer, customer),
            (Service.reference, reference),
            (Service.status, status),
            (Service.plan_id, None if plan is None else [await _plan_id(session, name) for name in plan]),
        ),
        day=col(Service.expires_on),
        day_of=lambda row: row.expires_on,
    )
    rows = await listing.rows(session, ask, sort)
    names = await _Names.of(session, rows)
    return page_with(ask, rows, lambda row: listing.cursor(row, sort), lambda row: names.show(row, requester))


async def _plan_id(session: AsyncSession, name: str) -> int:
    found = (await session.exec(select(TariffPlan.id).where(TariffPlan.name == name))).one_or_none()
    if found is None:
        raise InvalidField("plan", f"there is no tariff plan {name!r}")
    return found
