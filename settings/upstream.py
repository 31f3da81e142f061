"""Upstreams: time-outs, how often they are looked at, when something is slow."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from models.leases import LeaseTerms
from models.messages import OrderPolicy
from models.patience import Patience, check_usual_times
from settings.part import SHORTEST_INTERVAL, Part

_HOST = re.compile(r"[0-9a-z_](?:[0-9a-z._-]*[0-9a-z])?|[0-9a-f:]*:[0-9a-f:.]*")


class UpstreamSettings(Part):
    hostname_suffix: str = "servers.internal"
    """A service without a domain is named `MARK.SUFFIX`. Some upstreams need a real domain. It is converted to ASCII
    and small letters."""

    read_timeout: float = Field(default=12.0, gt=0)
    """Seconds: time-out of a call to an upstream that reads. Raise it for slow lists. An
    [account](bulkheads.md#limits-of-an-account) may have its own."""
    order_timeout: float = Field(default=30.0, gt=0)
    """Seconds: time-out of a call that changes something or costs money. Raise it for an upstream that answers orders
    slowly: fewer answers are lost. An [account](bulkheads.md#limits-of-an-account) may have its own."""
    plain_http_upstreams: Annotated[list[str], NoDecode] = Field(default_factory=list)
    """`HOST,HOST`: upstreams outside this machine to which passwords and orders may travel in plain http, where anybody
    on the way can read and change them. Nothing is sent in plain http to a host that is not in this list: `resell
    setup` refuses it, its account is *unhealthy*, and a worker that starts says so."""
    send_lease: float = Field(default=10.0, gt=0)
    """Seconds: how long after it was recorded a request that changes something or costs money may be sent. A worker
    that is held up longer sends nothing. Use the same value on all workers. Raise it for an upstream whose connections
    take long."""
    clock_skew: float = Field(default=2.0, ge=0)
    """Seconds: largest difference between the clocks of the database and of the workers' hosts. Let NTP set them: a
    worker whose clock is further ahead sends nothing, and says so."""
    settle_window: float = Field(default=60.0, ge=0)
    """Seconds: how long a lost order is looked for before its absence counts as proof. Raise it above the longest time
    after which your upstream still carries out a request; [the risk](architecture.md#what-is-promised-and-what-is-not).
    Never lower it in production."""
    idle_interval: float = Field(default=15.0, ge=SHORTEST_INTERVAL)
    """Seconds: time between two listings while nothing waits. The minimum of this and all such intervals is 0.01. Raise
    it for an upstream with very many items, or one that limits requests."""
    hot_interval: float = Field(default=1.0, ge=SHORTEST_INTERVAL)
    """Seconds: time between two looks while orders wait for a confirmation; twice as long after two minutes."""
    poll_reads_at_once: int = Field(default=5, ge=1, le=8)
    """Requests: forms of one upstream account that are read at once for what waits, 1 to 8. A list is read in parallel
    with them."""
    balance_interval: float = Field(default=3.0, ge=SHORTEST_INTERVAL)
    """Seconds: time between two readings of the balance while orders wait for money."""
    quote_validity: float = Field(default=900.0, gt=0)
    """Seconds: time for which an order may name a [quote](storefront-catalogue.md#quotes)."""
    price_list_interval: float = Field(default=600.0, ge=SHORTEST_INTERVAL)
    """Seconds: time between two readings of an upstream's price list, which says whether [plans are
    available](storefront-catalogue.md#availability)."""
    balance_watch_interval: float = Field(default=300.0, ge=SHORTEST_INTERVAL)
    """Seconds: time between two readings of an account's balance, whether anybody orders or not. A low balance is
    reported after this time at the latest."""
    confirmation_check_after: float = Field(default=5400.0, gt=0)
    """Seconds: time of silence after which an order asks the upstream itself. An order keeps the value that was valid
    at its start."""
    usual_times: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    """Seconds, as JSON: kind of operation, or `KIND TYPE`, → its usual time, used while an upstream's past does not
    show it: [slower than usual](operations.md#slower-than-usual)."""
    slow_at_least: float = Field(default=300.0, gt=0)
    """Seconds: time before which nothing is called slow."""
    unchanged_after: float = Field(default=21600.0, gt=0)
    """Seconds: time after which a person is asked about an operation that was accepted and is not done."""

    @field_validator("hostname_suffix")
    @classmethod
    def _in_one_spelling(cls, suffix: str) -> str:
        from orders.services.naming import check_domain  # only where it is set: `resell --help` loads no tables

        try:
            return check_domain(f"mark.{suffix.strip().lstrip('.')}").removeprefix("mark.")
        except ValueError:
            raise ValueError("names of services end with it, so it is a domain name, like servers.internal") from None

    @field_validator("usual_times")
    @classmethod
    def _of_known_kinds(cls, seconds: dict[str, float]) -> dict[str, float]:
        return dict(check_usual_times(seconds))

    @field_validator("plain_http_upstreams", mode="before")
    @classmethod
    def _read_hosts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        hosts = [one.strip().lower().rstrip(".") for one in value.split(",") if one.strip()]
        if not all(map(_HOST.fullmatch, hosts)):
            raise ValueError("one of them is not the name of a host; written is HOST,HOST without http:// or port")
        return hosts

    def patience(self) -> Patience:
        return Patience(
            usual={name: timedelta(seconds=seconds) for name, seconds in self.usual_times.items()},
            at_least=timedelta(seconds=self.slow_at_least),
            unchanged_after=timedelta(seconds=self.unchanged_after),
        )

    def order_policy(self) -> OrderPolicy:
        """The settings that a new order gets. Orders under way keep theirs."""
        return OrderPolicy(
            confirmation_check_after=timedelta(seconds=self.confirmation_check_after),
            submit_timeout=timedelta(seconds=2 * self.order_timeout + 2 * self.read_timeout),
            read_timeout=timedelta(seconds=5 * self.read_timeout),
        )

    def lease_terms(self) -> LeaseTerms:
        """Who may send for how long. The same for all workers of an installation."""
        return LeaseTerms(
            lease=timedelta(seconds=self.send_lease),
            skew=timedelta(seconds=self.clock_skew),
            flight=timedelta(seconds=self.order_timeout),
        )
