"""docs/metrics.md lists every metric with its type and labels, and no other."""

from collections.abc import Iterable
from pathlib import Path

from prometheus_client.metrics_core import Metric

from metrics.counters import REGISTRY
from metrics.pool import pool_shown
from models.database import Database
from models.pool import PoolTerms
from orders.reading.figures import families
from tests.docs.pages import METRICS, table
from tests.metrics.shown import STANDARD


def documented(section: str) -> dict[str, tuple[str, list[str]]]:
    """Name -> type and labels."""
    found: dict[str, tuple[str, list[str]]] = {}
    labels: list[str] = []
    for row in table(METRICS.section(section)):
        if row[2] != "the same":
            labels = [one.strip().strip("`") for one in row[2].split(",") if one.strip()]
        found[row[0].strip("`")] = (row[1], labels)
    return found


def of_metrics(metrics: Iterable[Metric]) -> dict[str, str]:
    return {one.name: one.type for one in metrics if not one.name.startswith(STANDARD)}


async def test_what_a_process_counts(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/empty.db")
    with pool_shown(database.engine, PoolTerms()):
        there = of_metrics(REGISTRY.collect())
    await database.close()
    assert {name: kind for name, (kind, _) in documented("What a process counts").items()} == there


async def test_the_figures_of_the_installation(migrated_database_url: str) -> None:
    database = Database(migrated_database_url)
    async with database.read() as session:
        there = of_metrics(await families(session))
    await database.close()
    told = {name: kind for name, (kind, _) in documented("Figures of the installation").items()}
    assert told == there | {"resellflow_database_up": "gauge"}


def test_the_labels_are_those_of_the_code() -> None:
    told = documented("What a process counts")
    for collector in {*REGISTRY._collector_to_names}:  # the client shows labels only where there are values
        name = getattr(collector, "_name", "")
        if name in told:
            assert list(getattr(collector, "_labelnames", ())) == told[name][1], name
