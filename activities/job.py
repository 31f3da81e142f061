"""What an activity needs to know of the operation it works for, read in one transaction."""

from dataclasses import dataclass

from sqlmodel import col, select

from models.catalogue import MappedPeriod, PlanMapping, UpstreamAccount
from models.database import Database
from models.money import Money
from models.order import Intent, Operation, Service
from models.product_types import PRODUCT_TYPES, ProductType
from orders import intents
from orders.errors import NotFound
from upstreams.port import OrderSpec


@dataclass(frozen=True)
class Job:
    operation: Operation
    service: Service
    account: UpstreamAccount
    mapping: PlanMapping
    period: MappedPeriod
    intent: Intent | None
    """The latest call made for this operation, if any."""

    @property
    def number(self) -> int:
        assert self.operation.id is not None  # noqa: S101 - read from the database
        return self.operation.id

    @property
    def account_id(self) -> int:
        assert self.account.id is not None  # noqa: S101 - read from the database
        return self.account.id

    @property
    def kind(self) -> ProductType:
        return PRODUCT_TYPES[self.service.product_type]

    @property
    def cost(self) -> Money:
        """What the catalogue expects it to cost."""
        return self.period.cost

    def order_spec(self) -> OrderSpec:
        """The set-up request, everything mapped to the upstream's words."""
        fields = dict(self.mapping.order_parameters)
        for name, value in self.service.parameters.items():
            fields[self.kind.parameters[name]] = self.mapping.templates[value] if name == "template" else value
        return OrderSpec(
            product_type=self.service.product_type,
            pricelist=self.mapping.pricelist,
            datacenter=self.mapping.datacenter,
            period=self.period.upstream_period,
            name=self.service.name,
            remoteid=self.service.mark,
            parameters=fields,
            addons={self.mapping.addons[name]: str(count) for name, count in self.service.addons.items()},
            renewal_owner=self.service.renewal_owner,
        )


async def load_job(database: Database, operation_number: int) -> Job:
    """Raises NotFound for an unknown operation, or if the catalogue no longer has its plan's mapping."""
    async with database.read() as session:
        found = await session.exec(
            select(Operation, Service, PlanMapping, MappedPeriod)
            .join(Service, col(Operation.service_id) == col(Service.id))
            .join(
                PlanMapping,
                (col(PlanMapping.plan_id) == col(Service.plan_id))
                & (col(PlanMapping.module_id) == col(Service.module_id)),
                isouter=True,
            )
            .join(
                MappedPeriod,
                (col(MappedPeriod.mapping_id) == col(PlanMapping.id))
                & (col(MappedPeriod.period_months) == col(Service.period_months)),
                isouter=True,
            )
            .where(Operation.id == operation_number)
        )
        row: tuple[Operation, Service, PlanMapping | None, MappedPeriod | None] | None = found.one_or_none()
        if row is None:
            raise NotFound("operation", operation_number)
        operation, service, mapping, period = row
        account = await session.get(UpstreamAccount, service.account_id)
        if account is None:
            raise NotFound("upstream account of service", service.id or 0)
        if mapping is None:
            raise NotFound("mapping for the plan of service", service.id or 0)
        if period is None:
            raise NotFound(f"mapped period of {service.period_months} months for service", service.id or 0)
        return Job(operation, service, account, mapping, period, await intents.latest(session, operation_number))
