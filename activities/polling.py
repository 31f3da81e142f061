"""Watching an upstream account: one long activity that lists, compares, writes events down and signals orders.

When what is read: `activities.poller.schedule`. While nothing waits it costs one listing of each product type per idle
interval. While orders wait for a confirmation their items are looked at every other second, by whatever costs fewer
requests: the head of the list, their forms, or the list. Items that the upstream says have changed (push hints) are
read at once. Lists are read beside all that, as they may be long; signals go out beside all that, too.
"""

import time
from collections.abc import Collection

from sqlmodel import select
from temporalio import activity
from temporalio.client import Client

from activities.account_notes import AccountNotes
from activities.funding import FundsActivities
from activities.heartbeat import heartbeating, pause
from activities.poller import forms, lists, schedule, waiting
from activities.poller.delivering import Deliverer
from activities.poller.feed import read_feed
from activities.poller.heads import by_head, read_head
from activities.poller.health import judge_health, note_failing_list, note_failure, note_poll
from activities.poller.isolation import BackgroundWork, isolated
from activities.poller.keys import look_for_keys
from activities.poller.push_hints import follow_hints, look_for_hints
from activities.poller.refunds import look_for_ended, read_ledger
from activities.poller.renewals import look_at_renewals
from activities.poller.schedule import PeriodicJob
from activities.poller.slow import look_for_slow
from activities.poller.sweeps import end_sweep, look_for_sweeps
from activities.poller.tariffs import look_for_tariffs, read_price_lists
from activities.poller.unexplained import look_for_unexplained
from activities.poller.watch import PendingForm, ReadResults, Watch
from models.catalogue import UpstreamAccount
from models.database import Database
from models.messages import PollInput, PollLap
from models.outages import described, is_unavailable
from orders import events
from orders.errors import NotFound
from orders.events import WaitingOperation
from settings import Settings
from upstreams.connections import Connections
from upstreams.errors import Rejected, UpstreamError
from upstreams.port import Upstream


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
        self._patience = settings.patience()
        self._notes = AccountNotes(database, connections, client)

    @activity.defn
    async def poll_upstream(self, poller: PollInput) -> PollLap:
        """Watch the account for one lap, or until the worker stops. What is not delivered is delivered next time.

        A list that is being read at the lap's end is read to its end; at the worker's it is given up.
        """
        watch = await self._begin(poller)
        ends = time.monotonic() + poller.lap.total_seconds()
        # In the background: one listing may take longer than the heartbeat's time limit.
        async with (
            heartbeating(watch.progress),
            Deliverer(self._database, self._client, watch),
            BackgroundWork() as background,
            BackgroundWork() as bookkeeping,
        ):
            is_last = False
            while not activity.is_worker_shutdown():
                try:
                    background.raise_failure()
                    bookkeeping.raise_failure()
                    await self._round(watch, background, bookkeeping, may_list=not is_last)
                except Exception as error:  # of whatever kind; only what passes is waited for
                    if not is_unavailable(error):
                        raise
                    activity.logger.warning("poller %s: %s", watch.name, described(error))
                    watch.schedule.postpone(PeriodicJob.LOOK, schedule.UNAVAILABLE_SECONDS)
                await pause(0.0 if watch.more else watch.rest(is_reading=background.busy))
                is_last = time.monotonic() >= ends
                if is_last and not background.busy and not bookkeeping.busy:
                    break
        return PollLap(polls=watch.polls, events=watch.events, last_poll_at=watch.last_poll_at)

    async def _begin(self, poller: PollInput) -> Watch:
        async with self._database.read() as session:
            found = await session.exec(select(UpstreamAccount).where(UpstreamAccount.name == poller.upstream))
            account = found.one_or_none()
        if account is None:
            raise NotFound("upstream account", poller.upstream)
        return Watch.of(account, self._settings)

    async def _round(
        self, watch: Watch, background: BackgroundWork, bookkeeping: BackgroundWork, *, may_list: bool
    ) -> None:
        """Do what is due, the urgent first."""
        watch.more = False
        if watch.schedule.is_due(PeriodicJob.LOOK):
            await self._refresh_waiting(watch)
            watch.schedule.look_again(
                any(operation.since_seconds < schedule.YOUNG_SECONDS for operation in watch.awaited)
            )
        await look_for_hints(self._database, watch)
        await look_for_keys(self._database, watch, self._settings.hot_interval)
        await look_for_unexplained(self._database, watch)
        await look_at_renewals(self._database, watch, self._settings)
        await look_for_sweeps(self._database, watch)
        if watch.worked_at > 0:  # price lists and expenses say little of the account, so neither is asked for first
            await look_for_tariffs(self._database, watch, self._settings)
        if watch.worked_at > 0 and may_list and not bookkeeping.busy:
            await look_for_ended(self._database, watch, self._settings)
        await look_for_slow(self._database, self._client, watch, self._patience)
        await self._ask(watch, background, bookkeeping, may_list=may_list)
        await self._notes.circuits(watch.name)

    async def _refresh_waiting(self, watch: Watch) -> None:
        await waiting.refresh_waiting(self._database, watch)
        if watch.resumed:
            watch.resumed = False
            self._notes.wake(watch.name)

    async def _ask(
        self, watch: Watch, background: BackgroundWork, bookkeeping: BackgroundWork, *, may_list: bool
    ) -> None:
        """Ask the upstream what is due. One piece that fails spoils no other."""
        if not watch.schedule.is_due(PeriodicJob.CONNECT):
            return
        may_list = may_list and not background.busy
        awaited = watch.schedule.operations_due(watch.awaited)
        due = watch.schedule.types_due(watch.product_types) if may_list else []
        money = self._grant_is_due(watch) or self._balance_is_due(watch)
        feed = self._feed_is_due(watch)
        items = due or awaited or watch.hints or watch.forms_due()
        if not (items or money or feed or watch.price_lists or watch.ledger):
            return
        width = (
            1 if watch.tally.too_many_failures else self._settings.poll_reads_at_once
        )  # one tries whether it answers again
        watch.tally = ReadResults()
        try:
            upstream = await self._upstream(watch)
        except UpstreamError as error:
            watch.schedule.postpone(PeriodicJob.CONNECT, schedule.CONNECT_AGAIN_SECONDS)
            note_failure(watch, watch.tally, error)
            await judge_health(self._database, watch, watch.tally)
            return
        if feed:
            reading = read_feed(self._database, watch, upstream)
            await isolated(self._database, watch, watch.tally, "the list of changes", reading)
        if watch.hints:
            await follow_hints(self._database, watch, upstream, width)
            awaited = watch.schedule.operations_due(watch.awaited)
            due = watch.schedule.types_due(watch.product_types) if may_list else []
        if may_list:
            due += self._types_for_many(watch, awaited, due)
        if due:
            background.start(self._read_lists(watch, upstream, due))
        if watch.ledger and not bookkeeping.busy:
            bookkeeping.start(self._read_ledger(watch, upstream))
        await self._look_at_awaited(watch, upstream, awaited, width)
        pending = watch.forms_due()[: schedule.FORMS_A_ROUND]
        await forms.read_pending(self._database, watch, upstream, pending, width)
        if self._grant_is_due(watch):
            watch.schedule.postpone(PeriodicJob.BALANCE, self._settings.balance_interval)
            watch.schedule.postpone(PeriodicJob.FUNDS, self._settings.balance_watch_interval)
            granting = self._funds.grant_waiting(watch.account_id)
            await isolated(self._database, watch, watch.tally, "giving out money", granting)
        if self._balance_is_due(watch):
            watch.schedule.postpone(PeriodicJob.FUNDS, self._settings.balance_watch_interval)
            # Its own tally: whether the balance can be read says nothing of the forms and lists of this round.
            await isolated(
                self._database, watch, ReadResults(), "the balance", self._funds.watch_balance(watch.account_id)
            )
        if watch.price_lists:
            reading = read_price_lists(self._database, watch, upstream, self._settings)
            await isolated(self._database, watch, ReadResults(), "the price lists", reading)
        if watch.tally.succeeded and not background.busy and not watch.schedule.types_due(watch.product_types):
            await note_poll(self._database, watch)
        await judge_health(self._database, watch, watch.tally)
        watch.more = watch.tally.succeeded and bool(watch.schedule.operations_due(watch.awaited) or watch.forms_due())

    def _types_for_many(self, watch: Watch, awaited: list[WaitingOperation], due: Collection[str]) -> list[str]:
        """Types whose lists have fewer pages than items are waited for that no head of a list shows; they are left
        out of `awaited` then. The list shows most of what there is to see of existing services."""
        at_heads = by_head(watch, awaited)
        found = []
        for product_type in watch.product_types:
            if (
                product_type in at_heads
                or product_type in due
                or product_type not in watch.pages
                or not watch.schedule.may_list(product_type)
            ):
                continue
            waiting_for_it = [one for one in awaited if one.product_type == product_type and not watch.by_form(one)]
            if waiting_for_it and len(waiting_for_it) >= watch.pages[product_type]:
                found.append(product_type)
                for one in waiting_for_it:
                    watch.schedule.looked_at(one)
                    awaited.remove(one)
        return found

    async def _look_at_awaited(
        self, watch: Watch, upstream: Upstream, awaited: list[WaitingOperation], width: int
    ) -> None:
        """Those at the head of a list together, the others by their forms."""
        for product_type, openings in by_head(watch, awaited).items():
            shown: set[str] = set()

            async def look(product_type: str, waited_for: list[WaitingOperation], shown: set[str]) -> None:
                shown |= await read_head(self._database, watch, upstream, product_type, waited_for)

            about = f"the head of {product_type}"
            if not await isolated(self._database, watch, watch.tally, about, look(product_type, openings, shown)):
                watch.schedule.skip_head(product_type)
            awaited = [one for one in awaited if one.product_type != product_type or one.upstream_number not in shown]
        await forms.read_awaited(self._database, watch, upstream, awaited[: schedule.FORMS_A_ROUND], width)

    def _grant_is_due(self, watch: Watch) -> bool:
        return watch.waiting_for_funds and watch.schedule.is_due(PeriodicJob.BALANCE)

    def _balance_is_due(self, watch: Watch) -> bool:
        """Once something was read: that the balance alone is refused says little of the account."""
        return watch.worked_at > 0 and watch.schedule.is_due(PeriodicJob.FUNDS)

    def _feed_is_due(self, watch: Watch) -> bool:
        """Once something was read: whether the account can be read is shown by its lists."""
        return watch.has_feed and watch.worked_at > 0 and watch.schedule.is_due(PeriodicJob.FEED)

    async def _upstream(self, watch: Watch) -> Upstream:
        async with self._database.read() as session:
            account = await session.get_one(UpstreamAccount, watch.account_id)
        return await self._connections.to(account)

    async def _read_lists(self, watch: Watch, upstream: Upstream, product_types: Collection[str]) -> None:
        """One after the other, beside the rounds."""
        watch.listing = ReadResults()
        for product_type in product_types:
            watch.schedule.list_begins(product_type)
            try:
                listing = self._list(watch, upstream, product_type)
                if not await isolated(self._database, watch, watch.listing, f"the list of {product_type}", listing):
                    watch.schedule.back_off_list(product_type)
            finally:
                watch.schedule.list_ended(product_type)
            known = watch.lists.known.get(product_type)
            if known is not None and known.read_to_the_end and not known.loaded:
                watch.schedule.continue_first_scan(product_type)
        if watch.listing.succeeded:
            await note_poll(self._database, watch)
        await judge_health(self._database, watch, watch.listing)

    async def _read_ledger(self, watch: Watch, upstream: Upstream) -> None:
        """Its own tally: whether expenses can be read says nothing of the account's items."""
        reading = read_ledger(self._database, watch, upstream)
        await isolated(self._database, watch, ReadResults(), "what was paid back", reading)

    async def _list(self, watch: Watch, upstream: Upstream, product_type: str) -> None:
        swept = product_type in watch.sweeps
        look = await lists.begin(self._database, watch.lists, watch.account_id, product_type, every_row=swept)
        try:
            await look.read(upstream, watch.lists, watch.freshness)
            watch.failing.pop(product_type, None)
        except UpstreamError as error:
            note_failing_list(watch, product_type, error)
            raise
        finally:  # what was taken in stays, also where a later page could not be read
            if look.pages or look.result.events:
                watch.count(look.result)
            for number in look.result.to_read:
                watch.to_read[product_type, number] = PendingForm()
        watch.unlisted = {
            (operation.product_type, operation.upstream_number)
            for operation in watch.awaited
            if (operation.product_type, operation.upstream_number) in watch.unlisted
            or operation.product_type == product_type
        } - {(product_type, number) for number in look.shown}
        watch.pages[product_type] = look.pages
        if swept:
            await end_sweep(self._database, watch, product_type, look)
        for number in look.result.suspects[: lists.SUSPECTS_AT_ONCE]:
            if watch.listing.too_many_failures:
                break
            suspect = self._suspect(watch, upstream, product_type, number)
            about = f"the form of {product_type} {number}"
            await isolated(self._database, watch, watch.listing, about, suspect)

    async def _suspect(self, watch: Watch, upstream: Upstream, product_type: str, number: str) -> None:
        """An item that complete lists have not shown twice: a definite no to its form, of whatever kind, confirms it.

        Some upstreams refuse what is not ours any more for want of rights.
        """
        try:
            await forms.read(self._database, watch, upstream, product_type, number)
        except Rejected as refusal:
            activity.logger.info("poller %s: %s %s is gone: %s", watch.name, product_type, number, refusal.message)
            watch.count(await events.record_absence(self._database, watch.account_id, product_type, number))
