"""Every way in which a cart may answer and show its rows: two orders at once and a renewal, each paid once."""

import asyncio

import pytest

from tests.carts.bench import Bench

PROFILES: list[dict[str, object]] = [
    {"cart_answer": "billorder", "billorder": "shared"},
]
FURTHER: list[dict[str, object]] = [
    {"cart_answer": "billorder", "billorder": "shared", "remoteid_in_lists": False, "remoteid_in_forms": False},
    {"cart_answer": "billorder", "billorder": "own"},
    {"cart_answer": "ok"},
    {"cart_answer": "payment"},
    {"cart_elid": "lineitem"},
    {"confirm_pays": "whole_cart"},
]
LONG = [pytest.param(knobs, marks=pytest.mark.proof) for knobs in FURTHER]


@pytest.mark.parametrize("knobs", [*PROFILES, *LONG], ids=lambda knobs: ",".join(map(str, knobs.values())))
async def test_each_is_paid_once(bench: Bench, knobs: dict[str, object]) -> None:
    service = await bench.active()
    await bench.upstream.set(**knobs)
    asked = [await bench.order(), await bench.order(), await bench.prolong(service.service)]
    await asyncio.gather(*(bench.go(one, turns=40) for one in asked))
    for one in asked:
        await bench.to_the_end(one)
    assert sorted(await bench.charges()) == [("open", "5.00"), ("open", "5.00"), ("open", "5.00"), ("prolong", "5.00")]
    assert await bench.rows() == []
