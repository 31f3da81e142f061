"""A panel that writes its answers otherwise: an order ends right, is charged once, and is the item that was bought."""

from typing import Any

import pytest

from models.enums import ServiceStatus, Stage
from tests.flow.shop import Shop

ORDER = "v2.vds.order.param"
DATE = r"(\d{4})-(\d\d)-(\d\d)"

WRITING: dict[str, dict[str, Any]] = {
    "the number of somebody else's item": {
        "function": ORDER,
        "sok": True,
        "rewrites": [[r"<item.id>\d+", "<item.id>{other}"]],
    },
    "dates with dots": {"rewrites": [[DATE, r"\3.\2.\1"]]},
    "blank lines and a byte order mark first": {"rewrites": [["^", "\n\ufeff\n"]]},
    "a NUL at the end": {"rewrites": [["$", "\0"]]},
}
IN_EVERY_RUN = ("the number of somebody else's item",)
LONG = [pytest.param(name, marks=pytest.mark.proof) for name in WRITING if name not in IN_EVERY_RUN]


@pytest.mark.parametrize("case", [*IN_EVERY_RUN, *LONG])
async def test_an_order_and_its_renewal(shop: Shop, case: str) -> None:
    upstream = shop.upstream
    other = await upstream.bought_by_hand("somebody.example.com")
    await shop.until_looked_at("vds")
    fault = WRITING[case]
    rewrites = [[pattern, put.replace("{other}", str(other["id"]))] for pattern, put in fault["rewrites"]]
    await upstream.fault(**fault | {"kind": "rewrite", "rewrites": rewrites})
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED, timeout=60)
    [charge] = await upstream.charges()
    service = await shop.service(order.service)
    assert service.upstream_number == str(charge["item"]) != str(other["id"])
    assert service.status is ServiceStatus.ACTIVE
    assert service.expires_on is not None
    if case in IN_EVERY_RUN:
        return
    renewal = await shop.resellflow.prolong(order.service, 1, key="r")
    await shop.until(renewal, Stage.COMPLETED, timeout=60)
    renewed = (await shop.service(order.service)).expires_on
    assert renewed is not None
    assert renewed > service.expires_on
    assert [one["operation"] for one in await upstream.charges()] == ["open", "prolong"]


@pytest.mark.proof
async def test_requests_that_are_too_many_are_made_later_and_no_person_is_asked(shop: Shop) -> None:
    throttled = {"type": "too_many_requests", "params": {"value": "1"}}
    await shop.upstream.fault(kind="error", function=ORDER, sok=True, error=throttled)
    order = await shop.order()
    waiting = await shop.until(order, Stage.RETRYING, timeout=60)
    assert "takes no more requests for a while" in waiting.reason
    assert waiting.next_try_at is not None
    assert await shop.upstream.charges() == []
