"""What every list does: a table, `--json` for a page of it, `--format csv|json` for all of it."""

import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.listing import page_request, say_more
from cli.printing import Column, print_json, print_table
from cli.session import run_async

if TYPE_CHECKING:
    from orders.views import Document, Page, PageRequest


class Written(StrEnum):
    CSV = "csv"
    JSON = "json"


Format = Annotated[Written | None, typer.Option("--format", help="the whole list as csv or json, not only a page")]


@dataclass(frozen=True)
class Listing:
    """How a list is shown. `document` is what it has, as `module:name`, so that it is loaded only where needed."""

    document: str
    columns: Sequence[Column]
    row: Callable[[Any], Sequence[object]]
    nothing: str
    """The sentence for an empty list."""

    def show(
        self,
        read: "Callable[[PageRequest], Coroutine[object, object, Page[Any]]]",
        *,
        written: Written | None,
        limit: int,
        cursor: str | None,
        as_json: bool,
    ) -> None:
        """`read` reads a page."""
        if written is not None:
            return run_async(_write(self._fields(), _each_page(read), written))
        page = run_async(read(page_request(limit, cursor)))
        if as_json:
            return print_json(page)
        self.table(page.items)
        return say_more(page)

    def show_all(self, items: "Sequence[Document]", *, written: Written | None, as_json: bool) -> None:
        """A list that has no pages."""
        if written is not None:
            return write_rows(self._fields(), _as_json(items), written)
        return print_json({"items": items}) if as_json else self.table(items)

    def _fields(self) -> list[str]:
        from orders.tables import columns_of

        return columns_of(resolve_name(self.document))

    def table(self, items: Sequence[Any]) -> None:
        print_table(self.columns, [self.row(one) for one in items], nothing=self.nothing)


def write_rows(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], written: Written) -> None:
    """A list whose rows are no documents, all of it."""
    run_async(_write(columns, _one_page(rows), written))


async def _each_page(
    read: "Callable[[PageRequest], Coroutine[object, object, Page[Any]]]",
) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    from orders.reading.paging import HIGHEST_LIMIT

    cursor: str | None = None
    while True:
        page = await read(page_request(HIGHEST_LIMIT, cursor))
        yield _as_json(page.items)
        cursor = page.next_cursor
        if cursor is None:
            return


async def _one_page(rows: Sequence[Mapping[str, Any]]) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    yield rows


def _as_json(items: "Sequence[Document]") -> list[dict[str, Any]]:
    return [one.model_dump(mode="json") for one in items]


async def _write(columns: Sequence[str], pages: AsyncIterator[Sequence[Mapping[str, Any]]], written: Written) -> None:
    from orders.tables import csv_head, csv_rows

    sys.stdout.write(csv_head(columns) if written is Written.CSV else "[")
    between = "\n"
    async for rows in pages:
        if written is Written.CSV:
            sys.stdout.write(csv_rows(columns, rows))
        else:
            for row in rows:
                sys.stdout.write(between + json.dumps(row, ensure_ascii=False))
                between = ",\n"
    sys.stdout.write("" if written is Written.CSV else "\n]\n")
