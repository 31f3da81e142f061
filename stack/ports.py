"""The TCP ports a stack listens on: chosen, checked for being free before anything is started, and explained when
they are not."""

import errno
import random
import socket
from collections.abc import Iterable
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Port:
    """One port, with what it is for and how to choose another; `number` 0 asks for any free one."""

    number: int
    use: str
    option: str

    def resolved(self) -> "Port":
        """The same port, with 0 replaced by a free number."""
        return self if self.number else Port(free_port(), self.use, self.option)


class PortsTaken(Exception):
    """Ports that can't be listened on. The message is one sentence for each, naming the port, its use and the option
    to change."""

    def __init__(self, ports: list[Port], sentences: list[str]) -> None:
        self.ports = ports
        super().__init__("\n".join(sentences))


_BELOW_THOSE_OF_THE_KERNEL = range(20_000, 32_768)
"""Linux gives higher ones to connections, and to whoever asks for any: Temporal's own services do, while it starts."""


def free_port() -> int:
    """A port that nothing listened on a moment ago, and that nobody gets who asks the kernel for any."""
    for number in random.sample(_BELOW_THOSE_OF_THE_KERNEL, 50):
        if listen_error(number) is None:
            return number
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        found: int = probe.getsockname()[1]
        return found


def listen_error(number: int) -> OSError | None:
    """What stands in the way of listening on this loopback port; None when it is free."""
    with socket.socket() as probe:
        # As servers do it: connections of an earlier run that linger in TIME_WAIT are not in the way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, number))
            probe.listen(1)
        except OSError as error:
            return error
    return None


def ensure_free(ports: Iterable[Port]) -> None:
    """Return when all the ports can be listened on. Raises PortsTaken, with all that can't, not only the first."""
    taken: list[Port] = []
    sentences: list[str] = []
    claimed: dict[int, Port] = {}
    for port in ports:
        if port.number in claimed:
            other = claimed[port.number]
            taken.append(port)
            both = f"{other.use} and {port.use}"
            sentences.append(f"Port {port.number} is meant for both {both}; choose another with {port.option} PORT.")
            continue
        claimed[port.number] = port
        error = listen_error(port.number)
        if error is None:
            continue
        taken.append(port)
        reason = "is already taken" if error.errno == errno.EADDRINUSE else f"can't be used ({error.strerror})"
        sentences.append(f"Port {port.number}, for {port.use}, {reason}; choose another with {port.option} PORT.")
    if taken:
        raise PortsTaken(taken, sentences)
