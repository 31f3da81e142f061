"""Keeps the panel's state in a file, so that a killed panel loses nothing it had answered for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

_SCHEMA = "CREATE TABLE IF NOT EXISTS entity (kind TEXT, id INTEGER, body TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID"


class Unusable(Exception):
    """The state file cannot be used: another simulator holds it, or it is something else."""


class Store:
    """One row per entity; every request that changed something is one transaction.

    Write-ahead logging without a sync per commit: a killed process loses nothing, a power cut might.
    """

    def __init__(self, path: Path | None) -> None:
        self._db: sqlite3.Connection | None = None
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, timeout=1)
        try:
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute(_SCHEMA)
        except sqlite3.Error as error:
            self._db.close()
            raise Unusable(f"{path}: {error}") from error

    @property
    def keeps(self) -> bool:
        """There is a file."""
        return self._db is not None

    def load(self, kind: str) -> list[str]:
        """The bodies of every entity of a kind, by ascending id."""
        if self._db is None:
            return []
        rows = self._db.execute("SELECT body FROM entity WHERE kind = ? ORDER BY id", (kind,))
        return [str(body) for (body,) in rows]

    def write(self, saved: Iterable[tuple[str, int, str]], removed: Iterable[tuple[str, int]]) -> None:
        """Save and remove entities in one transaction."""
        if self._db is None:
            return
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("INSERT OR REPLACE INTO entity VALUES (?, ?, ?)", saved)
        self._db.executemany("DELETE FROM entity WHERE kind = ? AND id = ?", removed)
        self._db.execute("COMMIT")

    def clear(self) -> None:
        """Forget everything."""
        if self._db is not None:
            self._db.execute("DELETE FROM entity")

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()
