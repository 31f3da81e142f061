"""A person's window in Chromium. Screenshots go to the folder RESELL_TEST_SCREENSHOTS, if it is set."""

import os
from pathlib import Path
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Request

from models.enums import Role
from orders.access import people
from tests.console.people import PASSWORD
from tests.storefront.api import Api

SCREENSHOTS = os.environ.get("RESELL_TEST_SCREENSHOTS", "")
CONTRAST_AND_ALL = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


class Visit:
    """One person's window. What goes wrong in it is collected."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.troubles: list[str] = []
        page.on("console", lambda line: self.troubles.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("request", self._note)

    def _note(self, request: Request) -> None:
        if not request.url.startswith(f"{self.address}/console"):
            self.troubles.append(f"a request to {request.url}")

    async def looks_right(self, name: str) -> None:
        """No trouble so far, nothing that axe finds, nothing wider than the window; a picture is taken."""
        if SCREENSHOTS:
            await self.page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", full_page=True)
        assert self.troubles == []
        found = await Axe().run(self.page, options=CONTRAST_AND_ALL)
        assert found.violations_count == 0, found.generate_report()
        width = await self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert width <= 0, f"{name} is {width} pixels too wide"


async def visit(
    api: Api, chromium: Browser, role: Role = Role.SENIOR, at: Any = "operations/1", **window: Any
) -> Visit:
    await people.add(api.database, f"a-{role.value}", role, PASSWORD, actor="test", of_settings={})
    context = await chromium.new_context(**window)
    page = await context.new_page()
    page.set_default_timeout(30_000)
    shown = Visit(page, api.address)
    await page.goto(f"{api.address}/console/{at}")
    await shown.looks_right("log-in")
    await page.get_by_label("Name").fill(f"a-{role.value}")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url(f"**/console/{at}")
    return shown
