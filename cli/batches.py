"""`resell operations batch ACTION`, `batch-run N`: one decision about many operations."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli.listing import Number, OfService
from cli.printing import Column, number, print_json, print_table, print_text, under_way, whole
from cli.session import AsJson, acting_as, run_async, valid
from cli.source import opened_office, opened_source, run_batch
from models.enums import OperationKind, Stage

if TYPE_CHECKING:
    from orders.decisions.batch_views import BatchView
    from orders.decisions.batches import BatchRequest

Actor = Annotated[
    str | None, typer.Option("--actor", "--as", help="who does it, for the audit log (default: the user of this shell)")
]


class Action(StrEnum):
    RETRY = "retry"
    LOOK_NOW = "look-now"
    CANCEL = "cancel"
    ACCEPT_PRICE = "accept-price"
    ASSIGN = "assign"


def add_commands(operations: typer.Typer) -> None:
    operations.command("batch")(batch)
    operations.command("batch-run")(batch_run)


def batch(
    action: Annotated[Action, typer.Argument(metavar="ACTION", help=", ".join(Action))],
    reason: Annotated[str, typer.Option(help="why; written to the audit log of each")],
    stage: Annotated[list[Stage] | None, typer.Option(metavar="STAGE", help="in this stage; may be repeated")] = None,
    kind: Annotated[
        list[OperationKind] | None, typer.Option(metavar="KIND", help="of this kind; may be repeated")
    ] = None,
    service: OfService = None,
    upstream: Annotated[list[str] | None, typer.Option(help="at this upstream account; may be repeated")] = None,
    reference: Annotated[list[str] | None, typer.Option(help="with this reference; may be repeated")] = None,
    to: Annotated[str | None, typer.Option(metavar="PERSON", help="for assign: who has the tasks from then on")] = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Show what a decision about many operations would do. Nothing is changed: `batch-run` carries it out."""
    from orders.decisions.batches import BatchFilter, BatchRequest

    given = {"stage": stage, "kind": kind, "service": service, "upstream": upstream, "reference": reference}
    wanted = valid(BatchFilter, **{name: values for name, values in given.items() if values})
    word = action.value.replace("-", "_")
    asked = valid(BatchRequest, filter=wanted, action=word, reason=reason, assignee=to, dry_run=True)
    view = run_async(_preview(asked, acting_as(actor)))
    if as_json:
        return print_json(view)
    _print(view)
    return print_text(f"carry it out with: resell operations batch-run {view.number}")


def batch_run(batch: Number, actor: Actor = None, as_json: AsJson = False) -> None:
    """Carry a preview out, to its end. It may be repeated. The exit status is 0 only if nothing was refused."""
    with under_way(f"carrying out batch {batch}"):
        view = run_async(_run(batch, acting_as(actor)))
    if as_json:
        print_json(view)
    else:
        _print(view)
        if "taken" in view.counts:
            print_text("what is taken belongs to another run, or to one that died: run it again in 5 minutes")
    raise typer.Exit(1 if any(one.state == "refused" for one in view.items) else 0)


def _print(view: "BatchView") -> None:
    counts = ", ".join(f"{count} {state.value}" for state, count in view.counts.items())
    print_text(f"batch {view.number}: {view.action}: {counts}")
    rows = [[one.operation, one.state.value, one.message] for one in view.items]
    print_table([number("operation"), whole("state"), Column("message")], rows, nothing="no operations")


async def _preview(asked: "BatchRequest", actor: str) -> "BatchView":
    async with opened_source() as source:
        return await source.preview_batch(asked, actor)


async def _run(number: int, actor: str) -> "BatchView":
    async with opened_office() as office:
        return await run_batch(office, number, actor)
