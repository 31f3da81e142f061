"""The seven acts of the morning, on a shop that runs: each in at most three clicks from the inbox, and each is done.

Clicks on links and buttons are counted. What is typed or chosen in a form is not.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser as Chromium
from playwright.async_api import Locator, Page
from sqlmodel import SQLModel, col, select

from activities.poller import schedule
from models.drift import Drift
from models.enums import DriftState, RenewalOwner, Stage, TaskState
from models.events import UpstreamSnapshot
from models.order import Service, Task
from orders.inbox.cards import inbox_cards
from orders.lifecycle.acceptance import AcceptedOrder
from tests.console.browsing import Visit, visit
from tests.flow.shop import CALM, Shop, open_shop, open_upstream
from tests.flow.test_sweep import swept
from tests.infrastructure.databases import copy_of
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer
from tests.storefront.api import running_api

pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]

REJECTED, SHORT = 24, 10
MOST_CLICKS = 3
LATE = 90


@dataclass
class Morning:
    """What waits for the person when they come in. All of it was brought about at the upstream."""

    shop: Shop
    shown: Visit
    rejected: list[AcceptedOrder] = field(default_factory=list)
    unclear: list[AcceptedOrder] = field(default_factory=list)
    short: list[AcceptedOrder] = field(default_factory=list)
    changing: list[AcceptedOrder] = field(default_factory=list)
    drifting: Service | None = None
    orphan: str = ""
    clicks: int = 0

    @property
    def page(self) -> Page:
        return self.shown.page

    async def begin(self) -> None:
        """At the inbox, as always."""
        await self.page.goto(f"{self.shown.address}/console/")
        self.clicks = 0

    async def click(self, what: Locator) -> None:
        await what.click()
        await self.page.wait_for_load_state()
        self.clicks += 1

    async def row(self, of: str, address: str) -> None:
        """One click on what leads to this page; after one on the card, where the list is longer than a page."""
        if await self.page.locator(f'main a[href="{address}"]').count() == 0:
            await self.click(self.page.locator(f'main .cards a[href="?cause={of}"]'))
        await self.click(self.page.locator(f'main table.inbox a[href="{address}"]').first)

    async def done(self, name: str) -> None:
        await self.page.get_by_role("status").wait_for()
        await self.shown.looks_right(f"act-{name}")
        assert 0 < self.clicks <= MOST_CLICKS, f"{name} takes {self.clicks} clicks"

    def form(self, name: str) -> Locator:
        return self.page.get_by_role("form", name=name, exact=True)

    async def rows(self, model: type[SQLModel], *conditions: Any) -> list[Any]:
        async with self.shop.database.read() as session:
            return list((await session.exec(select(model).where(*conditions))).all())

    async def task(self, order: AcceptedOrder) -> Task:
        [found] = await self.rows(Task, Task.operation_id == order.operation)
        assert isinstance(found, Task)
        return found


@pytest.fixture
async def morning(
    migrated_sqlite_template: Path,
    tmp_path: Path,
    temporal_server: TemporalServer,
    chromium: Chromium,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Morning]:
    monkeypatch.setattr(schedule, "SWEEPS_SECONDS", 0.1)
    async with (
        open_upstream() as upstream,
        open_shop(copy_of(migrated_sqlite_template, tmp_path), temporal_server, upstream, idle_interval=CALM) as shop,
        running_api(shop.database, shop.client, shop.settings) as api,
    ):
        await upstream.set(opening_delay=0.3)
        yield await everything_goes_wrong(Morning(shop, await visit(api, chromium, at="")))


async def everything_goes_wrong(morning: Morning) -> Morning:
    shop, upstream = morning.shop, morning.shop.upstream
    await upstream.set_balance("1000.00")
    services = [await active(shop) for _ in range(3)]
    morning.drifting = services[2]
    for number, service in enumerate(services[:2]):
        order = await shop.resellflow.change_plan(service.id, "VDS-2", key=f"plan-{number}")
        await shop.until_left_to_people(order.operation)
        morning.changing.append(order)

    await upstream.set(remoteid_in_lists=False, remoteid_in_forms=False, domain_in_lists=False)
    await upstream.fault(function="*.order.param", sok=True, times=2, kind="cut", when="before")
    morning.unclear = [await shop.order() for _ in range(2)]
    for one in morning.unclear:
        await shop.until(one, Stage.OUTCOME_UNKNOWN, timeout=LATE)
    morning.orphan = str((await upstream.bought_by_hand("nobodys.example"))["id"])  # and nobody can tell whose it is
    for one in morning.unclear:
        await shop.until(one, Stage.NEEDS_ATTENTION, timeout=LATE)
    await upstream.set(remoteid_in_lists=True, remoteid_in_forms=True, domain_in_lists=True)

    await upstream.fault(
        function="*.order.param", sok=True, times=REJECTED, kind="error",
        error={"type": "value", "object": "ostempl", "params": {"value": "Debian-12"}},
    )  # fmt: skip
    morning.rejected = [await shop.order(parameters={"template": "debian-12"}) for _ in range(REJECTED)]
    for one in morning.rejected:
        await shop.until(one, Stage.NEEDS_ATTENTION, timeout=LATE)

    await upstream.admin("PATCH", f"/items/{morning.drifting.upstream_number}", {"autoprolong": "1"})
    await shop.until(await shop.order(), Stage.COMPLETED, timeout=LATE)  # meanwhile the list is read often

    await upstream.set_balance("1.00")
    morning.short = [await shop.order() for _ in range(SHORT)]
    for one in morning.short:
        await shop.until(one, Stage.WAITING_FOR_FUNDS, timeout=LATE)

    await morning.page.goto(f"{morning.shown.address}/console/upstreams/main")
    reading = morning.form("Read one item now")  # a form is read seldom otherwise
    await reading.locator('[name="upstream_number"]').fill(str(morning.drifting.upstream_number))
    await reading.get_by_role("button").click()
    await morning.page.get_by_role("status").wait_for()

    async def difference() -> list[Any]:
        await swept(shop)
        return await morning.rows(Drift, Drift.service_id == services[2].id, Drift.state == DriftState.OPEN)

    await until(morning, difference, "the difference is seen")
    orphans = (UpstreamSnapshot.number == morning.orphan, col(UpstreamSnapshot.service_id).is_(None))
    await until(morning, lambda: morning.rows(UpstreamSnapshot, *orphans), "the item of nobody is seen")
    async with shop.database.read() as session:
        cards = {card.cause.value: card.count for card in await inbox_cards(session)}
    assert sum(cards.values()) >= 40, cards
    return morning


async def active(shop: Shop) -> Service:
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED, timeout=LATE)
    return await shop.service(order.service)


async def until(morning: Morning, found: Callable[[], Awaitable[list[Any]]], message: str) -> None:
    async def so() -> bool:
        return bool(await found())

    await assert_eventually(so, timeout=LATE, message=message)


async def test_the_seven_acts_of_the_morning(morning: Morning) -> None:
    """One after the other, on one shop: its forty stuck orders take a minute to come about."""
    await approve_a_drift(morning)
    await mend_the_money(morning)
    await decide_two_unclear_ones(morning)
    await adopt_an_orphan(morning)  # while it is nobody's, it may be any order's that is tried again
    await retry_all_of_one_upstream(morning)
    await finish_a_plan_change(morning)
    await hand_over(morning)
    assert morning.shown.troubles == []


async def charged(shop: Shop) -> int:
    return len(await shop.upstream.charges())


async def mend_the_money(morning: Morning) -> None:
    before = await charged(morning.shop)
    await morning.shop.upstream.set_balance("1000.00")
    await morning.begin()
    await morning.click(morning.page.get_by_role("link", name="Upstreams", exact=True))
    await morning.click(morning.page.locator('main a[href$="upstreams/main"]').first)
    await morning.click(morning.form("Read the balance now").get_by_role("button"))
    await morning.done("money")
    for one in morning.short:
        await morning.shop.until(one, Stage.COMPLETED, timeout=LATE)
    assert await charged(morning.shop) == before + SHORT


async def decide_two_unclear_ones(morning: Morning) -> None:
    again, never = morning.unclear
    before = await charged(morning.shop)
    for order, act in ((again, "Try again"), (never, "Cancel")):
        await morning.begin()
        await morning.row("decide", f"operations/{order.operation}")
        form = morning.form(act)
        await form.get_by_label("Reason").fill("I have looked: it had no effect")
        await form.get_by_label("I have looked at the upstream").check()
        await morning.click(form.get_by_role("button"))
        await morning.done(f"unclear-{act.lower().replace(' ', '-')}")
    await morning.shop.until(again, Stage.COMPLETED, timeout=LATE)
    await morning.shop.until(never, Stage.CANCELLED, timeout=LATE)
    assert await charged(morning.shop) == before + 1


async def retry_all_of_one_upstream(morning: Morning) -> None:
    before = await charged(morning.shop)
    await morning.begin()
    await morning.click(morning.page.get_by_role("link", name="Decide about all of these"))
    await morning.page.locator('main [name="upstream"]').select_option("main")
    await morning.page.locator('main [name="action"]').select_option("retry")
    await morning.page.get_by_label("Reason").fill("the template is there again")
    await morning.click(morning.page.get_by_role("button", name="Show what it would do"))
    await morning.shown.looks_right("act-bulk-preview")
    await morning.click(morning.page.get_by_role("button", name="Carry it out"))
    await morning.page.get_by_text("It is finished.").wait_for()
    assert morning.clicks == MOST_CLICKS
    for one in morning.rejected:
        await morning.shop.until(one, Stage.COMPLETED, timeout=LATE)
    assert await charged(morning.shop) == before + REJECTED
    assert [(await morning.shop.operation(one.operation)).stage for one in morning.changing] == [
        Stage.AWAITING_MANUAL_TASK
    ] * 2, "what can't be tried again is left as it is"


async def finish_a_plan_change(morning: Morning) -> None:
    order = morning.changing[0]
    service = await morning.shop.service(order.service)
    await morning.shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"pricelist": 59})
    await morning.begin()
    await morning.row("tasks", f"tasks/{(await morning.task(order)).id}")
    await morning.click(morning.form("It is done").get_by_role("button"))
    await morning.done("plan-change")
    await morning.shop.until(order, Stage.COMPLETED, timeout=LATE)
    assert (await morning.task(order)).state is TaskState.DONE
    assert (await morning.shop.service(order.service)).plan_id != service.plan_id


async def hand_over(morning: Morning) -> None:
    order = morning.changing[1]
    await morning.begin()
    await morning.row("tasks", f"tasks/{(await morning.task(order)).id}")
    form = morning.form("Hand over")
    await form.get_by_label("To whom").fill("boris")
    await morning.click(form.get_by_role("button"))
    await morning.page.get_by_text("boris").first.wait_for()
    assert morning.clicks <= MOST_CLICKS
    assert (await morning.task(order)).assignee == "boris"


async def approve_a_drift(morning: Morning) -> None:
    assert morning.drifting is not None
    [found, *_] = await morning.rows(Drift, Drift.service_id == morning.drifting.id, Drift.state == DriftState.OPEN)
    await morning.begin()
    await morning.row("drift", f"drift/{found.id}")
    form = morning.form("The upstream is right")
    await form.get_by_label("Reason").fill("staff have told us")
    await morning.click(form.get_by_role("button"))
    await morning.page.get_by_text("staff have told us").first.wait_for()
    assert morning.clicks <= MOST_CLICKS
    [after] = await morning.rows(Drift, Drift.id == found.id)
    assert after.state is DriftState.APPROVED
    [service] = await morning.rows(Service, Service.id == morning.drifting.id)
    assert service.renewed_by is RenewalOwner.UPSTREAM, "our record says what the upstream does"


async def adopt_an_orphan(morning: Morning) -> None:
    [item] = await morning.rows(UpstreamSnapshot, UpstreamSnapshot.number == morning.orphan)
    before = await charged(morning.shop)
    await morning.begin()
    await morning.row("orphans", f"items/{item.id}")
    form = morning.page.locator('form[action$="/adopt"]')
    await form.locator('[name="plan"]').select_option("VDS-1")
    await form.locator('[name="customer"]').fill("c-17")
    await form.locator('[name="period_months"]').fill("1")
    await morning.click(form.get_by_role("button"))
    await morning.done("orphan")
    [service] = await morning.rows(Service, Service.upstream_number == morning.orphan)
    assert service.customer == "c-17"
    assert await charged(morning.shop) == before, "it is bought already"
