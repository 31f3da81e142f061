"""A paused upstream: no intent is written, whichever way it would be; what was written before is waited for."""

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import select

from models.audit import AuditEntry
from models.catalogue import UpstreamAccount
from models.database import Database
from models.order import Intent
from orders.accounts import pausing
from orders.accounts.pausing import Why
from orders.accounts.views import find_upstream
from orders.errors import NotFound, Refused
from orders.lifecycle import fast_path
from orders.lifecycle.stages import locked_operation
from orders.settlement import intents
from tests.infrastructure.processes import PROJECT
from tests.orders.test_fast_path import COST, LEASE, Case
from upstreams.errors import Paused

pytestmark = pytest.mark.dialects
WHY = Why(reason="the upstream moves")
NEVER = 30.0


async def pause(database: Database, actor: str = "olga") -> int:
    async with database.write() as session:
        return await pausing.pause(session, "main", WHY, actor=actor)


async def resume(database: Database) -> None:
    async with database.write() as session:
        await pausing.resume(session, "main", Why(reason="moved"), actor="boris")


async def written(database: Database) -> list[Intent]:
    async with database.read() as session:
        return list((await session.exec(select(Intent))).all())


async def carefully(database: Database, case: Case, *, is_sent: bool = True) -> None:
    async with database.write() as session:
        operation = await locked_operation(session, case.operation.id)
        await intents.prepare(session, operation, 1, "m", {}, {}, lease=timedelta(seconds=10), is_sent=is_sent)


async def test_no_way_of_writing_an_intent_is_open_while_it_is_paused(database: Database) -> None:
    case = await Case.of_a_new_order(database)
    assert await pause(database) == 0
    with pytest.raises(fast_path.NotOnFastPath):  # the careful way says why
        await case.begin()
    with pytest.raises(Paused):
        await case.begin(case.first(cost=None))
    with pytest.raises(Paused) as refused:
        await carefully(database, case)
    assert "paused by olga since" in refused.value.message
    assert "the upstream moves" in refused.value.message
    assert await written(database) == []
    async with database.read() as session:
        assert (await session.get_one(UpstreamAccount, 1)).set_aside == 0
    with pytest.raises(Paused):
        async with pausing.unrecorded_change(database, 1):
            pytest.fail("nothing is changed")
    await resume(database)
    await case.begin()
    async with pausing.unrecorded_change(database, 1):
        pass
    assert len(await written(database)) == 1


def test_whoever_changes_something_without_an_intent_asks_whether_it_is_paused() -> None:
    """Every such change takes its lease from `unrecorded_change`."""
    packages = (
        "activities",
        "catalogue",
        "cli",
        "console",
        "orders",
        "storefront",
        "temporal",
        "upstreams",
        "workflows",
    )
    files = [file for package in packages for file in (PROJECT / package).rglob("*.py")]
    found = {file.relative_to(PROJECT).as_posix() for file in files if "unrecorded()" in file.read_text("utf-8")}
    assert found == {"upstreams/lease.py", "orders/accounts/pausing.py"}


async def test_what_others_have_done_is_written_down_all_the_same(database: Database) -> None:
    case = await Case.of_a_new_order(database)
    await pause(database)
    await carefully(database, case, is_sent=False)
    assert len(await written(database)) == 1


async def test_who_has_looked_holds_a_pause_off_until_the_intent_is_committed(database: Database) -> None:
    async with database.write() as session:
        await pausing.check_not_paused(session, 1)
        pausing_it = asyncio.create_task(pause(database))
        done, _ = await asyncio.wait([pausing_it], timeout=0.5)
        assert not done, "an intent could follow the answer"
    await asyncio.wait_for(pausing_it, NEVER)


@pytest.mark.parametrize("way", ["fast", "free", "careful"])
async def test_a_pause_waits_for_an_intent_that_is_being_written_and_counts_it(database: Database, way: str) -> None:
    """Once it is answered nothing more is written down: not even what had looked before."""
    case = await Case.of_a_new_order(database)
    async with database.write() as session:
        if way == "careful":
            operation = await locked_operation(session, case.operation.id)
            await intents.prepare(session, operation, 1, "m", {}, {}, lease=LEASE)
        else:
            await fast_path.begin(session, case.first(cost=COST if way == "fast" else None), lease=LEASE)
        pausing_it = asyncio.create_task(pause(database))
        done, _ = await asyncio.wait([pausing_it], timeout=0.5)
        assert not done, "it must wait for this transaction"
    assert await asyncio.wait_for(pausing_it, NEVER) == 1


async def test_who_and_why_are_shown_and_kept(database: Database) -> None:
    await pause(database)
    with pytest.raises(Refused, match=r"paused by olga since .* already"):
        await pause(database, "boris")
    async with database.read() as session:
        shown = (await find_upstream(session, "main")).paused
    assert shown is not None
    assert (shown.by, shown.reason) == ("olga", "the upstream moves")
    await resume(database)
    with pytest.raises(Refused, match="is not paused"):
        await resume(database)
    async with database.read() as session:
        assert (await find_upstream(session, "main")).paused is None
        kept = (await session.exec(select(AuditEntry).order_by(AuditEntry.id))).all()  # type: ignore[arg-type]
    assert [(one.actor, one.action, one.detail["reason"]) for one in kept] == [
        ("olga", "upstream_paused", "the upstream moves"),
        ("boris", "upstream_resumed", "moved"),
    ]
    assert kept[1].detail["paused_by"] == "olga"
    async with database.write() as session:
        with pytest.raises(NotFound):
            await pausing.pause(session, "none", WHY, actor="olga")
