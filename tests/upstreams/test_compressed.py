"""Compressed answers: read as they are meant, and never inflated further than an answer may be long."""

import gzip
import tracemalloc
import zlib
from functools import cache

import pytest

from tests.upstreams.panel import Panel, http
from upstreams.billmanager import transport
from upstreams.billmanager.calls import Call
from upstreams.billmanager.wire import Document
from upstreams.errors import OutcomeUnknown
from upstreams.httpcalls import Effect

MOST = 1_000_000
BOMB = 100_000_000
PLAIN = b"<doc><p_elems>0</p_elems></doc>"


def raw_deflate(body: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(body) + packing.flush()


@cache
def bomb(wbits: int) -> bytes:
    packing = zlib.compressobj(wbits=wbits)
    parts = [packing.compress(b" " * 1_000_000) for _ in range(BOMB // 1_000_000)]
    return b"".join([*parts, packing.flush()])


async def post(panel: Panel, effect: Effect = Effect.READ) -> Document:
    small = transport.Transport(panel.connection(), max_body=MOST)
    try:
        return await small.post(Call("main", "vds", effect), {})
    finally:
        await small.aclose()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(PLAIN)),
        ("X-GZip", gzip.compress(PLAIN)),
        ("deflate", zlib.compress(PLAIN)),
        ("deflate", raw_deflate(PLAIN)),
        ("identity", PLAIN),
        ("identity, gzip", gzip.compress(PLAIN)),
    ],
    ids=["gzip", "x-gzip", "deflate", "deflate without head", "identity", "both"],  # gzip has the time in it
)
async def test_a_compressed_answer_is_read(panel: Panel, encoding: str, body: bytes) -> None:
    panel.answers(http(body, Content_Encoding=encoding))
    assert (await post(panel)).counter("p_elems") == 0


@pytest.mark.parametrize("wbits", [31, 15, -15], ids=["gzip", "deflate", "deflate without head"])
@pytest.mark.parametrize(
    "effect", [pytest.param(one, marks=[] if one is Effect.CHANGE else [pytest.mark.proof]) for one in Effect]
)
async def test_a_bomb_is_given_up_while_it_is_inflated(panel: Panel, wbits: int, effect: Effect) -> None:
    panel.answers(http(bomb(wbits), Content_Encoding="gzip" if wbits == 31 else "deflate"))
    tracemalloc.start()
    try:
        with pytest.raises(OutcomeUnknown, match=r"given up at 10[0-9]{5} bytes"):
            await post(panel, effect)
        highest = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert highest < 10 * MOST


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "deflate, gzip", "gzip, br", "compress"])
async def test_an_encoding_that_was_not_asked_for_is_refused(panel: Panel, encoding: str) -> None:
    panel.answers(http(gzip.compress(gzip.compress(PLAIN)), Content_Encoding=encoding))
    with pytest.raises(OutcomeUnknown, match="not asked for"):
        await post(panel)


@pytest.mark.parametrize("body", [gzip.compress(PLAIN)[:-9], b"\x1f", b"<doc/>"], ids=["cut", "a byte", "plain"])
async def test_an_answer_that_is_not_compressed_as_it_says_is_none(panel: Panel, body: bytes) -> None:
    panel.answers(http(body, Content_Encoding="gzip"))
    with pytest.raises(OutcomeUnknown, match="compressed"):
        await post(panel)
