"""Every setting, in one place. Each is an environment variable: RESELL_ and the name in capitals.

The text under a setting is its entry in docs/settings.md; `make settings-page` writes the page anew.

How to reach Temporal is set by its own standard variables (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_TLS …, or a
profile of its configuration file); see `temporalio.envconfig`.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, IPvAnyNetwork, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from environment import NOT_JSON, Environment, SecretFileError, is_utf8, without_values
from models.enums import Role
from models.leases import LeaseTerms
from models.messages import OrderPolicy
from models.patience import Patience, check_usual_times
from models.pool import PoolTerms
from models.rates import ExchangeRate, Rates
from models.renewal_terms import RenewalTerms
from models.watch_limits import Limits
from orders.notifications.channels import ChannelsFileError
from orders.webhooks.targets import Reach
from payloads.keyfile import KeyFileError
from storefront.limits import ConcurrencyLimits, ConnectionLimits
from telemetry.logs import LogFormat, LogLevel, configure
from telemetry.secrecy import keep_out

HIGHEST_PORT = 65535
SHORTEST_INTERVAL = 0.01
"""Seconds between two looks. A shorter interval only burdens the upstream."""
LONGEST_SECONDS = 100 * 366 * 86400.0
LONGEST_DAYS = 100 * 366.0
"""A time that is added to a date must leave a date."""
TOKENS_OF_A_NAME = 2
"""Tokens of a name that are valid at a time: the new one and the one that it replaces."""
LIKE_A_TOKEN = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[0-9A-Za-z+/_-]{32,}={0,2}")
"""At least 32 letters and digits: a generated token, not a name that a person chose."""
PLACEHOLDERS = frozenset({"replace-me", "replace_me", "replaceme", "change-me", "change_me", "changeme", "password"})
"""The placeholder for a secret in examples. Everybody knows it, so it is refused."""


STAFF = tuple(role.value for role in Role if role is not Role.STOREFRONT)


def _several(value: object) -> object:
    return [value] if isinstance(value, str | SecretStr) else value


Tokens = Annotated[tuple[SecretStr, ...], BeforeValidator(_several)]
_HOST = re.compile(r"[0-9a-z_](?:[0-9a-z._-]*[0-9a-z])?|[0-9a-f:]*:[0-9a-f:.]*")


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="RESELL_", frozen=True, extra="ignore", hide_input_in_errors=True, allow_inf_nan=False
    )

    database_url: str = "sqlite:///var/resellflow.db"
    """`sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/DATABASE`. Use PostgreSQL for production."""
    database_pool: int = Field(default=10, ge=1, le=1000)
    """Connections that each process keeps. All processes together must need fewer than the server's `max_connections`.
    """
    database_pool_more: int = Field(default=20, ge=0, le=1000)
    """Connections: further connections of each process at busy times."""
    database_wait: float = Field(default=10.0, gt=0)
    """Seconds: longest wait for a free connection, or for a lock that another process holds. After that the database is
    reported as busy, and the work is tried again."""
    database_statement_timeout: float = Field(default=60.0, ge=0)
    """Seconds: longest time of one statement, on PostgreSQL. 0: no limit there, nor for locks; needed for a pooler that
    accepts no `options`."""

    task_queue: str = "resellflow"
    """Name of the queue; the other queues are named after it. Change it on every part together, with no order under
    way. It does not separate installations: use one namespace for each."""
    build_id: str = Field(default="", pattern=r"^[0-9A-Za-z._-]{0,64}$")
    """Worker settings: [the version of this worker](operations.md#versions-of-the-workers), letters, digits and `._-`.
    None: workers have no versions."""
    deployment: str = Field(default="resellflow", pattern=r"^[0-9A-Za-z_-]{1,64}$")
    """Name of all these versions together, for workers and `resell versions`. Change it only with no order under way.
    """

    storefront_tokens: Annotated[dict[str, Tokens], NoDecode] = Field(default_factory=dict)
    """`NAME=TOKEN,…`: tokens of [role](access.md) `storefront`: they place orders, and see and change what is theirs
    ([tenancy.md](tenancy.md)). A name may have two tokens. `resell tokens` makes more tokens, also for other roles."""
    operator_tokens: Annotated[dict[str, Tokens], NoDecode] = Field(default_factory=dict)
    """`NAME=TOKEN,…`: tokens of role `admin`: they may do everything."""

    api_host: str = "127.0.0.1"
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
    worker_health_address: str = "127.0.0.1:8081"
    """`HOST:PORT`: address of the worker's health and [metrics](metrics.md); empty: none. Several workers on a machine
    need a port each."""
    metrics_api_address: str = ""
    """`HOST:PORT`: address of the API's [metrics](metrics.md), which need no token; none: they are not shown. A worker
    shows its own at `RESELL_WORKER_HEALTH_ADDRESS`."""
    metrics_temporal_address: str = ""
    """`ADDRESS:PORT`: address of the metrics of a worker's Temporal SDK, an IP address; none: they are not shown.
    Several workers on a machine need a port each."""
    temporal_ui_url: str = "http://127.0.0.1:8233"
    """For links to workflows: the address under which people's browsers reach Temporal UI."""

    console_url: str = ""
    """Address of the [console](console.md) in people's browsers, `https://shop.example/console`. Needed for the OpenID
    provider."""
    oidc_issuer: str = ""
    """Issuer of [the OpenID provider](console.md#log-in-by-an-openid-provider) by which people may log in at the
    console, an https address exactly as the provider writes it. None: they log in with passwords alone."""
    oidc_client_id: str = Field(default="", max_length=255)
    """The console's id at the provider. Its redirect address there is `RESELL_CONSOLE_URL` and `/oidc/answer`."""
    oidc_client_secret: SecretStr = SecretStr("")
    """The console's secret at the provider."""
    oidc_roles: Annotated[dict[str, Role], NoDecode] = Field(default_factory=dict)
    """`GROUP=ROLE,…`: the provider's groups and the [roles](access.md) that they have here. Who is in none of them is
    not let in."""
    oidc_groups_claim: str = Field(default="groups", min_length=1)
    """The claim of the ID token that has the groups, a list or one name."""
    oidc_name_claim: str = Field(default="preferred_username", min_length=1)
    """The claim that has the name, under which the audit log shows the person."""
    oidc_department_claim: str = ""
    """The claim that has the [department](console.md#tasks-of-a-department) of the person, one name or a list whose
    first is taken. None: departments are given by `resell users department`."""
    oidc_label: str = Field(default="single sign-on", min_length=1, max_length=60)
    """What the button of the log-in page calls the provider."""

    log_level: LogLevel = LogLevel.INFO
    """`debug`, `info`, `warning` or `error`: what the [log](logs.md) shows at least."""
    log_format: LogFormat = LogFormat.AUTO
    """`json`, `text`, or `auto`: text on a terminal, JSON elsewhere."""

    payload_key_file: str = ""
    """File: keys that [encrypt what Temporal stores](encryption.md). None: nothing is encrypted."""
    codec_host: str = "127.0.0.1"
    """Address of `resell codec-server`, which decrypts for Temporal UI."""
    codec_port: int = Field(default=8082, ge=0, le=HIGHEST_PORT)
    """Port of `resell codec-server`."""
    codec_token: SecretStr | None = Field(default=None, min_length=32)
    """At least 32 characters: the bearer token that the codec server asks for; needed to listen on anything but
    loopback."""

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
    sweep_interval: float = Field(default=86400.0, ge=60)
    """Seconds: time between two [sweeps](watch.md#the-sweep), 60 at least. Worker settings: the schedule is updated
    when a worker starts."""
    renewal_interval: float = Field(default=3600.0, ge=60)
    """Seconds: time between two looks at [terms that end](renewals.md), 60 at least. Worker settings: the schedule is
    updated when a worker starts."""
    expiry_notice_days: list[Annotated[int, Field(ge=0, le=366)]] = Field(default_factory=lambda: [30, 14, 7, 3, 1])
    """Days, JSON: so long before the end of a term its storefront is informed, if it is the one who prolongs."""
    renewal_lead_days: int = Field(default=3, ge=1, le=60)
    """Days: so long before the end of its term a service is [renewed automatically](renewals.md#automatic-renewal),
    unless its plan or product type has a lead time of its own."""
    renewal_lead_days_of: dict[str, Annotated[int, Field(ge=1, le=60)]] = Field(default_factory=dict)
    """JSON: product type = its own lead time, like `{"domain": 14}`."""
    renewal_notice_days: int = Field(default=3, ge=1, le=60)
    """Days: so long before an automatic renewal it is announced, so that it can be stopped."""
    renewals_at_once: int = Field(default=50, ge=1, le=100_000)
    """Operations: automatic prolongations and closings that are under way at an upstream account at once. What is due
    beyond that [waits](renewals.md#many-at-once), so that orders of shops are not held up."""
    forecast_hours: float = Field(default=72.0, ge=0, le=24 * 366)
    """Hours: how far ahead a shortage of money at an upstream is reported: [forecast.md](forecast.md). `0`: it is not.
    """
    refund_interval: float = Field(default=21600.0, ge=1)
    """Seconds: time between two looks at an upstream's lists of expenses and payments for what it [paid
    back](refunds.md)."""
    refund_days: float = Field(default=45.0, gt=0)
    """Days: how long after a closing, a failed opening or a change of plan those lists are looked at."""
    put_back_renewal: bool = False
    """`true`: if the upstream's staff let it renew a service that we renew, an operation of ours switches that off
    again."""
    renewal_look_interval: float = Field(default=21600.0, gt=0)
    """Seconds: if lists do not say whether the upstream renews an item, its form is read once in this time, evenly
    spread. Use less than the shortest time from a switch by staff to the charge."""
    manual_plan_changes: dict[str, list[str]] | None = None
    """JSON: product type and the resources whose change needs a person at a BILLmanager, as in `{"vds": ["disk_gb"]}`,
    which holds without the setting; `{}`: none. It does not affect openings, nor what is bought from another
    Resellflow."""
    exchange_rates: list[ExchangeRate] = Field(default_factory=list)
    """JSON: for tariffs in another currency than the account's: [prices.md](prices.md#another-currency)."""
    upstream_concurrency: int = Field(default=20, gt=0)
    """Calls: operations that may be at work at an upstream at once, for each account, per worker. Its requests at once
    are a [limit of the account](bulkheads.md#limits-of-an-account)."""
    upstream_calls_per_second: float = Field(default=100.0, gt=0)
    """Activities per second: limit over all workers. Lower it for an upstream that limits requests."""

    webhook_timeout: float = Field(default=10.0, gt=0)
    """Seconds: time-out of one attempt to deliver a [webhook](webhooks.md)."""
    webhook_retry_delays: list[Annotated[float, Field(ge=0, le=LONGEST_SECONDS)]] = Field(
        default_factory=lambda: [5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, *[43200.0] * 5]
    )
    """JSON, seconds: wait before each further attempt. After the last one the delivery is given up."""
    webhook_retention_days: float = Field(default=30.0, gt=0)
    """Days: how long deliveries of webhooks are [kept](operations.md#what-is-kept-and-for-how-long), with their log,
    from their end on."""
    message_retention_days: float = Field(default=90.0, gt=0)
    """Days: how long events are [kept](operations.md#what-is-kept-and-for-how-long) for whoever reads [their
    list](shop.md#events)."""
    webhook_private: bool = False
    """`true`: webhooks may go to [private and loopback addresses](webhooks.md#where-messages-may-go), and in plain http
    there."""
    webhook_storefront_private: bool = False
    """`true`: so may those that a storefront has chosen [by the API](webhooks.md#by-the-api)."""
    webhook_key_file: str = ""
    """File: keys that seal the secrets of webhooks that are added [by the API](webhooks.md#by-the-api). None: none can
    be added there."""

    notifications_file: str = ""
    """File: [who is notified of what, and where](notifications.md), with the addresses and their passwords. None:
    nobody is notified."""

    event_retention_days: float = Field(default=180.0, gt=0)
    """Days: how long the changes seen at upstreams are [kept](operations.md#what-is-kept-and-for-how-long)."""
    hint_retention_days: float = Field(default=1.0, gt=0)
    """Days: how long a push hint is kept after it was followed."""
    stage_retention_days: float = Field(default=365.0, gt=0)
    """Days: how long the stages of an operation are kept after its end; the last one stays."""
    snapshot_retention_days: float = Field(default=365.0, gt=0)
    """Days: how long an item is remembered after it is gone from its upstream."""

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _in_small_letters(cls, word: object) -> object:
        return word.strip().lower() if isinstance(word, str) else word

    @field_validator("database_url")
    @classmethod
    def _of_a_database(cls, url: str) -> str:
        from models.database import normalise_url  # only where it is set: `resell --help` loads no tables

        try:
            normalise_url(url)
        except ValueError as error:
            raise ValueError(str(error).removeprefix("RESELL_DATABASE_URL ")) from None
        return url

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, Environment(settings_cls)

    @field_validator("api_host", "codec_host")
    @classmethod
    def _an_address(cls, host: str) -> str:
        if not host.strip():
            raise ValueError("is an address, for example 127.0.0.1; all of this machine's are 0.0.0.0")
        return host

    @field_validator("task_queue")
    @classmethod
    def _a_name(cls, queue: str) -> str:
        if not queue.strip() or len(queue) > 200:
            raise ValueError("is a name of up to 200 characters")
        return queue

    @field_validator("metrics_temporal_address")
    @classmethod
    def _address_and_port(cls, address: str) -> str:
        try:
            if address:
                ip_address(address.rpartition(":")[0].removeprefix("[").removesuffix("]"))
        except ValueError:
            raise ValueError("is written ADDRESS:PORT with an IP address, for example 127.0.0.1:8084") from None
        return address

    @field_validator("worker_health_address", "metrics_api_address", "metrics_temporal_address")
    @classmethod
    def _host_and_port(cls, address: str) -> str:
        _, separator, port = address.rpartition(":")
        if address and not (separator and port.isascii() and port.isdecimal() and int(port[:9]) <= HIGHEST_PORT):
            raise ValueError("is written HOST:PORT, for example 127.0.0.1:8081; empty: there is none")
        return address

    @field_validator("temporal_ui_url")
    @classmethod
    def _of_a_page(cls, url: str) -> str:
        if not re.match(r"https?://[^/\s]", url):
            raise ValueError("is an address like http://127.0.0.1:8233")
        return url

    @model_validator(mode="after")
    def _check_times(self) -> Self:
        for name in type(self).model_fields:
            value, longest = getattr(self, name), LONGEST_DAYS if name.endswith("_days") else LONGEST_SECONDS
            if isinstance(value, float) and value > longest:
                raise ValueError(f"RESELL_{name.upper()} is longer than a hundred years")
        return self

    @field_validator("hostname_suffix")
    @classmethod
    def _in_one_spelling(cls, suffix: str) -> str:
        from orders.services.naming import check_domain  # only where it is set: `resell --help` loads no tables

        try:
            return check_domain(f"mark.{suffix.strip().lstrip('.')}").removeprefix("mark.")
        except ValueError:
            raise ValueError("names of services end with it, so it is a domain name, like servers.internal") from None

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _read_networks(cls, value: object) -> object:
        return [one.strip() for one in value.split(",") if one.strip()] if isinstance(value, str) else value

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

    @field_validator("storefront_tokens", "operator_tokens", mode="before")
    @classmethod
    def _read_tokens(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        tokens: dict[str, list[str]] = {}
        for entry in filter(None, (part.strip() for part in value.split(","))):
            name, separator, token = entry.partition("=")
            if not separator or not 0 < len(name.strip()) <= 64 or len(token.strip()) < 8:
                raise ValueError(
                    "tokens are written NAME=TOKEN,NAME=TOKEN; a name has at most 64 characters, a token at least 8"
                )
            tokens.setdefault(name.strip(), []).append(token.strip())
        return tokens

    @field_validator("oidc_roles", mode="before")
    @classmethod
    def _read_roles(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        roles: dict[str, str] = {}
        for entry in filter(None, (part.strip() for part in value.split(","))):
            group, separator, role = (part.strip() for part in entry.rpartition("="))
            if not (separator and group) or role not in STAFF:
                raise ValueError(f"is written GROUP=ROLE,GROUP=ROLE; a role is one of {', '.join(STAFF)}")
            roles[group] = role
        return roles

    @field_validator("console_url", "oidc_issuer")
    @classmethod
    def _on_the_way(cls, url: str) -> str:
        if url and not is_safe_address(url):
            raise ValueError("is an address that begins with https://; on this machine itself http://127.0.0.1 will do")
        return url

    @model_validator(mode="after")
    def _check_the_provider(self) -> Self:
        if self.oidc_issuer:
            names = ("console_url", "oidc_client_id", "oidc_client_secret", "oidc_roles")
            missing = [f"RESELL_{name.upper()}" for name in names if not getattr(self, name)]
            if missing:
                raise ValueError(f"RESELL_OIDC_ISSUER needs {', '.join(missing)}, too")
        return self

    @model_validator(mode="after")
    def _check_that_tokens_are_distinct(self) -> Self:
        """Raises ValueError. The message contains neither token nor name, because somebody may write TOKEN=NAME."""
        of = {"RESELL_STOREFRONT_TOKENS": self.storefront_tokens, "RESELL_OPERATOR_TOKENS": self.operator_tokens}
        for place, name in enumerate(self.storefront_tokens, start=1):
            if name in self.operator_tokens:
                raise ValueError(
                    f"name {place} of RESELL_STOREFRONT_TOKENS is in RESELL_OPERATOR_TOKENS, too: a shop and an "
                    "operator need names of their own"
                )
        holders: dict[str, str] = {}
        for setting, tokens in of.items():
            for place, (name, several) in enumerate(tokens.items(), start=1):
                holder = f"name {place} of {setting}"
                if LIKE_A_TOKEN.fullmatch(name):
                    raise ValueError(f"{holder} looks like a token; they are written NAME=TOKEN,NAME=TOKEN")
                if len(several) > TOKENS_OF_A_NAME:
                    raise ValueError(
                        f"{holder} has more than two tokens: the new one and the one that it replaces are enough"
                    )
                for secret in several:
                    token = secret.get_secret_value()
                    if token.lower() in PLACEHOLDERS:
                        raise ValueError(
                            f"the token of {holder} is the placeholder of the example: make one, for example with "
                            "`openssl rand -hex 32`"
                        )
                    if token in holders:
                        raise ValueError(
                            f"{holders[token]} and {holder} have the same token: nobody could tell them apart"
                        )
                    holders[token] = holder
        return self

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

    def pool_terms(self) -> PoolTerms:
        return PoolTerms(
            size=self.database_pool,
            more=self.database_pool_more,
            wait=self.database_wait,
            statement_timeout=self.database_statement_timeout,
        )

    def rates(self) -> Rates:
        return Rates(tuple(self.exchange_rates))

    def patience(self) -> Patience:
        return Patience(
            usual={name: timedelta(seconds=seconds) for name, seconds in self.usual_times.items()},
            at_least=timedelta(seconds=self.slow_at_least),
            unchanged_after=timedelta(seconds=self.unchanged_after),
        )

    def renewal_terms(self) -> RenewalTerms:
        return RenewalTerms(
            notices=tuple(self.expiry_notice_days),
            lead=self.renewal_lead_days,
            lead_of=self.renewal_lead_days_of,
            announcement=self.renewal_notice_days,
        )

    def watch_limits(self) -> Limits:
        """How long something may take before the watch reports it."""
        return Limits(
            settle_window=timedelta(seconds=self.settle_window),
            idle_interval=timedelta(seconds=self.idle_interval),
            sweep_interval=timedelta(seconds=self.sweep_interval),
            forecast=timedelta(hours=self.forecast_hours),
            rates=self.rates(),
            renewal=self.renewal_terms(),
        )

    def webhook_reach(self) -> Reach:
        return Reach(endpoints=self.webhook_private, storefronts=self.webhook_storefront_private)

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

    def configure_logging(self) -> None:
        """From now on this process writes its log as set, without the secrets of the settings."""
        tokens = [token for _, _, token in self.callers()]
        codec = [self.codec_token.get_secret_value()] if self.codec_token else []
        codec.append(self.oidc_client_secret.get_secret_value())
        keep_out(*tokens, *codec, urlsplit(self.database_url).password or "")
        configure(self.log_level, self.log_format)

    def roles_by_name(self) -> dict[str, list[Role]]:
        """The roles of the tokens in the settings."""
        roles: dict[str, list[Role]] = {}
        for name, role, _ in self.callers():
            roles.setdefault(name, []).append(role)
        return roles

    def callers(self) -> Iterator[tuple[str, Role, str]]:
        """Name, role and token of all tokens in the settings."""
        for role, tokens in ((Role.STOREFRONT, self.storefront_tokens), (Role.ADMIN, self.operator_tokens)):
            for name, several in tokens.items():
                for secret in several:
                    yield name, role, secret.get_secret_value()

    @field_validator("*", mode="before")  # the last one is the first to run
    @classmethod
    def _text(cls, value: object) -> object:
        if value is NOT_JSON:
            raise ValueError("is not JSON")
        if isinstance(value, str) and not is_utf8(value):
            raise ValueError("is not text in UTF-8")
        return value


def is_safe_address(url: str) -> bool:
    """By https, or http to this machine itself: nobody on the way can read or change what is sent there."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    return parts.scheme == "http" and host in {"localhost", "127.0.0.1", "::1"}


def load_settings() -> Settings:
    """The settings of this process. Raises pydantic.ValidationError naming the variable that is wrong."""
    return Settings()


def settings_in_words(error: ValidationError) -> str:
    """Which settings are wrong, and how. Never a value: it may be a token, or an address with a password in it."""
    return f"the settings are not right: {'; '.join(wrong_settings(error))}"


def wrong_settings(error: ValidationError) -> list[str]:
    """The same, one by one."""
    wrong = []
    for one in error.errors(include_input=False, include_url=False):
        said = one["msg"].removeprefix("Value error, ")
        wrong.append(f"RESELL_{str(one['loc'][0]).upper()}: {said}" if one["loc"] else said)
    return [without_values(one) for one in wrong]


def setup_in_words(error: BaseException) -> str | None:
    """The sentence for what is wrong with this process's environment; None for anything else."""
    if isinstance(error, ValidationError) and error.title == Settings.__name__:
        return settings_in_words(error)
    if isinstance(error, SettingsError) and isinstance(error.__cause__, SecretFileError):
        return f"the settings are not right: {error.__cause__}"
    if isinstance(error, ChannelsFileError):
        return f"RESELL_NOTIFICATIONS_FILE: {error}"
    if isinstance(error, KeyFileError):
        return without_values(f"RESELL_PAYLOAD_KEY_FILE: {error}")
    return None
