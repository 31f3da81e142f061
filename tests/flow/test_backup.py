"""A backup of the database is brought back while the upstream and Temporal have moved on: nothing is bought again."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from models.enums import IntentState, Stage
from models.messages import Decision, DecisionKind
from models.outages import Held
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.linking.linker import Linker
from orders.linking.requests import AdoptRequest
from temporal import restoring
from tests.flow.backups import back_up, completed, resell_restored, restorable_shop, restore, stop, worker_refuses
from tests.flow.shop import PASSWORD, PASSWORD_VARIABLE, Shop, Upstream
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer
from upstreams.connections import Connections

on_postgresql = pytest.mark.parametrize("migrated_database_url", ["postgresql"], indirect=True)
"""For stories whose every statement runs on SQLite in the other stories here."""


@pytest.fixture
async def shop(migrated_database_url: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    async with restorable_shop(migrated_database_url, temporal_server, upstream) as shop:
        yield shop


@pytest.mark.proof
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
