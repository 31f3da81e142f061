"""What people and programs see: tables, lines, JSON, and that something is under way."""

import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from pydantic_core import to_jsonable_python
from rich.console import Console
from rich.table import Table
from rich.text import Text

from models.untrusted_text import visible_lines
from output_encoding import encodes_everything

SLOW_SECONDS = 1.0
GAP = 2
LEAST_WORDS = 8


@dataclass(frozen=True)
class Column:
    """`whole`: never broken into lines (numbers, times, names that are typed again). `right`: for figures."""

    title: str
    whole: bool = False
    right: bool = False


def number(title: str) -> Column:
    return Column(title, whole=True, right=True)


def whole(title: str) -> Column:
    return Column(title, whole=True)


def print_json(value: object) -> None:
    """Indented, with money as exact text and times in ISO 8601."""
    text = json.dumps(to_jsonable_python(value), indent=2, ensure_ascii=not encodes_everything(sys.stdout))
    print("\n".join(line if line.isprintable() else _escaped(line) for line in text.split("\n")))


def _escaped(line: str) -> str:
    """What does something to a terminal, written the way JSON writes such characters; it is within a string."""
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in line)


def print_text(text: str) -> None:
    """Print words of others: line by line, with nothing in them that does something to a terminal."""
    print(visible_lines(text))


def say_on(as_json: bool) -> Callable[[str], None]:
    """Says a line at once; on stderr where stdout is for JSON."""

    def say(text: str) -> None:
        print(visible_lines(text), file=sys.stderr if as_json else sys.stdout, flush=True)

    return say


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[object]], *, nothing: str) -> None:
    """For a terminal a table that fits it; otherwise plain columns, each row one line whatever its length."""
    texts = [[shown(cell) for cell in row] for row in rows]
    if not texts:
        print(nothing)
    elif not (sys.stdout.isatty() and _print_fitting(columns, texts)):
        _print_plain(columns, texts)


def _print_fitting(columns: Sequence[Column], rows: list[list[str]]) -> bool:
    """False, and nothing printed, if the terminal is so narrow that something would be cut off."""
    console = Console(highlight=False)
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    needed = GAP * len(columns)
    for index, column in enumerate(columns):
        longest = max(len(column.title), *(len(row[index]) for row in rows))
        least = longest if column.whole else min(longest, max(len(column.title), LEAST_WORDS))
        needed += least
        table.add_column(
            column.title,
            no_wrap=column.whole,
            min_width=least,
            overflow="fold",
            justify="right" if column.right else "left",
        )
    if needed > console.width:
        return False
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)
    return True


def _print_plain(columns: Sequence[Column], rows: list[list[str]]) -> None:
    lines = [[column.title for column in columns], *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        cells = [
            cell.rjust(width) if column.right else cell.ljust(width)
            for column, cell, width in zip(columns, line, widths, strict=True)
        ]
        print((" " * GAP).join(cells).rstrip())


def short(when: datetime | None) -> str:
    """A time as it fits into a list: month, day, hour and minute, in UTC."""
    return "" if when is None else f"{when.astimezone(UTC):%m-%d %H:%M}"


def print_fields(fields: Sequence[tuple[str, object]]) -> None:
    """One thing, a field a line; what is empty is left out."""
    there = [(name, shown(value)) for name, value in fields if shown(value)]
    width = max((len(name) for name, _ in there), default=0)
    for name, value in there:
        print(f"{name.ljust(width)}  {value}")


def shown(value: object) -> str:
    """A value as people read it; times are in UTC."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        case Decimal():
            return f"{value:.2f}"
        case dict():
            return ", ".join(f"{name}={shown(one)}" for name, one in value.items())
        case list() | tuple():
            return ", ".join(shown(one) for one in value)
    return visible_lines(str(value))


@contextmanager
def under_way(what: str) -> Iterator[None]:
    """Say on stderr what is being waited for, if it takes more than a second."""
    if sys.stderr.isatty():
        with Console(stderr=True).status(f"{what} …", spinner="line"):
            yield
        return
    timer = threading.Timer(SLOW_SECONDS, lambda: print(f"{what} …", file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
