"""An account with a second factor answers every call with a plain success: nothing of it may be believed."""

from collections.abc import Awaitable, Callable

import pytest

from tests.upstreams.conftest import GateClock
from tests.upstreams.panel import Answerer, Panel, doc, refusal
from tests.upstreams.test_operations import CHANGES, READS
from upstreams.billmanager import BillmanagerUpstream
from upstreams.errors import ConnectionUnhealthy, OutcomeUnknown
from upstreams.gate import SHORTEST_REST
from upstreams.port import OrderSpec, Upstream

HALF_OPEN = doc('<ok type="form">func=totp.confirm</ok>')
SESSION = doc('<auth id="5e551011" level="16">5e551011</auth>')
SPEC = OrderSpec(
    product_type="vds", tariff="58", location="1", period=1, name="s1042.example.test", mark="rf-1042-7-a1"
)
CALLS: dict[str, Callable[[Upstream], Awaitable[object]]] = {
    **{name: act for name, (act, _, _) in [*CHANGES.items(), *READS.items()]},
    "balance": lambda upstream: upstream.balance(),
    "quote": lambda upstream: upstream.quote(SPEC),
    "order": lambda upstream: upstream.order(SPEC, key="k"),
    "list_items": lambda upstream: upstream.list_items("vds"),
    "read_item": lambda upstream: upstream.read_item("vds", "4711"),
    "delete_unpaid": lambda upstream: upstream.delete_unpaid("vds", "4711"),
    "check": lambda upstream: upstream.check(("vds",)),
}


@pytest.mark.parametrize("by_session", [False, True])
@pytest.mark.parametrize("name", CALLS)
async def test_no_call_believes_a_success_that_leads_to_the_second_factor(
    panel: Panel, upstream: BillmanagerUpstream, name: str, by_session: bool
) -> None:
    if by_session:
        panel.answers(refusal("authtype"), SESSION)
    panel.answers(*[HALF_OPEN] * 4)
    with pytest.raises(ConnectionUnhealthy, match="a second factor is asked for; switch it off for this account"):
        await CALLS[name](upstream)
    assert len(panel.requests) == (3 if by_session else 1)


@pytest.mark.parametrize(
    "answer",
    [
        '<ok type="form">func=totp.confirm&amp;elid=77</ok>',
        '<ok type="top">https://panel.example.test/billmgr?startform=totp.confirm</ok>',
        '<doc><ok type="form">func=totp.confirm</ok></doc>',
        '<ok type="form">func=usrparam.otp.confirm</ok>',
        '<metadata name="totp.confirm" type="form"/><qrcode/>',
        '<ok type="form">totp.confirm</ok>',
        "<ok>totp.confirm</ok>",
    ],
)
async def test_however_the_second_factor_is_asked_for(
    panel: Panel, upstream: BillmanagerUpstream, answer: str, clock: GateClock
) -> None:
    panel.answers(doc(answer), doc(answer))
    with pytest.raises(ConnectionUnhealthy, match="not logged in, a second factor"):
        await upstream.list_items("vds")
    clock.pass_(SHORTEST_REST)
    with pytest.raises(ConnectionUnhealthy, match="second factor"):
        await upstream.order(SPEC, key="k")


@pytest.mark.parametrize("answer", [doc('<ok type="form">func=logon</ok>'), doc('<ok type="top">func=auth.logon</ok>')])
async def test_a_dead_session_that_leads_to_the_login_form_is_renewed(
    panel: Panel, upstream: BillmanagerUpstream, answer: Answerer
) -> None:
    panel.answers(refusal("authtype"), SESSION, doc("<p_elems>0</p_elems><p_cnt>500</p_cnt>"))
    await upstream.list_items("vds")
    panel.requests.clear()
    panel.answers(answer, doc('<auth id="5e551012"/>'), doc("<ok/><id>900123</id>"))
    assert (await upstream.order(SPEC, key="k")).upstream_number == "900123"
    assert panel.functions == ["v2.vds.order.param", "auth", "v2.vds.order.param"]
    assert panel.requests[-1].fields["auth"] == "5e551012"


@pytest.mark.parametrize(
    "ok", ['<ok type="form">func=logon</ok>', "<ok>logon</ok>", "<ok>func=auth</ok>", '<ok type="top">auth</ok>']
)
async def test_a_panel_that_always_leads_to_the_login_form_is_unhealthy(
    panel: Panel, upstream: BillmanagerUpstream, ok: str
) -> None:
    panel.standing["auth"] = SESSION
    panel.standing["v2.vds.order.param"] = doc(ok)
    with pytest.raises(ConnectionUnhealthy, match=r"not logged in.*led to its log-in form"):
        await upstream.order(SPEC, key="k")
    assert panel.functions == ["v2.vds.order.param", "auth", "v2.vds.order.param"]


async def test_a_login_that_itself_leads_to_the_second_factor(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(refusal("authtype"), doc('<auth id="5e551011"/><ok type="form">func=totp.confirm</ok>'))
    with pytest.raises(ConnectionUnhealthy, match="second factor"):
        await upstream.balance()


@pytest.mark.parametrize("leads_to", ["totp.confirm", "logon"])
async def test_a_result_beside_the_question_leaves_a_change_unknown(
    panel: Panel, upstream: BillmanagerUpstream, leads_to: str
) -> None:
    panel.answers(doc(f'<item.id>900123</item.id><ok type="form">func={leads_to}</ok>'))
    with pytest.raises(OutcomeUnknown, match="asks to log in and names a result"):
        await upstream.order(SPEC, key="k")
    assert len(panel.requests) == 1


async def test_the_second_factor_switched_off_again(
    panel: Panel, upstream: BillmanagerUpstream, clock: GateClock
) -> None:
    panel.answers(refusal("authtype"), SESSION, HALF_OPEN)
    panel.answers(refusal("authtype"), doc('<auth id="5e551012"/>'), doc("<ok/><id>900123</id>"))
    with pytest.raises(ConnectionUnhealthy):
        await upstream.order(SPEC, key="k")
    clock.pass_(SHORTEST_REST)
    assert (await upstream.order(SPEC, key="k")).upstream_number == "900123"
