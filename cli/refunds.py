"""`resell refunds`: what the upstreams paid back; say for which operation, or that it is for none."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.decisions import Actor
from cli.exporting import Format, Listing
from cli.listing import DEFAULT_LIMIT, HIGHEST_NUMBER, Cursor, Limit, OfService, group
from cli.printing import Column, number, print_fields, print_json, print_text, shown, whole
from cli.session import AsJson, acting_as, opened_database, run_async
from cli.source import opened_source
from models.enums import RefundState

if TYPE_CHECKING:
    from orders.money.refund_views import RefundView
    from orders.views import Page, PageRequest

Number = Annotated[int, typer.Argument(metavar="N", help="number of the refund", max=HIGHEST_NUMBER)]
Reason = Annotated[str, typer.Option(help="why; written to the audit log")]


LISTING = Listing(
    "orders.money.refund_views:RefundView",
    [number("number"), whole("state"), whole("upstream"), whole("day"), number("amount"), whole("item"),
     number("service"), number("operation"), Column("why")],
    lambda one: [one.number, one.state.value, one.upstream, one.on, one.amount, one.item, one.service, one.operation,
                 one.why],
    "no refunds",
)  # fmt: skip


def add_commands(app: typer.Typer) -> None:
    made = group(app, "refunds", "List what the upstreams paid back; say what it is for.", refunds, show)
    made.command()(assign)
    made.command()(ignore)


def refunds(
    context: typer.Context,
    unmatched: Annotated[
        bool, typer.Option("--unmatched", help="only those that belong to no operation for certain: a person decides")
    ] = False,
    state: Annotated[
        list[RefundState] | None, typer.Option(metavar="STATE", help=f"only these: {', '.join(RefundState)}")
    ] = None,
    service: OfService = None,
    operation: Annotated[
        list[int] | None,
        typer.Option("--operation", metavar="N", help="only of this operation", max=HIGHEST_NUMBER),
    ] = None,
    written: Format = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    if context.invoked_subcommand is not None:
        return None
    states = [*(state or []), *([RefundState.OPEN] if unmatched else [])]

    async def read(ask: "PageRequest") -> "Page[RefundView]":
        async with opened_source() as source:
            return await source.refunds(ask, state=states or None, service=service, operation=operation)

    return LISTING.show(read, written=written, limit=limit, cursor=cursor, as_json=as_json)


def show(refund: Number, as_json: AsJson = False) -> None:
    """Show a refund: the row that shows it, and what it is for."""
    view = run_async(_found(refund))
    if as_json:
        return print_json(view)
    return print_fields(
        [
            ("refund", f"{view.number}: {view.amount}"),
            ("state", view.state.value),
            ("upstream", view.upstream),
            ("shown by", f"{view.source.value} {view.row}"),
            ("day", view.on),
            ("item", view.item),
            ("text", view.text),
            ("service", view.service),
            ("operation", view.operation),
            ("why", view.why),
            ("seen", f"{shown(view.seen_at)} UTC"),
            ("decided", f"{shown(view.decided_at)} UTC by {view.decided_by}" if view.decided_at else ""),
            ("because", view.reason),
        ]
    )


async def _found(refund: int) -> "RefundView":
    from orders.money.refund_views import find_refund

    async with opened_database() as database, database.read() as session:
        return await find_refund(session, refund)


def assign(
    refund: Number,
    operation: Annotated[int, typer.Argument(metavar="OPERATION", help="its number", max=HIGHEST_NUMBER)],
    reason: Reason,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Say for which operation a sum was paid back. Nothing is sent."""
    _say(run_async(_assigned(refund, operation, acting_as(actor), reason)), as_json)


async def _assigned(refund: int, operation: int, actor: str, reason: str) -> "RefundView":
    async with opened_source() as source:
        return await source.assign_refund(refund, operation, actor, reason)


def ignore(refund: Number, reason: Reason, actor: Actor = None, as_json: AsJson = False) -> None:
    """Say that a sum belongs to no operation of ours."""
    _say(run_async(_ignored(refund, acting_as(actor), reason)), as_json)


async def _ignored(refund: int, actor: str, reason: str) -> "RefundView":
    async with opened_source() as source:
        return await source.ignore_refund(refund, actor, reason)


def _say(view: "RefundView", as_json: bool) -> None:
    if as_json:
        print_json(view)
        return
    whose = f"written to operation {view.operation}" if view.operation else view.state.value
    print_text(f"refund {view.number} ({view.amount}) is {whose} by {view.decided_by}: {view.reason}")
