"""The client: sends what the methods describe, and sends again what may be; lists to the end, streams, waiting."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Container, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Any, Literal, ParamSpec, Self, TypeVar

import anyio
import httpx
import stamina
from httpx_sse import SSEError, aconnect_sse

from resellflow_client._async.methods import AsyncMethods
from resellflow_client.calls import Answer, Awaitable, Call, Page, Retries, address_of, headers_of
from resellflow_client.errors import ProblemError
from resellflow_client.models import Feed, MessageType, OperationDetail, Stage, StageOf
from resellflow_client.streams import (
    ENDED,
    EVENTS,
    PAUSE_SECONDS,
    WAIT_ENDS,
    missed,
    silence_allowed,
    stage_in,
    stream_call,
    stream_headers,
)

P = ParamSpec("P")
T = TypeVar("T")

TIMEOUT_SECONDS = 60.0
"""For an answer. A decision about an operation is answered when it is carried out."""


class AsyncClient(AsyncMethods):
    """An open connection to a Resellflow. Close it, or use it with `async with`.

    address: of the API, like `https://resellflow.example.com`. token: of a storefront or an operator.
    http: your own httpx client, for proxies and certificates; it stays yours to close. Its address and token are ours.
    """

    def __init__(
        self, address: str, token: str, *, retries: Retries | None = None, http: httpx.AsyncClient | None = None
    ) -> None:
        """Raises ValueError for what can be no address or no token."""
        self._address = address_of(address)
        self._headers = headers_of(token)
        self._retries = retries or Retries()
        self._owned = http is None
        self._http = httpx.AsyncClient(timeout=TIMEOUT_SECONDS) if http is None else http

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        if self._owned:
            await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        """Carry out a call. Raises ProblemError, ConnectionFailed and UnexpectedAnswer."""
        return (await self.answer(call)).body

    async def answer(self, call: Call[T]) -> Answer[T]:
        """The same, with the status of the answer."""
        async for attempt in stamina.retry_context(
            on=self._retries.of(call), attempts=self._retries.attempts, timeout=self._retries.timeout
        ):
            with attempt:
                found = await self._once(call)
                return Answer(found.status_code, call.read(found))
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _once(self, call: Call[Any]) -> httpx.Response:
        try:
            return await self._http.request(
                call.method,
                self._address + call.url(),
                params=call.params(),
                headers={**self._headers, **call.headers()},
                content=call.content(),
            )
        except httpx.TransportError as error:
            raise call.failed(error) from error

    async def every(
        self, listing: Callable[P, Awaitable[Page[T]]], *args: P.args, **kwargs: P.kwargs
    ) -> AsyncIterator[T]:
        """All entries of a list, page after page: `client.every(client.list_of_services, customer=["c-17"])`."""
        while True:
            page = await listing(*args, **kwargs)
            for item in page.items:
                yield item
            if page.next_cursor is None:
                return
            kwargs["cursor"] = page.next_cursor

    async def feed(
        self,
        cursor: str | None = None,
        *,
        start: Literal["oldest", "now"] | None = None,
        type: Sequence[MessageType] | None = None,
        service: Sequence[int] | None = None,
        every_seconds: float | None = None,
    ) -> AsyncIterator[Feed]:
        """Pages of events, oldest first. Keep a page's `next_cursor` when you have dealt with its items.

        It ends when there are no more for now; with `every_seconds` it then asks again after so long, for ever.
        Raises ProblemError of the slug `events-gone` for a cursor that is too old.
        """
        while True:
            page = await self.list_of_all_events(cursor=cursor, start=start, type=type, service=service)
            cursor = page.next_cursor
            if page.items or every_seconds is None:
                yield page
            if page.more:
                continue
            if every_seconds is None:
                return
            await anyio.sleep(every_seconds)

    async def wait(
        self, number: int, *, until: Container[Stage] = WAIT_ENDS, timeout: float | None = None
    ) -> OperationDetail:
        """The operation as soon as it is in one of the stages `until`, or has ended. Without `until`: when nothing
        happens automatically any more, because it has ended or needs a person.

        Raises WaitedTooLong after `timeout` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        operation = await self.show_operation(number)
        seen = operation.stages[-1].id if operation.stages else None
        if operation.stage in until or operation.stage in ENDED:
            return operation
        async with aclosing(self._followed(number, seen, deadline)) as stages:
            async for passed in stages:
                if passed.stage in until:
                    operation = await self.show_operation(number)
                    if operation.stage in until:
                        return operation
        return await self.show_operation(number)

    async def follow(self, number: int, *, after: int | None = None) -> AsyncGenerator[StageOf, None]:
        """Every stage that the operation enters, also those that it entered before, until it has ended.

        after: `id` of the last stage that you know. A stream that breaks is taken up again where it was; where none can
        be had, the operation is read. Raises ProblemError and ConnectionFailed when that is not possible either.
        """
        async with aclosing(self._followed(number, after, None)) as stages:
            async for passed in stages:
                yield passed

    async def _followed(self, number: int, after: int | None, deadline: float | None) -> AsyncGenerator[StageOf, None]:
        while True:
            try:
                async with aclosing(self._streamed(number, after, silence_allowed(deadline))) as stages:
                    async for passed in stages:
                        if passed is None:
                            return
                        after = passed.id
                        yield passed
            except (httpx.TransportError, SSEError, ProblemError):
                pass  # reading the operation shows what it is: where that is refused, too, it raises the same
            operation = await self.show_operation(number)
            for passed in missed(operation, after):
                after = passed.id
                yield passed
            if operation.stage in ENDED:
                return
            await anyio.sleep(min(PAUSE_SECONDS, silence_allowed(deadline)))

    async def _streamed(self, number: int, after: int | None, silence: float) -> AsyncGenerator[StageOf | None, None]:
        """One stream, as far as it goes; at the end of the operation None."""
        call = stream_call(number)
        async with aconnect_sse(
            self._http,
            call.method,
            self._address + call.url(),
            headers={**self._headers, **stream_headers(after)},
            timeout=httpx.Timeout(TIMEOUT_SECONDS, read=silence),
        ) as source:
            if source.response.is_error:
                await source.response.aread()
                raise ProblemError(source.response)
            async for event in source.aiter_sse():
                if event.event in EVENTS:
                    yield stage_in(event)
