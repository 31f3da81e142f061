"""Set parameters: values of the item's form, a new password or a new licence key."""

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import ProcessingModule, TariffPlan, UpstreamAccount
from models.database import Database
from models.enums import OperationKind, RenewalOwner, RenewalSide
from models.order import Operation, Service
from models.parameters import NO_RENEWAL, Values
from models.periods import has_next_term, never_renewed, period_in_words
from models.product_types import ALL_TYPES, PRODUCT_TYPES, ProductType
from orders.errors import InvalidField, Refused
from orders.money.expectation import addon_terms
from orders.money.prices import PriceTerms
from orders.operations import followups, pending
from orders.operations.base import NOT_AT_WORK, Correction, Ending, Obstacle, OperationType, Request, Sent
from orders.operations.job import Job
from orders.operations.requests import Charged, CheckedRequest, Option, Route, Rules
from orders.operations.secret import GivingSecret, NewKey, NewPassword
from orders.operations.seen import Seen
from orders.operations.values import SettingValues, not_shown
from orders.services import addons, mappings, naming
from orders.services.addons import AddonValue, AskedAddon
from orders.settlement.verdicts import Judgement
from upstreams.answers import Quote
from upstreams.kinds import adapter_of
from upstreams.port import Upstream

DOMAIN = "domain"


class ServiceChange(Charged):
    """What a storefront may change of a service. Values that are left out stay."""

    kind: ClassVar = OperationKind.SET_PARAMETERS

    addons: dict[str, AskedAddon] = Field(
        default_factory=dict,
        description="add-on name and new quantity; true or false for a switch, the chosen name for a choice",
    )
    domain: Annotated[str | None, Option(help="the new host or domain name")] = Field(default=None, max_length=253)
    renewal_owner: Annotated[RenewalOwner | None, Option(metavar="WHO", help="who renews it")] = Field(
        default=None, description="who renews it; `resellflow`, the word of older versions, means `storefront`"
    )
    password: Annotated[
        Literal["new"] | None,
        Option(
            "--new-password",
            help="set a generated password at the upstream, which shows it in the item; no other change with it",
            means="new",
        ),
    ] = Field(
        default=None,
        description="`new`: a generated one is set at the upstream, which shows it; stored nowhere here. "
        "No other change with it",
    )
    licence_key: Annotated[
        Literal["new"] | None,
        Option(
            "--new-licence-key",
            help="have the upstream make another key and end the old one; no other change with it",
            means="new",
        ),
    ] = Field(
        default=None, description="`new`: the upstream makes another key, and the old one ends. No other change with it"
    )

    def identity(self) -> dict[str, object]:
        """The owner in the word under which older versions have hashed it."""
        found = super().identity()
        if self.renewal_owner is RenewalOwner.STOREFRONT:
            found["renewal_owner"] = RenewalSide.RESELLFLOW.value
        return found

    @property
    def changes_values(self) -> bool:
        return bool(self.addons) or self.domain is not None or self.renewal_owner is not None


class SetParameters(OperationType[ServiceChange, Values]):
    kind = OperationKind.SET_PARAMETERS
    request_model = ServiceChange
    product_types = ALL_TYPES
    parameters = Values
    charges = True
    done_twice = "the change was probably charged twice"
    goal = NOT_AT_WORK
    seen_in_form = True
    goal_proves_it = True
    sets_addons = True
    correctable = True
    route = Route(
        path="",
        name="change_service",
        method="PATCH",
        details="Values that are left out stay. The service shows the new values when the operation is completed. "
        "If the upstream can say the additional price, the operation's `cost` shows it before it is paid.\n\n"
        'You can\'t choose a password, because no password is ever stored here. `"password": "new"` sets a generated '
        'one at the upstream, where the item shows it. With `"licence_key": "new"` the upstream makes another key, '
        "which can be read when it has come. What this kind of upstream can't do of these is refused, and so is a wish "
        "that it renews (`absent` of the upstream's capabilities).",
        present_participle="changing",
        help="What you leave out stays.",
        bodies={
            "addons": ("More memory", {"addons": {"ram": 4}}),
            "domain": ("Another name", {"domain": "v2.example.com"}),
            "renewal": ("The upstream renews it from now on", {"renewal_owner": "upstream"}),
            "password": ("A new password", {"password": "new"}),
            "licence_key": ("A new licence key", {"licence_key": "new"}),
        },
        parameters={"addon.ram": "4", "field.addon_61": "4"},
    )

    def __init__(self) -> None:
        self._values = SettingValues()
        self._password, self._key = GivingSecret(NewPassword()), GivingSecret(NewKey())

    async def check(
        self, session: AsyncSession, service: Service, asked: ServiceChange, rules: Rules
    ) -> CheckedRequest:
        product_type = PRODUCT_TYPES[service.product_type]
        if asked.password is not None:
            await _check_able(session, service, "change_password", "password")
            return _new_password(service, product_type, asked)
        if asked.licence_key is not None:
            await _check_able(session, service, "licence_keys", "licence_key")
            return _new_key(service, product_type, asked)
        if not asked.changes_values:
            possible = "addons, domain, renewal_owner, password or licence_key"
            raise InvalidField("addons", f"name at least one thing to change: {possible}")
        plan_id = await pending.plan_to_come(session, service)
        mapping = await mappings.mapping_of_plan(session, service, plan_id)
        plan = await session.get_one(TariffPlan, plan_id)
        values = addons.values_to_set(addons.check(asked.addons, mapping, plan.name), mapping)
        fields = dict(values.fields)
        domain = None if asked.domain is None else _checked_name(product_type, asked.domain)
        if domain is not None:
            fields[DOMAIN] = domain
        renewal = None
        if asked.renewal_owner is not None:
            if asked.renewal_owner is RenewalOwner.AUTOMATIC and not has_next_term(service.period_months):
                raise InvalidField("renewal_owner", never_renewed(service.period_months))
            if asked.renewal_owner is RenewalOwner.UPSTREAM:
                await _check_able(session, service, "renewal_switch", "renewal_owner")
            renewal = await pending.renewal_period(session, service, plan_id, asked.renewal_owner)
        values = values.model_copy(update={"fields": fields, "domain": domain, "renewal": renewal})
        return CheckedRequest(values.to_be_renewed_by(asked.renewal_owner), f"Set parameters of service {service.id}")

    async def at_its_turn(self, session: AsyncSession, service: Service, operation: Operation) -> None:
        now = await pending.values_now(session, service, operation, keep={DOMAIN})
        operation.parameters = pending.rewritten(operation.parameters, self.asked(operation), now)

    def has_values(self, asked: Values) -> bool:
        return not (asked.new_password or asked.new_key)

    async def correct(self, operation: Operation, asked: Values, correction: Correction) -> None:
        """Its add-ons and the name."""
        parameters = correction.parameters
        if not self.has_values(asked):
            raise Refused("a new password or key has nothing that can be corrected; try again, or cancel it")
        others = sorted(parameters.keys() - {DOMAIN})
        if others:
            raise InvalidField(f"parameters.{others[0]}", "can't be corrected here; a change has add-ons and domain")
        changed = addons.values_to_set(correction.addons, correction.mapping)
        if DOMAIN in parameters:
            domain = _checked_name(PRODUCT_TYPES[correction.service.product_type], parameters[DOMAIN])
            changed = changed.model_copy(update={"domain": domain, "fields": {**changed.fields, DOMAIN: domain}})
        operation.parameters = {**operation.parameters, **changed.row()}

    def goal_proves_manual_work(self, asked: Values) -> bool:
        """No form shows whether a password or a key is new."""
        return bool(asked.fields) or asked.renewal is not None

    def missing(self, asked: Values, seen: Seen) -> str:
        return not_shown(asked, seen)

    def addons_after(self, asked: Values, service: Service) -> dict[str, AddonValue]:
        return addons.without_none({**service.addons, **addons.values_of(asked.addons)})

    def terms(self, job: Job) -> PriceTerms:
        return addon_terms(job, addons.values_of(self.asked(job.operation).addons))

    # A new password and a new licence key are calls of their own.

    async def quote(self, job: Job, upstream: Upstream) -> Quote | None:
        return await self._handler(job).quote(job, upstream)

    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        return await self._handler(job).prepare(database, job, upstream)

    async def send(self, job: Job, upstream: Upstream) -> Sent:
        return await self._handler(job).send(job, upstream)

    async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
        return await self._handler(job).find_out(database, job, upstream, window)

    def _handler(self, job: Job) -> SettingValues | GivingSecret:
        asked = self.asked(job.operation)
        return self._password if asked.new_password else self._key if asked.new_key else self._values

    async def steps(self, session: AsyncSession, service: Service, asked: Values) -> list[str]:
        steps = [f"Set {name} to {value}." for name, value in (asked.fields or _in_our_words(asked)).items()]
        if asked.renewal == NO_RENEWAL:
            steps.append("Switch the upstream's own renewal off.")
        elif asked.renewal is not None:
            steps.append(f"Have the upstream renew it by {period_in_words(asked.renewal)}.")
        return steps

    async def apply(self, ending: Ending, asked: Values) -> None:
        service = ending.service
        service.addons = addons.without_none({**service.addons, **addons.values_of(asked.addons)})
        if asked.domain is not None:
            service.name, service.name_is_ours = asked.domain, False
        if asked.renewed_by is not None:
            await followups.renewal_as_asked(ending, asked)


async def _check_able(session: AsyncSession, service: Service, capability: str, field: str) -> None:
    """Raises InvalidField if this kind of upstream can't do it."""
    absent = await absences(session, service)
    if capability in absent:
        raise InvalidField(field, absent[capability])


async def absences(session: AsyncSession, service: Service) -> dict[str, str]:
    """What the service's upstream can't do -> why, in words. What people carry out needs no capability."""
    module = await session.get_one(ProcessingModule, service.home_module_id or service.module_id)
    if module.account_id is None:
        return {}
    account = await session.get_one(UpstreamAccount, module.account_id)
    absent = adapter_of(account.kind).capabilities.absent()
    return {name: f"the upstream {account.name} can't do this: {why}" for name, why in absent}


def _checked_name(product_type: ProductType, name: str) -> str:
    try:
        return naming.check_new_name(product_type, name)
    except ValueError as error:
        raise InvalidField(DOMAIN, str(error)) from error


def _new_password(service: Service, product_type: ProductType, asked: ServiceChange) -> CheckedRequest:
    """A call of its own at the upstream, so an operation of its own."""
    if not product_type.has_password:
        raise InvalidField("password", f"a {product_type.intname} has none")
    if asked.changes_values or asked.licence_key is not None:
        raise InvalidField("password", "must be changed alone; send the other changes in a separate request")
    return CheckedRequest(Values(new_password=True), f"Give service {service.id} a new password")


def _new_key(service: Service, product_type: ProductType, asked: ServiceChange) -> CheckedRequest:
    """A call of its own at the upstream, so an operation of its own."""
    if not product_type.has_key:
        raise InvalidField("licence_key", f"a {product_type.intname} has none")
    if asked.changes_values:
        raise InvalidField("licence_key", "must be changed alone; send the other changes in a separate request")
    return CheckedRequest(Values(new_key=True), f"Give service {service.id} a new licence key")


def _in_our_words(asked: Values) -> dict[str, str]:
    """The values in our own words, for a change that no upstream makes."""
    others = ("addons", "follows", "stepped_aside", "renewal_owner", "renews_automatically", "renewal")
    row = Values(**asked.model_dump(exclude=set(others))).row()
    return {**asked.addons, **row}


OPERATION = SetParameters()
