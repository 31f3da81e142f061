"""What an activity needs to know of the operation it works for, read in one transaction."""

from dataclasses import dataclass

from sqlmodel import col, select

from models.catalogue import MappedPeriod, PlanMapping, ProcessingModule, UpstreamAccount
from models.database import Database
from models.enums import ModuleKind
from models.order import Intent, Operation, Service
from models.parameters import PERIOD_MONTHS, PLAN_ID
from models.product_types import PRODUCT_TYPES, Form, ProductType
from orders import addons, intents
from orders.errors import ByHand, NoMapping, NotFound
from orders.goals import fields_to_set
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

    def upstream_period(self) -> int:
        """The upstream's period for the months this operation is about."""
        return self.period.upstream_period

    def wanted_fields(self) -> dict[str, str]:
        """Upstream field -> value, of an operation that sets parameters."""
        return fields_to_set(self.operation.parameters)

    def order_spec(self) -> OrderSpec:
        """The set-up request, everything mapped to the upstream's words."""
        fields = dict(self.mapping.order_parameters)
        for name, value in self.service.parameters.items():
            parameter = self.kind.parameters[name]
            fields[parameter.field] = self.mapping.templates[value] if parameter.form is Form.TEMPLATE else value
        return OrderSpec(
            product_type=self.service.product_type,
            pricelist=self.mapping.pricelist,
            datacenter=self.mapping.datacenter,
            period=self.period.upstream_period,
            name=self.service.name,
            remoteid=self.service.mark,
            parameters=fields,
            addons=addons.fields(self.service.addons, self.mapping),
            renewal_owner=self.service.renewal_owner,
        )


async def load_job(database: Database, operation_number: int) -> Job:
    """Raises NotFound for an unknown operation, ByHand if no upstream does it, NoMapping if the catalogue lacks it."""
    async with database.read() as session:
        found = await session.exec(
            select(Operation, Service)
            .join(Service, col(Operation.service_id) == col(Service.id))
            .where(Operation.id == operation_number)
        )
        row = found.one_or_none()
        if row is None:
            raise NotFound("operation", operation_number)
        operation, service = row
        module = await session.get_one(ProcessingModule, service.home_module_id or service.module_id)
        account = await session.get(UpstreamAccount, service.account_id) if service.account_id else None
        if account is None or module.kind is ModuleKind.MANUAL:
            raise ByHand(f"processing module {module.name} is manual")
        months = int(operation.parameters.get(PERIOD_MONTHS, service.period_months))
        mapped = await session.exec(
            select(PlanMapping, MappedPeriod)
            .join(MappedPeriod, col(MappedPeriod.mapping_id) == col(PlanMapping.id))
            .where(
                PlanMapping.plan_id == int(operation.parameters.get(PLAN_ID, service.plan_id)),
                PlanMapping.module_id == module.id,
                MappedPeriod.period_months == months,
            )
        )
        pair = mapped.one_or_none()
        if pair is None:
            raise NoMapping(service.id or 0, months)
        mapping, period = pair
        return Job(operation, service, account, mapping, period, await intents.latest(session, operation_number))
