"""The shape of the result. Field names carry their units; what was not measured is null."""

import math
from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel

from benchmarks.options import Options


class Spread(BaseModel):
    """How a number varies from order to order."""

    p50: float
    p95: float
    max: float
    mean: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Percentiles by nearest rank. Raises ValueError for no values."""
        if not values:
            raise ValueError("a spread of nothing")
        ordered = sorted(values)

        def rank(share: float) -> float:
            return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

        numbers = (rank(0.5), rank(0.95), ordered[-1], sum(ordered) / len(ordered))
        p50, p95, largest, mean = (round(number, 4) for number in numbers)
        return cls(p50=p50, p95=p95, max=largest, mean=mean)


class Cpu(BaseModel):
    """CPU milliseconds of each process, threads included. The kernel counts in steps of 10 ms."""

    worker: float | None
    """All worker processes together."""
    server: float | None
    placing: float | None
    """The process that places the orders, waits for their ends, and measures."""
    api: float | None = None
    simulator: float | None = None
    postgresql: float | None = None
    """All processes of a PostgreSQL server that the options name: for Temporal's databases, too, if it has them."""
    workers: dict[str, float | None] = {}
    """Each worker process by its roles, where there are several; numbered where they are the same."""


class Memory(BaseModel):
    """MiB that are resident at the end of a phase."""

    worker: float | None
    server: float | None
    placing: float | None
    api: float | None = None
    simulator: float | None = None
    workers: dict[str, float | None] = {}


class Sql(BaseModel):
    """Statements and transactions, those of poller, sweep and webhook sender left out."""

    statements: float
    transactions: float
    write_transactions: float
    """Those of `transactions` that may write."""
    for_all_statements: float
    """Statements of poller, sweep and webhook sender."""
    for_all_transactions: float
    by_activity: dict[str, float]
    """Statements by who asked; `placing` is the call that places an order."""


class Machine(BaseModel):
    """Where it was measured."""

    system: str
    processors: int
    load_before: float
    """Load of the last minute before the run: others who use the machine make every number worse."""
    python: str
    temporalio: str
    temporal_server: str


class Settings(BaseModel):
    """Those that shape the numbers; set by environment variables as everywhere."""

    hot_interval: float
    idle_interval: float
    balance_interval: float
    upstream_concurrency: int
    upstream_calls_per_second: float


class Bare(BaseModel):
    """A workflow with one activity and one signal, on a worker of its own: what Temporal alone costs here."""

    count: int
    seconds: float
    per_second: float
    start_to_end_s: Spread
    history_events: Spread
    cpu_ms_each: Cpu
    worker_memory_mib: float | None
    """The most that the worker ever had."""
    memory_mib: Memory


class Orders(BaseModel):
    """From the call that places an order; active means: our database says so."""

    count: int
    seconds: float
    per_second: float
    placing_s: Spread
    order_to_active_s: Spread
    order_to_completed_s: Spread
    upstream_active_to_active_s: Spread
    upstream_active_to_completed_s: Spread
    upstream_requests_per_order: float
    upstream_requests: dict[str, int]
    """By function; `+ok` marks those that commit."""
    upstream_charges: int
    history_events: Spread
    cpu_ms_each: Cpu
    worker_memory_mib: float | None
    """The most that the worker ever had."""
    memory_mib: Memory
    sql_each: Sql


class Ratios(BaseModel):
    """An order, in bare workflows."""

    per_second: float
    history_events: float
    worker_cpu: float | None
    server_cpu: float | None
    worker_and_server_cpu: float | None


class Load(BaseModel):
    """Both loads at one concurrency, on an account with no other services."""

    concurrency: int
    orders: Orders
    bare: Bare
    ratios: Ratios


class FirstLook(BaseModel):
    """From the command that loads the account's catalogue until all of its services are known."""

    services: int
    seconds: float
    services_per_second: float
    cpu_ms: Cpu
    memory_mib: Memory
    statements_per_service: float
    """Statements of the poller."""
    orders_placed: int
    """Meanwhile, on the other account, a few at once."""
    orders_confirmed: int
    """Orders that were confirmed while it went on."""
    orders_lost: int
    """Not done within two minutes."""
    order_to_completed_s: Spread | None
    seconds_until_first_order_here: float
    """An order on this account, placed with the start of the first look: until it was completed."""


class Existing(BaseModel):
    """The second account. `orders` and `ratios` of the report are measured on it."""

    first_look: FirstLook
    empty: Orders
    """The same load on the account without other services, earlier in this run."""
    active_to_active_p50_ratio: float | None
    """`upstream_active_to_active_s` here, in that of the empty account."""
    active_to_active_p95_ratio: float | None


class Idle(BaseModel):
    """Nothing waits for anything."""

    seconds: float
    upstream_requests_per_minute: float
    history_events_added: int
    """In the workflows that always run: pollers and sweep."""
    cpu_ms_per_minute: Cpu
    memory_mib: Memory
    sql_per_minute: Sql


class Waiting(BaseModel):
    """Orders that wait for an opening which a person makes at the upstream."""

    orders: int
    seconds: float
    history_events_added: int
    """In all of these orders together."""
    other_history_events_added: int
    """In poller and sweep."""
    upstream_requests_per_minute: float
    cpu_ms_per_minute: Cpu
    memory_mib: Memory


class Report(BaseModel):
    options: Options
    settings: Settings
    machine: Machine
    orders: Orders
    bare: Bare
    ratios: Ratios
    """`orders`, `bare` and `ratios` are those of the first concurrency."""
    loads: list[Load]
    existing: Existing | None
    idle: Idle | None
    waiting: Waiting | None


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """None where one was not measured, or was too little to be seen."""
    return None if not ours or not theirs else round(ours / theirs, 3)


def ratios(orders: Orders, bare: Bare) -> Ratios:
    def both(cpu: Cpu) -> float | None:
        return None if cpu.worker is None or cpu.server is None else cpu.worker + cpu.server

    ours, theirs = orders.cpu_ms_each, bare.cpu_ms_each
    return Ratios(
        per_second=round(orders.per_second / bare.per_second, 3),
        history_events=round(orders.history_events.mean / bare.history_events.mean, 3),
        worker_cpu=ratio(ours.worker, theirs.worker),
        server_cpu=ratio(ours.server, theirs.server),
        worker_and_server_cpu=ratio(both(ours), both(theirs)),
    )
