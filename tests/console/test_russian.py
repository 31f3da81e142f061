"""A Russian console says everything in Russian: a walk over its pages, on a shop with forty stuck orders."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from models.enums import Role
from tests.console.people import browser_of
from tests.console.routes import NO_PAGES, addresses, routes
from tests.console.stuck import everything_stuck
from tests.storefront.api import Api

WORDS_IN_A_ROW = re.compile(r"[A-Za-z][a-z']+(?:,? [A-Za-z][a-z']+){2,}")
"""Three English words make a sentence. One or two may be a name or a code."""
OF_OTHERS = re.compile(
    r"because of \d|a yes came late for \d|the password is refused|no such template|the upstream can't do it by itself"
)
"""What tests.console.stuck writes in the place of an upstream or a person."""
CODES = re.compile(
    r"manual task opened"  # an act of the audit
    r"|resell \w.*|temporal workflow .*"  # to be typed
)


class Shown(HTMLParser):
    """What a person reads on a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._within: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style"):
            self._within.append(tag)
        self.lines += [value for name, value in attrs if name in ("aria-label", "placeholder", "title") and value]

    def handle_endtag(self, tag: str) -> None:
        if self._within and self._within[-1] == tag:
            self._within.pop()

    def handle_data(self, data: str) -> None:
        if not self._within and data.strip():
            self.lines.append(data.strip())


def english(page: str) -> Iterator[str]:
    for line in Shown(page).lines:
        if WORDS_IN_A_ROW.search(CODES.sub("", OF_OTHERS.sub("", line))):
            yield line


@pytest.mark.timeout(120)
async def test_no_page_says_an_english_sentence(api: Api) -> None:
    await everything_stuck(api, times=7)  # 42 stuck orders
    browser = await browser_of(api, "olga", Role.SENIOR)
    browser.client.headers["Accept-Language"] = "ru"
    found: dict[str, str] = {}
    for path in pages(api):
        answer = await browser.client.get(path)
        if answer.headers.get("content-type", "").startswith("text/html"):
            found.update((line, path) for line in english(answer.text))
        assert answer.status_code != 500, path
    await browser.client.aclose()
    assert found == {}


def pages(api: Api) -> list[str]:
    """All addresses, and the pages of an operation and a service in each stage."""
    shown = [one for one in routes(api) if "GET" in (one.methods or ()) and one.path not in NO_PAGES]
    each = [f"{noun}/{number}" for noun in ("operations", "services") for number in range(1, 7)]
    return [path for route in shown for path in addresses(route)] + each
