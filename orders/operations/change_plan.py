"""Change plan: the tariff in the item's form shows whether it was done."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import PlanMapping, TariffPlan, UpstreamAccount
from models.database import Database
from models.enums import EventKind, FailureClass, OperationKind, UpstreamStatus
from models.messages import Submission, SubmitResult
from models.order import Operation, Service
from models.parameters import NewPlan
from models.product_types import SWITCHED_TYPES
from orders.errors import InvalidField
from orders.money.expectation import plan_terms
from orders.money.prices import PriceTerms
from orders.operations import followups, pending
from orders.operations.base import NOT_AT_WORK, Difference, Ending, Obstacle, OperationType, Request, Sent
from orders.operations.item import TARIFF, already_so, attention, item_number, judge_by_form, read
from orders.operations.job import Job
from orders.operations.requests import Charged, CheckedRequest, Option, Route, Rules
from orders.operations.seen import Compared, Seen, differing, same_amount
from orders.services import addons, mappings
from orders.services.mappings import mapped, mapping_of
from orders.settlement.other_terms import show_real_cost
from orders.settlement.verdicts import Judgement
from orders.text import Words
from upstreams.answers import Quote
from upstreams.kinds import adapter_of
from upstreams.port import Upstream, UpstreamItem


class PlanChange(Charged):
    kind: ClassVar = OperationKind.CHANGE_PLAN

    plan: Annotated[Words, Option("PLAN", help="name of a tariff plan")] = Field(
        max_length=64, description="name of a tariff plan", examples=["VDS-2"]
    )
    drop_addons: Annotated[bool, Option(help="change it, and lose the add-ons that the new plan can't have")] = Field(
        default=False,
        strict=True,
        description="change it although the new plan can't have all add-ons that the service has: these are lost. "
        "Without it such a request is refused, naming them",
    )

    def identity(self) -> dict[str, object]:
        return {"plan": self.plan} | ({"drop_addons": True} if self.drop_addons else {})


class ChangePlan(OperationType[PlanChange, NewPlan]):
    kind = OperationKind.CHANGE_PLAN
    request_model = PlanChange
    product_types = SWITCHED_TYPES
    parameters = NewPlan
    charges = True
    refunds_difference = True
    done_twice = "the change was probably charged twice"
    goal = NOT_AT_WORK
    seen_in_form = True
    goal_proves_it = True
    sets_addons = True
    event = EventKind.PLAN_CHANGED
    past_participle = "given another plan"
    route = Route(
        path="/change-plan",
        name="change_plan",
        details="The upstream is asked for the price first. If it gives one, the operation's `cost` shows it from the "
        "stage `checking_balance` on, before anything is paid. What the upstream can't do automatically becomes a "
        "task for a person (stage `awaiting_manual_task`). Add-ons are carried over to the new plan. If it can't have "
        "them all, the request is refused unless it says `drop_addons`.",
        present_participle="changing the plan of",
        help="What the upstream can't do automatically becomes a task for a person.",
        bodies={"larger": ("To a larger plan", {"plan": "VDS-2"})},
        parameters=NewPlan(plan_id=2, tariff="59").row(),
    )

    async def check(self, session: AsyncSession, service: Service, asked: PlanChange, rules: Rules) -> CheckedRequest:
        plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == asked.plan))).one_or_none()
        if plan is None or plan.id is None:
            raise InvalidField("plan", f"there is no tariff plan {asked.plan!r}")
        if not plan.active:
            raise InvalidField("plan", f"{asked.plan!r} is not on sale any more")
        if plan.product_type != service.product_type:
            raise InvalidField("plan", f"{asked.plan!r} is a {plan.product_type}, the service a {service.product_type}")
        if plan.id == service.plan_id:
            raise InvalidField("plan", f"service {service.id} has plan {asked.plan!r} already")
        mapping, _ = await mappings.mapped_period(session, service, plan.id, service.period_months)
        old = await session.get_one(TariffPlan, service.plan_id)
        had = await pending.addons_to_come(session, service)
        carried, dropped = _addons_to_carry(had, service.id, mapping, plan.name, drop=asked.drop_addons)
        account = await session.get_one(UpstreamAccount, service.account_id) if service.account_id else None
        manual = manual_changes(account, service.product_type, rules) if account is not None else ()
        by_hand = by_hand_in_words(manual, old, plan)
        parameters = NewPlan(
            plan_id=plan.id,
            tariff=mapping.tariff if mapping else "",
            shown={
                field: str(plan.resources[resource])
                for resource, field in (mapping.resource_fields if mapping else {}).items()
                if resource in plan.resources
            },
            addons=carried,
            dropped_addons=dropped if asked.drop_addons else None,
            by_hand=by_hand or None,
        )
        return CheckedRequest(parameters, f"Change the plan of service {service.id} from {old.name} to {plan.name}")

    async def at_its_turn(self, session: AsyncSession, service: Service, operation: Operation) -> None:
        """The add-ons to carry along are those that the service has now."""
        asked = self.asked(operation)
        plan = await session.get_one(TariffPlan, asked.plan_id)
        mapping = await mapped(session, plan.id, service.home_module_id or service.module_id)
        agreed = asked.dropped_addons is not None
        carried, dropped = _addons_to_carry(service.addons, service.id, mapping, plan.name, drop=agreed)
        now = asked.model_copy(update={"addons": carried, "dropped_addons": dropped if agreed else None})
        operation.parameters = pending.rewritten(operation.parameters, asked, now)

    def missing(self, asked: NewPlan, seen: Seen) -> str:
        wanted = asked.tariff or ""
        values = [Compared("tariff", seen.tariff, wanted, seen.tariff == wanted)]
        for name, value in asked.shown.items():
            shown = seen.form.get(name, "")
            values.append(Compared(name, shown, value, same_amount(shown, value)))
        return differing(values)

    def sets_tariff(self, asked: NewPlan) -> str | None:
        return asked.tariff

    def addons_after(self, asked: NewPlan, service: Service) -> dict[str, addons.AddonValue]:
        return addons.values_of(asked.addons)

    def needs_person(self, asked: NewPlan) -> str:
        return asked.by_hand or ""

    def terms(self, job: Job) -> PriceTerms:
        return plan_terms(job, addons.values_of(self.asked(job.operation).addons))

    async def compare(self, ending: Ending) -> None:
        await show_real_cost(ending.session, ending.service, ending.operation, ending.snapshot)

    async def steps(self, session: AsyncSession, service: Service, asked: NewPlan) -> list[str]:
        old = await session.get_one(TariffPlan, service.plan_id)
        new = await session.get_one(TariffPlan, asked.plan_id)
        mapping = await mapped(session, new.id or 0, service.home_module_id or service.module_id)
        tariff = f" (tariff {mapping.tariff} upstream)" if mapping and mapping.tariff else ""
        changes = [
            f"Change its {_spoken(name)} from {old.resources.get(name, '?')} to {new.resources.get(name, '?')}."
            for name in _changed(old, new)
        ]
        carried = [f"See that it still has {name} {value}." for name, value in asked.addons.items()]
        return [f"Change its plan from {old.name} to {new.name}{tariff}.", *changes, *carried, "See that it runs."]

    async def differences(self, session: AsyncSession, service: Service, asked: NewPlan) -> list[Difference]:
        module = service.home_module_id or service.module_id
        old = await session.get_one(TariffPlan, service.plan_id)
        new = await session.get_one(TariffPlan, asked.plan_id)
        before, after = await mapped(session, old.id or 0, module), await mapped(session, new.id or 0, module)
        found = [Difference("plan", old.name, new.name)]
        if after is not None and after.tariff:
            found.append(Difference("tariff", before.tariff if before else "", after.tariff, TARIFF))
        for name in _changed(old, new):
            was, becomes = (str(plan.resources.get(name, "")) for plan in (old, new))
            field = after.resource_fields.get(name, "") if after is not None else ""
            found.append(Difference(_spoken(name), was, becomes, field))
        return found

    async def apply(self, ending: Ending, asked: NewPlan) -> None:
        if asked.plan_id is None:
            return
        before = await mapping_of(ending.session, ending.service)
        ending.service.plan_id = asked.plan_id
        await followups.addons_after_plan_change(ending, asked, before=before)

    async def quote(self, job: Job, upstream: Upstream) -> Quote | None:
        return await upstream.quote_plan_change(
            item_number(job),
            job.mapping.tariff,
            job.upstream_period(),
            settings=job.mapping.settings,
            drop_addons=self.asked(job.operation).dropped_addons is not None,
        )

    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        item = await read(job, upstream)
        if self._is_so(job, item):
            return Obstacle(already_so(job, f"item {item.number} has tariff {item.tariff} already"))
        by_hand = self.asked(job.operation).by_hand
        if by_hand:
            return Obstacle(SubmitResult(outcome=Submission.MANUAL, reason=by_hand))
        if item.status is UpstreamStatus.DELETED:
            return Obstacle(attention(f"item {item.number} is deleted at the upstream", FailureClass.REJECTED))
        return Request(
            fields={"item": item.number, "tariff": job.mapping.tariff, "period": str(job.upstream_period())},
            before={TARIFF: [item.tariff]},
        )

    async def send(self, job: Job, upstream: Upstream) -> Sent:
        answer = await upstream.change_plan(
            item_number(job),
            job.mapping.tariff,
            job.upstream_period(),
            key=job.key,
            settings=job.mapping.settings,
            drop_addons=self.asked(job.operation).dropped_addons is not None,
            quote=job.named_quote,
        )
        return Sent(item_number(job), answer.unpaid)

    async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
        def changed(item: UpstreamItem | None) -> bool:
            return item is not None and Seen.of_form(item).tariff == job.mapping.tariff

        return await judge_by_form(job, upstream, window, changed)

    def _is_so(self, job: Job, item: UpstreamItem) -> bool:
        return not self.missing(self.asked(job.operation), Seen.of_form(item))


def manual_changes(account: UpstreamAccount, product_type: str, rules: Rules) -> Sequence[str]:
    """Resources whose change only a person can carry out at this upstream."""
    of_its_kind = adapter_of(account.kind).manual_plan_changes
    if of_its_kind is None:
        return ()
    chosen = of_its_kind if rules.manual_plan_changes is None else rules.manual_plan_changes
    return chosen.get(product_type, ())


def by_hand_in_words(manual: Sequence[str], old: TariffPlan, new: TariffPlan) -> str:
    """What of the change only a person can do; empty: nothing."""
    changed = [name for name in manual if old.resources.get(name) != new.resources.get(name)]
    words = ", ".join(f"{name} {_known(old, name)} → {_known(new, name)}" for name in changed)
    return f"the upstream has no automatic change of this: {words}" if changed else ""


def _changed(old: TariffPlan, new: TariffPlan) -> list[str]:
    """The resources that the plans have otherwise."""
    names = sorted(old.resources.keys() | new.resources.keys())
    return [name for name in names if old.resources.get(name) != new.resources.get(name)]


def _known(plan: TariffPlan, resource: str) -> object:
    return plan.resources.get(resource, "not stated")


def _addons_to_carry(
    had: Mapping[str, addons.AddonValue], service: int, mapping: PlanMapping | None, plan: str, *, drop: bool
) -> tuple[dict[str, str], str]:
    """The add-ons that the new plan keeps, and those that are lost, in words. Raises InvalidField for add-ons that it
    can't have, unless they are to be dropped."""
    if mapping is None:
        return {name: str(value) for name, value in had.items()}, ""
    carried, lost = addons.carried(had, mapping, plan)
    if lost and not drop:
        words = "; ".join(f"{name} {had[name]}: {reason}" for name, reason in lost.items())
        raise InvalidField(
            "plan",
            f"service {service} would lose add-ons with {plan} ({words}). Change them first, or ask with "
            "drop_addons to change the plan without them",
        )
    dropped = ", ".join(f"{name} {had[name]}" for name in lost)
    return {name: str(value) for name, value in carried.items()}, dropped


def _spoken(resource: str) -> str:
    """disk_gb -> disk (GB)."""
    name, _, unit = resource.rpartition("_")
    return f"{name} ({unit.upper()})" if name and unit in ("gb", "mb", "tb") else resource


OPERATION = ChangePlan()
