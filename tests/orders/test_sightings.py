"""What a signal says is believed if the poller wrote it down: whoever may write to Temporal can signal anything."""

from datetime import UTC, datetime

import pytest

from models.database import Database
from models.enums import EventKind, Stage, UpstreamStatus
from models.events import UpstreamEvent
from models.order import Operation, Service
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.completion import NotSeen, Sighting, complete
from orders.lifecycle.intake import ServiceRequest, accept_order

ACTIVE = UpstreamStatus.ACTIVE.value


async def _ordered(database: Database, key: str) -> AcceptedOrder:
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    return await accept_order(database, request, client="t", key=key, hostname_suffix="s.internal")


async def _written(database: Database, order: AcceptedOrder, event_id: str, met: bool | None = None) -> None:
    async with database.write() as session:
        service = await session.get_one(Service, order.service)
        session.add(
            UpstreamEvent(
                event_id=event_id,
                account_id=service.account_id or 0,
                product_type="vds",
                upstream_number="17",
                kind=EventKind.OPENED,
                status=ACTIVE,
                service_id=order.service,
                operation_id=order.operation,
                met=met,
                seen_at=datetime.now(UTC),
            )
        )


async def _stage(database: Database, order: AcceptedOrder) -> Stage:
    async with database.read() as session:
        return (await session.get_one(Operation, order.operation)).stage


async def _completes(database: Database, order: AcceptedOrder, event: Sighting) -> bool:
    async with database.write() as session:
        try:
            await complete(session, order.operation, event=event)
        except NotSeen:
            return False
    return True


@pytest.mark.parametrize("event", [Sighting("forged", ACTIVE), Sighting("", ACTIVE), Sighting("other's", ACTIVE)])
async def test_what_nobody_saw_completes_nothing(database: Database, event: Sighting) -> None:
    order, other = await _ordered(database, "1"), await _ordered(database, "2")
    await _written(database, other, "other's")
    before = await _stage(database, order)
    assert not await _completes(database, order, event)
    assert await _stage(database, order) is before


async def test_an_event_counts_with_the_status_that_was_seen_and_not_if_it_says_no(database: Database) -> None:
    order = await _ordered(database, "1")
    await _written(database, order, "no", met=False)
    await _written(database, order, "yes", met=True)
    assert not await _completes(database, order, Sighting("no", ACTIVE))
    assert not await _completes(database, order, Sighting("yes", UpstreamStatus.SUSPENDED.value))
    assert await _completes(database, order, Sighting("yes", ACTIVE))
    assert await _stage(database, order) is Stage.COMPLETED
