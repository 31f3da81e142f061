"""What an upstream's staff change of a service: tariff, add-ons, who renews. By list, by form, in either order."""

from datetime import date
from typing import Any

import pytest
from sqlmodel import select

from models.catalogue import PlanMapping, TariffPlan
from models.database import Database
from models.enums import EventKind, IncidentKind, RenewalOwner, ServiceStatus, UpstreamStatus
from models.events import UpstreamEvent
from models.incident import Incident
from models.money import Money
from models.order import Service
from orders import events
from orders.audit import OURSELVES
from orders.lifecycle import requests
from orders.lifecycle.completion import complete
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.operations.set_parameters import ServiceChange
from orders.services import renewal
from orders.services.history import Origin
from orders.settlement import intents
from tests.infrastructure.listing import record_items
from upstreams.port import UpstreamItem

ACCOUNT = 1
ROW = UpstreamItem(
    number="17",
    product_type="vds",
    status=UpstreamStatus.ACTIVE,
    name="v1.example.com",
    expires_on=date(2026, 5, 1),
    tariff="VPS-1",
    cost=Money.of("5.00", "EUR"),
    renewal="Month",
)
FORM = {"pricelist": "58", "addon_61": "4", "addon_62": "off", "autoprolong": "null"}


FIRST = (EventKind.FIRST_LOOK, EventKind.APPEARED)


class Panel:
    """A service of ours, and its item in list and form."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.number = 0
        self.form = dict(FORM)

    async def open(self) -> None:
        request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1", addons={"ram": 4})
        order = await accept_order(self.database, request, client="t", key="k", hostname_suffix="s.internal")
        self.number = order.service
        async with self.database.write() as session:
            for mapping in (await session.exec(select(PlanMapping))).all():
                if mapping.tariff in ("58", "59"):
                    mapping.addons = {"ram": "addon_61", "backup": "addon_62"}
                    mapping.addon_forms = {"backup": {"kind": "switch"}}
                    session.add(mapping)
            service = await session.get_one(Service, order.service)
            await intents.link(session, service, "17", Origin(OURSELVES, "linked"))
            service.status = ServiceStatus.ACTIVE
            await complete(session, order.operation)

    async def lists(self, **changes: Any) -> events.PollResult:
        item = ROW.model_copy(update=changes)
        return await record_items(self.database, ACCOUNT, "vds", [item], complete=True)

    async def shows(self, **changes: str) -> events.PollResult:
        self.form |= changes
        form = ROW.model_copy(
            update={
                "tariff": self.form["pricelist"],
                "raw": dict(self.form),
                "renewal": self.form["autoprolong"],
                "renews": self.form["autoprolong"] != "null",
                "cost": None,
            }
        )
        return await record_items(self.database, ACCOUNT, "vds", [form], complete=False, from_form=True)

    async def service(self) -> Service:
        async with self.database.read() as session:
            return await session.get_one(Service, self.number)

    async def plan(self) -> str:
        async with self.database.read() as session:
            return (await session.get_one(TariffPlan, (await self.service()).plan_id)).name

    async def news(self) -> list[tuple[EventKind, set[str]]]:
        """The latest events, without the first look."""
        async with self.database.read() as session:
            found = (await session.exec(select(UpstreamEvent).order_by("id"))).all()
            return [
                (one.kind, set(one.changes))
                for one in found
                if one.kind is not EventKind.FIRST_LOOK and one.kind is not EventKind.APPEARED
            ]

    async def open_incidents(self) -> int:
        async with self.database.read() as session:
            return len([one for one in (await session.exec(select(Incident))).all() if one.closed_at is None])

    async def incidents(self) -> list[IncidentKind]:
        async with self.database.read() as session:
            return [one.kind for one in (await session.exec(select(Incident).order_by("id"))).all()]


@pytest.fixture
async def panel(database: Database) -> Panel:
    panel = Panel(database)
    await panel.open()
    await panel.lists()
    await panel.shows()
    return panel


async def test_a_renamed_tariff_is_no_plan_change_where_lists_show_its_number(panel: Panel) -> None:
    await panel.lists(tariff_id="58")
    await panel.lists(tariff_id="58", tariff="VPS-1 (2026)")
    assert await panel.news() == [(EventKind.PARAMETERS_CHANGED, {"pricelist"})]
    assert (await panel.service()).upstream_tariff == "VPS-1 (2026)"


async def test_a_renamed_tariff_is_no_plan_change_where_only_the_form_shows_its_number(panel: Panel) -> None:
    digest = await panel.lists(tariff="VPS-1 (2026)")
    assert digest.to_read == ["17"], "the form tells which it is"
    assert await panel.news() == []
    await panel.shows()
    assert await panel.news() == [(EventKind.PARAMETERS_CHANGED, {"pricelist"})]
    assert await panel.plan() == "VDS-1"
    await panel.lists(tariff="VPS-1 (2026)")
    assert len(await panel.news()) == 1, "it is said once"


async def test_another_tariff_of_the_same_name_is_a_plan_change(panel: Panel) -> None:
    await panel.lists(tariff_id="58")
    await panel.lists(tariff_id="59")
    assert (EventKind.PLAN_CHANGED, {"pricelist_id", "plan"}) in await panel.news()
    assert await panel.plan() == "VDS-2"


async def test_another_tariff_is_told_with_name_and_number_when_the_list_is_read_first(panel: Panel) -> None:
    await panel.lists(tariff="VPS-2")
    await panel.shows(pricelist="59")
    [(kind, fields)] = await panel.news()
    assert (kind, fields) == (EventKind.PLAN_CHANGED, {"pricelist", "pricelist_id", "plan"})
    assert await panel.plan() == "VDS-2"


async def test_another_tariff_is_told_with_name_and_number_when_the_form_is_read_first(panel: Panel) -> None:
    assert (await panel.shows(pricelist="59")).list_again
    assert await panel.news() == []
    await panel.lists(tariff="VPS-2")
    [(kind, fields)] = await panel.news()
    assert (kind, fields) == (EventKind.PLAN_CHANGED, {"pricelist", "pricelist_id", "plan"})
    assert await panel.plan() == "VDS-2"


async def test_a_tariff_that_no_plan_is_mapped_to_leaves_the_plan_and_is_an_incident(panel: Panel) -> None:
    await panel.shows(pricelist="77")
    await panel.lists(tariff="Special")
    assert await panel.plan() == "VDS-1"
    assert (await panel.service()).upstream_tariff == "Special"
    assert await panel.incidents() == [IncidentKind.UNKNOWN_TARIFF]


async def test_add_ons_that_staff_change_reach_the_service(panel: Panel) -> None:
    await panel.shows(addon_61="8 GB", addon_62="1")
    assert (await panel.service()).addons == {"ram": 8, "backup": "on"}
    assert await panel.news() == [(EventKind.PARAMETERS_CHANGED, {"addons.ram", "addons.backup"})]
    await panel.shows(addon_61="8.0", addon_62="on")
    assert len(await panel.news()) == 1, "another spelling is no change"
    await panel.shows(addon_62="")
    assert (await panel.service()).addons == {"ram": 8}


async def test_what_a_tariff_includes_is_no_add_on_of_the_service(panel: Panel) -> None:
    """The form shows it with everybody's item; only a change of it is somebody's doing."""
    async with panel.database.write() as session:
        service = await session.get_one(Service, panel.number)
        service.addons = {}
        session.add(service)
    await panel.shows(other="x")
    assert (await panel.service()).addons == {}


async def test_memory_that_vanishes_with_staffs_plan_change_is_not_claimed_any_more(panel: Panel) -> None:
    del panel.form["addon_61"]
    await panel.shows(pricelist="59")
    await panel.lists(tariff="VPS-2")
    assert await panel.plan() == "VDS-2"
    assert (await panel.service()).addons == {}


async def test_a_cost_that_is_not_shown_for_the_period_never_overwrites_ours(panel: Panel) -> None:
    before = (await panel.service()).cost_amount
    await panel.lists(cost=None, ip="192.0.2.9")
    assert (await panel.service()).cost_amount == before


async def test_a_cost_that_changes_has_the_form_read_which_shows_add_ons(panel: Panel) -> None:
    assert (await panel.lists(cost=Money.of("6.00", "EUR"))).to_read == ["17"]


async def test_a_word_in_a_list_has_the_form_read_and_only_that_raises_an_alarm(panel: Panel) -> None:
    digest = await panel.lists(renewal="Year")
    assert digest.to_read == ["17"]
    assert await panel.incidents() == []
    await panel.shows(autoprolong="12")
    assert await panel.incidents() == [IncidentKind.RENEWED_TWICE]
    await panel.shows(autoprolong="12", other="x")
    assert len(await panel.incidents()) == 1, "it is said once"
    await panel.shows(autoprolong="null")
    await panel.shows(autoprolong="1")
    assert len(await panel.incidents()) == 2, "and again when it is switched on again"


async def test_an_upstream_that_should_renew_and_does_not_is_an_incident_too(panel: Panel) -> None:
    async with panel.database.write() as session:
        service = await session.get_one(Service, panel.number)
        service.renewed_by = RenewalOwner.UPSTREAM
        session.add(service)
    await panel.shows()
    assert await panel.incidents() == [IncidentKind.RENEWED_BY_NOBODY]


async def test_renewal_is_put_back_three_times_a_day_at_most(panel: Panel) -> None:
    """What switches it on again and again is not to be fought by a machine."""
    times = 0
    for _ in range(5):
        await panel.shows(autoprolong="1")
        async with panel.database.read() as session:
            [found] = await renewal.mismatches(session, ACCOUNT)
        assert found.reported
        if not found.put_back:
            times += 1
            change = ServiceChange(renewal_owner=RenewalOwner.STOREFRONT)
            asked = await requests.ask(panel.database, panel.number, change, client=OURSELVES, key=found.key)
            await panel.shows(autoprolong="null")
            async with panel.database.write() as session:
                await complete(session, asked.operation)
        else:
            await panel.shows(autoprolong="null")
    assert times == renewal.PUT_BACK_AT_MOST


async def test_an_incident_of_both_renewing_closes_itself_once_the_form_shows_it_put_right(panel: Panel) -> None:
    await panel.shows(autoprolong="1")
    assert await panel.incidents() == [IncidentKind.RENEWED_TWICE]
    assert await panel.open_incidents() == 1
    await panel.shows(autoprolong="null")
    assert await panel.open_incidents() == 0
    await panel.shows(autoprolong="1")
    assert await panel.open_incidents() == 1, "another time is another incident"


async def test_it_closes_too_if_we_say_that_the_upstream_renews_and_the_form_stays_as_it_was(panel: Panel) -> None:
    await panel.shows(autoprolong="1")
    async with panel.database.write() as session:
        service = await session.get_one(Service, panel.number)
        service.renewed_by = RenewalOwner.UPSTREAM
        session.add(service)
    await panel.shows()
    assert await panel.open_incidents() == 0


def test_every_form_has_its_moment_once_in_a_period_and_never_twice() -> None:
    items = [("vds", str(number)) for number in range(900_000, 900_500)]
    read = [one for start in range(0, 3600, 60) for one in renewal.due_between(items, start, start + 60, 3600)]
    assert sorted(read) == items
    at_once = [len(renewal.due_between(items, start, start + 60, 3600)) for start in range(0, 3600, 60)]
    assert max(at_once) < 30, "evenly spread"
    assert renewal.due_between(items, 7200, 7260, 3600) == renewal.due_between(items, 0, 60, 3600)


async def test_forms_are_read_to_see_who_renews_only_where_lists_do_not_tell(database: Database) -> None:
    panel = Panel(database)
    await panel.open()
    for told, items in ((None, [("vds", "17")]), ("Month", [])):
        await panel.lists(renewal=told)
        async with database.read() as session:
            assert await renewal.known_from_forms_alone(session, ACCOUNT) == items
