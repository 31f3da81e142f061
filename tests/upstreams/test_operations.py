"""Operations on an item: exactly what is sent, and what becomes of every kind of failure, for each of them."""

from collections.abc import Awaitable, Callable

import pytest
from pydantic import SecretStr

from models.enums import FailureClass
from models.money import Money
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
from upstreams.errors import (
    ConnectionUnhealthy,
    NoSuchItem,
    NotAllowed,
    NotEnoughMoney,
    NotSent,
    OutcomeUnknown,
    Rejected,
    SetupFault,
    UpstreamError,
)
from upstreams.port import Upstream

Operation = Callable[[Upstream], Awaitable[object]]
NEW_PASSWORD = "n3w pa&ss"
WRAPPER = [("out", "xml"), ("lang", "en"), ("authinfo", f"{USERNAME}:{PASSWORD}")]

# name -> the operation, its function, the fields that follow
CHANGES: dict[str, tuple[Operation, str, list[tuple[str, str]]]] = {
    "prolong": (
        lambda upstream: upstream.prolong("4711", 12, key="k"),
        "service.prolong",
        [("elid", "4711"), ("period", "12"), ("skipbasket", "on"), ("sok", "ok")],
    ),
    "suspend": (
        lambda upstream: upstream.suspend("vds", "4711", key="k"),
        "vds.suspend",
        [("elid", "4711"), ("sok", "ok")],
    ),
    "resume": (
        lambda upstream: upstream.resume("soft", "4711", key="k"),
        "soft.resume",
        [("elid", "4711"), ("sok", "ok")],
    ),
    "delete": (
        lambda upstream: upstream.delete("vds", "4711", key="k"),
        "vds.delete",
        [("elid", "4711"), ("sok", "ok")],
    ),
    "change_plan": (
        lambda upstream: upstream.change_plan("4711", "59", 1, key="k"),
        "service.changepricelist",
        [("elid", "4711"), ("pricelist", "59"), ("period", "1"), ("sok", "ok")],
    ),
    "set_parameters": (
        lambda upstream: upstream.set_parameters(
            "vds", "4711", {"addon_61": "4", "domain": "v2.example.test"}, key="k"
        ),
        "vds.edit",
        [("elid", "4711"), ("addon_61", "4"), ("domain", "v2.example.test"), ("clicked_button", "ok"), ("sok", "ok")],
    ),
    "set_mark": (
        lambda upstream: upstream.set_mark("soft", "4711", "rf-1042-7-a1"),
        "soft.edit",
        [("elid", "4711"), ("remoteid", "rf-1042-7-a1"), ("clicked_button", "ok"), ("sok", "ok")],
    ),
    "set_renewal on": (
        lambda upstream: upstream.set_renewal("soft", "4711", 12),
        "soft.edit",
        [("elid", "4711"), ("autoprolong", "12"), ("clicked_button", "ok"), ("sok", "ok")],
    ),
    "set_renewal off": (
        lambda upstream: upstream.set_renewal("soft", "4711", None),
        "soft.edit",
        [("elid", "4711"), ("autoprolong", "null"), ("clicked_button", "ok"), ("sok", "ok")],
    ),
    "new_licence_key": (
        lambda upstream: upstream.new_licence_key("soft", "4711", key="k"),
        "soft.edit",
        [("elid", "4711"), ("clicked_button", "newkey"), ("sok", "ok")],
    ),
    "change_password": (
        lambda upstream: upstream.change_password("4711", SecretStr(NEW_PASSWORD)),
        "service.changepassword",
        [("elid", "4711"), ("passwd", NEW_PASSWORD), ("confirm", NEW_PASSWORD), ("sok", "ok")],
    ),
}
READS: dict[str, tuple[Operation, str, list[tuple[str, str]]]] = {
    "quote_prolong": (
        lambda upstream: upstream.quote_prolong("vds", "4711", 12),
        "service.prolong",
        [("elid", "4711"), ("period", "12")],
    ),
    "quote_plan_change": (
        lambda upstream: upstream.quote_plan_change("4711", "59", 1),
        "service.changepricelist",
        [("elid", "4711")],
    ),
    "quote_parameters": (
        lambda upstream: upstream.quote_parameters("vds", "4711", {"addon_61": "4"}),
        "vds.edit",
        [("elid", "4711"), ("addon_61", "4")],
    ),
    "read_licence_key": (
        lambda upstream: upstream.read_licence_key("soft", "4711"),
        "soft.edit",
        [("elid", "4711")],
    ),
}
STATES = ("suspend", "resume", "delete")


async def logged_in(panel: Panel, upstream: BillmanagerUpstream) -> None:
    """The login has worked before, so that an error is about the operation and not about the way of logging in."""
    panel.answers(A_LIST)
    await upstream.list_items("vds")
    panel.requests.clear()


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_is_sent_once_on_a_connection_of_its_own(
    panel: Panel, upstream: BillmanagerUpstream, name: str
) -> None:
    await logged_in(panel, upstream)
    act, function, fields = CHANGES[name]
    panel.answers(doc("<ok/>"))
    await act(upstream)
    (request,) = panel.requests
    assert (request.target, panel.connections) == ("/billmgr", 2)
    assert request.pairs == [("func", function), *WRAPPER, *fields]


@pytest.mark.parametrize("name", READS)
async def test_a_read_commits_nothing(panel: Panel, upstream: BillmanagerUpstream, name: str) -> None:
    act, function, fields = READS[name]
    panel.answers(doc('<elid>4711</elid><slist name="pricelist"><val key="58">VPS-2</val></slist>'))
    await act(upstream)
    (request,) = panel.requests
    assert request.pairs == [("func", function), *WRAPPER, *fields]


@pytest.mark.parametrize(
    "answer",
    [cut_before_answer, http("<doc><ok/></doc>", 502), html("captcha")],
    ids=["cut", "502", "captcha page"],
)
async def test_a_change_without_a_definite_answer_has_an_unknown_outcome(panel: Panel, answer: Answerer) -> None:
    for act, function, _ in CHANGES.values():
        async with BillmanagerUpstream(panel.connection()) as upstream:  # of its own: five in a row open its breaker
            await logged_in(panel, upstream)
            panel.answers(answer)
            with pytest.raises(OutcomeUnknown):
                await act(upstream)
        assert panel.functions == [function]


async def test_a_change_that_never_left_is_not_sent(panel: Panel, upstream: BillmanagerUpstream) -> None:
    await panel.stop()
    for act, _, _ in CHANGES.values():
        with pytest.raises(NotSent):
            await act(upstream)


async def test_the_function_may_be_refused_without_the_account_being_ill(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    await logged_in(panel, upstream)
    for act, function, _ in [*CHANGES.values(), *READS.values()]:
        panel.answers(refusal("access", "", "No right to do this", value="some.function"))
        with pytest.raises(NotAllowed) as raised:
            await act(upstream)
        assert raised.value.failure_class is FailureClass.REJECTED
        assert raised.value.said == "No right to do this"
        assert (raised.value.function, raised.value.field, raised.value.error_type) == (function, "", "access")
        assert "no right to do this to the item (access). It said: No right to do this" in raised.value.message


async def test_an_item_that_is_gone(panel: Panel, upstream: BillmanagerUpstream) -> None:
    for act, _, _ in [*CHANGES.values(), *READS.values()]:
        panel.answers(refusal("missed", "elid", value="4711"))
        with pytest.raises(NoSuchItem, match="4711"):
            await act(upstream)


@pytest.mark.parametrize(
    ("kind", "thing", "expected"),
    [
        ("not_enough_money", "", NotEnoughMoney),
        ("license", "", ConnectionUnhealthy),
        ("missed", "promocode", Rejected),
        ("value", "period", Rejected),
        ("missed", "func", SetupFault),
        ("unsupported_module", "", SetupFault),
    ],
)
async def test_the_table_of_errors_holds_for_the_rest(
    panel: Panel, upstream: BillmanagerUpstream, kind: str, thing: str, expected: type[UpstreamError]
) -> None:
    panel.answers(refusal(kind, thing, amount="5.00", available="1.00", currency="EUR"))
    with pytest.raises(expected) as raised:
        await upstream.prolong("4711", 1)
    assert type(raised.value) is expected
    if isinstance(raised.value, NotEnoughMoney):
        assert (raised.value.required, raised.value.available) == (Money.of("5.00", "EUR"), Money.of("1.00", "EUR"))


async def test_a_definite_no_to_a_state_is_for_a_person(panel: Panel, upstream: BillmanagerUpstream) -> None:
    for name in STATES:
        panel.answers(refusal("minimum_term", "elid", "The upstream's own words"))
        with pytest.raises(NotAllowed) as raised:
            await CHANGES[name][0](upstream)
        assert raised.value.said == "The upstream's own words"
        assert (raised.value.error_type, raised.value.error_object) == ("minimum_term", "elid")


@pytest.mark.parametrize(
    "answer", ["", "<ok/>", '<ok type="list">func=vds</ok>', "<tparams/><id>4711</id>", '<ok/><metadata type="form"/>']
)
async def test_a_yes_to_a_state(panel: Panel, upstream: BillmanagerUpstream, answer: str) -> None:
    for name in STATES:
        panel.answers(doc(answer))
        await CHANGES[name][0](upstream)


@pytest.mark.parametrize(
    "answer",
    [
        '<elid>4711</elid><metadata type="form"/><banner id="1"><msg>We will ring you</msg></banner>',
        '<slist name="reason"/><banner>We will ring you</banner>',
    ],
)
async def test_a_state_that_asks_back_is_for_a_person(panel: Panel, upstream: BillmanagerUpstream, answer: str) -> None:
    panel.answers(doc(answer))
    with pytest.raises(NotAllowed, match="asks back") as raised:
        await upstream.delete("vds", "4711")
    assert (raised.value.said, raised.value.error_type) == ("We will ring you", "")


async def test_a_deletion_that_leads_to_a_further_step_is_for_a_person(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    panel.answers(doc('<ok type="form">func=vds.delete.confirm&amp;elid=4711</ok>'))
    with pytest.raises(NotAllowed, match=r"vds\.delete\.confirm"):
        await upstream.delete("vds", "4711")


async def test_a_list_is_no_answer_to_a_state(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(doc("<p_elems>1</p_elems><elem><id>4711</id></elem>"))
    with pytest.raises(OutcomeUnknown, match="list"):
        await upstream.suspend("vds", "4711")


async def test_a_right_missing_at_the_first_call_of_all_is_found_with_one_login(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    panel.answers(refusal("access"), doc('<auth id="5e551011"/>'), refusal("access"), doc("<ok/>"))
    with pytest.raises(NotAllowed):
        await upstream.suspend("vds", "4711")
    assert panel.functions == ["vds.suspend", "auth", "vds.suspend"]
    await upstream.resume("vds", "4711")
    assert panel.requests[-1].fields["authinfo"] == f"{USERNAME}:{PASSWORD}"


@pytest.mark.parametrize(
    "answer",
    [
        refusal("value", "passwd", f"Bad password {NEW_PASSWORD.replace('&', '&amp;')}", value="n3w pa&amp;ss"),
        refusal("value", "confirm", f"Bad password {NEW_PASSWORD.replace('&', '&amp;')}", value="n3w pa&amp;ss"),
        html(f"<title>{NEW_PASSWORD}</title>", 502),
        doc('<metadata type="form"/><passwd>n3w pa&amp;ss</passwd>'),
    ],
)
@pytest.mark.parametrize("by_session", [False, True])
async def test_a_new_password_is_in_no_message(
    panel: Panel, upstream: BillmanagerUpstream, answer: Answerer, by_session: bool
) -> None:
    if by_session:
        panel.answers(refusal("authtype"), doc('<auth id="5e551011"/>'))
    panel.answers(answer)
    with pytest.raises(UpstreamError) as raised:
        await upstream.change_password("4711", SecretStr(NEW_PASSWORD))
    told = f"{raised.value!r} {vars(raised.value)}"
    assert NEW_PASSWORD not in told
    assert "n3w" not in told


@pytest.mark.parametrize(
    "answer",
    [
        "<ok/>",
        "",
        '<banner id="done"><param name="object">v1.example.test</param></banner>',
        '<banner id="done"><param name="object">x</param></banner><p_elems>1</p_elems><elem><id>4711</id></elem>',
    ],
)
async def test_a_password_is_changed(panel: Panel, upstream: BillmanagerUpstream, answer: str) -> None:
    panel.answers(doc(answer))
    await upstream.change_password("4711", SecretStr(NEW_PASSWORD))


@pytest.mark.parametrize(
    "answer", ['<banner>Some notice</banner><slist name="x"/>', "<p_elems>1</p_elems><elem><id>4711</id></elem>"]
)
async def test_a_form_or_a_bare_list_says_nothing_about_a_password(
    panel: Panel, upstream: BillmanagerUpstream, answer: str
) -> None:
    panel.answers(doc(answer))
    with pytest.raises(OutcomeUnknown):
        await upstream.change_password("4711", SecretStr(NEW_PASSWORD))


@pytest.mark.parametrize(
    ("form", "key"),
    [
        ("<elid>4711</elid><lickey>900123-ABCDEF</lickey>", "900123-ABCDEF"),
        ("<elid>4711</elid><lickey/>", None),
        ("<elid>4711</elid><licname>L-1001</licname>", None),
    ],
)
async def test_a_licence_key_arrives_some_time(
    panel: Panel, upstream: BillmanagerUpstream, form: str, key: str | None
) -> None:
    panel.answers(doc(form))
    read = await upstream.read_licence_key("soft", "4711")
    assert (None if read is None else read.get_secret_value()) == key
    assert "ABCDEF" not in repr(read)


async def test_the_key_of_another_item_is_none_of_ours(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(doc("<elid>4712</elid><lickey>900123-ABCDEF</lickey>"))
    with pytest.raises(OutcomeUnknown, match="form of item 4712"):
        await upstream.read_licence_key("soft", "4711")


FLAG = '<slist name="autoprolong"><val key="on">On</val><val key="off">Off</val></slist>'
PERIODS = '<slist name="autoprolong"><val key="null">No</val><val key="1">Month</val><val key="12">Year</val></slist>'


@pytest.mark.parametrize(
    ("form", "period", "sent"),
    [
        (FLAG, None, "off"),
        (FLAG, 12, "on"),
        ("<autoprolong>off</autoprolong>", None, "off"),
        ("<autoprolong>on</autoprolong>", 12, "on"),
        (PERIODS, None, "null"),
        (PERIODS, 12, "12"),
        ('<slist name="autoprolong"><val key="off">No</val><val key="1">Month</val></slist>', None, "off"),
        ('<slist name="autoprolong"><val key="off">No</val><val key="1">Month</val></slist>', 1, "1"),
        ("<autoprolong>1</autoprolong>", None, "null"),
        ("", None, "null"),
        ("", 12, "12"),
    ],
)
async def test_the_form_says_whether_the_upstreams_renewal_is_a_flag_or_a_period(
    panel: Panel, upstream: BillmanagerUpstream, form: str, period: int | None, sent: str
) -> None:
    panel.answers(doc(f"<elid>4711</elid>{form}"), doc("<ok/>"))
    await upstream.set_renewal("vds", "4711", period)
    assert panel.functions == ["vds.edit", "vds.edit"]
    assert "sok" not in panel.requests[0].fields
    assert (panel.requests[1].fields["autoprolong"], panel.requests[1].fields["sok"]) == (sent, "ok")


@pytest.mark.parametrize("answer", [cut_before_answer, http("", 502)])
async def test_a_renewal_whose_form_cannot_be_read_is_not_sent(
    panel: Panel, upstream: BillmanagerUpstream, answer: Answerer
) -> None:
    panel.answers(answer)
    with pytest.raises(NotSent):
        await upstream.set_renewal("vds", "4711", None)
    assert panel.functions == ["vds.edit"]


@pytest.mark.parametrize(
    "answer",
    [
        "<lickey>900123-ABCDEF</lickey>",
        "<ok/><lickey>900123-ABCDEF</lickey>",
        '<lickey>900123-ABCDEF</lickey><metadata type="form"/>',
        "<doc><lickey>900123-ABCDEF</lickey></doc>",
        "<elid>4711</elid><status>2</status><lickey>900123-ABCDEF</lickey>",
    ],
)
async def test_the_new_key_in_the_answer_is_a_yes(
    panel: Panel, upstream: BillmanagerUpstream, answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    panel.answers(doc(answer))
    await upstream.new_licence_key("soft", "4711")
    assert "ABCDEF" not in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        '<elid>4711</elid><lickey/><metadata type="form"/>',
        '<lickey>900123-ABCDEF</lickey><ok type="form">func=soft.edit.confirm</ok>',
    ],
)
async def test_a_form_without_a_key_or_a_further_step_is_none(
    panel: Panel, upstream: BillmanagerUpstream, answer: str
) -> None:
    panel.answers(doc(answer))
    with pytest.raises(OutcomeUnknown) as raised:
        await upstream.new_licence_key("soft", "4711")
    assert "ABCDEF" not in f"{raised.value!r} {vars(raised.value)}"


async def test_a_term_that_still_runs_is_told_in_the_upstreams_words(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    said = "The least term of 3 months is not over, 41 days are left"
    panel.answers(refusal("pricelist_min_order", "", said))
    with pytest.raises(NotAllowed, match="least term or amount of its tariff is not reached") as raised:
        await upstream.delete("vds", "4711")
    assert raised.value.said == said
