"""What waits too long or does not work now. A few short queries, each with an index; nothing is changed."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import ProcessingModule, UpstreamAccount
from models.columns import utc_now
from models.enums import IncidentKind, ModuleKind, Stage
from models.events import UpstreamEvent
from models.order import RUNNING, Operation
from models.sweep import ListSweep
from models.watch_limits import Limits
from orders.accounts import pausing
from orders.accounts.notes import failing_lists_of
from orders.events.sweeps import is_due
from orders.incidents.conditions import Condition
from orders.money.refunds.record import unmatched

KINDS = (
    IncidentKind.ORDERS_NOT_STARTED,
    IncidentKind.SIGNALS_NOT_DELIVERED,
    IncidentKind.OPERATIONS_STUCK,
    IncidentKind.SLOWER_THAN_USUAL,
    IncidentKind.POLLER_SILENT,
    IncidentKind.UPSTREAM_UNHEALTHY,
    IncidentKind.UPSTREAM_UNREACHABLE,
    IncidentKind.UPSTREAM_PAUSED,
    IncidentKind.LIST_UNREADABLE,
    IncidentKind.SWEEP_OVERDUE,
    IncidentKind.REFUND_UNMATCHED,
    IncidentKind.REFUNDS_UNREADABLE,
)
STARTED_WITHIN = timedelta(seconds=60)
DELIVERED_WITHIN = timedelta(seconds=120)
POLLED_WITHIN = timedelta(minutes=10)
"""One reading of a very long list takes minutes."""
SWEPT_WITHIN = timedelta(hours=1)
"""After it was asked for."""
NAMED_AT_MOST = 10


async def find(session: AsyncSession, limits: Limits, since: datetime) -> list[Condition]:
    """All conditions that last now. `since`: what was never polled counts as silent from then on."""
    accounts = list((await session.exec(select(UpstreamAccount).order_by(UpstreamAccount.name))).all())
    found = await _not_started(session)
    found += await _not_delivered(session, accounts)
    found += await _stuck(session, limits, {one.name for one in accounts if one.paused_since is not None})
    found += await _slow(session)
    found += _troubled(accounts)
    found += await _silent(session, accounts, limits, since)
    found += await _not_swept(session, accounts, limits)
    found += await _refunds_for_people(session, accounts)
    return found


async def _not_started(session: AsyncSession) -> list[Condition]:
    rows = await session.exec(
        select(Operation.id)
        .where(
            RUNNING, col(Operation.workflow_started_at).is_(None), Operation.stage_since < utc_now() - STARTED_WITHIN
        )
        .order_by(col(Operation.id))
    )
    numbers = [number for number in rows.all() if number is not None]
    if not numbers:
        return []
    message = (
        f"{_operations(numbers)} accepted more than {STARTED_WITHIN.seconds} s ago and not started. Every worker tries "
        "every two seconds, so none runs or Temporal does not take it: look at the workers, then at their log"
    )
    return [Condition(IncidentKind.ORDERS_NOT_STARTED, "all", message, detail=_named(numbers))]


async def _not_delivered(session: AsyncSession, accounts: Sequence[UpstreamAccount]) -> list[Condition]:
    rows = await session.exec(
        select(UpstreamEvent.account_id, func.count(), func.min(UpstreamEvent.operation_id))
        .where(
            col(UpstreamEvent.delivered_at).is_(None),
            col(UpstreamEvent.operation_id).is_not(None),
            UpstreamEvent.seen_at < utc_now() - DELIVERED_WITHIN,
        )
        .group_by(col(UpstreamEvent.account_id))
    )
    names = {account.id: account.name for account in accounts}
    return [
        Condition(
            IncidentKind.SIGNALS_NOT_DELIVERED,
            names[account],
            f"{count} events of upstream {names[account]} are older than {DELIVERED_WITHIN.seconds} s, and the orders "
            "that wait for them were not signalled. The poller tries all the time, and the watch has tried, too: look "
            "whether Temporal can be reached, and whether a worker runs the poller",
            account=account,
            detail={"upstream": names[account], "operation": str(operation)},
        )
        for account, count, operation in rows.all()
    ]


async def _stuck(session: AsyncSession, limits: Limits, paused: Collection[str]) -> list[Condition]:
    """`paused`: upstreams whose orders wait because a person wants it so, which is said once and not of each."""
    now = utc_now()
    rows = await session.exec(
        select(Operation).where(col(Operation.stage).in_(list(limits.stages))).order_by(col(Operation.id))
    )
    late: dict[tuple[str, Stage], list[Operation]] = {}
    for operation in rows.all():
        started = operation.workflow_started_at is not None
        explained = operation.stage is Stage.RETRYING and operation.upstream_name in paused
        if started and not explained and operation.stage_since < now - limits.stages[operation.stage]:
            late.setdefault((operation.upstream_name, operation.stage), []).append(operation)
    found = []
    for (upstream, stage), operations in late.items():
        numbers = [operation.id for operation in operations]
        first = min(operations, key=lambda operation: operation.stage_since)
        message = (
            f"{_operations(numbers)} in stage {stage.value} for longer than "
            f"{limits.stages[stage].total_seconds() / 60:.0f} minutes{f' at upstream {upstream}' if upstream else ''}. "
            f"Operation {first.id} is there since {first.stage_since:%Y-%m-%d %H:%M} UTC, after {first.tries} tries in "
            f"vain: {first.reason or 'no reason is known'}"
        )
        about = f"{upstream}|{stage.value}"
        found.append(Condition(IncidentKind.OPERATIONS_STUCK, about, message, detail=_named(numbers)))
    return found


async def _slow(session: AsyncSession) -> list[Condition]:
    rows = await session.exec(
        select(Operation.upstream_name, Operation.id)
        .where(col(Operation.slow_since).is_not(None))
        .order_by(col(Operation.id))
    )
    of_each: dict[str, list[int]] = {}
    for upstream, number in rows.all():
        of_each.setdefault(upstream, []).append(number or 0)
    return [
        Condition(
            IncidentKind.SLOWER_THAN_USUAL,
            upstream,
            f"{_operations(numbers)} slower than usual at upstream {upstream}. Look at what the upstream says of them "
            "(resell operations --slow), and ask it",
            detail=_named(numbers) | {"upstream": upstream},
        )
        for upstream, numbers in of_each.items()
    ]


def _troubled(accounts: Iterable[UpstreamAccount]) -> list[Condition]:
    found = []
    for account in accounts:
        if account.unhealthy_reason:
            message = f"Upstream {account.name} is unhealthy, and nothing is sent to it: {account.unhealthy_reason}"
            found.append(_of(account, IncidentKind.UPSTREAM_UNHEALTHY, account.name, message))
        if account.unreachable_reason:
            message = (
                f"Upstream {account.name} has given no usable answer since {account.unreachable_since:%Y-%m-%d %H:%M} "
                f"UTC: {account.unreachable_reason}"
            )
            found.append(_of(account, IncidentKind.UPSTREAM_UNREACHABLE, account.name, message))
        if paused := pausing.in_words(account):
            message = (
                f"Upstream {account.name} is {paused}. Nothing is sent to it, and its orders wait until it is resumed"
            )
            found.append(_of(account, IncidentKind.UPSTREAM_PAUSED, account.name, message))
        for product_type, one in failing_lists_of(account).items():
            message = (
                f"The list of {product_type} at upstream {account.name} has not been readable since "
                f"{one.since:%Y-%m-%d %H:%M} UTC: {one.why}"
            )
            found.append(_of(account, IncidentKind.LIST_UNREADABLE, f"{account.name}|{product_type}", message))
    return found


async def _silent(
    session: AsyncSession, accounts: Iterable[UpstreamAccount], limits: Limits, since: datetime
) -> list[Condition]:
    rows = await session.exec(
        select(ProcessingModule.account_id).where(ProcessingModule.kind == ModuleKind.UPSTREAM).distinct()
    )
    polled = set(rows.all())
    late = utc_now() - max(POLLED_WITHIN, 4 * limits.idle_interval)
    found = []
    for account in accounts:
        last = account.polled_at or since
        explained = account.unhealthy_reason or account.unreachable_reason or account.failing_lists
        if account.id not in polled or explained or last > late:
            continue
        message = (
            f"Upstream {account.name} was last read at {last:%Y-%m-%d %H:%M} UTC, and nothing says why. Look whether a "
            f"worker has the role poller, and at the workflow event-poller-{account.name} in Temporal UI"
        )
        found.append(_of(account, IncidentKind.POLLER_SILENT, account.name, message))
    return found


async def _not_swept(session: AsyncSession, accounts: Iterable[UpstreamAccount], limits: Limits) -> list[Condition]:
    now = utc_now()
    rows = list((await session.exec(select(ListSweep))).all())
    names = {account.id: account for account in accounts}
    found = []
    for row in rows:
        account = names[row.account_id]
        explained = account.unhealthy_reason or account.unreachable_reason or account.failing_lists
        waits = is_due(row) and row.asked_at < now - SWEPT_WITHIN and not explained
        if waits or row.asked_at < now - 2 * limits.sweep_interval - SWEPT_WITHIN:
            message = (
                f"The sweep of {row.product_type} at upstream {account.name} was asked for at "
                f"{row.asked_at:%Y-%m-%d %H:%M} UTC for the last time, and "
                f"{'has not ended' if waits else 'no other was asked for since'}. Look at the schedule service-sweep "
                "in Temporal UI and at the poller"
            )
            about = f"{account.name}|{row.product_type}"
            found.append(_of(account, IncidentKind.SWEEP_OVERDUE, about, message))
    return found


async def _refunds_for_people(session: AsyncSession, accounts: Iterable[UpstreamAccount]) -> list[Condition]:
    open_ones = await unmatched(session)
    found = []
    for account in accounts:
        if account.refunds_unreadable:
            message = (
                f"What upstream {account.name} pays back can't be read, or not all of it: {account.refunds_unreadable}"
            )
            found.append(_of(account, IncidentKind.REFUNDS_UNREADABLE, account.name, message))
        if refunds := open_ones.get(account.id):
            sums = ", ".join(f"{one.id}: {one.money}" for one in refunds[:NAMED_AT_MOST])
            message = (
                f"Upstream {account.name} paid back {len(refunds)} sums that belong to no operation for certain "
                f"({sums}). Say what they are for: resell refunds --unmatched"
            )
            found.append(_of(account, IncidentKind.REFUND_UNMATCHED, account.name, message))
    return found


def _of(account: UpstreamAccount, kind: IncidentKind, about: str, message: str) -> Condition:
    return Condition(kind, about, message, account=account.id, detail={"upstream": account.name})


def _operations(numbers: Sequence[int]) -> str:
    named = ", ".join(str(number) for number in numbers[:NAMED_AT_MOST])
    if len(numbers) == 1:
        return f"Operation {named} is"
    more = f" and {len(numbers) - NAMED_AT_MOST} more" if len(numbers) > NAMED_AT_MOST else ""
    return f"{len(numbers)} operations ({named}{more}) are"


def _named(numbers: Sequence[int]) -> dict[str, str]:
    return {"count": str(len(numbers)), "operations": ", ".join(map(str, numbers[:NAMED_AT_MOST]))}
