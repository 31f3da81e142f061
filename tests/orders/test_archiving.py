"""Ended operations become files that are whole or not there, and what is removed is in them. On both databases."""

import asyncio
import csv
import hashlib
import json
import signal
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from models.audit import AuditEntry
from models.columns import utc_now
from models.database import Database
from models.enums import EventKind, IntentState, OperationKind, ReservationState, Stage, UpstreamStatus
from models.events import UpstreamEvent
from models.order import IntakeKey, Intent, Operation, Reservation, Service, StageEntry
from orders import retention
from orders.archiving import files, records
from orders.archiving.files import Folder
from orders.archiving.run import Done, archive
from orders.errors import InvalidField, Refused
from orders.views import WorkflowLinks, find_operation
from tests.infrastructure.forking import PROJECT
from tests.orders.test_retention import KEEP, add, count, numbers, service

JANUARY, FEBRUARY = date(2025, 1, 1), date(2025, 2, 1)
LINKS = WorkflowLinks("http://ui.test", "default")
STAGES = (Stage.ACCEPTED, Stage.SUBMITTING, Stage.AWAITING_CONFIRMATION, Stage.COMPLETED)


def at(day: int, month: int = 1) -> datetime:
    return datetime(2025, month, day, 12, 30, tzinfo=UTC)


async def carried_out(database: Database, number: int, ended: datetime | None) -> None:
    """An operation on a service of its own, with all that it leaves; without an end it runs still."""
    stage = Stage.AWAITING_CONFIRMATION if ended is None else Stage.COMPLETED
    when = ended or at(3)
    known: dict[str, Any] = {"operation_id": number, "account_id": 1}
    await add(
        database,
        service(number, customer="=SUM(A1)", shop_metadata={"cart": "7"}),
        Operation(
            id=number,
            service_id=number,
            kind=OperationKind.PROLONG,
            stage=stage,
            ended_at=ended,
            created_at=when,
            upstream_name="main",
            cost_amount=Decimal("5.00"),
            cost_currency="EUR",
        ),
        IntakeKey(client="shop", key=f"key-of-operation-{number:04}", body_hash="h", operation_id=number),
        *(StageEntry(operation_id=number, stage=one, at=when, reason="") for one in STAGES),
        Intent(**known, attempt=1, mark=f"m{number}", state=IntentState.ACCEPTED, request={"a": "b"}, settled_at=when),
        Reservation(**known, state=ReservationState.RELEASED, amount=Decimal("5.00"), granted_at=when),
        UpstreamEvent(
            **known,
            event_id=f"event-of-operation-{number:04}",
            product_type="vds",
            upstream_number=str(number),
            service_id=number,
            kind=EventKind.PROLONGED,
            status=int(UpstreamStatus.ACTIVE),
            seen_at=when,
            applied_at=when,
            delivered_at=when,
        ),
    )


@pytest.fixture
async def old(database: Database) -> Database:
    """Two operations that ended in January, one that ended in March, one of January that has not ended."""
    for number, ended in ((1, at(1)), (2, at(31)), (3, at(1, 3)), (4, None)):
        await carried_out(database, number, ended)
    return database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty one, for the archive."""
    made = tmp_path / "archive"
    made.mkdir()
    return made


async def archived(database: Database, folder: Path, before: date, *, remove: bool = False) -> list[Done]:
    return [one async for one in archive(database, Folder(folder), before, remove=remove, actor="olga")]


def lines(folder: Path, month: str = "2025-01") -> list[dict[str, str]]:
    with (folder / f"operations-{month}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def everything(folder: Path) -> dict[str, bytes]:
    """Without the time at which a manifest was written."""
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in [one for one in found if one.endswith(".json")]:
        found[name] = json.dumps(json.loads(found[name]) | {"written_at": ""}).encode()
    return found


def states(folder: Path) -> set[tuple[int, int]]:
    """Inode and mode of each file."""
    return {(path.stat().st_ino, path.stat().st_mode) for path in folder.iterdir()}


async def test_a_month_has_what_ended_in_it_and_all_that_belongs_to_that(old: Database, folder: Path) -> None:
    done = await archived(old, folder, date(2025, 4, 1))
    assert [one.manifest.month for one in done] == [JANUARY, date(2025, 3, 1)], "nothing ended in February"
    found = lines(folder)
    assert {line["operation"] for line in found} == {"1", "2"}
    first = [line for line in found if line["operation"] == "1"]
    assert [line["record"] for line in first] == ["operation", *["stage"] * 4, "call", "set_aside", "event"]
    itself, call, money = first[0], first[5], first[6]
    assert (itself["at"], itself["state"]) == ("2025-01-01T12:30:00Z", "completed")
    assert (itself["amount"], itself["currency"]) == ("5.0000", "EUR")
    details = json.loads(itself["details"])
    assert (details["customer"], details["kind"], details["upstream"]) == ("=SUM(A1)", "prolong", "main")
    assert json.loads(call["details"])["request"] == {"a": "b"}
    assert (money["state"], money["amount"], money["currency"]) == ("released", "5.0000", "EUR")

    manifest = done[0].manifest
    content = (folder / manifest.file).read_bytes()
    assert (manifest.bytes, manifest.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert manifest.operations == 2
    assert manifest.records == {"operation": 2, "stage": 8, "call": 2, "set_aside": 2, "event": 2}
    assert manifest == files.Manifest.model_validate_json((folder / "operations-2025-01.json").read_bytes())
    assert all(mode & 0o077 == 0 for _, mode in states(folder)), "it has names of customers"


async def test_pages_of_a_month_follow_one_another(
    old: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "PAGE", 1)
    for number in (10, 11, 12):
        await carried_out(old, number, at(31))
    await archived(old, folder, FEBRUARY)
    assert [line["operation"] for line in lines(folder) if line["record"] == "operation"] == [
        "1", "2", "10", "11", "12"
    ]  # fmt: skip


async def test_a_month_that_has_not_ended_is_left_out(old: Database, folder: Path) -> None:
    assert not await archived(old, folder, date(2025, 1, 31))
    assert not everything(folder)
    assert len(await archived(old, folder, FEBRUARY)) == 1
    with pytest.raises(InvalidField, match="has not come yet"):
        await archived(old, folder, date(2999, 1, 1))


async def test_a_repeat_writes_nothing(old: Database, folder: Path) -> None:
    await archived(old, folder, FEBRUARY)
    before = states(folder), everything(folder)
    assert [one.was_there for one in await archived(old, folder, FEBRUARY)] == [True]
    assert (states(folder), everything(folder)) == before
    async with old.read() as session:
        noted = (await session.exec(select(AuditEntry).where(AuditEntry.subject == "archive"))).all()
    assert [(one.action, one.subject_number, one.actor) for one in noted] == [("archived", 202501, "olga")]


class Cut(BaseException):
    """As if the process ended there."""


def _at_the(call: int) -> Callable[[], None]:
    calls = iter(range(call + 1))

    def due() -> None:
        if next(calls, None) == call:
            raise Cut

    return due


@pytest.mark.parametrize(
    ("where", "call"), [("csv_rows", 1), ("replace", 0), ("replace", 1)], ids=["writing", "file", "manifest"]
)
async def test_what_is_cut_off_is_written_anew_and_is_the_same(
    old: Database, folder: Path, monkeypatch: pytest.MonkeyPatch, where: str, call: int
) -> None:
    """In the middle of the file; before it has its name; before the manifest has."""
    whole, broken = folder / "whole", folder / "broken"
    whole.mkdir()
    broken.mkdir()
    await archived(old, whole, FEBRUARY)
    due = _at_the(call)
    with monkeypatch.context() as patch:
        target: Any = files if where == "csv_rows" else Path
        real = getattr(target, where)

        def cut(*given: Any) -> Any:
            due()
            return real(*given)

        patch.setattr(target, where, cut)
        with pytest.raises(Cut):
            await archived(old, broken, FEBRUARY, remove=True)
    assert not (broken / "operations-2025-01.json").exists(), "nobody may take it for done"
    assert await count(old, StageEntry) == 16, "nothing is removed before it is there"
    assert [one.was_there for one in await archived(old, broken, FEBRUARY)] == [False]
    assert everything(broken) == everything(whole)


KILLED = """
import asyncio, os, signal, sys
from datetime import date
from pathlib import Path
from models.database import Database
from orders.archiving.files import Folder
from orders.archiving.run import archive

left = int(sys.argv[3])
real = Path.replace

def replace(path, target):
    global left
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return real(path, target)

Path.replace = replace

async def main():
    async for _ in archive(Database(sys.argv[1]), Folder(Path(sys.argv[2])), date(2025, 2, 1), remove=True, actor="o"):
        pass

asyncio.run(main())
"""


@pytest.mark.proof
@pytest.mark.parametrize("renames", [0, 1])
async def test_a_killed_process_leaves_nothing_that_the_next_run_minds(
    old: Database, folder: Path, renames: int
) -> None:
    command = [sys.executable, "-c", KILLED, old.url, str(folder), str(renames)]
    killed = await asyncio.create_subprocess_exec(*command, cwd=PROJECT)
    async with asyncio.timeout(120):
        assert await killed.wait() == -signal.SIGKILL
    done = await archived(old, folder, FEBRUARY, remove=True)
    assert [(one.was_there, one.manifest.stages_removed_before) for one in done] == [(False, 0)]
    assert everything(folder).keys() == {"operations-2025-01.csv", "operations-2025-01.json"}
    assert len(lines(folder)) == 16


async def test_what_is_removed_is_in_the_archive_and_what_an_order_rests_on_stays(old: Database, folder: Path) -> None:
    [done] = await archived(old, folder, FEBRUARY, remove=True)
    assert done.removed == {"stages": 6, "events": 2}
    assert await numbers(old, UpstreamEvent) == [3, 4]
    assert await numbers(old, StageEntry) == [4, 8, *range(9, 17)]
    for table in (Service, Operation, IntakeKey, Intent, Reservation):
        assert await count(old, table) == 4, table
    async with old.read() as session:
        shown = await find_operation(session, LINKS, 1)
        noted = (await session.exec(select(AuditEntry).where(AuditEntry.action == "removed"))).one()
    assert [one.stage for one in shown.stages] == [Stage.COMPLETED]
    assert shown.history_begins_at == at(1), "whoever asks is told that there were more"
    assert noted.detail == {"stages": "6", "events": "2"}
    [again] = await archived(old, folder, FEBRUARY, remove=True)
    assert again.removed == {"stages": 0, "events": 0}


async def test_a_removal_that_is_cut_off_goes_on(old: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SLICE", 2)
    remove, due = retention._remove, _at_the(1)

    async def cut(database: Database, rule: retention.Rule, found: Any) -> int:
        due()
        return await remove(database, rule, found)

    with monkeypatch.context() as patch:
        patch.setattr(retention, "_remove", cut)
        with pytest.raises(Cut):
            await archived(old, folder, FEBRUARY, remove=True)
    assert await count(old, StageEntry) == 14
    [done] = await archived(old, folder, FEBRUARY, remove=True)
    assert (done.was_there, done.removed) == (True, {"stages": 4, "events": 2})


async def test_nothing_is_removed_that_is_young(old: Database, folder: Path) -> None:
    this_month = utc_now().replace(day=1)
    async with old.write() as session:
        moved = sa.update(Operation).where(col(Operation.id) == 3)
        await session.exec(moved.values(ended_at=this_month - timedelta(days=2)))
    done = await archived(old, folder, this_month.date(), remove=True)
    assert [one.removed for one in done] == [{"stages": 6, "events": 2}, None]
    assert await count(old, StageEntry) == 10


async def test_an_archive_that_is_not_what_was_written_is_refused(old: Database, folder: Path) -> None:
    await archived(old, folder, FEBRUARY)
    file = folder / "operations-2025-01.csv"
    content = file.read_bytes()
    for changed in (content[:-3], None):
        file.unlink() if changed is None else file.write_bytes(changed)
        with pytest.raises(Refused, match=r"is not what operations-2025-01\.json says"):
            await archived(old, folder, FEBRUARY, remove=True)
    file.write_bytes(content)
    await carried_out(old, 9, at(9))
    with pytest.raises(Refused, match="has 2 operations, and the database has 3"):
        await archived(old, folder, FEBRUARY, remove=True)
    async with old.write() as session:
        await session.exec(sa.text("UPDATE installation SET tag = 'other'"))  # type: ignore[call-overload]
    with pytest.raises(Refused, match="is of the installation"):
        await archived(old, folder, FEBRUARY, remove=True)
    assert await count(old, StageEntry) == 20


async def test_one_run_at_a_time_and_only_into_a_folder(old: Database, folder: Path) -> None:
    with Folder(folder).opened(), pytest.raises(Refused, match="another archive is being written"):
        await archived(old, folder, FEBRUARY)
    with pytest.raises(InvalidField, match="is no folder"):
        await archived(old, folder / "none", FEBRUARY)


async def test_it_says_what_had_been_removed_before(old: Database, folder: Path) -> None:
    await retention.prune(old, KEEP)
    [done] = await archived(old, folder, FEBRUARY)
    assert done.manifest.stages_removed_before == 2
    assert done.manifest.records["stage"] == 2
