"""PostgreSQL's connections: as few round trips as a transaction needs.

A read is a round trip a statement: it begins no transaction, which would be two more. (Under READ COMMITTED, our level,
a transaction adds nothing to statements that only read: each sees what is committed when it begins. And psycopg forgets
what it has prepared whenever a transaction is rolled back, as reads always were.)

A pooled connection is not asked before each use whether it lives: one that the server has closed shows it by its
socket. Only after a rest is it asked, for a firewall forgets connections in silence.
"""

import select
import time
from collections.abc import Iterable
from typing import Any

from psycopg import AsyncCursor, Error
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine

from models.pool import PoolTerms


class RowByRow(AsyncCursor[Any]):
    """Sends several rows one after the other, and not as a pipeline.

    In a pipeline the server waits for its end, and none of its limits holds: the locks of a process that is frozen
    there stay until it wakes.
    """

    async def executemany(self, query: Any, params_seq: Iterable[Any], *, returning: bool = False) -> None:
        """What psycopg does where libpq has no pipelines."""
        async with self._conn.lock:
            await self._conn.wait(self._executemany_gen_no_pipeline(query, params_seq, returning))


_CONNECT_SECONDS = 5
_SILENCE_MILLISECONDS = 30_000
"""A server that has not acknowledged anything for so long is gone: its connection is given up."""
READS = "reads"
"""Execution option of a connection that only reads."""


class WritesInRead(RuntimeError):
    """A statement that writes was asked for on a connection that only reads. It was not sent."""


REST_SECONDS = 60
"""A connection that was not used for so long is asked whether it lives."""
_USED_AT = "used_at"


def connect_options(url: URL, terms: PoolTerms) -> dict[str, object]:
    """The driver's own. What the address says itself stays as it is."""
    options: dict[str, object] = {
        "connect_timeout": _CONNECT_SECONDS,
        "tcp_user_timeout": _SILENCE_MILLISECONDS,
        "cursor_factory": RowByRow,
    }
    if terms.statement_timeout:
        limits = {
            "statement_timeout": terms.statement_timeout,
            "lock_timeout": terms.wait,
            "idle_in_transaction_session_timeout": terms.pause,
        }
        options["options"] = " ".join(f"-c {name}={max(1, int(seconds * 1000))}" for name, seconds in limits.items())
    return {name: value for name, value in options.items() if name not in url.query}


def prepare(engine: AsyncEngine) -> None:
    """Make `engine`'s connections so. Raises nothing: the server need not be there."""
    dialect = engine.dialect
    dialect.use_insertmanyvalues_wo_returning = True  # several new rows are one statement

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Connection) -> None:
        if connection.get_execution_options().get(READS, False):
            _driver(connection).set_autocommit(True)

    @event.listens_for(engine.sync_engine, "handle_error")
    def on_error(context: ExceptionContext) -> None:
        """What the driver raises and is no error of a database (an assertion of its own, when it is cancelled in the
        wrong moment) leaves a connection in an unknown state, which may mix up answers. It is closed."""
        if not context.is_disconnect and not isinstance(context.original_exception, Error | WritesInRead):
            context.is_disconnect = True
            context.invalidate_pool_on_disconnect = False

    @event.listens_for(engine.sync_engine, "checkin")
    def on_checkin(connection: Any, record: Any) -> None:
        if connection is not None and connection.autocommit:
            connection.set_autocommit(False)
        record.info[_USED_AT] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def on_checkout(connection: Any, record: Any, _fairy: Any) -> None:
        if _has_something_to_say(connection.driver_connection):
            raise DisconnectionError("the server has closed the connection")
        used_at = record.info.get(_USED_AT)
        if used_at is not None and time.monotonic() - used_at > REST_SECONDS:
            try:
                dialect.do_ping(connection)
            except Error as error:
                raise DisconnectionError(str(error)) from error


def _driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def _has_something_to_say(connection: Any) -> bool:
    """For an idle connection: its end, or news that a new connection need not learn."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
