"""`resell sweep`: have all services compared with their items at the upstreams now; `show`: what that found."""

from typing import TYPE_CHECKING

import typer

from cli.decisions import Actor
from cli.exporting import Format, Listing
from cli.listing import group
from cli.printing import number, print_json, short, whole
from cli.session import AsJson, acting_as, opened_database, run_async

if TYPE_CHECKING:
    from orders.events.sweep_views import SweepView


def add_commands(app: typer.Typer) -> None:
    group(app, "sweep", "Compare all services with their upstreams now; show what that found.", sweep, show)


def sweep(context: typer.Context, actor: Actor = None, as_json: AsJson = False) -> None:
    if context.invoked_subcommand is not None:
        return None
    lists = run_async(_ask(acting_as(actor)))
    if as_json:
        return print_json({"lists": lists})
    return print(f"{lists} lists are to be compared by the pollers; see: resell sweep show")


async def _ask(actor: str) -> int:
    from orders.events.sweeps import ask

    async with opened_database() as database, database.write() as session:
        return await ask(session, actor)


def show(written: Format = None, as_json: AsJson = False) -> None:
    """Show for each list when it was compared last, and what that found."""
    return LISTING.show_all(run_async(_sweeps()), written=written, as_json=as_json)


LISTING = Listing(
    "orders.events.sweep_views:SweepView",
    [
        whole("upstream"),
        whole("type"),
        whole("asked (UTC)"),
        whole("by"),
        whole("ended (UTC)"),
        number("seconds"),
        number("compared"),
        number("unlisted"),
        number("missed"),
        number("in all"),
    ],
    lambda one: [
        one.upstream,
        one.product_type,
        short(one.asked_at),
        one.asked_by,
        _ended(one),
        one.seconds,
        one.compared,
        one.unlisted,
        one.missed,
        one.missed_in_all,
    ],
    "no sweep yet",
)


def _ended(one: "SweepView") -> str:
    return "due" if one.due or one.ended_at is None else short(one.ended_at)


async def _sweeps() -> "list[SweepView]":
    from orders.events.sweep_views import list_sweeps

    async with opened_database() as database, database.read() as session:
        return await list_sweeps(session)
