"""A form tells of one item; what is known of the others stays."""

from sqlmodel import select

from models.database import Database
from models.enums import EventKind, Stage, UpstreamStatus
from models.events import UpstreamEvent, UpstreamSnapshot
from models.order import Operation, Service
from orders import events
from orders.lifecycle.intake import ServiceRequest, accept_order
from tests.infrastructure.listing import record_items
from upstreams.port import UpstreamItem

ACCOUNT = 1
ITEMS = [
    UpstreamItem(number=str(number), product_type="vds", status=UpstreamStatus.ACTIVE, name=f"v{number}.example.com")
    for number in (17, 18, 19)
]


async def read_form(database: Database, item: UpstreamItem) -> int:
    return (await record_items(database, ACCOUNT, "vds", [item], complete=False, from_form=True)).events


async def snapshots(database: Database) -> dict[str, UpstreamSnapshot]:
    async with database.read() as session:
        return {row.number: row for row in (await session.exec(select(UpstreamSnapshot))).all()}


async def test_a_form_is_compared_with_its_own_item_and_touches_no_other(database: Database) -> None:
    await record_items(database, ACCOUNT, "vds", ITEMS, complete=True)
    before = await snapshots(database)
    assert await read_form(database, ITEMS[1]) == 0
    assert await read_form(database, ITEMS[1].model_copy(update={"ip": "192.0.2.7"})) == 1
    after = await snapshots(database)
    assert after.keys() == before.keys()
    assert after["18"].ip == "192.0.2.7"
    assert after["17"] == before["17"]
    assert after["19"] == before["19"]


async def test_the_cause_that_a_form_tells_of_an_unchanged_state_is_kept_until_a_form_tells_another(
    database: Database,
) -> None:
    await record_items(database, ACCOUNT, "vds", ITEMS, complete=True)
    for cause in ("a person has to do it", "it is done tomorrow", ""):
        assert await read_form(database, ITEMS[1].model_copy(update={"cause": cause})) == 0
        assert (await snapshots(database))["18"].cause == cause
    silent = {"status": UpstreamStatus.UNKNOWN, "cause": "?"}
    assert await read_form(database, ITEMS[1].model_copy(update=silent)) == 0
    assert (await snapshots(database))["18"].cause == ""


async def test_the_number_of_the_tariff_is_kept_although_nothing_else_of_the_form_has_changed(
    database: Database,
) -> None:
    await record_items(database, ACCOUNT, "vds", ITEMS, complete=True)
    form = ITEMS[1].model_copy(update={"raw": {"pricelist": "VPS-1"}})
    for number in ("", "58", ""):
        assert await read_form(database, form.model_copy(update={"tariff_id": number})) == 0
    assert (await snapshots(database))["18"].tariff_id == "58"


async def test_an_item_that_its_form_denies_vanishes_alone(database: Database) -> None:
    await record_items(database, ACCOUNT, "vds", ITEMS, complete=True)
    for expected in (1, 0):
        assert (await events.record_absence(database, ACCOUNT, "vds", "18")).events == expected
    assert {number: row.gone for number, row in (await snapshots(database)).items()} == {
        "17": False,
        "18": True,
        "19": False,
    }
    async with database.read() as session:
        kinds = [event.kind for event in (await session.exec(select(UpstreamEvent).order_by("id"))).all()]
    assert kinds == [EventKind.FIRST_LOOK, EventKind.VANISHED]


async def test_a_dead_end_with_another_cause_is_reported_to_the_order_again(database: Database) -> None:
    """The first cause may be of what was done to the item before; the order has looked, and goes on waiting."""
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    order = await accept_order(database, request, client="t", key="1", hostname_suffix="s.internal")
    async with database.write() as session:
        (await session.get_one(Service, order.service)).upstream_number = "18"
        (await session.get_one(Operation, order.operation)).stage = Stage.AWAITING_CONFIRMATION
    stuck = ITEMS[1].model_copy(update={"status": UpstreamStatus.PROCESSING, "dead_end": True, "cause": "no stock"})
    for cause, reported in (("no stock", 1), ("no stock", 0), ("no module", 1), ("no module", 0)):
        read = await record_items(
            database, ACCOUNT, "vds", [stuck.model_copy(update={"cause": cause})], complete=False, from_form=True
        )
        assert (cause, read.waiting) == (cause, reported)
    async with database.read() as session:
        found = await session.exec(select(UpstreamEvent).where(UpstreamEvent.operation_id == order.operation))
        assert [(event.met, event.cause) for event in found.all()] == [(False, "no stock"), (False, "no module")]
