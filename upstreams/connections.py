"""Open connections to upstream accounts, made from their rows in the catalogue and kept while nothing changes."""

from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pydantic import SecretStr, ValidationError

from models.catalogue import UpstreamAccount
from models.circuits import read_notes
from upstreams.adapter import AccountSettings, AnyAdapter, Connection, SecretSource, keep_nowhere
from upstreams.errors import ConnectionUnhealthy
from upstreams.gate import Gate, Gates
from upstreams.kinds import UnknownKind, adapter_of
from upstreams.limits import AccountLimits, Limits, limits_of
from upstreams.plainhttp import readable_on_the_way
from upstreams.port import Learned, Upstream
from upstreams.secrets import SecretMissing, read_secret

if TYPE_CHECKING:
    from settings import Settings


def settings_of(account: UpstreamAccount) -> tuple[AnyAdapter, AccountSettings]:
    """The account's adapter, and its settings as the adapter reads them.

    Raises ConnectionUnhealthy where this program has no such adapter, or where the adapter can't read them.
    """
    try:
        adapter = adapter_of(account.kind)
        settings = adapter.account_settings.model_validate({"url": account.url} | account.settings)
    except UnknownKind as error:
        raise ConnectionUnhealthy(f"upstream {account.name}: {error}") from None
    except ValidationError as error:
        keys = ", ".join(sorted({str(one["loc"][0]) for one in error.errors() if one["loc"]}))
        words = f"this version can't read its settings ({keys}); load the catalogue again"
        raise ConnectionUnhealthy(f"upstream {account.name}: {words}") from None
    return adapter, settings


KeepFirst = Callable[[UpstreamAccount, Learned], Awaitable[Learned]]
"""`Connection.keep_first` for an account."""


def learned_of(model: type[Learned], account: UpstreamAccount) -> Learned:
    """What its adapter was given to remember; nothing where this version can't read it."""
    try:
        return model.model_validate(account.learned)
    except ValidationError:
        return model()


def _secret(account: UpstreamAccount, source: SecretSource) -> SecretStr:
    """The account's secret, from where the catalogue says.

    Raises ConnectionUnhealthy naming the place, never the secret.
    """
    try:
        return SecretStr(read_secret(f"its {source.word}", env=source.env, file=source.file))
    except SecretMissing as missing:
        raise ConnectionUnhealthy(f"upstream {account.name}: {missing}") from None


def _well_at(account: UpstreamAccount) -> datetime | None:
    """When it was last read, by a poller or by a person's check; None: it is unhealthy, or was never read."""
    if account.unhealthy_reason:
        return None
    return max((at for at in (account.polled_at, account.checked_at) if at is not None), default=None)


class Connections:
    """One adapter for each account, shared by all activities of a worker. It is a context manager that closes them in
    the end.

    `gates`: those of the process, where it opens connections more than once. `plain_http`: hosts outside this machine
    to which plain http is allowed. `keep_first`: where the process may order anything.
    """

    def __init__(
        self,
        *,
        read_timeout: float,
        order_timeout: float,
        gates: Gates | None = None,
        plain_http: Collection[str] = (),
        keep_first: KeepFirst | None = None,
    ) -> None:
        self._gates = gates or Gates()
        self._plain_http = plain_http
        self._keep_first = keep_first
        self._read_timeout = read_timeout
        self._order_timeout = order_timeout
        self._gate_of: dict[str, Gate] = {}
        self._open: dict[str, tuple[Connection[AccountSettings, Learned], Upstream]] = {}

    @classmethod
    def of(cls, settings: "Settings", *, gates: Gates | None = None, keep_first: KeepFirst | None = None) -> Self:
        return cls(
            read_timeout=settings.read_timeout,
            order_timeout=settings.order_timeout,
            gates=gates,
            plain_http=settings.plain_http_upstreams,
            keep_first=keep_first,
        )

    async def to(self, account: UpstreamAccount) -> Upstream:
        """The adapter for this account; a new one if the catalogue or the secret has changed.

        Raises ConnectionUnhealthy if the secret can't be had, or must not be sent to this address.
        """
        if wrong := readable_on_the_way(account.url, self._plain_http):
            raise ConnectionUnhealthy(f"upstream {account.name}: nothing is sent, {wrong}.", error_type="plain_http")
        adapter, settings = settings_of(account)
        limits = self.limits(account)
        wanted = Connection(
            name=account.name,
            currency=account.currency,
            settings=settings,
            secret=_secret(account, settings.secret),
            learned=learned_of(adapter.learned, account),
            keep_first=partial(self._keep_first, account) if self._keep_first else keep_nowhere,
            read_timeout=limits.read_timeout,
            order_timeout=limits.order_timeout,
        )
        gate = self._gates.of(account.kind, *settings.customer.values(), wanted.secret.get_secret_value())
        gate.learn(account.rests_until, account.rests_because, well_at=_well_at(account))
        gate.learn_circuits(read_notes(account.circuits))
        gate.limits = limits
        self._gate_of[account.name] = gate
        known = self._open.get(account.name)
        if known is not None and known[0] == wanted:
            return known[1]
        upstream = adapter.connect(wanted, gate)
        self._open[account.name] = (wanted, upstream)
        # The old one is not closed: calls may be under way on it. Its pool goes with the last of them.
        return upstream

    def gate(self, account: str) -> Gate | None:
        """The gate of the account of this name; None: nothing was connected to it yet."""
        return self._gate_of.get(account)

    def gate_of(self, account: UpstreamAccount) -> Gate:
        """The gate of an account that `to` has connected to."""
        return self._gate_of[account.name]

    @contextmanager
    def settling(self, account: str, about: str) -> Iterator[None]:
        """See `Gate.settling`. Nothing passes a gate that there is not: connect first."""
        gate = self._gate_of.get(account)
        with nullcontext() if gate is None else gate.settling(about):
            yield

    def limits(self, account: UpstreamAccount) -> Limits:
        """Those with which `to` connects. What this version can't read of them counts as not said."""
        try:
            said = AccountLimits.model_validate(account.limits)
        except ValidationError:
            said = AccountLimits()
        return limits_of(said, read_timeout=self._read_timeout, order_timeout=self._order_timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        for _, upstream in self._open.values():
            await upstream.aclose()
        self._open.clear()
