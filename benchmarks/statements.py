"""Counts the SQL statements and transactions of this process, by what asked for them.

What asks is the Temporal activity whose context a statement runs in, or the part that the code around it has named
(`part`). A statement is one call of the driver, whatever the number of its rows; BEGIN, COMMIT and ROLLBACK belong to
the transaction and are not counted apart. A transaction is counted from the moment it begins, reading ones too.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from temporalio import activity

FOR_ALL = frozenset({"poll_upstream", "send_webhooks", "sweep_orders"})
"""Activities that work for all orders together, and on their own clock."""
PLACING = "placing"
"""The part of whoever places an order."""
ELSEWHERE = "elsewhere"
"""Neither in an activity nor in a part that has a name."""

_part: ContextVar[str] = ContextVar("part", default=ELSEWHERE)
_KEY = "counted transaction"


@contextmanager
def part(name: str) -> Iterator[None]:
    """What is asked within, by this task and those it starts, is counted under this name."""
    token = _part.set(name)
    try:
        yield
    finally:
        _part.reset(token)


def asking() -> str:
    """The name under which a statement of this moment is counted."""
    return activity.info().activity_type if activity.in_activity() else _part.get()


@dataclass
class Transaction:
    asked_by: str
    writes: bool
    """Begun by `Database.write`."""
    statements: list[str] = field(default_factory=list)


@dataclass
class StatementCount:
    statements: int = 0
    reads: int = 0
    """Transactions that only read."""
    writes: int = 0

    @property
    def transactions(self) -> int:
        return self.reads + self.writes

    def __add__(self, other: "StatementCount") -> "StatementCount":
        return StatementCount(self.statements + other.statements, self.reads + other.reads, self.writes + other.writes)

    def __sub__(self, other: "StatementCount") -> "StatementCount":
        return StatementCount(self.statements - other.statements, self.reads - other.reads, self.writes - other.writes)


@contextmanager
def listening(began: Callable[[Transaction], None], executed: Callable[[Transaction, str], None]) -> Iterator[None]:
    """Hear of every transaction and statement of every engine of this process."""

    def on_begin(connection: Connection) -> None:
        transaction = Transaction(asking(), bool(connection.get_execution_options().get("write", False)))
        connection.info[_KEY] = transaction
        began(transaction)

    def on_execute(
        connection: Connection, _cursor: Any, statement: str, _parameters: Any, _context: Any, _many: bool
    ) -> None:
        transaction = connection.info.get(_KEY)
        if transaction is not None and not statement.startswith("BEGIN"):
            executed(transaction, statement)

    event.listen(Engine, "begin", on_begin)
    event.listen(Engine, "before_cursor_execute", on_execute)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", on_execute)
        event.remove(Engine, "begin", on_begin)


@contextmanager
def tallying() -> Iterator[dict[str, StatementCount]]:
    """Numbers alone, by who asked: for processes that run long."""
    tallies: dict[str, StatementCount] = {}

    def tally(transaction: Transaction) -> StatementCount:
        return tallies.setdefault(transaction.asked_by, StatementCount())

    def began(transaction: Transaction) -> None:
        if transaction.writes:
            tally(transaction).writes += 1
        else:
            tally(transaction).reads += 1

    def executed(transaction: Transaction, _statement: str) -> None:
        tally(transaction).statements += 1

    with listening(began, executed):
        yield tallies


@contextmanager
def recording() -> Iterator[list[Transaction]]:
    """Every transaction with the text of its statements, in the order in which they began."""
    transactions: list[Transaction] = []
    with listening(transactions.append, lambda transaction, statement: transaction.statements.append(statement)):
        yield transactions
