"""What an order costs on a Temporal server with PostgreSQL, with 1, 2 and 4 worker processes, and on the dev server.

    python -m tests.cluster.measure --json cluster.json      (or: make cluster-bench ARGS="--json cluster.json")

Each run is one of `python -m benchmarks`, with Resellflow's database on the same PostgreSQL. All of it is on this
machine, so more workers show what they cost; what they bring shows only where there are processors for them.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from benchmarks.report import Report
from tests.cluster.programs import Missing
from tests.cluster.server import Cluster, running_cluster
from tests.infrastructure.processes import PROJECT

DEV, CLUSTER = "dev server", "cluster"
RUN_SECONDS = 3600


class Run(BaseModel):
    """One run of the benchmark."""

    server: str
    workers: int
    load_before: float
    report: Report

    @property
    def processors(self) -> dict[str, float]:
        """How many processors each process had to itself, on the average."""
        orders = self.report.orders
        return {name: ms * orders.per_second / 1000 for name, ms in self.milliseconds.items()}

    @property
    def milliseconds(self) -> dict[str, float]:
        """CPU of each process for an order; workers one by one."""
        used = self.report.orders.cpu_ms_each
        each = dict(used.workers) or {"worker": used.worker}
        each |= {"Temporal server": used.server, "PostgreSQL": used.postgresql}
        each |= {"simulator": used.simulator, "placing": used.placing}
        return {name: ms for name, ms in each.items() if ms is not None}


@dataclass(frozen=True)
class Wanted:
    orders: int
    concurrency: int
    workers: Sequence[int]
    dev_server: bool


def measure(cluster: Cluster, wanted: Wanted) -> Iterator[Run]:
    """One after the other."""
    servers = [DEV, CLUSTER] if wanted.dev_server else [CLUSTER]
    for workers in wanted.workers:
        for server in servers:
            yield _run(cluster, server, workers, wanted)


def _run(cluster: Cluster, server: str, workers: int, wanted: Wanted) -> Run:
    assert cluster.postgres.program is not None
    assert cluster.program is not None
    with tempfile.TemporaryDirectory(prefix="resellflow-measure-") as directory:
        file = Path(directory) / "report.json"
        command = [sys.executable, "-m", "benchmarks", "--json", str(file), "--database", cluster.postgres.url]
        command += ["--orders", str(wanted.orders), "--concurrency", str(wanted.concurrency)]
        command += ["--idle-seconds", "0", "--waiting-seconds", "0"]
        command += ["--postgresql-pid", str(cluster.postgres.program.pid)]
        for _ in range(workers):
            command += ["--worker", ""]
        if server == CLUSTER:
            namespace = cluster.make_namespace(f"measured-{os.urandom(4).hex()}")
            command += ["--temporal", cluster.address, "--temporal-namespace", namespace]
            command += ["--temporal-pid", str(cluster.program.pid)]
        print(f"{server}, {workers} worker processes", file=sys.stderr, flush=True)
        load = os.getloadavg()[0]
        subprocess.run(command, cwd=PROJECT, stdout=subprocess.DEVNULL, timeout=RUN_SECONDS, check=True)
        report = Report.model_validate_json(file.read_text())
    return Run(server=server, workers=workers, load_before=round(load, 2), report=report)


def table(runs: Sequence[Run]) -> str:
    """For docs/benchmarks.md."""
    lines = [
        "| server | workers | orders/s | ÷ bare workflow | until completed: p50, p95 | CPU an order | had the most |",
        "|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        orders, used = run.report.orders, run.report.orders.cpu_ms_each
        until = orders.order_to_completed_s
        parts = {"workers": used.worker, "Temporal": used.server, "PostgreSQL": used.postgresql}
        cpu = ", ".join(f"{name} {ms:.0f} ms" for name, ms in parts.items() if ms is not None)
        most, processors = max(run.processors.items(), key=lambda one: one[1])
        cells = (
            run.server,
            run.workers,
            f"{orders.per_second:.1f}",
            run.report.ratios.per_second,
            f"{until.p50:.1f} s, {until.p95:.1f} s",
            cpu,
            f"{most}: {processors:.2f} processors of {sum(run.processors.values()):.2f}",
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.measure", description=__doc__.partition("\n")[0])
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--workers", default="1,2,4", metavar="N,N,…", help="how many worker processes; a run for each")
    parser.add_argument("--no-dev-server", action="store_true", help="leave the runs on the dev server out")
    parser.add_argument("--json", type=Path, required=True, help="write all reports to this file")
    given = parser.parse_args()
    workers = [int(number) for number in given.workers.split(",")]
    wanted = Wanted(given.orders, given.concurrency, workers, not given.no_dev_server)
    runs: list[Run] = []
    try:
        with running_cluster() as cluster:
            for run in measure(cluster, wanted):
                runs.append(run)
                # After each: one that fails takes nothing of those before with it.
                found = {
                    "temporal_server": cluster.programs.version,
                    "runs": [one.model_dump(mode="json") for one in runs],
                }
                given.json.write_text(json.dumps(found, indent=2) + "\n")
    except Missing as reason:
        print(f"NOT MEASURED: {reason}", file=sys.stderr)
        return 1
    print(table(runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
