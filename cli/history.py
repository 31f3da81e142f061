"""`resell services history N`: what changed of a service, by whom, and from where."""

from typing import TYPE_CHECKING

import typer

from cli.listing import DEFAULT_LIMIT, Cursor, Limit, Number, page_request, say_more
from cli.printing import Column, print_json, print_table, whole
from cli.session import AsJson, opened_database, run_async

if TYPE_CHECKING:
    from orders.views import HistoryEntry, Page, PageRequest


def add_commands(services: typer.Typer) -> None:
    services.command()(history)


def history(service: Number, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None, as_json: AsJson = False) -> None:
    """Show the history of a service, newest first: what changed, old and new value, by whom, and from where."""
    page = run_async(_history(service, page_request(limit, cursor)))
    if as_json:
        return print_json(page)
    columns = [whole("at (UTC)"), whole("by"), whole("what"), Column("changes"), Column("because of")]
    rows = [[one.at, one.actor, one.action, _changes(one), _cause(one)] for one in page.items]
    print_table(columns, rows, nothing="no changes")
    return say_more(page)


def _changes(entry: "HistoryEntry") -> list[str]:
    return [
        f"{field}: {change.before or '(nothing)'} → {change.after or '(nothing)'}"
        for field, change in entry.changes.items()
    ]


def _cause(entry: "HistoryEntry") -> list[str]:
    operation = f"operation {entry.operation}" if entry.operation else ""
    return [part for part in (operation, entry.note) if part]


async def _history(service: int, ask: "PageRequest") -> "Page[HistoryEntry]":
    from orders.views import list_history

    async with opened_database() as database, database.read() as session:
        return await list_history(session, ask, service=service)
