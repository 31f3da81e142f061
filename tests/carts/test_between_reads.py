"""A payment that is carried out while we look whether it was: what is read before and after it contradicts itself."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from models.columns import utc_now
from models.messages import Submission
from tests.carts.bench import Bench
from tests.infrastructure.eventually import assert_eventually

CONFIRM = "cartorder.create.confirm"


async def _lay(bench: Bench, **fault: Any) -> int:
    return int((await bench.upstream.admin("POST", "/faults", {**fault, "times": 1, "until_removed": True}))["id"])


@pytest.mark.parametrize(
    ("held", "charges_are_shown"),
    [("expense", True), pytest.param("cart", False, marks=pytest.mark.proof)],
    ids=["still-in-the-cart-and-charged", "gone-from-the-cart-and-without-effect"],
)
async def test_a_payment_that_comes_between_two_reads_is_found_and_nobody_is_asked(
    bench: Bench, held: str, charges_are_shown: bool
) -> None:
    order = await bench.order()
    await bench.step(order)
    await bench.reserve(order)
    late = await _lay(bench, function=CONFIRM, sok=True, kind="stall", when="before")
    assert (await bench.submit(order)).outcome is Submission.UNKNOWN
    since = (await bench.intents(order))[-1].unknown_since
    assert since is not None
    ends = since + timedelta(seconds=bench.settings.settle_window)
    await assert_eventually(lambda: utc_now() > ends, timeout=30, message="the settle window is over")
    if not charges_are_shown:
        await bench.upstream.fault(function="expense", kind="error", error={"type": "access"})
    reading = await _lay(bench, function=held, kind="stall", when="before")
    settling = asyncio.create_task(bench.settle(order))

    async def is_reading() -> bool:
        faults = (await bench.upstream.admin("GET", "/faults"))["faults"]
        return any(one["id"] == reading and one["hits"] for one in faults)

    await assert_eventually(is_reading, timeout=30)
    await bench.upstream.admin("DELETE", f"/faults/{late}")
    await assert_eventually(bench.charges, timeout=30, message="the upstream pays, late")
    await bench.upstream.admin("DELETE", f"/faults/{reading}")
    assert (await settling).outcome is Submission.ACCEPTED
    assert await bench.charges() == [("open", "5.00")]
