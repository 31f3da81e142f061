"""Open connections to upstream accounts, made from their rows in the catalogue and kept while nothing changes."""

import os
from pathlib import Path

from pydantic import SecretStr

from models.catalogue import UpstreamAccount
from models.enums import Dialect
from upstreams.billmanager import BillmanagerUpstream
from upstreams.errors import ConnectionUnhealthy
from upstreams.port import Connection, Upstream


def read_password(account: UpstreamAccount) -> SecretStr:
    """The account's password, from where the catalogue says.

    Raises ConnectionUnhealthy naming the place, never the secret.
    """
    if account.password_env:
        value = os.environ.get(account.password_env, "")
        where = f"environment variable {account.password_env}"
    elif account.password_file:
        path = Path(account.password_file)
        where = f"file {path}"
        try:
            value = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConnectionUnhealthy(
                f"upstream {account.name}: its password can't be read from {where}: {error.strerror}"
            ) from None
    else:
        raise ConnectionUnhealthy(f"upstream {account.name}: the catalogue does not say where its password comes from")
    if not value:
        raise ConnectionUnhealthy(f"upstream {account.name}: its password is missing: {where} is empty or not set")
    return SecretStr(value)


def connection_of(account: UpstreamAccount, *, read_timeout: float, order_timeout: float) -> Connection:
    return Connection(
        name=account.name,
        url=account.url,
        dialect=Dialect(account.dialect),
        username=account.username,
        password=read_password(account),
        currency=account.currency,
        read_timeout=read_timeout,
        order_timeout=order_timeout,
        balance_call=account.balance_call,
    )


class Connections:
    """One adapter per account, shared by all activities of a worker."""

    def __init__(self, *, read_timeout: float, order_timeout: float) -> None:
        self._read_timeout = read_timeout
        self._order_timeout = order_timeout
        self._open: dict[str, tuple[Connection, Upstream]] = {}

    @property
    def order_timeout(self) -> float:
        """Seconds after which a request that changes or costs is given up."""
        return self._order_timeout

    async def to(self, account: UpstreamAccount) -> Upstream:
        """The adapter for this account; a new one if the catalogue or the password has changed.

        Raises ConnectionUnhealthy if the password can't be had.
        """
        wanted = connection_of(account, read_timeout=self._read_timeout, order_timeout=self._order_timeout)
        known = self._open.get(account.name)
        if known is not None and known[0].model_copy(update={"balance_call": wanted.balance_call}) == wanted:
            return known[1]
        upstream = BillmanagerUpstream(wanted)
        self._open[account.name] = (wanted, upstream)
        # The old one is not closed: calls may be under way on it. Its pool goes with the last of them.
        return upstream

    async def close(self) -> None:
        for _, upstream in self._open.values():
            await upstream.aclose()
        self._open.clear()
