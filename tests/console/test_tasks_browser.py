"""The tasks in Chromium, and a value that is copied by one press."""

import pytest
from playwright.async_api import Browser, expect

from models.enums import Role
from orders.access import people
from orders.tasks import manual
from tests.console.browsing import visit
from tests.console.test_requests import there
from tests.storefront.api import Api

__all__ = ["there"]

pytestmark = pytest.mark.proof


@pytest.mark.parametrize(("colours", "width"), [("light", 1280), ("dark", 390)])
async def test_a_value_is_copied_by_one_press(there: Api, chromium: Browser, colours: str, width: int) -> None:
    asked = {"plan": "VDS-3"}
    changed = await there.shop.post("/v1/services/1/change-plan", json=asked, headers={"Idempotency-Key": "c"})
    assert changed.status_code == 201, changed.text
    async with there.database.write() as session:
        await manual.open_task(session, 2, "it can't be done automatically")
    window = {"color_scheme": colours, "viewport": {"width": width, "height": 900}}
    shown = await visit(there, chromium, Role.OPERATOR, **window)
    page = shown.page
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(f"{there.address}/console/tasks?show=free")
    await shown.looks_right(f"tasks-{colours}-{width}")
    await page.get_by_role("link", name="My department's").click()
    await page.get_by_text("You have no department.").wait_for()
    await shown.looks_right(f"tasks-no-department-{colours}-{width}")
    await people.change_department(there.database, "a-operator", "support", actor="ann")
    await page.reload()
    await shown.looks_right(f"tasks-of-my-department-{colours}-{width}")
    await page.get_by_role("link", name="Change the plan").click()
    copy = page.get_by_role("button", name="Copy: plan VDS-3")
    await copy.click()
    await expect(page.locator("button.copy", has_text="Copied")).to_have_count(1)
    assert await page.evaluate("navigator.clipboard.readText()") == "VDS-3"
    await shown.looks_right(f"task-checklist-{colours}-{width}")
