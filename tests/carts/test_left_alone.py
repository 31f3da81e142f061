"""An account that asks to be left alone, or refuses the log-in: orders wait, and do not ask it one after the other."""

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import select
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from catalogue.capabilities import check_upstream
from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.enums import FailureClass, IntentState, Stage
from models.messages import Funds, OrderRef, PollInput, Submission
from orders import events
from tests.carts.bench import Bench
from tests.flow.shop import PASSWORD, PASSWORD_VARIABLE
from upstreams.connections import Connections
from upstreams.errors import ConnectionUnhealthy
from worker import Activities

ORDER = "*.order.param"


@pytest.fixture
async def bench(bench: Bench) -> Bench:
    await bench.upstream.set(skipbasket="honoured")
    return bench


async def account(bench: Bench) -> UpstreamAccount:
    async with bench.database.read() as session:
        return (await session.exec(select(UpstreamAccount))).one()


async def asked(bench: Bench) -> int:
    return len(await bench.upstream.requests())


async def poll(bench: Bench) -> None:
    watch = PollInput(upstream="main", lap=timedelta(seconds=0.2))
    await ActivityEnvironment().run(bench.activities.polling.poll_upstream, watch)


async def test_orders_of_an_account_with_a_wrong_password_wait_for_the_one_that_asks(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upstream locks the account after five refused log-ins: the right password would not help any more."""
    await bench.upstream.set(login_lock=5)
    orders = [await bench.order() for _ in range(3)]
    monkeypatch.setenv(PASSWORD_VARIABLE, "wrong")
    for _ in range(20):
        results = await asyncio.gather(*(bench.reserve(order) for order in orders))
        assert {result.outcome for result in results} == {Funds.TROUBLE}
    assert await asked(bench) <= 2, "each of three orders asked twenty times"
    operation = await bench.operation(orders[0])
    assert (operation.stage, operation.failure_class) == (Stage.RETRYING, FailureClass.UNHEALTHY)
    assert "not logged in" in operation.reason
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    await poll(bench)
    assert (await account(bench)).unhealthy_reason is None
    for order in orders:
        await bench.to_the_end(order)


@pytest.mark.proof
async def test_an_unhealthy_account_is_not_asked_by_orders_of_another_process_either(bench: Bench) -> None:
    await events.record_health(bench.database, 1, "Upstream main, auth: not logged in")
    order, before = await bench.order(), await asked(bench)
    assert (await bench.reserve(order)).outcome is Funds.TROUBLE
    assert (await bench.submit(order)).outcome is Submission.TROUBLE
    assert await asked(bench) == before
    await poll(bench)
    await bench.reserve(order)
    await bench.upstream.fault(function=ORDER, sok=True, kind="cut", when="after", times=1)
    assert (await bench.submit(order)).outcome is Submission.UNKNOWN
    await events.record_health(bench.database, 1, "Upstream main, auth: not logged in")
    before = await asked(bench)
    ref = OrderRef(service=order.service, operation=order.operation)
    with pytest.raises(ApplicationError, match="while the account is unhealthy"):
        await ActivityEnvironment().run(bench.activities.settlement.settle, ref)
    assert await asked(bench) == before
    await poll(bench)
    assert (await bench.settle(order)).outcome is Submission.ACCEPTED
    await events.record_health(bench.database, 1, "Upstream main, auth: not logged in")
    before = await asked(bench)
    with pytest.raises(ApplicationError, match="while the account is unhealthy"):
        await bench.look(order)
    assert await asked(bench) == before


@pytest.mark.proof
async def test_a_429_to_an_order_leaves_its_outcome_unknown_and_the_account_alone_in_every_process(
    bench: Bench,
) -> None:
    order = await bench.order()
    await bench.reserve(order)
    await bench.upstream.fault(function=ORDER, sok=True, kind="http_429", when="after", retry_after="5", times=1)
    sent = await bench.submit(order)
    assert sent.outcome is Submission.UNKNOWN
    rests_until = (await account(bench)).rests_until
    assert rests_until is not None
    assert 0 < (rests_until - utc_now()).total_seconds() <= 5
    before = await asked(bench)
    another = Activities(bench.database, bench.activities.funds._client, bench.settings)
    with pytest.raises(ApplicationError, match=r"nothing is asked of the account before .*429") as waits:
        await ActivityEnvironment().run(
            another.settlement.settle, OrderRef(service=order.service, operation=order.operation)
        )
    await another.close()
    assert waits.value.next_retry_delay is not None
    assert waits.value.next_retry_delay > timedelta(seconds=2)
    assert await asked(bench) == before
    assert (await bench.settle(order)).outcome is Submission.ACCEPTED
    assert [state for _, state in await bench.steps(order)] == [IntentState.ACCEPTED.value]
    assert len(await bench.charges()) == 1


async def test_the_poller_waits_too_and_tells_the_others(bench: Bench) -> None:
    await bench.upstream.fault(function="*", kind="http_429", retry_after="3600")
    await poll(bench)
    assert await asked(bench) == 1
    found = await account(bench)
    assert found.rests_until is not None
    assert (found.rests_until - utc_now()).total_seconds() == pytest.approx(3600, abs=30)
    assert "asks to be left alone" not in (found.unhealthy_reason or "")
    assert "429" in (found.unhealthy_reason or "")


@pytest.mark.proof
async def test_a_check_by_hand_that_finds_the_account_well_lets_its_orders_go_on(bench: Bench) -> None:
    """Mended at the upstream: the password stays, so the gate would wait for its next try."""
    await bench.upstream.set(extraconfirm=True)
    order = await bench.order()
    assert (await bench.reserve(order)).outcome is Funds.TROUBLE
    assert (await bench.reserve(order)).outcome is Funds.TROUBLE
    await bench.upstream.set(extraconfirm=False)
    async with Connections(read_timeout=3, order_timeout=3) as connections:
        await check_upstream(bench.database, connections, "main")
    assert (await account(bench)).unhealthy_reason is None
    assert (await bench.reserve(order)).outcome is Funds.GRANTED


async def test_what_one_step_was_asked_for_a_later_one_writes_down_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Whichever call met the 429: the next one that heeds it tells the other processes."""
    order = await bench.order()
    await bench.reserve(order)
    await bench.upstream.fault(function="*", kind="http_429", retry_after="600", times=1)
    async with bench.database.read() as session:
        found = (await session.exec(select(UpstreamAccount))).one()
    upstream = await bench.activities.funds._connections.to(found)
    with pytest.raises(ConnectionUnhealthy):
        await upstream.read_item("vds", "1")
    assert (await account(bench)).rests_until is None
    for _ in range(3):
        assert (await bench.submit(order)).outcome is Submission.TROUBLE
    assert (await account(bench)).rests_until is not None
    assert caplog.text.count("is left alone until") == 1
