"""Links lead somewhere."""

from urllib.parse import urlsplit

import pytest

from tests.docs.pages import ALL, README, Page, anchor
from tests.infrastructure.processes import PROJECT


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.path.name)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page: Page) -> None:
    broken = []
    for link in page.links:
        parts = urlsplit(link)
        if parts.scheme:
            continue
        target = (page.path.parent / parts.path).resolve() if parts.path else page.path
        if not target.exists() or (parts.fragment and parts.fragment not in Page(target).anchors):
            broken.append(link)
    assert broken == []


def test_the_readme_leads_to_every_page() -> None:
    assert {f"docs/{path.name}" for path in (PROJECT / "docs").glob("*.md")} <= set(README.links)


@pytest.mark.parametrize("page", [page for page in ALL if page.contents], ids=lambda page: page.path.name)
def test_the_contents_are_the_sections_of_the_page_each_once(page: Page) -> None:
    assert page.contents == [f"#{anchor(heading)}" for heading in page.sections]
