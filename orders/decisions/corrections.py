"""A person corrects what an operation asks for, before it is tried again: parameters, the name, add-ons.

Checked as at intake. An opening takes all of them; a change of values its add-ons and the name.
"""

from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import TariffPlan
from models.enums import IntentState
from models.order import Operation, Service
from models.parameters import ADDON
from orders.errors import InvalidField, Refused
from orders.operations.base import Correction
from orders.operations.registry import operation_type
from orders.services import addons
from orders.services.history import Origin, changing
from orders.services.mappings import mapping_of
from orders.settlement import intents


async def correct(session: AsyncSession, operation: Operation, wanted: dict[str, str], origin: Origin) -> None:
    """`wanted`: a parameter's name, `domain` or `addon.NAME` -> the right value. Raises InvalidField or Refused."""
    if not wanted:
        raise InvalidField("parameters", "name at least one parameter to correct")
    await _check_nothing_is_done(session, operation)
    service = await session.get_one(Service, operation.service_id)
    mapping = await mapping_of(session, service)
    plan = (await session.get_one(TariffPlan, service.plan_id)).name
    asked = ADDON.read(wanted)
    values = addons.values_of(asked)
    checked = addons.check(values, mapping, plan)
    rest = {name: value for name, value in wanted.items() if name not in ADDON.written(asked)}
    async with changing(session, service, origin):
        type_ = operation_type(operation.kind)
        await type_.correct(operation, type_.asked(operation), Correction(service, mapping, rest, checked))
    session.add_all([service, operation])


async def _check_nothing_is_done(session: AsyncSession, operation: Operation) -> None:
    if await intents.owed(session, operation.id) is not None:
        raise Refused(
            "the upstream's cart holds the unpaid order with the old values; cancel this operation, then order again"
        )
    intent = await intents.latest(session, operation.id)
    if intent is not None and not intent.state.is_settled:
        raise Refused(
            "the outcome of the earlier request is not known yet; correcting it now could buy a second service"
        )
    if intent is not None and intent.state is IntentState.ACCEPTED:
        raise Refused("the upstream has accepted the order as it was; it can't be corrected any more")
