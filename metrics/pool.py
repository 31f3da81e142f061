"""The connections of this process to its database, as they are when somebody asks."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from metrics.counters import REGISTRY
from models.pool import PoolTerms


class _Pool(Collector):
    def __init__(self, engine: AsyncEngine, terms: PoolTerms) -> None:
        self._engine = engine
        self._terms = terms

    def collect(self) -> Iterator[Metric]:
        pool = self._engine.pool
        if not isinstance(pool, QueuePool):
            return
        connections = GaugeMetricFamily(
            "resellflow_database_connections", "Connections of this process to the database", labels=["state"]
        )
        connections.add_metric(["in_use"], pool.checkedout())
        connections.add_metric(["idle"], pool.checkedin())
        yield connections
        yield GaugeMetricFamily(
            "resellflow_database_connections_limit",
            "The most that this process opens",
            value=self._terms.size + self._terms.more,
        )


@contextmanager
def pool_shown(engine: AsyncEngine, terms: PoolTerms) -> Iterator[None]:
    """The pool is among this process's metrics meanwhile."""
    pool = _Pool(engine, terms)
    REGISTRY.register(pool)
    try:
        yield
    finally:
        REGISTRY.unregister(pool)
