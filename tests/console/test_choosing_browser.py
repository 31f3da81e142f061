"""Rows chosen on several pages of the inbox, in Chromium: none is lost, and nothing else is decided about."""

import pytest
from playwright.async_api import Browser, Page, expect

from models.enums import Role, Stage
from orders.access import people
from orders.inbox.views import LIMIT
from tests.console.browsing import Visit, visit
from tests.console.people import PASSWORD
from tests.storefront.api import Api

pytestmark = pytest.mark.proof

TWO_PAGES = LIMIT + 4
CHOSEN = [2, 5, LIMIT + 2]


async def waiting(api: Api, count: int = 6) -> None:
    """So many operations wait for money, in the order of their numbers."""
    for number in range(1, count + 1):
        await api.order(f"cart-{number}")
        await api.enter(number, Stage.WAITING_FOR_FUNDS, "10.00 EUR are needed")


async def stages(api: Api) -> dict[int, str]:
    items = (await api.operator.get("/v1/operations", params={"limit": 200})).json()["items"]
    return {one["number"]: one["stage"] for one in items}


async def choose(page: Page, *numbers: int) -> None:
    for number in numbers:
        await page.get_by_label(f"Choose operation {number}", exact=True).check()


async def told(page: Page, words: str) -> None:
    await expect(page.locator("#chosen").get_by_role("status")).to_have_text(words, use_inner_text=True)


@pytest.mark.parametrize(("colours", "width"), [("light", 1280), ("dark", 390)])
async def test_what_is_chosen_on_two_pages_is_decided_about_and_nothing_else(
    api: Api, chromium: Browser, colours: str, width: int
) -> None:
    await waiting(api, count=TWO_PAGES)
    shown = await visit(api, chromium, Role.OPERATOR, color_scheme=colours, viewport={"width": width, "height": 900})
    page = shown.page
    await page.goto(f"{api.address}/console/?cause=money")
    await expect(page.get_by_text("This browser keeps what is chosen on one page alone.")).to_be_hidden()
    await choose(page, 2, 5)
    await page.get_by_role("link", name="Newer ones").click()
    await told(page, "Chosen: 2, of them not on this page: 2, 5")
    await choose(page, LIMIT + 2)
    await told(page, "Chosen: 3, of them not on this page: 2, 5")
    await shown.looks_right(f"inbox-chosen-on-two-pages-{colours}-{width}")
    await by_other_ways(shown, api)
    await page.get_by_role("button", name="Decide about the chosen ones").click()
    await page.get_by_text(f"Chosen operations (3): 2, 5, {LIMIT + 2}", exact=True).wait_for()
    await page.locator('main [name="action"]').select_option("cancel")
    await page.get_by_label("Reason").fill("the shop closes")
    await page.get_by_role("button", name="Show what it would do").click()
    await expect(page.get_by_text("This is a preview")).to_be_visible()
    preview = await page.locator("tbody tr td:first-child a").all_inner_texts()
    assert preview == [str(number) for number in CHOSEN]
    await shown.looks_right(f"bulk-preview-of-two-pages-{colours}-{width}")
    await page.goto(f"{api.address}/console/")
    await told(page, f"Chosen: 3, of them not on this page: {LIMIT + 2}")
    await page.go_back()
    await page.get_by_role("button", name="Carry it out").click()
    await page.get_by_text("It is finished.").wait_for()
    assert {number for number, stage in (await stages(api)).items() if stage == "cancelled"} == set(CHOSEN)
    await page.goto(f"{api.address}/console/")
    await told(page, "Chosen: 0")
    assert shown.troubles == []


async def by_other_ways(shown: Visit, api: Api) -> None:
    """By a filter that finds none of them, and by another page and back."""
    page = shown.page
    await page.goto(f"{api.address}/console/?customer=nobody")
    await told(page, f"Chosen: 3, of them not on this page: 2, 5, {LIMIT + 2}")
    await page.goto(f"{api.address}/console/operations/2")
    await page.goto(f"{api.address}/console/?cause=money")
    await told(page, f"Chosen: 3, of them not on this page: {LIMIT + 2}")
    await expect(page.get_by_label("Choose operation 5", exact=True)).to_be_checked()
    await expect(page.get_by_label("Choose operation 3", exact=True)).not_to_be_checked()


async def test_a_chosen_row_that_leaves_the_list_is_named_and_said_not_to_go(api: Api, chromium: Browser) -> None:
    await waiting(api)
    shown = await visit(api, chromium, Role.OPERATOR)
    page = shown.page
    await page.goto(f"{api.address}/console/?cause=money")
    await choose(page, 2, 3)
    await api.enter(2, Stage.AWAITING_CONFIRMATION)
    await told(page, "Chosen: 2, of them not on this page: 2")
    await page.get_by_role("button", name="Decide about the chosen ones").click()
    await page.get_by_label("Reason").fill("it is not wanted")
    await page.locator('main [name="action"]').select_option("cancel")
    await page.get_by_role("button", name="Show what it would do").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="2", exact=True))
    await expect(row).to_contain_text("will not go")
    await page.get_by_role("button", name="Carry it out").click()
    await page.get_by_text("It is finished.").wait_for()
    assert {number: stage for number, stage in (await stages(api)).items() if stage != "waiting_for_funds"} == {
        2: "awaiting_confirmation", 3: "cancelled"
    }  # fmt: skip
    await page.goto(f"{api.address}/console/?cause=money")
    await told(page, "Chosen: 1, of them not on this page: 2")
    await page.get_by_role("button", name="Choose none").click()
    await told(page, "Chosen: 0")
    await page.get_by_role("button", name="Decide about the chosen ones").click()
    await page.get_by_text("nothing is chosen").wait_for()
    assert [one for one in shown.troubles if "422" not in one] == []


async def test_who_logs_in_next_has_chosen_nothing(api: Api, chromium: Browser) -> None:
    await waiting(api)
    page = (await visit(api, chromium, Role.OPERATOR, "")).page
    await choose(page, 2)
    await told(page, "Chosen: 1")
    await page.get_by_role("button", name="Log out").click()
    await people.add(api.database, "boris", Role.SENIOR, PASSWORD, actor="test", of_settings={})
    await page.get_by_label("Name").fill("boris")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_text("boris").wait_for()
    await page.goto(f"{api.address}/console/")
    await told(page, "Chosen: 0")


async def test_without_scripts_the_page_says_that_a_choice_is_of_one_page(api: Api, chromium: Browser) -> None:
    await waiting(api)
    logged_in = (await visit(api, chromium, Role.OPERATOR, "")).page.context
    plain = await chromium.new_context(java_script_enabled=False, storage_state=await logged_in.storage_state())
    page = await plain.new_page()
    await page.goto(f"{api.address}/console/")
    await expect(page.get_by_text("This browser keeps what is chosen on one page alone.")).to_be_visible()
    await choose(page, 2, 5)
    await page.get_by_role("button", name="Decide about the chosen ones").click()
    await page.get_by_text("Chosen operations (2): 2, 5", exact=True).wait_for()
