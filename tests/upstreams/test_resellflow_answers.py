"""What the adapter for a Resellflow makes of every answer: one row each of the table in docs/resellflow-upstream.md."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.upstreams.farside import connection, spec
from tests.upstreams.panel import Answerer, Panel, cut_before_answer, cut_in_body, garbage, html, http
from upstreams.errors import (
    AlreadyExists,
    ConnectionUnhealthy,
    NoSuchItem,
    NotAllowed,
    NotSent,
    OutcomeUnknown,
    Rejected,
    SetupFault,
    UpstreamError,
)
from upstreams.resellflow import ResellflowUpstream
from upstreams.resellflow.hints import read_hint

SECONDS = 0.4
PROBLEM = "application/problem+json"


def problem(status: int, slug: str, field: str | None = None, **headers: str) -> Answerer:
    body: dict[str, Any] = {"type": f"urn:resellflow:problem:{slug}", "title": "t", "status": status, "detail": "why"}
    if field is not None:
        body["field"] = field
    return http(json.dumps(body), status, PROBLEM, **headers)


def answer(body: object, status: int = 201) -> Answerer:
    return http(json.dumps(body), status, "application/json")


HOLDER = answer({"name": "shop", "role": "storefront"}, 200)


@pytest.fixture
async def panel() -> AsyncIterator[Panel]:
    panel = await Panel.start()
    yield panel
    await panel.stop()


@pytest.fixture
async def fresh(panel: Panel) -> AsyncIterator[ResellflowUpstream]:
    """It has not read yet whose its token is."""
    async with ResellflowUpstream(connection(f"http://127.0.0.1:{panel.port}", seconds=SECONDS)) as upstream:
        yield upstream


@pytest.fixture
async def upstream(panel: Panel, fresh: ResellflowUpstream) -> ResellflowUpstream:
    """It knows whose its token is."""
    panel.answers(HOLDER, problem(404, "not-found"))
    with pytest.raises(NoSuchItem):
        await fresh.prolong("7", 1, key="first")
    panel.requests.clear()
    return fresh


Ask = Callable[[ResellflowUpstream], Awaitable[object]]
ORDER: Ask = lambda one: one.order(spec(), key="k")  # noqa: E731
PROLONG: Ask = lambda one: one.prolong("7", 1, key="k")  # noqa: E731
SUSPEND: Ask = lambda one: one.suspend("vds", "7", key="k")  # noqa: E731
READ: Ask = lambda one: one.read_item("vds", "7")  # noqa: E731
LIST: Ask = lambda one: one.list_items("vds")  # noqa: E731

TABLE: dict[str, tuple[Answerer, Ask, type[UpstreamError]]] = {
    "order cut off": (cut_before_answer, ORDER, OutcomeUnknown),
    "order cut off within the answer": (cut_in_body, ORDER, OutcomeUnknown),
    "order, garbage": (garbage, ORDER, OutcomeUnknown),
    "order, a page": (html("welcome"), ORDER, OutcomeUnknown),
    "order, a page of a proxy": (html("Bad gateway", 502), ORDER, OutcomeUnknown),
    "order, 403 of a firewall": (html("forbidden", 403), ORDER, OutcomeUnknown),
    "order, 404 of a gateway": (http("", 404), ORDER, OutcomeUnknown),
    "order, a yes that is none": (answer({"service": {"number": 7}}), ORDER, OutcomeUnknown),
    "order, a yes cut short": (http('{"service": {"num', 201, "application/json"), ORDER, OutcomeUnknown),
    "order, 202": (answer({}, 202), ORDER, OutcomeUnknown),
    "order, their database is away": (problem(503, "database-unavailable"), ORDER, OutcomeUnknown),
    "order, they are busy": (problem(503, "busy"), ORDER, OutcomeUnknown),
    "order, an unforeseen fault of theirs": (problem(500, "internal"), ORDER, OutcomeUnknown),
    "order, a problem that says another status": (
        http(
            '{"type": "urn:resellflow:problem:refused", "status": 409, "detail": "x"}', 500, "application/problem+json"
        ),
        ORDER,
        OutcomeUnknown,
    ),
    "order, somebody else's problem": (
        http('{"type": "about:blank", "status": 422, "detail": "x"}', 422, PROBLEM),
        ORDER,
        OutcomeUnknown,
    ),
    "order, 401": (problem(401, "unauthenticated"), ORDER, ConnectionUnhealthy),
    "order, 403": (problem(403, "forbidden"), ORDER, ConnectionUnhealthy),
    "order, 404": (problem(404, "not-found"), ORDER, ConnectionUnhealthy),
    "order, too many wrong tokens": (problem(429, "too-many-wrong-tokens"), ORDER, ConnectionUnhealthy),
    "order, another body": (problem(422, "idempotency-key-reused", "Idempotency-Key"), ORDER, AlreadyExists),
    "order, a wrong field": (problem(422, "invalid-field", "domain"), ORDER, Rejected),
    "order, an unknown plan": (problem(422, "invalid-field", "plan"), ORDER, SetupFault),
    "prolong, 403": (problem(403, "forbidden"), PROLONG, NotAllowed),
    "prolong, 404": (problem(404, "not-found"), PROLONG, NoSuchItem),
    "prolong, 409": (problem(409, "refused"), PROLONG, Rejected),
    "suspend, 409": (problem(409, "refused"), SUSPEND, NotAllowed),
    "form, 404": (problem(404, "not-found"), READ, NoSuchItem),
    "form, 404 of a gateway": (http("", 404), READ, ConnectionUnhealthy),
    "form, a page": (html("welcome"), READ, OutcomeUnknown),
    "form, another document": (answer({"number": "x"}, 200), READ, OutcomeUnknown),
    "list, 401": (problem(401, "unauthenticated"), LIST, ConnectionUnhealthy),
    "list, a redirect": (http("", 302, location="https://example.com/login"), LIST, ConnectionUnhealthy),
    "list, 502": (html("Bad gateway", 502), LIST, OutcomeUnknown),
    "list, their database is away": (problem(503, "database-unavailable"), LIST, OutcomeUnknown),
}


@pytest.mark.parametrize(("told", "ask", "error"), TABLE.values(), ids=TABLE)
async def test_each_answer_has_its_failure(
    panel: Panel, upstream: ResellflowUpstream, told: Answerer, ask: Ask, error: type[UpstreamError]
) -> None:
    panel.answers(told)
    with pytest.raises(error) as raised:
        await ask(upstream)
    assert type(raised.value) is error
    assert raised.value.message.startswith("Upstream distributor, ")
    assert len(panel.requests) == 1, "nothing is repeated"


@pytest.mark.parametrize(
    ("status", "slug"), [(429, "busy"), (503, "database-unavailable"), (503, "busy")], ids=["429", "away", "busy"]
)
async def test_they_are_left_alone_for_as_long_as_they_ask(
    panel: Panel, upstream: ResellflowUpstream, status: int, slug: str
) -> None:
    panel.answers(problem(status, slug, Retry_After="60"))
    with pytest.raises(OutcomeUnknown) as raised:
        await ORDER(upstream)
    assert raised.value.next_try is not None
    with pytest.raises(NotSent, match="nothing is asked of the account before"):
        await ORDER(upstream)
    assert len(panel.requests) == 1


@pytest.mark.parametrize("token", ["t0ken\n", "t0 ken", "t\u00f6ken", "t0ken\r\nX-More: 1"])
async def test_what_can_be_no_token_is_not_sent(panel: Panel, token: str) -> None:
    async with ResellflowUpstream(connection(f"http://127.0.0.1:{panel.port}", token)) as upstream:
        for ask in (LIST, READ, ORDER):
            with pytest.raises(ConnectionUnhealthy, match="that no token has") as raised:
                await ask(upstream)
            assert token not in raised.value.message
    assert panel.requests == []


async def test_a_request_that_changes_carries_key_and_token_and_nothing_of_ours_in_its_address(
    panel: Panel, upstream: ResellflowUpstream
) -> None:
    panel.answers(problem(404, "not-found"))
    with pytest.raises(NoSuchItem):
        await upstream.change_plan("7", "VDS-2", 1, key="rf-k3x9a-1042.9")
    [request] = panel.requests
    assert (request.method, request.target) == ("POST", "/v1/services/7/change-plan")
    assert request.headers["idempotency-key"] == "rf-k3x9a-1042.9"
    assert request.headers["authorization"] == "Bearer shop-token"
    assert json.loads(request.body) == {"plan": "VDS-2"}


PAGE: dict[str, Any] = {"items": [], "next_cursor": None}
ROW = {
    "number": 7,
    "customer": "rf-k3x9a-1042",
    "plan": "VDS-1",
    "product_type": "vds",
    "status": "active",
    "name": "v1.example.com",
    "name_is_ours": False,
    "period_months": 1,
    "renewal_owner": "resellflow",
    "created_at": "2026-03-01T09:30:00Z",
}


@pytest.mark.parametrize(
    "told",
    [cut_before_answer, html("welcome"), problem(503, "busy", Retry_After="60")],
    ids=["cut", "a page", "busy"],
)
async def test_while_the_tokens_holder_can_not_be_read_nothing_is_sent(
    panel: Panel, fresh: ResellflowUpstream, told: Answerer
) -> None:
    panel.answers(told)
    with pytest.raises(NotSent, match="holder can't be read"):
        await ORDER(fresh)
    assert [(request.method, request.target) for request in panel.requests] == [("GET", "/v1/token")]


async def test_the_tokens_holder_is_read_once(panel: Panel, fresh: ResellflowUpstream) -> None:
    panel.answers(HOLDER, problem(409, "refused"), problem(409, "refused"))
    for ask in (ORDER, PROLONG):
        with pytest.raises(Rejected):
            await ask(fresh)
    assert [request.method for request in panel.requests] == ["GET", "POST", "POST"]


async def test_an_older_resellflow_shows_by_what_it_allows_whose_the_token_is(
    panel: Panel, fresh: ResellflowUpstream
) -> None:
    panel.answers(problem(404, "not-found"), answer(PAGE, 200), answer({"items": []}, 200))
    with pytest.raises(ConnectionUnhealthy, match="no storefront's"):
        await ORDER(fresh)
    assert [request.method for request in panel.requests] == ["GET", "GET", "GET"]
    panel.answers(problem(404, "not-found"), answer(PAGE, 200), problem(403, "forbidden"), problem(409, "refused"))
    with pytest.raises(Rejected):
        await ORDER(fresh)


OPERATION = {"number": 9, "kind": "open", "stage": "pending"}


@pytest.mark.parametrize("owner", ["rival", None])
async def test_an_answer_with_another_owner_is_not_taken_for_accepted(
    panel: Panel, upstream: ResellflowUpstream, owner: str | None
) -> None:
    panel.answers(answer({"service": ROW | {"owner": "shop"}, "operation": OPERATION}))
    assert (await upstream.order(spec(), key="k")).upstream_number == "7"
    panel.answers(answer({"service": ROW | {"owner": owner}, "operation": OPERATION}))
    with pytest.raises(OutcomeUnknown, match=f"accepted, but for {owner or 'no storefront'}"):
        await upstream.order(spec(), key="k2")


MODULE = spec(product_type="addition", tariff="MOD-1", parameters={"licence": "7"}, addons={})


async def test_the_licence_of_a_module_is_named_by_its_number_at_their_upstream(
    panel: Panel, upstream: ResellflowUpstream
) -> None:
    panel.answers(answer(ROW | {"upstream": {"name": "main", "number": "900017"}}, 200), problem(409, "refused"))
    with pytest.raises(Rejected):
        await upstream.order(MODULE, key="k")
    read, order = panel.requests
    assert (read.target, order.target) == ("/v1/services/7", "/v1/services")
    assert json.loads(order.body)["parameters"] == {"licence": "900017"}


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (cut_before_answer, NotSent),
        (problem(404, "not-found"), NoSuchItem),
        (answer(ROW | {"upstream": {"name": "main", "number": None}}, 200), Rejected),
    ],
)
async def test_a_module_whose_licence_can_not_be_named_is_not_ordered(
    panel: Panel, upstream: ResellflowUpstream, told: Answerer, error: type[UpstreamError]
) -> None:
    panel.answers(told)
    with pytest.raises(error):
        await upstream.order(MODULE, key="k")
    assert [request.method for request in panel.requests] == ["GET"]


@pytest.mark.parametrize(
    ("pages", "because"),
    [
        ([{"items": [ROW | {"status": 5}], "next_cursor": None}], "row 7: its status can't be read"),
        ([{"items": [ROW, ROW | {"number": 9}], "next_cursor": None}], "its numbers do not descend"),
        ([{"items": [ROW], "next_cursor": "c"}, {"items": [ROW], "next_cursor": None}], "its numbers do not descend"),
        ([{"items": [{"plan": "VDS-1"}], "next_cursor": None}], "one of its rows has no number"),
        ([{"items": [ROW], "next_cursor": "c"}, {"items": [], "next_cursor": "d"}], "a page leads to no other"),
    ],
)
async def test_a_list_that_may_not_be_all_says_so(
    panel: Panel, upstream: ResellflowUpstream, pages: list[object], because: str
) -> None:
    panel.answers(*(answer(page, 200) for page in pages))
    listing = await upstream.list_items("vds")
    assert not listing.complete
    assert because in listing.incomplete_because


@pytest.mark.parametrize(
    ("changes", "shown"),
    [({}, "v1.example.com"), ({"name": "rf-x-7", "name_is_ours": True}, "")],
    ids=["ours", "theirs"],
)
async def test_a_name_that_they_made_up_is_not_ours(
    panel: Panel, upstream: ResellflowUpstream, changes: dict[str, Any], shown: str
) -> None:
    panel.answers(answer(PAGE | {"items": [ROW | changes]}, 200))
    assert (await upstream.list_items("vds")).items[0].name == shown


MESSAGE = {"specversion": "1.0", "id": "5f", "type": "resellflow.service.suspended.v1", "data": {"service": 7}}


def test_of_their_message_only_the_number_is_believed() -> None:
    hint = read_hint(json.dumps(MESSAGE | {"data": {"service": 7, "item": "900001", "changes": {}}}).encode())
    assert hint is not None
    assert (hint.numbers, hint.product_type) == (("7",), "")


def test_a_message_about_no_service_is_no_hint_and_no_mistake() -> None:
    assert read_hint(json.dumps(MESSAGE | {"type": "resellflow.ping.v1", "data": {}}).encode()) is None


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"numbers": ["7"]}', json.dumps(MESSAGE | {"data": {"service": "7; drop"}}).encode()],
    ids=["nothing", "a list", "another form", "no number"],
)
def test_what_is_no_message_of_theirs_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        read_hint(body)
