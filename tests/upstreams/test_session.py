"""Logging in: authinfo first, a session where that is refused, and never a credential where it can be seen."""

import asyncio
import logging
import traceback

import pytest

from tests.upstreams.conftest import GateClock
from tests.upstreams.panel import (
    A_LIST,
    PASSWORD,
    USERNAME,
    Answerer,
    Panel,
    cut_before_answer,
    doc,
    html,
    http,
    refusal,
)
from upstreams.billmanager import BillmanagerUpstream
from upstreams.errors import ConnectionUnhealthy, NotSent, OutcomeUnknown, UpstreamError
from upstreams.gate import LONGEST_REST
from upstreams.port import OrderSpec

ORDERED = doc("<ok/><id>900123</id>")
LOGIN = {"func": "auth", "out": "xml", "lang": "en", "username": USERNAME, "password": PASSWORD}


def session(number: str) -> Answerer:
    return doc(f'<auth id="{number}" level="16">{number}</auth>')


async def test_authinfo_goes_with_every_call_in_the_body(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(A_LIST)
    await upstream.list_items("vds")
    (request,) = panel.requests
    assert (request.method, request.target) == ("POST", "/billmgr")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.pairs == [
        ("func", "vds"),
        ("out", "xml"),
        ("lang", "en"),
        ("authinfo", f"{USERNAME}:{PASSWORD}"),
        ("p_cnt", "500"),
        ("p_num", "1"),
        ("p_col", "+id"),
    ]


@pytest.mark.parametrize(
    ("kind", "thing"), [("authtype", ""), ("auth", "badpassword"), ("auth", "auth"), ("access", "")]
)
@pytest.mark.parametrize(
    "login",
    [
        '<auth id="5e551011" level="16">5e551011</auth>',
        '<auth id="5e551011" level="16"/>',
        "<auth>5e551011</auth>",
    ],
)
async def test_a_session_takes_over_where_authinfo_is_refused(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec, kind: str, thing: str, login: str
) -> None:
    panel.answers(refusal(kind, thing), doc(login), ORDERED, A_LIST)
    accepted = await upstream.order(spec)
    assert accepted.upstream_number == "900123"
    assert panel.functions == ["v2.vds.order.param", "auth", "v2.vds.order.param"]
    assert panel.requests[1].fields == LOGIN
    assert panel.requests[2].fields["auth"] == "5e551011"
    assert "authinfo" not in panel.requests[2].fields
    await upstream.list_items("vds")
    assert panel.requests[3].fields["auth"] == "5e551011"
    assert len(panel.requests) == 4


async def test_a_dead_session_is_renewed_once_and_the_call_repeated(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec
) -> None:
    panel.answers(refusal("authtype"), session("5e551011"), A_LIST)
    await upstream.list_items("vds")
    panel.answers(refusal("auth", "auth"), session("5e552022"), ORDERED)
    await upstream.order(spec)
    assert panel.functions[3:] == ["v2.vds.order.param", "auth", "v2.vds.order.param"]
    assert panel.requests[-1].fields["auth"] == "5e552022"


async def test_a_session_that_dies_again_at_once_is_unhealthy(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(refusal("authtype"), session("5e551011"), A_LIST)
    await upstream.list_items("vds")
    panel.answers(refusal("auth"), session("5e552022"), refusal("auth"))
    with pytest.raises(ConnectionUnhealthy):
        await upstream.list_items("vds")
    assert len(panel.requests) == 6


async def test_tasks_that_find_the_session_dead_together_log_in_once(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    panel.answers(refusal("authtype"), session("5e551011"), A_LIST)
    await upstream.list_items("vds")
    panel.standing["auth"] = session("5e552022")

    async def by_session(writer: asyncio.StreamWriter) -> bool:
        alive = any(request.function == "auth" for request in panel.requests[3:])
        return await (A_LIST if alive else refusal("auth"))(writer)

    panel.standing["vds"] = by_session
    await asyncio.gather(*(upstream.list_items("vds") for _ in range(5)))
    assert panel.functions[3:].count("auth") == 1


@pytest.mark.parametrize("kind", ["auth", "authtype", "access"])
async def test_a_wrong_password_makes_two_requests_at_the_most(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec, kind: str, clock: GateClock
) -> None:
    for _ in range(3):
        clock.pass_(LONGEST_REST)
        panel.requests.clear()
        panel.script.clear()
        panel.answers(refusal(kind, "badpassword"), refusal("auth", "badpassword"))
        with pytest.raises(ConnectionUnhealthy):
            await upstream.order(spec)
        assert panel.functions in (["v2.vds.order.param", "auth"], ["v2.vds.order.param"], ["auth"])


async def test_a_function_without_right_does_not_change_the_way_of_logging_in(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    panel.answers(refusal("access", value="vds"), session("5e551011"), refusal("access", value="vds"), A_LIST)
    with pytest.raises(ConnectionUnhealthy):
        await upstream.list_items("vds")
    await upstream.list_items("soft")
    assert panel.requests[-1].fields["authinfo"] == f"{USERNAME}:{PASSWORD}"
    panel.answers(refusal("access", value="vds"))
    with pytest.raises(ConnectionUnhealthy):
        await upstream.list_items("vds")
    assert len(panel.requests) == 5


async def test_a_second_factor_is_not_tried_again(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(refusal("extraconfirm"))
    with pytest.raises(ConnectionUnhealthy, match="second factor"):
        await upstream.list_items("vds")
    assert len(panel.requests) == 1


@pytest.mark.parametrize("answer", [cut_before_answer, http("", 502), refusal("query"), html("Back soon")])
async def test_an_order_whose_login_gets_no_answer_is_not_sent(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec, answer: Answerer
) -> None:
    panel.answers(refusal("authtype"), answer)
    with pytest.raises(NotSent):
        await upstream.order(spec)
    assert panel.functions == ["v2.vds.order.param", "auth"]


@pytest.mark.parametrize(
    "answer", [doc(), doc("<auth/>"), refusal("extraconfirm"), refusal("value", "username"), html("", 403)]
)
async def test_a_refused_login_is_unhealthy(panel: Panel, upstream: BillmanagerUpstream, answer: Answerer) -> None:
    panel.answers(refusal("auth"), answer)
    with pytest.raises(ConnectionUnhealthy):
        await upstream.list_items("vds")


async def test_the_repeated_order_has_the_failures_of_any_order(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec
) -> None:
    panel.answers(refusal("authtype"), session("5e551011"), cut_before_answer)
    with pytest.raises(OutcomeUnknown):
        await upstream.order(spec)
    assert len(panel.requests) == 3


@pytest.mark.parametrize(
    "answer", [refusal("value", "auth", "auth=5e551011 is odd", value="5e551011"), html("<title>5e551011</title>")]
)
async def test_no_session_is_seen_in_a_failure(panel: Panel, upstream: BillmanagerUpstream, answer: Answerer) -> None:
    for refused in ([refusal("authtype"), session("5e551011")], []):
        panel.answers(*refused, answer)
        with pytest.raises(UpstreamError) as raised:
            await upstream.list_items("vds")
        assert "5e551011" not in repr(vars(raised.value))


ECHOES: list[Answerer] = [
    refusal("value", PASSWORD.replace("&", "&amp;"), f"{USERNAME}:{PASSWORD.replace('&', '&amp;')} is wrong"),
    html(f"<title>{PASSWORD}</title> captcha"),
    http("", 302, Location="https://other.example.test/?next=billmgr"),
    http(f"<doc><{PASSWORD}></doc>"),
    cut_before_answer,
    refusal("auth", "badpassword"),
]


@pytest.mark.parametrize("answer", ECHOES)
@pytest.mark.parametrize("money", [False, True])
async def test_no_credential_is_seen_in_address_log_or_failure(
    panel: Panel,
    upstream: BillmanagerUpstream,
    spec: OrderSpec,
    caplog: pytest.LogCaptureFixture,
    answer: Answerer,
    money: bool,
) -> None:
    caplog.set_level(logging.DEBUG)
    panel.answers(answer, refusal("auth", "badpassword"))
    with pytest.raises(UpstreamError) as raised:
        await (upstream.order(spec) if money else upstream.list_items("vds"))
    shown = "".join(traceback.format_exception(raised.value)) + caplog.text + repr(vars(raised.value))
    for secret in (PASSWORD, "pa%3Ass", "authinfo="):
        assert secret not in shown
        assert all(secret not in request.target for request in panel.requests)
    assert PASSWORD not in repr(upstream)
