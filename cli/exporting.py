"""`--format csv|json`: a whole list, all pages after another, for spreadsheets and programs."""

import json
import sys
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.listing import page_request
from cli.session import run_async

if TYPE_CHECKING:
    from orders.views import Document, Page, PageRequest


class Written(StrEnum):
    CSV = "csv"
    JSON = "json"


Format = Annotated[Written | None, typer.Option("--format", help="the whole list as csv or json, not only a page")]


def print_whole(
    document: "type[Document]", read: "Callable[[PageRequest], Awaitable[Page[Any]]]", written: Written
) -> None:
    """`read` reads a page; `document` is what it has."""
    run_async(_print(document, read, written))


async def _print(
    document: "type[Document]", read: "Callable[[PageRequest], Awaitable[Page[Any]]]", written: Written
) -> None:
    from orders.reading.paging import HIGHEST_LIMIT
    from orders.reading.tables import columns_of, csv_head, csv_rows

    columns = columns_of(document)
    sys.stdout.write(csv_head(columns) if written is Written.CSV else "[")
    cursor: str | None = None
    between = "\n"
    while True:
        page = await read(page_request(HIGHEST_LIMIT, cursor))
        items = [one.model_dump(mode="json") for one in page.items]
        if written is Written.CSV:
            sys.stdout.write(csv_rows(columns, items))
        else:
            for item in items:
                sys.stdout.write(between + json.dumps(item, ensure_ascii=False))
                between = ",\n"
        cursor = page.next_cursor
        if cursor is None:
            break
    sys.stdout.write("" if written is Written.CSV else "\n]\n")
