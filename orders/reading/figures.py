"""Figures of the whole installation for Prometheus, read from the database. docs/metrics.md explains each.

Any process may show them, and one of them should be asked: all would say the same. Whoever asks more often than every
KEPT_SECONDS gets what was read before. The cost does not grow with what was sold: only what runs, waits or is open is
counted, by an index that holds nothing else.
"""

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from metrics.counters import BY_HAND, function_label
from models.audit import Installation
from models.beat import BACKUP, BackupKind, Beat
from models.catalogue import UpstreamAccount
from models.circuits import CircuitState, read_notes
from models.columns import of_units, utc_now
from models.database import Database, PoolTerms
from models.enums import FINAL_STAGES, ReservationState, Stage
from models.events import UpstreamEvent
from models.incident import Incident
from models.order import UNSETTLED, Intent, Operation, Reservation
from models.outages import described
from models.webhooks import PENDING, WebhookDelivery, WebhookEndpoint, WebhookMessage
from orders.accounts.views import UpstreamHealth, health_of

log = logging.getLogger(__name__)

KEPT_SECONDS = 10.0
PATIENCE_SECONDS = 4.0
"""A scrape waits for ten seconds, where nobody has set more."""
_TERMS = PoolTerms(size=1, more=0, wait=0.0, statement_timeout=PATIENCE_SECONDS)

_RUNNING_STAGES = [stage for stage in Stage if stage not in FINAL_STAGES]
_COUNT = sa.func.count()
_OPERATIONS = (
    sa.select(
        col(Operation.kind),
        col(Operation.stage),
        col(Operation.upstream_name),
        col(Operation.failure_class),
        _COUNT,
        sa.func.min(col(Operation.stage_since)),
    )
    .where(col(Operation.stage).in_(_RUNNING_STAGES))
    .group_by(col(Operation.kind), col(Operation.stage), col(Operation.upstream_name), col(Operation.failure_class))
)
_INTENTS = (
    sa.select(col(Intent.account_id), col(Intent.state), _COUNT, sa.func.min(col(Intent.created_at)))
    .where(UNSETTLED)
    .group_by(col(Intent.account_id), col(Intent.state))
)
_SIGNALS = (
    sa.select(col(UpstreamEvent.account_id), _COUNT, sa.func.min(col(UpstreamEvent.seen_at)))
    .where(col(UpstreamEvent.delivered_at).is_(None), col(UpstreamEvent.operation_id).is_not(None))
    .group_by(col(UpstreamEvent.account_id))
)
_INCIDENTS = (
    sa.select(col(Incident.kind), _COUNT, sa.func.min(col(Incident.at)))
    .where(col(Incident.closed_at).is_(None))
    .group_by(col(Incident.kind))
)
_ENDPOINTS = sa.select(col(WebhookEndpoint.active), col(WebhookEndpoint.failing_since))
_DELIVERIES = sa.select(_COUNT, sa.func.min(col(WebhookDelivery.message_id))).where(PENDING)
_NOT_SPREAD = sa.select(_COUNT, sa.func.min(col(WebhookMessage.id))).where(col(WebhookMessage.spread_at).is_(None))
_BEATS = sa.select(col(Beat.name), col(Beat.at))
_ARCHIVER = sa.text(
    "SELECT last_archived_time, last_failed_time FROM pg_stat_archiver WHERE current_setting('archive_mode') <> 'off'"
)
"""One row of a server that archives its log; none of one that does not."""
_HELD = sa.select(col(Installation.held_because))

_Rows = Sequence[Any]


class _Families(Collector):
    """What was read, as Prometheus' client has it."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


class InstallationFigures:
    """The figures of the database at `url`, over a connection of their own: a full pool keeps nobody from seeing it."""

    def __init__(self, url: str) -> None:
        self._database = Database(url, _TERMS)
        self._reading = asyncio.Lock()
        self._shown = CollectorRegistry()
        self._good_until = 0.0
        self._late: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        await self._database.close()
        for one in self._late:
            one.cancel()

    async def registry(self) -> CollectorRegistry:
        """Never raises: without a database it says that there is none, and nothing that was true before."""
        async with self._reading:
            if time.monotonic() >= self._good_until:
                families = await self._read()
                kept = KEPT_SECONDS if families else 0.0
                up = GaugeMetricFamily("resellflow_database_up", "Whether the database answers", value=bool(families))
                self._shown = CollectorRegistry()
                self._shown.register(_Families([up, *families]))
                self._good_until = time.monotonic() + kept
            return self._shown

    async def _read(self) -> list[Metric]:
        """Empty: the database did not answer. Leaving a server that stands still takes long: nobody waits for it."""
        reading = asyncio.create_task(self._ask())
        await asyncio.wait({reading}, timeout=PATIENCE_SECONDS)
        try:
            if reading.done():
                return reading.result()
            log.warning("metrics of the installation: the database did not answer within %g s", PATIENCE_SECONDS)
        except (SQLAlchemyError, OSError) as error:
            log.warning("metrics of the installation: %s", described(error))
        leaving = asyncio.create_task(_leave(reading, self._database))
        self._late.add(leaving)
        leaving.add_done_callback(self._late.discard)
        self._database = Database(self._database.url, _TERMS)
        return []

    async def _ask(self) -> list[Metric]:
        async with self._database.read() as session:
            return await families(session)


async def _leave(reading: asyncio.Task[list[Metric]], database: Database) -> None:
    """End it in the background, however long that takes; the next look goes over a new connection."""
    reading.cancel()
    await asyncio.wait({reading})
    if not reading.cancelled():
        reading.exception()  # whatever it was, it is over
    await database.close()


async def families(session: AsyncSession) -> list[Metric]:
    """All figures, by a dozen short statements. Nothing is changed."""
    connection = await session.connection()

    async def rows(query: sa.Executable) -> _Rows:
        return (await connection.execute(query)).all()

    accounts = (await session.exec(select(UpstreamAccount).order_by(UpstreamAccount.name))).all()
    names = {account.id: account.name for account in accounts}
    found = _operations(await rows(_OPERATIONS))
    found += _intents(await rows(_INTENTS), names)
    found += _accounts(accounts)
    found += _money(accounts, await _in_line(session, accounts))
    found += _signals(await rows(_SIGNALS), names)
    found += _webhooks(await rows(_ENDPOINTS), await _waiting_messages(session))
    found += _incidents(await rows(_INCIDENTS))
    beats = await rows(_BEATS)
    archiver = await rows(_ARCHIVER) if connection.dialect.name == "postgresql" else []
    return found + _backups(beats, archiver) + _beats(beats, await rows(_HELD))


async def _in_line(session: AsyncSession, accounts: Sequence[UpstreamAccount]) -> dict[int, float]:
    """By account: the sum that the orders in line still need."""
    with_a_line = [account.id for account in accounts if account.waiting]
    if not with_a_line:
        return {}
    amount = sa.func.sum(sa.cast(col(Reservation.amount), sa.Float))
    query = (
        sa.select(col(Reservation.account_id), amount)
        .where(col(Reservation.account_id).in_(with_a_line), col(Reservation.state) == ReservationState.WAITING)
        .group_by(col(Reservation.account_id))
    )
    connection = await session.connection()
    return {account: float(total) for account, total in (await connection.execute(query)).all()}


async def _waiting_messages(session: AsyncSession) -> list[tuple[str, int, datetime | None]]:
    """State of what waits -> how many, and when the oldest came to be."""
    connection = await session.connection()
    waiting = []
    for state, query in (("delivery", _DELIVERIES), ("new", _NOT_SPREAD)):
        count, first = (await connection.execute(query)).one()
        oldest = None
        if first is not None:
            of_it = sa.select(col(WebhookMessage.at)).where(col(WebhookMessage.id) == first)
            oldest = (await connection.execute(of_it)).scalar_one_or_none()
        waiting.append((state, count, oldest))
    return waiting


def _operations(rows: _Rows) -> list[Metric]:
    labels = ["kind", "stage", "account", "failure"]
    number = GaugeMetricFamily("resellflow_operations", "Operations that have not ended", labels=labels)
    oldest = GaugeMetricFamily(
        "resellflow_operations_oldest_timestamp_seconds", "Since when the oldest of them is in its stage", labels=labels
    )
    for kind, stage, account, failure, count, since in rows:
        of = [str(kind.value), str(stage.value), account or BY_HAND, failure.value if failure else "none"]
        number.add_metric(of, count)
        oldest.add_metric(of, since.timestamp())
    return [number, oldest]


def _intents(rows: _Rows, names: dict[int, str]) -> list[Metric]:
    labels = ["account", "state"]
    number = GaugeMetricFamily("resellflow_intents_unsettled", "Requests whose outcome is not known", labels=labels)
    oldest = GaugeMetricFamily(
        "resellflow_intents_unsettled_oldest_timestamp_seconds", "When the oldest of them was recorded", labels=labels
    )
    for account, state, count, since in rows:
        number.add_metric([names[account], state.value], count)
        oldest.add_metric([names[account], state.value], since.timestamp())
    return [number, oldest]


def _accounts(accounts: Sequence[UpstreamAccount]) -> list[Metric]:
    health = GaugeMetricFamily(
        "resellflow_account_health",
        "1 for the health that the account has, 0 for the others",
        labels=["account", "health"],
    )
    polled = GaugeMetricFamily(
        "resellflow_account_polled_timestamp_seconds", "When the account was last read with success", labels=["account"]
    )
    breakers = GaugeMetricFamily(
        "resellflow_breaker_open",
        "Circuit breakers: 1 open, 0.5 one request tries, 0 closed",
        labels=["account", "breaker"],
    )
    failing = GaugeMetricFamily(
        "resellflow_account_failing_lists", "Lists of the account that can't be read", labels=["account"]
    )
    paused = GaugeMetricFamily(
        "resellflow_account_paused", "1: a person has paused the account, nothing is sent to it", labels=["account"]
    )
    for account in accounts:
        paused.add_metric([account.name], account.paused_since is not None)
        for one in UpstreamHealth:
            health.add_metric([account.name, one.value], health_of(account) is one)
        if account.polled_at is not None:
            polled.add_metric([account.name], account.polled_at.timestamp())
        for breaker, value in _breakers(account).items():
            breakers.add_metric([account.name, breaker], value)
        failing.add_metric([account.name], len(account.failing_lists))
    return [health, paused, polled, breakers, failing]


def _breakers(account: UpstreamAccount) -> dict[str, float]:
    """Several whose names differ by a number only are one, as open as the most open of them."""
    found = {"account": 0.0}
    for name, note in read_notes(account.circuits).items():
        value = {CircuitState.OPEN: 1.0, CircuitState.HALF_OPEN: 0.5}.get(note.state, 0.0)
        label = function_label(name)
        found[label] = max(found.get(label, 0.0), value)
    return found


def _money(accounts: Sequence[UpstreamAccount], in_line: dict[int, float]) -> list[Metric]:
    labels = ["account", "currency"]
    families = {
        "balance": "The balance as last read",
        "credit_limit": "The credit limit",
        "reserved": "Set aside for operations under way",
        "free": "Balance and credit limit without what is set aside",
        "waiting": "What the operations in line for money still need",
        "short": "What is missing for the operations in line",
    }
    gauges = {
        name: GaugeMetricFamily(
            f"resellflow_account_money_{name}", f"{meaning}, in the account's currency", labels=labels
        )
        for name, meaning in families.items()
    }
    charged = CounterMetricFamily(
        "resellflow_account_charged", "All that operations were ever charged, in the account's currency", labels=labels
    )
    refunded = CounterMetricFamily(
        "resellflow_account_refunded", "What of it was paid back, in the account's currency", labels=labels
    )
    orders = GaugeMetricFamily("resellflow_account_waiting_orders", "Operations in line for money", labels=["account"])
    read_at = GaugeMetricFamily(
        "resellflow_account_balance_timestamp_seconds", "When the balance was last read", labels=["account"]
    )
    for account in accounts:
        of = [account.name, account.currency]
        charged.add_metric(of, float(of_units(account.charged)))
        refunded.add_metric(of, float(of_units(account.refunded)))
        orders.add_metric([account.name], account.waiting)
        reserved, waiting = of_units(account.set_aside), in_line.get(account.id, 0.0)
        gauges["reserved"].add_metric(of, float(reserved))
        gauges["waiting"].add_metric(of, waiting)
        if account.balance is None:
            continue
        free = account.balance + account.credit_limit - reserved
        gauges["balance"].add_metric(of, float(account.balance))
        gauges["credit_limit"].add_metric(of, float(account.credit_limit))
        gauges["free"].add_metric(of, float(free))
        gauges["short"].add_metric(of, max(0.0, waiting - float(free)))
        if account.balance_at is not None:
            read_at.add_metric([account.name], account.balance_at.timestamp())
    return [*gauges.values(), charged, refunded, orders, read_at]


def _signals(rows: _Rows, names: dict[int, str]) -> list[Metric]:
    number = GaugeMetricFamily(
        "resellflow_signals_waiting", "Changes that were seen and that no order was signalled yet", labels=["account"]
    )
    oldest = GaugeMetricFamily(
        "resellflow_signals_waiting_oldest_timestamp_seconds", "When the oldest of them was seen", labels=["account"]
    )
    for account, count, since in rows:
        number.add_metric([names[account]], count)
        oldest.add_metric([names[account]], since.timestamp())
    return [number, oldest]


def _webhooks(endpoints: _Rows, waiting: list[tuple[str, int, datetime | None]]) -> list[Metric]:
    number = GaugeMetricFamily("resellflow_webhook_endpoints", "Endpoints of webhooks", labels=["state"])
    states = [_state(is_active=active, is_failing=since is not None) for active, since in endpoints]
    for state in ("well", "failing", "switched_off", "inactive"):
        number.add_metric([state], states.count(state))
    failing = GaugeMetricFamily(
        "resellflow_webhook_failing_since_timestamp_seconds", "Since when an endpoint fails, the oldest of them"
    )
    since_when = [since for _, since in endpoints if since]
    if since_when:
        failing.add_metric([], min(since_when).timestamp())
    messages = GaugeMetricFamily("resellflow_webhook_waiting", "Webhooks that are not delivered yet", labels=["state"])
    oldest = GaugeMetricFamily(
        "resellflow_webhook_waiting_oldest_timestamp_seconds", "When the oldest of them came to be", labels=["state"]
    )
    for state, count, at in waiting:
        messages.add_metric([state], count)
        if at is not None:
            oldest.add_metric([state], at.timestamp())
    return [number, failing, messages, oldest]


def _state(*, is_active: bool, is_failing: bool) -> str:
    """A pause by a person takes the failure away, so one that is off and fails was switched off by a 410."""
    if is_active:
        return "failing" if is_failing else "well"
    return "switched_off" if is_failing else "inactive"


def _incidents(rows: _Rows) -> list[Metric]:
    number = GaugeMetricFamily("resellflow_incidents_open", "Incidents that nobody has closed", labels=["kind"])
    oldest = GaugeMetricFamily(
        "resellflow_incidents_open_oldest_timestamp_seconds", "When the oldest of them was opened", labels=["kind"]
    )
    for kind, count, since in rows:
        number.add_metric([kind.value], count)
        oldest.add_metric([kind.value], since.timestamp())
    return [number, oldest]


def _backups(beats: _Rows, archiver: _Rows) -> list[Metric]:
    """0 for what was never done, so that this is noticed, too."""
    done = GaugeMetricFamily(
        "resellflow_backup_timestamp_seconds", "When the database was last saved in this way", labels=["kind"]
    )
    at = dict(beats)
    for kind in BackupKind:
        last = at.get(f"{BACKUP}{kind.value}")
        done.add_metric([kind.value], last.timestamp() if last else 0)
    failing = GaugeMetricFamily(
        "resellflow_backup_archive_failing", "1: the last segment of the server's log could not be archived"
    )
    for archived, failed in archiver:
        done.add_metric(["archive"], archived.timestamp() if archived else 0)
        failing.add_metric([], failed is not None and (archived is None or failed > archived))
    return [done, failing]


def _beats(beats: _Rows, held: _Rows) -> list[Metric]:
    seen = GaugeMetricFamily(
        "resellflow_beat_timestamp_seconds", "When this part of the watch last looked", labels=["part"]
    )
    for name, at in beats:
        if not name.startswith(BACKUP):
            seen.add_metric([name], at.timestamp())
    is_held = any(because for (because,) in held)
    hold = GaugeMetricFamily(
        "resellflow_held", "1: nothing is accepted or sent, until `resell restored`", value=is_held
    )
    return [
        seen,
        hold,
        GaugeMetricFamily("resellflow_figures_timestamp_seconds", "When this was read", value=utc_now().timestamp()),
    ]
