"""Notes about an account that people read: which of its breakers are open, and which orders wait for a slot."""

import asyncio
import logging
from datetime import timedelta

from sqlmodel import select
from temporalio.client import Client

from models.catalogue import UpstreamAccount
from models.circuits import CircuitState
from models.columns import utc_now
from models.database import Database
from models.enums import FailureClass
from orders.lifecycle.stages import note_that_it_waits
from temporal.waking import LOOKS, Waking, wake, wake_one
from upstreams.connections import Connections

log = logging.getLogger(__name__)

_HEARD_WITHIN = 1.0
"""Seconds after which Temporal has heard mostly that an activity has failed."""


class AccountNotes:
    """One instance per worker process. A note that fails is written at the next occasion: nothing depends on it."""

    def __init__(self, database: Database, connections: Connections, client: Client) -> None:
        self._database = database
        self._client = client
        self._waking: dict[str, asyncio.Task[int]] = {}
        self._waking_one: set[asyncio.Task[None]] = set()
        self._connections = connections
        self._written: dict[str, int] = {}

    async def circuits(self, account: str) -> None:
        """Write the breakers of the account down, if they have changed."""
        gate = self._connections.gate(account)
        if gate is None or gate.changes == self._written.get(account, 0):
            return
        before, self._written[account] = self._written.get(account, 0), gate.changes
        try:
            async with self._database.write() as session:
                row = (
                    await session.exec(select(UpstreamAccount).where(UpstreamAccount.name == account).with_for_update())
                ).one_or_none()
                if row is None:
                    return
                noted, closed = dict(row.circuits), False
                for name, note in gate.notes().items():
                    if note.state is not CircuitState.CLOSED:
                        if name not in noted:
                            log.warning("upstream %s: the breaker of %s is open: %s", account, name, note.why)
                        noted[name] = note.model_dump(mode="json")
                    elif noted.pop(name, None) is not None:
                        closed = True
                        log.warning("upstream %s: the breaker of %s is closed again", account, name)
                row.circuits = noted
                session.add(row)
        except Exception as error:  # of whatever kind: the activity's own result is what counts
            self._written[account] = before
            log.info("upstream %s: its breakers are not noted: %s", account, error)
            return
        if closed:
            self.wake(account)

    def wake(self, account: str) -> None:
        """Have the orders tried that waited for the account: by the one process that notes that a breaker is closed, or
        that polls an account that is resumed."""
        under_way = self._waking.get(account)
        if under_way is None or under_way.done():
            self._waking[account] = asyncio.create_task(wake(self._client, self._database, account))
            self._waking[account].add_done_callback(_said)

    def slot_is_free(self, without_slot: set[int]) -> None:
        """The oldest operation that had no slot is tried now."""
        if without_slot:
            task = asyncio.create_task(self._wake_one(without_slot))
            self._waking_one.add(task)
            task.add_done_callback(self._waking_one.discard)

    async def _wake_one(self, without_slot: set[int]) -> None:
        """Who was refused a moment ago may still count as running: he is tried again."""
        for _ in range(LOOKS):
            for oldest in sorted(without_slot):
                if oldest not in without_slot:
                    continue  # somebody else has it woken
                without_slot.remove(oldest)
                try:
                    done = await wake_one(self._client, self._database, oldest)
                except Exception as error:  # of whatever kind: an order that is not woken comes at its time
                    log.info("operation %s is not woken, it comes at its time: %s", oldest, error)
                    return
                if done is Waking.WOKEN:
                    return
                if done is Waking.RUNS:
                    without_slot.add(oldest)
            if not without_slot:
                return
            await asyncio.sleep(_HEARD_WITHIN)

    async def close(self) -> None:
        tasks = [*self._waking.values(), *self._waking_one]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def no_slot(self, operation: int, reason: str, pause: float) -> None:
        """An operation waits for a slot of its account."""
        try:
            async with self._database.write() as session:
                at = utc_now() + timedelta(seconds=pause)
                await note_that_it_waits(session, operation, at, FailureClass.NOT_SENT, reason)
        except Exception as error:  # of whatever kind: it comes again in any case
            log.info("operation %s: that it waits for a slot is not noted: %s", operation, error)


def _said(waking: asyncio.Task[int]) -> None:
    if not waking.cancelled() and (error := waking.exception()) is not None:
        log.info("orders are not woken, they come at their time: %s", error)
