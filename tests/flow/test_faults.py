"""One charge per order under every fault; nobody presses Start."""

import asyncio

import pytest

from models.enums import Stage
from orders.views import list_intents
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually

ORDER = "*.order.param"

LOST_AFTER_COMMIT = [{"kind": "cut", "when": "after"}]
ALSO_LOST_AFTER_COMMIT = [
    {"kind": "hang", "when": "after", "seconds": 6},
    {"kind": "truncate", "when": "after"},
    {"kind": "http_502", "when": "after"},
    {"kind": "html", "when": "after"},
    {"kind": "error", "when": "after", "error": {"type": "query"}},
]
"""`tests/upstreams` shows of each answer that its outcome is unknown, and what is unknown is settled in one way."""
LONG = [pytest.param(fault, marks=pytest.mark.proof) for fault in ALSO_LOST_AFTER_COMMIT]
LOST_BEFORE_COMMIT = [
    {"kind": "cut", "when": "before"},
]


async def _one_service_charged_once(shop: Shop, order_numbers: int = 1) -> None:
    assert len(await shop.upstream.charges()) == order_numbers
    items = await shop.upstream.items()
    assert len(items) == order_numbers, items


@pytest.mark.parametrize("fault", [*LOST_AFTER_COMMIT, *LONG], ids=lambda f: f["kind"])
async def test_an_answer_lost_after_the_upstream_accepted_is_one_service(shop: Shop, fault: dict[str, object]) -> None:
    await shop.upstream.fault(function=ORDER, sok=True, times=1, **fault)
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED)
    await _one_service_charged_once(shop)
    assert "outcome_unknown" in await shop.stages(order.operation)
    [intent] = await shop.intents(order.operation)
    assert intent.upstream_number == (await shop.service(order.service)).upstream_number
    async with shop.database.read() as session:
        [shown] = await list_intents(session, order.operation)
    assert {"pricelist", "datacenter", "remoteid"} <= shown.request.keys()


@pytest.mark.parametrize("fault", LOST_BEFORE_COMMIT, ids=lambda f: f["kind"])
async def test_a_request_lost_on_its_way_is_sent_again_once_its_absence_is_proven(
    shop: Shop, fault: dict[str, object]
) -> None:
    await shop.upstream.fault(function=ORDER, sok=True, times=1, **fault)
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED)
    await _one_service_charged_once(shop)
    first, second = await shop.intents(order.operation)
    assert first.state == "not_done"
    assert second.state == "accepted"
    assert second.created_at - first.created_at >= shop.window


@pytest.mark.proof
async def test_answers_without_a_number_are_found_by_their_mark(shop: Shop) -> None:
    await shop.upstream.set(orders_return="none")
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED)
    await _one_service_charged_once(shop)


@pytest.mark.proof
async def test_where_no_mark_is_shown_a_lost_answer_needs_a_person_and_nothing_is_sent(shop: Shop) -> None:
    await shop.upstream.set(remoteid_in_lists=False, remoteid_in_forms=False, domain_in_lists=False)
    await shop.upstream.fault(function=ORDER, sok=True, times=1, kind="cut", when="after")
    order = await shop.order()
    operation = await shop.until(order, Stage.NEEDS_ATTENTION, Stage.COMPLETED)
    await _one_service_charged_once(shop)
    if operation.stage is Stage.NEEDS_ATTENTION:
        assert "cannot tell" in operation.waits_for


async def test_an_upstream_that_is_down_is_tried_again_by_itself(shop: Shop) -> None:
    await shop.upstream.fault(function="*", kind="http_503", when="before")
    order = await shop.order()
    await shop.until(order, Stage.RETRYING)
    await shop.upstream.admin("DELETE", "/faults")
    await shop.until(order, Stage.COMPLETED)
    await _one_service_charged_once(shop)


async def test_a_dry_balance_waits_and_goes_on_by_itself_in_order_never_overdrawn(shop: Shop) -> None:
    await shop.upstream.set_balance("10.00")  # for two of them
    orders = [await shop.order() for _ in range(5)]

    async def two_done_three_waiting() -> bool:
        stages = [(await shop.operation(o.operation)).stage for o in orders]
        assert stages.count(Stage.COMPLETED) == 2, stages
        assert stages.count(Stage.WAITING_FOR_FUNDS) == 3, stages
        return True

    await assert_eventually(two_done_three_waiting)
    assert await shop.upstream.balance() == 0
    await shop.upstream.admin("POST", "/accounts/reseller/top-up", {"amount": "5.00"})
    waiting = [o for o in orders if (await shop.operation(o.operation)).stage is Stage.WAITING_FOR_FUNDS]
    first = min(waiting, key=lambda o: o.operation)
    await shop.until(first, Stage.COMPLETED, timeout=30)
    assert await shop.upstream.balance() == 0
    await shop.upstream.admin("POST", "/accounts/reseller/top-up", {"amount": "10.00"})
    await asyncio.gather(*(shop.until(o, Stage.COMPLETED, timeout=30) for o in orders))
    await _one_service_charged_once(shop, 5)
    sent = [request for request in await shop.upstream.requests("*order.param") if request["committing"]]
    assert all(request["outcome"] == "ok" for request in sent), "no order is sent without money"


@pytest.mark.proof
@pytest.mark.parametrize("left_behind", ["nothing", "ordered_row"])
async def test_a_refusal_for_want_of_money_waits_for_money(shop: Shop, left_behind: str) -> None:
    await shop.upstream.set(not_enough_money=left_behind)
    await shop.upstream.set_balance("3.00")
    async with shop.database.write() as session:
        account = await shop.account(session)
        account.credit_limit += 10  # wrongly: the upstream grants none
        session.add(account)
    order = await shop.order()
    await shop.until(order, Stage.WAITING_FOR_FUNDS)
    await shop.upstream.admin("POST", "/accounts/reseller/top-up", {"amount": "5.00"})
    await shop.until(order, Stage.COMPLETED)
    assert len(await shop.upstream.charges()) == 1
    assert len([item for item in await shop.upstream.items() if item["status"] != 4]) == 1


@pytest.mark.proof
async def test_an_order_that_was_begun_to_be_sent_at_its_next_try_and_waits_again_says_so(
    shop_without_worker: Shop,
) -> None:
    """Its sender is always too late, so nothing leaves. What waits for its next try is `retrying`: people see why, and
    it is woken when what it waits for is there."""
    shop = shop_without_worker
    lease = shop.settings.send_lease
    shop.settings = shop.settings.model_copy(update={"send_lease": 0.000001})
    async with shop.working():
        order = await shop.order()

        async def says_why() -> bool:
            operation = await shop.operation(order.operation)
            assert len(await shop.intents(order.operation)) > 2
            assert operation.stage is Stage.RETRYING, operation.stage
            assert operation.next_try_at is not None
            assert "not sent" in operation.reason, operation.reason
            return True

        await assert_eventually(says_why, timeout=60, message="it says that it waits, and why")
    shop.settings = shop.settings.model_copy(update={"send_lease": lease})
    async with shop.working():
        await shop.until(order, Stage.COMPLETED, timeout=60)
    await _one_service_charged_once(shop)
