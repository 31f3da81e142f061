"""Keys, rows that are chosen, and the audit, in Chromium."""

import pytest
from playwright.async_api import Browser, expect

from models.enums import Role, Stage
from tests.console.browsing import visit
from tests.console.stuck import everything_stuck
from tests.storefront.api import Api

pytestmark = pytest.mark.proof


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_the_screens_are_readable(api: Api, chromium: Browser, colours: str, width: int) -> None:
    await everything_stuck(api)
    shown = await visit(api, chromium, color_scheme=colours, viewport={"width": width, "height": 900})
    page = shown.page
    await page.goto(f"{api.address}/console/audit")
    await shown.looks_right(f"audit-{colours}-{width}")
    await page.goto(f"{api.address}/console/")
    await page.get_by_label("All on this page").check()
    await shown.looks_right(f"inbox-chosen-{colours}-{width}")
    await page.get_by_role("button", name="Keys").click()
    await expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    await shown.looks_right(f"keys-{colours}-{width}")
    await page.get_by_role("button", name="Close this help").click()
    await expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    await page.get_by_role("button", name="Decide about the chosen ones").click()
    await page.get_by_text("Chosen operations (5):").wait_for()
    await shown.looks_right(f"bulk-chosen-{colours}-{width}")


async def test_rows_are_chosen_by_keys_and_stay_chosen_when_the_list_is_shown_anew(api: Api, chromium: Browser) -> None:
    await everything_stuck(api)
    shown = await visit(api, chromium, Role.OPERATOR)
    page = shown.page
    await page.goto(f"{api.address}/console/?cause=money")
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    await expect(page.locator("#chosen-number")).to_have_text("1")
    await page.evaluate("document.querySelector('#live table').id = 'before'")
    await api.enter(2, Stage.WAITING_FOR_FUNDS, "this one, too")
    await expect(page.locator("#live #before")).to_have_count(0)
    await expect(page.get_by_label("Choose operation 2")).not_to_be_checked()
    await expect(page.get_by_label("Choose operation 3")).to_be_checked()
    await page.get_by_role("button", name="Decide about the chosen ones").click()
    await page.get_by_text("Chosen operations (1): 3").wait_for()
    assert shown.troubles == []


async def test_filters_are_saved_chosen_and_deleted(api: Api, chromium: Browser) -> None:
    await everything_stuck(api)
    shown = await visit(api, chromium, Role.VIEWER, color_scheme="dark", viewport={"width": 390, "height": 900})
    page = shown.page
    await page.goto(f"{api.address}/console/?cause=money")
    await page.get_by_label("Save these filters as").fill("short of money")
    await page.get_by_role("button", name="Save").click()
    await page.get_by_role("link", name="short of money").wait_for()
    await shown.looks_right("inbox-saved-dark-390")
    await page.goto(f"{api.address}/console/")
    await page.get_by_role("link", name="short of money").click()
    await page.wait_for_url("**/?cause=money")
    await page.get_by_role("button", name="Delete the filter short of money").click()
    await expect(page.get_by_role("link", name="short of money")).to_have_count(0)
    assert shown.troubles == []
