"""What each way of not answering means, for a read and for a call that costs: the table of docs/billmanager.md."""

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import httpx
import pytest

from tests.upstreams.panel import (
    A_LIST,
    PROLOG,
    Answerer,
    Panel,
    cut_before_answer,
    cut_in_body,
    cut_without_length,
    doc,
    garbage,
    html,
    http,
)
from upstreams import httpcalls
from upstreams.billmanager import BillmanagerUpstream, transport
from upstreams.billmanager.calls import Call
from upstreams.errors import ConnectionUnhealthy, NotSent, OutcomeUnknown, Rejected, SetupFault, UpstreamError
from upstreams.httpcalls import Effect
from upstreams.port import OrderSpec

ERROR_DOC = '<doc><error type="value" object="ip"><msg>no</msg></error></doc>'
ENTITIES = '<!DOCTYPE doc [<!ENTITY a "b">]><doc><id>&a;</id></doc>'

# name, answer, what a read makes of it, what an order makes of it
ANSWERS: list[tuple[str, Answerer, type[UpstreamError], type[UpstreamError]]] = [
    ("cut before the answer", cut_before_answer, OutcomeUnknown, OutcomeUnknown),
    ("cut in the body", cut_in_body, OutcomeUnknown, OutcomeUnknown),
    ("cut in a body of unknown length", cut_without_length, OutcomeUnknown, OutcomeUnknown),
    ("something that is not HTTP", garbage, OutcomeUnknown, OutcomeUnknown),
    ("500", html("Internal error", 500), OutcomeUnknown, OutcomeUnknown),
    ("502", html("Bad gateway", 502), OutcomeUnknown, OutcomeUnknown),
    ("502 by a CDN", html("Bad gateway, cloudflare", 502), OutcomeUnknown, OutcomeUnknown),
    ("503", http("", 503), OutcomeUnknown, OutcomeUnknown),
    ("504", html("Gateway time-out", 504), OutcomeUnknown, OutcomeUnknown),
    ("500 with a document", http("<doc><id>1</id></doc>", 500), OutcomeUnknown, OutcomeUnknown),
    ("500 with an error envelope", http(ERROR_DOC, 500), OutcomeUnknown, OutcomeUnknown),
    ("408", http("", 408), OutcomeUnknown, OutcomeUnknown),
    ("401", html("Authorization required", 401), ConnectionUnhealthy, OutcomeUnknown),
    ("403", html("Forbidden", 403), ConnectionUnhealthy, OutcomeUnknown),
    ("404", html("Not found", 404), ConnectionUnhealthy, OutcomeUnknown),
    ("429", html("Too many requests", 429), ConnectionUnhealthy, OutcomeUnknown),
    ("429 with an error envelope", http(ERROR_DOC, 429), ConnectionUnhealthy, OutcomeUnknown),
    ("403 with an error envelope", http(ERROR_DOC, 403), Rejected, Rejected),
    ("403 with a document", http("<doc><id>1</id></doc>", 403), ConnectionUnhealthy, OutcomeUnknown),
    ("301", http("", 301, Location="https://other.example.test/"), ConnectionUnhealthy, OutcomeUnknown),
    ("302", http("", 302, Location="/login"), ConnectionUnhealthy, OutcomeUnknown),
    ("307", http("", 307, Location="https://other.example.test/"), ConnectionUnhealthy, OutcomeUnknown),
    ("a captcha page", html("Please solve the captcha"), ConnectionUnhealthy, OutcomeUnknown),
    ("a DDoS-Guard page", html("<title>DDoS-Guard</title>"), ConnectionUnhealthy, OutcomeUnknown),
    ("a Cloudflare page", html("Cloudflare: checking your browser"), ConnectionUnhealthy, OutcomeUnknown),
    ("a login page", html('<input name="p" type="password">'), ConnectionUnhealthy, OutcomeUnknown),
    ("any other page", html("We are back soon"), OutcomeUnknown, OutcomeUnknown),
    ("an empty body", http(""), OutcomeUnknown, OutcomeUnknown),
    ("204", http("", 204), OutcomeUnknown, OutcomeUnknown),
    ("broken XML", http("<doc><id>900123</doc>"), OutcomeUnknown, OutcomeUnknown),
    ("XML of something else", http("<rss><id>900123</id></rss>"), OutcomeUnknown, OutcomeUnknown),
    ("XML with entities", http(ENTITIES), OutcomeUnknown, OutcomeUnknown),
    ("JSON", http('{"doc":{"id":{"$":"900123"}}}', content_type="application/json"), OutcomeUnknown, OutcomeUnknown),
    ("an unknown encoding", http(b'<?xml version="1.0" encoding="klingon"?><doc/>'), OutcomeUnknown, OutcomeUnknown),
    ("false compression", http("<doc/>", Content_Encoding="gzip"), OutcomeUnknown, OutcomeUnknown),
]
NAMES = [name for name, *_ in ANSWERS]


@pytest.mark.parametrize(("name", "answer", "expected", "_"), ANSWERS, ids=NAMES)
async def test_a_read_answered_with(
    panel: Panel,
    upstream: BillmanagerUpstream,
    name: str,
    answer: Answerer,
    expected: type[UpstreamError],
    _: type[UpstreamError],
) -> None:
    panel.answers(answer)
    with pytest.raises(expected) as raised:
        await upstream.list_items("vds")
    assert type(raised.value) is expected
    assert raised.value.message.startswith("Upstream main, vds: ")
    assert len(panel.requests) == 1, "a call is never repeated by the adapter, and no redirect is followed"


@pytest.mark.parametrize(("name", "answer", "_", "expected"), ANSWERS, ids=NAMES)
async def test_an_order_answered_with(
    panel: Panel,
    upstream: BillmanagerUpstream,
    spec: OrderSpec,
    name: str,
    answer: Answerer,
    expected: type[UpstreamError],
    _: type[UpstreamError],
) -> None:
    panel.answers(answer)
    with pytest.raises(expected) as raised:
        await upstream.order(spec)
    assert type(raised.value) is expected
    assert len(panel.requests) == 1


async def test_of_bytes_in_no_encoding_a_read_takes_the_rest_and_an_order_nothing(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec
) -> None:
    damaged = http(b"<doc><id>\xff\xfe</id></doc>")
    panel.answers(damaged)
    with pytest.raises(OutcomeUnknown):
        await upstream.order(spec)
    panel.answers(damaged, damaged)  # the list, and the menu, as it seems to be empty
    assert not (await upstream.list_items("vds")).complete


Use = Callable[[BillmanagerUpstream, OrderSpec], Awaitable[object]]
USES: list[tuple[str, Use]] = [
    ("read", lambda upstream, spec: upstream.list_items("vds")),
    ("order", lambda upstream, spec: upstream.order(spec)),
]
each_use = pytest.mark.parametrize("use", [use for _, use in USES], ids=[name for name, _ in USES])


@each_use
async def test_an_unknown_host_is_not_sent(panel: Panel, spec: OrderSpec, use: Use) -> None:
    async with BillmanagerUpstream(panel.connection(url="http://no-such-host.invalid/billmgr")) as upstream:
        with pytest.raises(NotSent):
            await use(upstream, spec)


@each_use
async def test_tls_to_a_plain_port_is_not_sent(panel: Panel, spec: OrderSpec, use: Use) -> None:
    async with BillmanagerUpstream(panel.connection(url=f"https://127.0.0.1:{panel.port}/billmgr")) as upstream:
        with pytest.raises(NotSent):
            await use(upstream, spec)
    assert panel.requests == []


@each_use
async def test_a_tls_handshake_that_never_ends_is_not_sent(
    panel: Panel, spec: OrderSpec, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(httpcalls, "CONNECT_TIMEOUT", 0.2)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with BillmanagerUpstream(panel.connection(url=f"https://127.0.0.1:{port}/billmgr")) as upstream:
        with pytest.raises(NotSent):
            await use(upstream, spec)
    server.close()


async def test_the_deadline_of_the_whole_call_ringing_before_anything_was_sent_is_not_sent(
    panel: Panel, spec: OrderSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(httpcalls, "POOL_TIMEOUT", 0.1)
    monkeypatch.setattr(httpcalls, "CONNECT_TIMEOUT", 1.0)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/billmgr"
    # Less than nothing for the answer, so that the whole (0.2 s) ends within the TLS handshake (1 s).
    async with BillmanagerUpstream(panel.connection(url=url, order_timeout=-0.9)) as upstream:
        with pytest.raises(NotSent, match="not sent, no answer in time"):
            await upstream.order(spec)
    server.close()


async def test_a_long_answer_is_read(panel: Panel, upstream: BillmanagerUpstream) -> None:
    rows = "".join(f"<elem><id>{number}</id><note>{'x' * 1000}</note></elem>" for number in range(1, 1201))
    panel.answers(doc(f"<p_elems>1200</p_elems>{rows}"))
    listing = await upstream.list_items("vds")
    assert (len(listing.items), listing.complete) == (1200, True)


@pytest.fixture
async def untrusted(tls_context: ssl.SSLContext) -> AsyncIterator[Panel]:
    panel = await Panel.start(tls_context)
    yield panel
    await panel.stop()


@each_use
async def test_a_certificate_that_is_not_trusted_is_said_of_the_account_and_nothing_is_sent(
    untrusted: Panel, spec: OrderSpec, use: Use
) -> None:
    async with BillmanagerUpstream(untrusted.connection()) as upstream:
        with pytest.raises(ConnectionUnhealthy, match=r"not sent, the certificate of 127\.0\.0\.1 is not trusted"):
            await use(upstream, spec)
    assert untrusted.requests == []


async def test_a_full_pool_is_not_sent(panel: Panel, spec: OrderSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpcalls, "POOL_TIMEOUT", 0.1)
    panel.answers(A_LIST, panel.stall)
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=1)) as client:
        upstream = BillmanagerUpstream(panel.connection(), client)
        await upstream.list_items("vds")  # once something was answered, calls go side by side
        first = asyncio.create_task(upstream.order(spec))
        while len(panel.requests) < 2:
            await asyncio.wait([first], timeout=0.005)
        with pytest.raises(NotSent, match="busy"):
            await upstream.order(spec)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    assert len(panel.requests) == 2


@each_use
async def test_a_closed_adapter_is_not_sent(panel: Panel, spec: OrderSpec, use: Use) -> None:
    upstream = BillmanagerUpstream(panel.connection())
    await upstream.aclose()
    with pytest.raises(NotSent):
        await use(upstream, spec)


async def test_reads_keep_their_connection(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.standing["vds"] = A_LIST
    for _ in range(3):
        await upstream.list_items("vds")
    assert (panel.connections, len(panel.requests)) == (1, 3)


async def test_a_kept_connection_that_dies_under_a_read_is_outcome_unknown(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    panel.answers(A_LIST, cut_before_answer)
    await upstream.list_items("vds")
    with pytest.raises(OutcomeUnknown, match="cut"):
        await upstream.list_items("vds")
    assert panel.connections == 1


async def test_each_order_has_a_connection_of_its_own(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec
) -> None:
    panel.standing["v2.vds.order.param"] = doc("<ok/><id>1</id>")
    panel.standing["vds"] = A_LIST
    await upstream.list_items("vds")
    for _ in range(3):
        await upstream.order(spec)
    assert panel.connections == 4


async def test_a_client_from_outside_keeps_no_connection_and_stays_open(panel: Panel, spec: OrderSpec) -> None:
    panel.standing["v2.vds.order.param"] = doc("<ok/><id>1</id>")
    panel.standing["vds"] = A_LIST
    async with httpx.AsyncClient() as client:
        upstream = BillmanagerUpstream(panel.connection(), client)
        await upstream.list_items("vds")
        await upstream.order(spec)
        await upstream.aclose()
        assert not client.is_closed
    assert panel.connections == 2


@pytest.mark.parametrize("effect", list(Effect))
async def test_a_huge_answer_is_given_up(panel: Panel, effect: Effect) -> None:
    panel.answers(http("<doc>" + " " * 200_000 + "</doc>"))
    small = transport.Transport(panel.connection(), max_body=100_000)
    with pytest.raises(OutcomeUnknown, match="given up"):
        await small.post(Call("main", "vds", effect), {})
    await small.aclose()


async def test_a_byte_order_mark_and_an_html_content_type_do_no_harm(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    panel.answers(http(b"\xef\xbb\xbf<doc><p_elems>0</p_elems></doc>", content_type="text/html"))
    assert (await upstream.list_items("vds")).complete


@pytest.mark.parametrize("before", ["", "\n\n", "\ufeff", "\n\ufeff", "\ufeff\r\n"])
@pytest.mark.parametrize("behind", ["", "\0", "\n\0\0\n", "<!-- 0.1 s -->\n"])
async def test_blanks_around_the_document_do_no_harm(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec, before: str, behind: str
) -> None:
    panel.answers(http(f"{before}{PROLOG}<doc><item.id>900123</item.id><ok/></doc>{behind}"))
    assert (await upstream.order(spec)).upstream_number == "900123"


@pytest.mark.parametrize(
    "url",
    [
        "https://user:secret@127.0.0.1/billmgr",
        "https://127.0.0.1/billmgr?authinfo=a:secret",
        "https://127.0.0.1/billmgr#x",
        "ftp://127.0.0.1/billmgr",
        "127.0.0.1/billmgr",
        "https:///billmgr",
        "",
        "https://[::1/billmgr",
    ],
)
async def test_an_address_that_cannot_be_used_is_a_setup_fault(panel: Panel, url: str) -> None:
    usual = panel.connection()
    connection = replace(usual, settings=usual.settings.model_copy(update={"url": url}))
    with pytest.raises(SetupFault) as raised:
        BillmanagerUpstream(connection)
    assert "secret" not in raised.value.message


async def test_cancelling_is_not_turned_into_a_failure(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(panel.stall)
    task = asyncio.create_task(upstream.list_items("vds"))
    while not panel.requests:
        await asyncio.wait([task], timeout=0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_request_searches_for_no_module(panel: Panel, upstream: BillmanagerUpstream) -> None:
    """httpcore asks for one that need not be installed, several times a request; finding that out anew is dear."""
    panel.standing["vds"] = A_LIST
    await upstream.list_items("vds")  # whatever is imported late is there now
    looked_for: list[str] = []

    class Watching:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            looked_for.append(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "meta_path", [Watching, *sys.meta_path])
        await upstream.list_items("vds")
    assert looked_for == []
