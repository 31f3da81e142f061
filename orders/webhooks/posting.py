"""One attempt to deliver a webhook: only to permitted addresses, without redirects, within a time limit."""

import asyncio
import ipaddress
import logging
import ssl
import time
from dataclasses import dataclass
from http import HTTPStatus
from socket import SOCK_STREAM, gaierror

import httpx

from models.columns import utc_now
from orders.webhooks.deliveries import ANSWER_LENGTH, Attempt, OutgoingMessage
from orders.webhooks.signing import SecretUnusable, body, headers, read_secrets
from orders.webhooks.targets import Reach, check_address, check_url
from program_version import VERSION
from telemetry import tracing
from telemetry.fields import HEADER
from upstreams.retry_after import retry_after

log = logging.getLogger(__name__)

_MOST_READ = 4 * ANSWER_LENGTH
_WITH_RETRY_AFTER = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


@dataclass(frozen=True)
class PostResult:
    """An attempt, and what it says of the endpoint."""

    attempt: Attempt
    endpoint_down: bool = False
    """The endpoint as a whole does not work, so other messages need not be tried now."""
    not_before: float = 0.0
    """Seconds that the receiver asks to be left alone."""


class Poster:
    """Posts messages. One connection pool for each receiver: a connection is never shared by two names."""

    def __init__(self, *, timeout: float, reach: Reach, key_file: str) -> None:
        self._timeout = timeout
        self._reach = reach
        self._key_file = key_file
        self._trust: ssl.SSLContext | None = None
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def send(self, outgoing: OutgoingMessage, source: str) -> PostResult:
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                answer, text = await self._request(outgoing, source)
            # Whoever chose an address may not read by us what stands there.
            return _result_of(answer, "" if outgoing.address_by_shop else text, _ms(began))
        except SecretUnusable as error:
            return PostResult(Attempt(None, 0, f"not sent: {error}"), endpoint_down=True)
        except ValueError as error:
            return PostResult(Attempt(None, _ms(began), f"not sent: {error}"), endpoint_down=True)
        except TimeoutError:
            return PostResult(Attempt(None, _ms(began), f"no answer within {self._timeout:g} s"), endpoint_down=True)
        except (httpx.HTTPError, OSError, ssl.SSLError) as error:
            return PostResult(
                Attempt(None, _ms(began), f"no answer: {_printable(str(error) or type(error).__name__)}"),
                endpoint_down=True,
            )
        except (
            Exception
        ) as error:  # whatever it is, the message may have gone: it counts as an attempt, or it goes for ever
            log.exception("webhook %s: the attempt failed unexpectedly", outgoing.endpoint_name)
            said = _printable(f"failed unexpectedly: {type(error).__name__}: {error}")
            return PostResult(Attempt(None, _ms(began), said), endpoint_down=True)

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def _request(self, outgoing: OutgoingMessage, source: str) -> tuple[httpx.Response, str]:
        content = body(outgoing, source)
        secrets = read_secrets(outgoing, self._key_file)
        signed = headers(outgoing.message_id, int(time.time()), content, secrets)
        private = self._reach.private(by_shop=outgoing.address_by_shop)
        followed = {HEADER: outgoing.request_id} if outgoing.request_id else {}
        url = httpx.URL(check_url(outgoing.url, private=private))
        try:
            addresses = await self._addresses(url, private=private)
        except ValueError:
            if not outgoing.address_by_shop:
                raise
            # Which names there are in our network, and what they mean, is not a storefront's to know.
            raise ValueError(f"{url.host} leads to no public address") from None
        client = self._client(url)
        for number, address in enumerate(addresses, start=1):
            # To the address that was looked at, whatever the name means a moment later.
            request = client.build_request(
                "POST",
                url.copy_with(host=address),
                content=content,
                headers={**signed, **followed, "host": url.netloc.decode(), "user-agent": f"Resellflow/{VERSION}"},
                extensions={"sni_hostname": url.raw_host.decode(), "timeout": httpx.Timeout(self._timeout).as_dict()},
            )
            try:
                answer = await client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if number == len(addresses):
                    raise
                continue
            try:
                return answer, await _beginning(answer)
            finally:
                await answer.aclose()
        raise ValueError(f"{url.host} has no address")

    async def _addresses(self, url: httpx.URL, *, private: bool) -> list[str]:
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=SOCK_STREAM)
        except gaierror as error:
            raise ValueError(f"{url.host} can't be resolved: {error.strerror}") from None
        addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        for address in addresses:
            check_address(ipaddress.ip_address(address), url.scheme, private=private)
        return addresses

    def _client(self, url: httpx.URL) -> httpx.AsyncClient:
        receiver = f"{url.scheme}://{url.netloc.decode()}"
        if receiver not in self._clients:
            self._trust = self._trust or httpx.create_ssl_context()
            client = httpx.AsyncClient(verify=self._trust, follow_redirects=False, trust_env=False)
            tracing.watch(client)
            self._clients[receiver] = client
        return self._clients[receiver]


async def _beginning(answer: httpx.Response) -> str:
    """The first words of an answer; whatever else comes is not waited for."""
    read = b""
    async for piece in answer.aiter_raw():
        read += piece
        if len(read) >= _MOST_READ:
            break
    return _printable(read[:_MOST_READ].decode(errors="replace"))


def _result_of(answer: httpx.Response, text: str, took: int) -> PostResult:
    code = answer.status_code
    if answer.is_success:
        return PostResult(Attempt(code, took, answer=text))
    gone = code == HTTPStatus.GONE
    error = f"answered {code}" + (": the endpoint is gone and was switched off" if gone else "")
    if answer.is_redirect:
        error += "; redirects are not followed"
    attempt = Attempt(code, took, error, text, endpoint_gone=gone)
    header = answer.headers.get("retry-after", "") if code in _WITH_RETRY_AFTER else ""
    return PostResult(
        attempt,
        endpoint_down=gone or code >= 500 or code in _WITH_RETRY_AFTER,
        not_before=retry_after(header, utc_now()),
    )


def _printable(text: str) -> str:
    """On one line, and no longer than an answer: a receiver's words are kept in the log of its deliveries."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:ANSWER_LENGTH]


def _ms(began: float) -> int:
    return int((time.monotonic() - began) * 1000)
