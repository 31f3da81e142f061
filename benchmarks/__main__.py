"""The command line: `python -m benchmarks`. The report alone goes to standard output, the rest to standard error."""

import asyncio
import signal
import traceback
from pathlib import Path
from typing import Annotated

import typer

import process_exit
from benchmarks.options import Options, PlacedThrough, TemporalStore
from benchmarks.report import Report
from benchmarks.running import measure, progress
from stack.processes import StackFailed

D = Options()
D_CONCURRENCY = ",".join(map(str, D.concurrency))
Orders = Annotated[int, typer.Option(min=1, help="Orders to measure, and as many bare workflows.")]
Concurrency = Annotated[str, typer.Option(metavar="N,N,…", help="How many are under way at once; a load for each.")]
WarmUp = Annotated[int, typer.Option(min=1, help="Orders and bare workflows before the measured ones.")]
RoundTrip = Annotated[float, typer.Option(min=0, help="Milliseconds that each request to the upstream takes.")]
OpeningDelay = Annotated[float, typer.Option(min=0, help="Seconds from the upstream's yes to an active item.")]
Existing = Annotated[
    int, typer.Option(min=0, help="Services on a second account: measure its first look, and orders there.")
]
Through = Annotated[
    PlacedThrough, typer.Option(help="Place orders by the Python API, or by the REST API as a process.")
]
DatabaseUrl = Annotated[
    str, typer.Option(metavar="sqlite|URL", help="URL: a PostgreSQL server; a database is made there, and dropped.")
]
Store = Annotated[TemporalStore, typer.Option(help="Where the Temporal server keeps its state.")]
Temporal = Annotated[
    str, typer.Option(metavar="ADDRESS", help="A Temporal server that runs; without it, a dev server is started.")
]
Namespace = Annotated[str, typer.Option(help="On that server: an empty one that has the search attributes.")]
TemporalPid = Annotated[int | None, typer.Option(min=1, help="Process of that server: its CPU is counted.")]
PostgresqlPid = Annotated[
    int | None, typer.Option(min=1, help="First process of PostgreSQL: the CPU of all its processes is counted.")
]
IdleSeconds = Annotated[float, typer.Option(min=0, help="How long to watch what nothing costs; 0: not at all.")]
WaitingOrders = Annotated[int, typer.Option(min=1, help="Orders that wait for an opening by hand.")]
WaitingSeconds = Annotated[float, typer.Option(min=0, help="How long they are watched; 0: not at all.")]
Workers = Annotated[
    list[str] | None, typer.Option("--worker", metavar="ROLES", help="A worker process; once for each. Default: one.")
]
Directory = Annotated[Path | None, typer.Option(help="Keep data and logs here.", file_okay=False)]
JsonFile = Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write the report to this file, too.")]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    orders: Orders = D.orders,
    concurrency: Concurrency = D_CONCURRENCY,
    warm_up: WarmUp = D.warm_up,
    round_trip_ms: RoundTrip = D.round_trip_ms,
    opening_delay: OpeningDelay = D.opening_delay,
    existing: Existing = D.existing,
    through: Through = D.through,
    database: DatabaseUrl = D.database,
    temporal_store: Store = D.temporal_store,
    temporal: Temporal = D.temporal,
    temporal_namespace: Namespace = D.temporal_namespace,
    temporal_pid: TemporalPid = D.temporal_pid,
    postgresql_pid: PostgresqlPid = D.postgresql_pid,
    idle_seconds: IdleSeconds = D.idle_seconds,
    waiting_orders: WaitingOrders = D.waiting_orders,
    waiting_seconds: WaitingSeconds = D.waiting_seconds,
    worker: Workers = None,
    directory: Directory = None,
    json_file: JsonFile = None,
) -> None:
    """Measure orders against the simulator, and bare workflows beside them."""
    options = Options(
        orders=orders,
        concurrency=_numbers(concurrency),
        warm_up=warm_up,
        round_trip_ms=round_trip_ms,
        opening_delay=opening_delay,
        existing=existing,
        through=through,
        database=database,
        temporal_store=temporal_store,
        temporal=temporal,
        temporal_namespace=temporal_namespace,
        temporal_pid=temporal_pid,
        postgresql_pid=postgresql_pid,
        idle_seconds=idle_seconds,
        waiting_orders=waiting_orders,
        waiting_seconds=waiting_seconds,
        workers=tuple(worker) if worker else D.workers,
        directory=directory,
    )
    process_exit.leave(asyncio.run(_run(options, json_file)))


def _numbers(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) for part in parts):
        raise typer.BadParameter(f"{text!r} is not numbers with commas between them, such as 20,50")
    return tuple(map(int, parts))


async def _run(options: Options, json_file: Path | None) -> int:
    """The exit status: 1 when a part fails, 128 and the signal's number when one ends the run."""
    work = asyncio.create_task(measure(options))
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        received.append(number)
        work.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    try:
        report = await work
    except asyncio.CancelledError:
        return 128 + received[0]
    except StackFailed as failure:
        progress(str(failure))
        return 1
    except Exception:
        traceback.print_exc()  # here, because an interpreter that has used Temporal must not end in the ordinary way
        return 1
    _publish(report.model_copy(update={"options": _without_password(options)}), json_file)
    return 0


def _without_password(options: Options) -> Options:
    """Reports are kept and shown; the address of a database may carry a password."""
    scheme, found, rest = options.database.partition("://")
    address = f"{scheme}://{rest.rpartition('@')[2]}" if found else options.database
    return options.model_copy(update={"database": address})


def _publish(report: Report, json_file: Path | None) -> None:
    text = report.model_dump_json(indent=2)
    if json_file is not None:
        json_file.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
