"""An order becomes an active service."""

from temporalio.api.enums.v1 import EventType

from models.enums import ServiceStatus, Stage
from tests.flow.shop import Shop

HAPPY_EVENTS = 30


async def test_an_order_becomes_an_active_service(shop: Shop) -> None:
    order = await shop.order(domain="v1.example.com", parameters={"template": "debian-12"}, addons={"ram": 4})
    await shop.until(order, Stage.COMPLETED)

    service = await shop.service(order.service)
    assert service.status is ServiceStatus.ACTIVE
    assert service.expires_on is not None
    [item] = await shop.upstream.items()
    assert str(item["id"]) == service.upstream_number
    assert item["remoteid"] == service.mark
    assert len(await shop.upstream.charges()) == 1
    assert await shop.stages(order.operation) == [
        "accepted",
        "checking_balance",
        "submitting",
        "awaiting_confirmation",
        "completed",
    ]


async def test_a_happy_order_costs_at_most_thirty_events(shop: Shop) -> None:
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED)
    await shop.handle(order).result()
    history = await shop.handle(order).fetch_history()
    names = [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events]
    assert len(names) <= HAPPY_EVENTS, "\n".join(names)
