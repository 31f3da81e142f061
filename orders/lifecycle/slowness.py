"""Operations whose confirmation takes longer than it usually does at their upstream: marked once, and reported once."""

from collections.abc import Sequence

from sqlalchemy import func
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import OperationKind, Stage
from models.order import Operation, Service, StageEntry
from models.patience import REMEMBERED
from orders.lifecycle.stages import locked_operation
from orders.lifecycle.waiting_reasons import upstream_says
from orders.webhooks import outbox

_BY_PEOPLE = (Stage.NEEDS_ATTENTION, Stage.AWAITING_MANUAL_TASK)


async def past_confirmations(
    session: AsyncSession, upstream: str, kind: OperationKind, product_type: str
) -> Sequence[float]:
    """Seconds from acceptance to confirmation, of the latest operations that went through without a person."""
    other = aliased(StageEntry)
    seen_to = select(other.id).where(other.operation_id == Operation.id, col(other.stage).in_(_BY_PEOPLE)).exists()
    awaited = StageEntry.operation_id == Operation.id, StageEntry.stage == Stage.AWAITING_CONFIRMATION
    accepted = select(func.min(StageEntry.at)).where(*awaited).scalar_subquery()
    found = await session.exec(
        # Read backwards and ended after so many; grouped, all that ever were would be read.
        select(Operation.ended_at, accepted)
        .join(Service, col(Service.id) == col(Operation.service_id))
        .where(
            Operation.upstream_name == upstream,
            Operation.kind == kind,
            Operation.stage == Stage.COMPLETED,
            Service.product_type == product_type,
            accepted.is_not(None),
            ~seen_to,
        )
        .order_by(col(Operation.id).desc())
        .limit(REMEMBERED)
    )
    return [(ended - accepted).total_seconds() for ended, accepted in found.all() if ended is not None]


async def mark(session: AsyncSession, number: int, usual_seconds: int) -> Operation | None:
    """Mark it, and report to the webhooks what the upstream shows. None: it waits no more, or is marked already."""
    operation = await locked_operation(session, number)
    if operation.stage is not Stage.AWAITING_CONFIRMATION or operation.slow_since is not None:
        return None
    operation.slow_since, operation.usual_seconds = utc_now(), usual_seconds
    session.add(operation)
    says = (await upstream_says(session, [operation])).get(number, "")
    outbox.operation_slow(session, operation, f"{in_words(operation)}; {says}" if says else in_words(operation))
    await session.flush()
    return operation


def in_words(operation: Operation) -> str:
    """How slow it is; empty: it is not."""
    if operation.slow_since is None:
        return ""
    usual = operation.usual_seconds or 0
    time = (
        f"{usual / 3600:.1f} hours" if usual >= 7200 else f"{usual / 60:.0f} minutes" if usual >= 120 else f"{usual} s"
    )
    return f"slower than usual: it is usually done within {time}"
