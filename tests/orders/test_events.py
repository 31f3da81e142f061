"""Looks at the upstream become events; nothing that is shown there may stop the poller."""

from datetime import date
from typing import Any

import pytest
from sqlmodel import select

from models.catalogue import ProcessingModule, TariffPlan
from models.database import Database
from models.enums import EventKind, IncidentKind, OperationKind, Stage, UpstreamStatus
from models.events import UpstreamEvent
from models.incident import Incident
from models.money import Money
from models.order import Operation, Service
from orders import events
from tests.infrastructure.listing import record_items
from upstreams.port import UpstreamItem

ACCOUNT = 1
ITEM = UpstreamItem(
    number="17",
    product_type="vds",
    status=UpstreamStatus.ACTIVE,
    name="v1.example.com",
    expires_on=date(2026, 5, 1),
    cost=Money.of("5.00", "EUR"),
    ip="192.0.2.1",
)
SLIP = {"expires_on": date(1969, 12, 31)}
OTHER_SLIP = {"expires_on": date(1970, 1, 1)}


async def look(database: Database, **changes: Any) -> int:
    """The events that one more listing brings."""
    item = ITEM.model_copy(update=changes)
    return (await record_items(database, ACCOUNT, "vds", [item], complete=True)).events


async def kinds(database: Database) -> list[EventKind]:
    async with database.read() as session:
        return [event.kind for event in (await session.exec(select(UpstreamEvent).order_by("id"))).all()]


async def test_a_slip_that_comes_again_is_no_trouble(database: Database) -> None:
    """It was held back, then a sound change was made, and then the slip is back."""
    await look(database)
    assert await look(database, **SLIP) == 1
    assert await look(database, **SLIP) == 0, "it is said once"
    assert await look(database, ip="192.0.2.2") == 1
    await look(database, ip="192.0.2.2", **SLIP)
    assert await look(database, ip="192.0.2.3", **SLIP) == 1


async def test_two_slips_in_turn_are_no_trouble(database: Database) -> None:
    await look(database)
    for slip in (SLIP, OTHER_SLIP, SLIP, OTHER_SLIP):
        await look(database, **slip)
    found = await kinds(database)
    assert found[0] is EventKind.FIRST_LOOK
    assert set(found[1:]) == {EventKind.HELD_BACK}


async def test_the_same_change_there_and_back_is_two_events_each_time(database: Database) -> None:
    await look(database)
    for _ in range(2):
        assert await look(database, status=UpstreamStatus.SUSPENDED) == 1
        assert await look(database) == 1
    assert (await kinds(database))[1:] == [EventKind.SUSPENDED, EventKind.RESUMED] * 2


async def test_an_item_is_gone_only_when_the_upstream_says_so_and_may_come_back(database: Database) -> None:
    await look(database)
    for suspects in ([], ["17"], ["17"]):
        digest = await record_items(database, ACCOUNT, "vds", [], complete=True)
        assert (digest.suspects, digest.events) == (suspects, 0)
    assert (await events.record_absence(database, ACCOUNT, "vds", "17")).events == 1
    assert (await events.record_absence(database, ACCOUNT, "vds", "17")).events == 0
    assert await look(database) == 1
    assert (await kinds(database))[1:] == [EventKind.VANISHED, EventKind.OPENED]


async def _services(database: Database, *, first_is_linked: bool) -> None:
    """Service 1 with the mark rf-abcde-1, and another one whose mark begins with that."""
    async with database.write() as session:
        module = (await session.exec(select(ProcessingModule).where(ProcessingModule.product_type == "vds"))).one()
        plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == "VDS-1"))).one()
        for mark, name, number in (
            ("rf-abcde-1", "a1.example.test", "16" if first_is_linked else None),
            ("rf-abcde-10", "b2.example.test", None),
        ):
            service = Service(
                customer="c",
                plan_id=plan.id or 0,
                product_type="vds",
                module_id=module.id or 0,
                account_id=ACCOUNT,
                name=name,
                name_is_ours=False,
                mark=mark,
                period_months=1,
                upstream_number=number,
            )
            session.add(service)
            await session.flush()
            stage = Stage.COMPLETED if number else Stage.NEEDS_ATTENTION
            operation = Operation(
                service_id=service.id or 0, kind=OperationKind.OPEN, upstream_name="main", stage=stage
            )
            session.add(operation)


@pytest.mark.parametrize("first_is_linked", [True, False], ids=["second-item", "paid-leftover"])
@pytest.mark.parametrize(
    ("mark", "name", "reported"),
    [
        ("rf-abcde-1", "b2.example.test", False),  # the mark of the other service, cut short
        ("rf-abcde-1", "c3.example.test", False),
        ("rf-abcde-1", "A1.example.test", True),
    ],
)
async def test_a_mark_that_may_be_another_service_s_cut_short_reports_nothing_without_the_name(
    database: Database, first_is_linked: bool, mark: str, name: str, reported: bool
) -> None:
    await _services(database, first_is_linked=first_is_linked)
    await look(database, mark=mark, name=name)
    async with database.read() as session:
        found = (await session.exec(select(Incident))).all()
    expected = IncidentKind.SECOND_ITEM if first_is_linked else IncidentKind.PAID_LEFTOVER
    assert [one.kind for one in found] == [expected] * reported


async def test_a_look_that_brings_nothing_writes_nothing(database: Database) -> None:
    assert await look(database) == 1
    for _ in range(3):
        assert await look(database) == 0
    assert await kinds(database) == [EventKind.FIRST_LOOK]
