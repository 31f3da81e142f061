"""Runs the Temporal workers: orders, upstream calls, pollers, webhooks. `python worker.py`; SIGTERM stops it.

`--roles orders,webhooks` leaves the rest to other processes.
"""

import argparse
import asyncio
import logging
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import Any

from pydantic import ValidationError
from sqlmodel import select
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Interceptor, PollerBehaviorAutoscaling, Worker

from activities.account_notes import AccountNotes
from activities.calling_off import CallingOffActivities
from activities.carrying_out import CarryingOutActivities
from activities.funding import FundsActivities
from activities.polling import PollActivities
from activities.records import RecordActivities
from activities.redaction import Redaction
from activities.renewing import RenewalActivities
from activities.settlement import SettleActivities
from activities.slots import PLACES_PER_SLOT, AccountSlots
from activities.submission import SubmitActivities
from activities.sweeping import SweepActivities
from activities.webhooks import WebhookActivities
from environment import without_values
from gc_tuning import freeze_loaded_objects
from metrics.counters import build_shown
from metrics.pool import pool_shown
from metrics.serving import metrics_routes
from models.catalogue import UpstreamAccount
from models.database import Database
from models.migrations import NEWEST_REVISION
from models.outages import Held, Outage, described, is_unavailable
from models.queues import ALL_ROLES, WorkerRole, poller_queue, roles_of, upstream_queue, webhook_queue
from models.readiness import Readiness
from orders.accounts.notes import keep_first
from orders.money.balance import BalanceReader
from orders.money.pricing import Pricing
from orders.notifications.channels import ChannelsFileError, read_channels
from orders.reading.figures import InstallationFigures
from payloads.codec import data_converter
from payloads.keyfile import KeyFileError
from process_exit import leave
from program_version import in_words
from settings import Settings, load_settings, setup_in_words
from standstill import ends_at_a_standstill
from telemetry import tracing
from temporal.client import connect_client
from temporal.following import Following
from temporal.healing import end_wedged_sweep
from temporal.health import HealthServer
from temporal.known_numbers import hold_if_older
from temporal.outage import listen_to_the_sdk, note, sdk_runtime, watch_for_the_end
from temporal.process_watch import ProcessWatch, keep_looking
from temporal.registration import ensure_search_attributes
from temporal.sandbox import workflow_runner
from temporal.schedules import keep_renewals, keep_service_sweep
from temporal.starting import start_sweep
from temporal.versions.watching import VersionWatch
from temporal.versions.worker_options import version_options, versioned_workflows
from temporalconfig import TemporalMisconfigured, connect_config
from upstreams.connections import Connections
from upstreams.lookups import look_up_apart
from upstreams.plainhttp import readable_on_the_way
from workflows.event_poller import EventPoller
from workflows.order_sweep import OrderSweep
from workflows.renewals import Renewals
from workflows.service_order import ServiceOrder
from workflows.service_sweep import ServiceSweep
from workflows.webhook_sender import WebhookSender

log = logging.getLogger("worker")

WORKFLOWS = [ServiceOrder, EventPoller, OrderSweep, WebhookSender, ServiceSweep, Renewals]
SWEEP_CHECK_SECONDS = 60.0
"""How often a worker makes sure that the sweep runs: everything else that is lost, the sweep finds."""

NUMBERS_REPORTED_WITHIN = timedelta(seconds=2)
"""How old the numbers are that Temporal has from the sweep. The SDK would send one every eight seconds."""
LAP_ENDS = timedelta(seconds=5)
"""The time that a long activity has to end when the worker stops."""


class Activities:
    """Every activity, with what it works on."""

    database: Database | None = None
    notes: AccountNotes | None = None

    def __init__(self, database: Database, client: Client, settings: Settings) -> None:
        self.database = database
        self._connections = Connections.of(settings, keep_first=partial(keep_first, database))
        balances = BalanceReader(database)
        pricing = Pricing(database, settings.rates())
        self.funds = FundsActivities(database, self._connections, client, balances, pricing)
        terms = settings.lease_terms()
        window = timedelta(seconds=settings.settle_window)
        self.submission = SubmitActivities(database, self._connections, balances, pricing, terms, settle_window=window)
        self.carrying_out = CarryingOutActivities(
            database, self._connections, self.funds, self.submission, balances, pricing, terms
        )
        self.settlement = SettleActivities(
            database,
            self._connections,
            settle_window=timedelta(seconds=settings.settle_window),
            terms=terms,
            patience=settings.patience(),
        )
        self.calling_off = CallingOffActivities(
            database, self._connections, settle_window=timedelta(seconds=settings.settle_window)
        )
        self.records = RecordActivities(database)
        self.notes = AccountNotes(database, self._connections, client)
        self.polling = PollActivities(database, self._connections, client, self.funds, settings)
        self.sweeping = SweepActivities(database, client, settings)
        self.renewing = RenewalActivities(database, client, settings)
        self.webhooks = WebhookActivities(database, settings)

    @property
    def local(self) -> list[Callable[..., Awaitable[Any]]]:
        return [
            self.records.report_stage,
            self.records.record_decision,
            self.records.open_manual_task,
            self.records.report_overdue,
            self.records.complete_operation,
        ]

    @property
    def upstream(self) -> list[Callable[..., Awaitable[Any]]]:
        return [
            self.carrying_out.carry_out,
            self.funds.reserve_funds,
            self.submission.submit,
            self.settlement.settle,
            self.settlement.look,
            self.calling_off.call_off,
        ]

    @property
    def sweep(self) -> list[Callable[..., Awaitable[Any]]]:
        return [self.sweeping.sweep_orders, self.sweeping.ask_for_sweep, self.renewing.renew_batch]

    @property
    def pollers(self) -> list[Callable[..., Awaitable[Any]]]:
        return [self.polling.poll_upstream]

    @property
    def senders(self) -> list[Callable[..., Awaitable[Any]]]:
        return [self.webhooks.send_webhooks]

    async def close(self) -> None:
        if self.notes is not None:
            await self.notes.close()
        await self._connections.close()


def build_workers(
    client: Client, activities: Activities, settings: Settings, roles: Collection[WorkerRole] = ALL_ROLES
) -> list[Worker]:
    """One worker for each role, each with a task queue of its own."""
    build = {
        WorkerRole.ORDERS: order_worker,
        WorkerRole.UPSTREAM: upstream_worker,
        WorkerRole.POLLER: poller_worker,
        WorkerRole.WEBHOOKS: webhook_worker,
    }
    return [build[role](client, activities, settings) for role in WorkerRole if role in roles]


def order_worker(client: Client, activities: Activities, settings: Settings) -> Worker:
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=versioned_workflows(WORKFLOWS, settings),
        activities=[*activities.local, *activities.sweep],
        interceptors=_interceptors(client, activities),
        workflow_runner=workflow_runner(),
        **version_options(settings),
        graceful_shutdown_timeout=_stopping(settings),
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        max_heartbeat_throttle_interval=NUMBERS_REPORTED_WITHIN,
    )


def upstream_worker(client: Client, activities: Activities, settings: Settings) -> Worker:
    return Worker(
        client,
        task_queue=upstream_queue(settings.task_queue),
        activities=activities.upstream,
        **version_options(settings),
        interceptors=[
            *_interceptors(client, activities),
            AccountSlots(settings.upstream_concurrency, activities.notes),
        ],
        max_concurrent_activities=PLACES_PER_SLOT * settings.upstream_concurrency,
        max_task_queue_activities_per_second=settings.upstream_calls_per_second,
        graceful_shutdown_timeout=_stopping(settings),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
    )


def poller_worker(client: Client, activities: Activities, settings: Settings) -> Worker:
    """Takes what older versions have put into its queue, too: the sweep and the sender of runs that they began."""
    return Worker(
        client,
        task_queue=poller_queue(settings.task_queue),
        activities=[*activities.pollers, *activities.sweep, *activities.senders],
        interceptors=_interceptors(client, activities),
        **version_options(settings),
        graceful_shutdown_timeout=LAP_ENDS,
    )


def webhook_worker(client: Client, activities: Activities, settings: Settings) -> Worker:
    return Worker(
        client,
        task_queue=webhook_queue(settings.task_queue),
        activities=activities.senders,
        interceptors=_interceptors(client, activities),
        **version_options(settings),
        graceful_shutdown_timeout=LAP_ENDS,
    )


def _interceptors(client: Client, activities: Activities) -> list[Interceptor]:
    """The client's own are a worker's, too."""
    own = client.config()["interceptors"]
    following = [] if any(isinstance(one, Following) for one in own) else [Following()]
    return [*following, Redaction(activities.database)]


def _stopping(settings: Settings) -> timedelta:
    """A call under way is finished, and its answer written down."""
    return timedelta(seconds=settings.order_timeout + 5)


async def _while_database_is_away(what: str, attempt: Callable[[], Awaitable[Any]], stopping: asyncio.Event) -> Any:
    """Repeat until it works: a worker that starts before Temporal or the database waits for them.

    Why it does not is said once, and again when the cause is another.
    """
    delay, said, since = 0.5, "", time.monotonic()
    while True:
        try:
            answer = await attempt()
        except Exception as error:  # of whatever kind; what does not pass is raised again
            if not (isinstance(error, RPCError | RuntimeError | OSError | NotReady) or is_unavailable(error)):
                raise
            cause = without_values(described(error))
            if cause != said:
                said = cause
                log.warning("%s: %s; it is tried again until it works", what, cause)
        else:
            if said:
                log.warning("%s: works after %.0f s", what, time.monotonic() - since)
            return answer
        try:
            await asyncio.wait_for(stopping.wait(), delay)
            raise asyncio.CancelledError
        except TimeoutError:
            delay = min(delay * 2, 10.0)


class CannotStart(Exception):
    """What only a person can mend; the message says it, without a setting's value."""


class NotReady(Exception):
    """The database takes no writes just now, or `resell migrate` has still to be run."""


async def _ready(database: Database) -> None:
    """Raises NotReady, or CannotStart for what waiting does not mend."""
    readiness = Readiness(database.url)
    try:
        outage = await readiness.outage()
    finally:
        await readiness.close()
    if outage is not None:
        is_waited_for = outage.passes or outage in (Outage.SCHEMA, Outage.HELD)
        raise NotReady(outage.words) if is_waited_for else CannotStart(outage.words)


async def _compared(client: Client, database: Database) -> None:
    """Raises NotReady for a database that is older than what Temporal knows, until somebody runs `resell restored`."""
    try:
        await hold_if_older(client, database)
    except Held as because:
        raise NotReady(f"{Outage.HELD.words} ({because})") from None


async def keep_sweep(client: Client, task_queue: str, *, every: float = SWEEP_CHECK_SECONDS) -> None:
    """Start the sweep again and again: somebody may have terminated it, or its tasks fail. Runs until cancelled."""
    while True:
        await asyncio.sleep(every)
        try:
            await end_wedged_sweep(client)
            await start_sweep(client, task_queue)
        except (RPCError, RuntimeError) as error:
            note(error, "making sure that the sweep runs")
        except Exception as error:  # whatever it is: without this loop a lost sweep stays lost
            log.warning("making sure that the sweep runs: %s; tried again in %.0f s", error, every)


async def run(settings: Settings, roles: Collection[WorkerRole] = ALL_ROLES) -> int:
    """Work until asked to stop. Returns the exit code."""
    async with ends_at_a_standstill():
        return await _run(settings, roles)


async def _run(settings: Settings, roles: Collection[WorkerRole]) -> int:
    look_up_apart()
    log.info("Resellflow %s, schema %s", in_words(), NEWEST_REVISION)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    database = Database(settings.database_url, settings.pool_terms())
    figures = InstallationFigures(settings.database_url)
    health = HealthServer(settings.worker_health_address, database, metrics_routes(figures.registry))
    try:
        await health.start()
    except OSError as error:
        await database.close()
        raise CannotStart(
            f"RESELL_WORKER_HEALTH_ADDRESS: can't listen there: {str(error.strerror).partition(' (')[0]}"
        ) from None
    shown = ExitStack()
    try:
        shown.enter_context(pool_shown(database.engine, settings.pool_terms()))
        build_shown("worker", settings.build_id)
        sdk_metrics = _sdk_metrics(settings)
        client = await _while_database_is_away(
            "connecting to Temporal", lambda: connect_client(settings, metrics=sdk_metrics), stopping
        )
        await _while_database_is_away(
            "registering search attributes", lambda: ensure_search_attributes(client), stopping
        )
        await _while_database_is_away("asking the database", lambda: _ready(database), stopping)
        await _while_database_is_away(
            "comparing the database with Temporal", lambda: _compared(client, database), stopping
        )
        await _while_database_is_away(
            "looking at the upstreams", lambda: report_plain_http(database, settings), stopping
        )
        activities = Activities(database, client, settings)
        workers = build_workers(client, activities, settings, roles)
        await _while_database_is_away("starting the sweep", lambda: start_sweep(client, settings.task_queue), stopping)
        freeze_loaded_objects()
        running = [asyncio.create_task(worker.run()) for worker in workers]
        # The schedules, too: a server that answers slowly there keeps no order waiting.
        schedules = [
            keep_service_sweep(client, settings.task_queue, timedelta(seconds=settings.sweep_interval)),
            keep_renewals(client, settings.task_queue, timedelta(seconds=settings.renewal_interval)),
        ]
        versions = VersionWatch(database, client, settings)
        watch = keep_looking(ProcessWatch(database, client, "worker"), versions.look)
        beside = [keep_sweep(client, settings.task_queue), watch_for_the_end(client), *schedules, watch]
        watching = [asyncio.create_task(one) for one in beside]
        health.watch(client, settings.task_queue, roles, running)
        named = ", ".join(role for role in WorkerRole if role in roles)
        version = f"version {settings.build_id}, " if settings.build_id else ""
        queues = ", ".join(worker.task_queue for worker in workers)
        log.info("%sroles %s: working on task queues %s", version, named, queues)
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait([stop, *running], return_when=asyncio.FIRST_COMPLETED)
        for one in watching:
            one.cancel()
        failed = [task for task in running if task.done()]
        log.info("stopping: no new work is taken, calls under way are finished")
        await asyncio.gather(*(worker.shutdown() for worker in workers), return_exceptions=True)
        await asyncio.gather(*running, return_exceptions=True)
        await activities.close()
        for task in failed:
            log.error("a worker stopped unexpectedly: %s", task.exception())
        return 1 if failed else 0
    except asyncio.CancelledError:
        return 0
    finally:
        shown.close()
        await health.stop()
        await figures.close()
        await database.close()


def _sdk_metrics(settings: Settings) -> str:
    """Where the SDK shows its metrics from now on. Raises CannotStart."""
    try:
        sdk_runtime(settings.metrics_temporal_address)
    except ValueError:
        raise CannotStart("RESELL_METRICS_TEMPORAL_ADDRESS: can't listen there") from None
    return settings.metrics_temporal_address


async def report_plain_http(database: Database, settings: Settings) -> None:
    """Accounts of before there was the setting: nothing is sent to them until it names their hosts."""
    async with database.read() as session:
        accounts = (await session.exec(select(UpstreamAccount).order_by(UpstreamAccount.name))).all()
    for account in accounts:
        if wrong := readable_on_the_way(account.url, settings.plain_http_upstreams):
            log.error("upstream %s: nothing is sent, %s", account.name, wrong)


def _chosen_roles(arguments: Sequence[str] | None) -> frozenset[WorkerRole]:
    def roles(text: str) -> frozenset[WorkerRole]:
        try:
            return roles_of(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None  # argparse hides the words of a ValueError

    parser = argparse.ArgumentParser(prog="worker.py", description="Run orders, upstream calls, pollers and webhooks.")
    parser.add_argument("--version", action="version", version=f"Resellflow {in_words()}, schema {NEWEST_REVISION}")
    every_one = ",".join(WorkerRole)
    parser.add_argument("--roles", type=roles, default=ALL_ROLES, metavar=every_one, help="default: all of them")
    chosen: frozenset[WorkerRole] = parser.parse_args(arguments).roles
    return chosen


def main(arguments: Sequence[str] | None = None) -> None:
    roles = _chosen_roles(arguments)
    listen_to_the_sdk()
    try:
        settings = load_settings()
        settings.configure_logging()
        tracing.start("worker")
        data_converter(settings.payload_key_file)
        if WorkerRole.WEBHOOKS in roles:
            read_channels(settings.notifications_file)
        connect_config()
    except (
        ValidationError,
        KeyFileError,
        ChannelsFileError,
        TemporalMisconfigured,
        tracing.TracingUnavailable,
    ) as error:
        print(f"worker: {setup_in_words(error) or error}", file=sys.stderr)
        leave(2)
    try:
        status = asyncio.run(run(settings, roles))
    except (CannotStart, TemporalMisconfigured) as error:
        print(f"worker: {error}", file=sys.stderr)
        status = 1
    except Exception:  # a fault of ours; the SDK's threads must not be left to the interpreter's end
        log.exception("the worker has failed")
        status = 1
    leave(status)


if __name__ == "__main__":
    main()
