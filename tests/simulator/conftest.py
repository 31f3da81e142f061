"""One simulator process for the whole suite, reset before each test; others on demand."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.simulator.running import Simulator


@pytest.fixture(autouse=True)
def _clients_are_as_quiet_as_in_the_product(caplog: pytest.LogCaptureFixture) -> None:
    """Some clients of these tests send the password in the address, as modules of others do. Programs of the product
    never log a line for each request (`telemetry.logs`)."""
    caplog.set_level(logging.WARNING, "httpx")


@pytest.fixture(scope="session")
def shared_simulator() -> Iterator[Simulator]:
    """The process."""
    simulator = Simulator()
    yield simulator
    simulator.close()


@pytest.fixture
def sim(shared_simulator: Simulator) -> Simulator:
    """A simulator as after its first start, that opens services at once."""
    shared_simulator.admin("POST", "/reset")
    shared_simulator.client.cookies.clear()
    shared_simulator.set(opening_delay=0)
    return shared_simulator


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Simulator]]:
    """Starts simulators over one state file; those still running are ended at the end."""
    running: list[Simulator] = []

    def start_one() -> Simulator:
        running.append(Simulator(tmp_path / "state.db"))
        return running[-1]

    yield start_one
    for simulator in running:
        simulator.close()
