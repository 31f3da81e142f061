"""A database is brought back beside a Temporal that knows more, or less, than it: nothing is bought again."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.contrib.pydantic import pydantic_data_converter

from models.audit import Installation
from models.enums import Stage
from orders.lifecycle.acceptance import AcceptedOrder
from temporal.known_numbers import known_numbers
from tests.flow.backups import (
    back_up,
    completed,
    resell,
    resell_restored,
    restorable_shop,
    restore,
    snapshot,
    stop,
    worker_killed,
    worker_refuses,
)
from tests.flow.shop import PASSWORD, PASSWORD_VARIABLE, Shop, Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import free_port
from tests.infrastructure.temporal import TemporalServer, own_temporal_server

on_postgresql = pytest.mark.parametrize("migrated_database_url", ["postgresql"], indirect=True)
"""For stories whose every statement runs on SQLite in the other stories here."""


@pytest.fixture
async def shop(migrated_database_url: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    async with restorable_shop(migrated_database_url, temporal_server, upstream) as shop:
        yield shop


@pytest.mark.proof
@on_postgresql
async def test_what_a_killed_worker_had_reported_is_enough_to_notice(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number is in the sweep's heartbeat, a few seconds after it was given. No lap has ended since.

    The dump takes long: it has the rows of its beginning, and the sequences of its end.
    """
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    worker = shop.start_worker()
    await completed(shop, await shop.order())
    worker.send_signal(signal.SIGSTOP)  # nothing of the order is sent before the dump begins
    order = await shop.order()
    with snapshot(shop) as as_of:
        worker.send_signal(signal.SIGCONT)
        await completed(shop, order)
        back_up(shop, tmp_path / "saved", as_of=as_of)
    [call] = await shop.intents(order.operation)

    async def is_known() -> bool:
        return (await known_numbers(shop.client)).get("intent", 0) >= call.id

    await assert_eventually(is_known, message="the sweep reports the intent")
    await worker_killed(worker)
    await restore(shop, tmp_path / "saved")
    worker = await worker_refuses(shop)
    await resell_restored(shop)
    await completed(shop, order)
    assert len(await shop.upstream.charges()) == 2
    await stop(worker)


@pytest.mark.proof
@on_postgresql
async def test_the_last_seconds_are_lost_while_a_request_is_under_way(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a standby that is promoted: the worker lives on, and its intent is not in the database any more.

    Not on SQLite: its file is not replaced under a process that has it open.
    """
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    order = await shop.order()
    back_up(shop, tmp_path / "saved")
    await shop.upstream.fault(function="*.order.param", sok=True, times=1, kind="stall", when="after", seconds=2)
    worker = shop.start_worker()
    await assert_eventually(shop.upstream.charges, timeout=30)
    await restore(shop, tmp_path / "saved")

    async def is_held() -> bool:
        async with shop.database.read() as session:
            return (await session.get_one(Installation, 1)).held_because is not None

    await assert_eventually(is_held, timeout=30, message="the worker holds the database")
    await resell_restored(shop)
    await completed(shop, order)
    assert len(await shop.upstream.charges()) == 1
    await stop(worker)


@pytest.mark.proof
async def test_both_are_restored_to_one_moment(
    migrated_database_url: str, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither side knows of what was bought since: nothing is noticed, and the command is run all the same."""
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    port = free_port()
    away = TemporalServer(f"127.0.0.1:{port}", iter(["test-1"]))
    client = await Client.connect(away.address, namespace="test-1", data_converter=pydantic_data_converter, lazy=True)
    async with open_shop(migrated_database_url, away, upstream, worker=False, client=client) as shop:
        async with own_temporal_server(port=port, file=tmp_path / "temporal.db", stock=1):
            worker = shop.start_worker()
            first = await shop.order()
            await completed(shop, first)
            await stop(worker)
            orders = [await shop.order(), await shop.resellflow.prolong(first.service, 1, key="p", client="shop")]
        (tmp_path / "older.db").write_bytes((tmp_path / "temporal.db").read_bytes())
        back_up(shop, tmp_path / "saved")
        async with own_temporal_server(port=port, file=tmp_path / "temporal.db", stock=1):
            worker = shop.start_worker()
            await completed(shop, *orders)
            lost = await shop.order()
            await completed(shop, lost)
            await stop(worker)
        intended = await upstream.charges()
        await restore(shop, tmp_path / "saved")
        async with own_temporal_server(port=port, file=tmp_path / "older.db", stock=1):
            findings = await resell_restored(shop)
            assert findings.lost_numbers == {"service": lost.service}, "known by its mark alone"
            worker = shop.start_worker()
            await completed(shop, orders[0])
            await shop.until(orders[1], Stage.NEEDS_ATTENTION, timeout=60)
            assert await upstream.charges() == intended
            assert (await shop.order()).service > lost.service
            await stop(worker)
        await shop.database.close()


@pytest.mark.proof
@on_postgresql
async def test_temporal_s_state_is_older_than_the_database(
    migrated_database_url: str, upstream: Upstream, tmp_path: Path
) -> None:
    """The workflow waits again for what has happened, and another one is not there at all."""
    await upstream.set(opening="manual")
    port = free_port()

    away = TemporalServer(f"127.0.0.1:{port}", iter(["test-1"]))
    client = await Client.connect(away.address, namespace="test-1", data_converter=pydantic_data_converter, lazy=True)
    async with open_shop(migrated_database_url, away, upstream, worker=False, client=client) as shop:
        async with own_temporal_server(port=port, file=tmp_path / "temporal.db", stock=1):
            worker = shop.start_worker()
            waiting = await shop.order()
            await shop.until(waiting, Stage.AWAITING_CONFIRMATION, timeout=30)
            await stop(worker)
        (tmp_path / "older.db").write_bytes((tmp_path / "temporal.db").read_bytes())
        async with own_temporal_server(port=port, file=tmp_path / "temporal.db", stock=1):
            worker = shop.start_worker()
            for item in await upstream.items():
                await upstream.admin("POST", f"/items/{item['id']}/open")
            await completed(shop, waiting)
            await upstream.set(opening="manual")
            later = await shop.order()
            await shop.until(later, Stage.AWAITING_CONFIRMATION, timeout=30)
            await worker_killed(worker)
        async with own_temporal_server(port=port, file=tmp_path / "older.db", stock=1):
            restored = await resell(shop, "restored", "--temporal-only")
            assert "done" in restored, restored
            assert await status_of(shop, waiting) is WorkflowExecutionStatus.TERMINATED
            worker = shop.start_worker()
            *_, item = await upstream.items()
            await upstream.admin("POST", f"/items/{item['id']}/open")
            await completed(shop, later)
            assert len(await upstream.charges()) == 2
            await stop(worker)


async def status_of(shop: Shop, order: AcceptedOrder) -> WorkflowExecutionStatus | None:
    return (await shop.handle(order).describe()).status
