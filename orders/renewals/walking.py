"""Walks the services by the end of their terms and does what is due, each service in transactions of its own.

What is due is read from the database, so a walk that was interrupted, missed or carried out twice does nothing twice: a
row of the table `term` says what has been done, and the key of an operation names the service and the term.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, literal, or_, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.database import Database
from models.enums import AtEndOfTerm, IncidentKind, RenewalUrgency, ServiceStatus, Stage
from models.order import Operation, Service
from models.renewal import owner_of
from models.renewal_terms import RenewalTerms
from models.term import Term
from orders.audit import OURSELVES
from orders.decisions.allowed import charged_nothing
from orders.decisions.facts import facts_of
from orders.errors import InvalidField, NotFound, OrderKeyReused, Refused
from orders.incidents.conditions import Condition, keep_one
from orders.lifecycle import requests
from orders.operations.close import Closing
from orders.operations.prolong import Prolongation
from orders.operations.requests import OperationRequest
from orders.operations.term_guard import TermTaken, renewal_of
from orders.renewals.leads import with_plans
from orders.renewals.room import SENDING, Room, room_at_accounts
from orders.renewals.rules import LATE, Ending, Step, due, due_notice, next_try, urgency_of
from orders.webhooks import outbox

log = logging.getLogger(__name__)

PAGE = 1000
"""Services looked at in one read."""
_LIVE = (ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED)
_COLUMNS: tuple[Any, ...] = (
    Service.id,
    Service.account_id,
    Service.plan_id,
    Service.product_type,
    Service.period_months,
    Service.renewal_owner,
    Service.renews_automatically,
    Service.at_end_of_term,
    Service.expires_on,
    Term.noticed_days,
    Term.announced_on,
    Term.operation_id,
    Operation.stage,
    Operation.stage_since,
    Term.failed_on,
    Term.closing_id,
)


@dataclass(frozen=True)
class Position:
    """The last service that was looked at: they are walked by the end of their terms."""

    ends_on: date
    service: int


@dataclass(frozen=True)
class Walked:
    done: int
    """Services that something was done for."""
    position: Position | None
    """Where to go on; None: the walk has come to its end."""
    held: int = 0
    """Services that something is due for, and whose accounts have no room for it now."""
    again: tuple[int, ...] = ()
    """Our prolongations that are to be tried again. Whoever walks has that done; if not, the next walk asks for it."""


@dataclass(frozen=True)
class Way:
    """How far a walk goes, and how much of it at once."""

    after: Position | None = None
    at_most: int = 100
    """Services that something is done for."""
    at_once: int = 50
    """Operations of ours that may be under way at an account."""
    held_only: bool = False
    """Look only at what sends something to an upstream: what an earlier walk held back is among it."""


async def walk(database: Database, way: Way, terms: RenewalTerms) -> Walked:
    """Do what is due, the soonest end first."""
    now, after, done, held, again = utc_now(), way.after, 0, 0, list[int]()
    async with database.read() as session:
        terms = await with_plans(session, terms)
        room = await room_at_accounts(session, way.at_once)
    while True:
        async with database.read() as session:
            page = await _page(session, way, after, now.date(), terms, room)
        for one in page:
            steps = set(due(one, now, terms))
            if steps and done == way.at_most:
                return Walked(done, after, held, tuple(again))
            if steps & SENDING and not room.take(one.account):
                steps -= SENDING
                held += 1
            if steps:
                again += await _do(database, one.service, now, terms, steps)
                done += 1
            after = Position(one.ends_on, one.service)
        if len(page) < PAGE:
            unseen = len(room.full) if way.held_only else 0  # their services are not on the pages
            return Walked(done, None, held + unseen, tuple(again))


async def _page(
    session: AsyncSession, way: Way, after: Position | None, today: date, terms: RenewalTerms, room: Room
) -> list[Ending]:
    ends, number = col(Service.expires_on), col(Service.id)
    horizon = terms.longest_lead if way.held_only else terms.horizon
    query = _endings().where(ends <= today + timedelta(days=horizon), ends >= today - LATE)
    if way.held_only:
        begun = or_(col(Term.operation_id).is_not(None), col(Service.renews_automatically).is_(False))
        fails = col(Operation.stage) == Stage.NEEDS_ATTENTION
        closes = and_(col(Service.at_end_of_term) == AtEndOfTerm.CLOSE, col(Term.closing_id).is_(None))
        query = query.where(or_(~begun, fails, closes), _has_room(room))
    if after is not None:
        query = query.where(
            ends >= after.ends_on, tuple_(ends, number) > tuple_(literal(after.ends_on), literal(after.service))
        )
    rows = (await session.exec(query.order_by(ends, number).limit(PAGE))).all()
    return [_ending(row) for row in rows]


def _has_room(room: Room) -> ColumnElement[bool]:
    account, full = col(Service.account_id), room.full
    elsewhere = account.not_in([one for one in full if one is not None])
    return elsewhere if None in full else or_(elsewhere, account.is_(None))


def _endings() -> Any:
    return (
        select(*_COLUMNS)
        .outerjoin(Term, and_(col(Term.service_id) == col(Service.id), col(Term.ends_on) == col(Service.expires_on)))
        .outerjoin(Operation, col(Operation.id) == col(Term.operation_id))
        .where(col(Service.status).in_(_LIVE), col(Service.expires_on).is_not(None))
    )


def _ending(row: Sequence[Any]) -> Ending:
    service, account, plan, product_type, months, side, automatically, *others = row
    return Ending(service, account, plan, product_type, months, owner_of(side, automatically), *others)


async def _do(
    database: Database, service: int, now: datetime, terms: RenewalTerms, wanted: Collection[Step]
) -> list[int]:
    """What of `wanted` is still due for one service. Returns its prolongation, if that is to be tried again. What is
    asked for anew is seen by the next walk."""
    today, again = now.date(), list[int]()
    async with database.write() as session:
        locked = await session.exec(select(Service).where(Service.id == service).with_for_update())
        row = locked.one_or_none()
        found = (await session.exec(_endings().where(Service.id == service))).one_or_none()
        if row is None or found is None:
            return again
        one = _ending(found)
        steps = [step for step in due(one, now, terms) if step in wanted]
        term = await session.get(Term, (service, one.ends_on)) or Term(service_id=service, ends_on=one.ends_on)
        if Step.NOTICE in steps:
            term.noticed_days = due_notice(one, today, terms)
            outbox.term_ends(session, row, today)
        if Step.ANNOUNCE in steps:
            term.announced_on = today
            outbox.renewal_upcoming(session, row, today)
        if Step.FAILED in steps and one.operation is not None:
            term.failed_on = today
            operation = await session.get_one(Operation, one.operation)
            why = f"operation {operation.id} is {operation.stage.value}"
            await _report_failure(session, row, operation, today, why, tries_at=next_try(one, today))
        if Step.RETRY in steps and one.operation is not None:
            operation = await session.get_one(Operation, one.operation)
            again += [one.operation] if charged_nothing(await facts_of(session, operation)) else []
        session.add(term)
    if Step.PROLONG in steps:
        await _prolong(database, one, today)
    if Step.CLOSE in steps:
        await _close(database, one)
    return again


async def _prolong(database: Database, one: Ending, today: date) -> None:
    asked = Prolongation(period_months=one.months, expires_on=one.ends_on)
    try:
        number = await _ask(database, one, asked, f"renew-{one.service}-{one.ends_on}")
    except TermTaken as taken:
        log.info("service %s: %s", one.service, taken)
        return
    except (Refused, InvalidField, NotFound) as refusal:
        await _not_accepted(database, one, today, str(refusal))
        return
    async with database.write() as session:
        (await session.get_one(Term, (one.service, one.ends_on))).operation_id = number


async def _close(database: Database, one: Ending) -> None:
    try:
        number = await _ask(database, one, Closing(), f"close-{one.service}-{one.ends_on}")
    except (Refused, InvalidField, NotFound) as refusal:
        log.warning("service %s can't be closed at the end of its term: %s", one.service, refusal)
        return
    async with database.write() as session:
        (await session.get_one(Term, (one.service, one.ends_on))).closing_id = number


async def _ask(database: Database, one: Ending, asked: OperationRequest, key: str) -> int:
    try:
        return (await requests.ask(database, one.service, asked, client=OURSELVES, key=key)).operation
    except OrderKeyReused as known:  # its period has changed since it was asked for
        return known.operation


async def _not_accepted(database: Database, one: Ending, today: date, why: str) -> None:
    """Reported once a day, and tried again by every walk."""
    async with database.write() as session:
        term = await session.get_one(Term, (one.service, one.ends_on))
        if term.failed_on != today:
            term.failed_on = today
            service = await session.get_one(Service, one.service)
            await _report_failure(session, service, None, today, why)


async def _report_failure(
    session: AsyncSession,
    service: Service,
    operation: Operation | None,
    today: date,
    why: str,
    *,
    tries_at: datetime | None = None,
) -> None:
    """An incident that lasts until the term is prolonged, in more urgent words from day to day; and a message."""
    ends_on = service.expires_on or today
    left = (ends_on - today).days
    urgency = urgency_of(left)
    match urgency:
        case RenewalUrgency.LOW | RenewalUrgency.HIGH:
            what = f"ends in {left} days and is not renewed"
        case RenewalUrgency.URGENT:
            what = "ends tomorrow (URGENT) and is not renewed"
        case RenewalUrgency.LAST_DAY:
            what = "ends today (URGENT) and is not renewed"
        case RenewalUrgency.ENDED:
            what = f"has ended on {ends_on} and was not renewed"
    message = (
        f"Service {service.id} {what}: {why}. Decide about the operation, or prolong it: "
        f"resell prolong {service.id} --period {service.period_months} --expires-on {ends_on}."
    )
    condition = Condition(
        IncidentKind.RENEWAL_FAILED,
        renewal_of(service.id, ends_on),
        message,
        account=service.account_id,
        service=service.id,
        operation=operation.id if operation is not None else None,
        detail={"expires_on": ends_on.isoformat(), "days_left": str(left), "urgency": urgency.value},
    )
    await keep_one(session, condition, lasts=True)
    outbox.renewal_failed(session, service, operation, today, urgency, tries_at)
