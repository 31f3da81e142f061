"""A worker that halts at a step: `HALT` is JSON, the name of the step and the operations that are to come to it.

It runs as in production until the operations are at the step, and writes `halted N` when N of them are there (all, or
those that came within some seconds of the first: a poller reads several items, one cart is paid at a time). Its parent
kills it then, or lets it go on (SIGUSR1), or has it stand still (SIGUSR2): it stops itself while it holds no
transaction, because a writer that is stopped would hold the database.
"""

import asyncio
import functools
import json
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from activities.answers import AnswerWriter
from activities.carrying_out import CarryingOutActivities
from activities.carts import CartPayment
from activities.poller import forms, heads, waiting
from activities.poller.lists import ListPoll
from activities.poller.watch import FormRead, Watch
from activities.records import RecordActivities
from activities.submission import SubmitActivities
from models.database import Database
from models.enums import UpstreamStatus
from models.queues import WorkerRole, roles_of
from orders.carts.ledger import CartLedger
from settings import load_settings
from temporal import delivery
from temporal.client import connect_client
from temporal.starting import start_sweep
from tests.matrix.cells import Step
from upstreams.port import ListedRow
from worker import Activities, build_workers

REST = 5.0
"""Seconds from the first operation at the step, after which no more are waited for."""
AT_WORK = (UpstreamStatus.ORDERED, UpstreamStatus.PROCESSING)


class Halt:
    """Where operations stop until they may go on."""

    def __init__(self, step: Step, operations: set[int], database: Database) -> None:
        self._step = step
        self._missing = operations
        self._count = 0
        self._database = database
        self._over = asyncio.Event()
        self._watch: Watch | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def at(self, step: Step, *operations: int) -> None:
        if step is not self._step or self._over.is_set():
            return
        coming = self._missing & set(operations)
        if not coming:
            return
        self._missing -= coming
        if not self._count:
            self._tasks.append(asyncio.create_task(self._report_later()))
        self._count += len(coming)
        if not self._missing:
            self._report()
        await self._over.wait()

    async def _report_later(self) -> None:
        await asyncio.sleep(REST)
        if self._missing:
            self._report()

    def _report(self) -> None:
        print(f"halted {self._count}", flush=True)

    def go_on(self) -> None:
        self._over.set()

    def stand_still(self) -> None:
        self._tasks.append(asyncio.create_task(self._stand_still()))

    async def _stand_still(self) -> None:
        async with self._database._one_writer:
            print("stopped", flush=True)
            os.kill(os.getpid(), signal.SIGSTOP)
        self._over.set()

    def watches(self, watch: Watch) -> None:
        self._watch = watch

    def shown(self, numbers: set[str]) -> list[int]:
        """The operations that wait for these items."""
        awaited = self._watch.awaited if self._watch is not None else []
        return [one.number for one in awaited if one.upstream_number in numbers]


def _around(
    owner: Any,
    name: str,
    before: Callable[..., Awaitable[None]] | None = None,
    after: Callable[..., Awaitable[None]] | None = None,
) -> None:
    """Do something before or after a function. The function itself is not changed."""
    real = getattr(owner, name)

    @functools.wraps(real)
    async def wrapped(*args: Any, **options: Any) -> Any:
        if before is not None:
            await before(*args, **options)
        answer = await real(*args, **options)
        if after is not None:
            await after(*args, **options)
        return answer

    setattr(owner, name, wrapped)


def _finished(rows: list[ListedRow]) -> set[str]:
    found = set()
    for row in rows:
        item = row.item()
        if item.status not in AT_WORK:
            found.add(item.number)
    return found


def put_halts(halt: Halt) -> None:
    async def of_job(step: Step, job: Any) -> None:
        await halt.at(step, job.number)

    _around(CarryingOutActivities, "_begin_and_send", lambda _, job, *__: of_job(Step.BEFORE_INTENT, job))
    _around(SubmitActivities, "_write_intent", lambda _, job, *__: of_job(Step.BEFORE_INTENT, job))
    _around(
        SubmitActivities,
        "send",
        lambda _, job, *__: of_job(Step.INTENT_WRITTEN, job),
        lambda _, job, *__: of_job(Step.SETTLED, job),
    )
    _around(AnswerWriter, "accepted", lambda _, job, *__: of_job(Step.ANSWERED, job))
    _around(CartPayment, "_send", lambda _, work, *__: of_job(Step.CART_CONFIRMED, work.job))
    _around(CartLedger, "accepted", lambda _, job, *__: of_job(Step.CART_PAID, job))
    _around(
        delivery,
        "_signal",
        lambda _, __, operation: halt.at(Step.EVENT_STORED, operation.id),
        lambda _, __, operation: halt.at(Step.SIGNAL_SENT, operation.id),
    )
    _around(RecordActivities, "complete_operation", after=lambda _, order: halt.at(Step.APPLIED, order.operation))

    async def capture(_: Database, watch: Watch) -> None:
        halt.watches(watch)

    async def form_read(_: Database, __: Watch, ___: str, answers: list[FormRead]) -> None:
        done = {one.form.number for one in answers if one.form.status not in AT_WORK}
        await halt.at(Step.EVENT_READ, *halt.shown(done))

    async def page_read(_: Any, rows: list[ListedRow], *__: Any) -> None:
        await halt.at(Step.EVENT_READ, *halt.shown(_finished(rows)))

    async def head_read(_: Any, __: Any, ___: int, ____: str, rows: list[ListedRow]) -> None:
        await halt.at(Step.EVENT_READ, *halt.shown(_finished(rows)))

    _around(waiting, "refresh_waiting", after=capture)
    _around(forms, "_record_forms", form_read)
    _around(ListPoll, "_take", page_read)
    _around(heads, "take_head", head_read)


async def main() -> None:
    settings = load_settings()
    database = Database(settings.database_url)
    client = await connect_client()
    given = json.loads(os.environ["HALT"])
    halt = Halt(Step[given["step"]], set(given["operations"]), database)
    put_halts(halt)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, halt.go_on)
    loop.add_signal_handler(signal.SIGUSR2, halt.stand_still)
    roles = roles_of(given["roles"])
    workers = build_workers(client, Activities(database, client, settings), settings, roles)
    if WorkerRole.ORDERS in roles:
        await start_sweep(client, settings.task_queue)
    print("working", flush=True)
    await asyncio.gather(*(one.run() for one in workers))


if __name__ == "__main__":
    asyncio.run(main())
