"""A worker that is killed in the middle of a batch of renewals: the next one does the rest, and nothing twice."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlmodel import col, select

from models.columns import utc_now
from models.enums import MessageType, OperationKind, RenewalOwner, Stage
from models.messages import RenewalBatch
from models.order import Operation, Service
from models.webhooks import WebhookMessage
from tests.flow.shop import Shop, Upstream, open_shop
from tests.infrastructure.databases import Stock
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer
from workflows.renewals import Renewals

NEVER = 60
COUNT, DONE = 6, 3


async def automatic(shop: Shop) -> list[int]:
    """Services that end tomorrow, here and at the upstream."""
    tomorrow = utc_now().date() + timedelta(days=1)
    placed = [await shop.order() for _ in range(COUNT)]
    for order in placed:
        await shop.until(order, Stage.COMPLETED, timeout=NEVER)
    for item in await shop.upstream.items():
        await shop.upstream.admin("PATCH", f"/items/{item['id']}", {"expiredate": tomorrow.isoformat()})
    async with shop.database.write() as session:
        for service in (await session.exec(select(Service))).all():
            service.renewed_by, service.expires_on = RenewalOwner.AUTOMATIC, tomorrow
    return [order.service for order in placed]


async def prolongations(shop: Shop) -> list[Operation]:
    async with shop.database.read() as session:
        query = select(Operation).where(Operation.kind == OperationKind.PROLONG).order_by(col(Operation.id))
        return list((await session.exec(query)).all())


@pytest.mark.proof
async def test_the_rest_of_the_batch_is_done_and_nothing_twice(
    postgres_stock: Stock, temporal_server: TemporalServer, upstream: Upstream
) -> None:
    with postgres_stock.lent() as url:
        async with open_shop(url, temporal_server, upstream, worker=False) as shop:
            async with shop.working():
                services = await automatic(shop)
            run = await shop.client.start_workflow(
                Renewals.run, RenewalBatch(), id="renewals-killed", task_queue=shop.settings.task_queue
            )

            async def come_so_far() -> bool:
                return len(await prolongations(shop)) == DONE

            async with shop.database.write() as session:  # the walk waits for the fourth, as long as this is open
                locked = select(Service).where(Service.id == services[DONE]).with_for_update()
                await session.exec(locked)
                worker = shop.start_worker()
                await assert_eventually(come_so_far, timeout=NEVER, message=f"{DONE} of {COUNT} are asked for")
                worker.kill()
            async with shop.working():
                assert await run.result() >= COUNT - DONE

                async def all_done() -> bool:
                    found = await prolongations(shop)
                    return [one.stage for one in found] == [Stage.COMPLETED] * COUNT

                await assert_eventually(all_done, timeout=NEVER, message="all are prolonged")
            assert sorted(one.service_id for one in await prolongations(shop)) == services
            charges = [one["item"] for one in await shop.upstream.charges() if one["operation"] == "prolong"]
            assert set(Counter(charges).values()) == {1}
            assert len(charges) == COUNT
            async with shop.database.read() as session:
                told = select(WebhookMessage.service_id, WebhookMessage.kind)
                found = Counter((await session.exec(told)).all())
            assert {found[one, MessageType.RENEWAL_UPCOMING.value] for one in services} == {1}
            assert {found[one, MessageType.RENEWAL_DONE.value] for one in services} == {1}
