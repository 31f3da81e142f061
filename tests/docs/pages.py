"""The pages for people, taken apart: headings, links, tables, blocks of code, commands."""

import re
import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.infrastructure.processes import PROJECT

_FENCE = re.compile(r"(?ms)^( *)```(\w*)\n(.*?)^ *```$")
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(?<!!)\[[^\]\n]+\]\(([^)\s]+)\)")
PROGRAMS = ("make", "resell", "python", "temporal", "curl")


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """Without blocks of code."""
        return _FENCE.sub("", self.text)

    @cached_property
    def headings(self) -> list[str]:
        return re.findall(r"(?m)^#+ (.+)$", self.prose)

    @property
    def anchors(self) -> set[str]:
        """What a link may point to, as GitHub makes it from the headings."""
        return {anchor(heading) for heading in self.headings}

    @property
    def contents(self) -> list[str]:
        """The links of its table of contents, the first list of links to its own headings; empty: it has none."""
        found = re.search(r"(?m)(?:^- \[[^\]\n]+\]\(#[^)\s]+\).*\n)+", self.prose)
        return _LINK.findall(found[0]) if found else []

    @property
    def sections(self) -> list[str]:
        """Headings of the second rank."""
        return re.findall(r"(?m)^## (.+)$", self.prose)

    @property
    def links(self) -> list[str]:
        return _LINK.findall(self.prose)

    def blocks(self, language: str) -> list[str]:
        return [text for _, kind, text in _FENCE.findall(self.text) if kind == language]

    def section(self, heading: str) -> str:
        """What stands under a heading, up to the next of its rank or a higher one."""
        found = re.search(rf"(?m)^(#+) {re.escape(heading)}$", self.text)
        assert found is not None, f"{self.path.name} has no heading {heading!r}"
        rest = self.text[found.end() :]
        return re.split(rf"(?m)^#{{1,{len(found[1])}}} ", rest, maxsplit=1)[0]

    @cached_property
    def typed(self) -> list[str]:
        """Commands to be typed as they stand: the lines of the shell blocks."""
        lines: list[str] = []
        for block in self.blocks("sh"):
            lines += [line.strip() for line in block.replace("\\\n", " ").splitlines()]
        return [line for line in lines if line.split(maxsplit=1)[:1] and line.split()[0] in PROGRAMS]

    @cached_property
    def mentioned(self) -> list[str]:
        """Commands in the text, perhaps without all that they need."""
        return [span for span in _SPAN.findall(self.prose) if span.split()[0] in PROGRAMS and " " in span]


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def table(text: str) -> list[list[str]]:
    """The cells of every table row in a text, headers and rules left out."""
    rows = re.findall(r"(?m)^\|(.+)\|$", text)
    cells = [[cell.strip() for cell in row.split("|")] for row in rows]
    heads = {index - 1 for index, row in enumerate(cells) if set(row[0]) <= {"-", ":"} and row[0]}
    return [row for index, row in enumerate(cells) if index not in heads and index - 1 not in heads]


def words(command: str) -> list[str]:
    return shlex.split(command, comments=True)


README = Page(PROJECT / "README.md")
ARCHITECTURE = Page(PROJECT / "docs" / "architecture.md")
OPERATIONS = Page(PROJECT / "docs" / "operations.md")
WEBHOOKS = Page(PROJECT / "docs" / "webhooks.md")
PRICES = Page(PROJECT / "docs" / "prices.md")
ENCRYPTION = Page(PROJECT / "docs" / "encryption.md")
METRICS = Page(PROJECT / "docs" / "metrics.md")
OURS = (README, ARCHITECTURE, OPERATIONS, WEBHOOKS, PRICES, ENCRYPTION, METRICS)
ALL = (README, *(Page(path) for path in sorted((PROJECT / "docs").glob("*.md"))))
