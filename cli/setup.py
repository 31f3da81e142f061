"""`resell setup FILE`: load a catalogue."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failures import Failure
from cli.printing import print_json, print_text, under_way
from cli.session import AsJson, opened_database, opened_resellflow, os_user, run_async
from settings import load_settings

if TYPE_CHECKING:
    from catalogue.loading import Change, Report
    from catalogue.problems import CatalogueInvalid

POLLER_SECONDS = 3.0


def add_commands(app: typer.Typer) -> None:
    app.command()(setup)


def setup(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="the catalogue file")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would change; change nothing")] = False,
    as_json: AsJson = False,
) -> None:
    """Load upstream accounts, processing modules, tariff plans and their mappings from a TOML file.

    It loads the whole file or nothing of it. Loading the same file again changes nothing. What is not in the file stays
    as it is. To stop selling a plan, set `active = false`.
    """
    from catalogue.problems import CatalogueInvalid

    try:
        report, started = run_async(_setup(file, dry_run))
    except CatalogueInvalid as invalid:
        if as_json:
            print_json(_invalid(invalid))
        for problem in invalid.problems:
            print(f"{file}: {problem}", file=sys.stderr)
        count = len(invalid.problems)
        raise Failure(f"{count} {'mistake' if count == 1 else 'mistakes'} in {file}; nothing was changed") from invalid
    if as_json:
        print_json(_as_json(report, started))
    else:
        _print(report, started)


async def _setup(file: Path, dry_run: bool) -> tuple["Report", list[str]]:
    from catalogue.loading import load

    settings = load_settings()
    async with opened_database(settings) as database:
        report = await load(database, file, actor=os_user(), dry_run=dry_run, plain_http=settings.plain_http_upstreams)
    if dry_run or not report.accounts:
        return report, []
    with under_way("starting the pollers"):
        return report, await _start_pollers(report.accounts)


async def _start_pollers(accounts: list[str]) -> list[str]:
    """Start what can be started now; the worker starts the rest. Returns those started."""
    from temporalio.service import RPCError

    from temporalconfig import TemporalMisconfigured

    started: list[str] = []
    try:
        async with opened_resellflow() as resellflow:
            try:
                async with asyncio.timeout(POLLER_SECONDS):
                    for account in accounts:
                        await resellflow.start_poller(account)
                        started.append(account)
            except (TimeoutError, RPCError, RuntimeError):
                pass
    except TemporalMisconfigured as error:
        print(f"warning: {error}", file=sys.stderr)  # the catalogue is loaded all the same
    return started


def _print(report: "Report", started: list[str]) -> None:
    for change in report.changes:
        print_text(_line(change))
        for one in change.fields:
            print_text(f"    {one.field}: {one.before or '(nothing)'} → {one.after or '(nothing)'}")
    for note in report.notes:
        print_text(f"note: {note}")
    if report.dry_run:
        print("dry run: nothing was changed")
        return
    print("done" if report.changed else "nothing to change")
    left = [name for name in report.accounts if name not in started]
    if started:
        print(f"watched: {', '.join(started)}")
    if left:
        print(f"Temporal can't be reached just now; the worker will start the pollers of: {', '.join(left)}")


def _line(change: "Change") -> str:
    return f"{change.outcome.value:<16} {change.table} {change.name}"


def _as_json(report: "Report", started: list[str]) -> object:
    return {
        "file": str(report.file),
        "dry_run": report.dry_run,
        "changes": [
            {
                "table": change.table,
                "name": change.name,
                "outcome": change.outcome.value.replace(" ", "_"),
                "fields": [{"field": one.field, "from": one.before, "to": one.after} for one in change.fields],
            }
            for change in report.changes
        ],
        "notes": report.notes,
        "pollers_started": started,
        "pollers_left_to_worker": [] if report.dry_run else [name for name in report.accounts if name not in started],
    }


def _invalid(invalid: "CatalogueInvalid") -> object:
    return {
        "file": str(invalid.file),
        "problems": [
            {"table": problem.table, "key": problem.key, "message": problem.message} for problem in invalid.problems
        ],
    }
