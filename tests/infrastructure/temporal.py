"""A real Temporal server for the tests, with a namespace for each test.

Workflow ids are made from service and operation numbers, and each test's database counts from one: without a
namespace of its own a test would find the workflows of the one before. Namespaces made while the server runs don't
know our search attributes for a while; those named when it starts do, and cost next to nothing (start-up 0.2 s with
one or with four hundred). So the server is started with a stock of them and each test takes the next.
"""

import itertools
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter

from stack.embedded import SEARCH_ATTRIBUTES, temporal_program
from temporal.following import Following
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.histories import look_through_all
from tests.infrastructure.processes import Program, free_port

DYNAMIC_CONFIG = {
    "system.forceSearchAttributesCacheRefreshOnRead": "true",
    # Schedules and batches have workers in every namespace: with four hundred of them they cost a fifth of a core and
    # half a gigabyte for nothing. No test needs them.
    "worker.perNamespaceWorkerCount": "0",
    # The server divides each task queue into four, and passes tasks and questions on between them. One test's load
    # needs one: an open shop then costs half the time and memory.
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    # All namespaces are there from the start, so the server need not read eight hundred of them every few seconds.
    "system.namespaceCacheRefreshInterval": '"60s"',
    # Nobody reads metrics. Counted by task queue, those of every test so far are gone through each second.
    "metrics.breakdownByTaskQueue": "false",
}
ENVIRONMENT = {"GOMAXPROCS": "1", "GOGC": "400"}
"""With a processor to itself alone, and collecting its garbage less often, the server takes a quarter less time."""
STOCK_OF_NAMESPACES = 200
USED_UP_AFTER = 16
"""A namespace that was used costs its server processor time until it ends, whatever goes on in it: 300 of them a
seventh of a processor. So a server that has handed out this many is ended with the file of tests."""


@dataclass
class TemporalServer:
    """A development server on loopback."""

    address: str
    _namespaces: Iterator[str] = field(repr=False)
    stock: int = field(default=STOCK_OF_NAMESPACES, kw_only=True)
    taken: dict[str, str] = field(default_factory=dict, init=False, repr=False)
    """Namespaces that this process has handed out, each with the test that asked."""

    def next_namespace(self) -> str:
        """A namespace nobody has used yet, with the search attributes."""
        try:
            namespace = next(self._namespaces)
        except StopIteration:
            raise RuntimeError(f"all {self.stock} namespaces are used up: have more of them made") from None
        self.taken[namespace] = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
        return namespace

    async def connect(self, namespace: str, converter: DataConverter = pydantic_data_converter) -> Client:
        return await Client.connect(
            self.address, namespace=namespace, data_converter=converter, interceptors=[Following()]
        )


@dataclass
class OwnTemporalServer(TemporalServer):
    """One that this process runs."""

    program: Program


def start_temporal_server(
    *,
    port: int = 0,
    config: Mapping[str, object] = MappingProxyType({}),
    options: tuple[str, ...] = (),
    stock: int = STOCK_OF_NAMESPACES,
) -> OwnTemporalServer:
    """Start a server of one's own, for tests that stop or restart it; the caller closes its `program`.

    It is not ready yet: see `until_serving`. For one that keeps its state over a restart, give
    `options=("--db-filename", path)` and the same port again. `config` is dynamic configuration besides that of all
    tests. `stock` is the number of its namespaces: 800 in a file take it a second.
    """
    port = port or free_port()
    namespaces = _namespaces(stock)
    configuration = {**DYNAMIC_CONFIG, **config}.items()
    program = Program(
        [
            temporal_program(),
            *("server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port), "--log-level", "error"),
            *itertools.chain.from_iterable(("--search-attribute", f"{k}={v}") for k, v in SEARCH_ATTRIBUTES.items()),
            *itertools.chain.from_iterable(("--dynamic-config-value", f"{k}={v}") for k, v in configuration),
            *itertools.chain.from_iterable(("--namespace", namespace) for namespace in namespaces),
            *options,
        ],
        name="temporal server",
        env=ENVIRONMENT,
    )
    return OwnTemporalServer(f"127.0.0.1:{port}", iter(namespaces), program, stock=stock)


def _namespaces(stock: int) -> list[str]:
    return [f"test-{number}" for number in range(1, stock + 1)]


async def until_serving(server: TemporalServer) -> None:
    """Return once the server answers for the last of its namespaces."""

    async def serving() -> bool:
        if isinstance(server, OwnTemporalServer) and not server.program.running:
            raise RuntimeError(f"the Temporal server ended:\n{server.program.output}")
        client = await server.connect(f"test-{server.stock}")
        return await client.service_client.check_health()

    try:
        await assert_eventually(serving, timeout=30, ignoring=(RuntimeError,), message="the Temporal server serves")
    except AssertionError as late:
        if isinstance(server, OwnTemporalServer):
            late.add_note(server.program.output)
        raise


@asynccontextmanager
async def own_temporal_server(
    *,
    port: int = 0,
    config: Mapping[str, object] = MappingProxyType({}),
    file: Path | None = None,
    stock: int = STOCK_OF_NAMESPACES,
) -> AsyncIterator[OwnTemporalServer]:
    """As `start_temporal_server`, ready, and ended with the context. It keeps its state in `file`, if one is given."""
    kept = ("--db-filename", str(file)) if file else ()
    server = start_temporal_server(port=port, config=config, options=kept, stock=stock)
    with server.program:
        await until_serving(server)
        yield server


class TemporalServers:
    """The servers of this process's tests, one after the other."""

    def __init__(self) -> None:
        self._server = start_temporal_server()

    async def current(self) -> TemporalServer:
        await until_serving(self._server)
        return self._server

    async def end_of_file(self) -> None:
        """A server that is used up is ended, and the next one starts while the next file is read."""
        if len(self._server.taken) >= USED_UP_AFTER:
            used_up, self._server = self._server, start_temporal_server()
            await _end(used_up)

    async def end(self) -> None:
        await _end(self._server)


async def _end(server: OwnTemporalServer) -> None:
    with server.program:
        await no_history_is_private(server)


@pytest_asyncio.fixture(scope="session")
async def temporal_servers() -> AsyncIterator[TemporalServers]:
    servers = TemporalServers()
    yield servers
    await servers.end()


@pytest_asyncio.fixture(scope="module")
async def temporal_server(temporal_servers: TemporalServers) -> AsyncIterator[TemporalServer]:
    """The Temporal server of this file's tests (`.address`)."""
    yield await temporal_servers.current()
    await temporal_servers.end_of_file()


@pytest_asyncio.fixture(scope="session")
async def lasting_temporal_server() -> AsyncIterator[TemporalServer]:
    """For what the tests of several files share."""
    server = start_temporal_server()
    await until_serving(server)
    yield server
    await _end(server)


async def no_history_is_private(server: TemporalServer) -> None:
    """Fails if a history of the tests that this server had holds what is private."""
    if not server.taken:
        return
    connection = (await server.connect("default")).service_client
    found = await look_through_all(
        {Client(connection, namespace=namespace): test for namespace, test in server.taken.items()}
    )
    assert not found, f"{len(found)} histories hold what is private:\n" + "\n".join(found[:200])


@pytest.fixture
def temporal_namespace(temporal_server: TemporalServer) -> str:
    """This test's own namespace: workflow ids, task queues and schedules of other tests are not in it."""
    return temporal_server.next_namespace()


@pytest.fixture
async def temporal_client(temporal_server: TemporalServer, temporal_namespace: str) -> Client:
    """A client of this test's own namespace, with the pydantic data converter."""
    return await temporal_server.connect(temporal_namespace)


@pytest.fixture
def temporal_env(temporal_server: TemporalServer, temporal_namespace: str) -> dict[str, str]:
    """The environment that points a program at this test's own namespace."""
    return {"TEMPORAL_ADDRESS": temporal_server.address, "TEMPORAL_NAMESPACE": temporal_namespace}


@pytest.fixture
def task_queue_prefix(request: pytest.FixtureRequest) -> str:
    """A readable start for task queue names: the namespace keeps tests apart, this tells in a failure whose queue it
    was."""
    name: str = request.node.name
    return name.removeprefix("test_")[:60]
