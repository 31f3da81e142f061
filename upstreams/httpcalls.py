"""One HTTP request to an upstream, and what its failure means: never sent, or nobody knows.

NotSent only where not a byte of the request can have left. Time-outs are explicit, redirects are not followed, TLS is
verified. A call that changes or costs leaves only while its sender holds a
lease (`upstreams.lease`).
"""

import asyncio
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from functools import cache
from importlib.util import find_spec

import httpx

from metrics import counters
from models.untrusted_text import shortened, visible
from program_version import VERSION
from telemetry import tracing
from upstreams import inflate, lease
from upstreams.departure import MOST_OF_IT_WRITES, Departure, DepartureTransport, Lapsed, departing
from upstreams.errors import ConnectionUnhealthy, LeaseExpired, LeftAlone, NotSent, OutcomeUnknown, SetupFault
from upstreams.gate import Gate
from upstreams.limits import MOST_AT_ONCE
from upstreams.retry_after import asked_to_wait

CONNECT_TIMEOUT = 5.0
POOL_TIMEOUT = 5.0
MAX_BODY = 64 * 1024 * 1024
"""Bytes of an answer, as it comes and decompressed, after which it is given up."""

SHORT = 120
"""Characters of the upstream's own words that go into a message."""

_NEVER_LEFT = (
    httpx.ConnectError,  # refused, DNS, TLS handshake
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_SENDING = ".send_request_headers.started"

if "sniffio" not in sys.modules and find_spec("sniffio") is None:
    # httpcore tries to import it several times a request. Where it is not installed, each time means a search of every
    # directory of the path: a twentieth of a busy worker's time. Said here that it is not there, it goes on at once.
    sys.modules["sniffio"] = None  # type: ignore[assignment]


class Effect(Enum):
    """Whether a call may be repeated without thought."""

    READ = "read"
    CHANGE = "change"
    """Changes or costs: without a definite answer its outcome is unknown."""


class RefusalScope(Enum):
    """What the upstream can mean by a definite no, by what is sent."""

    OF_THE_ACCOUNT = "account"
    """A list or an order: a missing right is trouble with the account."""
    OF_AN_OPERATION = "operation"
    """A function for one item, or one we can do without: a missing right or a confirmation wanted is about it alone."""
    OF_A_STATE = "state"
    """An operation that sends only the item's number: a no can only be about what may be done to the item."""


@dataclass(frozen=True)
class Call:
    """A function of the upstream about to be called. `item` is the number it is about, if it is about one."""

    upstream: str
    function: str
    effect: Effect
    item: str = ""
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def label(self) -> str:
        return f"Upstream {self.upstream}, {self.function}" + (f" of item {self.item}" if self.item else "")

    def clean(self, text: str, limit: int = SHORT) -> str:
        """Text from outside, fit for a message: no credential of ours, one visible line, at most `limit` characters."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return shortened(visible(text), limit)


@dataclass(frozen=True)
class Request:
    """What is sent. `form` and `content` exclude each other."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    content: bytes | None = None


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    next_try: datetime | None
    """The upstream asks to be left alone until then (aware UTC); None: it does not."""


class HttpTransport:
    """Two pools: reads keep their connections, calls that change or cost open a fresh one each.

    A kept connection that the server has just closed is noticed only while sending, and then nobody knows whether the
    request arrived; a read may be repeated, an order may not. A client given from outside serves both, with
    `Connection: close` on every request for the same reason, and stays open in `aclose`; of its calls the lease is
    looked at before connecting, so none but tests should give one.
    """

    def __init__(
        self,
        address: str,
        client: httpx.AsyncClient | None = None,
        *,
        read_timeout: float,
        order_timeout: float,
        gate: Gate | None = None,
        max_body: int = MAX_BODY,
    ) -> None:
        """`address`: where all calls go, as `usable_address` returns it."""
        self._seconds = {Effect.READ: read_timeout, Effect.CHANGE: order_timeout}
        self._gate = gate or Gate()
        self._max_body = max_body
        self._own: tuple[httpx.AsyncClient, ...] = ()
        self._headers = {"Accept-Encoding": inflate.ACCEPTED, "User-Agent": f"Resellflow/{VERSION}"}
        if client is not None:
            self._clients = dict.fromkeys(Effect, client)
            self._headers["Connection"] = "close"
            return
        kept = httpx.Limits(max_connections=MOST_AT_ONCE, max_keepalive_connections=5, keepalive_expiry=15.0)
        fresh = DepartureTransport(httpx.URL(address), _trust(), order_timeout)
        self._clients = {
            Effect.READ: httpx.AsyncClient(verify=_trust(), limits=kept),
            Effect.CHANGE: httpx.AsyncClient(transport=fresh),
        }
        self._own = tuple(self._clients.values())
        for one in self._own:
            tracing.watch(one)

    async def aclose(self) -> None:
        for client in self._own:
            await client.aclose()

    async def send(self, call: Call, request: Request) -> HttpAnswer:
        """One request, never repeated. Raises NotSent (LeftAlone included), OutcomeUnknown or ConnectionUnhealthy."""
        changes = call.effect is Effect.CHANGE
        async with self._gate.call(call.label, call.function, changes=changes) as passage:
            if self._clients[call.effect].is_closed:
                words = f"{call.label}: not sent, the connection pool is closed already."
                raise LeftAlone(words, function=call.function)
            if changes:
                self.check_lease(call)
            with counters.timed(
                counters.UPSTREAM_REQUEST_SECONDS, call.upstream, counters.function_label(call.function)
            ):
                answer = await self._exchange(call, request)
            if answer.status >= httpx.codes.INTERNAL_SERVER_ERROR:
                passage.unanswered = f"{call.label}: the answer was HTTP {answer.status}."
        wait = asked_to_wait(answer.status, answer.headers)
        if wait is None:
            return answer
        return replace(answer, next_try=self._gate.asked_to_wait(f"{call.label}: {wait.words}.", wait.seconds))

    async def _exchange(self, call: Call, request: Request) -> HttpAnswer:
        client = self._clients[call.effect]
        traced: list[str] = []

        async def trace(event: str, info: object) -> None:
            traced.append(event)

        seconds, connect = self._seconds[call.effect], self._gate.limits.connect_timeout or CONNECT_TIMEOUT
        with departing() as departure:
            try:
                async with asyncio.timeout(POOL_TIMEOUT + connect + seconds) as whole:
                    departure.when_written = lambda left_at: _shorten(whole, left_at, seconds)
                    async with client.stream(
                        request.method,
                        request.url,
                        data=request.form,
                        content=request.content,
                        headers=self._headers | dict(request.headers),
                        timeout=httpx.Timeout(seconds, connect=connect, pool=POOL_TIMEOUT),
                        follow_redirects=False,
                        extensions={"trace": trace},
                    ) as response:
                        body = await self._body(call, response)
                        return HttpAnswer(response.status_code, response.headers, body, None)
            except Lapsed as lapsed:
                self._look_at_lease(call, str(lapsed))
                raise
            except (*_NEVER_LEFT, httpx.InvalidURL) as error:
                if (untrusted := _untrusted(error)) is not None:
                    raise ConnectionUnhealthy(
                        f"{call.label}: not sent, the certificate of {httpx.URL(request.url).host} is not trusted "
                        f"({call.clean(untrusted.verify_message, 100)}).",
                        function=call.function,
                        error_type="certificate",
                    ) from error
                words = _why(call, error, connect)
                raise NotSent(f"{call.label}: not sent, {words}.", function=call.function) from error
            except (httpx.HTTPError, httpx.StreamError, TimeoutError) as error:
                why = _why(call, error, connect)
                if not self._may_have_left(call, departure, traced):
                    raise NotSent(f"{call.label}: not sent, {why}.", function=call.function) from error
                words = (
                    f"asked, but {why}; it was only read, nothing was changed"
                    if call.effect is Effect.READ
                    else f"sent, but {why}; whether it was carried out is not known"
                )
                raise OutcomeUnknown(f"{call.label}: {words}.", function=call.function) from error

    def check_lease(self, call: Call) -> None:
        """Raises LeaseExpired where the sender's lease is over."""
        self._look_at_lease(call, lease.held().lapsed())

    def _look_at_lease(self, call: Call, lapsed: str) -> None:
        if lapsed:
            raise LeaseExpired(f"{call.label}: not sent, {lapsed}.", function=call.function)

    def _may_have_left(self, call: Call, departure: Departure, traced: list[str]) -> bool:
        if call.effect is Effect.CHANGE and self._own:
            return departure.left
        return not traced or any(event.endswith(_SENDING) for event in traced)

    async def _body(self, call: Call, response: httpx.Response) -> bytes:
        encoding = response.headers.get("content-encoding", "")
        try:
            return await inflate.read(response.aiter_raw(), encoding, self._max_body)
        except inflate.UnreadableBody as error:
            raise OutcomeUnknown(f"{call.label}: {call.clean(str(error), 160)}.", function=call.function) from error


@cache
def _trust() -> ssl.SSLContext:
    """What httpx trusts by default (certifi, or SSL_CERT_FILE), read once for all accounts: it takes a while."""
    return httpx.create_ssl_context()


def _untrusted(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """What the TLS library said of the certificate, where that is at the bottom of the failure."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        error = error.__cause__ or error.__context__
    return None


def usable_address(upstream: str, address: str, *, like: str) -> str:
    """The address, if it may be used: no credential and no query in it, both would end up in logs. `like`: an example.

    Raises SetupFault.
    """
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.userinfo or url.query or url.fragment:
        raise SetupFault(
            f"Upstream {upstream}: its address must end with the path, without user name, password, '?' or '#'."
        )
    if url.scheme not in ("http", "https") or not url.host:
        raise SetupFault(f"Upstream {upstream}: its address is not one like {like}.")
    return str(url)


def _shorten(whole: asyncio.Timeout, left_at: float, seconds: float) -> None:
    """The limit of the whole call counts from the moment at which the request left: it is the flight that leases reckon
    with. Whoever was frozen since then has used it up, but may have written a moment ago. The answer is awaited all the
    same, for as long as a slow writer would have left: a yes that nobody hears is a charge that nobody reports."""
    now = asyncio.get_running_loop().time()
    whole.reschedule(max(left_at + seconds, now + seconds * (1 - MOST_OF_IT_WRITES)))


def _why(call: Call, error: Exception, connect: float) -> str:
    match error:
        case httpx.ConnectTimeout():
            return f"no connection within {connect:g} s"
        case httpx.PoolTimeout():
            return "all connections of the pool were busy"
        case httpx.TimeoutException() | TimeoutError():
            return "no answer in time"
        case httpx.RemoteProtocolError() | httpx.ReadError() | httpx.WriteError() | httpx.CloseError():
            return f"the connection was cut ({call.clean(str(error), 80) or type(error).__name__})"
        case _:
            return call.clean(str(error), 100) or type(error).__name__
