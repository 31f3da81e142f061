"""A renewal of ours that the upstream refuses is tried again until the end of its term, and charged once."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlmodel import col, select

from models.audit import AuditEntry
from models.columns import CLOCK, utc_now
from models.enums import MessageType, OperationKind, RenewalOwner, Stage
from models.messages import RenewalBatch
from models.order import Operation, Service
from models.webhooks import WebhookMessage
from orders.audit import OURSELVES
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually
from workflows.renewals import Renewals

REFUSAL = {"type": "value", "object": "period", "text": "this period can't be had today"}


@pytest.fixture
async def _real_time_again() -> AsyncIterator[None]:
    yield
    CLOCK.ahead = timedelta(0)


async def automatic(shop: Shop) -> int:
    """A service of ours to renew, whose term ends tomorrow."""
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED)
    async with shop.database.write() as session:
        service = await session.get_one(Service, order.service)
        service.renewed_by = RenewalOwner.AUTOMATIC
        days = (service.expires_on - utc_now().date()).days - 1 if service.expires_on else 0
    await pass_time(shop, timedelta(days=days))
    return order.service


async def pass_time(shop: Shop, time: timedelta) -> None:
    CLOCK.ahead += time
    if time.days:
        await shop.upstream.admin("POST", "/clock", {"advance_days": time.days})


async def walk(shop: Shop, word: str) -> None:
    await shop.client.execute_workflow(
        Renewals.run, RenewalBatch(), id=f"renewals-{word}", task_queue=shop.settings.task_queue
    )


async def prolongation(shop: Shop, service: int, stage: Stage, requests: int) -> Operation:
    """Once it has come to this stage, after so many requests to the upstream."""
    found: list[Operation] = []

    async def there() -> bool:
        query = select(Operation).where(Operation.service_id == service, Operation.kind == OperationKind.PROLONG)
        async with shop.database.read() as session:
            found[:] = (await session.exec(query)).all()
        sent = [one for one in await shop.upstream.requests("service.prolong") if one["committing"]]
        return [one.stage for one in found] == [stage] and len(sent) == requests

    await assert_eventually(there, timeout=30, message=f"it is {stage.value} after {requests} requests")
    return found[0]


@pytest.mark.proof
@pytest.mark.usefixtures("_real_time_again")
async def test_what_is_refused_is_tried_again_with_the_same_operation(shop: Shop) -> None:
    service = await automatic(shop)
    await shop.upstream.fault(function="service.prolong", sok=True, kind="error", error=REFUSAL)
    await walk(shop, "asks")
    operation = await prolongation(shop, service, Stage.NEEDS_ATTENTION, 1)
    await walk(shop, "tells")
    await prolongation(shop, service, Stage.NEEDS_ATTENTION, 1)
    await pass_time(shop, timedelta(hours=4))
    await walk(shop, "tries")
    await prolongation(shop, service, Stage.NEEDS_ATTENTION, 2)
    await shop.upstream.admin("DELETE", "/faults")
    await pass_time(shop, timedelta(hours=4))
    await walk(shop, "tries-again")
    done = await prolongation(shop, service, Stage.COMPLETED, 3)
    assert done.id == operation.id
    assert [one["operation"] for one in await shop.upstream.charges()] == ["open", "prolong"]
    async with shop.database.read() as session:
        decided = select(AuditEntry).where(AuditEntry.action == "retry").order_by(col(AuditEntry.id))
        assert [(one.subject_number, one.actor) for one in (await session.exec(decided)).all()] == [
            (operation.id, OURSELVES),
            (operation.id, OURSELVES),
        ]
        told = select(WebhookMessage).where(WebhookMessage.kind == MessageType.RENEWAL_FAILED)
        messages = (await session.exec(told.order_by(col(WebhookMessage.id)))).all()
    assert {one.data["urgency"] for one in messages} <= {"urgent", "last_day"}
    assert all(one.data["next_try_at"] for one in messages)
    assert messages
