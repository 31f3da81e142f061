"""An account that asks to be left alone, or refuses a log-in, is asked by one probe, and not by everybody who waits."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.upstreams.conftest import GateClock
from tests.upstreams.panel import A_LIST, Answerer, Panel, doc, html, http, refusal
from upstreams import gate
from upstreams.billmanager import BillmanagerConnection, BillmanagerUpstream
from upstreams.errors import ConnectionUnhealthy, LeftAlone, NotSent, OutcomeUnknown, UpstreamError
from upstreams.gate import LONGEST_ASKED_FOR, LONGEST_REST, SHORTEST_REST, Gate, Gates
from upstreams.port import OrderSpec
from upstreams.retry_after import asked_to_wait

ORDERED = doc("<ok/><id>900123</id>")
BUSY = html("Too many requests", 429)


def in_future(seconds: float, date: datetime | None = None) -> str:
    return format_datetime((date or datetime.now(UTC)) + timedelta(seconds=seconds), usegmt=True)


async def rests(panel: Panel, upstream: BillmanagerUpstream, clock: GateClock) -> float:
    """Seconds, within a tenth, for which nothing leaves."""
    before, began = len(panel.requests), clock.now
    panel.standing["vds"] = A_LIST
    while len(panel.requests) == before:
        try:
            await upstream.list_items("vds")
        except LeftAlone as left_alone:
            next_try = left_alone.next_try or datetime.now(UTC)
            clock.pass_(max(0.1, (next_try - datetime.now(UTC)).total_seconds() - (clock.now - began)))
    return clock.now - began


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (http("", 429, Retry_After="40"), 40),
        (http("", 503, Retry_After="40"), 40),
        (http("", 503, Retry_After="999999999999"), LONGEST_ASKED_FOR),
        (http("", 429, Retry_After="-5"), SHORTEST_REST),
        (http("", 429, Retry_After="soon"), SHORTEST_REST),
        (http("", 429, Retry_After="٣٠"), SHORTEST_REST),
        (http("", 429, Retry_After="0"), 1),
        (BUSY, SHORTEST_REST),
    ],
)
@pytest.mark.parametrize("money", [False, True])
async def test_the_whole_account_is_left_alone_for_as_long_as_it_asked(
    panel: Panel,
    upstream: BillmanagerUpstream,
    spec: OrderSpec,
    clock: GateClock,
    answer: Answerer,
    seconds: float,
    money: bool,
) -> None:
    panel.answers(answer)
    with pytest.raises(OutcomeUnknown if money else UpstreamError) as raised:
        await (upstream.order(spec) if money else upstream.list_items("vds"))
    assert raised.value.next_try is not None, "so that other processes can be told"
    for call in (upstream.order(spec), upstream.balance(), upstream.read_item("vds", "1")):
        with pytest.raises(LeftAlone, match=r"not sent, nothing is asked of the account before .* left alone"):
            await call
    assert len(panel.requests) == 1
    assert await rests(panel, upstream, clock) == pytest.approx(seconds, abs=0.3)


async def test_a_503_that_names_no_time_shuts_nothing(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(http("", 503), A_LIST)
    with pytest.raises(OutcomeUnknown):
        await upstream.list_items("vds")
    assert (await upstream.list_items("vds")).complete


async def test_an_error_beside_the_429_is_no_refusal_of_the_order(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec
) -> None:
    """It may be about the number of requests alone: a look shows that nothing was done, and it is sent again."""
    panel.answers(http('<doc><error type="value" object="ip"><msg>no</msg></error></doc>', 429))
    with pytest.raises(OutcomeUnknown):
        await upstream.order(spec)
    with pytest.raises(LeftAlone):
        await upstream.order(spec)


@pytest.mark.parametrize(
    ("date", "told", "seconds"),
    [
        (datetime(2040, 1, 1, tzinfo=UTC), in_future(120, datetime(2040, 1, 1, tzinfo=UTC)), 120),
        (datetime(2020, 1, 1, tzinfo=UTC), in_future(90, datetime(2020, 1, 1, tzinfo=UTC)), 90),
        (None, "Thu, 01 Jan 1970 00:00:00 GMT", 0),
        (None, "Fri, 31 Dec 9999 23:59:59 -2359", None),
        (None, "Fri, 31 Feb 2031 00:00:00 GMT", None),
        (None, "", None),
    ],
)
def test_a_date_is_measured_by_the_clock_that_made_it(date: datetime | None, told: str, seconds: float | None) -> None:
    headers = {"retry-after": told} | ({"date": format_datetime(date, usegmt=True)} if date else {})
    wait = asked_to_wait(429, headers)
    assert wait is not None
    if seconds is None:
        assert wait.seconds is None or wait.seconds > LONGEST_ASKED_FOR
    else:
        assert wait.seconds == pytest.approx(seconds, abs=2)


@pytest.mark.parametrize("status", [200, 202, 301])
def test_what_is_no_error_asks_for_no_rest(status: int) -> None:
    assert asked_to_wait(status, {"retry-after": "40"}) is None


@pytest.mark.parametrize(
    "allowed",
    [pytest.param("nothing", marks=pytest.mark.proof), "authinfo", pytest.param("session", marks=pytest.mark.proof)],
)
async def test_three_orders_and_a_poller_with_a_wrong_password_are_refused_a_few_times_and_not_each_of_them(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec, clock: GateClock, allowed: str
) -> None:
    """Each asks again and again for an hour, at first every second. It used to be twenty-six log-ins a minute."""
    refused = refusal("auth", "badpassword")
    panel.standing = {"auth": refused, "vds": refused, "v2.vds.order.param": refused}
    in_a_minute = 0
    for waited in [1.0] * 60 + [10.0] * 354:
        await asyncio.gather(
            *(upstream.order(spec) for _ in range(3)), *(upstream.list_items("vds") for _ in range(3)),
            return_exceptions=True,
        )  # fmt: skip
        clock.pass_(waited)
        in_a_minute = len(panel.requests) if waited == 1.0 else in_a_minute
    assert in_a_minute <= 4, panel.functions
    assert len(panel.requests) <= 20, panel.functions
    panel.standing = {"vds": A_LIST, "v2.vds.order.param": ORDERED}
    if allowed == "session":
        panel.standing = {
            "auth": doc('<auth id="5e551011"/>'),
            "vds": refusal("authtype"),
            "v2.vds.order.param": refusal("authtype"),
        }
        panel.standing |= {"vds": _by_session(panel, A_LIST), "v2.vds.order.param": _by_session(panel, ORDERED)}
    elif allowed == "authinfo":
        panel.standing["auth"] = refusal("authtype")
    for _ in range(2):  # either way of logging in has its turn
        clock.pass_(LONGEST_REST)
        await asyncio.gather(upstream.list_items("vds"), return_exceptions=True)
    assert (await upstream.order(spec)).upstream_number == "900123"


def _by_session(panel: Panel, answer: Answerer) -> Answerer:
    async def write(writer: asyncio.StreamWriter) -> bool:
        return await (answer if "auth" in panel.requests[-1].fields else refusal("authtype"))(writer)

    return write


async def test_until_something_was_answered_calls_go_one_by_one(
    panel: Panel, upstream: BillmanagerUpstream, clock: GateClock
) -> None:
    refused = refusal("auth", "badpassword")
    panel.standing = {"auth": refused, "vds": refused}
    met = await asyncio.gather(*(upstream.list_items("vds") for _ in range(20)), return_exceptions=True)
    assert panel.functions == ["vds", "auth"]
    assert [type(one) for one in met].count(LeftAlone) == 19
    clock.pass_(SHORTEST_REST)
    panel.standing = {"vds": A_LIST}
    await asyncio.gather(*(upstream.list_items("vds") for _ in range(20)), return_exceptions=True)
    await asyncio.gather(*(upstream.list_items("vds") for _ in range(20)))
    assert panel.connections > 3, "and then side by side"


async def test_a_first_call_that_stalls_does_not_hold_the_others_up_nor_lets_them_go_all_at_once(
    panel: Panel, upstream: BillmanagerUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be how this upstream refuses a password: slowly."""
    monkeypatch.setattr(gate, "_FIRST_ANSWER_PATIENCE", 0.05)
    panel.answers(panel.stall)
    panel.standing = {"vds": A_LIST}
    first = asyncio.create_task(upstream.list_items("vds"))
    while not panel.requests:
        await asyncio.wait([first], timeout=0.005)
    with pytest.raises(NotSent, match="another call is testing the account"):
        await upstream.list_items("vds")
    assert len(panel.requests) == 1
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert (await upstream.list_items("vds")).complete


async def test_a_right_that_is_missing_for_one_function_shuts_nothing(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    panel.answers(A_LIST, refusal("access", value="soft"), A_LIST)
    await upstream.list_items("vds")
    with pytest.raises(ConnectionUnhealthy):
        await upstream.list_items("soft")
    assert (await upstream.list_items("vds")).complete


def credentials(connection: BillmanagerConnection) -> tuple[str, ...]:
    return (*connection.settings.customer.values(), connection.secret.get_secret_value())


async def test_another_adapter_of_the_same_credentials_heeds_what_the_first_has_learned(
    panel: Panel, clock: GateClock
) -> None:
    gates, refused = Gates(), refusal("auth", "badpassword")
    panel.standing = {"auth": refused, "vds": refused}
    same = panel.connection()
    async with BillmanagerUpstream(same, gate=gates.of(*credentials(same))) as first:
        with pytest.raises(ConnectionUnhealthy):
            await first.list_items("vds")
    again = panel.connection(balance_call="dashboard.info")
    async with BillmanagerUpstream(again, gate=gates.of(*credentials(again))) as second:
        with pytest.raises(LeftAlone):
            await second.list_items("vds")
    panel.standing = {"vds": A_LIST}
    mended = panel.connection(password="another one")
    async with BillmanagerUpstream(mended, gate=gates.of(*credentials(mended))) as third:
        assert (await third.list_items("vds")).complete


def test_what_another_process_was_asked_for_is_heeded(clock: GateClock) -> None:
    one, until = Gate(), datetime.now(UTC) + timedelta(seconds=50)
    one.learn(until, "Upstream main, vds: it asked for it.", well_at=None)
    with pytest.raises(LeftAlone, match="it asked for it"):
        one.check("Upstream main, vds", "vds")
    clock.pass_(51)
    one.learn(until, "Upstream main, vds: it asked for it.", well_at=None)
    one.check("Upstream main, vds", "vds")


def test_a_refused_login_is_history_once_somebody_has_seen_the_account_well(clock: GateClock) -> None:
    one, before = Gate(), datetime.now(UTC)
    one.login_refused("the password")
    for well_at in (before, None):
        one.learn(None, "", well_at=well_at)
        assert one.next_try is not None
    one.learn(None, "", well_at=datetime.now(UTC))
    assert one.next_try is None


def test_what_an_upstream_asked_for_is_heeded_however_well_it_was_seen_since(clock: GateClock) -> None:
    one = Gate()
    one.asked_to_wait("it asked for it", 50)
    one.learn(None, "", well_at=datetime.now(UTC))
    assert one.next_try is not None
