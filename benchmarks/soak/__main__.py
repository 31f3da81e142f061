"""The command line: `python -m benchmarks.soak`. The report goes to standard output, all else to standard error."""

import asyncio
import random
import traceback
from pathlib import Path
from typing import Annotated

import typer

import process_exit
from benchmarks.soak.options import DatabaseKind, Options, Story
from benchmarks.soak.report import Report
from benchmarks.soak.running import finish, progress, running
from benchmarks.soak.stories import tell

D = Options()
Seed = Annotated[int | None, typer.Option(help="What is asked for and what breaks follow from it. Default: new.")]
Minutes = Annotated[float, typer.Option(min=0.01, help="How long operations are asked for while things break.")]
Database = Annotated[DatabaseKind, typer.Option(help="postgresql: a server of the run's own, which is restarted, too.")]
Rate = Annotated[float, typer.Option(min=0.1, help="Requests a second that storefronts try to make.")]
Tale = Annotated[Story | None, typer.Option(help="One particular outage instead of random ones.")]
Away = Annotated[float, typer.Option(min=0, help="Seconds of the story's outage; 0: 30 of the stores, else 60.")]
Orders = Annotated[int, typer.Option(min=1, help="Orders that the story has under way.")]
Patience = Annotated[float, typer.Option(min=1, help="Seconds of quiet within which everything must have ended.")]
Directory = Annotated[Path | None, typer.Option(help="Keep data and logs here.", file_okay=False)]
JsonFile = Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write the report to this file, too.")]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    seed: Seed = None,
    minutes: Minutes = D.minutes,
    database: Database = D.database,
    rate: Rate = D.rate,
    story: Tale = None,
    away: Away = D.away,
    orders: Orders = D.orders,
    patience: Patience = D.patience,
    directory: Directory = None,
    json_file: JsonFile = None,
) -> None:
    """Break everything at random while storefronts order, and audit the books afterwards. Status 1: a promise broke."""
    options = Options(
        seed=random.randrange(10**6) if seed is None else seed,  # noqa: S311
        minutes=minutes,
        database=database,
        rate=rate,
        story=story,
        away=away,
        orders=orders,
        patience=patience,
        directory=directory,
    )
    process_exit.leave(_status(options, json_file))


def _status(options: Options, json_file: Path | None) -> int:
    try:
        report = asyncio.run(_run(options))
    except KeyboardInterrupt:
        return 130
    except Exception:  # of whatever kind: it is printed, and the status says so
        traceback.print_exc()  # here, because an interpreter that has used Temporal must not end in the ordinary way
        return 1
    text = report.model_dump_json(indent=2)
    if json_file is not None:
        json_file.write_text(text + "\n")
    print(text)
    return _told(report)


async def _run(options: Options) -> Report:
    """Raises RuntimeError if a part does not start."""
    async with running(options) as run:
        if options.story is None:
            progress(f"Seed {options.seed}: trouble for {run.seconds:g} s")
            await run.trouble()
        else:
            await tell(run)
        return await finish(run)


def _told(report: Report) -> int:
    """The exit status; says what was violated, and with which seed it is found again."""
    for found in report.violations:
        progress(f"VIOLATION (seed {report.options.seed}): {found.what}")
        for line in found.timeline:
            progress(f"    {line}")
    progress(f"{report.operations} operations, {len(report.violations)} violations, seed {report.options.seed}")
    return 1 if report.violations else 0


if __name__ == "__main__":
    app(prog_name="python -m benchmarks.soak")
