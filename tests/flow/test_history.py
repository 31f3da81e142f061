"""The history of a service tells everything that was ever changed of it: by the upstream, by operations, by people."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from models.enums import ServiceStatus, Source, Stage
from models.messages import Decision, DecisionKind
from models.order import Service
from models.public_words import UPSTREAM_TARIFF
from orders.lifecycle.acceptance import AcceptedOrder
from orders.services.history import text
from orders.views import HistoryEntry, PageRequest, list_history
from tests.flow.shop import Shop, Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer

Change = tuple[str, str]
KEPT = ("status", "suspend_reason", "ip", "expires_on", "upstream_pricelist", "upstream_number", "name", "mark")


async def history(shop: Shop, service: int) -> list[HistoryEntry]:
    """Oldest first."""
    async with shop.database.read() as session:
        return (await list_history(session, PageRequest(200), service=service)).items[::-1]


async def recorded(shop: Shop, service: int, action: str, **changes: Change) -> HistoryEntry:
    """The newest entry of this kind, once it tells these changes."""

    async def there() -> HistoryEntry:
        entries = [entry for entry in await history(shop, service) if entry.action == action]
        assert entries, [entry.action for entry in await history(shop, service)]
        found = {name: (change.before, change.after) for name, change in entries[-1].changes.items()}
        assert found.items() >= changes.items(), found
        return entries[-1]

    return await assert_eventually(there, message=f"{action} in the history of service {service}")


def explained(service: Service, entries: list[HistoryEntry]) -> None:
    """Every value is where the last entry about it left it, and every entry begins where the one before ended."""
    values: dict[str, str] = {}
    for entry in entries:
        if entry.action == "held_back":
            continue
        for field, change in entry.changes.items():
            assert values.get(field, change.before) == change.before, f"{field} jumped before entry {entry}"
            values[field] = change.after
    columns = {UPSTREAM_TARIFF: "upstream_tariff"}
    now = {field: text(getattr(service, columns.get(field, field))) for field in KEPT}
    assert {field: now[field] for field in KEPT if field in values} == {
        field: values[field] for field in KEPT if field in values
    }


class ByHand:
    """Somebody at the upstream changes an item."""

    def __init__(self, shop: Shop, order: AcceptedOrder, item: str) -> None:
        self._shop = shop
        self._order = order
        self._item = item

    async def change(self, **values: Any) -> None:
        await self._shop.upstream.admin("PATCH", f"/items/{self._item}", values)

    async def and_then(self, action: str, **changes: Change) -> HistoryEntry:
        entry = await recorded(self._shop, self._order.service, action, **changes)
        assert (entry.source, entry.actor) == (Source.UPSTREAM, "upstream main")
        assert entry.event
        return entry


@pytest.fixture
async def shop(shop_database: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    """One that looks at its upstream twice a second."""
    async with open_shop(shop_database, temporal_server, upstream, idle_interval=0.5) as shop:
        yield shop


@pytest.mark.proof
async def test_every_kind_of_event_is_in_the_history_with_what_it_changed(shop: Shop) -> None:
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED)
    service = await shop.service(order.service)
    at_upstream = ByHand(shop, order, service.upstream_number or "")
    opened = await recorded(shop, order.service, "opened")
    assert opened.changes["status"].after == "active"
    assert (opened.operation, opened.source) == (order.operation, Source.UPSTREAM)
    before = ""
    for reason in ("autosuspend", "employeesuspend", "abusesuspend"):
        await at_upstream.change(status=3, reason=reason)
        await at_upstream.and_then("suspended", suspend_reason=(before, reason))
        before = reason
    await at_upstream.change(status=2)
    await at_upstream.and_then("resumed", status=("suspended", "active"), suspend_reason=("abusesuspend", ""))
    was = text(service.expires_on)
    await at_upstream.change(extend_months=2)
    later = (await at_upstream.and_then("prolonged")).changes["expires_on"]
    assert later.before == was < later.after
    await at_upstream.change(expiredate="2035-01-01" if was > "2035-01-02" else was)
    await at_upstream.and_then("shortened", expires_on=(later.after, was))
    await at_upstream.change(cost="6.50")
    await at_upstream.and_then("cost_changed", cost=("5.00 EUR", "6.50 EUR"))
    await at_upstream.change(ip="203.0.113.9", autoprolong="1")
    entry = await at_upstream.and_then("parameters_changed", ip=(service.ip, "203.0.113.9"))
    assert entry.changes["upstream_autoprolong"].after == "1"
    await at_upstream.change(pricelist=59)
    await at_upstream.and_then("plan_changed", upstream_pricelist=(service.upstream_tariff, "VPS-2"))
    await at_upstream.change(cost="0.00", expiredate="1969-12-31")
    await at_upstream.and_then("held_back", expires_on=(was, "1969-12-31"))
    assert (await shop.service(order.service)).expires_on == service.expires_on
    await shop.upstream.admin("DELETE", f"/items/{service.upstream_number}")
    await at_upstream.and_then("closed", status=("active", "closed"))
    await shop.upstream.admin("DELETE", f"/items/{service.upstream_number}?how=vanish")
    await at_upstream.and_then("vanished", upstream_status=("", "gone"))
    explained(await shop.service(order.service), await history(shop, order.service))


@pytest.mark.proof
async def test_what_people_decide_is_in_the_history_with_their_reason(shop: Shop) -> None:
    refusal = {"type": "value", "object": "ostempl"}
    await shop.upstream.fault(function="*.order.param", sok=True, times=2, kind="error", error=refusal)

    async def refused(decide: Callable[[AcceptedOrder], Awaitable[object]], ends: Stage) -> list[HistoryEntry]:
        order = await shop.order()
        await shop.until(order, Stage.NEEDS_ATTENTION)
        await decide(order)
        await shop.until(order, ends)
        found = await history(shop, order.service)
        explained(await shop.service(order.service), found)
        return found

    def decision(kind: DecisionKind, **more: Any) -> Callable[[AcceptedOrder], Awaitable[object]]:
        why = Decision(actor="olga", reason="asked for by phone", **more)
        return lambda order: shop.resellflow.decide(order.operation, kind, why)

    cancelled = await refused(decision(DecisionKind.CANCEL), Stage.CANCELLED)
    [entry] = cancelled
    assert (entry.source, entry.actor, entry.action) == (Source.PERSON, "olga", "cancel")
    assert entry.note == "asked for by phone"
    assert (entry.changes["status"].before, entry.changes["status"].after) == ("ordered", "closed")
    by_hand = await shop.upstream.bought_by_hand("by-hand.example.com")
    done = await refused(decision(DecisionKind.MARK_DONE, upstream_number=str(by_hand["id"])), Stage.COMPLETED)
    changes = {
        field: change.after for entry in done if entry.actor == "olga" for field, change in entry.changes.items()
    }
    assert changes["upstream_number"] == str(by_hand["id"])
    assert changes["status"] == ServiceStatus.ACTIVE


@pytest.mark.proof
async def test_what_our_own_operations_change_is_in_the_history_with_the_operation(shop: Shop) -> None:
    opening = await shop.order()
    await shop.until(opening, Stage.COMPLETED)
    number = opening.service
    change = await shop.resellflow.change_plan(number, "VDS-2", key="plan", client="shop")
    await shop.until(change, Stage.AWAITING_MANUAL_TASK)
    lent = await recorded(shop, number, "change_plan", processing_module=("main-vds", "manual-vds"))
    assert (lent.source, lent.actor, lent.operation) == (Source.OPERATION, "shop", change.operation)
    item = (await shop.service(number)).upstream_number
    await shop.upstream.admin("PATCH", f"/items/{item}", {"pricelist": 59})
    await shop.until(change, Stage.COMPLETED)
    done = {
        field: (value.before, value.after)
        for entry in await history(shop, number)
        if entry.operation == change.operation and entry.source is Source.OPERATION
        for field, value in entry.changes.items()
    }
    assert done == {"plan": ("VDS-1", "VDS-2"), "processing_module": ("manual-vds", "main-vds")}
    await recorded(shop, number, "plan_changed", upstream_pricelist=("VPS-1", "VPS-2"))
    explained(await shop.service(number), await history(shop, number))
