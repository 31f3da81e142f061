"""The state of one run of the poller."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from activities.poller import schedule
from activities.poller.freshness import Freshness
from activities.poller.lists import KnownLists
from activities.poller.schedule import Schedule
from metrics import counters
from models.catalogue import UpstreamAccount
from models.enums import OperationKind
from models.events import UpstreamHint
from orders.events import FailingList, PollResult, WaitingOperation, failing_lists_of
from orders.money.refunds.watched import Watched
from orders.plans.tariffs import Wanted
from settings import Settings
from upstreams.capabilities import Capabilities
from upstreams.errors import ConnectionUnhealthy, UpstreamError
from upstreams.kinds import UnknownKind, adapter_of
from upstreams.port import UpstreamItem


@dataclass
class PendingForm:
    """A form that is still to be read."""

    due: float = 0.0
    rest: float = schedule.FORM_AGAIN_SECONDS
    attempts: int = 0
    """How often a hinted item is read at most until it shows something new."""
    for_sweep: bool = False
    """A sweep asked for it: whatever it shows that is new should have been seen before."""


@dataclass(eq=False)
class FormRead:
    """A form that was read and waits to be written down."""

    asked: int
    form: UpstreamItem
    result: PollResult | None = None
    """What it brought; None: it was overtaken by another look."""
    failure: Exception | None = None


@dataclass
class ReadResults:
    """What became of the reads of one round, or of one turn of the lists."""

    succeeded: bool = False
    """Something was read."""
    unhealthy: ConnectionUnhealthy | None = None
    """What was said of the account."""
    silence: UpstreamError | None = None
    """What came instead of an answer, the last time."""
    rest: UpstreamError | None = None
    """The upstream has asked to be left alone for a while."""
    failures: int = 0
    """Reads that failed in a row, for want of an answer or of rights."""

    @property
    def too_many_failures(self) -> bool:
        return self.failures >= schedule.FAILURES_IN_A_ROW


@dataclass
class Watch:
    """What one run of the activity knows of its account."""

    account_id: int
    name: str
    schedule: Schedule
    product_types: tuple[str, ...] = ()
    pages: dict[str, int] = field(default_factory=dict)
    """Pages of the list of each type that was listed in this run."""
    awaited: list[WaitingOperation] = field(default_factory=list)
    waiting_for_funds: bool = False
    is_paused: bool = False
    resumed: bool = False
    """It was paused at the last look and is not any more: its orders are to be woken."""
    takes_hints: bool = False
    """The account has a secret for push hints, or a list of changes, whose items are noted in the same way."""
    hints: list[UpstreamHint] = field(default_factory=list)
    """Those not followed yet."""
    unlisted: set[tuple[str, str]] = field(default_factory=set)
    """(product type, number) of items that are waited for and that the latest list did not show, because a filter
    narrows it, say: their forms are read, however many they are."""
    undelivered: asyncio.Event = field(default_factory=asyncio.Event)
    """Events were committed that orders are to be notified of."""
    to_read: dict[tuple[str, str], PendingForm] = field(default_factory=dict)
    """(product type, number) of our items whose forms show something new."""
    answers: dict[str, list[FormRead]] = field(default_factory=dict)
    """By product type: they are written down together, as soon as nothing else is being written down."""
    refused: set[tuple[str, str]] = field(default_factory=set)
    """Items of nobody whose forms the upstream does not let us read."""
    keys: dict[tuple[str, str], float] = field(default_factory=dict)
    """When the form of each item is read next whose key has not come."""
    usual: dict[tuple[OperationKind, str], tuple[float, float]] = field(default_factory=dict)
    """By kind and product type: until when it counts, and in how many seconds an operation is usually confirmed."""
    to_look_at: dict[str, WaitingOperation] = field(default_factory=dict)
    """What was found to be late or slow, and whose orders have not been asked to look: by the id of the signal."""
    asked_to_look: set[tuple[int, str]] = field(default_factory=set)
    """Operations, and since when they wait, whose orders are to look."""
    renewal_forms_since: float | None = None
    """Up to when (wall clock) those are in `renewal_forms` whose moment has come."""
    renewal_forms: dict[tuple[str, str], None] = field(default_factory=dict)
    """Items whose forms are still to be read to see who renews them."""
    sweeps: dict[str, datetime] = field(default_factory=dict)
    """Product types whose lists are to be compared row by row, and since when that is asked for."""
    has_feed: bool = False
    """This kind of upstream has a list of changes of its own."""
    shows_prices: bool = False
    """The upstream has a price list that can be read."""
    price_lists: list[Wanted] = field(default_factory=list)
    """Those that are still to be read."""
    shows_refunds: bool = False
    """What this kind of upstream pays back can be read."""
    ledger: Watched | None = None
    """What is to be read of its lists of expenses and payments; None: nothing now."""
    lists: KnownLists = field(default_factory=KnownLists)
    freshness: Freshness = field(default_factory=Freshness)
    tally: ReadResults = field(default_factory=ReadResults)
    """Counts of the round."""
    listing: ReadResults = field(default_factory=ReadResults)
    """Counts of the lists, which are read in parallel with the rounds."""
    more: bool = False
    """The round has left something that is due."""
    silent_since: datetime | None = None
    """Since when no read was answered in a way that can be used."""
    silence_recorded: bool = False
    """It is written down with the account."""
    failing: dict[str, FailingList] = field(default_factory=dict)
    """Lists that could not be read the last time, by product type."""
    failing_recorded: dict[str, FailingList] = field(default_factory=dict)
    """Those that are written down with the account."""
    worked_at: float = -1e9
    """When a read last succeeded. One list that is refused among others says nothing of the account."""
    polls: int = 0
    events: int = 0
    last_poll_at: datetime | None = None

    @classmethod
    def of(cls, account: UpstreamAccount, settings: Settings) -> "Watch":
        """Make one from the row of an account, which has the troubles that began in an earlier run."""
        failing = failing_lists_of(account)
        return cls(
            account.id,
            account.name,
            Schedule(settings),
            is_paused=account.paused_since is not None,
            silent_since=account.unreachable_since,
            silence_recorded=account.unreachable_since is not None,
            failing=dict(failing),
            failing_recorded=failing,
            has_feed=_capabilities(account).change_feed,
            shows_prices=_capabilities(account).price_list,
            shows_refunds=_capabilities(account).refunds,
        )

    def awaited_of(self, product_type: str, number: str) -> list[WaitingOperation]:
        """The operations that wait for what this item shows."""
        return [one for one in self.awaited if (one.product_type, one.upstream_number) == (product_type, number)]

    def by_form(self, operation: WaitingOperation) -> bool:
        """Whether no list will show it."""
        return operation.by_form or (operation.product_type, operation.upstream_number) in self.unlisted

    def forms_due(self) -> list[tuple[str, str]]:
        now = time.monotonic()
        return [item for item, form in self.to_read.items() if now >= form.due]

    def to_read_soon(self, product_type: str, number: str) -> None:
        self.to_read.setdefault((product_type, number), PendingForm())

    def note_pause(self, is_paused: bool) -> None:
        self.resumed = self.resumed or (self.is_paused and not is_paused)
        self.is_paused = is_paused

    def count(self, result: PollResult) -> None:
        self.polls += 1
        self.events += result.events
        counters.CHANGES.labels(self.name).inc(result.events)
        self.last_poll_at = datetime.now(UTC)
        if result.waiting:
            self.undelivered.set()
        if result.events or result.form_changed:
            self.schedule.something_is_new()

    def rest(self, *, is_reading: bool) -> float:
        """Seconds until the next round. While nothing waits and no list is being read, the next thing to be done is a
        look in the database, or a list."""
        at_once = self.awaited or self.waiting_for_funds or self.hints or self.to_read or self.to_look_at or is_reading
        if at_once:
            return schedule.TICK_SECONDS
        return self.schedule.calm_rest(self.product_types, takes_hints=self.takes_hints, has_feed=self.has_feed)

    def progress(self) -> dict[str, object]:
        """For the heartbeat."""
        return {"polls": self.polls, "events": self.events, "last": str(self.last_poll_at or "")}


def _capabilities(account: UpstreamAccount) -> Capabilities:
    """Without an adapter for its kind nothing is known of it; connecting fails and says so."""
    try:
        return adapter_of(account.kind).capabilities
    except UnknownKind:
        return Capabilities()
