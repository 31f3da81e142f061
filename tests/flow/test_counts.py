"""What an order and a poll cost in statements, transactions, events and requests: counts, never times.

`*_NOW` is what it costs today and must not grow; `*_GOAL` is where it shall come down to. Whoever makes it cheaper
writes the new number down.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlmodel import func, select
from temporalio.api.enums.v1 import EventType

from activities.poller import schedule
from benchmarks.statements import PLACING, part
from models.catalogue import ProcessingModule, TariffPlan
from models.enums import ModuleKind, ServiceStatus, Stage
from models.events import UpstreamSnapshot
from models.order import Service
from orders.lifecycle.acceptance import AcceptedOrder
from orders.money import pricing
from tests.flow.shop import USER, Shop, Upstream, open_shop
from tests.infrastructure.counting import Cost, Counted, counting
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer
from upstreams.billmanager.listing import PAGE_SIZE


@dataclass(frozen=True)
class Limit:
    statements: int
    transactions: int
    history_events: int
    requests: int
    """Of the upstream. The first order of a plan asks for the price, too; those after it know it."""


OPENING_GOAL = Limit(statements=25, transactions=5, history_events=20, requests=2)
OPENING_NOW = OPENING_GOAL
PROLONG_NOW = Limit(statements=32, transactions=5, history_events=20, requests=5)
"""One of them asks whether an automatic renewal of the term had failed: whoever prolongs it ends that incident."""
KNOWN_FOR = timedelta(hours=1)
PROMISES = 4
"""Committed each on its own: acceptance; grant and intent; the settled answer; the end."""


@dataclass(frozen=True)
class PollCost:
    """Of one list."""

    statements: int
    transactions: int
    requests: int


LIST_NOW = PollCost(statements=4, transactions=4, requests=1)
"""Of a list without news. The same at 10 and at 1,000 rows; of requests, one a page."""
POLLER = "poll_upstream"
LISTS = 6
"""So many are counted together."""
ROUNDS_WATCHED = 25
MOST_A_LIST = 300
"""Statements of any kind, of the timers between two lists, too: far from one for every row of a thousand."""
TIMERS = 3
"""Statements of timers that run on their own: a list of 1,000 rows is read less often, so more fall between two."""
ITEMS = {"account": USER, "type": "vds", "pricelist": 58, "period": 1, "status": 2, "domain": "existing.example.test"}


@dataclass
class CountedShop:
    shop: Shop
    counted: Counted

    async def cost_of(self, place: Callable[[], Awaitable[AcceptedOrder]]) -> tuple[Cost, list[str]]:
        """What an order costs from the call that places it to its workflow's end, and its history's events."""
        shop = self.shop
        self.counted.forget()
        with part(PLACING):
            order = await place()
        await shop.until(order, Stage.COMPLETED)
        await shop.handle(order).result()
        cost = self.counted.cost()
        history = await shop.handle(order).fetch_history()
        return cost, [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events]


@pytest.fixture
async def counted_shop(
    migrated_database_url: str,
    temporal_server: TemporalServer,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[CountedShop]:
    """On SQLite and on PostgreSQL, with the workers in this process.

    A price stays known for the whole test: on a slow machine an order would ask for it again, and rightly so.
    """
    monkeypatch.setattr(pricing, "SHARED_AGE", KNOWN_FOR)
    monkeypatch.setattr(pricing, "QUOTE_AGE", KNOWN_FOR)
    with counting() as counted:
        async with open_shop(migrated_database_url, temporal_server, upstream) as shop:
            yield CountedShop(shop, counted)


def assert_within(limit: Limit, cost: Cost, events: list[str]) -> None:
    seen = Limit(cost.statements, cost.transactions, len(events), cost.requests)
    told = f"{seen}\n{cost}\n{chr(10).join(events)}"
    assert cost.writes >= PROMISES, told
    assert cost.statements <= limit.statements, told
    assert cost.transactions <= limit.transactions, told
    assert len(events) <= limit.history_events, told
    assert cost.requests <= limit.requests, told


async def test_an_opening(counted_shop: CountedShop) -> None:
    shop = counted_shop.shop
    await counted_shop.cost_of(shop.order)  # the first learns what the next ones know
    assert_within(OPENING_NOW, *await counted_shop.cost_of(shop.order))


@pytest.mark.proof
async def test_a_prolong(counted_shop: CountedShop) -> None:
    shop = counted_shop.shop
    opening = await shop.order()
    await shop.until(opening, Stage.COMPLETED)

    async def prolong() -> AcceptedOrder:
        return await shop.resellflow.prolong(opening.service, 1, key="p1")

    assert_within(PROLONG_NOW, *await counted_shop.cost_of(prolong))


async def _known(shop: Shop) -> int:
    async with shop.database.read() as session:
        return (await session.exec(select(func.count()).select_from(UpstreamSnapshot))).one()


async def _link(shop: Shop, numbers: range) -> None:
    """Let services of ours hold these items."""
    async with shop.database.write() as session:
        account = await shop.account(session)
        plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == "VDS-1"))).one()
        module = (await session.exec(select(ProcessingModule).where(ProcessingModule.product_type == "vds"))).one()
        assert plan.id is not None
        assert module.id is not None
        for number in numbers:
            service = Service(
                customer="c-1",
                plan_id=plan.id,
                product_type="vds",
                module_id=module.id,
                account_id=account.id,
                status=ServiceStatus.ACTIVE,
                name=f"linked-{number}.example.test",
                mark=f"linked-{number}",
                upstream_number=str(number),
                period_months=1,
            )
            session.add(service)


async def _stock(shop: Shop, rows: int) -> None:
    """So many more items at the upstream, every tenth a service of ours; known to the poller that runs."""
    made = await shop.upstream.admin("POST", "/items/many", {"count": rows, **ITEMS})
    linked = range(made["first"], made["last"] + 1, 10)
    await _link(shop, linked)

    async def all_known() -> bool:
        forms = await shop.upstream.requests("vds.edit")  # of services that are in service when first seen
        read = {form["parameters"]["elid"] for form in forms}
        return read.issuperset(map(str, linked)) and await _known(shop) >= made["last"] + 1 - made["first"]

    await assert_eventually(all_known, timeout=90, message=f"{rows} more items are known")


async def _requests_for_lists(shop: Shop, count: int) -> None:
    begun = len(await shop.upstream.requests("vds"))

    async def so_many() -> bool:
        return len(await shop.upstream.requests("vds")) >= begun + count

    await assert_eventually(so_many, timeout=90, message=f"{count} requests for lists")


async def _without_lists(counted: Counted, shop: Shop) -> set[str]:
    """What the poller asks of the database while every list fails: no list is to blame for that."""
    await shop.upstream.fault(function="vds", kind="http_502")
    counted.forget()

    async def watched() -> bool:
        return len(counted.of([POLLER])) >= ROUNDS_WATCHED

    await assert_eventually(watched, timeout=60, message="the poller looks around, and has no list")
    found = {text for one in counted.of([POLLER]) for text in one.statements}
    await shop.upstream.admin("DELETE", "/faults")
    return found


async def _list_servers_alone(shop: Shop) -> None:
    """Other product types have intervals of their own."""
    async with shop.database.write() as session:
        for module in (await session.exec(select(ProcessingModule))).all():
            if module.product_type != "vds":
                module.kind = ModuleKind.MANUAL
                session.add(module)


async def _cost_of_lists(counted: Counted, shop: Shop, pages: int, without_lists: set[str]) -> PollCost:
    await _requests_for_lists(shop, 3 * pages)  # the first ones may have something to tell
    counted.forget()
    await _requests_for_lists(shop, LISTS * pages)
    found = counted.of([POLLER])
    for_lists = [[text for text in one.statements if text not in without_lists] for one in found]
    assert sum(len(one.statements) for one in found) < LISTS * MOST_A_LIST, "whatever their text"
    return PollCost(
        statements=round(sum(map(len, for_lists)) / LISTS),
        transactions=round(sum(1 for one in for_lists if one) / LISTS),
        requests=round(counted.requests.count((POLLER, "vds")) / LISTS),
    )


@pytest.mark.timeout(300)  # a busy machine is no failure
@pytest.mark.proof
async def test_lists_without_news(
    migrated_database_url: str,
    temporal_server: TemporalServer,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(schedule, "LIST_SHARE", 0)  # what a list costs is counted, not how often it is read
    with counting() as counted:
        async with open_shop(migrated_database_url, temporal_server, upstream, worker=False, idle_interval=0.5) as shop:
            await _list_servers_alone(shop)
            async with shop.working():
                await _stock(shop, 10)
                without_lists = await _without_lists(counted, shop)
                few = await _cost_of_lists(counted, shop, 1, without_lists)
                await _stock(shop, 990)
                many = await _cost_of_lists(counted, shop, 1000 // PAGE_SIZE, without_lists)
    assert few.statements <= LIST_NOW.statements, few
    assert few.transactions <= LIST_NOW.transactions, few
    assert (few.requests, many.requests) == (1, 1000 // PAGE_SIZE)
    assert many.statements - few.statements <= TIMERS, (few, many)
    assert many.transactions - few.transactions <= TIMERS, (few, many)
