"""What the processes count while orders run, and that no label grows with what is sold."""

import re

import pytest

from models.enums import Stage
from orders.lifecycle.stages import enter, locked_operation
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually
from tests.metrics.shown import Shown

SET_UP = "v2.vds.order.param"


def more(before: Shown, name: str, **labels: str) -> float:
    return Shown.registry().value(name, **labels) - before.value(name, **labels)


@pytest.mark.proof
async def test_an_order_is_counted_from_its_request_to_its_end(shop: Shop) -> None:
    before = Shown.registry()
    await shop.upstream.fault(function=SET_UP, sok=True, times=1, kind="http_502", when="before")
    order = await shop.order(customer="Jane Doe", domain="jane.example.test")
    await shop.until(order, Stage.COMPLETED)
    opening = {"kind": "open", "account": "main"}
    asked = {"account": "main", "function": SET_UP}

    assert more(before, "resellflow_operations_ended_total", stage="completed", **opening) == 1
    assert more(before, "resellflow_operation_seconds_count", **opening) == 1
    assert 0 < more(before, "resellflow_operation_seconds_sum", **opening) < 60
    assert more(before, "resellflow_upstream_calls_total", result="outcome_unknown", **asked) == 1
    calls = more(before, "resellflow_upstream_calls_total", **asked)
    assert more(before, "resellflow_upstream_request_seconds_count", **asked) == calls
    assert more(before, "resellflow_upstream_calls_total", account="main", function="vds", result="ok") > 0
    assert more(before, "resellflow_list_seconds_count", account="main", product_type="vds") > 0
    assert more(before, "resellflow_upstream_changes_total", account="main") > 0
    rows = {"account": "main", "product_type": "vds"}
    await assert_eventually(lambda: more(before, "resellflow_list_rows_total", **rows) > 0, message="a list shows it")
    known = {(one.name, *one.labels.items()): one.value for one in before.samples}
    counted = [one for one in Shown.registry().samples if one.value != known.get((one.name, *one.labels.items()), 0)]
    assert counted
    free = {"le", "version", "commit", "status"}
    for one in counted:  # the rest is of other tests in this process
        for name, value in one.labels.items():
            assert name in free or not re.search(r"(?i)jane|example|(?<![a-z])\d", value), one


@pytest.mark.proof
async def test_what_was_seen_reaches_the_order_by_signal_and_both_are_timed(shop: Shop) -> None:
    await shop.until_looked_at("vds")
    before, seen = Shown.registry(), "resellflow_seen_to_completed_seconds_count"
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED)

    def timed() -> bool:
        signals = more(before, "resellflow_signal_seconds_count", account="main")
        return signals >= 1 and more(before, seen, kind="open", account="main") == 1

    await assert_eventually(timed, message="the signal is counted")


@pytest.mark.proof
async def test_what_was_rolled_back_has_not_ended(shop_without_worker: Shop) -> None:
    shop = shop_without_worker
    order = await shop.order()
    before = Shown.registry()
    ended = {"kind": "open", "account": "main", "stage": "cancelled"}
    try:
        async with shop.database.write() as session:
            await enter(session, await locked_operation(session, order.operation), Stage.CANCELLED)
            raise ConnectionError
    except ConnectionError:
        assert more(before, "resellflow_operations_ended_total", **ended) == 0
    async with shop.database.write() as session:
        await enter(session, await locked_operation(session, order.operation), Stage.CANCELLED)
        assert more(before, "resellflow_operations_ended_total", **ended) == 0
    assert more(before, "resellflow_operations_ended_total", **ended) == 1
