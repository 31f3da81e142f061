"""`resell restored`: what has to be done once after a backup of the database or of Temporal was brought back."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.decisions import Actor
from cli.printing import Column, number, print_json, print_table, print_text, say_on, short, whole
from cli.session import AsJson, acting_as, opened_database, run_async
from settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders.restoration.record import Restored
    from temporal.restoring import Findings


def add_commands(app: typer.Typer) -> None:
    app.command()(restored)


def restored(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only report what would be done; change nothing")] = False,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="leave this upstream account out, because it does not answer"),
    ] = None,
    temporal_only: Annotated[
        bool,
        typer.Option("--temporal-only", help="only Temporal was restored or lost; the database is as it was"),
    ] = False,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Run this once after a backup was restored, before worker and API start. Nothing is bought.

    The installation gets a new tag. New numbers begin above every number that the upstreams and Temporal show. Every
    unfinished operation is looked for at its upstream before it is sent.
    """
    work = _restored(dry_run, tuple(without or ()), temporal_only, acting_as(actor), say_on(as_json))
    findings, done = run_async(work)
    if as_json:
        return print_json(_document(findings, done, dry_run=dry_run, temporal_only=temporal_only))
    _print(findings, done, dry_run=dry_run, temporal_only=temporal_only)
    return None


async def _restored(
    dry_run: bool, without: tuple[str, ...], temporal_only: bool, actor: str, say: "Callable[[str], None]"
) -> "tuple[Findings, Restored | None]":
    from temporal.client import connect_client
    from temporal.restoring import Restorer
    from upstreams.connections import Connections

    settings = load_settings()
    connections = Connections.of(settings)
    async with connections, opened_database(settings) as database:
        client = await connect_client(settings, lazy=True)
        restorer = Restorer(database, client, connections, settings.task_queue)
        if not (dry_run or temporal_only):
            await restorer.hold()  # what is found must not change meanwhile
        findings = await restorer.look(without=without, upstreams=not temporal_only, say=say)
        if dry_run:
            return findings, None
        if temporal_only:
            await restorer.begin_anew(findings, actor=actor)
            return findings, None
        return findings, await restorer.restore(findings, actor=actor)


def _print(findings: "Findings", done: "Restored | None", *, dry_run: bool, temporal_only: bool) -> None:
    from orders.restoration.numbers import in_words

    if findings.lost_numbers:
        print(f"the database is older: {in_words(findings.lost_numbers)} were given elsewhere and are not in it")
    for words in findings.incomplete:
        print_text(f"warning: the list was not read completely: {words}")
    print()
    print("Orders that the database does not know. Their workflows are ended; inform whoever ordered:")
    columns = [whole("workflow"), whole("stage"), whole("upstream"), whole("started (UTC)"), whole("runs")]
    lost = [[one.workflow_id, one.stage, one.upstream, short(one.started_at), one.runs] for one in findings.lost_runs]
    print_table(columns, lost, nothing="none")
    print()
    print("Unfinished operations. Cancel those that are not wanted any more before you start the worker:")
    columns = [number("operation"), number("service"), whole("kind"), whole("stage"), Column("what follows")]
    rows = [
        [one.operation.id, one.service.id, one.operation.kind.value, one.operation.stage.value,
         "begins anew as recorded" if temporal_only else one.next_step]
        for one in findings.operations
    ]  # fmt: skip
    print_table(columns, rows, nothing="none")
    if not temporal_only:
        print()
        print("Items with a mark of ours that are no service. Adopt or link them; nothing is done to them here:")
        columns = [whole("upstream"), whole("item"), whole("type"), whole("status"), whole("mark"), Column("name")]
        orphans = [
            [one.upstream, one.number, one.product_type, one.status, one.mark, one.name] for one in findings.orphans
        ]
        print_table(columns, orphans, nothing="none")
    print()
    if dry_run:
        print("dry run, nothing is changed")
    elif done is None:
        print("done: the sweep starts the workflows anew. Start worker and API")
    else:
        first = done.next_numbers
        print(f"done: tag {done.tag} instead of {done.former_tag}")
        print(f"the next service is {first['service']}, the next operation {first['operation']}")
        print("Start worker and API")


def _document(
    findings: "Findings", done: "Restored | None", *, dry_run: bool, temporal_only: bool
) -> dict[str, object]:
    return {
        "done": not dry_run,
        "lost_numbers": findings.lost_numbers,
        "seen_numbers": findings.seen,
        "incomplete_lists": findings.incomplete,
        "lost_orders": [
            {
                "workflow": one.workflow_id,
                "service": one.service,
                "operation": one.operation,
                "stage": one.stage,
                "upstream": one.upstream,
                "started_at": one.started_at,
                "was_running": one.runs,
            }
            for one in findings.lost_runs
        ],
        "unfinished_operations": [
            {
                "operation": one.operation.id,
                "service": one.service.id,
                "kind": one.operation.kind.value,
                "searched_first": one.is_suspected and not temporal_only,
            }
            for one in findings.operations
        ],
        "orphans": [
            {
                "upstream": one.upstream,
                "number": one.number,
                "product_type": one.product_type,
                "status": one.status,
                "name": one.name,
                "mark": one.mark,
            }
            for one in findings.orphans
        ],
        "former_tag": done.former_tag if done else None,
        "tag": done.tag if done else None,
        "next_service": done.next_numbers["service"] if done else None,
        "next_operation": done.next_numbers["operation"] if done else None,
    }
