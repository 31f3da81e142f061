"""A storefront hears by webhook what becomes of orders and services, also when the worker that tells it is killed."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models.enums import Stage
from models.messages import SendInput
from orders.services.naming import WEBHOOK_SENDER_ID
from orders.views import PageRequest, list_history
from tests.flow.shop import Shop, Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer
from tests.webhooks.receiver import Answer, Received, Receiver, receiving
from tests.webhooks.sender import SECRET, SECRET_VARIABLE, add_endpoint, deliveries, delivery
from workflows.webhook_sender import WebhookSender


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    with receiving() as receiver:
        yield receiver


@pytest.fixture
async def shop(shop_database: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    """One that looks at its upstream twice a second, and may send to this machine."""
    async with open_shop(shop_database, temporal_server, upstream, idle_interval=0.5, webhook_private=True) as shop:
        yield shop


@pytest.fixture
async def shop_without_worker(
    shop_database: str, temporal_server: TemporalServer, upstream: Upstream
) -> AsyncIterator[Shop]:
    async with open_shop(shop_database, temporal_server, upstream, worker=False, webhook_private=True) as shop:
        yield shop


async def told(receiver: Receiver, kind: str) -> Received:
    """The newest message of this kind."""

    def found() -> Received:
        return receiver.of_type(kind)[-1]

    return await assert_eventually(found, ignoring=(IndexError,), message=f"{kind} is told")


def lag(received: Received) -> float:
    """Seconds from the change to its arrival."""
    return received.came_at - datetime.fromisoformat(received.event["time"]).timestamp()


@pytest.mark.proof
async def test_orders_and_changes_are_told_within_about_a_second(shop: Shop, receiver: Receiver) -> None:
    await add_endpoint(shop.database, receiver.url)
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED)
    completed = await told(receiver, "resellflow.operation.completed.v1")
    data = completed.event["data"]
    assert completed.event["subject"] == str(order.service)
    assert (data["operation"], data["kind"], data["stage"]) == (order.operation, "open", "completed")
    opened = await told(receiver, "resellflow.service.opened.v1")
    assert opened.event["data"]["changes"]["status"]["after"] == "active"
    service = await shop.service(order.service)
    assert opened.event["data"]["item"] == service.upstream_number
    await shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"status": 3, "reason": "abusesuspend"})
    suspended = await told(receiver, "resellflow.service.suspended.v1")
    assert suspended.event["data"]["changes"] == {
        "status": {"before": "active", "after": "suspended"},
        "suspend_reason": {"before": "", "after": "abusesuspend"},
    }
    async with shop.database.read() as session:
        newest = (await list_history(session, PageRequest(1), service=order.service)).items[0]
    assert newest.event == suspended.event["data"]["event"], "the history has the same event"
    await shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"expiredate": "1969-12-31"})
    held_back = await told(receiver, "resellflow.service.held_back.v1")
    assert held_back.event["data"]["changes"]["expires_on"]["after"] == "1969-12-31"
    by_hand = await shop.upstream.bought_by_hand("by.hand.example")
    appeared = await told(receiver, "resellflow.item.appeared.v1")
    assert appeared.event["data"]["item"] == str(by_hand["id"])
    assert "subject" not in appeared.event
    lags = sorted(lag(one) for one in receiver.received)
    assert lags[len(lags) // 2] < 1.5, lags
    types = [one.type.removeprefix("resellflow.") for one in receiver.received if one.event.get("subject")]
    assert types[0] == "operation.started.v1"
    assert types.index("service.opened.v1") < types.index("operation.completed.v1")
    assert len({one.id for one in receiver.received}) == len(receiver.received)


@pytest.mark.proof
async def test_money_and_people_that_an_order_waits_for_are_told(shop: Shop, receiver: Receiver) -> None:
    kinds = ["waiting_for_funds", "needs_attention", "cancelled"]
    await add_endpoint(shop.database, receiver.url, kinds=[f"resellflow.operation.{kind}.v1" for kind in kinds])
    await shop.upstream.set_balance("0.00")
    waiting = await shop.order()
    news = (await told(receiver, "resellflow.operation.waiting_for_funds.v1")).event["data"]
    assert (news["operation"], news["stage_before"]) == (waiting.operation, "checking_balance")
    refusal = {"type": "value", "object": "ostempl"}
    await shop.upstream.fault(function="*.order.param", sok=True, times=1, kind="error", error=refusal)
    await shop.upstream.set_balance("100.00")
    news = (await told(receiver, "resellflow.operation.needs_attention.v1")).event["data"]
    assert news["failure_class"] == "rejected"
    assert {one.type for one in receiver.received} == {
        "resellflow.operation.waiting_for_funds.v1",
        "resellflow.operation.needs_attention.v1",
    }


@pytest.mark.proof
async def test_work_for_people_and_that_it_is_late_are_told(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.tasks.manual.DUE_AFTER", timedelta(seconds=0.2))
    await add_endpoint(shop.database, receiver.url)
    opening = await shop.order()
    await shop.until(opening, Stage.COMPLETED)
    change = await shop.resellflow.change_plan(opening.service, "VDS-2", key="plan")
    news = (await told(receiver, "resellflow.operation.awaiting_manual_task.v1")).event["data"]
    assert (news["operation"], news["kind"]) == (change.operation, "change_plan")
    overdue = (await told(receiver, "resellflow.task.overdue.v1")).event["data"]
    assert (overdue["service"], overdue["operation"]) == (opening.service, change.operation)
    assert overdue["department"] == "support"


async def test_a_killed_worker_s_message_is_sent_again_with_the_same_id(
    shop_without_worker: Shop, receiver: Receiver
) -> None:
    shop = shop_without_worker
    shop.worker_settings[SECRET_VARIABLE] = SECRET
    # As the sweep would start it, but a killed worker is noticed sooner.
    await shop.client.start_workflow(
        WebhookSender.run,
        SendInput(heartbeat_timeout=timedelta(seconds=3)),
        id=WEBHOOK_SENDER_ID,
        task_queue=shop.settings.task_queue,
    )
    await add_endpoint(shop.database, receiver.url, kinds=["resellflow.operation.completed.v1"])
    receiver.answers = [Answer(hang=True)]
    worker = shop.start_worker()
    await shop.order()
    await assert_eventually(lambda: receiver.received, timeout=40, message="it is being sent")
    worker.kill()
    [only] = await deliveries(shop.database)
    assert (await delivery(shop.database, only.number)).log == [], "nothing was written down"
    shop.start_worker()
    await assert_eventually(lambda: len(receiver.received) == 2, timeout=40, message="it is sent again")
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body)


@pytest.mark.proof
async def test_the_worker_tells_people_what_needs_them(
    shop_database: str, temporal_server: TemporalServer, upstream: Upstream, receiver: Receiver, tmp_path: Path
) -> None:
    channels = tmp_path / "channels.toml"
    channels.write_text(f'[channels.office]\nto = "{receiver.url.replace("http://", "json://")}"\n')
    settings: dict[str, Any] = {"notifications_file": str(channels), "webhook_private": True}
    async with open_shop(shop_database, temporal_server, upstream, **settings) as shop:
        await shop.upstream.set_balance("0.00")
        order = await shop.order()
        await shop.until(order, Stage.WAITING_FOR_FUNDS)

        def said() -> str:
            return " ".join(str(one.event["message"]) for one in receiver.received)

        await assert_eventually(lambda: "Operations wait for money" in said())
        await shop.upstream.set_balance("1000.00")
        await shop.until(order, Stage.COMPLETED)
        await assert_eventually(lambda: "Over: Operations wait for money" in said())
        assert said().count("New: Operations wait for money") == 1
