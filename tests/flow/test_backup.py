"""A backup of the database is brought back while the upstream and Temporal have moved on: nothing is bought again."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.contrib.pydantic import pydantic_data_converter

from models.audit import Installation
from models.catalogue import ProcessingModule, UpstreamAccount
from models.enums import IntentState, Stage
from models.messages import Decision, DecisionKind
from models.outages import Held
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.linking.linker import Linker
from orders.linking.requests import AdoptRequest
from temporal import restoring
from temporal.known_numbers import known_numbers
from tests.flow.backups import back_up, resell_restored, restore, snapshot, stop
from tests.flow.shop import PASSWORD, PASSWORD_VARIABLE, Shop, Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import Program, free_port
from tests.infrastructure.temporal import OwnTemporalServer, TemporalServer, start_temporal_server, until_serving
from upstreams.connections import Connections

on_postgresql = pytest.mark.parametrize("migrated_database_url", ["postgresql"], indirect=True)
"""For stories whose every statement runs on SQLite in the other stories here."""
AWAY = "away"
long_on_postgresql = pytest.mark.parametrize(
    "migrated_database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.proof)], indirect=True
)
TOKEN = "shops-own-token-0123456789abcdefghijklm"


@pytest.fixture
async def shop(migrated_database_url: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    """On SQLite and on PostgreSQL. Workers are processes, so that a database can be put back between two of them."""
    await upstream.set(disk_change="automatic")
    async with open_shop(
        migrated_database_url, temporal_server, upstream, worker=False, manual_plan_changes={}
    ) as shop:
        yield shop
        await shop.database.close()  # another one by then


async def worker_refuses(shop: Shop) -> Program:
    worker = shop.start_worker()
    await asyncio.to_thread(worker.wait_for_line, "resell restored")
    return worker


async def completed(shop: Shop, *orders: AcceptedOrder) -> None:
    for order in orders:
        await shop.until(order, Stage.COMPLETED, timeout=30)


@long_on_postgresql
async def test_what_was_bought_after_the_backup_is_not_bought_again(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    worker = shop.start_worker()
    first, changed, idle = await shop.order(), await shop.order(), await shop.order()
    await completed(shop, first, changed, idle)
    await stop(worker)
    opening = await shop.order()
    domain = await shop.order(domain="customers-own.example.com")
    prolonging = await shop.resellflow.prolong(first.service, 1, key="p", client="shop")
    moving = await shop.resellflow.change_plan(changed.service, "VDS-2", key="c", client="shop")
    not_done = await shop.resellflow.prolong(idle.service, 1, key="n", client="shop")
    before = len(await shop.upstream.charges())
    back_up(shop, tmp_path / "saved")
    # It is called off, so that only the restored database wants it: nothing of it is at the upstream.
    await shop.resellflow.decide(not_done.operation, DecisionKind.CANCEL, Decision(actor="anna", reason="not wanted"))
    worker = shop.start_worker()
    await completed(shop, opening, domain, prolonging, moving)
    lost = await shop.order()
    await completed(shop, lost)
    intended = await shop.upstream.charges()
    await stop(worker)

    await restore(shop, tmp_path / "saved")
    worker = await worker_refuses(shop)
    with pytest.raises(Held):
        await shop.order()
    assert len(await shop.upstream.charges()) == len(intended)

    findings = await resell_restored(shop)
    assert findings.lost_numbers
    assert [one.workflow_id for one in findings.lost_runs] == [lost.workflow_id]
    assert [(one.service, one.is_orphan) for one in findings.orphans] == [(lost.service, True)]
    # The worker waits, and goes on automatically.
    await completed(shop, opening, domain, moving)
    attention = await shop.until(prolonging, Stage.NEEDS_ATTENTION, timeout=30)
    assert "expiry" in attention.reason
    await shop.resellflow.decide(prolonging.operation, DecisionKind.MARK_DONE, Decision(actor="anna", reason="seen"))
    await completed(shop, prolonging, not_done)
    charges = await shop.upstream.charges()
    assert len(charges) == len(intended) + 1, "only what nobody had sent is sent"
    assert len(charges) > before

    new = await shop.order()
    await completed(shop, new)
    assert new.service > lost.service
    assert new.operation > lost.operation
    tag = (await shop.service(opening.service)).mark.split("-")[1]
    assert (await shop.service(new.service)).mark.split("-")[1] != tag
    marks = [item["remoteid"] for item in await shop.upstream.items()]
    assert len(marks) == len(set(marks))
    await stop(worker)
    async with Connections.of(shop.settings) as connections:
        adopting = AdoptRequest(plan="VDS-1", customer="c-1", period_months=1)
        item = findings.orphans[0].number
        outcome = await Linker(shop.database, connections).adopt(
            item, adopting, upstream=None, actor="anna", client="cli", key="adopt"
        )
    assert outcome.differences == [], "a mark that the database has lost speaks for the item"
    assert (await shop.service(outcome.service or 0)).upstream_number == item


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

    await assert_eventually(is_known, timeout=6, message="the sweep reports the intent")
    await worker_killed(worker)
    await restore(shop, tmp_path / "saved")
    worker = await worker_refuses(shop)
    await resell_restored(shop)
    await completed(shop, order)
    assert len(await shop.upstream.charges()) == 2
    await stop(worker)


@pytest.mark.proof
@on_postgresql
async def test_where_no_mark_is_seen_a_person_decides(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither list nor form shows marks, and another order of the same name may have been lost."""
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    await shop.upstream.set(remoteid_in_lists=False, remoteid_in_forms=False)
    order = await shop.order(domain="customers-own.example.com")
    unsent = await shop.order(domain="another.example.com")
    back_up(shop, tmp_path / "saved")
    await shop.resellflow.decide(unsent.operation, DecisionKind.CANCEL, Decision(actor="anna", reason="not wanted"))
    worker = shop.start_worker()
    await completed(shop, order)
    await stop(worker)
    await restore(shop, tmp_path / "saved")
    await resell_restored(shop)
    worker = shop.start_worker()
    for one in (order, unsent):
        await shop.until(one, Stage.NEEDS_ATTENTION, timeout=60)
    assert len(await shop.upstream.charges()) == 1
    [call] = await shop.intents(order.operation)
    assert call.state is IntentState.UNKNOWN
    item = str((await shop.upstream.items())[0]["id"])
    found = Decision(actor="anna", reason="seen there", upstream_number=item)
    await shop.resellflow.decide(order.operation, DecisionKind.MARK_DONE, found)
    vouched = Decision(actor="anna", reason="looked", nothing_was_bought=True)
    await shop.resellflow.decide(unsent.operation, DecisionKind.RETRY, vouched)
    await completed(shop, order, unsent)
    assert len(await shop.upstream.charges()) == 2
    await stop(worker)


@pytest.mark.proof
async def test_where_only_forms_show_marks_they_are_read(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    await shop.upstream.set(remoteid_in_lists=False)
    worker = shop.start_worker()
    await completed(shop, await shop.order())
    await stop(worker)
    order = await shop.order(domain="customers-own.example.com")
    back_up(shop, tmp_path / "saved")
    worker = shop.start_worker()
    await completed(shop, order)
    lost = await shop.order(domain="customers-own.example.com")
    await completed(shop, lost)
    await stop(worker)
    await restore(shop, tmp_path / "saved")
    findings = await resell_restored(shop)
    assert [one.service for one in findings.orphans] == [lost.service]
    worker = shop.start_worker()
    await completed(shop, order)
    assert len(await shop.upstream.charges()) == 3
    await stop(worker)


@pytest.mark.proof
async def test_what_waited_in_the_cart_and_was_paid_after_the_backup_is_not_paid_again(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    await shop.upstream.set(skipbasket="ignored", prolong_cart="always", addon_cart="always")
    worker = shop.start_worker()
    first = await shop.order()
    await completed(shop, first)
    await shop.upstream.fault(function="cartorder.create.confirm", sok=True, kind="http_502", when="before")
    waiting = [await shop.order(), await shop.resellflow.prolong(first.service, 1, key="p", client="shop")]

    async def are_unpaid() -> bool:
        calls = [one for order in waiting for one in await shop.intents(order.operation)]
        return len([one for one in calls if one.unpaid_kind is not None]) == len(waiting)

    await assert_eventually(are_unpaid, timeout=30)
    await stop(worker)
    back_up(shop, tmp_path / "saved")
    await shop.upstream.admin("DELETE", "/faults")
    worker = shop.start_worker()
    await completed(shop, *waiting)
    await stop(worker)
    intended = await shop.upstream.charges()
    assert len(intended) == 1 + len(waiting)
    await restore(shop, tmp_path / "saved")
    await resell_restored(shop)
    worker = shop.start_worker()
    for order in waiting:
        await shop.until(order, Stage.COMPLETED, Stage.NEEDS_ATTENTION, timeout=60)
    await shop.until(waiting[0], Stage.COMPLETED)
    assert await shop.upstream.charges() == intended
    await stop(worker)


@pytest.mark.proof
async def test_an_order_that_got_the_numbers_of_a_lost_one_does_not_get_its_item(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was accepted on the restored database before anybody compared it with Temporal."""
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    monkeypatch.setattr(restoring, "_CLOCKS", timedelta(seconds=1))
    worker = shop.start_worker()
    await completed(shop, await shop.order())  # which shows that marks can be seen there
    await stop(worker)
    back_up(shop, tmp_path / "saved")
    worker = shop.start_worker()
    lost = await shop.order(customer="of the lost one")
    await completed(shop, lost)
    await stop(worker)
    await restore(shop, tmp_path / "saved")
    order = await accept_order(
        shop.database,
        ServiceRequest(plan="VDS-1", period_months=1, customer="of the new one"),
        client="shop",
        key="k",
        hostname_suffix="servers.internal",
    )
    assert (order.service, order.operation) == (lost.service, lost.operation)
    findings = await resell_restored(shop)
    assert findings.given_twice == {order.operation}
    worker = shop.start_worker()
    await completed(shop, order)
    _, theirs, ours = await shop.upstream.items()
    assert (await shop.service(order.service)).upstream_number == str(ours["id"]) != str(theirs["id"])
    assert len(await shop.upstream.charges()) == 3
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
        with started(port, tmp_path / "temporal.db") as server:
            await until_serving(server)
            worker = shop.start_worker()
            first = await shop.order()
            await completed(shop, first)
            await stop(worker)
            orders = [await shop.order(), await shop.resellflow.prolong(first.service, 1, key="p", client="shop")]
        (tmp_path / "older.db").write_bytes((tmp_path / "temporal.db").read_bytes())
        back_up(shop, tmp_path / "saved")
        with started(port, tmp_path / "temporal.db") as server:
            await until_serving(server)
            worker = shop.start_worker()
            await completed(shop, *orders)
            lost = await shop.order()
            await completed(shop, lost)
            await stop(worker)
        intended = await upstream.charges()
        await restore(shop, tmp_path / "saved")
        with started(port, tmp_path / "older.db") as server:
            await until_serving(server)
            findings = await resell_restored(shop)
            assert findings.lost_numbers == {"service": lost.service}, "known by its mark alone"
            worker = shop.start_worker()
            await completed(shop, orders[0])
            await shop.until(orders[1], Stage.NEEDS_ATTENTION, timeout=60)
            assert await upstream.charges() == intended
            assert (await shop.order()).service > lost.service
            await stop(worker)
        await shop.database.close()


@contextmanager
def started(port: int, file: Path) -> Iterator[OwnTemporalServer]:
    """A Temporal server that keeps its state in the file."""
    server = start_temporal_server(port=port, options=("--db-filename", str(file)), stock=1)
    with server.program:
        yield server


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
        with started(port, tmp_path / "temporal.db") as server:
            await until_serving(server)
            worker = shop.start_worker()
            waiting = await shop.order()
            await shop.until(waiting, Stage.AWAITING_CONFIRMATION, timeout=30)
            await stop(worker)
        (tmp_path / "older.db").write_bytes((tmp_path / "temporal.db").read_bytes())
        with started(port, tmp_path / "temporal.db") as server:
            await until_serving(server)
            worker = shop.start_worker()
            for item in await upstream.items():
                await upstream.admin("POST", f"/items/{item['id']}/open")
            await completed(shop, waiting)
            await upstream.set(opening="manual")
            later = await shop.order()
            await shop.until(later, Stage.AWAITING_CONFIRMATION, timeout=30)
            await worker_killed(worker)
        with started(port, tmp_path / "older.db") as server:
            await until_serving(server)
            restored = await resell(shop, "restored", "--temporal-only")
            assert "done" in restored, restored
            assert await status_of(shop, waiting) is WorkflowExecutionStatus.TERMINATED
            worker = shop.start_worker()
            *_, item = await upstream.items()
            await upstream.admin("POST", f"/items/{item['id']}/open")
            await completed(shop, later)
            assert len(await upstream.charges()) == 2
            await stop(worker)


async def worker_killed(worker: Program) -> None:
    worker.send_signal(signal.SIGKILL)
    await asyncio.to_thread(worker.wait_for_exit)


async def status_of(shop: Shop, order: AcceptedOrder) -> WorkflowExecutionStatus | None:
    return (await shop.handle(order).describe()).status


async def resell(shop: Shop, *arguments: str) -> str:
    """The command, as an operator runs it."""
    command = [sys.executable, "-m", "cli", *arguments]
    with Program(command, name="resell", forked=True, env=shop.environment()) as process:
        assert await asyncio.to_thread(process.wait_for_exit, timeout=60) == 0, process.output
    return process.output


@pytest.mark.proof
async def test_the_command_reports_and_the_api_refuses(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    order = await shop.order()
    back_up(shop, tmp_path / "saved")
    worker = shop.start_worker()
    await completed(shop, order)
    lost = await shop.order()
    await completed(shop, lost)
    await stop(worker)
    await restore(shop, tmp_path / "saved")
    await add_account_that_is_away(shop)
    async with open_api(shop) as api:
        ready = await api.get("/readyz")
        assert ready.status_code == 503
        assert "resell restored" in ready.json()["detail"]
        body = {"plan": "VDS-1", "period_months": 1, "customer": "c-2"}
        refused = await api.post("/v1/services", json=body, headers={"Idempotency-Key": "k"})
        assert refused.status_code == 503, refused.text
        seen = await resell(shop, "restored", "--dry-run", "--without", AWAY)
        assert lost.workflow_id in seen
        assert "reading the lists of upstream main" in seen
        assert f"reading the lists of upstream {AWAY}" not in seen
        assert "dry run, nothing is changed" in seen
        assert (await api.get("/readyz")).status_code == 503
        done = await resell(shop, "restored", "--without", AWAY)
        assert "the next service is 2001" in done, done
        accepted = await api.post("/v1/services", json=body, headers={"Idempotency-Key": "k"})
        assert accepted.status_code == 201, accepted.text
        assert accepted.json()["service"]["number"] == 2001
    worker = shop.start_worker()
    await completed(shop, order)
    assert len(await shop.upstream.charges()) in (2, 3)  # the new order is under way
    await stop(worker)


async def add_account_that_is_away(shop: Shop) -> None:
    """A second account, whose upstream does not answer."""
    async with shop.database.write() as session:
        settings = {"dialect": 6, "username": AWAY, "password_env": PASSWORD_VARIABLE}
        url = f"http://127.0.0.1:{free_port()}/billmgr"
        account = UpstreamAccount(name=AWAY, kind="billmanager", url=url, settings=settings, currency="EUR")
        session.add(account)
        await session.flush()
        session.add(ProcessingModule(name=AWAY, account_id=account.id, product_type="vds", department="support"))


@asynccontextmanager
async def open_api(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    environment = {**shop.environment(), "RESELL_STOREFRONT_TOKENS": f"shop={TOKEN}"}
    program = Program([sys.executable, "-m", "cli", "api", "--port", "0"], name="api", forked=True, env=environment)
    with program:
        url = (await asyncio.to_thread(program.wait_for_line, r"listens on (\S+)"))[1]
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=15) as client:
            yield client
