"""A resolver of our own, which can stop answering about one name. It needs a mount namespace: Linux, and root."""

import asyncio
import os
import struct
import sys
import tempfile
from pathlib import Path
from typing import Self

ADDRESS = "127.0.0.77"
_INSIDE = "RESELL_BENCHMARK_RESOLVER"
_ENTER = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
_HEADER = struct.Struct(">6H")
_ANSWER = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + bytes([127, 0, 0, 1])
_TYPE_A = 1


def enter() -> None:
    """Start this program again, with a resolv.conf that names our resolver. Nothing where that is so already."""
    if os.environ.get(_INSIDE):
        return
    conf = Path(tempfile.mkdtemp(prefix="resellflow-resolver-")) / "resolv.conf"
    conf.write_text(f"nameserver {ADDRESS}\n")
    os.environ[_INSIDE] = "yes"
    command = [sys.executable, *sys.orig_argv[1:]]
    os.execvp("unshare", ["unshare", "--mount", "sh", "-c", _ENTER, str(conf), *command])  # noqa: S606, S607


class Resolver(asyncio.DatagramProtocol):
    """Every name is this machine. `silent_about`: names that begin so get no answer."""

    def __init__(self) -> None:
        self.silent_about = b""
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def serving(cls) -> Self:
        loop = asyncio.get_running_loop()
        _, resolver = await loop.create_datagram_endpoint(cls, local_addr=(ADDRESS, 53))
        return resolver

    # asyncio gives a datagram endpoint this kind of transport; its types know only the general one.
    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        question = data[_HEADER.size :]
        ends = question.index(b"\0") + 5
        if self.silent_about and question[1:].startswith(self.silent_about):
            return
        answers = int.from_bytes(question[ends - 4 : ends - 2]) == _TYPE_A
        head = _HEADER.pack(int.from_bytes(data[:2]), 0x8180, 1, int(answers), 0, 0)
        if self._transport is not None:
            self._transport.sendto(head + question[:ends] + (_ANSWER if answers else b""), addr)
