"""The command line: `python -m tests.matrix`. Exit status 0 if every cell is as it has to be; the page shows the others
as failed."""

import argparse
import asyncio
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from process_exit import leave
from tests.flow.shop import QUICK, Upstream, open_upstream
from tests.infrastructure.databases import Stock, copy_of, migrate_template, new_database, own_server
from tests.infrastructure.processes import free_port
from tests.infrastructure.temporal import OwnTemporalServer, TemporalServer, start_temporal_server, until_serving
from tests.matrix import page
from tests.matrix.cells import NEVER, OF_PROCESSES, Cell, Fault, Step, operations_at, strikes
from tests.matrix.lives import TIMES, live
from tests.matrix.outcome import Ending, Outcome
from tests.matrix.restarts import Restart
from tests.matrix.rows import play

DATABASES = ("sqlite", "postgresql")
RESTARTS = (Fault.DATABASE, Fault.TEMPORAL)
Strike = tuple[Fault, Step]
Run = Callable[[Upstream], Coroutine[Any, Any, dict[Cell, Outcome]]]


@dataclass
class Matrix:
    """One run of the chosen strikes."""

    home: Path
    at_once: int
    database: "Lender"
    """Lends a migrated database to a strike."""
    outcomes: dict[Cell, Outcome] = field(default_factory=dict)
    _servers: int = 0

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.at_once)

    async def run(self, chosen: list[Strike]) -> None:
        alone = [one for one in chosen if one[0] not in RESTARTS]
        if alone:
            server = start_temporal_server()
            with server.program:
                await until_serving(server)
                await asyncio.gather(*(self._alone(server, *one) for one in alone))
        for fault, together in ((Fault.TEMPORAL, self._temporal_rows), (Fault.DATABASE, self._database_rows)):
            steps = [step for which, step in chosen if which is fault]
            for first in range(0, len(steps), self.at_once):
                await together(steps[first : first + self.at_once])

    async def _alone(self, server: TemporalServer, fault: Fault, step: Step) -> None:
        play_it = play if fault in OF_PROCESSES else live
        async with self._slots, open_upstream() as upstream:
            with self.database() as database:
                await self._record((fault, step), lambda: play_it(database, server, upstream, fault, step))

    async def _record(self, strike: Strike, run: Callable[[], Awaitable[dict[Cell, Outcome]]]) -> None:
        since = time.monotonic()
        try:
            found = await run()
        except Exception as error:  # of whatever kind: the others run on, and this one has failed
            why = " ".join(f"{type(error).__name__}: {error}".split())[:400]
            found = {Cell(*strike, kind): Outcome(Ending.FAILED, (why,)) for kind in operations_at(strike[1])}
        self.outcomes |= found
        print(f"{strike[0]}, {strike[1]}: {time.monotonic() - since:.0f} s", file=sys.stderr, flush=True)
        for cell, outcome in found.items():
            if not outcome.is_fine:
                print(f"  FAILED {cell}: {'; '.join(outcome.problems)}", file=sys.stderr, flush=True)

    async def _temporal_rows(self, steps: list[Step]) -> None:
        """One server for all rows, which is restarted when all are at their steps."""
        self._servers += 1
        port, kept = free_port(), ("--db-filename", str(self.home / f"temporal-{self._servers}.db"))

        def started() -> OwnTemporalServer:
            return start_temporal_server(port=port, options=kept)

        server = started()
        running = [server]

        async def stop() -> None:
            await asyncio.to_thread(running[-1].program.close)

        async def start() -> None:
            running.append(started())
            await until_serving(running[-1])

        try:
            await until_serving(server)
            await self._restarted(Fault.TEMPORAL, steps, server, Restart(len(steps), stop, start), self.database)
        finally:
            await asyncio.to_thread(running[-1].program.close)

    async def _database_rows(self, steps: list[Step]) -> None:
        """On a PostgreSQL server of their own, whatever the others have: it is restarted."""
        server = start_temporal_server()
        with server.program, own_server() as postgres, lending_postgresql(postgres.url) as database:
            await until_serving(server)

            async def stop() -> None:
                await asyncio.to_thread(postgres.stop, timeout=NEVER)

            async def start() -> None:
                await asyncio.to_thread(postgres.start)

            await self._restarted(Fault.DATABASE, steps, server, Restart(len(steps), stop, start), database)

    async def _restarted(
        self, fault: Fault, steps: list[Step], server: TemporalServer, restart: Restart, database: "Lender"
    ) -> None:
        async def one(step: Step, url: str) -> None:
            async with open_upstream() as upstream:
                await self._record((fault, step), lambda: play(url, server, upstream, fault, step, restart))

        with ExitStack() as lent:
            await asyncio.gather(*(one(step, lent.enter_context(database())) for step in steps))


Lender = Callable[[], AbstractContextManager[str]]


@contextmanager
def lending_sqlite(home: Path) -> Iterator[Lender]:
    template = home / "template.db"
    migrate_template(f"sqlite:///{template}")

    @contextmanager
    def lent() -> Iterator[str]:
        yield copy_of(template, Path(tempfile.mkdtemp(dir=home)))

    yield lent


@contextmanager
def lending_postgresql(server_url: str) -> Iterator[Lender]:
    with new_database(server_url) as template:
        migrate_template(template)
        stock = Stock(server_url, template.rpartition("/")[2])
        try:
            yield stock.lent
        finally:
            stock.close()


async def run(chosen: list[Strike], at_once: int, database: str) -> dict[Cell, Outcome]:
    """`database`: sqlite or postgresql."""
    with ExitStack() as exits:
        home = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="failure-matrix-")))
        if database == "sqlite":
            lender = exits.enter_context(lending_sqlite(home))
        else:
            lender = exits.enter_context(lending_postgresql(exits.enter_context(own_server()).url))
        matrix = Matrix(home, at_once, lender)
        await matrix.run(chosen)
        return matrix.outcomes


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare the page with the cells; nothing is run")
    parser.add_argument("--seed", type=int, help="the order in which the cells run; printed if left out")
    parser.add_argument("--only", metavar="FAULT[.STEP]", nargs="+", help="some cells; the page keeps the others")
    parser.add_argument("--at-once", type=int, default=8, help="how many strikes are under way at once")
    parser.add_argument(
        "--database", choices=("sqlite", "postgresql"), default="sqlite", help="where it isn't restarted"
    )
    given = parser.parse_args()
    if given.check:
        current = page.is_current(page.PAGE.read_text(encoding="utf-8"))
        print("current" if current else f"{page.PAGE.name} is not what the cells make of it: make failure-matrix")
        return 0 if current else 1
    seed = given.seed if given.seed is not None else random.randrange(10**6)  # noqa: S311 - no secret
    chosen = [one for one in strikes() if _is_wanted(one, given.only)]
    random.Random(seed).shuffle(chosen)  # noqa: S311 - no secret
    since = time.monotonic()
    outcomes = asyncio.run(run(chosen, given.at_once, given.database))
    failed = [cell for cell, outcome in outcomes.items() if not outcome.is_fine]
    print(f"seed {seed}: {len(outcomes)} cells in {time.monotonic() - since:.0f} s, {len(failed)} failed")
    results = {cell: page.shown(outcome) for cell, outcome in outcomes.items()}
    how = _how(len(outcomes), seed, given.at_once, time.monotonic() - since, given.database)
    if given.only:
        text = page.PAGE.read_text(encoding="utf-8")
        results, how = page.read(text) | results, page.run_in_parts(text)
    page.PAGE.write_text(page.written(results, how), encoding="utf-8")
    return 1 if failed else 0


def _how(count: int, seed: int, at_once: int, seconds: float, database: str) -> str:
    times, load = QUICK | TIMES, os.getloadavg()[2]
    databases = "SQLite, and PostgreSQL where it was restarted" if database == "sqlite" else "PostgreSQL"
    return (
        f"{datetime.now(UTC).date()}, {count} cells in {seconds / 60:.0f} minutes, {at_once} strikes at once, "
        f"seed {seed}, on {os.cpu_count()} processors with a load of {load:.0f} (others' work included), CPython "
        f"{platform.python_version()}. The time-out of a call was {times['order_timeout']:.0f} s and the settle window "
        f"{times['settle_window']:.0f} s. The database was {databases}."
    )


def _is_wanted(strike: Strike, only: list[str] | None) -> bool:
    fault, step = strike
    return only is None or fault.name in only or f"{fault.name}.{step.name}" in only


if __name__ == "__main__":
    leave(main())
