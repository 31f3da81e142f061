"""A console over a real database, and people who log in there."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser as Chromium
from playwright.async_api import async_playwright

from models.enums import Role
from tests.console.people import Browser, browser_of
from tests.infrastructure.databases import copy_of
from tests.storefront.api import Api, client_of_nothing, stocked_api

LogIn = Callable[[Role], Awaitable[Browser]]


@pytest.fixture
async def api(tmp_path: Path, migrated_sqlite_template: Path) -> AsyncIterator[Api]:
    """The API with the console, on SQLite. There is no Temporal."""
    async with stocked_api(copy_of(migrated_sqlite_template, tmp_path), await client_of_nothing()) as running:
        yield running


@pytest.fixture
async def log_in(api: Api) -> AsyncIterator[LogIn]:
    """Make a person of a role, and log in."""
    opened: list[Browser] = []

    async def made(role: Role) -> Browser:
        browser = await browser_of(api, f"a-{role.value}", role)
        opened.append(browser)
        return browser

    yield made
    for one in opened:
        await one.client.aclose()


@pytest.fixture
async def chromium() -> AsyncIterator[Chromium]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no Chromium here (Debian: apt install chromium)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        await browser.close()
