"""Calls with credentials: `authinfo` on each call first, a session where that way is refused.

`authinfo=user:password` and `func=auth` with a session of one hour after the last request are documented (GUIDE6); that
an upstream refuses the first and allows the second is documented as a setting (RestrictAuthinfo), its error type is
assumed: `authtype`, `auth`, or `access` before any call has worked.

An error about the login is a definite "nothing done", so the call is repeated once after a login, also one that costs.
A wrong password makes two requests at the most; then the gate of the account is shut, and each next try makes one, by
either way in turn, so that the account is not locked by tries.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from upstreams.billmanager.calls import Call
from upstreams.billmanager.failures import failure, scope_of
from upstreams.billmanager.logins import Wanted, second_factor_wanted, wanted
from upstreams.billmanager.settings import BillmanagerConnection
from upstreams.billmanager.transport import Transport
from upstreams.billmanager.wire import Document, WireError
from upstreams.counted import counted
from upstreams.errors import ConnectionUnhealthy, LeftAlone, NotSent, OutcomeUnknown, SetupFault, UpstreamError
from upstreams.gate import Gate
from upstreams.httpcalls import Effect, RefusalScope

_LOGIN = "auth"
_OF_THE_LOGIN = frozenset({"auth", "authtype", "extraconfirm", "captcha"})
"""Refusals that every call of this account would get."""
_SHORTEST_SECRET = 4
"""Shorter passwords would blank out half of every message."""


class Session:
    """The account's login at one upstream. Safe to use from several tasks of one event loop."""

    def __init__(self, connection: BillmanagerConnection, transport: Transport, gate: Gate) -> None:
        self._connection = connection
        self._transport = transport
        self._gate = gate
        self._by_session = False
        self._session_id: str | None = None
        self._authinfo_worked = False
        self._session_refused = False
        self._both_refused = False
        """Neither way of logging in works, as far as is known: one of them is tried at a time."""
        self._login = asyncio.Lock()

    def describe(
        self,
        function: str,
        effect: Effect,
        *,
        item: str = "",
        product_type: str = "",
        refusals: RefusalScope = RefusalScope.OF_THE_ACCOUNT,
        secrets: tuple[str, ...] = (),
    ) -> Call:
        """A call of this account; `secrets` are those among its fields, kept out of messages like the login's."""
        return Call(
            upstream=self._connection.name,
            function=function,
            effect=effect,
            item=item,
            product_type=product_type,
            currency=self._connection.currency,
            secrets=self._secrets(secrets),
            refusals=refusals,
        )

    def _secrets(self, more: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The longest first: one may be part of another."""
        secrets = {self._connection.secret.get_secret_value(), self._session_id or "", *more}
        return tuple(sorted((secret for secret in secrets if len(secret) >= _SHORTEST_SECRET), key=len, reverse=True))

    async def _post_by_session(self, call: Call, session_id: str, fields: Mapping[str, str]) -> Document:
        return await self._transport.post(
            replace(call, secrets=self._secrets(call.secrets)), {"auth": session_id, **fields}
        )

    async def send(self, call: Call, fields: Mapping[str, str]) -> Document:
        """The document that answers `call`, without an error in it. Raises what `upstreams.errors` has for the rest."""
        with counted(call):
            return await self._send_in_turn(call, fields)

    async def _send_in_turn(self, call: Call, fields: Mapping[str, str]) -> Document:
        async with self._gate.one_by_one_at_first(call.label, call.function):
            try:
                answer = await self._send(call, fields)
            except ConnectionUnhealthy as error:
                if error.function == _LOGIN or error.error_type in _OF_THE_LOGIN:
                    self._gate.login_refused(error.message)
                raise
            except (NotSent, OutcomeUnknown):
                raise
            except UpstreamError:
                self._has_worked()
                raise
            self._has_worked()
            return answer

    def _has_worked(self) -> None:
        self._both_refused = False
        self._gate.worked()

    async def _send(self, call: Call, fields: Mapping[str, str]) -> Document:
        if self._by_session:
            return await self._send_by_session(call, fields)
        account = self._connection
        authinfo = f"{account.settings.username}:{account.secret.get_secret_value()}"
        answer = await self._transport.post(call, {"authinfo": authinfo, **fields})
        error = self._refusal(call, answer)
        if error is not None and self._is_about_the_login(error):
            if self._both_refused:
                self._by_session = True  # that way the next time
                raise self._failure(call, error)
            return await self._fall_back(call, fields, error)
        self._authinfo_worked = True
        if error is not None:
            raise failure(call, error)
        return answer

    def _refusal(self, call: Call, answer: Document) -> WireError | None:
        """The error in the answer; also the one that an answer without data stands for, which leads to a log-in form.

        Raises ConnectionUnhealthy where it leads to a second factor: another log-in would end there, too.
        """
        asked = wanted(call, answer)
        if asked is Wanted.SECOND_FACTOR:
            self._session_id = None
            raise second_factor_wanted(call)
        if asked is Wanted.LOGIN:
            return WireError(
                type="auth", object="", params={}, message="it led to its log-in form instead of an answer"
            )
        return answer.error

    def _is_about_the_login(self, error: WireError) -> bool:
        if error.type == "access":
            return error.object != "elid" and not (self._authinfo_worked or self._session_refused)
        return error.type in ("auth", "authtype")

    def _failure(self, call: Call, error: WireError) -> UpstreamError:
        return failure(replace(call, secrets=self._secrets(call.secrets)), error)

    async def _fall_back(self, call: Call, fields: Mapping[str, str], refused: WireError) -> Document:
        try:
            session_id = await self._log_in(call, None)
        except ConnectionUnhealthy:
            if refused.type != "access":
                self._both_refused = True
                raise
            self._session_refused = True  # so the first answer stands
            raise self._failure(call, refused) from None
        answer = await self._post_by_session(call, session_id, fields)
        error = self._refusal(call, answer)
        if error is not None and error.type == "access" and refused.type == "access":
            # Refused either way: it is the function that is not allowed, not this way of logging in.
            refusal = self._failure(call, error)
            self._authinfo_worked, self._session_id = True, None
            raise refusal
        self._by_session = True
        if error is not None:
            raise self._failure(call, error)
        return answer

    async def _send_by_session(self, call: Call, fields: Mapping[str, str]) -> Document:
        session_id = self._session_id
        fresh = session_id is None
        if session_id is None:
            self._by_session = not self._both_refused  # if refused again, the other way the next time
            session_id = await self._log_in(call, None)
            self._by_session = True
        answer = await self._post_by_session(call, session_id, fields)
        error = self._refusal(call, answer)
        if error is not None and error.type == "auth" and not fresh:
            session_id = await self._log_in(call, session_id)
            answer = await self._post_by_session(call, session_id, fields)
            error = self._refusal(call, answer)
        if error is not None:
            if error.type == "auth":
                self._session_id = None
            raise self._failure(call, error)
        return answer

    async def _log_in(self, waiting: Call, dead: str | None) -> str:
        """A session id other than `dead`; tasks that find the session dead together log in once.

        Raises ConnectionUnhealthy if the login is refused, NotSent if it did not get an answer: what was wanted has not
        been done then.
        """
        async with self._login:
            if self._session_id is not None and self._session_id != dead:
                return self._session_id
            self._session_id = None
            account = self._connection
            call = self.describe(_LOGIN, Effect.READ)
            try:
                answer = await self._transport.post(
                    call, {"username": account.settings.username, "password": account.secret.get_secret_value()}
                )
                error = self._refusal(call, answer)
                if error is not None:
                    raise failure(call, error)
            except LeftAlone:
                raise
            except (NotSent, OutcomeUnknown) as trouble:
                not_sent = NotSent(
                    f"{waiting.label}: not sent, because logging in failed. {trouble.message}",
                    function=waiting.function,
                    error_type=trouble.error_type,
                )
                not_sent.next_try = trouble.next_try
                raise not_sent from trouble
            except UpstreamError as no:
                refused = _refused(no)
                if refused is no:
                    raise
                raise refused from no
            self._session_id = _session_id(answer)
            if self._session_id is None:
                raise ConnectionUnhealthy(f"{call.label}: the answer to the login holds no session.", function=_LOGIN)
            return self._session_id


def _refused(error: UpstreamError) -> UpstreamError:
    """Whatever a login is refused for, no call of this account can be made."""
    if isinstance(error, ConnectionUnhealthy | SetupFault):
        return error
    return ConnectionUnhealthy(
        error.message,
        scope=scope_of(error.error_type),
        function=error.function,
        error_type=error.error_type,
        error_object=error.error_object,
    )


def _session_id(answer: Document) -> str | None:
    """Attribute `id` (every version), else the text (newer ones)."""
    node = answer.fields.get("auth")
    if node is None:
        return None
    return node.attributes.get("id") or node.text or None
