"""`resell services history N`: what changed of a service, by whom, and from where."""

from typing import TYPE_CHECKING

import typer

from cli.exporting import Format, Listing
from cli.listing import DEFAULT_LIMIT, Cursor, Limit, Number
from cli.printing import Column, whole
from cli.session import AsJson
from cli.source import opened_source

if TYPE_CHECKING:
    from orders.views import HistoryEntry, Page, PageRequest


def add_commands(services: typer.Typer) -> None:
    services.command()(history)


def history(
    service: Number,
    written: Format = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """Show the history of a service, newest first: what changed, old and new value, by whom, and from where."""

    async def read(ask: "PageRequest") -> "Page[HistoryEntry]":
        async with opened_source() as source:
            return await source.history(ask, service)

    return LISTING.show(read, written=written, limit=limit, cursor=cursor, as_json=as_json)


def _changes(entry: "HistoryEntry") -> list[str]:
    return [
        f"{field}: {change.before or '(nothing)'} → {change.after or '(nothing)'}"
        for field, change in entry.changes.items()
    ]


def _cause(entry: "HistoryEntry") -> list[str]:
    operation = f"operation {entry.operation}" if entry.operation else ""
    return [part for part in (operation, entry.note) if part]


LISTING = Listing(
    "orders.views:HistoryEntry",
    [whole("at (UTC)"), whole("by"), whole("what"), Column("changes"), Column("because of")],
    lambda one: [one.at, one.actor, one.action, _changes(one), _cause(one)],
    "no changes",
)
