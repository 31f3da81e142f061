"""Openings are confirmed whatever an upstream makes of being asked for the head of its list."""

import asyncio
from typing import Any

import pytest

from models.enums import Stage
from tests.flow.shop import PASSWORD, USER, Shop

KNOBS: dict[str, dict[str, Any]] = {
    "a friendly panel": {},
    "p_col is ignored": {"sorting": "ignored"},
    "numbers are sorted as text": {"sorting": "as_text"},
    "a page has one row at most": {"max_page": 1},
    "p_cnt is ignored": {"page_size": "ignored"},
    "everything is ignored": {"page_size": "ignored", "sorting": "ignored", "list_order": "oldest_first"},
    "no total": {"total_shown": False, "sorting": "ignored"},
    "lists lag behind": {"list_lag": 2},
    "servers in a list of a sub-type": {"server_list": "vds.vps"},
}
IN_EVERY_RUN = ("everything is ignored",)
"""Most others have one of these habits each, or a part of it."""


FURTHER = ("a filter narrows the list", *(case for case in KNOBS if case not in IN_EVERY_RUN))
LONG = [pytest.param(case, marks=pytest.mark.proof) for case in FURTHER]


@pytest.mark.proof
@pytest.mark.parametrize("case", [*IN_EVERY_RUN, *LONG])
async def test_two_openings_at_once_are_confirmed(shop: Shop, case: str) -> None:
    for number in range(2):
        await shop.upstream.bought_by_hand(f"other{number}.example.com")
    await shop.upstream.set(opening_delay=1.0, **KNOBS.get(case, {}))
    if case not in KNOBS:
        stored = {"func": "vds.filter", "authinfo": f"{USER}:{PASSWORD}", "domain": "other0.example.com", "sok": "ok"}
        await shop.upstream.client.post(shop.upstream.url, data={**stored, "out": "xml"})
    await _open_two(shop)
    while case == "a friendly panel" and "-id" not in await _sorted_by(shop):
        await _open_two(shop)  # a slow machine may have read the whole list before it looked at its head


async def _open_two(shop: Shop) -> None:
    for order in await asyncio.gather(shop.order(), shop.order()):
        await shop.until(order, Stage.COMPLETED, timeout=30)


async def _sorted_by(shop: Shop) -> set[str | None]:
    return {request["parameters"].get("p_col") for request in await shop.upstream.requests("vds")}
