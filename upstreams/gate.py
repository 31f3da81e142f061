"""Whether an upstream account may be asked at all just now. One gate per account, for everything that asks it.

It shuts when the upstream asks to be left alone (429, or `Retry-After`), and when a log-in was refused. Then nothing
leaves before the next try; at that time one call goes as a probe, and the others go on once it has worked. Without a
gate each waiting order would log in again and again, until the upstream bans the account or this machine.

It also keeps to the limits of the account, and has its circuit breakers: an upstream that does not answer is asked by
one call now and then. docs/bulkheads.md has the states, and what follows from them.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from models.circuits import ACCOUNT, CircuitNote, CircuitState
from upstreams.circuit import Circuit, Rests
from upstreams.errors import Busy, CircuitOpen, LeaseExpired, LeftAlone, NotSent, OutcomeUnknown
from upstreams.limits import Limits, NoTurn, Turns

SHORTEST_REST = 15.0
"""Seconds until the next try after a refusal that names no time. Each further rest is as long as the trouble lasts."""
LONGEST_REST = 300.0
"""The longest of these rests: so soon it is noticed that the trouble is over."""
LONGEST_ASKED_FOR = 3600.0
"""The longest rest that an upstream may ask for; it is asked again then, whatever it named."""
_FIRST_ANSWER_PATIENCE = 5.0
"""Seconds for which calls wait for the first answer; then they come again later. They don't go all at once: an upstream
may take its time to refuse a password."""
PATIENCE = 5.0
"""Seconds that a call waits for its turn."""
SETTLE_SECONDS = 5.0
"""Between two looks that settle something and pass an open breaker."""
_OF_READS = Rests(first=5.0, longest=10.0)
"""For the account and for functions that are read: to try costs nothing."""
_OF_KINDS = Rests(first=10.0, longest=30.0)
"""For what is sent: the call that tries is somebody's order, which has to be settled if it gets no answer."""
_READ = "read "


@dataclass
class Passage:
    """One call that has passed the gate."""

    unanswered: str = ""
    """Set by the transport: what came is no answer of the upstream, such as a gateway's 502."""


@dataclass(frozen=True)
class _Permit:
    gate: "Gate"
    kind: str


_permit: ContextVar[_Permit | None] = ContextVar("permit", default=None)
_settling: ContextVar["Gate | None"] = ContextVar("settling", default=None)


class Gate:
    """The gate of one account. Calls of one event loop use it; processes share what `learn` is given."""

    def __init__(self) -> None:
        self.limits = Limits()
        self.changes = 0
        """Counts what has changed in `notes`."""
        self._circuits: dict[str, Circuit] = {}
        self._turns = Turns()
        self._settled_at = float("-inf")
        self._shut_until = 0.0
        self._next_try: datetime | None = None
        self._why = ""
        self._of_login = False
        self._trouble_since: float | None = None
        self._works = False
        """Some call was answered since the gate was last shut: calls need not go one by one."""
        self._probe = asyncio.Lock()
        self._until_reported: datetime | None = None
        self._shut_at = datetime.min.replace(tzinfo=UTC)

    @property
    def next_try(self) -> datetime | None:
        """When the account is asked again (aware UTC); None: it may be asked now."""
        return self._next_try if _now() < self._shut_until else None

    def check(self, about: str, function: str) -> None:
        """Raises LeftAlone while the gate is shut. `about` names upstream and call."""
        if self.next_try is None:
            return
        raise LeftAlone(
            f"{about}: not sent, nothing is asked of the account before {self._next_try:%H:%M:%S} UTC. {self._why}",
            next_try=self._next_try,
            asked_for=not self._of_login,
            function=function,
        )

    # -- limits and breakers

    @asynccontextmanager
    async def call(self, about: str, function: str, *, changes: bool) -> AsyncIterator[Passage]:
        """One request to the upstream. Raises LeftAlone, CircuitOpen or Busy before it, and notes whether it was
        answered. Under a permit it goes at once: what belongs to a request that was begun is not refused."""
        permit = _permit.get()
        if permit is not None and permit.gate is self:
            async with self._noting(permit.kind if changes else _READ + function) as passage:
                yield passage
            return
        key = function if changes else _READ + function
        self._check_all(about, function, key, goes=False)
        async with self._turn(about, function, key):
            self._check_all(about, function, key, goes=_settling.get() is not self)  # something may have opened since
            async with self._noting(key) as passage:
                yield passage

    def check_request(self, about: str, kind: str) -> None:
        """Raises LeftAlone or CircuitOpen if a request of this kind of operation would get no permit now: nobody need
        prepare it."""
        self._check_all(about, kind, kind, goes=False)

    @asynccontextmanager
    async def permit(self, about: str, kind: str) -> AsyncIterator[None]:
        """For one request that is written down before it is sent, however many calls that takes. Enter it before the
        intent is written: then nothing refuses the request any more. Raises LeftAlone, CircuitOpen or Busy."""
        self._check_all(about, kind, kind, goes=False)
        async with self.one_by_one_at_first(about, kind), self._turn(about, kind, kind):
            self._check_all(about, kind, kind, goes=True)  # something may have opened while it waited
            token = _permit.set(_Permit(self, kind))
            try:
                yield
            finally:
                _permit.reset(token)

    @contextmanager
    def settling(self, about: str) -> Iterator[None]:
        """Reads that find out what became of a request pass an open breaker, one look every SETTLE_SECONDS. Raises
        CircuitOpen for the other looks."""
        now = _now()
        if not any(one.state is not CircuitState.CLOSED for one in self._circuits.values()):
            yield
            return
        if now < self._settled_at + SETTLE_SECONDS:
            self._check_circuits(about, "settle", "settle", goes=False)
        else:
            self._settled_at = now
        token = _settling.set(self)
        try:
            yield
        finally:
            _settling.reset(token)

    def notes(self) -> dict[str, CircuitNote]:
        """The breakers that this process has used, by what they are for; closed ones, too."""
        return {name: self._note(circuit) for name, circuit in self._circuits.items()}

    def learn_circuits(self, noted: Mapping[str, CircuitNote]) -> None:
        """Breakers that another process has open are open here, unless an answer has come here since."""
        for name, note in noted.items():
            circuit = self._circuit(name)
            if note.state is CircuitState.CLOSED or circuit.state is not CircuitState.CLOSED:
                continue
            if circuit.answered_at is not None and _at(circuit.answered_at) >= note.since:
                continue
            now = _now()
            left = (note.next_try - datetime.now(UTC)).total_seconds()
            circuit.open(note.why, now, now + min(max(0.0, left), _OF_KINDS.longest))
            circuit.opened_at = now - (datetime.now(UTC) - note.since).total_seconds()

    def _circuit(self, name: str) -> Circuit:
        of_reads = name == ACCOUNT or name.startswith(_READ)
        return self._circuits.setdefault(name, Circuit(_OF_READS if of_reads else _OF_KINDS))

    def _note(self, circuit: Circuit) -> CircuitNote:
        since, next_try = _at(circuit.opened_at), _at(circuit.next_try)
        return CircuitNote(state=circuit.state, since=since, why=circuit.why, next_try=next_try)

    def _check_all(self, about: str, function: str, key: str, *, goes: bool) -> None:
        self.check(about, function)
        self._check_circuits(about, function, key, goes=goes)

    def _check_circuits(self, about: str, function: str, key: str, *, goes: bool) -> None:
        """Raises CircuitOpen. `goes`: the call goes then, maybe as the one that tries."""
        now = _now()
        concerned = {name: self._circuit(name) for name in (ACCOUNT, key)}
        for name, circuit in concerned.items():
            if circuit.refuses(now) and _settling.get() is not self:
                what = "Requests of the account" if name == ACCOUNT else f'Requests of the kind "{function}"'
                since, next_try = _at(circuit.opened_at), _at(circuit.next_try)
                raise CircuitOpen(
                    f"{about}: not sent. {what} have not been answered since {since:%H:%M:%S} UTC; the next one goes "
                    f"at {next_try:%H:%M:%S} UTC. The last one: {circuit.why}",
                    next_try=next_try,
                    function=function,
                )
        if goes:
            self.changes += sum([circuit.goes(now) for circuit in concerned.values()])

    @asynccontextmanager
    async def _turn(self, about: str, function: str, key: str) -> AsyncIterator[None]:
        entered = False
        try:
            async with self._turns.turn(key, self.limits, PATIENCE):
                entered = True
                yield
        except NoTurn as none:
            if entered:
                raise
            raise Busy(f"{about}: not sent, {none}.", function=function) from None

    @asynccontextmanager
    async def _noting(self, key: str) -> AsyncIterator[Passage]:
        begun, passage = _now(), Passage()
        try:
            yield passage
        except (LeftAlone, LeaseExpired):
            raise
        except (NotSent, OutcomeUnknown) as error:
            self._note_unanswered(key, begun, error.message, left=isinstance(error, OutcomeUnknown))
            raise
        if passage.unanswered:
            self._note_unanswered(key, begun, passage.unanswered)
        else:
            self.changes += sum([self._circuit(name).answered(_now()) for name in (ACCOUNT, key)])

    def _note_unanswered(self, key: str, begun: float, why: str, *, left: bool = True) -> None:
        now = _now()
        self.changes += sum([self._circuit(name).unanswered(begun, why, now, left=left) for name in (ACCOUNT, key)])

    # -- log-ins

    @asynccontextmanager
    async def one_by_one_at_first(self, about: str, function: str) -> AsyncIterator[None]:
        """Until a call was answered, one call goes at a time: so a wrong password is refused once and not to each.

        Raises Busy if the one before gets no answer for a while.
        """
        permit = _permit.get()
        if self._works or (permit is not None and permit.gate is self):
            yield
            return
        try:
            await asyncio.wait_for(self._probe.acquire(), _FIRST_ANSWER_PATIENCE)
        except TimeoutError:
            words = "not sent, another call is testing the account and has no answer yet"
            raise Busy(f"{about}: {words}.", function=function) from None
        if self._works:
            self._probe.release()
            yield
            return
        try:
            yield
        finally:
            self._probe.release()

    def worked(self) -> None:
        """The account was answered to, as somebody who is logged in."""
        self._works = True
        if self.next_try is None:
            self._trouble_since = None

    def asked_to_wait(self, why: str, seconds: float | None) -> datetime:
        """The upstream wants to be left alone, for so many seconds if it named a time. Returns the next try."""
        if seconds is None:
            return self._shut(self._growing_backoff(), why, of_login=False)
        return self._shut(min(max(seconds, 1.0), LONGEST_ASKED_FOR), why, of_login=False)

    def login_refused(self, why: str) -> None:
        self._shut(self._growing_backoff(), why, of_login=True)

    def learn(self, until: datetime | None, why: str, *, well_at: datetime | None) -> None:
        """What the database has of the account: until when it is to be left alone, as another process was asked; and
        when it was last seen well, which makes a log-in that was refused before history (None: it is not well)."""
        if until is not None and until != self._until_reported:
            left = (until - datetime.now(UTC)).total_seconds()
            if left > 0 and (self._next_try is None or until > self._next_try):
                self._shut(min(left, LONGEST_ASKED_FOR), why, of_login=False)
        self._until_reported = until
        if self._of_login and well_at is not None and well_at > self._shut_at:
            self._shut_until, self._trouble_since = 0.0, None

    def _growing_backoff(self) -> float:
        now = _now()
        if self._trouble_since is None:
            self._trouble_since = now
        return min(max(SHORTEST_REST, now - self._trouble_since), LONGEST_REST)

    def _shut(self, seconds: float, why: str, *, of_login: bool) -> datetime:
        """A longer rest that was asked for before stays."""
        self._works = False
        if _now() + seconds > self._shut_until or self._next_try is None:
            self._shut_until = _now() + seconds
            self._next_try = datetime.now(UTC) + timedelta(seconds=seconds)
            self._why, self._of_login, self._shut_at = why, of_login, datetime.now(UTC)
        return self._next_try


class Gates:
    """The gates of one process, by customer account and secret: adapters come and go, and with another secret there is
    no reason to wait any more."""

    def __init__(self) -> None:
        self._gates: dict[bytes, Gate] = {}

    def of(self, *parts: str) -> Gate:
        """`parts`: who we are there, and the secret; they are not kept."""
        key = hashlib.sha256("\0".join(parts).encode()).digest()
        return self._gates.setdefault(key, Gate())


def _now() -> float:
    return time.monotonic()


def _at(moment: float) -> datetime:
    """The time of a moment of the monotonic clock."""
    return datetime.now(UTC) + timedelta(seconds=moment - _now())
