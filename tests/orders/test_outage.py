"""What is told in the log while Temporal is away, and how long a caller waits for it."""

import asyncio
import logging
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from models.enums import OperationKind
from models.messages import OrderPolicy, Written
from orders.lifecycle.acceptance import AcceptedOrder
from temporal import dispatch, outage, updates
from temporal.dispatch import Dispatcher
from temporal.outage import Outage
from tests.infrastructure.eventually import assert_eventually

AWAY = RPCError("tcp connect error", RPCStatusCode.UNAVAILABLE, b"")
REFUSED = RPCError("no such namespace", RPCStatusCode.NOT_FOUND, b"")
RETRIED = 'Status { code: Unavailable, message: "tcp connect error", source: None }'


@pytest.fixture(autouse=True)
def unmet(monkeypatch: pytest.MonkeyPatch) -> Outage:
    found = Outage()
    for module in (outage, dispatch, updates):
        monkeypatch.setattr(module, "outage", found)
    return found


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Without what servers and workers of other tests of this process log in between."""
    return [record.message for record in caplog.records if record.name == "temporal"]


def test_an_outage_is_two_lines_however_often_it_is_met(unmet: Outage, caplog: pytest.LogCaptureFixture) -> None:
    unmet.over()
    for _ in range(3):
        outage.note(AWAY, "sweep")
        outage.note(RuntimeError("Failed client connect"), "sweep")
        outage.note(TimeoutError(), "an order")
    unmet.over(quiet=timedelta(minutes=1))
    assert unmet.away, "somebody has met it just now"
    for _ in range(3):
        unmet.over()
    went, came = lines(caplog)
    assert went.startswith("Temporal can't be reached (tcp connect error): ")
    assert came == "Temporal is back after 0 s"


def test_a_refusal_is_no_outage(unmet: Outage, caplog: pytest.LogCaptureFixture) -> None:
    outage.note(REFUSED, "sweep")
    assert not unmet.away
    assert lines(caplog) == ["sweep: Temporal refuses: no such namespace"]


def core(target: str, message: str, **fields: str) -> logging.LogRecord:
    """As the SDK's core logs it."""
    record = logging.LogRecord("temporalio.core", logging.WARNING, "", 0, message, (), None)
    record.temporal_log = SimpleNamespace(target=target, message=message, fields=fields)
    return record


class Keeping(logging.Handler):
    def __init__(self, kept: list[logging.LogRecord]) -> None:
        super().__init__()
        self._kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        self._kept.append(record)


@pytest.fixture
def sdk() -> Iterator[list[logging.LogRecord]]:
    """What comes through of the SDK's records."""
    outage.listen_to_the_sdk()
    through: list[logging.LogRecord] = []
    handler = Keeping(through)
    for logger in (outage.SDK, outage.SDK_ACTIVITIES):
        logger.addHandler(handler)
    yield through
    for logger in (outage.SDK, outage.SDK_ACTIVITIES):
        logger.removeHandler(handler)


def test_what_the_sdk_tells_of_each_call_in_vain_is_one_line(
    unmet: Outage, sdk: list[logging.LogRecord], caplog: pytest.LogCaptureFixture
) -> None:
    for tries in range(5, 9):
        retried = f"gRPC call poll_workflow_task_queue retried {tries} times"
        outage.SDK.handle(core("temporalio_client::retry", retried, error=RETRIED))
        outage.SDK.handle(
            core("temporalio_sdk_core::worker::heartbeat", "Error when recording heartbeat", error=RETRIED)
        )
    spoken = "code: 'The service is currently unavailable', message: \"tcp connect error\""
    outage.SDK.handle(core("temporalio_sdk_core::worker::workflow", "Error while completing", error=spoken))
    assert sdk == []
    [line] = lines(caplog)
    assert line.startswith("Temporal can't be reached (Unavailable, tcp connect error): ")
    outage.SDK.handle(core("temporalio_sdk_core::worker::workflow", "Failing workflow task", failure="TypeError"))
    assert [record.getMessage() for record in sdk] == ["Failing workflow task"], "anything else is told"


def test_an_activity_that_the_server_gave_up_is_no_stack_trace(sdk: list[logging.LogRecord]) -> None:
    for error in (asyncio.CancelledError("Activity cancelled"), ValueError("a fault")):
        outage.SDK_ACTIVITIES.warning("Completing activity as failed", exc_info=error)
    [record] = sdk
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ValueError)


async def test_while_it_is_away_it_is_asked_until_it_is_back(
    unmet: Outage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outage, "PROBE_SECONDS", 0.01)
    monkeypatch.setattr(outage, "QUIET", timedelta(0))
    answers: list[Exception | None] = [AWAY, RuntimeError("Failed client connect"), TimeoutError(), REFUSED]

    async def describe(*, rpc_timeout: timedelta) -> None:
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    client: Any = SimpleNamespace(get_workflow_handle=lambda workflow_id: SimpleNamespace(describe=describe))
    unmet.met("gone")
    watching = asyncio.create_task(outage.watch_for_the_end(client))
    await assert_eventually(lambda: not unmet.away)
    watching.cancel()
    assert answers == []
    assert len(lines(caplog)) == 2


async def test_an_order_waits_a_moment_for_temporal_whatever_there_is_to_tell(unmet: Outage) -> None:
    """Somewhere that takes connections and says nothing. Three waits of three seconds were nine."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nobody: Any = None
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        client = await Client.connect(address, lazy=True)
        dispatcher = Dispatcher(nobody, client, "orders", OrderPolicy())
        aside = AcceptedOrder(service=1, operation=1, kind=OperationKind.PROLONG, upstream="main", created=True)
        order = AcceptedOrder(
            service=1, operation=2, kind=OperationKind.SUSPEND, upstream="main", created=True, stepped_aside=aside
        )
        before = time.monotonic()
        assert (await dispatcher.accepted(order)).started_at is None
        first = time.monotonic() - before
        unmet.met("silence")
        before = time.monotonic()
        for _ in range(100):  # one finds out whether it is back; the others do not wait
            assert (await dispatcher.accepted(order)).started_at is None
        rest = time.monotonic() - before
        for one in dispatcher.under_way:
            one.cancel()
    assert first < 1
    assert rest < 1


async def test_a_decision_does_not_wait_long_for_a_temporal_that_is_known_to_be_away(
    unmet: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "UPDATE_TIMEOUT_WHILE_AWAY_SECONDS", 0.05)
    nobody: Any = None

    async def execute_update(*_: object, **__: object) -> None:
        await asyncio.sleep(60)

    unmet.met("gone")
    silent: Any = SimpleNamespace(execute_update=execute_update)
    with pytest.raises(updates.TemporalUnavailable):
        await asyncio.wait_for(updates.execute(nobody, silent, None, Written(word="w"), "it"), 5)


@pytest.mark.parametrize("away", [False, True])
async def test_before_a_process_ends_temporal_is_told_what_it_would_hear_in_a_moment(
    unmet: Outage, monkeypatch: pytest.MonkeyPatch, away: bool
) -> None:
    """A command's first call connects first, and may take longer than the order's answer waits."""
    monkeypatch.setattr(dispatch, "ANSWER_SECONDS", 0.0)
    slow, started = asyncio.Event(), asyncio.Event()

    async def start_accepted(*_: object) -> None:
        await slow.wait()
        started.set()

    monkeypatch.setattr(dispatch, "start_accepted", start_accepted)
    nobody: Any = None
    dispatcher = Dispatcher(nobody, nobody, "orders", OrderPolicy())
    order = AcceptedOrder(service=1, operation=1, kind=OperationKind.OPEN, upstream="main", created=True)
    assert (await dispatcher.accepted(order)).started_at is None
    if away:
        unmet.met("gone")
    else:
        asyncio.get_running_loop().call_later(0.05, slow.set)
    await asyncio.wait_for(dispatcher.finish(), 5)
    assert started.is_set() is not away
    slow.set()
