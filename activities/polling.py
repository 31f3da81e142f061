"""Watching an upstream account: one long activity that lists, compares, writes events down and signals orders.

While nothing waits it costs one listing of each product type per idle interval. While orders wait for a confirmation
their items are read every other second, by whatever costs fewer requests: their forms, or the list. Items that the
upstream says have changed (push hints) are read at once.
"""

import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from activities import lists
from activities.delivery import deliver
from activities.funding import FundsActivities
from activities.heartbeat import heartbeating, pause
from activities.lists import Lists
from models.catalogue import ProcessingModule, UpstreamAccount
from models.columns import utc_now
from models.database import Database, is_unavailable
from models.enums import ModuleKind, RenewalOwner, Stage
from models.events import UpstreamHint
from models.messages import PollInput, PollLap
from models.order import Operation
from orders import events, hints, keys, renewal, requests
from orders.errors import InvalidField, NotFound, Refused
from orders.events import Digest, Hot
from orders.history import OURSELVES
from orders.renewal import Mismatch
from orders.requests import ServiceChange
from orders.strangers import strangers
from settings import Settings
from upstreams.connections import Connections
from upstreams.errors import (
    ConnectionUnhealthy,
    NoSuchItem,
    NotSent,
    OutcomeUnknown,
    Rejected,
    SetupFault,
    UpstreamError,
)
from upstreams.port import Upstream

TICK_SECONDS = 0.25
YOUNG_SECONDS = 120.0
"""An order waiting for longer than this is looked at half as often."""
OLD_SECONDS = 3600.0
"""One waiting for longer than this is looked at every idle interval, or with the others if there are any."""
CALM_SECONDS = 1.0
"""How often the database is asked whether anything waits, while no young order waits for a confirmation; and how often
it is asked what the catalogue says, whoever waits."""


POLL_NOTE_SECONDS = 5.0
"""How often the time of the last poll is written down."""
CONNECT_AGAIN_SECONDS = 2.0
"""After the account could not be connected to, because its password is missing, say."""
PUT_OFF_SECONDS = 5.0
"""How long a piece of work rests after an error that nobody foresaw."""
FORM_AGAIN_SECONDS = 5.0
"""How long a form that could not be read rests: at first, and twice as long each time, up to the next."""
FORM_AGAIN_AT_MOST_SECONDS = 300.0
HINTS_AT_ONCE = 100
FORMS_FOR_HINTS = 5
"""Of more hinted items of a type than these, and than its list has pages, the list is read instead of their forms."""
SECOND_LOOK_SECONDS = 2.0
"""A hint may come before what it tells of can be read: then the item is read once more."""
LISTED_FOR_HINTS_SECONDS = 1.0
"""How often at most hints may have a type listed."""
STRANGERS_SECONDS = 5.0
"""How often hints of items that nobody knows may have everything listed: they may be other people's."""
KEYS_SECONDS = 2.0
"""How often it is looked which licences wait for their keys."""
KEYS_AT_ONCE = 5
KEY_PATIENCE = 0.1
"""The form of one that waits is read again after this part of the time that it has waited …"""
KEY_AT_MOST_SECONDS = 3600.0
"""… or after this time."""
STRANGERS_FORMS_SECONDS = 2.0
"""How often it is looked which new items nobody explains, while orders are under way or were just now."""
STRANGERS_AT_ONCE = 5
RENEWALS_AT_ONCE = 5
"""So many forms are read in an idle interval to see who renews, where lists do not say it."""
FAILURES_IN_A_ROW = 3
"""After so many reads without an answer no more forms are read in this round: each may take the whole time limit."""

_WAITED_IN = (Stage.AWAITING_CONFIRMATION, Stage.AWAITING_MANUAL_TASK, Stage.WAITING_FOR_FUNDS)
"""Stages in which an order waits for what the poller does."""


@dataclass
class _Schedule:
    """When what is due next, in monotonic seconds."""

    listing: dict[str, float] = field(default_factory=dict)
    hot: dict[int, float] = field(default_factory=dict)
    balance: float = 0.0
    look: float = 0.0
    catalogue: float = 0.0
    delivery: float = 0.0
    connect: float = 0.0
    keys: float = 0.0
    strangers: float = 0.0
    tasks: dict[int, float] = field(default_factory=dict)
    """Of each operation that a person does by hand and whose effect only a form shows."""
    renewals: float = 0.0
    renewal_forms: float = 0.0
    key: dict[tuple[str, str], float] = field(default_factory=dict)
    """Of each item whose key has not come."""


@dataclass
class _Form:
    """A form that is still to be read."""

    due: float = 0.0
    rest: float = FORM_AGAIN_SECONDS
    looks: int = 0
    """Of a hinted item: how often it is read at most until it shows something new."""


@dataclass
class _Watch:
    """The state of one run of the activity."""

    account_id: int
    name: str
    product_types: tuple[str, ...] = ()
    pages: dict[str, int] = field(default_factory=dict)
    due: _Schedule = field(default_factory=_Schedule)
    hot: list[Hot] = field(default_factory=list)
    waiting_for_funds: bool = False
    takes_hints: bool = False
    """The account has a secret for push hints."""
    hints: list[UpstreamHint] = field(default_factory=list)
    """Those not followed yet."""
    listed_at: dict[str, float] = field(default_factory=dict)
    lists: Lists = field(default_factory=Lists)
    unlisted: set[tuple[str, str]] = field(default_factory=set)
    """(product type, number) of items that are waited for and that the latest list did not show, because a filter
    narrows it, say: their forms are read, however many they are."""
    undelivered: bool = True
    to_read: dict[tuple[str, str], _Form] = field(default_factory=dict)
    """(product type, number) of our items whose forms tell something new."""
    refused: set[tuple[str, str]] = field(default_factory=set)
    """Items of nobody whose forms the upstream does not let us read."""
    renewal_forms_since: float | None = None
    """Up to when (wall clock) those are in `renewal_forms` whose moment has come."""
    renewal_forms: dict[tuple[str, str], None] = field(default_factory=dict)
    """Items whose forms are still to be read to see who renews them."""
    well: bool = False
    """Something was read in this round."""
    unhealthy: ConnectionUnhealthy | None = None
    """What was said of the account in this round."""
    failures: int = 0
    """Reads of this round that failed in a row, for want of an answer or of rights."""
    worked_at: float = -1e9
    """When a read last succeeded. One list that is refused among others says nothing of the account."""
    polls: int = 0
    events: int = 0
    last_poll_at: datetime | None = None


class PollActivities:
    """The poller's work. One instance per worker; each upstream account has one run at a time."""

    def __init__(
        self,
        database: Database,
        connections: Connections,
        client: Client,
        funds: FundsActivities,
        settings: Settings,
    ) -> None:
        self._database = database
        self._connections = connections
        self._client = client
        self._funds = funds
        self._settings = settings

    @activity.defn
    async def poll_upstream(self, poller: PollInput) -> PollLap:
        """Watch the account for one lap, or until the worker stops. What is not delivered is delivered next time."""
        watch = await self._begin(poller)
        ends = time.monotonic() + poller.lap.total_seconds()
        # In the background: one listing may take longer than the heartbeat's time limit.
        async with heartbeating(lambda: _progress(watch)):
            while time.monotonic() < ends and not activity.is_worker_shutdown():
                try:
                    await self._round(watch)
                except Exception as error:
                    if not is_unavailable(error):
                        raise
                    activity.logger.warning("poller %s: the database can't be reached: %s", watch.name, error)
                    watch.due.look = time.monotonic() + 2
                await pause(TICK_SECONDS)
        return PollLap(polls=watch.polls, events=watch.events, last_poll_at=watch.last_poll_at)

    async def _begin(self, poller: PollInput) -> _Watch:
        async with self._database.read() as session:
            found = await session.exec(select(UpstreamAccount).where(UpstreamAccount.name == poller.upstream))
            account = found.one_or_none()
        if account is None or account.id is None:
            raise NotFound("upstream account", poller.upstream)
        return _Watch(account.id, account.name)

    async def _round(self, watch: _Watch) -> None:
        """Do what is due, the urgent first."""
        now = time.monotonic()
        if now >= watch.due.look:
            await self._look_who_waits(watch)
            young = any(hot.since_seconds < YOUNG_SECONDS for hot in watch.hot)
            watch.due.look = time.monotonic() + (TICK_SECONDS if young else CALM_SECONDS)
        await self._deliver(watch)
        if watch.takes_hints:
            async with self._database.read() as session:
                if await hints.any_unread(session, watch.account_id):
                    watch.hints = list(await hints.unread(session, watch.account_id, HINTS_AT_ONCE))
        await self._look_for_keys(watch)
        await self._look_for_strangers(watch)
        await self._look_at_renewals(watch)
        await self._ask(watch)
        await self._deliver(watch)

    async def _look_for_keys(self, watch: _Watch) -> None:
        """Licences whose keys have not come: their forms are read, the longer they wait the less often."""
        now = time.monotonic()
        if now < watch.due.keys or keys.KEYED.isdisjoint(watch.product_types):
            return
        watch.due.keys = now + KEYS_SECONDS
        async with self._database.read() as session:
            awaited = {
                (one.product_type, one.upstream_number): one for one in await keys.awaited(session, watch.account_id)
            }
        watch.due.key = {item: watch.due.key.get(item, 0.0) for item in awaited}
        due = sorted((at, item) for item, at in watch.due.key.items() if at <= now)
        for _, item in due[:KEYS_AT_ONCE]:
            waited = (utc_now() - awaited[item].since).total_seconds()
            rest = min(max(waited * KEY_PATIENCE, self._settings.hot_interval), KEY_AT_MOST_SECONDS)
            watch.due.key[item] = now + rest
            watch.to_read.setdefault(item, _Form())

    async def _look_for_strangers(self, watch: _Watch) -> None:
        """New items of nobody: their forms may show our mark, where lists do not. Each form is read once."""
        now = time.monotonic()
        if now < watch.due.strangers:
            return
        watch.due.strangers = now + STRANGERS_FORMS_SECONDS
        async with self._database.read() as session:
            new = await strangers(session, watch.account_id, watch.name)
        unread = [item for item in new if item not in watch.refused and item not in watch.to_read]
        for item in unread[:STRANGERS_AT_ONCE]:
            watch.refused.add(item)  # until it was read: then it is none of these any more
            watch.to_read[item] = _Form()

    async def _look_at_renewals(self, watch: _Watch) -> None:
        """Services that we and the upstream both renew, or neither: the form is read, which raises the alarm; then it
        is put back, if that is wanted."""
        if time.monotonic() < watch.due.renewals:
            return
        watch.due.renewals = time.monotonic() + self._settings.idle_interval
        async with self._database.read() as session:
            found = await renewal.mismatches(session, watch.account_id)
        await self._look_at_forms_alone(watch)
        for one in found:
            if not one.reported:
                watch.to_read.setdefault((one.product_type, one.number), _Form())
            elif one.owner is RenewalOwner.RESELLFLOW and self._settings.put_back_renewal and not one.put_back:
                await self._put_back(one)

    async def _look_at_forms_alone(self, watch: _Watch) -> None:
        """Where lists do not say who renews, every form has its moment in a period; a few are read at a time."""
        period, now = self._settings.renewal_look_interval, time.time()
        if time.monotonic() >= watch.due.renewal_forms:
            step = max(period / 72, self._settings.idle_interval)
            watch.due.renewal_forms = time.monotonic() + step
            since = watch.renewal_forms_since or now - step  # what runs anew has looked until about then
            async with self._database.read() as session:
                items = await renewal.told_by_forms_alone(session, watch.account_id)
            watch.renewal_forms |= dict.fromkeys(renewal.due_between(items, since, now, period))
            watch.renewal_forms_since = now
        for item in list(watch.renewal_forms)[:RENEWALS_AT_ONCE]:
            del watch.renewal_forms[item]
            watch.to_read.setdefault(item, _Form())

    async def _put_back(self, found: Mismatch) -> None:
        change = ServiceChange(renewal_owner=found.owner)
        try:
            await requests.change_parameters(self._database, found.service, change, client=OURSELVES, key=found.key)
        except (Refused, InvalidField) as refusal:
            activity.logger.warning("service %s: its renewal is not put back: %s", found.service, refusal)

    async def _deliver(self, watch: _Watch) -> None:
        if not watch.undelivered or time.monotonic() < watch.due.delivery:
            return
        watch.due.delivery = time.monotonic() + 1
        try:
            watch.undelivered = await deliver(self._database, self._client, watch.account_id) > 0
        except RPCError as error:
            activity.logger.warning("poller %s: Temporal does not take signals just now: %s", watch.name, error)
            watch.due.delivery = time.monotonic() + 2
        except Exception as error:
            if is_unavailable(error):
                raise
            activity.logger.exception("poller %s: delivering failed", watch.name)
            watch.due.delivery = time.monotonic() + PUT_OFF_SECONDS

    async def _ask(self, watch: _Watch) -> None:
        """Ask the upstream what is due. One piece that fails spoils no other."""
        if time.monotonic() < watch.due.connect:
            return
        wanted = self._types_to_list(watch)
        single = self._items_to_read(watch, wanted)
        if not (wanted or single or watch.hints or self._forms_due(watch) or self._grant_is_due(watch)):
            return
        watch.well, watch.unhealthy, watch.failures = False, None, 0
        try:
            upstream = await self._upstream(watch)
        except UpstreamError as error:
            watch.due.connect = time.monotonic() + CONNECT_AGAIN_SECONDS
            self._note(watch, error)
            await self._judge_health(watch)
            return
        if watch.hints:
            await self._follow_hints(watch, upstream)
            wanted = self._types_to_list(watch)
            single = self._items_to_read(watch, wanted)
        for product_type in wanted:
            if not await self._piece(watch, f"the list of {product_type}", self._list(watch, upstream, product_type)):
                self._put_off_type(watch, product_type)
        for hot in single:
            if watch.failures >= FAILURES_IN_A_ROW:
                break
            about = f"the form of {hot.product_type} {hot.upstream_number}"
            reading = self._read(watch, upstream, hot.product_type, hot.upstream_number)
            if not await self._piece(watch, about, reading):
                watch.due.hot[hot.operation] = time.monotonic() + PUT_OFF_SECONDS
        for product_type, number in self._forms_due(watch):
            if watch.failures >= FAILURES_IN_A_ROW:
                break
            form = self._read_form(watch, upstream, product_type, number)
            await self._piece(watch, f"the form of {product_type} {number}", form)
        if self._grant_is_due(watch):
            watch.due.balance = time.monotonic() + self._settings.balance_interval
            await self._piece(watch, "giving out money", self._funds.grant_waiting(watch.account_id))
        if watch.well:
            await self._note_poll(watch)
        await self._judge_health(watch)

    async def _follow_hints(self, watch: _Watch, upstream: Upstream) -> None:
        """Read what is said to have changed. Before the lists, as a list asked for now shows at least as much."""
        async with self._database.read() as session:
            known = await hints.known_types(session, watch.account_id, {hint.upstream_number for hint in watch.hints})
        for hot in watch.hot:
            known.setdefault(hot.upstream_number, set()).add(hot.product_type)
        outcomes: dict[str, list[UpstreamHint]] = {}
        named: dict[str, set[str]] = {}
        for hint in watch.hints:
            types = known.get(hint.upstream_number, set())
            types = types & {hint.product_type} if hint.product_type else types
            for product_type in types:
                named.setdefault(product_type, set()).add(hint.upstream_number)
            if not types:
                for product_type in {hint.product_type} & set(watch.product_types) or watch.product_types:
                    self._list_soon(watch, product_type, STRANGERS_SECONDS)
            outcomes.setdefault("read" if types else "not known: listed", []).append(hint)
        for product_type, numbers in named.items():
            await self._read_hinted(watch, upstream, product_type, numbers)
        await hints.note_read(self._database, outcomes)
        watch.hints = []

    async def _read_hinted(self, watch: _Watch, upstream: Upstream, product_type: str, numbers: set[str]) -> None:
        if len(numbers) > max(FORMS_FOR_HINTS, watch.pages.get(product_type, 1)):
            self._list_soon(watch, product_type)
            return
        for number in numbers:
            watch.to_read[product_type, number] = _Form(looks=2)
            if watch.failures < FAILURES_IN_A_ROW:
                form = self._read_form(watch, upstream, product_type, number)
                await self._piece(watch, f"the form of {product_type} {number}", form)

    def _list_soon(self, watch: _Watch, product_type: str, rest: float = LISTED_FOR_HINTS_SECONDS) -> None:
        """Have a type listed, but not more often than `rest` allows."""
        soon = watch.listed_at.get(product_type, 0.0) + rest
        watch.due.listing[product_type] = min(watch.due.listing.get(product_type, 0.0), soon)

    async def _piece(self, watch: _Watch, about: str, piece: Awaitable[object]) -> bool:
        """Do one piece of a round. False: it failed in a way that nobody foresaw, and should rest."""
        try:
            await piece
        except UpstreamError as error:
            self._note(watch, error)
        except RPCError as error:
            activity.logger.warning("poller %s, %s: Temporal does not answer: %s", watch.name, about, error)
        except Exception as error:
            if is_unavailable(error):
                raise
            activity.logger.exception("poller %s, %s: put off", watch.name, about)
            return False
        else:
            watch.failures = 0
            if not watch.well:
                watch.well = True
                await self._well(watch)
        return True

    def _grant_is_due(self, watch: _Watch) -> bool:
        return watch.waiting_for_funds and time.monotonic() >= watch.due.balance

    def _forms_due(self, watch: _Watch) -> list[tuple[str, str]]:
        now = time.monotonic()
        return [item for item, form in watch.to_read.items() if now >= form.due]

    async def _look_who_waits(self, watch: _Watch) -> None:
        async with self._database.read() as session:
            if time.monotonic() >= watch.due.catalogue:
                watch.due.catalogue = time.monotonic() + CALM_SECONDS
                await self._look_at_catalogue(session, watch)
            # One short question: most of the time nothing waits, and then there is nothing else to be asked.
            found = await session.exec(
                select(Operation.stage)
                .where(col(Operation.stage).in_(_WAITED_IN), Operation.upstream_name == watch.name)
                .distinct()
            )
            stages = set(found.all())
            watch.waiting_for_funds = Stage.WAITING_FOR_FUNDS in stages
            watch.hot, by_hand = [], []
            if Stage.AWAITING_CONFIRMATION in stages:
                watch.hot = await events.hot_operations(session, watch.name)
            if Stage.AWAITING_MANUAL_TASK in stages:
                by_hand = await events.hot_operations(session, watch.name, (Stage.AWAITING_MANUAL_TASK,))
        self._look_at_tasks(watch, by_hand)
        known = {hot.operation for hot in watch.hot}
        watch.due.hot = {number: due for number, due in watch.due.hot.items() if number in known}

    async def _look_at_catalogue(self, session: AsyncSession, watch: _Watch) -> None:
        """What is to be listed, and whether hints are taken: it changes when people load a catalogue, no oftener."""
        types = await session.exec(
            select(ProcessingModule.product_type)
            .where(ProcessingModule.account_id == watch.account_id, ProcessingModule.kind == ModuleKind.UPSTREAM)
            .distinct()
        )
        watch.product_types = tuple(sorted(types.all()))
        watch.takes_hints = await hints.are_taken(session, watch.account_id)

    def _look_at_tasks(self, watch: _Watch, by_hand: list[Hot]) -> None:
        """What people do by hand and lists do not show: the item's form is read at every idle interval, so that a task
        closes by itself when it is done, or paid for, at the upstream."""
        now = time.monotonic()
        watch.due.tasks = {hot.operation: watch.due.tasks.get(hot.operation, 0.0) for hot in by_hand if hot.by_form}
        for hot in by_hand:
            if now >= watch.due.tasks.get(hot.operation, now + 1):
                watch.due.tasks[hot.operation] = now + self._settings.idle_interval
                watch.to_read.setdefault((hot.product_type, hot.upstream_number), _Form())

    def _types_to_list(self, watch: _Watch) -> list[str]:
        """The types whose interval is over, or that more items wait for than their list has pages."""
        now = time.monotonic()
        due = [kind for kind in watch.product_types if now >= watch.due.listing.get(kind, 0.0)]
        for kind in watch.product_types:
            hot = [
                h
                for h in watch.hot
                if h.product_type == kind and not _by_form(watch, h) and now >= watch.due.hot.get(h.operation, 0.0)
            ]
            if kind not in due and hot and len(hot) >= watch.pages.get(kind, 1):
                due.append(kind)
        return due

    def _items_to_read(self, watch: _Watch, listed: list[str]) -> list[Hot]:
        now = time.monotonic()
        due = [h for h in watch.hot if now >= watch.due.hot.get(h.operation, 0.0)]
        single = [h for h in due if _by_form(watch, h) or h.product_type not in listed]
        return sorted(single, key=lambda hot: watch.due.hot.get(hot.operation, 0.0))

    async def _upstream(self, watch: _Watch) -> Upstream:
        async with self._database.read() as session:
            account = await session.get_one(UpstreamAccount, watch.account_id)
        return await self._connections.to(account)

    async def _list(self, watch: _Watch, upstream: Upstream, product_type: str) -> None:
        watch.listed_at[product_type] = time.monotonic()
        watch.due.listing[product_type] = time.monotonic() + self._settings.idle_interval
        self._put_off_hot(watch, product_type)
        look = await lists.begin(self._database, watch.lists, watch.account_id, product_type)
        try:
            await look.read(upstream, watch.lists)
        finally:  # what was taken in stays, also where a later page could not be read
            if look.pages or look.digest.events:
                self._count(watch, look.digest)
            for number in look.digest.to_read:
                watch.to_read[product_type, number] = _Form()
        watch.unlisted = {
            (hot.product_type, hot.upstream_number)
            for hot in watch.hot
            if (hot.product_type, hot.upstream_number) in watch.unlisted or hot.product_type == product_type
        } - {(product_type, number) for number in look.shown}
        watch.pages[product_type] = look.pages
        for number in look.digest.suspects[: lists.SUSPECTS_AT_ONCE]:
            if watch.failures >= FAILURES_IN_A_ROW:
                break
            await self._piece(
                watch, f"the form of {product_type} {number}", self._suspect(watch, upstream, product_type, number)
            )

    async def _suspect(self, watch: _Watch, upstream: Upstream, product_type: str, number: str) -> None:
        """An item that complete lists have not shown twice: a definite no to its form, of whatever kind, confirms it.

        What is not ours any more is refused by some upstreams for want of rights (`access`, `elid`).
        """
        try:
            await self._read(watch, upstream, product_type, number)
        except Rejected as refusal:
            activity.logger.info("poller %s: %s %s is gone: %s", watch.name, product_type, number, refusal.message)
            self._count(watch, await events.take_absence(self._database, watch.account_id, product_type, number))

    async def _read_form(self, watch: _Watch, upstream: Upstream, product_type: str, number: str) -> None:
        """Read a form that tells something new; it stays to be read until it was, or is refused for good."""
        form = watch.to_read[product_type, number]
        form.due = time.monotonic() + form.rest
        form.rest = min(2 * form.rest, FORM_AGAIN_AT_MOST_SECONDS)
        try:
            digest = await self._read(watch, upstream, product_type, number)
        except (Rejected, SetupFault):
            del watch.to_read[product_type, number]
            raise
        watch.refused.discard((product_type, number))
        del watch.to_read[product_type, number]
        if form.looks and digest.form_changed:
            self._list_soon(watch, product_type)  # for most fields the list is what counts
        elif form.looks > 1:
            later = time.monotonic() + SECOND_LOOK_SECONDS
            watch.to_read[product_type, number] = _Form(due=later, looks=form.looks - 1)

    async def _read(self, watch: _Watch, upstream: Upstream, product_type: str, number: str) -> Digest:
        for hot in watch.hot:
            if hot.upstream_number == number and hot.product_type == product_type:
                watch.due.hot[hot.operation] = time.monotonic() + self._hot_interval(hot)
        try:
            item = await upstream.read_item(product_type, number)
        except NoSuchItem:
            digest = await events.take_absence(self._database, watch.account_id, product_type, number)
        else:
            digest = await events.take_in(
                self._database, watch.account_id, product_type, [item], complete=False, from_form=True
            )
        self._count(watch, digest)
        if digest.list_again:
            watch.due.listing[product_type] = 0.0
        return digest

    def _put_off_type(self, watch: _Watch, product_type: str) -> None:
        rested = time.monotonic() + PUT_OFF_SECONDS
        watch.due.listing[product_type] = max(watch.due.listing.get(product_type, 0.0), rested)
        for hot in watch.hot:
            if hot.product_type == product_type and not _by_form(watch, hot):
                watch.due.hot[hot.operation] = max(watch.due.hot.get(hot.operation, 0.0), rested)

    def _put_off_hot(self, watch: _Watch, product_type: str) -> None:
        for hot in watch.hot:
            if hot.product_type == product_type and not _by_form(watch, hot):
                watch.due.hot[hot.operation] = time.monotonic() + self._hot_interval(hot)

    def _hot_interval(self, hot: Hot) -> float:
        if hot.since_seconds < YOUNG_SECONDS:
            return self._settings.hot_interval
        if hot.since_seconds < OLD_SECONDS:
            return 2 * self._settings.hot_interval
        return self._settings.idle_interval

    def _count(self, watch: _Watch, digest: Digest) -> None:
        watch.polls += 1
        watch.events += digest.events
        watch.last_poll_at = datetime.now(UTC)
        if digest.waiting:
            watch.undelivered = True
            watch.due.delivery = 0.0

    async def _well(self, watch: _Watch) -> None:
        watch.worked_at = time.monotonic()
        async with self._database.read() as session:
            found = await session.exec(
                select(UpstreamAccount.unhealthy_reason).where(UpstreamAccount.id == watch.account_id)
            )
            unhealthy_reason = found.one()
        # An order may have found it unhealthy between two polls that worked.
        if unhealthy_reason and await events.record_health(self._database, watch.account_id, None):
            activity.logger.warning("upstream %s is well again", watch.name)

    async def _note_poll(self, watch: _Watch) -> None:
        """Only now: who reads that the account was looked at just now takes it for all that was due, and not for the
        first list of several."""
        async with self._database.read() as session:
            found = await session.exec(select(UpstreamAccount.polled_at).where(UpstreamAccount.id == watch.account_id))
            polled_at = found.one()
        if polled_at is None or (utc_now() - polled_at).total_seconds() > POLL_NOTE_SECONDS:
            await events.record_poll(self._database, watch.account_id, watch.lists.read_at)

    def _note(self, watch: _Watch, error: UpstreamError) -> None:
        """A failed read: it is tried again at the pace of the schedule."""
        activity.logger.info("poller %s: %s", watch.name, error.message)
        silent = isinstance(error, NotSent | OutcomeUnknown | ConnectionUnhealthy)
        watch.failures = watch.failures + 1 if silent else 0
        if isinstance(error, ConnectionUnhealthy):
            watch.unhealthy = watch.unhealthy or error

    async def _judge_health(self, watch: _Watch) -> None:
        """After the round: the account is in trouble if it says so and nothing else can be read either."""
        if watch.unhealthy is None or watch.well:
            return
        if time.monotonic() - watch.worked_at < 1.5 * self._settings.idle_interval:
            return
        if await events.record_health(self._database, watch.account_id, watch.unhealthy.message):
            activity.logger.error("upstream %s is unhealthy: %s", watch.name, watch.unhealthy.message)


def _by_form(watch: _Watch, hot: Hot) -> bool:
    """Whether no list will tell of it."""
    return hot.by_form or (hot.product_type, hot.upstream_number) in watch.unlisted


def _progress(watch: _Watch) -> dict[str, object]:
    return {"polls": watch.polls, "events": watch.events, "last": str(watch.last_poll_at or "")}
