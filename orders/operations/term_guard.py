"""A term is prolonged once, whoever asks: a caller that names the term's end is refused if somebody was before it.

A shop's cron job and its payment callback have idempotency keys of their own, so the keys protect nobody. The service
is locked by whoever asks here, so two requests at once are decided one after the other.
"""

from datetime import date

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import OperationKind, Stage
from models.order import Operation, Service
from models.parameters import Renewal
from orders.errors import Refused


class TermTaken(Refused):
    """Somebody else prolongs this term, or has done it."""


_LOOKED_AT = 50
"""The latest prolongations of a service; an older one has nothing to do with the present term."""


async def check_term(session: AsyncSession, service: Service, named: date) -> None:
    """Raises Refused if the term that ends on this day is being prolonged, has been prolonged, or is none."""
    found = await session.exec(
        select(Operation)
        .where(
            Operation.service_id == service.id,
            Operation.kind == OperationKind.PROLONG,
            Operation.stage != Stage.CANCELLED,
        )
        .order_by(col(Operation.id).desc())
        .limit(_LOOKED_AT)
    )
    prolongations = found.all()
    for one in prolongations:
        if not one.stage.is_final and term_of(one) in (None, named):
            raise TermTaken(
                f"operation {one.id} is prolonging service {service.id} already, and is in stage {one.stage.value}: "
                f"{_asked_for(one)}. Nothing is prolonged twice; wait for its end"
            )
    if service.expires_on == named:
        return
    ends = f"ends on {service.expires_on}" if service.expires_on is not None else "shows no day on which it ends"
    done = next((one for one in prolongations if term_of(one) == named), None)
    if done is not None:
        raise TermTaken(
            f"service {service.id} {ends}: the term that ended on {named} was prolonged by operation {done.id}, "
            f"{_asked_for(done)}. To prolong it further, name the day on which it ends now"
        )
    raise Refused(f"service {service.id} {ends}, not on {named}. To prolong it, name the day on which it ends now")


def term_of(operation: Operation) -> date | None:
    """The end of the term that a prolongation makes longer: the one that was named, or that its item showed before.
    None: that is not known yet."""
    asked = Renewal.of(operation.parameters)
    text = asked.expires_on or asked.expires_before
    return date.fromisoformat(text) if text else None


def _asked_for(operation: Operation) -> str:
    return f"asked for by {operation.actor} on {operation.created_at:%Y-%m-%d %H:%M} UTC"


def renewal_of(service: int, ends_on: date | str) -> str:
    """The renewal of a term, as an incident is about it."""
    return f"service {service} until {ends_on}"
