"""The folder of an archive: for each month a file of records, and a manifest that says what is in it.

A month is done as soon as its manifest is there. The manifest is written last, and both get their names only when they
are whole and on the disk: whatever is killed in between is written anew by the next run.
"""

import fcntl
import hashlib
import os
from collections.abc import AsyncIterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ValidationError

from orders.archiving.records import Archived, Record
from orders.errors import InvalidField, Refused
from orders.tables import columns_of, csv_head, csv_rows

COLUMNS = columns_of(Record)
_CHUNK = 1 << 20


class Manifest(BaseModel):
    """What is in the file of a month."""

    format: int = 1
    month: date
    """Its first day."""
    installation: str
    """Tag of the database that it was read from, as marks have it."""
    file: str
    bytes: int
    sha256: str
    operations: int
    """That ended in this month, UTC."""
    records: Mapping[str, int]
    """Kind → how many lines."""
    stages_removed_before: int
    """Operations some of whose stages had been removed, by age or by an earlier archive."""
    written_at: datetime


@dataclass(frozen=True)
class Folder:
    """`path` is a folder that is there. Raises InvalidField for one that can't be used."""

    path: Path

    @contextmanager
    def opened(self) -> Iterator[None]:
        """For one run at a time."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise InvalidField("--to", f"{self.path} is no folder that can be used: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise Refused(f"another archive is being written to {self.path}; wait for its end") from None
        except PermissionError as error:
            raise InvalidField("--to", f"{self.path} can't be written to: {error.strerror}") from error
        finally:
            os.close(descriptor)

    def manifest(self, month: date, installation: str) -> Manifest | None:
        """What was written about a month; None: it is not done. Raises Refused if the file is another one by now, or
        is of another installation."""
        path = self.path / _manifest_name(month)
        try:
            found = Manifest.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise Refused(f"{path} is no manifest of an archive; move it away") from error
        if found.installation != installation:
            raise Refused(
                f"{path} is of the installation {found.installation}, and this one is {installation}; "
                "choose another folder with --to"
            )
        file = self.path / found.file
        if not file.exists() or _sha256(file) != found.sha256:
            raise Refused(
                f"{file} is not what {path.name} says. Bring back both, or move both away; then the month is written "
                "anew, from what the database still has"
            )
        return found

    async def write(
        self, month: date, installation: str, operations: AsyncIterable[Archived], now: datetime
    ) -> Manifest:
        """The file of a month, and then its manifest. Each has its name once it is whole."""
        name = f"operations-{month:%Y-%m}.csv"
        records: dict[str, int] = {}
        count = incomplete = size = 0
        digest = hashlib.sha256()
        with _whole(self.path / name) as file:
            size += _add(file, csv_head(COLUMNS), digest)
            async for one in operations:
                count += 1
                incomplete += not one.stages_are_whole
                for record in one.records:
                    records[record.record.value] = records.get(record.record.value, 0) + 1
                lines = csv_rows(COLUMNS, [record.model_dump(mode="json") for record in one.records])
                size += _add(file, lines, digest)
        manifest = Manifest(
            month=month,
            installation=installation,
            file=name,
            bytes=size,
            sha256=digest.hexdigest(),
            operations=count,
            records=records,
            stages_removed_before=incomplete,
            written_at=now,
        )
        with _whole(self.path / _manifest_name(month)) as file:
            file.write((manifest.model_dump_json(indent=2) + "\n").encode())
        return manifest


def _add(file: BinaryIO, text: str, digest: "hashlib._Hash") -> int:
    data = text.encode()
    digest.update(data)
    return file.write(data)


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A new file which gets this name when all of it is on the disk. Nobody but its owner can read it."""
    partial = path.with_name(f".{path.name}.partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _manifest_name(month: date) -> str:
    return f"operations-{month:%Y-%m}.json"


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
