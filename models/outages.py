"""What a database's error means: which of the few conditions that no statement is to blame for, or a fault of ours.

Judged by PostgreSQL's SQLSTATE and SQLite's result codes. Only where the driver gives none, while it connects, the
words of the server are read.
"""

import re
import sqlite3
from enum import StrEnum

import psycopg
from sqlalchemy.exc import DBAPIError, InvalidRequestError, PendingRollbackError, TimeoutError

LONGEST_CAUSE = 200
"""Characters of the driver's own words. Its first line alone: what follows may hold values of a row."""


class Outage(StrEnum):
    """Why the database does not do what is right to ask of it."""

    AWAY = "away"
    """It can't be reached, or is starting or stopping."""
    BUSY = "busy"
    """No connection was free, a lock was not given back, a statement took too long."""
    READ_ONLY = "read-only"
    FULL = "full"
    REFUSED = "refused"
    """A password, name or right is wrong, or what is at the address is no database."""
    SCHEMA = "schema"
    """A table or column is not there."""
    DAMAGED = "damaged"
    HELD = "held"
    """A backup that was brought back: it says so itself, or it is older than what Temporal knows."""

    @property
    def passes(self) -> bool:
        """Waiting mends it. The others last until a person acts."""
        return self in (Outage.AWAY, Outage.BUSY, Outage.READ_ONLY)

    @property
    def words(self) -> str:
        return _WORDS[self]


_WORDS = {
    Outage.AWAY: "the database can't be reached",
    Outage.BUSY: "the database is busy",
    Outage.READ_ONLY: "the database is read-only now; another server has probably become the primary",
    Outage.FULL: "the database's disk is full; make room",
    Outage.REFUSED: "the database does not let us in; look at RESELL_DATABASE_URL and the rights of its user",
    Outage.DAMAGED: "the database's files are damaged; bring back a copy",
    Outage.SCHEMA: "the database has no schema, or an old one; run `resell migrate`",
    Outage.HELD: "the database was brought back from a backup; nothing is sent until you run `resell restored`",
}


class Held(Exception):
    """Nothing may be accepted or sent: `resell restored` has still to be run. The message is the reason."""


_BY_SQLSTATE = {
    "08": Outage.AWAY,  # connection exception
    "57P01": Outage.AWAY,  # the server is shut down
    "57P02": Outage.AWAY,  # it has crashed
    "57P03": Outage.AWAY,  # it is starting or stopping
    "57P05": Outage.AWAY,  # it closed an idle session
    "58": Outage.AWAY,  # its operating system failed it
    "25P03": Outage.BUSY,  # idle in a transaction for too long
    "25P04": Outage.BUSY,  # a transaction took too long
    "40": Outage.BUSY,  # taken back: a deadlock, or somebody was faster
    "53": Outage.BUSY,  # too many connections, out of memory
    "55P03": Outage.BUSY,  # a lock was not to be had
    "57014": Outage.BUSY,  # a statement took too long
    "25006": Outage.READ_ONLY,
    "53100": Outage.FULL,
    "28": Outage.REFUSED,  # the log-in
    "3D": Outage.REFUSED,  # there is no such database
    "42501": Outage.REFUSED,  # a right is missing
    "57P04": Outage.REFUSED,  # the database was dropped
    "XX001": Outage.DAMAGED,
    "XX002": Outage.DAMAGED,
    "3F": Outage.SCHEMA,
    "42P01": Outage.SCHEMA,
    "42703": Outage.SCHEMA,
}
"""SQLSTATEs, and classes of them (their first two characters)."""

_BY_RESULT_CODE = {
    sqlite3.SQLITE_CANTOPEN: Outage.AWAY,
    sqlite3.SQLITE_IOERR: Outage.AWAY,
    sqlite3.SQLITE_BUSY: Outage.BUSY,
    sqlite3.SQLITE_LOCKED: Outage.BUSY,
    sqlite3.SQLITE_PROTOCOL: Outage.BUSY,
    sqlite3.SQLITE_NOMEM: Outage.BUSY,
    sqlite3.SQLITE_READONLY: Outage.READ_ONLY,
    sqlite3.SQLITE_FULL: Outage.FULL,
    sqlite3.SQLITE_CORRUPT: Outage.DAMAGED,
    sqlite3.SQLITE_NOTADB: Outage.REFUSED,
    sqlite3.SQLITE_PERM: Outage.REFUSED,
    sqlite3.SQLITE_AUTH: Outage.REFUSED,
}
_BY_EXTENDED_CODE = {sqlite3.SQLITE_IOERR_SHMSIZE: Outage.FULL}
"""The file of the shared memory beside the database could not be made as large as it must be."""
_NO_SUCH_THING = ("no such table", "no such column", "has no column named")
"""SQLite has one code for these and for whatever else is wrong with a statement."""

_SAID_WHILE_CONNECTING = (
    ("too many connections", Outage.BUSY),
    ("too many clients", Outage.BUSY),
    ("connection slots are reserved", Outage.BUSY),
    ("authentication failed", Outage.REFUSED),
    ("no password supplied", Outage.REFUSED),
    ("no pg_hba.conf entry", Outage.REFUSED),
    ("is not permitted to log in", Outage.REFUSED),
    ("permission denied", Outage.REFUSED),
    ("does not exist", Outage.REFUSED),
    ("does not support SSL", Outage.REFUSED),
    ("certificate verify failed", Outage.REFUSED),
)
"""libpq gives no SQLSTATE for an attempt to connect. A server that speaks another language is taken to be away."""
_QUOTED = re.compile(r'"[^"]*"?|\'[^\']*\'?')
_CANT_RECONNECT = "8s2b"
"""SQLAlchemy's code of a transaction whose connection was lost before."""


def outage_of(error: BaseException) -> Outage | None:
    """None: nothing is wrong with the database, so it is the statement, the row or our code."""
    if isinstance(error, TimeoutError):  # SQLAlchemy's own: nobody gave a connection back
        return Outage.BUSY
    if isinstance(error, ConnectionError):
        return Outage.AWAY
    if isinstance(error, Held):
        return Outage.HELD
    if isinstance(error, PendingRollbackError):
        return Outage.AWAY if error.code == _CANT_RECONNECT else None
    if isinstance(error, InvalidRequestError):
        return Outage.AWAY if "This connection is closed" in str(error) else None
    if isinstance(error, DBAPIError):
        said = None if error.orig is None else _of_driver(error.orig)
        return said or (Outage.AWAY if error.connection_invalidated else None)
    return _of_driver(error)


def is_unavailable(error: BaseException) -> bool:
    """The same will do later, and nobody need act: whoever can, waits."""
    outage = outage_of(error)
    return outage is not None and outage.passes


def described(error: BaseException) -> str:
    """What is wrong with the database and, in the driver's words, why; for logs and people."""
    outage, cause = outage_of(error), cause_of(error)
    return f"{outage.words} ({cause})" if outage else cause


def cause_of(error: BaseException) -> str:
    """The driver's own words, on one line, with no value of a row and none of RESELL_DATABASE_URL: what the driver
    quotes while it connects is from there."""
    cause = getattr(error, "orig", None) or error
    line = str(cause).strip().partition("\n")[0][:LONGEST_CAUSE] or type(cause).__name__
    if isinstance(cause, psycopg.Error) and cause.sqlstate is None:
        line = _QUOTED.sub("…", line)
    return line


def _of_driver(error: BaseException) -> Outage | None:
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(error)
    if isinstance(error, psycopg.Error):
        return _of_postgresql(error)
    return None


def _of_sqlite(error: sqlite3.Error) -> Outage | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    if code == sqlite3.SQLITE_ERROR and any(words in str(error) for words in _NO_SUCH_THING):
        return Outage.SCHEMA
    return _BY_EXTENDED_CODE.get(code) or _BY_RESULT_CODE.get(code & 0xFF)


def _of_postgresql(error: psycopg.Error) -> Outage | None:
    if error.sqlstate is not None:
        return _BY_SQLSTATE.get(error.sqlstate) or _BY_SQLSTATE.get(error.sqlstate[:2])
    if isinstance(error, psycopg.OperationalError):
        text = str(error)
        return next((outage for words, outage in _SAID_WHILE_CONNECTING if words in text), Outage.AWAY)
    if isinstance(error, psycopg.InterfaceError) and "closed" in str(error):
        return Outage.AWAY
    return None
