"""The queue of a service while its turn passes on. Each order of events is forced."""

import asyncio

import psycopg
import pytest
from sqlmodel import col, select

from models.catalogue import ProcessingModule
from models.database import Database
from models.enums import ModuleKind, Stage
from models.order import RUNNING, Operation
from orders.errors import Refused
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.lifecycle.queueing import start_next_queued, step_aside
from orders.lifecycle.requests import ask
from orders.lifecycle.stages import enter, locked_operation, note_started
from orders.operations.resume import Resumption
from orders.services.modules import ModuleChange, set_module
from tests.infrastructure.eventually import assert_eventually

ON_POSTGRESQL = pytest.mark.parametrize("migrated_database_url", ["postgresql"], indirect=True)
"""On SQLite a writer waits before it has read anything."""


async def resumption(database: Database, service: int, key: str) -> AcceptedOrder:
    return await ask(database, service, Resumption(), client="shop", key=key)


async def with_queue(database: Database, length: int) -> tuple[int, list[int]]:
    """A service whose opening runs, and all its operations: the opening, and what waits behind it."""
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    opening = await accept_order(database, request, client="shop", key="open", hostname_suffix="s.internal")
    behind = [await resumption(database, opening.service, f"r{place}") for place in range(length)]
    return opening.service, [opening.operation, *(one.operation for one in behind)]


async def stages(database: Database) -> list[Stage]:
    async with database.read() as session:
        return [Stage(stage) for stage in await session.exec(select(Operation.stage).order_by(col(Operation.id)))]


async def to_be_started(database: Database) -> list[int]:
    """What the sweep starts."""
    async with database.read() as session:
        query = select(Operation.id).where(RUNNING, col(Operation.workflow_started_at).is_(None))
        return list((await session.exec(query)).all())


async def until_waiting(database: Database, count: int) -> None:
    """Until so many transactions wait for another one's end."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    async def waiting() -> bool:
        async with await psycopg.AsyncConnection.connect(database.url) as connection:
            return await (await connection.execute(query)).fetchone() == (count,)

    await assert_eventually(waiting, timeout=30, message=f"{count} transactions wait")


class Ending:
    """An operation ends, in a transaction of its own."""

    def __init__(self, database: Database, service: int, number: int) -> None:
        self._database, self._service, self._number = database, service, number
        self._commits, self._is_written = asyncio.Event(), asyncio.Event()
        self._task = asyncio.create_task(self._end())

    async def _end(self) -> None:
        async with self._database.write() as session:
            await enter(session, await locked_operation(session, self._number), Stage.COMPLETED)
            await start_next_queued(session, self._service)
            self._is_written.set()
            await self._commits.wait()

    async def written(self) -> None:
        async with asyncio.timeout(30):
            await self._is_written.wait()

    async def commit(self) -> None:
        self._commits.set()
        await self._task


@ON_POSTGRESQL
async def test_a_request_that_waits_while_the_turn_passes_on_twice_is_queued_behind_who_has_it_then(
    database: Database,
) -> None:
    service, (opening, second, _) = await with_queue(database, 2)
    first_end = Ending(database, service, opening)
    await first_end.written()
    second_end = Ending(database, service, second)
    await until_waiting(database, 1)
    asking = asyncio.create_task(resumption(database, service, "late"))
    await until_waiting(database, 2)
    await first_end.commit()
    await second_end.written()
    await until_waiting(database, 1)
    await second_end.commit()

    late = await asking
    assert late.queued
    assert await stages(database) == [Stage.COMPLETED, Stage.COMPLETED, Stage.ACCEPTED, Stage.QUEUED]


@ON_POSTGRESQL
async def test_a_module_is_not_set_while_the_operation_runs_that_got_its_turn_a_moment_ago(database: Database) -> None:
    async with database.write() as session:
        session.add(ProcessingModule(name="by-hand", kind=ModuleKind.MANUAL, product_type="vds", department="support"))
    service, (opening, _) = await with_queue(database, 1)
    ending = Ending(database, service, opening)
    await ending.written()
    change = ModuleChange(module="by-hand", reason="it moves")
    setting = asyncio.create_task(set_module(database, service, change, actor="anna"))
    await until_waiting(database, 1)
    await ending.commit()

    with pytest.raises(Refused, match="wait for its end"):
        await setting


async def test_what_stepped_aside_while_its_workflow_was_being_started_is_started_at_its_turn(
    database: Database,
) -> None:
    service, (opening, waiting) = await with_queue(database, 1)
    await end(database, service, opening)
    assert await to_be_started(database) == [waiting]
    # Its workflow is started, and before that is written down an urgent operation goes first.
    async with database.write() as session:
        await step_aside(session, await locked_operation(session, waiting), client="shop")
    urgent = await resumption(database, service, "urgent")
    async with database.write() as session:
        await note_started(session, await locked_operation(session, waiting))
    await end(database, service, urgent.operation)

    assert (await stages(database))[1] is Stage.ACCEPTED
    assert await to_be_started(database) == [waiting]


async def end(database: Database, service: int, number: int) -> None:
    ending = Ending(database, service, number)
    await ending.written()
    await ending.commit()
