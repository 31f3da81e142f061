"""Orders without any fault, at every kind of upstream; and what people do at the panel by hand."""

import pytest
from sqlmodel import select

from catalogue.capabilities import check_upstream
from models.enums import Knowledge, ServiceStatus, Stage
from models.events import UpstreamSnapshot
from models.order import Service
from orders.events import is_orphan
from tests.standin.choices import Fault
from tests.standin.profiles import PROFILES
from tests.standin.rehearsal import Rehearsal, Story, eventually
from tests.standin.stories import at_panels, story
from upstreams.connections import Connections

IDLE = 2.0
SERVERS = sorted(set(PROFILES) - {"licences"})
FIRST = ("noisy", "strict")
FIRST_AND_FURTHER = [*FIRST, *(pytest.param(one, marks=pytest.mark.proof) for one in SERVERS if one not in FIRST)]


@pytest.mark.parametrize("profile", FIRST_AND_FURTHER)
@story
async def test_an_order_becomes_one_active_service(rehearsal: Rehearsal, profile: str) -> None:
    here = await rehearsal.at(profile)
    first = await here.order()
    await here.bought_once(first)
    named = await here.order(domain="shop.example.com")
    service = await here.bought_once(named)
    item = here.panel.items[int(service.upstream_number or 0)]
    assert item.name == "shop.example.com"
    assert service.expires_on == item.expires
    assert item.autoprolong == ("off" if 6 in here.panel.choices.dialects else "null")

    async def address_arrived() -> bool:
        return (await here.service(named)).ip == item.ip != ""

    await eventually(address_arrived, "the address is in our database")


@pytest.mark.proof
@pytest.mark.parametrize("profile", ["noisy"])
@story
async def test_many_at_once_are_as_many_services(rehearsal: Rehearsal, profile: str) -> None:
    here = await rehearsal.at(profile)
    orders = [await here.order() for _ in range(8)]
    numbers = {(await here.bought_once(order)).upstream_number for order in orders}
    assert len(numbers) == 8


@story
@at_panels("licences")
async def test_a_licence_whose_key_is_late(rehearsal: Rehearsal) -> None:
    here = await rehearsal.at("licences")
    orders = [await here.order(licence=True) for _ in range(2)]
    for order in orders:
        service = await here.bought_once(order)
        item = here.panel.items[int(service.upstream_number or 0)]
        assert item.name == service.name
        assert item.ip == "192.0.2.77"
        assert not [call for call in here.panel.calls if call.startswith("v2.") and not call.endswith(".pricelist")]


@pytest.mark.parametrize("profile", FIRST_AND_FURTHER)
@story
async def test_the_check_finds_a_balance_and_the_lists(rehearsal: Rehearsal, profile: str) -> None:
    here = await rehearsal.at(profile)
    here.panel.add(remoteid="somebody-elses")
    connections = Connections(read_timeout=3, order_timeout=3)
    try:
        checked = await check_upstream(rehearsal.shop.database, connections, here.name)
    finally:
        await connections.close()
    assert checked.usable, checked.found
    assert checked.found.balance is not None
    assert 90000 < checked.found.balance.amount <= 100000
    shown = "remoteid" in PROFILES[profile].list_shows
    assert checked.found.lists_show_marks is (Knowledge.YES if shown else Knowledge.NO)
    shown = "remoteid" in PROFILES[profile].form_shows
    assert checked.found.forms_show_marks is (Knowledge.YES if shown else Knowledge.NO)


@pytest.mark.proof
@pytest.mark.parametrize("profile", ["noisy", "blind"])
@story
async def test_what_people_do_at_the_panel_reaches_our_service(rehearsal: Rehearsal, profile: str) -> None:
    here = await rehearsal.at(profile)
    order = await here.order()
    service = await here.bought_once(order)
    item = here.panel.items[int(service.upstream_number or 0)]

    async def within_an_interval(wanted: dict[str, object]) -> None:
        async def seen() -> bool:
            now: Service = await here.service(order)
            found = {name: getattr(now, name) for name in wanted}
            assert found == wanted, found
            return True

        # One interval, and what a busy machine adds.
        await eventually(seen, f"{wanted} in our database", timeout=IDLE + 30)

    item.status, item.reason = 3, "abusesuspend"
    await within_an_interval({"status": ServiceStatus.SUSPENDED, "suspend_reason": "abusesuspend"})
    item.status = 2
    await within_an_interval({"status": ServiceStatus.ACTIVE, "suspend_reason": None})
    item.expires = item.expires.replace(year=2032)
    await within_an_interval({"expires_on": item.expires})
    item.ip = "203.0.113.9"
    await within_an_interval({"ip": "203.0.113.9"})
    before = (await here.service(order)).upstream_tariff
    item.pricelist = "60"

    async def other_tariff() -> bool:
        return (await here.service(order)).upstream_tariff != before

    await eventually(other_tariff, "the other tariff in our database", timeout=IDLE + 30)
    assert "60" in (await here.service(order)).upstream_tariff
    item.status = 4
    await within_an_interval({"status": ServiceStatus.CLOSED})


@pytest.mark.parametrize("profile", [pytest.param("old", marks=pytest.mark.proof), "strict"])
@story
async def test_what_nobody_ordered_is_an_orphan(rehearsal: Rehearsal, profile: str) -> None:
    """At a panel of its own: at a shared one, the stranger may be the order that another story has lost."""
    here = await rehearsal.story(PROFILES[profile])
    gone = here.panel.add("gone.example.net", status=4)
    stranger = here.panel.add("stranger.example.net")
    order = await here.order()
    service = await here.bought_once(order)

    async def the_stranger_but_not_ours() -> bool:
        # What is ours may be seen before our database knows its number: that is for a moment.
        orphans = await _orphans(here)
        return str(stranger.number) in orphans and not orphans & {str(gone.number), service.upstream_number}

    await eventually(the_stranger_but_not_ours, f"{stranger.number} as an orphan", timeout=IDLE + 30)


async def _orphans(here: Story) -> set[str]:
    account = await here.account()
    async with here.shop.database.read() as session:
        found = await session.exec(select(UpstreamSnapshot.number).where(is_orphan(account.id or 0)))
        return set(found.all())


@pytest.mark.proof
@pytest.mark.parametrize(("profile", "how"), [("noisy", "row"), ("blind", "status")])
@story
async def test_an_item_deleted_while_it_is_opened_is_said(rehearsal: Rehearsal, profile: str, how: str) -> None:
    here = await rehearsal.at(profile)
    order = await here.order(parameters={"recipe": Fault.BY_HAND.value})
    await here.until(order, Stage.AWAITING_CONFIRMATION)
    number = (await here.service(order)).upstream_number
    account = await here.account()

    async def seen() -> bool:
        async with here.shop.database.read() as session:
            found = await session.exec(
                select(UpstreamSnapshot).where(
                    UpstreamSnapshot.account_id == account.id, UpstreamSnapshot.number == number
                )
            )
            return found.first() is not None

    await eventually(seen, "the item is known")
    if how == "status":
        here.panel.items[int(number or 0)].status = 4
    else:
        del here.panel.items[int(number or 0)]
    await here.left_to_a_person(order, charges=1)


@pytest.mark.proof
@story
@at_panels("old", "noisy")
async def test_deleted_rows_of_the_same_domain_are_not_taken_for_the_order(rehearsal: Rehearsal) -> None:
    here = await rehearsal.at("old")
    for _ in range(3):
        here.panel.add("twin.example.com", status=4)
    clean = await here.order(domain="twin.example.com")
    await here.bought_once(clean)
    lost = await here.order(domain="twin.example.com", parameters={"recipe": Fault.CUT_AFTER.value})
    await here.bought_once(lost)
    noisy = await rehearsal.at("noisy")
    noisy.panel.add("twin.example.com", status=4)
    noisy.panel.add("twin.example.com", status=2)
    unnumbered = await noisy.order(domain="twin.example.com")
    await noisy.bought_once(unnumbered)
