"""The console in Chromium: what people see and press. Left out, loudly, where there is no Chromium."""

import pytest
from playwright.async_api import Browser

from models.catalogue import UpstreamAccount
from models.enums import Role, Stage
from tests.console.browsing import Visit, visit
from tests.console.stuck import everything_stuck
from tests.storefront.api import Api

PAGES = (
    ("operation", "operations/1"),
    ("task", "tasks/4"),
    ("incident", "incidents/1"),
    ("drift", "drift/1"),
    ("service", "services/5"),
    ("upstreams", "upstreams"),
    ("upstream", "upstreams/main"),
    ("item", "items/1"),
    ("search", "search?q=c-1"),
    ("me", "me"),
    ("inbox", ""),
)

pytestmark = pytest.mark.proof


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_the_screens_are_readable(api: Api, chromium: Browser, colours: str, width: int) -> None:
    await everything_stuck(api, times=7)  # 42 stuck operations
    size = {"width": width, "height": 900}
    shown = await visit(api, chromium, color_scheme=colours, viewport=size)
    for name, path in PAGES:
        await shown.page.goto(f"{api.address}/console/{path}")
        await shown.looks_right(f"{name}-{colours}-{width}")


async def test_a_card_a_row_a_decision(api: Api, chromium: Browser) -> None:
    """From the inbox to a decision in three clicks."""
    await everything_stuck(api)
    shown = await visit(api, chromium)
    page = shown.page
    await page.goto(f"{api.address}/console/")
    await page.get_by_role("link", name="To decide").click()
    await page.get_by_role("link", name="Order · operation 1").click()
    cancelling = page.get_by_role("form", name="Cancel")
    await cancelling.get_by_label("Reason").fill("the customer does not want it any more")
    await cancelling.get_by_label("I have looked at the upstream").check()
    await cancelling.get_by_role("button").click()
    await page.get_by_role("status").wait_for()
    assert await page.get_by_text("cancelled", exact=True).first.is_visible()
    await shown.looks_right("operation-decided")
    assert (await api.operator.get("/v1/operations/1")).json()["stage"] == Stage.CANCELLED


async def test_an_upstream_is_paused_and_its_item_given_to_a_service(api: Api, chromium: Browser) -> None:
    """From the inbox to the form of an item in two clicks, and the button is the third. Nobody can read it here."""
    await everything_stuck(api)
    shown = await visit(api, chromium, Role.OPERATOR)
    page = shown.page
    await page.goto(f"{api.address}/console/upstreams/main")
    pausing = page.get_by_role("form", name="Pause the upstream")
    await pausing.get_by_label("Reason").fill("they move tonight")
    await pausing.get_by_role("button").click()
    await page.get_by_role("status").wait_for()
    await page.get_by_text("they move tonight").wait_for()
    await shown.looks_right("upstream-paused")
    await page.goto(f"{api.address}/console/")
    await page.get_by_role("link", name="Items of nobody").click()
    await page.get_by_role("link", name="9000").click()
    await page.wait_for_url("**/items/1")
    await shown.looks_right("item-of-nobody")
    linking = page.get_by_role("form", name="It belongs to a service")
    assert await linking.get_by_label("Number of the service").input_value() == "", "no service looks like it"
    await linking.get_by_label("Number of the service").fill("6")
    await linking.get_by_role("button").click()
    await page.get_by_role("alert").wait_for()
    assert "console/items/1/link" in page.url
    async with api.database.read() as session:
        assert (await session.get_one(UpstreamAccount, 1)).paused_reason == "they move tonight"


async def test_what_is_new_appears_without_a_reload_and_what_is_typed_stays(api: Api, chromium: Browser) -> None:
    shown = await visit_when_empty(api, chromium)
    page = shown.page
    await page.get_by_text("Nothing needs you.").wait_for()
    await shown.looks_right("inbox-empty")
    await page.get_by_label("Customer").fill("c-1")
    await everything_stuck(api)
    await page.get_by_role("link", name="Order · operation 1").wait_for()
    assert await page.get_by_label("Customer").input_value() == "c-1"
    await page.locator("h1").click()
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("k")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/upstreams/main")
    assert shown.troubles == []


async def visit_when_empty(api: Api, chromium: Browser) -> Visit:
    await api.order("cart-first")
    shown = await visit(api, chromium)
    await shown.page.goto(f"{api.address}/console/")
    return shown
