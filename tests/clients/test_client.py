"""The Python client against the API over HTTP: what it does when lines break, and how it follows an operation."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from models.enums import Stage as Ours
from models.order import Operation
from resellflow_client import (
    AsyncClient,
    Client,
    ConnectionFailed,
    ProblemError,
    Retries,
    UnexpectedAnswer,
    WaitedTooLong,
    streams,
)
from resellflow_client.calls import Call
from resellflow_client.models import Money, RenewalChange, ServiceRequest, Stage
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.proxy import Answer, Proxy, Reaches, Request
from tests.storefront.api import OPERATOR_TOKEN, SHOP_TOKEN, Api

WISH = ServiceRequest(plan="VDS-1", period_months=1, customer="c-17")
ONCE = Retries(attempts=1)


def is_post(request: Request) -> bool:
    return request.method == "POST"


async def test_an_order_whose_answer_is_lost_is_sent_again_with_the_same_key(idle_api: Api, line: Proxy) -> None:
    line.lay(Answer.CUT, Reaches.BEFORE, chosen=is_post)
    async with AsyncClient(line.url, SHOP_TOKEN) as client:
        accepted = await client.place_order(WISH)
    assert line.sent(is_post) == 2
    assert len({one.headers["idempotency-key"] for one in line.requests}) == 1
    assert await idle_api.count(Operation) == 1
    assert accepted.operation.stage is Stage.ACCEPTED


async def test_an_error_has_the_key_with_which_the_order_may_be_sent_again(idle_api: Api, line: Proxy) -> None:
    line.lay(Answer.CUT, Reaches.BEFORE, chosen=is_post)
    async with AsyncClient(line.url, SHOP_TOKEN, retries=ONCE) as client:
        with pytest.raises(ConnectionFailed) as failed:
            await client.place_order(WISH)
        assert failed.value.sent
        again = await client.place_order(WISH, key=failed.value.idempotency_key)
    assert again.operation.number == 1
    assert await idle_api.count(Operation) == 1


async def test_what_has_no_key_is_not_sent_again_once_it_was_sent(idle_api: Api, line: Proxy) -> None:
    await idle_api.order()
    line.lay(Answer.CUT, Reaches.BEFORE, times=2)
    async with AsyncClient(line.url, SHOP_TOKEN) as client:
        with pytest.raises(ConnectionFailed):
            await client.set_renewal(1, RenewalChange(renew=False))
    assert len(line.requests) == 1


async def test_a_server_that_wants_to_be_left_alone_for_long_is_left_alone(line: Proxy) -> None:
    line.lay(Answer.THROTTLED)
    async with AsyncClient(line.url, SHOP_TOKEN) as client:
        with pytest.raises(ProblemError) as refused:
            await client.list_of_services()
    assert (refused.value.status, refused.value.retry_after, len(line.requests)) == (429, 40.0, 1)


@pytest.mark.parametrize(
    ("method", "key", "status", "headers", "again"),
    [
        ("GET", None, 503, {"Retry-After": "7"}, 7.0),
        ("POST", "k", 503, {"Retry-After": "0"}, 0.0),
        ("POST", "k", 502, {}, True),
        ("POST", None, 503, {"Retry-After": "7"}, False),
        ("GET", None, 503, {"Retry-After": "3600"}, False),
        ("GET", None, 500, {}, False),
        ("POST", "k", 409, {}, False),
    ],
)
def test_when_it_is_sent_again(
    method: str, key: str | None, status: int, headers: dict[str, str], again: bool | float
) -> None:
    call: Call[object] = Call(method, "/v1/services", {}, key=key)
    found = Retries().of(call)(ProblemError(httpx.Response(status, headers=headers)))
    assert (found, type(found)) == (again, type(again))


def test_a_date_of_retry_after_is_read() -> None:
    when = datetime(2020, 1, 1, tzinfo=UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert ProblemError(httpx.Response(503, headers={"Retry-After": when})).retry_after == 0.0
    assert ProblemError(httpx.Response(503, headers={"Retry-After": "soon"})).retry_after is None


async def test_what_is_refused_is_a_problem_with_its_field(idle_api: Api) -> None:
    async with AsyncClient(idle_api.address, SHOP_TOKEN) as client:
        wrong = WISH.model_copy(update={"period_months": 5})
        with pytest.raises(ProblemError) as refused:
            await client.place_order(wrong, key="k-1")
        problem = refused.value
        assert (problem.status, problem.slug, problem.field) == (422, "invalid-field", "period_months")
        assert [one.field for one in problem.errors] == ["period_months"]
        assert problem.detail in str(problem)
        assert problem.request_id
        assert problem.idempotency_key == "k-1"


@pytest.mark.parametrize("answer", [Answer.HTML, Answer.GARBAGE])
async def test_an_answer_that_is_not_the_apis_is_said_to_be_none(line: Proxy, answer: Answer) -> None:
    line.lay(answer)
    async with AsyncClient(line.url, SHOP_TOKEN) as client:
        with pytest.raises(UnexpectedAnswer):
            await client.read_token()


@pytest.mark.parametrize("token", ["", "two words", "token\n", "tökén"])
def test_what_can_be_no_token_is_refused_before_it_is_sent(token: str) -> None:
    with pytest.raises(ValueError, match="token"):
        Client("http://127.0.0.1:1", token)


@pytest.mark.parametrize(
    "address", ["", "127.0.0.1:8080", "resellflow.example.com", "ftp://host", "http://", "http://a:b"]
)
def test_what_can_be_no_address_is_refused_before_anything_is_sent(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Client(address, SHOP_TOKEN)


async def test_a_list_is_read_to_its_end_page_after_page(idle_api: Api) -> None:
    for number in range(5):
        await idle_api.order(f"cart-{number}", customer=f"c-{number % 2}")
    async with AsyncClient(idle_api.address, SHOP_TOKEN) as client:
        of_all = [one.number async for one in client.every(client.list_of_services, limit=2)]
        of_one = [one.number async for one in client.every(client.list_of_services, limit=2, customer=["c-0"])]
    assert (of_all, of_one) == ([5, 4, 3, 2, 1], [5, 3, 1])


async def test_money_and_money_of_a_decision_are_exact(idle_api: Api) -> None:
    async with AsyncClient(idle_api.address, OPERATOR_TOKEN) as client:
        limited = WISH.model_copy(update={"agreed_cost_limit": Money(amount=Decimal("5.10"), currency="EUR")})
        accepted = await client.place_order(limited)
        assert (await client.show_operation(accepted.operation.number)).agreed_cost_limit == limited.agreed_cost_limit


# Following.


class BreaksOnce(httpx.AsyncHTTPTransport):
    """A line that breaks after the first event of the first stream."""

    def __init__(self) -> None:
        super().__init__()
        self.streams: list[str | None] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        if request.url.path.endswith("/stream"):
            self.streams.append(request.headers.get("last-event-id"))
            if len(self.streams) == 1:
                return httpx.Response(answer.status_code, headers=answer.headers, stream=_Broken(answer))
        return answer


class _Broken(httpx.AsyncByteStream):
    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._answer.aiter_raw():
            yield part
            if b"\n\n" in part:
                await self._answer.aclose()
                raise httpx.ReadError("the line broke")


async def test_a_stream_that_breaks_is_taken_up_where_it_was(idle_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resellflow_client._async.client.PAUSE_SECONDS", 0.0)
    await idle_api.order()
    transport = BreaksOnce()
    async with (
        httpx.AsyncClient(transport=transport) as http,
        AsyncClient(idle_api.address, SHOP_TOKEN, http=http) as client,
    ):
        seen = []
        async for passed in client.follow(1):
            seen.append(passed)
            if passed.stage is Stage.ACCEPTED:
                await idle_api.enter(1, Ours.CHECKING_BALANCE)
            elif passed.stage is Stage.CHECKING_BALANCE:
                await idle_api.enter(1, Ours.CANCELLED)
    assert [one.stage for one in seen] == [Stage.ACCEPTED, Stage.CHECKING_BALANCE, Stage.CANCELLED]
    assert transport.streams == [None, str(seen[1].id)]


async def test_where_no_stream_can_be_had_the_operation_is_read(
    idle_api: Api, line: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resellflow_client._async.client.PAUSE_SECONDS", 0.01)
    line.lay(Answer.UNAVAILABLE, chosen=lambda request: request.path.endswith("/stream"), times=1000)
    await idle_api.order()
    async with AsyncClient(line.url, SHOP_TOKEN) as client:
        waiting = asyncio.create_task(client.wait(1))
        await assert_eventually(lambda: _asked(line, "/stream"), message="it has asked for a stream")
        await idle_api.enter(1, Ours.NEEDS_ATTENTION, "why")
        assert (await waiting).stage is Stage.NEEDS_ATTENTION


async def _asked(line: Proxy, end: str) -> bool:
    return line.sent(lambda request: request.path.endswith(end)) > 0


async def test_waiting_ends_at_its_time(idle_api: Api) -> None:
    await idle_api.order()
    async with AsyncClient(idle_api.address, SHOP_TOKEN) as client:
        with pytest.raises(WaitedTooLong):
            await client.wait(1, timeout=0.05)


async def test_another_shops_operation_can_be_neither_followed_nor_waited_for(idle_api: Api) -> None:
    await idle_api.order()
    async with AsyncClient(idle_api.address, "rival-token") as client:
        with pytest.raises(ProblemError, match="there is no operation 1"):
            await client.wait(1)
        with pytest.raises(ProblemError, match="there is no operation 1"):
            [stage async for stage in client.follow(1)]


async def test_the_sync_client_does_the_same(idle_api: Api, line: Proxy) -> None:
    """It is made from the other one: a story through all its kinds of calls shows that it runs."""
    line.lay(Answer.CUT, Reaches.BEFORE, chosen=is_post)

    def story() -> tuple[list[int], str, list[str], list[str]]:
        with Client(line.url, SHOP_TOKEN) as client:
            accepted = client.place_order(WISH)
            numbers = [one.number for one in client.every(client.list_of_services, limit=1)]
            kinds = [event.type for page in client.feed() for event in page.items]
            with pytest.raises(ProblemError):
                client.show_service(99)
        with Client(idle_api.address, SHOP_TOKEN) as client:
            stage = client.wait(accepted.operation.number).stage
            return numbers, stage, [passed.stage for passed in client.follow(1)], kinds

    running = asyncio.create_task(asyncio.to_thread(story))
    await assert_eventually(lambda: _ordered(idle_api), message="the order is there")
    await idle_api.enter(1, Ours.CHECKING_BALANCE)
    await idle_api.enter(1, Ours.CANCELLED, "called off")
    assert await running == ([1], "cancelled", ["accepted", "checking_balance", "cancelled"], [])


async def _ordered(api: Api) -> bool:
    return await api.count(Operation) == 1


def test_a_word_that_a_newer_server_says_is_kept() -> None:
    later = Stage("after_all")
    assert later == "after_all"
    assert f"{later}" == "after_all"
    assert later not in streams.WAIT_ENDS
