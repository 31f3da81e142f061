"""Who waits for what the poller does, and what the catalogue wants to be watched."""

import sqlalchemy as sa
from sqlalchemy import and_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from activities.poller.schedule import CATALOGUE_SECONDS, PeriodicJob
from activities.poller.watch import Watch
from models.audit import Installation
from models.catalogue import ProcessingModule, UpstreamAccount
from models.database import Database
from models.enums import ModuleKind, Stage
from models.order import Operation
from orders import events
from orders.events import WaitingOperation, hints
from orders.installation import raise_if_held

_BY_PEOPLE = (Stage.AWAITING_MANUAL_TASK, Stage.NEEDS_ATTENTION)
_WAITED_IN = (Stage.AWAITING_CONFIRMATION, Stage.WAITING_FOR_FUNDS, *_BY_PEOPLE)
"""Stages in which an order waits for what the poller does."""
_PAUSED_SINCE = (
    select(UpstreamAccount.paused_since).where(UpstreamAccount.name == sa.bindparam("upstream")).scalar_subquery()
)
_LOOK = (
    select(Installation.held_because, Operation.stage, _PAUSED_SINCE)
    .outerjoin(
        Operation, and_(col(Operation.stage).in_(_WAITED_IN), col(Operation.upstream_name) == sa.bindparam("upstream"))
    )
    .distinct()
)
_TYPES = (
    select(ProcessingModule.product_type)
    .where(ProcessingModule.account_id == sa.bindparam("account"), ProcessingModule.kind == ModuleKind.UPSTREAM)
    .distinct()
)


async def refresh_waiting(database: Database, watch: Watch) -> None:
    """Raises Held while nothing may be written of what the upstream shows."""
    by_hand: list[WaitingOperation] = []
    async with database.read() as session:
        if watch.schedule.claim(PeriodicJob.CATALOGUE, CATALOGUE_SECONDS):
            await _look_at_catalogue(session, watch)
        # One short question: most of the time nothing waits, and then there is nothing else to be asked.
        found = await session.exec(_LOOK, params={"upstream": watch.name})
        stages = set()
        for held, stage, paused_since in found.all():
            raise_if_held(held)  # what was seen before the backup has still to be compared
            stages.add(stage)
            watch.note_pause(paused_since is not None)
        watch.waiting_for_funds = Stage.WAITING_FOR_FUNDS in stages
        watch.awaited = []
        if Stage.AWAITING_CONFIRMATION in stages:
            watch.awaited = await events.waiting_operations(session, watch.name)
        if not stages.isdisjoint(_BY_PEOPLE):
            by_hand = await events.waiting_operations(session, watch.name, _BY_PEOPLE)
    # What people do at the upstream, and what they pay for there, may show on forms only.
    for operation in watch.schedule.tasks_due(by_hand):
        watch.to_read_soon(operation.product_type, operation.upstream_number)
    watch.schedule.forget_others(watch.awaited)


async def _look_at_catalogue(session: AsyncSession, watch: Watch) -> None:
    """What is to be listed, and whether hints are taken: it changes when people load a catalogue, no oftener."""
    types = await session.exec(_TYPES, params={"account": watch.account_id})
    watch.product_types = tuple(sorted(types.all()))
    watch.takes_hints = watch.has_feed or await hints.are_taken(session, watch.account_id)
