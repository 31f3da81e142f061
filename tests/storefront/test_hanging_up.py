"""A caller who goes away in the middle is no fault of the API: a line in the log, and no stack trace."""

import logging

import anyio
import h11
import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from storefront.requestlog import RequestLog

SCOPE = {"type": "http", "method": "GET", "raw_path": b"/v1/operations/1/stream", "headers": []}


async def nothing() -> Message:
    return {"type": "http.disconnect"}


async def asked(error: Exception) -> list[Message]:
    """What is sent by an application that breaks so after the head of its answer."""
    sent: list[Message] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise error

    async def send(message: Message) -> None:
        sent.append(message)

    await RequestLog(app)(dict(SCOPE), nothing, send)
    return sent


def of_requests(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Without what a server of another test of this process logs in between."""
    return [record for record in caplog.records if record.name.startswith("storefront.")]


@pytest.mark.parametrize(
    "error",
    [
        ExceptionGroup("stream", [anyio.BrokenResourceError()]),
        ExceptionGroup("stream", [ExceptionGroup("inner", [anyio.ClosedResourceError()]), ClientDisconnect()]),
        h11.LocalProtocolError("can't handle event type Response when role=SERVER and state=MUST_CLOSE"),
    ],
)
async def test_hanging_up_is_a_line_in_the_log(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        sent = await asked(error)
    assert [message["type"] for message in sent] == ["http.response.start"]
    assert [(record.levelname, record.exc_info) for record in of_requests(caplog)] == [("INFO", None)]


@pytest.mark.parametrize(
    "error", [ExceptionGroup("mixed", [anyio.BrokenResourceError(), KeyError("a")]), OSError("disk")]
)
async def test_what_broke_beside_it_is_told(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(type(error)):
        await asked(error)
    assert any(record.exc_info for record in of_requests(caplog))
