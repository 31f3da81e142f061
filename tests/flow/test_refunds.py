"""What the upstream pays back reaches the operation, while workers run and nobody does anything about it."""

import pytest
from sqlmodel import select

from models.columns import of_units
from models.enums import RefundState, Stage
from models.refund import Refund
from orders.views import WorkflowLinks, find_operation
from tests.flow.shop import Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer


@pytest.mark.proof
async def test_money_back_for_a_closing_is_found_by_the_poller(
    shop_database: str, temporal_server: TemporalServer, upstream: Upstream
) -> None:
    async with open_shop(shop_database, temporal_server, upstream, refund_interval=1.0) as shop:
        order = await shop.order()
        await shop.until(order, Stage.COMPLETED)
        await upstream.set(refunds="expense", refund_percent=40)
        closing = await shop.resellflow.close_service(order.service, key="c1")
        await shop.until(closing, Stage.COMPLETED)

        async def written() -> bool:
            async with shop.database.read() as session:
                rows = (await session.exec(select(Refund))).all()
            return [(one.state, one.operation_id) for one in rows] == [(RefundState.WRITTEN, closing.operation)]

        await assert_eventually(written, timeout=30, message="the refund is written to the closing")
        async with shop.database.read() as session:
            account = await shop.account(session)
            shown = await find_operation(session, WorkflowLinks("http://ui", "ns"), closing.operation)
        assert [str(one) for one in shown.refunded] == ["2.00 EUR"]
        assert sum(float(one["amount"]) for one in await upstream.charges()) == float(
            of_units(account.charged - account.refunded)
        )
