"""The Temporal server of `server` instead of a development server: in this folder, and for any test if
RESELL_TEST_TEMPORAL_CLUSTER is set (see docs/testing.md)."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest
import pytest_asyncio

from tests.cluster.programs import Missing
from tests.cluster.server import Cluster, running_cluster
from tests.infrastructure.temporal import TemporalServer, no_history_is_private


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with ExitStack() as stack:
        try:
            running = stack.enter_context(running_cluster())
        except Missing as reason:
            pytest.skip(f"NO TEMPORAL CLUSTER, nothing is tried on a real server: {reason}")
        yield running


@pytest_asyncio.fixture(scope="session")
async def temporal_server(cluster: Cluster) -> AsyncIterator[TemporalServer]:
    server = cluster.as_server()
    yield server
    await no_history_is_private(server)


@pytest_asyncio.fixture(scope="session")
async def lasting_temporal_server(temporal_server: TemporalServer) -> TemporalServer:
    return temporal_server
