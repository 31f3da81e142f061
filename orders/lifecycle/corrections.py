"""A person corrects what an operation asks for, before it is tried again: parameters, the name, add-ons.

Checked as at intake. An opening takes all of them; a change of values its add-ons and the name.
"""

from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import PlanMapping, TariffPlan
from models.enums import IntentState, OperationKind
from models.order import Operation, Service
from models.parameters import ADDON_PREFIX, FIELD_PREFIX, NEW_KEY, NEW_PASSWORD
from models.product_types import PRODUCT_TYPES
from orders.errors import InvalidField, Refused
from orders.services import addons
from orders.services.forms import check_parameters
from orders.services.history import Origin, changing
from orders.services.mappings import mapping_of
from orders.services.naming import check_name, check_new_name
from orders.settlement import intents

DOMAIN = "domain"


async def correct(session: AsyncSession, operation: Operation, wanted: dict[str, str], origin: Origin) -> None:
    """`wanted`: a parameter's name, `domain` or `addon.NAME` -> the right value. Raises InvalidField or Refused."""
    if not wanted:
        raise InvalidField("parameters", "name at least one parameter to correct")
    await _nothing_may_be_done_already(session, operation)
    service = await session.get_one(Service, operation.service_id)
    mapping = await mapping_of(session, service)
    plan = (await session.get_one(TariffPlan, service.plan_id)).name
    asked = {name.removeprefix(ADDON_PREFIX): value for name, value in wanted.items() if name.startswith(ADDON_PREFIX)}
    values = {name: addons.from_text(text) for name, text in asked.items()}
    checked = addons.check(values, mapping, plan)
    rest = {name: value for name, value in wanted.items() if not name.startswith(ADDON_PREFIX)}
    match operation.kind:
        case OperationKind.OPEN:
            async with changing(session, service, origin):
                _correct_opening(service, mapping, rest)
                service.addons = {**service.addons, **checked}
            session.add(service)
        case OperationKind.SET_PARAMETERS:
            _correct_change(operation, service, mapping, rest, checked)
            session.add(operation)
        case _:
            raise Refused(
                f"a {operation.kind.value} has nothing that can be corrected; try it again as it is, or cancel it and "
                "ask for another one"
            )


async def _nothing_may_be_done_already(session: AsyncSession, operation: Operation) -> None:
    if await intents.owed(session, operation.id) is not None:
        raise Refused("what was ordered lies unpaid in the upstream's cart as it was; cancel this, then ask anew")
    intent = await intents.latest(session, operation.id)
    if intent is not None and not intent.state.is_settled:
        raise Refused(
            "the outcome of the earlier request is not known yet; correcting it now could buy a second service"
        )
    if intent is not None and intent.state is IntentState.ACCEPTED:
        raise Refused("the upstream has accepted the order as it was; it can't be corrected any more")


def _correct_opening(service: Service, mapping: PlanMapping | None, wanted: dict[str, str]) -> None:
    kind = PRODUCT_TYPES[service.product_type]
    if mapping is None:
        raise Refused("the catalogue does not map this plan any more; map it again first, or cancel the order")
    own = {name: value for name, value in wanted.items() if name != DOMAIN}
    checked = check_parameters(own, kind, mapping)
    if DOMAIN in wanted:
        try:
            service.name = check_name(kind, wanted[DOMAIN])
        except ValueError as error:
            raise InvalidField(DOMAIN, str(error)) from error
        service.name_is_ours = False
    service.parameters = {**service.parameters, **checked}


def _correct_change(
    operation: Operation,
    service: Service,
    mapping: PlanMapping | None,
    wanted: dict[str, str],
    values: dict[str, addons.AddonValue],
) -> None:
    if {NEW_PASSWORD, NEW_KEY} & operation.parameters.keys():
        raise Refused("a new password or key has nothing that can be corrected; try again, or cancel it")
    others = sorted(wanted.keys() - {DOMAIN})
    if others:
        raise InvalidField(f"parameters.{others[0]}", "can't be corrected here; a change has add-ons and domain")
    changed = addons.wish(values, mapping)
    if DOMAIN in wanted:
        try:
            changed[DOMAIN] = check_new_name(PRODUCT_TYPES[service.product_type], wanted[DOMAIN])
        except ValueError as error:
            raise InvalidField(DOMAIN, str(error)) from error
        changed[f"{FIELD_PREFIX}{DOMAIN}"] = changed[DOMAIN]
    operation.parameters = {**operation.parameters, **changed}
