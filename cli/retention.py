"""`resell retention`: for how long things are kept, and what was removed when."""

from typing import TYPE_CHECKING

import typer

from cli.listing import DEFAULT_LIMIT, Limit, page_request
from cli.printing import Column, number, print_json, print_table, short
from cli.session import AsJson, opened_database, run_async

if TYPE_CHECKING:
    from orders.views import AuditView, Page, PageRequest

KINDS = ("events", "hints", "stages", "snapshots", "messages", "deliveries", "tries", "quotes", "batches", "terms")


def add_commands(app: typer.Typer) -> None:
    app.command("retention")(retention)


def retention(limit: Limit = DEFAULT_LIMIT, as_json: AsJson = False) -> None:
    """Show what the daily runs removed because of its age, newest first."""
    page = run_async(_runs(page_request(limit)))
    if as_json:
        return print_json(page)
    columns = [Column("at"), *(number(kind) for kind in KINDS), number("seconds")]
    rows = [
        [short(one.at), *(one.detail.get(kind, "0") for kind in KINDS), one.detail.get("seconds")] for one in page.items
    ]
    return print_table(columns, rows, nothing="nothing was looked at yet: the worker does it once a day")


async def _runs(ask: "PageRequest") -> "Page[AuditView]":
    from orders.retention import SUBJECT, SUBJECT_NUMBER
    from orders.views import list_audit

    async with opened_database() as database, database.read() as session:
        return await list_audit(session, ask, subject=SUBJECT, number=SUBJECT_NUMBER)
