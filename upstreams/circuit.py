"""A circuit breaker: after several unanswered requests nothing goes for a while, then one request goes to try it.

It knows no clock: `now` is given in monotonic seconds. docs/bulkheads.md says what follows from each state.
"""

from dataclasses import dataclass

from models.circuits import CircuitState

FAILURES = 5
"""Unanswered requests in a row that open it, however quickly they failed."""
LASTING_FAILURES = 2
LASTING_SECONDS = 10.0
"""Fewer in a row open it if the first of them began so long ago: each of them may take a whole time-out."""
GROWTH = 1.5
NEVER_LEFT_REST = 10.0
"""Seconds until the next try, at most, after a request that never left: nothing has to be settled after it."""


@dataclass(frozen=True)
class Rests:
    """Seconds between two tries: the first, and the longest."""

    first: float
    longest: float


class Circuit:
    """One breaker."""

    def __init__(self, rests: Rests) -> None:
        self._rests = rests
        self._rest = rests.first
        self._failures = 0
        self._first_begun = 0.0
        self.state = CircuitState.CLOSED
        self.opened_at = 0.0
        self.next_try = 0.0
        self.why = ""
        self.answered_at: float | None = None
        """When a request was last answered; None: not since this process has been running."""

    def refuses(self, now: float) -> bool:
        return self.state is not CircuitState.CLOSED and now < self.next_try

    def goes(self, now: float) -> bool:
        """A request goes. Whether that changes the state, because it is the one that tries. If it gets no answer for
        long, the next one goes at the next try."""
        if self.state is CircuitState.CLOSED:
            return False
        self.state, self.next_try = CircuitState.HALF_OPEN, now + self._rest
        return True

    def answered(self, now: float) -> bool:
        """Whether that closes it."""
        closes = self.state is not CircuitState.CLOSED
        self.state, self._failures, self._rest = CircuitState.CLOSED, 0, self._rests.first
        self.answered_at = now
        return closes

    def unanswered(self, begun: float, why: str, now: float, *, left: bool = True) -> bool:
        """A request that was begun at `begun` got no answer. Whether that changes the state. `left`: it may have
        reached the upstream."""
        if self.state is not CircuitState.CLOSED:
            if begun < self.opened_at:
                return False  # begun before it opened: it tried nothing
            longest = self._rests.longest if left else min(self._rests.longest, NEVER_LEFT_REST)
            self._rest = min(self._rest * GROWTH, longest)
            self.next_try = min(self.next_try, now + self._rest)
            self.state, self.why = CircuitState.OPEN, why
            return True
        if self.answered_at is not None and begun < self.answered_at:
            return False  # others were answered since
        if self._failures == 0:
            self._first_begun = begun
        self._failures += 1
        lasting = self._failures >= LASTING_FAILURES and now - self._first_begun >= LASTING_SECONDS
        if self._failures < FAILURES and not lasting:
            return False
        self.open(why, now, now + self._rest)
        return True

    def open(self, why: str, now: float, next_try: float) -> None:
        self.state, self.why, self.opened_at, self.next_try = CircuitState.OPEN, why, now, next_try
