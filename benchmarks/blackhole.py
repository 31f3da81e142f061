"""A TCP forwarder that can also refuse connections, or neither take nor refuse them."""

import asyncio
import contextlib
import socket
from typing import Self

from stack.ports import LOOPBACK

_FILLERS = 8
"""Connections that fill the queue of a listener that accepts nothing: the kernel drops the next ones' greetings."""


class Front:
    """In front of another port of this machine."""

    def __init__(self, port: int, to: int) -> None:
        self.port = port
        self._to = to
        self._server: asyncio.Server | None = None
        self._hole: list[socket.socket] = []
        self._running: set[asyncio.Task[None]] = set()

    @classmethod
    async def listening(cls, to: int) -> Self:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            front = cls(probe.getsockname()[1], to)
        await front.open()
        return front

    async def open(self) -> None:
        """Forward connections."""
        if self._server is not None:
            return
        for one in self._hole:
            one.close()
        self._hole.clear()
        self._server = await asyncio.start_server(self._forward, LOOPBACK, self.port)

    async def close(self) -> None:
        """Refuse connections, and cut those that there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._running):
            task.cancel()
        await asyncio.sleep(0)

    async def swallow(self) -> None:
        """Answer no greeting, as behind a firewall that drops packets."""
        await self.close()
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, self.port))
        listener.listen(0)
        self._hole.append(listener)
        for _ in range(_FILLERS):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect((LOOPBACK, self.port))
            self._hole.append(filler)

    async def stop(self) -> None:
        await self.close()
        for one in self._hole:
            one.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            there, back = await asyncio.open_connection(LOOPBACK, self._to)
            async with asyncio.TaskGroup() as both:
                both.create_task(_copy(reader, back))
                both.create_task(_copy(there, writer))
        except (OSError, ExceptionGroup, asyncio.CancelledError):
            pass
        finally:
            self._running.discard(task)
            for one in (writer, back if "back" in locals() else writer):
                one.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
