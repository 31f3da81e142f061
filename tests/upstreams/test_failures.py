"""Every error type of the upstream becomes one failure class. One case per row of the table."""

from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

import pytest

from models.money import Money
from tests.upstreams.panel import Panel, doc, http, refusal
from upstreams.billmanager import BillmanagerUpstream
from upstreams.billmanager.calls import Call
from upstreams.billmanager.failures import OPERATIONS, TABLE, failure
from upstreams.billmanager.wire import Document, WireError
from upstreams.errors import (
    AlreadyExists,
    ConnectionUnhealthy,
    NoSuchItem,
    NotAllowed,
    NotEnoughMoney,
    NotYet,
    OutcomeUnknown,
    Rejected,
    Scope,
    SetupFault,
    UpstreamError,
)
from upstreams.httpcalls import Effect, RefusalScope
from upstreams.port import OrderSpec

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)

ROWS: list[tuple[str, str, type[UpstreamError]]] = [
    ("auth", "badpassword", ConnectionUnhealthy),
    ("authtype", "", ConnectionUnhealthy),
    ("extraconfirm", "", ConnectionUnhealthy),
    ("access", "", ConnectionUnhealthy),
    ("access", "elid", Rejected),
    ("license", "", ConnectionUnhealthy),
    ("captcha", "", ConnectionUnhealthy),
    ("missed", "func", SetupFault),
    ("missed", "pricelist", Rejected),
    ("exists", "domain", AlreadyExists),
    ("exist", "domain", AlreadyExists),
    ("value", "ip", Rejected),
    ("limit", "order_count", Rejected),
    ("pricelist_min_order", "", Rejected),
    ("promocode_not_use", "", Rejected),
    ("stat_addon_over_limit", "", Rejected),
    ("not_enough_money", "", NotEnoughMoney),
    ("min_email_send_timeout", "", NotYet),
    ("wizard_unavailable", "", SetupFault),
    ("unsupported_module", "", SetupFault),
    ("no_suitable_module", "", SetupFault),
    ("not_found_relation_for_measure", "", SetupFault),
    ("query", "", OutcomeUnknown),
    ("xml", "", OutcomeUnknown),
    ("not_implemented", "", OutcomeUnknown),
    ("process", "not_zero_code", OutcomeUnknown),
    ("error", "", OutcomeUnknown),
    ("client", "open", OutcomeUnknown),
    ("client", "bad_response", OutcomeUnknown),
    ("bad_response", "", OutcomeUnknown),
    ("open", "", OutcomeUnknown),
    ("", "", OutcomeUnknown),
    ("something_new", "thing", Rejected),
    ("value", "captcha", ConnectionUnhealthy),
]


# What differs for an operation on an item (prolong, change of tariff or parameters), and for suspend, resume, delete.
OF_AN_OPERATION: dict[tuple[str, str], type[UpstreamError]] = {
    ("access", ""): NotAllowed,
    ("access", "elid"): NotAllowed,
    ("extraconfirm", ""): NotAllowed,
}
OF_A_STATE: dict[tuple[str, str], type[UpstreamError]] = OF_AN_OPERATION | {
    (kind, thing): NotAllowed for kind, thing, expected in ROWS if expected in (Rejected, SetupFault)
}


def a_call(
    function: str = "v2.vds.order.param",
    effect: Effect = Effect.CHANGE,
    item: str = "",
    refusals: RefusalScope = RefusalScope.OF_THE_ACCOUNT,
) -> Call:
    return Call(
        "main",
        function,
        effect,
        item=item,
        product_type="vds",
        currency="EUR",
        secrets=("hush-hush",),
        refusals=refusals,
    )


def an_error(kind: str, thing: str = "", message: str = "", **params: str) -> WireError:
    return WireError(kind, thing, params, message)


def test_every_row_of_the_table_has_a_case() -> None:
    any_object = {(kind, "") for kind, _, _ in ROWS}
    assert {(row.type, row.object) for row in TABLE} <= {(kind, thing) for kind, thing, _ in ROWS} | any_object


@pytest.mark.parametrize("effect", list(Effect))
@pytest.mark.parametrize(("kind", "thing", "expected"), ROWS)
def test_error_type_becomes_class(kind: str, thing: str, expected: type[UpstreamError], effect: Effect) -> None:
    raised = failure(a_call(effect=effect), an_error(kind, thing, "What the upstream says", value="10.0.0.300"), NOW)
    assert type(raised) is expected
    assert (raised.error_type, raised.error_object) == (kind, thing)
    assert raised.function == "v2.vds.order.param"
    assert raised.message.startswith("Upstream main, v2.vds.order.param: ")
    assert "What the upstream says" in raised.message
    if kind:
        assert kind in raised.message[:200]


@pytest.mark.parametrize(
    ("kind", "thing", "message"),
    [
        ("limit", "requests", ""),
        ("limit", "rate", ""),
        ("limit", "", "Too many requests, try again in 30 seconds"),
        ("limit", "", "Слишком много запросов"),
        ("too_many_requests", "", ""),
        ("flood_control", "", ""),
        ("rate_limit", "api", ""),
        ("busy", "", ""),
    ],
)
@pytest.mark.parametrize("refusals", list(RefusalScope))
def test_requests_that_are_too_many_are_put_off(kind: str, thing: str, message: str, refusals: RefusalScope) -> None:
    call = a_call(item="4711", refusals=refusals)
    raised = failure(call, an_error(kind, thing, message, value="30"), NOW)
    assert isinstance(raised, NotYet)
    assert raised.not_before == NOW + timedelta(seconds=30)
    assert "takes no more requests" in raised.message


@pytest.mark.parametrize(("kind", "thing"), [("limit", "order_count"), ("limit", "addon_61"), ("value", "rate")])
def test_another_limit_is_a_refusal(kind: str, thing: str) -> None:
    assert isinstance(failure(a_call(), an_error(kind, thing, "Too large", value="30")), Rejected)


@pytest.mark.parametrize(
    "body",
    [
        '<doc><error type="NOT_ENOUGH_MONEY"/></doc>',
        '<doc><doc><error type="not_enough_money"/></doc></doc>',
        '<doc><errors><error type="not_enough_money"/></errors></doc>',
        '<doc><doc><errors><error type=" not_enough_money"/></errors></doc><ok/></doc>',
        '<doc error="not_enough_money"/>',
    ],
)
async def test_an_error_written_otherwise_is_one(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec, body: str
) -> None:
    panel.answers(http(body))
    with pytest.raises(NotEnoughMoney):
        await upstream.order(spec)


def test_every_row_for_operations_has_a_case() -> None:
    assert {(row.type, row.object) for row in OPERATIONS} == OF_AN_OPERATION.keys()


@pytest.mark.parametrize(("kind", "thing", "expected"), ROWS)
def test_what_an_operation_is_refused_for(kind: str, thing: str, expected: type[UpstreamError]) -> None:
    expected = OF_AN_OPERATION.get((kind, thing), expected)
    raised = failure(
        a_call("service.prolong", item="4711", refusals=RefusalScope.OF_AN_OPERATION), an_error(kind, thing)
    )
    assert type(raised) is expected


@pytest.mark.parametrize(("kind", "thing", "expected"), ROWS)
def test_what_suspend_resume_and_delete_are_refused_for(kind: str, thing: str, expected: type[UpstreamError]) -> None:
    expected = OF_A_STATE.get((kind, thing), expected)
    call = a_call("vds.delete", item="4711", refusals=RefusalScope.OF_A_STATE)
    raised = failure(call, an_error(kind, thing, "Call us, hush-hush"))
    assert type(raised) is expected
    if isinstance(raised, NotAllowed):
        assert (raised.said, raised.field) == ("Call us, ***", "")


@pytest.mark.parametrize("refusals", list(RefusalScope))
def test_an_item_that_is_gone_is_gone_for_every_call(refusals: RefusalScope) -> None:
    raised = failure(a_call("vds.delete", item="4711", refusals=refusals), an_error("missed", "elid", value="4711"))
    assert type(raised) is NoSuchItem


@pytest.mark.parametrize("thing", ["passwd", "password", "lickey"])
def test_the_value_of_a_secret_field_is_not_told(thing: str) -> None:
    raised = failure(a_call(), an_error("value", thing, "no", value="abc"))
    assert isinstance(raised, Rejected)
    assert (raised.field, raised.value) == (thing, "")


@pytest.mark.parametrize(("kind", "thing", "expected"), ROWS)
async def test_the_same_over_the_wire(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec, kind: str, thing: str, expected: type[UpstreamError]
) -> None:
    # The login has worked before, so that the error is about the order and not about the way of logging in.
    panel.answers(doc("<elem><balance>5.00 EUR</balance></elem>"))
    await upstream.balance()
    panel.answers(refusal(kind, thing, "no"), refusal("auth", "badpassword", "no"))
    with pytest.raises(expected) as raised:
        await upstream.order(spec)
    assert type(raised.value) is expected


@pytest.mark.parametrize("message", ["The module vds is not loaded", "Модуль vds не загружен", "module 'x' not loaded"])
@pytest.mark.parametrize("kind", ["", "error", "missed", "not_loaded", "module"])
def test_a_module_that_is_not_loaded_is_an_absent_capability(kind: str, message: str) -> None:
    error = failure(a_call("vds", Effect.READ), WireError(type=kind, object="", params={}, message=message))
    assert type(error) is SetupFault
    assert error.error_type
    assert "the upstream has no module for this" in error.message


def test_a_module_not_loaded_says_nothing_where_the_type_does() -> None:
    said = "The module is not loaded"
    for kind, expected in [("access", ConnectionUnhealthy), ("not_enough_money", NotEnoughMoney), ("value", Rejected)]:
        error = failure(a_call("vds", Effect.READ), WireError(type=kind, object="", params={}, message=said))
        assert type(error) is expected
    # After a change, an engine fault leaves the outcome unknown, whatever its text.
    assert type(failure(a_call(), WireError(type="error", object="", params={}, message=said))) is OutcomeUnknown


def test_a_refused_field_is_named_with_its_value() -> None:
    raised = failure(a_call(), an_error("value", "ip", "The field IP address has an invalid value", value="10.0.0.300"))
    assert isinstance(raised, Rejected)
    assert (raised.field, raised.value) == ("ip", "10.0.0.300")


def test_the_object_may_come_as_a_parameter() -> None:
    params = '<param name="object">ip</param><param name="value">x</param>'
    error = Document.parse(f'<doc><error type="value">{params}<msg>no</msg></error></doc>'.encode()).error
    assert error is not None
    raised = failure(a_call(), error)
    assert isinstance(raised, Rejected)
    assert raised.field == "ip"


def test_not_enough_money_tells_how_much_is_wanted_and_there() -> None:
    error = an_error(
        "not_enough_money",
        amount="5.0000",
        have="1.00",
        currency="EUR",
        deficit="4.0000",
        limit="0.00",
        available="1.00",
    )
    raised = failure(a_call(), error)
    assert isinstance(raised, NotEnoughMoney)
    assert (raised.required, raised.available) == (Money.of("5.0000", "EUR"), Money.of("1.00", "EUR"))


def test_not_enough_money_may_tell_nothing() -> None:
    raised = failure(a_call(), an_error("not_enough_money"))
    assert isinstance(raised, NotEnoughMoney)
    assert (raised.required, raised.available) == (None, None)


@pytest.mark.parametrize(
    ("thing", "params"),
    [("elid", {}), ("elid", {"value": "4711"}), ("item", {}), ("vds", {"value": "4711"}), ("4711", {}), ("vds", {})],
)
def test_missed_about_the_item_asked_for_means_no_such_item(thing: str, params: dict[str, str]) -> None:
    raised = failure(a_call("vds.edit", Effect.READ, "4711"), an_error("missed", thing, **params))
    assert type(raised) is NoSuchItem


@pytest.mark.parametrize(
    ("thing", "params"), [("pricelist", {}), ("vds", {"value": "58"}), ("promocode", {"value": "X"})]
)
def test_missed_about_something_else_says_nothing_about_the_item(thing: str, params: dict[str, str]) -> None:
    raised = failure(a_call("vds.edit", Effect.READ, "4711"), an_error("missed", thing, **params))
    assert type(raised) is Rejected


@pytest.mark.parametrize("kind", ["value", "limit", "prolong_too_early"])
def test_an_early_renewal_is_not_yet(kind: str) -> None:
    raised = failure(a_call("service.prolong", item="4711"), an_error(kind, "date", "not before", value="2026-02-01"))
    assert isinstance(raised, NotYet)
    assert raised.not_before == datetime(2026, 2, 1, tzinfo=UTC)


def test_a_renewal_refused_without_a_date_is_refused() -> None:
    assert type(failure(a_call("service.prolong"), an_error("value", "period", value="7"))) is Rejected


def test_an_early_renewal_is_not_yet_for_the_quote_too() -> None:
    call = a_call("service.prolong", Effect.READ, item="4711", refusals=RefusalScope.OF_AN_OPERATION)
    raised = failure(call, an_error("prolong_too_early", "", "only after 2026-02-01", value="2026-02-01 00:00:00"))
    assert isinstance(raised, NotYet)
    assert raised.not_before == datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(("params", "seconds"), [({"timeout": "300"}, 300), ({}, 60), ({"value": "soon"}, 60)])
def test_a_throttle_ends_after_its_seconds(params: dict[str, str], seconds: int) -> None:
    raised = failure(a_call(), an_error("min_email_send_timeout", **params), NOW)
    assert isinstance(raised, NotYet)
    assert raised.not_before == NOW + timedelta(seconds=seconds)


def test_the_message_is_short_on_one_line_and_without_credentials() -> None:
    raised = failure(a_call(), an_error("value", "password", "Bad\n  value hush-hush " + "x" * 500, value="hush-hush"))
    assert isinstance(raised, Rejected)
    assert "hush-hush" not in f"{raised.message}{raised.value}"
    assert "\n" not in raised.message
    assert len(raised.message) < 320


def test_the_message_does_nothing_to_a_terminal() -> None:
    raised = failure(a_call(), an_error("value", "ip\x1b[2J", "red \x1b[31m \u202eelif\x9b", value="\x07"))
    assert isinstance(raised, Rejected)
    assert f"{raised.message}{raised.value}{raised.field}{raised.error_object}".isprintable()
    assert "It said: red ·[31m ·elif·" in raised.message


@pytest.mark.parametrize(
    "inner",
    [
        '<error type="value" object="ip"><param name="value">1</param><msg>no</msg></error>',
        '<doc><error type="value" object="ip"><msg>no</msg></error></doc>',
        '<ok/><error type="value" object="ip"/>',
    ],
)
def test_the_envelope_is_found(inner: str) -> None:
    error = Document.parse(f"<doc>{inner}</doc>".encode()).error
    assert error is not None
    assert (error.type, error.object) == ("value", "ip")


def test_an_empty_node_called_error_is_none() -> None:
    assert Document.parse(b"<doc><error/></doc>").error is None


def test_the_message_may_hold_markup() -> None:
    text = "a < b & c"
    error = Document.parse(f'<doc><error type="value"><msg>{escape(text)}</msg></error></doc>'.encode()).error
    assert error is not None
    assert error.message == text


@pytest.mark.parametrize(("kind", "scope"), [("access", Scope.OPERATION), ("auth", Scope.ACCOUNT)])
def test_a_missing_right_to_one_function_is_no_trouble_of_the_account(kind: str, scope: Scope) -> None:
    raised = failure(a_call(effect=Effect.READ), an_error(kind))
    assert isinstance(raised, ConnectionUnhealthy)
    assert raised.scope is scope
