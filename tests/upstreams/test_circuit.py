"""The limits of an account and its circuit breakers, at a real panel."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from models.circuits import ACCOUNT, CircuitNote, CircuitState
from tests.upstreams.conftest import GateClock
from tests.upstreams.panel import A_LIST, Panel, cut_before_answer, doc, http, refusal
from upstreams import gate as gates
from upstreams import httpcalls
from upstreams.billmanager import BillmanagerConnection, BillmanagerUpstream
from upstreams.circuit import FAILURES
from upstreams.errors import Busy, CircuitOpen, NotSent, OutcomeUnknown, UpstreamError
from upstreams.gate import Gate
from upstreams.lease import Clocks, Lease, holding
from upstreams.limits import AccountLimits, Limits, limits_of
from upstreams.port import OrderSpec

ORDERED = doc("<ok/><id>900123</id>")


class Account:
    """One account at the panel, whose gate the test sees."""

    def __init__(self, panel: Panel, connection: BillmanagerConnection | None = None) -> None:
        self.panel = panel
        self.gate = Gate()
        self.upstream = BillmanagerUpstream(connection or panel.connection(), gate=self.gate)

    def state(self, name: str) -> CircuitState:
        notes = self.gate.notes()
        return notes[name].state if name in notes else CircuitState.CLOSED

    async def read(self) -> None:
        await self.upstream.list_items("vds")

    async def fails(self, times: int, ask: Callable[[], Awaitable[object]] | None = None) -> None:
        for _ in range(times):
            self.panel.answers(cut_before_answer)
            with pytest.raises(OutcomeUnknown):
                await (ask or self.read)()

    async def works(self) -> None:
        self.panel.answers(A_LIST)
        await self.read()


@pytest.fixture
async def account(panel: Panel, clock: GateClock) -> Account:
    account = Account(panel)
    await account.works()
    return account


def lease() -> Lease:
    return Lease.starting(Clocks.now(), timedelta(seconds=10))


async def test_after_several_unanswered_requests_nothing_is_asked_before_the_next_try(
    account: Account, clock: GateClock
) -> None:
    await account.fails(FAILURES)
    asked = len(account.panel.requests)
    with pytest.raises(
        CircuitOpen, match=r"not sent\. Requests of the account have not been answered since"
    ) as refused:
        await account.read()
    assert len(account.panel.requests) == asked
    assert refused.value.next_try is not None
    assert 0 < (refused.value.next_try - datetime.now(UTC)).total_seconds() <= 5
    assert account.state(ACCOUNT) is CircuitState.OPEN


async def test_two_unanswered_requests_that_last_open_it_too(account: Account, clock: GateClock) -> None:
    await account.fails(1)
    clock.pass_(9.0)
    await account.fails(1)
    assert account.state(ACCOUNT) is CircuitState.CLOSED
    clock.pass_(1.5)
    await account.fails(1)
    assert account.state(ACCOUNT) is CircuitState.OPEN


async def test_a_refusal_is_an_answer(account: Account, clock: GateClock) -> None:
    for _ in range(3):
        await account.fails(FAILURES - 1)
        account.panel.answers(refusal("value", "elid"))
        with pytest.raises(UpstreamError):
            await account.read()
    assert account.state(ACCOUNT) is CircuitState.CLOSED


async def test_a_gateways_502_is_no_answer(account: Account, clock: GateClock) -> None:
    for _ in range(FAILURES):
        account.panel.answers(http("", 502))
        with pytest.raises(OutcomeUnknown):
            await account.read()
    assert account.state(ACCOUNT) is CircuitState.OPEN


async def test_one_request_tries_and_its_answer_lets_the_others_go(account: Account, clock: GateClock) -> None:
    await account.fails(FAILURES)
    clock.pass_(5.0)
    account.panel.answers(account.panel.stall)
    trying = asyncio.create_task(account.read())
    while account.state(ACCOUNT) is not CircuitState.HALF_OPEN:
        await asyncio.wait([trying], timeout=0.01)
    with pytest.raises(CircuitOpen):
        await account.read()
    clock.pass_(5.0)  # it gets no answer for long, so another one tries
    await account.works()
    assert account.state(ACCOUNT) is CircuitState.CLOSED
    await account.works()
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)


async def test_the_rests_grow_to_a_bound(account: Account, clock: GateClock) -> None:
    await account.fails(FAILURES)
    rests = []
    for _ in range(5):
        began = clock.now
        while account.gate.notes()[ACCOUNT].state is not CircuitState.HALF_OPEN:
            clock.pass_(0.5)
            account.panel.answers(cut_before_answer)
            try:
                await account.read()
            except CircuitOpen:
                continue
            except OutcomeUnknown:
                break
        rests.append(clock.now - began)
    assert rests[0] == 5.0
    assert rests == sorted(rests)
    assert rests[-1] == 10.0


async def test_one_function_that_hangs_leaves_the_others_open(account: Account, clock: GateClock) -> None:
    for _ in range(FAILURES):
        await account.fails(1, lambda: account.upstream.read_item("vds", "1"))
        await account.works()
    assert account.state(ACCOUNT) is CircuitState.CLOSED
    with pytest.raises(CircuitOpen, match=r'kind "vds\.edit"'):
        await account.upstream.read_item("vds", "1")
    await account.works()


async def test_nothing_refuses_a_request_that_has_its_permit(
    account: Account, spec: OrderSpec, clock: GateClock
) -> None:
    async with account.gate.permit("order 1", "open"):
        await account.fails(FAILURES)
        assert account.state(ACCOUNT) is CircuitState.OPEN
        account.panel.answers(ORDERED)
        with holding(lease()):
            assert (await account.upstream.order(spec)).upstream_number == "900123"
    assert account.state(ACCOUNT) is CircuitState.CLOSED


async def test_a_kind_of_operation_that_gets_no_answers_is_refused_its_permit(
    account: Account, spec: OrderSpec, clock: GateClock
) -> None:
    for _ in range(FAILURES):
        async with account.gate.permit("order 1", "open"):
            account.panel.answers(cut_before_answer)
            with holding(lease()), pytest.raises(OutcomeUnknown):
                await account.upstream.order(spec)
        await account.works()  # what is only read is answered
    with pytest.raises(CircuitOpen):
        account.gate.check_request("order 2", "open")
    with pytest.raises(CircuitOpen):
        async with account.gate.permit("order 2", "open"):
            pytest.fail("it was let through")
    async with account.gate.permit("order 3", "prolong"):
        pass
    clock.pass_(10.0)
    async with account.gate.permit("order 2", "open"):
        with pytest.raises(CircuitOpen):
            account.gate.check_request("order 4", "open")


async def test_who_waited_for_a_place_is_refused_if_the_breaker_has_opened_meanwhile(
    account: Account, spec: OrderSpec, clock: GateClock
) -> None:
    """Otherwise each place of those that hang would send one more request there."""
    account.gate.limits = Limits(requests_at_once=2)
    asked, outside = len(account.panel.requests), copy_context()

    async def ordering() -> None:
        async with account.gate.permit("order 2", "open"):
            pytest.fail("it was let through")

    async def reading() -> None:
        await account.upstream.read_item("vds", "2")

    async with account.gate.permit("order 1", "open"):
        account.panel.answers(account.panel.stall)
        hanging = asyncio.create_task(account.upstream.read_item("vds", "1"), context=outside)
        while len(account.panel.requests) == asked:
            await asyncio.wait([hanging], timeout=0.01)
        waiting = [asyncio.create_task(one(), context=outside.copy()) for one in (ordering, reading)]
        await asyncio.wait(waiting, timeout=0.1)
        with holding(lease()):
            await account.fails(FAILURES, lambda: account.upstream.order(spec))
        assert account.state(ACCOUNT) is account.state("open") is CircuitState.OPEN
        asked = len(account.panel.requests)
    hanging.cancel()
    for outcome in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(outcome, CircuitOpen), outcome
    assert len(account.panel.requests) == asked
    await asyncio.gather(hanging, return_exceptions=True)


@pytest.mark.proof
async def test_a_kind_whose_requests_never_leave_is_tried_as_often_as_reads(
    account: Account, spec: OrderSpec, clock: GateClock
) -> None:
    """Nothing has to be settled after them. Reads go on meanwhile, over a connection that was there before."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/billmgr"
    away = BillmanagerUpstream(account.panel.connection(url=url), gate=account.gate)
    tries: list[float] = []
    ends = clock.now + 120
    while clock.now < ends:
        clock.pass_(0.5)
        try:
            async with account.gate.permit("order 1", "open"):
                with holding(lease()), pytest.raises(NotSent, match="not sent"):
                    await away.order(spec)
            tries.append(clock.now)
        except CircuitOpen:
            pass
        await account.works()
    assert account.state("open") is CircuitState.OPEN
    assert max(later - one for one, later in pairwise(tries)) <= 10.0


async def test_looks_that_settle_pass_at_a_low_rate(account: Account, clock: GateClock) -> None:
    await account.fails(FAILURES)
    with account.gate.settling("order 1"):
        await account.fails(2)
    with pytest.raises(CircuitOpen), account.gate.settling("order 2"):
        pytest.fail("it was let through")
    clock.pass_(gates.SETTLE_SECONDS)
    with account.gate.settling("order 2"):
        await account.works()
    assert account.state(ACCOUNT) is CircuitState.CLOSED


async def test_another_process_takes_an_open_breaker_over_unless_it_was_answered_since(
    panel: Panel, clock: GateClock
) -> None:
    now = datetime.now(UTC)
    note = CircuitNote(state=CircuitState.OPEN, since=now, why="no answer", next_try=now + timedelta(seconds=5))
    other = Account(panel)
    other.gate.learn_circuits({ACCOUNT: note})
    with pytest.raises(CircuitOpen, match="no answer"):
        await other.read()
    clock.pass_(5.1)
    await other.works()
    other.gate.learn_circuits({ACCOUNT: note})
    await other.works()


async def test_a_function_has_half_of_the_requests_at_once(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "PATIENCE", 0.05)
    account = Account(panel)
    account.gate.limits = Limits(requests_at_once=4)
    await account.works()
    panel.answers(panel.stall, panel.stall)
    hanging = [asyncio.create_task(account.upstream.read_item("vds", "1")) for _ in range(2)]
    while len(panel.requests) < 3:
        await asyncio.wait(hanging, timeout=0.01)
    with pytest.raises(Busy, match="2 requests like it are under way, the most allowed"):
        await account.upstream.read_item("vds", "2")
    await account.works()
    for one in hanging:
        one.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    panel.answers(A_LIST)
    await account.read()


async def test_requests_keep_to_the_rate(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "PATIENCE", 0.3)
    account = Account(panel)
    account.gate.limits = Limits(requests_per_second=1.0)
    await account.works()
    with pytest.raises(Busy, match="1 requests a second are the most allowed"):
        await account.read()


async def test_a_change_has_its_time_from_the_moment_it_leaves(panel: Panel, spec: OrderSpec) -> None:
    """An answer that trickles in does not lengthen it: it is the flight that a proof of absence waits for."""

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"<")
            await writer.drain()
            await asyncio.sleep(0.05)

    server = await asyncio.start_server(trickle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/billmgr"
    slow = Account(panel, panel.connection(order_timeout=0.5, url=url))
    began = asyncio.get_running_loop().time()
    with holding(lease()), pytest.raises(OutcomeUnknown):
        await slow.upstream.order(spec)
    assert asyncio.get_running_loop().time() - began < httpcalls.POOL_TIMEOUT
    server.close()


def test_an_account_may_have_twice_the_time_of_the_settings() -> None:
    limits = limits_of(AccountLimits(read_timeout=20, order_timeout=300), read_timeout=12, order_timeout=30)
    assert (limits.read_timeout, limits.order_timeout) == (20, 60)
    assert limits_of(AccountLimits(), read_timeout=12, order_timeout=30) == Limits()
