"""The API: where it listens, how much it takes on."""

from typing import Annotated

from pydantic import Field, IPvAnyNetwork, field_validator
from pydantic_settings import NoDecode

from settings.part import HIGHEST_PORT, Host, Part
from storefront.limits import ConcurrencyLimits, ConnectionLimits


class ApiSettings(Part):
    api_host: Host = "127.0.0.1"
    """Address of the API, never empty (`0.0.0.0` is all addresses of the machine). Let others in through a proxy that
    speaks TLS."""
    api_port: int = Field(default=8080, ge=0, le=HIGHEST_PORT)
    """Port of the API."""
    api_at_once: int = Field(default=30, ge=1, le=1000)
    """Requests that are processed at once for storefronts, and the same number for people; no more than the two pools
    of the database together."""
    api_line: float = Field(default=5.0, gt=0)
    """Seconds: longest wait of a request for its turn. After that the answer is 503 `busy`."""
    api_streams: int = Field(default=1000, ge=1, le=100_000)
    """Streams at once. More are answered with 429 `too-many-streams`."""
    api_streams_of_token: int = Field(default=200, ge=1, le=100_000)
    """Streams at once for the tokens of one name."""
    api_connections: int = Field(default=2000, ge=1, le=100_000)
    """Connections at once. If there are more, those that have asked nothing for the longest time are closed. At most
    200 fewer than the files that the process may open (`ulimit -n`)."""
    api_request_timeout: float = Field(default=10.0, gt=0)
    """Seconds: longest time for the head of a request, and again for its body (408)."""
    api_answer_timeout: float = Field(default=30.0, gt=0)
    """Seconds: longest time that a caller may leave an answer unread; then the connection is closed."""
    api_keep_alive: int = Field(default=75, ge=1)
    """Seconds: how long a connection without a request is kept. Set it longer than in the proxy in front; otherwise the
    proxy sends into connections that are just being closed."""
    trusted_proxies: Annotated[list[IPvAnyNetwork], NoDecode] = Field(default_factory=list)
    """`ADDRESS,NETWORK/BITS,…`: proxies in front of the API whose `X-Forwarded-For` is believed, for [the address of
    whoever sends wrong tokens](access.md#wrong-tokens)."""
    api_docs: bool = True
    """`false`: neither `/docs` nor `/openapi.json`, which need no token. They say what the API can do, and contain no
    data. The page loads nothing from another host."""

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _read_networks(cls, value: object) -> object:
        return [one.strip() for one in value.split(",") if one.strip()] if isinstance(value, str) else value

    def concurrency_limits(self) -> ConcurrencyLimits:
        return ConcurrencyLimits(
            at_once=self.api_at_once,
            line=self.api_line,
            streams=self.api_streams,
            streams_of_token=self.api_streams_of_token,
        )

    def connection_limits(self) -> ConnectionLimits:
        return ConnectionLimits(
            connections=self.api_connections,
            request_timeout=self.api_request_timeout,
            answer_timeout=self.api_answer_timeout,
        )
