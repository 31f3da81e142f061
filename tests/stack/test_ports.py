"""Ports that are taken are noticed, and said in a sentence that helps."""

import socket
from collections.abc import Iterator

import pytest

from stack.ports import Port, PortsTaken, ensure_free, free_port


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def port_taken_on_all_addresses() -> Iterator[int]:
    with socket.create_server(("0.0.0.0", 0)) as server:  # noqa: S104
        yield server.getsockname()[1]


def test_free_ports_are_fine() -> None:
    ensure_free([Port(free_port(), "the API", "--api-port"), Port(free_port(), "the worker", "--worker-port")])


def test_a_taken_port_is_named_with_its_use_and_the_option_to_change(taken_port: int) -> None:
    with pytest.raises(PortsTaken) as complaint:
        ensure_free([Port(taken_port, "the storefront API", "--api-port")])
    assert str(complaint.value) == (
        f"Port {taken_port}, for the storefront API, is already taken; choose another with --api-port PORT."
    )


def test_all_taken_ports_are_told_at_once(taken_port: int, port_taken_on_all_addresses: int) -> None:
    ports = [
        Port(taken_port, "the storefront API", "--api-port"),
        Port(free_port(), "the simulator", "--simulator-port"),
        Port(port_taken_on_all_addresses, "Temporal UI", "--ui-port"),
    ]
    with pytest.raises(PortsTaken) as complaint:
        ensure_free(ports)
    assert complaint.value.ports == [ports[0], ports[2]]
    assert len(str(complaint.value).splitlines()) == 2


def test_one_port_for_two_uses_is_told() -> None:
    number = free_port()
    with pytest.raises(PortsTaken, match=f"Port {number} is meant for both the API and the worker"):
        ensure_free([Port(number, "the API", "--api-port"), Port(number, "the worker", "--worker-port")])


def test_zero_takes_a_free_port() -> None:
    resolved = Port(0, "the API", "--api-port").resolved()
    assert resolved.number > 0
    ensure_free([resolved])


def test_connections_of_an_earlier_run_are_not_in_the_way() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", number)):
            connection, _ = server.accept()
            connection.close()  # the side that closes first keeps the port in TIME_WAIT
    ensure_free([Port(number, "the API", "--api-port")])
