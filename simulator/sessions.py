"""Who is calling: one-off logins, sessions, keys, and what may stand in the way."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from simulator.entities import Account
from simulator.errors import PanelError, Param, access, bad_value
from simulator.knobs import Captcha
from simulator.world import World

COOKIE: Final = "billmgrses5"
SECOND_FACTOR: Final = "123456"
"""The code that every account's second factor shows, at any time."""


@dataclass(slots=True)
class Session:
    """A login that lives on until it has not been used for an hour."""

    id: str
    account: int
    last_used: datetime
    half_open: bool = False
    """The password was right, the second factor is still wanted."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request; nobody, when it showed nothing."""

    account: Account | None = None
    half_open: bool = False


def bad_password(user: str) -> PanelError:
    """The wrong user or password (the panel does not say which)."""
    return PanelError("auth", "badpassword", Param("object", "badpassword"), Param("value", user))


class Gate:
    """Decides who may come in. Sessions die with the process, as after a panel's restart."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sessions: dict[str, Session] = {}
        self._refused: dict[str, list[datetime]] = {}
        """User -> when log-ins were refused, since the last one that was right."""

    def forget(self) -> None:
        """Drop every session, and what is known of refused log-ins."""
        self._sessions.clear()
        self._refused.clear()

    def close_sessions_of(self, account: Account) -> None:
        """Drop an account's sessions."""
        self._sessions = {sid: s for sid, s in self._sessions.items() if s.account != account.id}

    def guess(self, params: Mapping[str, str], cookies: Mapping[str, str]) -> str | None:
        """The login a request claims to come from, without checking it."""
        if "authinfo" in params:
            return params["authinfo"].partition(":")[0]
        if "username" in params:
            return params["username"]
        session = self._sessions.get(params.get("auth") or cookies.get(COOKIE, ""))
        account = self._world.accounts.get(session.account) if session else None
        return account.name if account else None

    def identify(self, params: Mapping[str, str], cookies: Mapping[str, str], peer: str, func: str) -> Caller:
        """The caller, and whether a second factor is wanted of him first."""
        self._check_obstacles(peer, func)
        if "authinfo" in params:
            return self._one_off(params["authinfo"])
        sid = params.get("auth") or cookies.get(COOKIE)
        if not sid:
            return Caller()
        session = self._sessions.get(sid)
        now = self._world.clock.now()
        lifetime = timedelta(minutes=self._world.settings.session_minutes)
        if session is None or now - session.last_used > lifetime or session.account not in self._world.accounts:
            self._sessions.pop(sid, None)
            raise PanelError("auth")
        session.last_used = now
        return Caller(self._world.accounts[session.account], session.half_open)

    def _one_off(self, authinfo: str) -> Caller:
        settings = self._world.settings
        if settings.authinfo == "refused":
            raise PanelError("authtype", "authinfo")
        user, _, password = authinfo.partition(":")
        account = self._checked(user, password)
        if settings.two_factor and settings.two_factor_authinfo == "extraconfirm":
            raise PanelError("extraconfirm")
        return Caller(account, settings.two_factor and settings.two_factor_authinfo == "half_open")

    def log_in(self, params: Mapping[str, str], peer: str) -> Session:
        """Open a session with a password or a key; where a second factor is wanted, only half."""
        self._check_obstacles(peer, "auth")
        user, password = params.get("username", ""), params.get("password", "")
        if not user:
            user, _, password = params.get("authinfo", "").partition(":")
        key = params.get("key")
        if key is not None:
            account = self._world.account_named(user)
            if account is None or not account.login_key or account.login_key != key:
                raise bad_password(user)
            account.login_key = None
            self._world.touch(account)
        else:
            account = self._checked(user, password)
        return self._open(account, half=self._world.settings.two_factor)

    def confirm(self, account: Account, code: str) -> Session:
        """Open a whole session with the second factor."""
        if code != SECOND_FACTOR:
            raise bad_value("qrcode", code)
        return self._open(account, half=False)

    def _open(self, account: Account, *, half: bool) -> Session:
        session = Session(secrets.token_hex(6), account.id, self._world.clock.now(), half)
        self._sessions[session.id] = session
        return session

    def _checked(self, user: str, password: str) -> Account:
        account = self._world.account_named(user)
        if self._is_locked(user) or account is None or account.password != password:
            self._refused.setdefault(user, []).append(self._world.clock.now())
            raise bad_password(user)
        self._refused.pop(user, None)
        return account

    def _is_locked(self, user: str) -> bool:
        """After so many refused log-ins the right password is refused, too, until there were none for a while."""
        settings, refused = self._world.settings, self._refused.get(user, [])
        if settings.login_lock is None or len(refused) < settings.login_lock:
            return False
        if self._world.clock.now() - refused[-1] < timedelta(minutes=settings.login_lock_minutes):
            return True
        del self._refused[user]
        return False

    def _check_obstacles(self, peer: str, func: str) -> None:
        settings = self._world.settings
        if settings.captcha is Captcha.ERROR:
            raise PanelError("captcha", "captcha")
        if settings.networks is not None and not _inside(peer, settings.networks):
            raise access(func) if settings.network_refusal == "access" else PanelError("auth", "ip")
        if settings.extraconfirm:
            raise PanelError("extraconfirm")


def _inside(peer: str, networks: list[str]) -> bool:
    try:
        address = ipaddress.ip_address(peer)
        return any(address in ipaddress.ip_network(network, strict=False) for network in networks)
    except ValueError:
        return False
