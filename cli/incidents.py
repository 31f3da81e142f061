"""`resell incidents`: what must not happen and has happened, or may have; and say that it is explained."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.decisions import Actor
from cli.exporting import Format, Listing
from cli.listing import DEFAULT_LIMIT, HIGHEST_NUMBER, Cursor, Limit, OfService, group
from cli.printing import Column, number, print_fields, print_json, print_text, short, shown, whole
from cli.session import AsJson, acting_as, run_async
from cli.source import opened_source
from models.enums import IncidentKind

if TYPE_CHECKING:
    from orders.views import IncidentView, Page, PageRequest

Incident = Annotated[int, typer.Argument(metavar="N", help="number of the incident", max=HIGHEST_NUMBER)]


def add_commands(app: typer.Typer) -> None:
    incidents_group = group(
        app, "incidents", "List incidents, newest first; close one.", incidents,
        show,
    )  # fmt: skip
    incidents_group.command()(close)


def incidents(
    context: typer.Context,
    is_open: Annotated[
        bool | None,
        typer.Option("--open/--closed", help="only incidents that nobody has closed yet, or only closed ones"),
    ] = None,
    service: OfService = None,
    kind: Annotated[
        list[IncidentKind] | None, typer.Option(metavar="KIND", help=f"only of this kind: {', '.join(IncidentKind)}")
    ] = None,
    written: Format = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    if context.invoked_subcommand is not None:
        return None

    async def read(ask: "PageRequest") -> "Page[IncidentView]":
        async with opened_source() as source:
            return await source.incidents(ask, is_open=is_open, service=service, kind=kind)

    return LISTING.show(read, written=written, limit=limit, cursor=cursor, as_json=as_json)


def _state(incident: "IncidentView") -> str:
    return "OPEN" if incident.open else "closed"


LISTING = Listing(
    "orders.views:IncidentView",
    [number("number"), whole("kind"), whole("state"), number("service"), number("operation"), whole("at (UTC)"),
     Column("what happened")],
    lambda one: [one.number, one.kind.value, _state(one), one.service, one.operation, short(one.at), one.message],
    "no incidents",
)  # fmt: skip


def show(incident: Incident, as_json: AsJson = False) -> None:
    """Show an incident: what happened, and what a person should do."""
    view = run_async(_incident(incident))
    if as_json:
        return print_json(view)
    return print_fields(
        [
            ("incident", f"{view.number}: {view.kind.value}"),
            ("state", _state(view)),
            ("what happened", view.message),
            ("service", view.service),
            ("operation", view.operation),
            ("detail", view.detail),
            ("noticed", f"{shown(view.at)} UTC"),
            ("closed", f"{shown(view.closed_at)} UTC by {view.closed_by}" if view.closed_at else ""),
            ("it was", view.closing_note),
        ]
    )


async def _incident(incident: int) -> "IncidentView":
    async with opened_source() as source:
        return await source.incident(incident)


def close(
    incident: Incident,
    note: Annotated[str, typer.Option(help="what it was, and what was done about it; written to the audit log")],
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Close an incident that is explained. Nothing else changes."""
    view = run_async(_closed(incident, acting_as(actor), note))
    if as_json:
        print_json(view)
    else:
        print_text(f"incident {view.number} is closed by {view.closed_by}: {view.closing_note}")


async def _closed(incident: int, actor: str, note: str) -> "IncidentView":
    async with opened_source() as source:
        return await source.close_incident(incident, actor, note)
