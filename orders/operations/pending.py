"""Changes that wait for their turn: what the service will have once they are done, and what they ask for when it comes.

A change is queued as it was asked for. Until its turn comes, other operations may change the plan and the add-ons, and
every tariff has fields of its own for the same add-on. So the request is checked against what the service will have,
and its fields are made when its turn comes.
"""

from collections.abc import Mapping

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import TariffPlan
from models.enums import FINAL_STAGES, OperationKind, RenewalOwner, Stage
from models.order import Operation, Service
from models.parameters import NO_RENEWAL, NewPlan, Parameters, Values
from orders.errors import Refused
from orders.services import addons, mappings
from orders.services.addons import AddonValue
from orders.services.mappings import mapping_of


async def plan_to_come(session: AsyncSession, service: Service) -> int:
    """The plan that the service will have once its changes of plan are done that have not ended."""
    waiting = await _not_ended(session, service, OperationKind.CHANGE_PLAN)
    return (NewPlan.of(waiting[-1].parameters).plan_id if waiting else None) or service.plan_id


async def addons_to_come(session: AsyncSession, service: Service) -> dict[str, AddonValue]:
    """The add-ons that the service will have once its changes of values are done that have not ended."""
    found = dict(service.addons)
    for operation in await _not_ended(session, service, OperationKind.SET_PARAMETERS):
        found |= addons.values_of(Values.of(operation.parameters).addons)
    return addons.without_none(found)


async def renewal_period(session: AsyncSession, service: Service, plan: int, owner: RenewalOwner) -> str:
    """The period by which the upstream is to renew the service with this plan. Raises InvalidField."""
    if owner is not RenewalOwner.UPSTREAM:
        return NO_RENEWAL
    _, period = await mappings.mapped_period(session, service, plan, service.period_months)
    return str(period.upstream_period if period else service.period_months)


async def values_now(session: AsyncSession, service: Service, operation: Operation, keep: set[str]) -> Values:
    """What a change of values asks of the plan that the service has now. `keep`: fields that are no add-ons.

    Raises InvalidField or Refused if the plan can't have it.
    """
    asked = Values.of(operation.parameters)
    mapping = await mapping_of(session, service)
    if mapping is None:
        return asked  # people carry it out, or the catalogue lacks the plan, which is reported elsewhere
    update: dict[str, object] = {}
    if asked.renewal is not None and asked.renewed_by is not None:
        update["renewal"] = await renewal_period(session, service, service.plan_id, asked.renewed_by)
    if asked.addons:
        wanted, kept = addons.values_of(asked.addons), keep
        if asked.follows is not None:
            wanted = await _still_missing(session, operation, asked.follows, wanted)
            if await _is_of_plan(session, asked.follows, service.plan_id):
                # What was to be switched off may have a field that only another plan of this tariff knows.
                kept = keep | (asked.fields.keys() - set(mapping.addons.values()))
            else:
                wanted = {name: value for name, value in wanted.items() if name in mapping.addons}
            if not wanted:
                raise Refused("nothing of it is left to be done: operations after it have set these add-ons")
        plan = await session.get_one(TariffPlan, service.plan_id)
        foreign = {name: value for name, value in wanted.items() if name not in mapping.addons and kept != keep}
        own = {name: value for name, value in wanted.items() if name not in foreign}
        made = addons.values_to_set(addons.check(own, mapping, plan.name), mapping)
        others = {name: value for name, value in asked.fields.items() if name in kept}
        update |= {
            "addons": made.addons | {name: str(value) for name, value in foreign.items()},
            "fields": others | made.fields,
        }
    return asked.model_copy(update=update)


def rewritten(row: Mapping[str, str], before: Parameters, now: Parameters) -> dict[str, str]:
    """The operation's row with the new parameters in place of those before."""
    gone = before.row().keys()
    return {name: value for name, value in row.items() if name not in gone} | now.row()


async def _still_missing(
    session: AsyncSession, operation: Operation, first: int, wanted: Mapping[str, AddonValue]
) -> dict[str, AddonValue]:
    """Without the add-ons that were changed between the change of plan and what follows it."""
    found = await session.exec(
        select(Operation).where(
            Operation.service_id == operation.service_id,
            Operation.kind == OperationKind.SET_PARAMETERS,
            Operation.stage == Stage.COMPLETED,
            col(Operation.id) > first,
            col(Operation.id) < operation.id,
        )
    )
    changed = {name for one in found.all() for name in Values.of(one.parameters).addons}
    return {name: value for name, value in wanted.items() if name not in changed}


async def _is_of_plan(session: AsyncSession, change: int, plan: int) -> bool:
    return NewPlan.of((await session.get_one(Operation, change)).parameters).plan_id == plan


async def _not_ended(session: AsyncSession, service: Service, kind: OperationKind) -> list[Operation]:
    """Oldest first."""
    found = await session.exec(
        select(Operation)
        .where(
            Operation.service_id == service.id,
            Operation.kind == kind,
            col(Operation.stage).not_in(FINAL_STAGES),
        )
        .order_by(col(Operation.id))
    )
    return list(found.all())
