"""An order that is retried automatically shows how often it was tried, and when it is tried next."""

from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.enums import FailureClass, IntentState, Stage
from models.messages import Funds, OrderRef, Submission, SubmitResult
from models.order import Intent
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.attempts import PUT_OFF_AT_MOST, pause_after_put_off, why_enough
from tests.carts.bench import Bench

ORDER = "*.order.param"
EARLY = {"type": "min_email_send_timeout", "params": {"value": "1"}}


@pytest.fixture
async def bench(bench: Bench) -> Bench:
    await bench.upstream.set(skipbasket="honoured")
    return bench


async def tried(bench: Bench, order: AcceptedOrder) -> SubmitResult:
    """What was told no is proven not done before it is sent again."""
    await bench.reserve(order)
    result = await bench.submit(order)
    if result.outcome is not Submission.UNKNOWN:
        return result
    assert (await bench.settle(order)).outcome is Submission.NOT_DONE
    await bench.reserve(order)
    return await bench.submit(order)


@pytest.mark.proof
async def test_what_is_put_off_to_a_time_that_has_passed_here_is_sent_less_and_less_often(bench: Bench) -> None:
    """The upstream's clock is behind. A try a minute would fill the history, and be over after ten minutes."""
    await bench.upstream.fault(function=ORDER, sok=True, kind="error", error=EARLY)
    order = await bench.order()
    waits = []
    for times in (1, 2, 3):
        put_off = await tried(bench, order)
        assert put_off.outcome is Submission.NOT_YET, (times, put_off.reason)
        assert put_off.not_before is not None
        operation = await bench.operation(order)
        assert operation.next_try_at == put_off.not_before
        assert (operation.stage, operation.failure_class) == (Stage.RETRYING, FailureClass.NOT_YET)
        assert operation.tries == times
        waits.append(round((put_off.not_before - utc_now()).total_seconds() / 60))
    assert waits == [1, 5, 15]


async def test_all_pauses_outlast_the_difference_of_time_zones_before_a_person_is_asked(bench: Bench) -> None:
    order, waited = await bench.order(), timedelta(0)
    async with bench.database.write() as session:
        for times in range(1, PUT_OFF_AT_MOST + 1):
            session.add(
                Intent(
                    operation_id=order.operation,
                    account_id=1,
                    attempt=times,
                    mark="rf",
                    state=IntentState.REFUSED,
                    failure_class=FailureClass.NOT_YET,
                )
            )
            await session.flush()
            assert bool(await why_enough(session, order.operation)) is (times == PUT_OFF_AT_MOST)
            counted, pause = await pause_after_put_off(session, order.operation)
            assert counted == times
            waited += pause if times < PUT_OFF_AT_MOST else timedelta(0)
    assert waited > timedelta(hours=14)


async def test_a_longer_time_that_the_upstream_names_is_kept(bench: Bench) -> None:
    error = EARLY | {"params": {"value": "900"}}
    await bench.upstream.fault(function=ORDER, sok=True, kind="error", error=error)
    order = await bench.order()
    await bench.reserve(order)
    put_off = await bench.submit(order)
    assert put_off.not_before is not None
    assert (put_off.not_before - utc_now()).total_seconds() == pytest.approx(900, abs=20)


async def test_each_try_in_vain_is_counted_and_names_the_next(bench: Bench) -> None:
    order = await bench.order()
    await bench.reserve(order)
    await bench.upstream.fault(function="*", kind="http_503")
    assert (await bench.submit(order)).outcome is Submission.TROUBLE
    operation = await bench.operation(order)
    assert (operation.stage, operation.failure_class, operation.tries) == (
        Stage.RETRYING,
        FailureClass.OUTCOME_UNKNOWN,
        1,
    )
    assert "not known" not in operation.reason, "nothing was sent: it was only read"
    for tries in (2, 3):
        with pytest.raises(ApplicationError):
            await bench.submit(order, patient=True)
        operation = await bench.operation(order)
        assert operation.tries == tries
        assert operation.next_try_at is not None
        assert operation.next_try_at > utc_now()


async def test_the_cause_that_is_shown_is_that_of_the_last_try(bench: Bench) -> None:
    """Whoever mends the first one is not to be told for hours that it is still there."""
    order = await bench.order()
    await bench.reserve(order)
    await bench.upstream.fault(function="*", kind="http_503")
    assert (await bench.submit(order)).outcome is Submission.TROUBLE
    operation = await bench.operation(order)
    assert operation.failure_class is FailureClass.OUTCOME_UNKNOWN
    assert "503" in operation.reason

    async with bench.database.write() as session:
        account = await session.get_one(UpstreamAccount, 1)
        account.unhealthy_reason = "The password is refused."
        session.add(account)
    with pytest.raises(ApplicationError):
        await bench.submit(order, patient=True)
    operation = await bench.operation(order)
    assert (operation.stage, operation.failure_class) == (Stage.RETRYING, FailureClass.UNHEALTHY)
    assert operation.reason == "nothing is asked or sent while the account is unhealthy. The password is refused."


async def test_each_look_for_a_lost_answer_is_counted_and_names_the_next(bench: Bench) -> None:
    await bench.upstream.fault(function=ORDER, sok=True, kind="cut", when="before", times=1)
    order = await bench.order()
    await bench.reserve(order)
    assert (await bench.submit(order)).outcome is Submission.UNKNOWN
    await bench.upstream.fault(function="vds", kind="http_503")
    for tries in (1, 2):
        before = utc_now()
        with pytest.raises(ApplicationError) as again:
            await ActivityEnvironment().run(
                bench.activities.settlement.settle, OrderRef(service=order.service, operation=order.operation)
            )
        operation = await bench.operation(order)
        assert (operation.stage, operation.tries) == (Stage.OUTCOME_UNKNOWN, tries)
        assert again.value.next_retry_delay is not None
        assert operation.next_try_at is not None
        assert operation.next_try_at >= before + again.value.next_retry_delay


async def test_an_order_that_the_upstream_refused_for_want_of_money_says_when_it_is_asked_again(bench: Bench) -> None:
    error = {"type": "not_enough_money"}
    await bench.upstream.fault(function=ORDER, sok=True, kind="error", error=error, times=1)
    order = await bench.order()
    await bench.reserve(order)
    assert (await bench.submit(order)).outcome is Submission.FUNDS
    assert (await bench.reserve(order)).outcome is Funds.WAITING
    operation = await bench.operation(order)
    assert operation.stage is Stage.WAITING_FOR_FUNDS
    assert operation.next_try_at is not None
    assert (operation.next_try_at - utc_now()).total_seconds() == pytest.approx(600, abs=20)


async def test_an_order_for_which_money_is_wanting_is_tried_at_no_time_of_its_own(bench: Bench) -> None:
    await bench.upstream.set_balance("0.10")
    order = await bench.order()
    assert (await bench.reserve(order)).outcome is Funds.WAITING
    assert (await bench.operation(order)).next_try_at is None
