"""What only people can tell, in Chromium on a shop that runs: whether a task is done."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser as Chromium
from playwright.async_api import Page, expect
from sqlmodel import select

from models.enums import Stage
from models.order import Task
from tests.console.browsing import Visit, visit
from tests.flow.shop import CALM, Shop, open_shop, open_upstream
from tests.infrastructure.databases import copy_of
from tests.infrastructure.temporal import TemporalServer
from tests.storefront.api import running_api

pytestmark = [pytest.mark.proof, pytest.mark.timeout(300)]

LATE = 60
WINDOWS = {
    "light-1280": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark-390": {"color_scheme": "dark", "viewport": {"width": 390, "height": 900}},
}


@dataclass
class Desk:
    shop: Shop
    shown: Visit

    @property
    def page(self) -> Page:
        return self.shown.page

    async def go(self, path: str) -> None:
        await self.page.goto(f"{self.shown.address}/console/{path}")

    async def answered(self, status: int) -> None:
        """Chromium takes a refusal for a trouble."""
        assert len(self.shown.troubles) == 1
        assert str(status) in self.shown.troubles.pop()

    async def looked_at(self, name: str) -> None:
        """In both windows."""
        for window, sizes in WINDOWS.items():
            await self.page.set_viewport_size(sizes["viewport"])  # type: ignore[arg-type]  # of one shape
            await self.page.emulate_media(color_scheme=sizes["color_scheme"])  # type: ignore[arg-type]  # as above
            await self.shown.looks_right(f"{name}-{window}")


@pytest.fixture
async def desk(
    migrated_sqlite_template: Path, tmp_path: Path, temporal_server: TemporalServer, chromium: Chromium
) -> AsyncIterator[Desk]:
    async with (
        open_upstream() as upstream,
        open_shop(copy_of(migrated_sqlite_template, tmp_path), temporal_server, upstream, idle_interval=CALM) as shop,
        running_api(shop.database, shop.client, shop.settings) as api,
    ):
        await upstream.set(opening_delay=0.3)
        yield Desk(shop, await visit(api, chromium, at=""))


async def test_a_completion_is_refused_with_what_was_found_and_the_same_form_completes_it_later(desk: Desk) -> None:
    shop, page = desk.shop, desk.page
    opened = await shop.order()
    await shop.until(opened, Stage.COMPLETED, timeout=LATE)
    order = await shop.resellflow.change_plan(opened.service, "VDS-2", key="plan")
    await shop.until_left_to_people(order.operation)
    async with shop.database.read() as session:
        [task] = (await session.exec(select(Task).where(Task.operation_id == order.operation))).all()
    await desk.go(f"tasks/{task.id}")
    form = page.get_by_role("form", name="It is done")
    await form.get_by_label("Note").fill("moved to node 7")
    await form.get_by_role("button").click()
    refused = form.get_by_role("alert")
    await expect(refused).to_contain_text("wanted 59, shows 58", timeout=LATE * 1000)
    await expect(form.get_by_label("Note")).to_have_value("moved to node 7")
    await desk.answered(409)
    await desk.looked_at("task-refused")
    assert (await shop.operation(order.operation)).stage is Stage.AWAITING_MANUAL_TASK

    item = (await shop.service(opened.service)).upstream_number
    await shop.upstream.admin("PATCH", f"/items/{item}", {"pricelist": 59})
    await form.get_by_role("button").click()
    await page.get_by_role("status").wait_for(timeout=LATE * 1000)
    await expect(page.locator(".stage")).to_contain_text("done")
    await shop.until(order, Stage.COMPLETED, timeout=LATE)
    await expect(page.get_by_text("moved to node 7").first).to_be_visible()
    assert desk.shown.troubles == []
