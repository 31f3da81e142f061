"""A copy of a SQLite file that is in use. PostgreSQL has its own programs for that: deploy/backup/backup.sh."""

import os
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

HELD_BECAUSE = "this database was restored from a backup"
"""In the copy, so that no worker and no API works on it before `resell restored`. backup.sh writes the same."""
PATIENCE_SECONDS = 30.0
_ENDING = ".db"


class CopyFailed(Exception):
    """Nothing was saved; the message says why."""


def save(file: Path, directory: Path, *, at: datetime, keep: int) -> tuple[Path, list[Path]]:
    """Save `file` in `directory`, read the copy back, and remove all but the newest `keep` copies of it.

    The copy is as the file was at one moment, whoever writes meanwhile. It gets its name when it is complete and on the
    disk. Returns it, and what was removed. Raises CopyFailed.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = directory / f".{file.stem}.unfinished"
        part.unlink(missing_ok=True)  # of a run that was killed
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        saved = directory / f"{file.stem}-{at:%Y%m%dT%H%M%SZ}{_ENDING}"
        try:
            _copy(file, part)
            _to_disk(part)
            part.rename(saved)
            _to_disk(directory)
        finally:
            part.unlink(missing_ok=True)
        removed = sorted(directory.glob(f"{file.stem}-*{_ENDING}"))[:-keep]
        for one in removed:
            one.unlink()
    except (OSError, sqlite3.Error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise CopyFailed(f"{file} can't be saved in {directory}: {why}") from error
    return saved, removed


def _copy(file: Path, part: Path) -> None:
    address = f"{file.resolve().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(address, uri=True, timeout=PATIENCE_SECONDS)) as source,
        closing(sqlite3.connect(part, isolation_level=None)) as copy,
    ):
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file
        if any(name == "held_because" for _, name, *_ in copy.execute("PRAGMA table_info(installation)")):
            copy.execute("UPDATE installation SET held_because = ? WHERE held_because IS NULL", (HELD_BECAUSE,))
    with closing(sqlite3.connect(part)) as copy:
        [*wrong] = (words for (words,) in copy.execute("PRAGMA integrity_check") if words != "ok")
    if wrong:
        raise CopyFailed(f"the copy of {file} is damaged: {wrong[0]}")


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
