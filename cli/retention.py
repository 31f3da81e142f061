"""`resell retention`: for how long things are kept, and what was removed when."""

from typing import TYPE_CHECKING

import typer

from cli.exporting import Format, Listing
from cli.listing import DEFAULT_LIMIT, Cursor, Limit
from cli.printing import Column, number, short
from cli.session import AsJson, opened_database

if TYPE_CHECKING:
    from orders.views import AuditView, Page, PageRequest

KINDS = ("events", "hints", "stages", "snapshots", "messages", "deliveries", "tries", "quotes", "batches", "terms")


def add_commands(app: typer.Typer) -> None:
    app.command("retention")(retention)


def retention(
    written: Format = None, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None, as_json: AsJson = False
) -> None:
    """Show what the daily runs removed because of its age, newest first."""
    return LISTING.show(_runs, written=written, limit=limit, cursor=cursor, as_json=as_json)


LISTING = Listing(
    "orders.views:AuditView",
    [Column("at"), *(number(kind) for kind in KINDS), number("seconds")],
    lambda one: [short(one.at), *(one.detail.get(kind, "0") for kind in KINDS), one.detail.get("seconds")],
    "nothing was looked at yet: the worker does it once a day",
)


async def _runs(ask: "PageRequest") -> "Page[AuditView]":
    from orders.retention import SUBJECT, SUBJECT_NUMBER
    from orders.views import list_audit

    async with opened_database() as database, database.read() as session:
        return await list_audit(session, ask, subject=SUBJECT, number=SUBJECT_NUMBER)
