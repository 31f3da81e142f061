"""What our services and the upstream's items say is the same: who renews, which plan, which add-ons."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlmodel import col, select

from models.catalogue import PlanMapping, TariffPlan
from models.enums import IncidentKind, IntentState, OperationKind, RenewalOwner, Stage
from models.incident import Incident
from models.messages import Decision, DecisionKind
from models.order import Operation, Service
from orders.errors import InvalidField
from orders.operations.set_parameters import ServiceChange
from tests.flow.shop import Shop, Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer

RENEWED = {"1", "on"}
NOT_RENEWED = {"null", "off"}
SUPPORT = {"kind": "choice", "choices": {"lite": "1", "pro": "2"}}


@pytest.fixture
async def shop(shop_database: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    """A shop whose plans have the simulator's add-ons, and whose plan changes no person is asked for."""
    async with open_shop(
        shop_database,
        temporal_server,
        upstream,
        idle_interval=0.5,
        manual_plan_changes={},
        put_back_renewal=True,
        renewal_look_interval=2.0,
    ) as shop:
        await upstream.set(disk_change="automatic")
        await map_addons(shop, "VDS-1", ram="addon_61", backup="addon_62")
        await map_addons(shop, "VDS-2", ram="addon_71", backup="addon_72")
        yield shop


async def map_addons(shop: Shop, plan: str, **addons: str) -> None:
    forms: dict[str, dict[str, object]] = {
        "ram": {"kind": "quantity", "min": 2, "max": 16},
        "backup": {"kind": "switch"},
    }
    async with shop.database.write() as session:
        found = await session.exec(
            select(PlanMapping)
            .join(TariffPlan, col(TariffPlan.id) == PlanMapping.plan_id)
            .where(TariffPlan.name == plan)
        )
        mapping = found.one()
        mapping.addons, mapping.addon_forms = addons, {name: forms[name] for name in addons}
        session.add(mapping)


async def active(shop: Shop, **details: Any) -> Service:
    order = await shop.order(**details)
    await shop.until(order, Stage.COMPLETED)
    return await shop.service(order.service)


async def item_of(shop: Shop, service: Service) -> dict[str, Any]:
    return next(item for item in await shop.upstream.items() if str(item["id"]) == service.upstream_number)


async def another_plan_of_the_same_tariff(shop: Shop) -> None:
    """As VDS-2, and sold with memory."""
    async with shop.database.write() as session:
        found = await session.exec(select(PlanMapping).where(PlanMapping.tariff == "59"))
        known = found.one()
        plan = TariffPlan(name="VDS-2M", product_type="vds", resources={"disk_gb": 60})
        session.add(plan)
        await session.flush()
        forms: dict[str, dict[str, object]] = {"ram": {"kind": "quantity", "min": 2, "max": 16}}
        session.add(
            PlanMapping(
                plan_id=plan.id or 0,
                module_id=known.module_id,
                tariff="59",
                addons={"ram": "addon_71"},
                addon_forms=forms,
            )
        )


async def by_hand(shop: Shop, service: Service, **changes: Any) -> None:
    await shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", changes)


async def incidents(shop: Shop) -> list[Incident]:
    async with shop.database.read() as session:
        return list((await session.exec(select(Incident).order_by(col(Incident.id)))).all())


async def operations(shop: Shop, service: Service) -> list[Operation]:
    async with shop.database.read() as session:
        found = await session.exec(
            select(Operation).where(Operation.service_id == service.id).order_by(col(Operation.id))
        )
        return list(found.all())


async def until_service(shop: Shop, service: Service, **wanted: object) -> None:
    async def is_so() -> bool:
        now = await shop.service(service.id or 0)
        for name, value in wanted.items():
            assert getattr(now, name) == value, f"{name} is {getattr(now, name)}"
        return True

    await assert_eventually(is_so, message=f"service {service.id} is {wanted}")


async def until_all_completed(shop: Shop, service: Service, count: int) -> list[Operation]:
    async def ended() -> list[Operation] | None:
        found = await operations(shop, service)
        return found if len(found) >= count and all(one.stage is Stage.COMPLETED for one in found) else None

    found = await assert_eventually(ended, timeout=30, message=f"{count} operations are completed")
    assert found is not None
    return found


async def plan_name(shop: Shop, service: Service) -> str:
    async with shop.database.read() as session:
        now = await session.get_one(Service, service.id)
        return (await session.get_one(TariffPlan, now.plan_id)).name


REFUSED_ADDON = {
    "function": "vds.edit",
    "sok": True,
    "kind": "error",
    "parameters": {"addon_61": "?*"},
    "error": {"type": "value", "object": "addon_61"},
}


@pytest.mark.proof
async def test_a_refused_change_of_who_renews_and_more_leaves_the_upstream_as_it_was(shop: Shop) -> None:
    service = await active(shop)
    await shop.upstream.fault(**REFUSED_ADDON)
    change = ServiceChange(addons={"ram": 4}, renewal_owner=RenewalOwner.UPSTREAM)
    order = await shop.resellflow.change_parameters(service.id or 0, change, key="both")
    await shop.until(order, Stage.NEEDS_ATTENTION)
    assert (await item_of(shop, service))["autoprolong"] in NOT_RENEWED
    decision = Decision(actor="ann", reason="the customer does not want it any more")
    await shop.resellflow.decide(order.operation, DecisionKind.CANCEL, decision)
    assert (await item_of(shop, service))["autoprolong"] in NOT_RENEWED
    assert (await shop.service(service.id or 0)).renewed_by is RenewalOwner.STOREFRONT
    assert await incidents(shop) == []


@pytest.mark.proof
async def test_values_that_are_set_stay_set_though_who_renews_is_refused(shop: Shop) -> None:
    """The second part is then an operation of its own, and until it is done ours says what theirs shows."""
    service = await active(shop)
    await shop.upstream.fault(
        function="vds.edit",
        sok=True,
        kind="error",
        parameters={"autoprolong": "?*"},
        times=1,
        error={"type": "value", "object": "autoprolong"},
    )
    change = ServiceChange(addons={"ram": 4}, renewal_owner=RenewalOwner.UPSTREAM)
    order = await shop.resellflow.change_parameters(service.id or 0, change, key="both")
    await shop.until(order, Stage.COMPLETED)
    _, first, second = await until_all_completed(shop, service, 3)
    assert second.parameters["follows"] == str(first.id)
    assert (await item_of(shop, service))["autoprolong"] in RENEWED
    await until_service(shop, service, addons={"ram": 4}, renewed_by=RenewalOwner.UPSTREAM)
    paid = [one for one in await shop.upstream.charges() if one["operation"] != "open"]
    assert len(paid) == 1, "the add-on is paid once"
    assert await incidents(shop) == []


@pytest.mark.proof
async def test_renewal_that_staff_switch_on_is_an_incident_and_put_back(shop: Shop) -> None:
    service = await active(shop)
    await by_hand(shop, service, autoprolong="1")

    async def told() -> Incident | None:
        return next(iter(await incidents(shop)), None)

    found = await assert_eventually(told, timeout=30)
    assert found is not None
    assert (found.kind, found.service_id) == (IncidentKind.RENEWED_TWICE, service.id)
    _, put_back = await until_all_completed(shop, service, 2)
    assert (put_back.kind, put_back.actor) == (OperationKind.SET_PARAMETERS, "resellflow")
    assert (await item_of(shop, service))["autoprolong"] in NOT_RENEWED
    assert (await shop.service(service.id or 0)).renewed_by is RenewalOwner.STOREFRONT
    [closed] = await incidents(shop)
    assert closed.closed_by == "resellflow"
    assert "corrected" in (closed.closing_note or "")


@pytest.mark.parametrize("shown", ["empty_when_off", "absent"])
@pytest.mark.proof
async def test_renewal_that_staff_switch_off_is_seen_however_lists_show_it(shop: Shop, shown: str) -> None:
    await shop.upstream.set(autoprolong_in_lists=shown)
    service = await active(shop)
    change = ServiceChange(renewal_owner=RenewalOwner.UPSTREAM)
    order = await shop.resellflow.change_parameters(service.id or 0, change, key="theirs")
    await shop.until(order, Stage.COMPLETED)
    await by_hand(shop, service, autoprolong="null")

    async def told() -> Incident | None:
        return next(iter(await incidents(shop)), None)

    found = await assert_eventually(told)
    assert found is not None
    assert (found.kind, found.service_id) == (IncidentKind.RENEWED_BY_NOBODY, service.id)


@pytest.mark.proof
async def test_add_ons_survive_a_change_of_plan(shop: Shop) -> None:
    service = await active(shop, addons={"ram": 6, "backup": True})
    order = await shop.resellflow.change_plan(service.id or 0, "VDS-2", key="plan")
    await shop.until(order, Stage.COMPLETED)
    _, change, again = await until_all_completed(shop, service, 3)
    assert again.parameters["follows"] == str(change.id)
    item = await item_of(shop, service)
    assert (item["addons"]["71"], item["addons"]["72"]) == ("6", "on")
    await until_service(shop, service, addons={"ram": 6, "backup": "on"})
    assert await plan_name(shop, service) == "VDS-2"


@pytest.mark.proof
async def test_add_ons_that_the_new_plan_can_not_have_are_told_before(shop: Shop) -> None:
    await map_addons(shop, "VDS-2", backup="addon_72")
    service = await active(shop, addons={"ram": 6})
    with pytest.raises(InvalidField, match="ram 6"):
        await shop.resellflow.change_plan(service.id or 0, "VDS-2", key="plan")
    order = await shop.resellflow.change_plan(service.id or 0, "VDS-2", key="plan", drop_addons=True)
    await shop.until(order, Stage.COMPLETED)
    assert (await shop.service(service.id or 0)).addons == {}
    assert len(await operations(shop, service)) == 2
    assert await incidents(shop) == [], "it was agreed to"


@pytest.mark.proof
async def test_add_ons_that_were_to_be_dropped_and_are_carried_over_are_switched_off(shop: Shop) -> None:
    """The new plan is not sold with memory; another plan of the same tariff is, and so its field is known."""
    await shop.upstream.set(addons_on_change="mapped")
    service = await active(shop, addons={"ram": 6})
    await map_addons(shop, "VDS-2", backup="addon_72")
    await another_plan_of_the_same_tariff(shop)
    order = await shop.resellflow.change_plan(service.id or 0, "VDS-2", key="plan", drop_addons=True)
    await shop.until(order, Stage.COMPLETED)
    *_, off = await until_all_completed(shop, service, 3)
    assert off.kind is OperationKind.SET_PARAMETERS
    assert (await item_of(shop, service))["addons"]["71"] == "2", "the least that the tariff has"
    assert await incidents(shop) == []


@pytest.mark.proof
async def test_add_ons_that_the_form_has_no_place_for_are_an_incident(shop: Shop) -> None:
    await map_addons(shop, "VDS-2", ram="addon_99")
    service = await active(shop, addons={"ram": 6})
    order = await shop.resellflow.change_plan(service.id or 0, "VDS-2", key="plan")
    await shop.until(order, Stage.COMPLETED)
    [incident] = await incidents(shop)
    assert incident.kind is IncidentKind.ADDONS_LOST
    assert incident.detail == {"ram": "6"}
    assert (await shop.service(service.id or 0)).addons == {}, "the service claims nothing that is not there"


@pytest.mark.proof
async def test_what_staff_change_of_tariff_and_add_ons_reaches_the_service(shop: Shop) -> None:
    service = await active(shop, addons={"ram": 6})
    await by_hand(shop, service, addons={"61": "8", "62": "off"}, cost="11.00")
    await until_service(shop, service, addons={"ram": 8})
    await by_hand(shop, service, pricelist=59)

    async def is_the_other_plan() -> bool:
        return await plan_name(shop, service) == "VDS-2"

    await assert_eventually(is_the_other_plan)
    item = await item_of(shop, service)
    await until_service(shop, service, addons={"ram": int(item["addons"]["71"])}, upstream_tariff="VPS-2")
    await by_hand(shop, service, pricelist=60)

    async def told() -> bool:
        return [one.kind for one in await incidents(shop)] == [IncidentKind.UNKNOWN_TARIFF]

    await assert_eventually(told)
    assert await plan_name(shop, service) == "VDS-2", "no plan of ours is that tariff"


@pytest.mark.proof
async def test_switches_and_choices_are_sold_and_set(shop: Shop) -> None:
    service = await active(shop, addons={"ram": 4, "backup": True})
    item = await item_of(shop, service)
    assert (item["addons"]["61"], item["addons"]["62"]) == ("4", "on")
    assert service.addons == {"ram": 4, "backup": "on"}
    order = await shop.resellflow.change_parameters(
        service.id or 0, ServiceChange(addons={"backup": False}), key="no backup"
    )
    await shop.until(order, Stage.COMPLETED)
    assert (await item_of(shop, service))["addons"]["62"] == "off"
    assert (await shop.service(service.id or 0)).addons == {"ram": 4}, "what is off is not there"
    with pytest.raises(InvalidField, match="1000 is more than 16, the most that VDS-1 can have"):
        await shop.order(addons={"ram": 1000})


@pytest.mark.proof
async def test_a_person_corrects_add_ons_and_name_of_what_was_refused(shop: Shop) -> None:
    await shop.upstream.fault(
        function="v2.vds.order.param",
        sok=True,
        kind="error",
        times=1,
        error={"type": "value", "object": "addon_61"},
    )
    order = await shop.order(addons={"ram": 4}, domain="v1.example.com")
    await shop.until(order, Stage.NEEDS_ATTENTION)
    wrong = Decision(actor="ann", reason="a slip", parameters={"addon.ram": "17"})
    with pytest.raises(InvalidField, match="17 is more than 16"):
        await shop.resellflow.decide(order.operation, DecisionKind.CORRECT_AND_RETRY, wrong)
    right = Decision(
        actor="ann",
        reason="as the customer says",
        parameters={"addon.ram": "8", "addon.backup": "on", "domain": "v2.example.com"},
    )
    await shop.resellflow.decide(order.operation, DecisionKind.CORRECT_AND_RETRY, right)
    await shop.until(order, Stage.COMPLETED)
    service = await shop.service(order.service)
    item = await item_of(shop, service)
    assert (item["addons"]["61"], item["addons"]["62"]) == ("8", "on")
    assert (service.addons, service.name) == ({"ram": 8, "backup": "on"}, "v2.example.com")


@pytest.mark.proof
async def test_a_request_that_never_has_an_effect_reaches_a_person(
    shop_database: str, temporal_server: TemporalServer, upstream: Upstream
) -> None:
    async with open_shop(shop_database, temporal_server, upstream, manual_plan_changes={}, settle_window=0.2) as shop:
        service = await active(shop)
        await upstream.fault(function="service.changepricelist*", sok=True, kind="cut", when="before")
        order = await shop.resellflow.change_plan(service.id or 0, "VDS-2", key="plan")
        operation = await shop.until(order, Stage.NEEDS_ATTENTION, timeout=60)
        assert "sent 5 times" in operation.reason
        assert [one.state for one in await shop.intents(order.operation)] == [IntentState.NOT_DONE] * 5
        await upstream.admin("DELETE", "/faults")
        await upstream.set(disk_change="automatic")
        decision = Decision(actor="ann", reason="it answers again")
        await shop.resellflow.decide(order.operation, DecisionKind.RETRY, decision)
        await shop.until(order, Stage.COMPLETED)
