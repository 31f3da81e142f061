"""The safety net under intake and Temporal: what is accepted and does not run is started; pollers are kept alive."""

import time
from collections.abc import Sequence
from datetime import timedelta

from sqlmodel import col, select
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from activities.heartbeat import heartbeating, pause
from activities.numbers import NUMBERS, NumberWatch
from models.catalogue import ProcessingModule, UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.enums import IncidentKind, ModuleKind
from models.messages import ServiceSweepInput, SweepInput, SweepLap
from models.order import RUNNING, Operation
from models.outages import described, is_unavailable
from orders.events import sweeps
from orders.lifecycle.sweep import called_off, look, unstarted
from orders.services import naming
from orders.watch import looking
from settings import Settings
from temporal.calling_off import news_of, notify_called_off
from temporal.delivery import accounts_to_deliver, deliver, deliver_again
from temporal.healing import DECIDED, Healer, free_for_an_order, waiting_for_a_person
from temporal.outage import is_away, note
from temporal.starting import start_order, start_poller, start_webhook_sender
from workflows.search_attributes import ORDER_STAGE

INTERVAL_SECONDS = 2.0
CHECK_RUNNING_SECONDS = 60.0
GRACE = timedelta(seconds=30)
"""An order that entered its stage so recently is not suspected of having lost its workflow."""
ACCOUNTS_SECONDS = 5.0
"""Between two looks in the database for accounts that want a poller. Whoever loads a catalogue starts it, too."""
_ACCOUNTS = (
    select(UpstreamAccount.name)
    .join(ProcessingModule, col(ProcessingModule.account_id) == col(UpstreamAccount.id))
    .where(ProcessingModule.kind == ModuleKind.UPSTREAM)
    .distinct()
)


class SweepActivities:
    def __init__(self, database: Database, client: Client, settings: Settings) -> None:
        self._database = database
        self._client = client
        self._settings = settings
        self._healer = Healer(database, client)
        self._watched: dict[str, float] = {}
        self._accounts: list[str] = []
        """Names of those that want a poller."""
        self._accounts_are_due_at = 0.0
        self._sender_is_due_at = 0.0
        self._notified: set[str] = set()
        """What workflows have been notified of operations that were called off."""
        self._numbers = NumberWatch(database)
        self._watch_is_due_at = 0.0
        self._watches_since = utc_now()
        self._to_deliver: set[int] = set()
        """Accounts with events that are to be delivered once more."""

    @activity.defn
    async def sweep_orders(self, sweep: SweepInput) -> SweepLap:
        """Sweep every other second for one lap, or until the worker stops."""
        lap = SweepLap(started=0, pollers=0)
        self._watched.clear()
        self._numbers.begin(sweep)
        self._accounts_are_due_at = self._sender_is_due_at = 0.0
        ends = time.monotonic() + sweep.lap.total_seconds()
        check_running_at = time.monotonic() + CHECK_RUNNING_SECONDS
        # In the background: one look at what runs may take longer than the heartbeat's time limit.
        async with heartbeating(lambda: self._progress(lap)):
            while time.monotonic() < ends and not activity.is_worker_shutdown():
                try:
                    async with self._database.read() as session:
                        found = await look(session)
                    if await self._numbers.is_held(found):
                        await pause(INTERVAL_SECONDS)
                        continue
                    if found.unstarted:
                        lap = self._after(lap, await self._start_accepted())
                    if found.called_off:
                        await self._notify_called_off()
                    await self._keep_pollers()
                    if time.monotonic() >= check_running_at:
                        check_running_at = time.monotonic() + CHECK_RUNNING_SECONDS
                        lap = self._after(lap, await self._start_lost())
                        lap = self._after(lap, await self._heal())
                    await self._deliver_again()
                    await self._watch()
                except RPCError as error:
                    note(error, "sweep")
                except Exception as error:
                    if not is_unavailable(error):
                        raise
                    activity.logger.warning("sweep: %s", described(error))
                await pause(INTERVAL_SECONDS)
            await self._look_last()
        return self._after(lap, 0)

    async def _look_last(self) -> None:
        """What was given since the look before is reported, too: a database restored to that moment is noticed."""
        try:
            async with self._database.read() as session:
                await self._numbers.is_held(await look(session))
        except Exception as error:
            if not is_unavailable(error):
                raise

    async def _watch(self) -> None:
        """Report what lasts too long. Events that nobody delivered for a while are delivered here; the server drops
        repeats."""
        if time.monotonic() < self._watch_is_due_at:
            return
        self._watch_is_due_at = time.monotonic() + looking.INTERVAL_SECONDS
        lasting = await looking.look(self._database, self._settings.watch_limits(), self._watches_since)
        self._to_deliver |= {
            one.account for one in lasting if one.kind is IncidentKind.SIGNALS_NOT_DELIVERED and one.account is not None
        }

    def _progress(self, lap: SweepLap) -> dict[str, object]:
        return {"started": lap.started, "pollers": sorted(self._watched), NUMBERS: self._numbers.known}

    @activity.defn
    async def ask_for_sweep(self, sweep: ServiceSweepInput) -> int:
        """Ask the pollers to compare every list row by row. Returns the number of lists."""
        async with self._database.write() as session:
            return await sweeps.ask(session, sweep.asked_by)

    def _after(self, lap: SweepLap, started: int) -> SweepLap:
        return SweepLap(started=lap.started + started, pollers=len(self._watched), numbers=self._numbers.known)

    async def _start_accepted(self) -> int:
        """Operations that nobody started: Temporal was away, the process died, or their turn in the queue has come.

        Those that wait longest go first: a look that is interrupted begins anew, and would never come to the last.
        """
        async with self._database.read() as session:
            numbers = await unstarted(session)
        started = await self._start(numbers)
        if started:  # what the upstream had shown of them before waits for their workflows
            self._to_deliver |= await accounts_to_deliver(self._database)
        return started

    async def _start_lost(self) -> int:
        """Operations under way whose workflow does not run any more, because somebody terminated it, say; and those
        whose workflow has not heard what was decided."""
        async with self._database.read() as session:
            found = await session.exec(
                select(Operation).where(
                    RUNNING,
                    col(Operation.workflow_started_at).is_not(None),
                    col(Operation.stage_since) < utc_now() - GRACE,
                )
            )
            expected = {naming.workflow_id(o.service_id, o.kind, o.id): o for o in found.all()}
        running = await self._running()
        missing = {workflow_id: o.id for workflow_id, o in expected.items() if workflow_id not in running}
        lost = []
        for workflow_id, number in sorted(missing.items(), key=lambda one: one[1]):
            if await free_for_an_order(self._client, workflow_id, self._settings.task_queue):
                activity.logger.warning("operation %s has lost its workflow; it is started anew", number)
                lost.append(number)
        for operation in await self._decided(waiting_for_a_person(running)):
            if await self._healer.end_unheard(operation):
                lost.append(operation.id)
        return await self._start_anew(lost)

    async def _running(self) -> dict[str, str | None]:
        """The workflows of orders in our queue that run, with the stage that each shows."""
        query = "WorkflowType = 'ServiceOrder' AND ExecutionStatus = 'Running'"
        return {
            execution.id: execution.typed_search_attributes.get(ORDER_STAGE)
            async for execution in self._client.list_workflows(query)
            if execution.task_queue == self._settings.task_queue
        }

    async def _decided(self, waiting: set[str]) -> Sequence[Operation]:
        """Those whose workflows wait for a person, though the database has had a decision for a while."""
        ends = [workflow_id.rpartition("-")[2] for workflow_id in waiting]
        numbers = [int(end) for end in ends if end.isascii() and end.isdigit() and len(end) < 19]
        if not numbers:
            return []
        async with self._database.read() as session:
            found = await session.exec(
                select(Operation).where(
                    col(Operation.id).in_(numbers),
                    col(Operation.stage).in_(DECIDED),
                    col(Operation.stage_since) < utc_now() - GRACE,
                )
            )
            return found.all()

    async def _start_anew(self, lost: list[int]) -> int:
        started = 0
        for number in lost:
            started += await self._start([number])
            # Only now: what is delivered while nothing runs counts as delivered.
            self._to_deliver |= await deliver_again(self._database, number)
        return started

    async def _heal(self) -> int:
        """Workflows whose tasks keep failing: their runs are ended, and new ones begin from the database."""
        healed = await self._healer.end_failing()
        if healed.watchers:
            self._watched.clear()
            self._sender_is_due_at = 0.0
            await self._keep_pollers()
        return await self._start_anew(healed.orders)

    async def _notify_called_off(self) -> None:
        """Notify workflows whose orders were called off while Temporal was away. Each is notified once, or once more
        after a restart; one whose request may be under way is not disturbed."""
        async with self._database.read() as session:
            notified_of = {news_of(operation): operation for operation in await called_off(session)}
        for news in sorted(notified_of.keys() - self._notified):
            await notify_called_off(self._client, notified_of[news])
            self._notified.add(news)
        self._notified &= notified_of.keys()

    async def _deliver_again(self) -> None:
        """The new run of an order has heard nothing yet; a poller delivers only what it brings itself."""
        for account_id in sorted(self._to_deliver):
            if await deliver(self._database, self._client, account_id) == 0:
                self._to_deliver.discard(account_id)

    async def _start(self, numbers: list[int]) -> int:
        """Returns how many were started. An order that Temporal refuses keeps no other one from its start."""
        started, queue, policy = 0, self._settings.task_queue, self._settings.order_policy()
        for number in numbers:
            try:
                started += await start_order(self._client, self._database, queue, policy, number)
            except RPCError as error:
                if is_away(error):
                    raise
                note(error, f"the start of operation {number}")
        return started

    async def _keep_pollers(self) -> None:
        """Each account with an upstream module has its poller, webhooks their sender; looked after every minute."""
        if time.monotonic() >= self._accounts_are_due_at:
            async with self._database.read() as session:
                self._accounts = list((await session.exec(_ACCOUNTS)).all())
            self._accounts_are_due_at = time.monotonic() + ACCOUNTS_SECONDS
        for name in self._accounts:
            if time.monotonic() >= self._watched.get(name, 0.0):
                await start_poller(self._client, self._settings.task_queue, name)
                self._watched[name] = time.monotonic() + CHECK_RUNNING_SECONDS
        if time.monotonic() >= self._sender_is_due_at:
            await start_webhook_sender(self._client, self._settings.task_queue)
            self._sender_is_due_at = time.monotonic() + CHECK_RUNNING_SECONDS
