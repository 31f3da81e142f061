"""The client: sends what the methods describe, and sends again what may be; lists to the end, streams, waiting."""

import time
from collections.abc import Callable, Container, Generator, Iterator, Sequence
from contextlib import closing
from types import TracebackType
from typing import Any, Literal, ParamSpec, Self, TypeVar

import httpx
import stamina
from httpx_sse import SSEError, connect_sse

from resellflow_client._sync.methods import Methods
from resellflow_client.calls import Answer, Call, Direct, Page, Retries, address_of, headers_of
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


class Client(Methods):
    """An open connection to a Resellflow. Close it, or use it with `async with`.

    address: of the API, like `https://resellflow.example.com`. token: of a storefront or an operator.
    http: your own httpx client, for proxies and certificates; it stays yours to close. Its address and token are ours.
    """

    def __init__(
        self, address: str, token: str, *, retries: Retries | None = None, http: httpx.Client | None = None
    ) -> None:
        """Raises ValueError for what can be no address or no token."""
        self._address = address_of(address)
        self._headers = headers_of(token)
        self._retries = retries or Retries()
        self._owned = http is None
        self._http = httpx.Client(timeout=TIMEOUT_SECONDS) if http is None else http

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._owned:
            self._http.close()

    def send(self, call: Call[T]) -> T:
        """Carry out a call. Raises ProblemError, ConnectionFailed and UnexpectedAnswer."""
        return (self.answer(call)).body

    def answer(self, call: Call[T]) -> Answer[T]:
        """The same, with the status of the answer."""
        for attempt in stamina.retry_context(
            on=self._retries.of(call), attempts=self._retries.attempts, timeout=self._retries.timeout
        ):
            with attempt:
                found = self._once(call)
                return Answer(found.status_code, call.read(found))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _once(self, call: Call[Any]) -> httpx.Response:
        try:
            return self._http.request(
                call.method,
                self._address + call.url(),
                params=call.params(),
                headers={**self._headers, **call.headers()},
                content=call.content(),
            )
        except httpx.TransportError as error:
            raise call.failed(error) from error

    def every(self, listing: Callable[P, Direct[Page[T]]], *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        """All entries of a list, page after page: `client.every(client.list_of_services, customer=["c-17"])`."""
        while True:
            page = listing(*args, **kwargs)
            for item in page.items:
                yield item
            if page.next_cursor is None:
                return
            kwargs["cursor"] = page.next_cursor

    def feed(
        self,
        cursor: str | None = None,
        *,
        start: Literal["oldest", "now"] | None = None,
        type: Sequence[MessageType] | None = None,
        service: Sequence[int] | None = None,
        every_seconds: float | None = None,
    ) -> Iterator[Feed]:
        """Pages of events, oldest first. Keep a page's `next_cursor` when you have dealt with its items.

        It ends when there are no more for now; with `every_seconds` it then asks again after so long, for ever.
        Raises ProblemError of the slug `events-gone` for a cursor that is too old.
        """
        while True:
            page = self.list_of_all_events(cursor=cursor, start=start, type=type, service=service)
            cursor = page.next_cursor
            if page.items or every_seconds is None:
                yield page
            if page.more:
                continue
            if every_seconds is None:
                return
            time.sleep(every_seconds)

    def wait(
        self, number: int, *, until: Container[Stage] = WAIT_ENDS, timeout: float | None = None
    ) -> OperationDetail:
        """The operation as soon as it is in one of the stages `until`, or has ended. Without `until`: when nothing
        happens automatically any more, because it has ended or needs a person.

        Raises WaitedTooLong after `timeout` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        operation = self.show_operation(number)
        seen = operation.stages[-1].id if operation.stages else None
        if operation.stage in until or operation.stage in ENDED:
            return operation
        with closing(self._followed(number, seen, deadline)) as stages:
            for passed in stages:
                if passed.stage in until:
                    operation = self.show_operation(number)
                    if operation.stage in until:
                        return operation
        return self.show_operation(number)

    def follow(self, number: int, *, after: int | None = None) -> Generator[StageOf, None]:
        """Every stage that the operation enters, also those that it entered before, until it has ended.

        after: `id` of the last stage that you know. A stream that breaks is taken up again where it was; where none can
        be had, the operation is read. Raises ProblemError and ConnectionFailed when that is not possible either.
        """
        with closing(self._followed(number, after, None)) as stages:
            for passed in stages:
                yield passed

    def _followed(self, number: int, after: int | None, deadline: float | None) -> Generator[StageOf, None]:
        while True:
            try:
                with closing(self._streamed(number, after, silence_allowed(deadline))) as stages:
                    for passed in stages:
                        if passed is None:
                            return
                        after = passed.id
                        yield passed
            except (httpx.TransportError, SSEError, ProblemError):
                pass  # reading the operation shows what it is: where that is refused, too, it raises the same
            operation = self.show_operation(number)
            for passed in missed(operation, after):
                after = passed.id
                yield passed
            if operation.stage in ENDED:
                return
            time.sleep(min(PAUSE_SECONDS, silence_allowed(deadline)))

    def _streamed(self, number: int, after: int | None, silence: float) -> Generator[StageOf | None, None]:
        """One stream, as far as it goes; at the end of the operation None."""
        call = stream_call(number)
        with connect_sse(
            self._http,
            call.method,
            self._address + call.url(),
            headers={**self._headers, **stream_headers(after)},
            timeout=httpx.Timeout(TIMEOUT_SECONDS, read=silence),
        ) as source:
            if source.response.is_error:
                source.response.read()
                raise ProblemError(source.response)
            for event in source.iter_sse():
                if event.event in EVENTS:
                    yield stage_in(event)
