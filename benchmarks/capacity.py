"""`python -m benchmarks.capacity`: what a number of services needs, reckoned from measured costs of one.

The costs are those of docs/capacity.md, where each one's measurement is named. Measure your own and give them with
`--costs FILE.json`: the names are those of `Costs`, and what is left out stays as it is.
"""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict

KIB, MIB = 1024, 2**20
MONTHS_A_DAY = 1 / 30
MINUTES_A_DAY = 24 * 60


class Costs(BaseModel):
    """Bytes of the database are those of SQLite, with all indexes. CPU is that of one core of the machine of
    docs/capacity.md."""

    model_config = ConfigDict(extra="forbid")

    bytes_a_service: float = 5_400
    """That lives, with its opening."""
    bytes_kept_by_age: float = 23_000
    """For each operation that is carried out in a month: what the pruning keeps for some time."""
    bytes_for_ever: float = 2_240
    """For each operation: what is never removed."""
    postgresql: float = 1.4
    """How many times as much it is there."""
    worker_ms: float = 98
    """CPU of an operation."""
    temporal_ms: float = 58
    walk_ms: float = 12
    """CPU of announcing a renewal and of asking for it."""
    statements: float = 45
    """For an operation, with its share of walk and poller."""
    idle_seconds: float = 0.9
    """CPU of a worker in a minute in which nothing happens."""
    idle_seconds_a_service: float = 0.00014
    """The same, for each service whose lists are read."""
    pruning_ms: float = 0.2
    """CPU of the daily pruning, for each operation in a month."""
    worker_mib: float = 170
    worker_bytes_a_service: float = 3_800
    """Memory for each service that its poller knows."""
    history_bytes: float = 3_460
    """The history of an operation, in the Temporal server."""
    renewals_a_second: float = 3.6
    """At one account, at most 50 at once."""


class Needs(BaseModel):
    services: int
    operations_a_month: int
    database_mib_at_first: float
    database_mib_after_two_years: float
    postgresql_mib_after_two_years: float
    database_mib_a_year_then: float
    cpu_seconds_a_day: float
    """Worker and Temporal server."""
    cpu_cores: float
    """The same, spread over the day."""
    pruning_seconds_a_day: float
    statements_a_day: float
    worker_mib: float
    histories_mib_a_day: float
    """Times the days for which the namespace keeps closed workflows: what Temporal holds."""


class Night(BaseModel):
    """In which many terms end."""

    renewals: int
    cpu_minutes: float
    hours: float
    statements: float
    database_mib: float
    histories_mib: float


def needs(services: int, churn: float, costs: Costs) -> Needs:
    """`churn`: share of the services that is closed in a month, and opened anew."""
    monthly = services * (1 + 2 * churn)
    daily = monthly * MONTHS_A_DAY
    ever, by_age = costs.bytes_for_ever / MIB, monthly * costs.bytes_kept_by_age / MIB
    first = services * costs.bytes_a_service / MIB
    after = first + by_age + 24 * monthly * ever
    idle = (costs.idle_seconds + services * costs.idle_seconds_a_service) * MINUTES_A_DAY
    cpu = idle + daily * (costs.worker_ms + costs.temporal_ms + costs.walk_ms) / 1000
    return Needs(
        services=services,
        operations_a_month=round(monthly),
        database_mib_at_first=round(first, 1),
        database_mib_after_two_years=round(after, 1),
        postgresql_mib_after_two_years=round(after * costs.postgresql, 1),
        database_mib_a_year_then=round(12 * monthly * ever, 1),
        cpu_seconds_a_day=round(cpu),
        cpu_cores=round(cpu / MINUTES_A_DAY / 60, 3),
        pruning_seconds_a_day=round(monthly * costs.pruning_ms / 1000, 1),
        statements_a_day=round(daily * costs.statements),
        worker_mib=round(costs.worker_mib + services * costs.worker_bytes_a_service / MIB),
        histories_mib_a_day=round(daily * costs.history_bytes / MIB, 1),
    )


def night(renewals: int, costs: Costs) -> Night:
    whole = costs.bytes_for_ever + costs.bytes_kept_by_age / 4
    return Night(
        renewals=renewals,
        cpu_minutes=round(renewals * (costs.worker_ms + costs.temporal_ms + costs.walk_ms) / 60_000, 1),
        hours=round(renewals / costs.renewals_a_second / 3600, 2),
        statements=round(renewals * costs.statements),
        database_mib=round(renewals * whole / MIB, 1),
        histories_mib=round(renewals * costs.history_bytes / MIB, 1),
    )


class Report(BaseModel):
    costs: Costs
    needs: list[Needs]
    night: Night


def main(
    services: Annotated[list[int] | None, typer.Option(min=1, help="Repeat it; default: 1000, 20000, 200000.")] = None,
    renewals: Annotated[int, typer.Option(min=1, help="Of the night in which many terms end.")] = 20_000,
    churn: Annotated[float, typer.Option(min=0, max=1, help="Share that is replaced in a month.")] = 0.03,
    costs: Annotated[Path | None, typer.Option(dir_okay=False, exists=True, help="Your own, as JSON.")] = None,
) -> None:
    """Reckon what a number of services needs."""
    own = Costs() if costs is None else Costs.model_validate_json(costs.read_bytes())
    found = [needs(one, churn, own) for one in services or (1000, 20_000, 200_000)]
    print(Report(costs=own, needs=found, night=night(renewals, own)).model_dump_json(indent=1))


if __name__ == "__main__":
    typer.run(main)
