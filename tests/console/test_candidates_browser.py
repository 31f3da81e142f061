"""Items that an order of unclear outcome may have made, beside it in Chromium. Nobody carries a decision out here."""

import pytest
from playwright.async_api import Browser, expect

from models.columns import utc_now
from models.enums import Stage
from models.events import UpstreamSnapshot
from models.order import Operation
from tests.console.browsing import visit
from tests.console.test_upstreams import unclear
from tests.storefront.api import Api

pytestmark = pytest.mark.proof


@pytest.mark.parametrize(("colours", "width"), [("light", 1280), ("dark", 390)])
async def test_of_two_items_a_person_says_which_it_is_or_that_it_is_none(
    api: Api, chromium: Browser, colours: str, width: int
) -> None:
    service = await unclear(api)
    async with api.database.write() as session:
        (await session.get_one(Operation, 1)).stage = Stage.NEEDS_ATTENTION
        for number, name, mark in (("9001", service.name, service.mark), ("9002", "other.example.com", "their-17")):
            session.add(
                UpstreamSnapshot(
                    account_id=1, product_type="vds", number=number, status=2, name=name, mark=mark, tariff="58",
                    first_seen_at=utc_now(),
                )
            )  # fmt: skip
    shown = await visit(api, chromium, color_scheme=colours, viewport={"width": width, "height": 900})
    page = shown.page
    section = page.locator("section", has=page.get_by_role("heading", name="What it may have made at the upstream"))
    rows = section.locator("tbody tr")
    await expect(rows).to_have_count(3)
    for row, mark, name in (
        (rows.nth(1), f"{service.mark} ✓ the same", f"{service.name} ✓ the same"),
        (rows.nth(2), "their-17 ≠ differs", "other.example.com ≠ differs"),
    ):
        await expect(row.locator('[data-label="Mark"]')).to_have_text(mark)
        await expect(row.locator('[data-label="Name"]')).to_have_text(name)
        await expect(row.locator('[data-label="Ordered, first seen"]')).to_contain_text("since the request")
    await expect(page.get_by_text("If it is none of them: try again, and say that you have looked.")).to_be_visible()
    await shown.looks_right(f"operation-two-candidates-{colours}-{width}")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.url.rpartition('/')[2]} {request.post_data or ''}"))
    form = section.get_by_role("form", name="It is this one: vds 9001")
    await form.get_by_label("Reason").fill("it has our mark")
    await form.get_by_role("button").click()
    await page.get_by_role("alert").wait_for()
    [this] = [one for one in sent if one.startswith("mark_done ")]
    assert ("upstream_number=9001" in this, "reason=it+has+our+mark" in this) == (True, True)
    await page.goto(f"{api.address}/console/operations/1")
    form = page.get_by_role("form", name="Try again", exact=True)
    await form.get_by_label("Reason").fill("it is none of these")
    await form.get_by_label("I have looked at the upstream").check()
    await form.get_by_role("button").click()
    await page.get_by_role("alert").wait_for()
    [again] = [one for one in sent if one.startswith("retry ")]
    assert "nothing_was_bought=on" in again
