"""`resell drift`: where our record and an upstream differ; approve or ignore a difference."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from cli.decisions import Actor
from cli.exporting import Format, Listing
from cli.listing import DEFAULT_LIMIT, HIGHEST_NUMBER, Cursor, Limit, OfService, group
from cli.printing import Column, number, print_fields, print_json, print_text, shown, whole
from cli.session import AsJson, acting_as, opened_database, run_async
from models.enums import DriftKind, DriftState

if TYPE_CHECKING:
    from orders.drift.views import DriftView
    from orders.views import Page, PageRequest

Number = Annotated[int, typer.Argument(metavar="N", help="number of the difference", max=HIGHEST_NUMBER)]
Reason = Annotated[str, typer.Option(help="why; written to the audit log")]


LISTING = Listing(
    "orders.drift.views:DriftView",
    [number("number"), whole("kind"), whole("state"), whole("upstream"), whole("item"), number("service"),
     Column("ours"), Column("theirs")],
    lambda one: [one.number, one.kind.value, one.state.value, one.upstream, one.item, one.service, one.ours,
                 one.theirs],
    "no differences",
)  # fmt: skip


def add_commands(app: typer.Typer) -> None:
    drift_group = group(app, "drift", "List differences from the upstreams; approve or ignore one.", drift, show)
    drift_group.command()(approve)
    drift_group.command()(ignore)


def drift(
    context: typer.Context,
    state: Annotated[
        list[DriftState] | None, typer.Option(metavar="STATE", help=f"only these: {', '.join(DriftState)}")
    ] = None,
    kind: Annotated[
        list[DriftKind] | None, typer.Option(metavar="KIND", help=f"only these: {', '.join(DriftKind)}")
    ] = None,
    service: OfService = None,
    written: Format = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    if context.invoked_subcommand is not None:
        return None

    async def read(ask: "PageRequest") -> "Page[DriftView]":
        from orders.drift.views import list_drift

        async with opened_database() as database, database.read() as session:
            return await list_drift(session, ask, state=state, kind=kind, service=service)

    return LISTING.show(read, written=written, limit=limit, cursor=cursor, as_json=as_json)


def show(difference: Number, as_json: AsJson = False) -> None:
    """Show a difference: both values, and who decided what about it."""
    view = run_async(_found(difference))
    if as_json:
        return print_json(view)
    return print_fields(
        [
            ("difference", f"{view.number}: {view.kind.value}"),
            ("state", view.state.value),
            ("upstream", view.upstream),
            ("item", f"{view.product_type} {view.item}"),
            ("service", view.service),
            ("our record", view.ours),
            ("the upstream", view.theirs),
            ("seen", f"{shown(view.seen_at)} UTC"),
            ("decided", f"{shown(view.decided_at)} UTC by {view.decided_by}" if view.decided_at else ""),
            ("because", view.reason),
        ]
    )


async def _found(difference: int) -> "DriftView":
    from orders.drift.views import find_drift

    async with opened_database() as database, database.read() as session:
        return await find_drift(session, difference)


def approve(difference: Number, reason: Reason, actor: Actor = None, as_json: AsJson = False) -> None:
    """Have our record take the upstream's value over. Nothing is sent."""
    from orders.drift.deciding import approve as decide

    _say(run_async(_decided(decide, difference, acting_as(actor), reason)), as_json)


def ignore(difference: Number, reason: Reason, actor: Actor = None, as_json: AsJson = False) -> None:
    """Stop reporting a difference until one of the two values changes."""
    from orders.drift.deciding import ignore as decide

    _say(run_async(_decided(decide, difference, acting_as(actor), reason)), as_json)


async def _decided(decide: Callable[..., Awaitable[None]], difference: int, actor: str, reason: str) -> "DriftView":
    from orders.errors import existing

    async with opened_database() as database, database.write() as session:
        await decide(session, existing("drift", difference), actor=actor, reason=reason)
    return await _found(difference)


def _say(view: "DriftView", as_json: bool) -> None:
    if as_json:
        print_json(view)
    else:
        print_text(f"difference {view.number} is {view.state.value} by {view.decided_by}: {view.reason}")
