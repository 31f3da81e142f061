"""Requests in Chromium: a person chooses, reads what it costs, and presses the button twice."""

import pytest
from playwright.async_api import Browser

from models.columns import utc_now
from models.order import Operation, Service
from tests.console.browsing import visit
from tests.console.test_requests import there
from tests.storefront.api import Api

__all__ = ["there"]

pytestmark = pytest.mark.proof

PAGES = (
    ("service-both-sides", "services/1"),
    ("request-prolong", "services/1/request/prolong"),
    ("request-change", "services/1/request/set_parameters"),
    ("request-close", "services/1/request/close"),
    ("order", "order"),
    ("order-plan", "order?plan=VDS-1"),
    ("refunds", "refunds"),
)


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_the_forms_are_readable(there: Api, chromium: Browser, colours: str, width: int) -> None:
    shown = await visit(there, chromium, color_scheme=colours, viewport={"width": width, "height": 900})
    for name, path in PAGES:
        await shown.page.goto(f"{there.address}/console/{path}")
        await shown.looks_right(f"{name}-{colours}-{width}")


async def test_a_service_is_prolonged_from_its_page(there: Api, chromium: Browser) -> None:
    shown = await visit(there, chromium)
    page = shown.page
    await page.goto(f"{there.address}/console/services/1")
    await page.get_by_role("link", name="Prolong …").click()
    await page.get_by_label("Period").select_option("12 months")
    await page.get_by_role("button", name="Show what it costs and does").click()
    await page.get_by_text("74.00 EUR").first.wait_for()
    await shown.looks_right("quote-prolong")
    await page.get_by_label("Reason").fill("paid in advance")
    await page.get_by_role("button", name="Prolong").dblclick()
    await page.wait_for_url("**/operations/2")
    assert await there.count(Operation) == 2
    assert await page.get_by_text("paid in advance").first.is_visible()
    await shown.looks_right("quote-prolonged")


async def test_what_is_wrong_stands_at_its_field(there: Api, chromium: Browser) -> None:
    shown = await visit(there, chromium)
    page = shown.page
    await page.goto(f"{there.address}/console/services/1/request/set_parameters")
    await page.get_by_label("ram").fill("4")
    await page.get_by_label("Name", exact=True).fill("no name at all")
    await page.get_by_role("button", name="Show what it costs and does").click()
    wrong = page.get_by_label("Name", exact=True)
    await page.get_by_role("alert").wait_for()
    assert await wrong.get_attribute("aria-invalid") == "true"
    assert await wrong.input_value() == "no name at all"
    assert await page.get_by_label("ram").input_value() == "4"
    shown.troubles = [one for one in shown.troubles if "422" not in one]
    await shown.looks_right("request-wrong")


@pytest.mark.parametrize("width", [1280, 390])
async def test_the_longest_name_breaks_and_figures_stand_below_each_other(
    there: Api, chromium: Browser, width: int
) -> None:
    async with there.database.write() as session:
        service = await session.get_one(Service, 1)
        service.name, service.customer = ".".join(["a" * 60] * 3), "w" * 60
        service.expires_on = utc_now().date()
    shown = await visit(there, chromium, viewport={"width": width, "height": 900})
    for name, path in (("service", "services/1"), ("prolong", "services/1/request/prolong"), ("found", "search?q=a")):
        await shown.page.goto(f"{there.address}/console/{path}")
        await shown.looks_right(f"long-{name}-{width}")
    await shown.page.goto(f"{there.address}/console/tasks")
    aligned = await shown.page.evaluate(
        """() => { const table = document.createElement("table"); table.className = "list";
        table.innerHTML = "<tr><th class=figure>1</th><td class=figure>1</td></tr>"; document.body.append(table);
        return [...table.querySelectorAll(".figure")].map((one) => getComputedStyle(one).textAlign) }"""
    )
    assert aligned == (["right", "right"] if width == 1280 else ["left", "left"])
