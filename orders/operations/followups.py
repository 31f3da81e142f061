"""What an operation leaves to be done becomes an operation of its own, in the transaction that ends the first.

A change of plan that did not take the add-ons along; a change of values whose second part, who renews, did not come
about. Each is queued, sent, settled and shown to people like any other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.catalogue import PlanMapping, ProcessingModule, TariffPlan
from models.enums import IncidentKind, OperationKind, RenewalOwner, Stage
from models.order import Operation
from models.parameters import NewPlan, Values
from orders import audit
from orders.audit import OURSELVES
from orders.incidents.record import raise_incident
from orders.lifecycle.acceptance import Key, accepted_before, write
from orders.operations.base import Ending
from orders.services import addons
from orders.services.mappings import by_tariff, mapping_of


async def renewal_as_asked(ending: Ending, asked: Values) -> None:
    """Who renews, after a change of it: what was asked for, unless the upstream shows the other. Then it is asked for
    once more, in an operation of its own, and until then the service says what the upstream shows."""
    service, snapshot = ending.service, ending.snapshot
    owner = asked.renewed_by or service.renewed_by
    shown = snapshot.renews if snapshot is not None else None
    alone = not asked.fields
    if alone or shown is None or shown is (owner is RenewalOwner.UPSTREAM):
        service.renewed_by = owner
        return
    wanted = Values(renewal=asked.renewal).to_be_renewed_by(owner)
    await _follow(ending, wanted, f"Set who renews service {service.id}: {owner.value}")


async def addons_after_plan_change(ending: Ending, asked: NewPlan, *, before: PlanMapping | None = None) -> None:
    """The add-ons that the service has on its new plan: what the upstream's form shows.

    Those that should have been carried along and are not there are set by an operation of its own, which also switches
    off what was to be dropped and is there all the same. What can't be set or switched off is an incident. `before`:
    the mapping of the plan that it had.
    """
    session, service, snapshot = ending.session, ending.service, ending.snapshot
    carried = addons.values_of(asked.addons)
    mapping = await mapping_of(session, service)
    if mapping is None or snapshot is None or not snapshot.form:
        service.addons = dict(carried)  # nobody shows it: as agreed
        return
    shown = addons.shown(mapping, snapshot.form)
    there = {name: shown[name] for name in carried if name in shown}
    known_by = [mapping, *await by_tariff(session, service, mapping.tariff), *([before] if before else [])]
    kept = still_there(asked.dropped_addons or "", known_by, snapshot.form)
    service.addons = addons.without_none({**{one.name: one.shown for one in kept}, **there})
    missing = {name: value for name, value in carried.items() if not _is_enough(there.get(name), value)}
    settable = {name: value for name, value in missing.items() if name in shown}
    await _set_again(ending, mapping, settable, kept)
    lost = {name: value for name, value in missing.items() if name not in shown}
    if lost:
        await _report_lost(ending, lost)
    stuck = {one.name: one.shown for one in kept if one.least is None}
    if stuck:
        await _report_kept(ending, stuck)


@dataclass(frozen=True)
class Kept:
    """An add-on that was to be dropped with a change of plan, and that the upstream's form shows all the same."""

    name: str
    field: str
    shown: addons.AddonValue
    least: addons.AddonValue | None
    """What to ask for instead; None: it can't be switched off."""
    least_sent: str


def still_there(dropped: str, mappings: Sequence[PlanMapping], form: Mapping[str, str]) -> list[Kept]:
    """`mappings`: who may know the field of an add-on. The new plan's own; where it is not sold with that one, those of
    other plans that are the same tariff; and the old plan's, as some upstreams keep the fields too."""
    found = []
    for part in dropped.split(", "):
        name, _, had = part.partition(" ")
        knows = next((one for one in mappings if one.addons.get(name) in form), None)
        if knows is None:
            continue
        value, least = addons.shown(knows, form).get(name), addons.least(knows, name)
        if value is None or addons.is_none(value) or value == least:
            continue
        if not _is_carried_over(value, addons.from_text(had), addons.AddonForm.of(knows, name).most):
            continue
        sent = addons.AddonForm.of(knows, name).sent(least) if least is not None else ""
        found.append(Kept(name, knows.addons[name], value, least, sent))
    return found


async def _set_again(
    ending: Ending, mapping: PlanMapping, settable: dict[str, addons.AddonValue], kept: list[Kept]
) -> None:
    off = {one.name: one.least for one in kept if one.least is not None}
    if not settable and not off:
        return
    values = addons.values_to_set(settable, mapping)
    switched_off = [one for one in kept if one.least is not None]
    values = values.model_copy(
        update={
            "addons": values.addons | {one.name: str(one.least) for one in switched_off},
            "fields": values.fields | {one.field: one.least_sent for one in switched_off},
        }
    )
    what = [f"set {_words(settable)} again"] if settable else []
    what += [f"take back what was to be dropped ({_words(off)})"] if off else []
    plan = await _plan_of(ending)
    title = f"Add-ons of service {ending.service.id} after its change of plan to {plan}: {', and '.join(what)}"
    await _follow(ending, values, title)


async def _report_lost(ending: Ending, lost: dict[str, addons.AddonValue]) -> None:
    service, plan = ending.service, await _plan_of(ending)
    message = (
        f"Service {service.id} has lost {_words(lost)} with its change of plan to {plan}: the upstream's form of "
        f"item {service.upstream_number} has no place for it. The service shows what is left. Order it anew at the "
        "upstream or give the customer the money back."
    )
    await _report(ending, IncidentKind.ADDONS_LOST, message, lost)


async def _report_kept(ending: Ending, stuck: dict[str, addons.AddonValue]) -> None:
    service, plan = ending.service, await _plan_of(ending)
    message = (
        f"Service {service.id} still has {_words(stuck)} after its change of plan to {plan}, and goes on paying for "
        f"it: it was to be dropped, and no machine can switch it off. The service shows it. Have item "
        f"{service.upstream_number} freed of it at the upstream; the service follows automatically."
    )
    await _report(ending, IncidentKind.ADDONS_KEPT, message, stuck)


async def _report(
    ending: Ending, incident_kind: IncidentKind, message: str, values: dict[str, addons.AddonValue]
) -> None:
    await raise_incident(
        ending.session,
        incident_kind,
        message,
        about=f"operation {ending.operation.id}",
        account=ending.service.account_id,
        service=ending.service.id,
        operation=ending.operation.id,
        detail={name: str(value) for name, value in values.items()},
    )


async def _plan_of(ending: Ending) -> str:
    return (await ending.session.get_one(TariffPlan, ending.service.plan_id)).name


def _is_carried_over(shown: addons.AddonValue, had: addons.AddonValue, most: int | None) -> bool:
    """What it was, or the most that the new tariff has. A tariff includes less than that without being asked."""
    if isinstance(shown, int) and isinstance(had, int):
        return shown >= (had if most is None else min(had, most))
    return shown == had


def _is_enough(shown: addons.AddonValue | None, carried: addons.AddonValue) -> bool:
    """A tariff may include more than was carried along."""
    if isinstance(shown, int) and isinstance(carried, int):
        return shown >= carried
    return shown == carried


def _words(values: dict[str, addons.AddonValue]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


async def _follow(ending: Ending, parameters: Values, title: str) -> None:
    """Queue a change of values that the first operation asks for. Safe to repeat: the first has one at most."""
    session, service, first = ending.session, ending.service, ending.operation
    key = Key(OURSELVES, f"after-{first.id}", body_hash="")
    if await accepted_before(session, key) is not None:
        return
    module = await session.get_one(ProcessingModule, service.home_module_id or service.module_id)
    following = Operation(
        service_id=service.id,
        kind=OperationKind.SET_PARAMETERS,
        upstream_name=first.upstream_name,
        stage=Stage.QUEUED,
        parameters=parameters.model_copy(update={"follows": first.id}).row(),
        actor=first.actor,
    )
    _keep_to_the_limit(following, first)
    why = f"operation {first.id} left it to be done"
    facts: audit.Facts = {"service": service.id, "kind": following.kind.value, "reason": why}
    because = f"follows operation {first.id}"
    await write(session, following, key, department=module.department, title=title, facts=facts, because=because)


def _keep_to_the_limit(following: Operation, first: Operation) -> None:
    """Both together cost at most what the caller agreed to."""
    if first.agreed_limit_amount is None:
        return
    spent = first.cost_amount if first.cost_amount and first.cost_currency == first.agreed_limit_currency else 0
    following.agreed_limit_amount = max(first.agreed_limit_amount - spent, first.agreed_limit_amount * 0)
    following.agreed_limit_currency = first.agreed_limit_currency
