"""What goes wrong on the line, and in time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.infrastructure.proxy import Answer, Reaches
from tests.upstreams.bench import PATIENT_SECONDS, QUICK_SECONDS
from upstreams import httpcalls
from upstreams.lease import Clocks, Lease


@dataclass(frozen=True)
class Fault:
    """What happens to the request of a call that charges. Each leaves the outcome unknown."""

    name: str
    answer: Answer
    reaches: Reaches

    @property
    def carried_out(self) -> bool:
        return self.reaches is not Reaches.NEVER


FAULTS = [
    Fault("cut before it is carried out", Answer.CUT, Reaches.NEVER),
    Fault("cut after it is carried out", Answer.CUT, Reaches.BEFORE),
    Fault("carried out after the time-out", Answer.STALL, Reaches.LATE),
    Fault("an endless trickle", Answer.TRICKLE, Reaches.BEFORE),
    Fault("502 after it", Answer.BAD_GATEWAY, Reaches.BEFORE),
    Fault("a page after it", Answer.HTML, Reaches.BEFORE),
    Fault("garbage after it", Answer.GARBAGE, Reaches.BEFORE),
]
FAULTS_OF_ORDERS = [
    *FAULTS,
    Fault("no answer in time and lost", Answer.STALL, Reaches.NEVER),
    Fault("no answer in time and carried out", Answer.STALL, Reaches.BEFORE),
    Fault("half an answer", Answer.HALF, Reaches.BEFORE),
    Fault("502 instead of it", Answer.BAD_GATEWAY, Reaches.NEVER),
    Fault("503 after it", Answer.UNAVAILABLE, Reaches.BEFORE),
    Fault("a gateway's 404 after it", Answer.NOT_FOUND, Reaches.BEFORE),
    Fault("a page instead of it", Answer.HTML, Reaches.NEVER),
]
COMMON_FAULTS = [FAULTS[1], FAULTS[0], FAULTS[2], FAULTS[4]]
"""Those that `make test` tries: the first one with each call that charges, all of them with an order."""
READ_FAULTS = [
    Answer.CUT,
    Answer.BAD_GATEWAY,
    Answer.GARBAGE,
    Answer.THROTTLED,
    *(
        pytest.param(answer, marks=pytest.mark.proof)
        for answer in (Answer.HALF, Answer.STALL, Answer.TRICKLE, Answer.NOT_FOUND, Answer.HTML)
    ),
]


class LapsesWhileConnecting(Lease):
    """A lease that holds when it is looked at first, and is over when the request is about to leave."""

    looks = 0

    def lapsed(self, now: Clocks | None = None) -> str:
        object.__setattr__(self, "looks", self.looks + 1)
        return "" if self.looks == 1 else "its lease was over 0.1 s before: this worker was held up"


@contextmanager
def impatient(answer: Answer) -> Iterator[float]:
    """The time-out for a call that is answered so. The one of the whole call, connecting included, is as short."""
    if answer not in (Answer.STALL, Answer.TRICKLE):
        yield PATIENT_SECONDS
        return
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONNECT_TIMEOUT", "POOL_TIMEOUT"):
            patch.setattr(httpcalls, name, QUICK_SECONDS)
        yield QUICK_SECONDS
