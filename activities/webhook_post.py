"""One try to deliver a webhook: to addresses that may be reached, without redirects, within a time."""

import asyncio
import ipaddress
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from socket import SOCK_STREAM, gaierror

import httpx

from activities.webhook_signing import SecretUnusable, body, headers, read_secrets
from orders.webhook_targets import check_address, check_url
from orders.webhooks import ANSWER_LENGTH, Parcel, Try

_MOST_READ = 4 * ANSWER_LENGTH
_HELD_UP = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


@dataclass(frozen=True)
class Posted:
    """A try, and what it says of the endpoint."""

    went: Try
    down: bool = False
    """The endpoint as a whole does not work, so that others need not be tried just now."""
    not_before: float = 0.0
    """Seconds that the receiver asks to be left alone."""


class Post:
    """Posts messages. One connection pool for each receiver: a connection is never shared by two names."""

    def __init__(self, *, timeout: float, private: bool) -> None:
        self._timeout = timeout
        self._private = private
        self._trust: ssl.SSLContext | None = None
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def send(self, parcel: Parcel, source: str) -> Posted:
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                answer, text = await self._request(parcel, source)
        except SecretUnusable as error:
            return Posted(Try(None, 0, f"not sent: {error}"), down=True)
        except ValueError as error:
            return Posted(Try(None, _ms(began), f"not sent: {error}"), down=True)
        except TimeoutError:
            return Posted(Try(None, _ms(began), f"no answer within {self._timeout:g} s"), down=True)
        except (httpx.HTTPError, OSError, ssl.SSLError) as error:
            said = str(error) or type(error).__name__
            return Posted(Try(None, _ms(began), f"no answer: {said}"[:500]), down=True)
        return _judged(answer, text, _ms(began))

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def _request(self, parcel: Parcel, source: str) -> tuple[httpx.Response, str]:
        content = body(parcel, source)
        secrets = read_secrets(parcel.secret_env, parcel.secret_file)
        signed = headers(parcel.message_id, int(time.time()), content, secrets)
        url = httpx.URL(check_url(parcel.url, private=self._private))
        addresses = await self._addresses(url)
        client = self._client(url)
        for number, address in enumerate(addresses, start=1):
            # To the address that was looked at, whatever the name means a moment later.
            request = client.build_request(
                "POST",
                url.copy_with(host=address),
                content=content,
                headers={**signed, "host": url.netloc.decode(), "user-agent": "resellflow"},
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

    async def _addresses(self, url: httpx.URL) -> list[str]:
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=SOCK_STREAM)
        except gaierror as error:
            raise ValueError(f"{url.host} can't be resolved: {error.strerror}") from None
        addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        for address in addresses:
            check_address(ipaddress.ip_address(address), url.scheme, private=self._private)
        return addresses

    def _client(self, url: httpx.URL) -> httpx.AsyncClient:
        receiver = f"{url.scheme}://{url.netloc.decode()}"
        if receiver not in self._clients:
            self._trust = self._trust or httpx.create_ssl_context()
            self._clients[receiver] = httpx.AsyncClient(verify=self._trust, follow_redirects=False, trust_env=False)
        return self._clients[receiver]


async def _beginning(answer: httpx.Response) -> str:
    """The first words of an answer; whatever else comes is not waited for."""
    read = b""
    async for piece in answer.aiter_raw():
        read += piece
        if len(read) >= _MOST_READ:
            break
    text = read[:_MOST_READ].decode(errors="replace")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:ANSWER_LENGTH]


def _judged(answer: httpx.Response, text: str, took: int) -> Posted:
    code = answer.status_code
    if answer.is_success:
        return Posted(Try(code, took, answer=text))
    gone = code == HTTPStatus.GONE
    error = f"answered {code}" + (": the endpoint is gone and was switched off" if gone else "")
    if answer.is_redirect:
        error += "; redirects are not followed"
    went = Try(code, took, error, text, endpoint_gone=gone)
    held_up = _retry_after(answer) if code in _HELD_UP else 0.0
    return Posted(went, down=gone or code >= 500 or code in _HELD_UP, not_before=held_up)


def _retry_after(answer: httpx.Response) -> float:
    """Seconds; the header tells seconds or a date."""
    told = answer.headers.get("retry-after", "").strip()
    if told.isdigit():
        return float(told[:9])
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _ms(began: float) -> int:
    return int((time.monotonic() - began) * 1000)
