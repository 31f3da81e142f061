"""The matrix as data: steps, faults, operations, and the reason where a combination makes no sense."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache

from models.enums import OperationKind


class Words(Enum):
    """An enum whose members have a name and a sentence for people."""

    def __init__(self, title: str, sentence: str) -> None:
        self.title = title
        self.sentence = sentence

    def __str__(self) -> str:
        return self.title


class Step(Words):
    """How far an order is when the fault strikes."""

    BEFORE_INTENT = "before the intent", "Price, balance and item are being read. Nothing is written down yet."
    INTENT_WRITTEN = "intent written", "The request is committed as an intent. It has not been sent."
    REQUEST_SENT = "request sent", "The request is at the upstream, which has not carried it out."
    COMMITTED = "upstream committed", "The upstream has carried it out. Its answer is on the way."
    ANSWERED = "answer received", "The answer is in the worker's memory, and not in the database."
    SETTLED = "settled", "The answer is in the database. Temporal has not got the activity's result."
    WAITING = "waiting", "The upstream has accepted it and works on it. The poller looks."
    EVENT_READ = "event read", "A list or form that shows the result has been read, and is not stored."
    EVENT_STORED = "event stored", "The event is in the database. The order has not been signalled."
    SIGNAL_SENT = "signal sent", "The signal is sent. That it was sent is not written down."
    APPLIED = "applied", "The result is in the database. Temporal has not got the activity's result."
    CART_CONFIRMED = "cart confirmed", "The payment of the cart is asked for. The upstream has not paid it."
    CART_PAID = "cart paid", "The upstream has paid the cart. Its answer is not written down."


class Fault(Words):
    """What goes wrong."""

    KILLED = "worker killed", "The worker process ends at once (SIGKILL). Another one is started."
    STOPPED = (
        "worker stopped and woken",
        "The worker process stands still (SIGSTOP) for longer than its time-outs. Another one takes over and comes to "
        "the end; then the first one goes on (SIGCONT).",
    )
    CUT_BEFORE = "cut before the commit", "The connection is closed without an answer. Nothing was carried out."
    CUT_AFTER = "cut after the commit", "The connection is closed without an answer. The request was carried out."
    STALL = "stall beyond the time-out", "No answer comes until the time-out has passed."
    LATE = (
        "commit later than the settle window",
        "No answer comes. The upstream carries the request out, or shows it, only after the settle window.",
    )
    BAD_GATEWAY = "502", "A gateway answers with a page and the status 502."
    HTML = "HTML", "A page of an anti-robot layer comes instead of an answer, with the status 200."
    GARBAGE = "garbage", "The answer has the status 200 and is no document."
    TRICKLE = "slow trickle", "The answer comes byte by byte, so slowly that it is never complete within the time-out."
    LIE = "a no that is a lie", "The upstream refuses the request in plain words, and has carried it out."
    DATABASE = "database restarted", "The PostgreSQL server stops and is back some seconds later."
    TEMPORAL = "Temporal restarted", "The Temporal server stops and is back some seconds later."
    POLLER_KILLED = (
        "poller killed",
        "The process that runs only the poller ends at once (SIGKILL). Another one starts.",
    )
    DOUBLED = "event doubled", "The order gets the signal of its event twice, as two signals."
    REORDERED = "events reordered", "Older events of the same item reach the order before and after the newest one."
    LOST = "event lost", "The signal of the event never reaches the order, although it was noted as sent."
    CLOCK = "upstream's clock hours off", "The clock of the upstream jumps five hours, forwards or backwards."
    NARROWED = "list narrowed", "A filter that somebody stored at the upstream hides the item from its list."
    LIST_LATE = (
        "list late",
        "What has changed appears in the upstream's list later than in its form, but within the settle window.",
    )


OPERATIONS = tuple(OperationKind)
NEVER = 300.0
"""Seconds after which what has not come will not come. An order that has not ended by then is stuck. They count more on
a machine that is too busy to ask (`assert_eventually`). Nothing else in a run depends on how fast the machine is."""

ON_THE_LINE = (
    Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.STALL, Fault.LATE, Fault.BAD_GATEWAY, Fault.HTML, Fault.GARBAGE,
    Fault.TRICKLE, Fault.LIE,
)  # fmt: skip
IN_THE_EVENTS = (Fault.DOUBLED, Fault.REORDERED, Fault.LOST)
IN_WHAT_IS_READ = (Fault.CLOCK, Fault.NARROWED, Fault.LIST_LATE)
OF_PROCESSES = (Fault.KILLED, Fault.STOPPED, Fault.DATABASE, Fault.TEMPORAL, Fault.POLLER_KILLED)

READS = (Step.BEFORE_INTENT, Step.WAITING, Step.EVENT_READ)
"""Steps at which the upstream is only asked."""
CALLS = (*READS, Step.REQUEST_SENT, Step.COMMITTED, Step.CART_CONFIRMED, Step.CART_PAID)
"""Steps at which a call is on the line."""
CART = (Step.CART_CONFIRMED, Step.CART_PAID)
OF_THE_POLLER = (Step.WAITING, Step.EVENT_READ, Step.EVENT_STORED, Step.SIGNAL_SENT)
NOT_CARRIED_OUT = (Step.REQUEST_SENT, Step.CART_CONFIRMED)
CARRIED_OUT = (Step.COMMITTED, Step.CART_PAID)
IN_CARTS = (OperationKind.OPEN, OperationKind.PROLONG, OperationKind.SET_PARAMETERS)


@dataclass(frozen=True)
class Cell:
    fault: Fault
    step: Step
    operation: OperationKind

    def __str__(self) -> str:
        return f"{self.fault}, {self.step}, {self.operation.value}"


def why_senseless(fault: Fault, step: Step) -> str:
    """Why this fault can't strike at this step, whatever the operation; empty where it can."""
    if fault in OF_PROCESSES and fault is not Fault.POLLER_KILLED:
        return ""
    if fault is Fault.POLLER_KILLED:
        return "" if step in OF_THE_POLLER else "the poller has no part in this step"
    if fault in IN_THE_EVENTS:
        return _senseless_event(step)
    if fault in IN_WHAT_IS_READ:
        return _senseless_reading(step)
    if step not in CALLS:
        return "no call to the upstream is under way"
    match fault:
        case Fault.CUT_BEFORE if step in CARRIED_OUT:
            return "the request has been carried out: see 'cut after the commit'"
        case Fault.CUT_AFTER if step in NOT_CARRIED_OUT:
            return "the request has not been carried out: see 'cut before the commit'"
        case Fault.CUT_AFTER | Fault.LATE | Fault.LIE if step in READS:
            return "the upstream is only asked: there is nothing that it could commit"
        case Fault.LATE if step in CARRIED_OUT:
            return "the request has been carried out: it can't be late any more"
        case Fault.TRICKLE if step in NOT_CARRIED_OUT:
            return "what trickles is an answer, so the request has been carried out"
        case Fault.LIE if step in NOT_CARRIED_OUT:
            return "the request has not been carried out: then the no is true"
        case _:
            return ""


def _senseless_event(step: Step) -> str:
    if step is Step.SIGNAL_SENT:
        return ""
    if step in (Step.EVENT_READ, Step.EVENT_STORED):
        return "an event is the difference of two looks and has a unique id: see 'list late' and 'poller killed'"
    return "no event is under way"


def _senseless_reading(step: Step) -> str:
    if step in (Step.BEFORE_INTENT, Step.COMMITTED, Step.WAITING):
        return ""
    if step in CART:
        return "the cart is read from its own function, and what is paid shows in the item: see 'upstream committed'"
    if step is Step.EVENT_READ:
        return "what shows the event is read in the same way: see 'waiting'"
    return "nothing of the upstream is read at this step"


def why_not_for(step: Step, operation: OperationKind) -> str:
    """Why this operation never comes to this step; empty where it does."""
    return "is never put into a cart" if step in CART and operation not in IN_CARTS else ""


@cache
def strikes() -> tuple[tuple[Fault, Step], ...]:
    """Every fault with every step at which it can strike."""
    return tuple((fault, step) for fault in Fault for step in Step if not why_senseless(fault, step))


def operations_at(step: Step) -> tuple[OperationKind, ...]:
    return tuple(one for one in OPERATIONS if not why_not_for(step, one))


def cells() -> list[Cell]:
    """All cells that run."""
    return [Cell(fault, step, one) for fault, step in strikes() for one in operations_at(step)]


def in_process() -> list[tuple[Fault, Step]]:
    """The strikes that `lives` runs, in the order in which a tenth of them is chosen from."""
    return [strike for strike in strikes() if strike[0] not in OF_PROCESSES]


def tenth(seed: int) -> Sequence[tuple[Fault, Step]]:
    """A tenth of the strikes in process. Ten seeds in a row have all of them."""
    shuffled = in_process()
    random.Random(seed // 10).shuffle(shuffled)  # noqa: S311 - no secret
    return shuffled[seed % 10 :: 10]
