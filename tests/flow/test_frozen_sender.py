"""A worker that is frozen around its send, and wakes when another one has done its work: charged once, or loudly."""

from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.settlement import SettleActivities
from models.enums import IntentState, OperationKind, Stage
from models.messages import OrderRef
from models.order import Service
from models.patience import Patience
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.lifecycle.stages import locked_operation
from orders.settlement import intents
from tests.flow.freeze import KINDS, QUICK, Wake, open_row
from tests.flow.frozen_sender import Moment
from tests.flow.shop import PASSWORD, PASSWORD_VARIABLE, Shop, Upstream
from tests.infrastructure.temporal import TemporalServer
from upstreams.connections import Connections

TWICE = (OperationKind.OPEN, OperationKind.PROLONG)
"""What is charged twice when the second request comes: a change to the plan that there is already is not."""


@pytest.mark.parametrize(
    ("moments", "kinds"),
    [((Moment.BEFORE_WRITE, Moment.IN_WRITE), TWICE), pytest.param(tuple(Moment), KINDS, marks=pytest.mark.proof)],
    ids=["the last two", "all"],
)
async def test_who_wakes_after_its_lease_sends_nothing_and_what_no_check_can_prevent_is_told(
    shop_database: str,
    temporal_server: TemporalServer,
    upstream: Upstream,
    moments: tuple[Moment, ...],
    kinds: tuple[OperationKind, ...],
) -> None:
    async with open_row(shop_database, temporal_server, upstream, QUICK, moments, kinds) as row:
        await row.play(Wake(3, others_first=True))
        outcomes = await row.outcomes()
    assert [str(outcome) for outcome in outcomes if not outcome.is_fine] == []
    in_write = [outcome for outcome in outcomes if outcome.story.moment is Moment.IN_WRITE]
    twice = {outcome.story.kind for outcome in in_write if outcome.charges == 2}
    assert twice >= {*TWICE}, "else this row proves nothing"


async def test_the_silence_of_a_sender_that_may_be_alive_proves_nothing_at_the_first_look(
    shop_without_worker: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = shop_without_worker
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    async with shop.working():
        opened = await shop.order()
        await shop.until(opened, Stage.COMPLETED)
    prolonging = await shop.resellflow.prolong(opened.service, 1, key="prolong")
    async with shop.database.write() as session:
        operation = await locked_operation(session, prolonging.operation)
        service = await session.get_one(Service, opened.service)
        intent = await intents.prepare(session, operation, 1, service.mark, {}, {})
        intent.created_at -= timedelta(minutes=10)
        before = {"expires_before": str(service.expires_on)}
        operation.parameters = {**operation.parameters, **before}
        session.add_all([operation, intent])
    async with Connections(read_timeout=3, order_timeout=3) as connections:
        settling = SettleActivities(
            shop.database,
            connections,
            settle_window=shop.window,
            terms=shop.settings.lease_terms(),
            patience=Patience(),
        )
        ref = OrderRef(service=opened.service, operation=prolonging.operation)
        with pytest.raises(ApplicationError, match="has not changed; Resellflow looks again"):
            await ActivityEnvironment().run(settling.settle, ref)
    [stored] = await shop.intents(prolonging.operation)
    assert stored.unknown_since is not None
    assert stored.send_until is not None
    assert stored.unknown_since >= stored.send_until + timedelta(seconds=3)


@pytest.mark.proof
async def test_what_a_person_gave_up_is_not_sent_anew_while_its_sender_may_be_alive(shop: Shop) -> None:
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    order = await accept_order(shop.database, request, client="t", key="k", hostname_suffix="s.internal")
    async with shop.database.write() as session:
        operation = await locked_operation(session, order.operation)
        service = await session.get_one(Service, order.service)
        intent = await intents.prepare(session, operation, 1, service.mark, {}, {})
        await intents.settle(session, intent, IntentState.ABANDONED)
    retrying = await shop.until(order, Stage.RETRYING)
    assert "until then the request that was given up may be on its way" in retrying.reason
    assert await shop.upstream.charges() == []
    await shop.until(order, Stage.COMPLETED, timeout=40)
    first, second = await shop.intents(order.operation)
    assert first.send_until is not None
    assert second.created_at >= first.send_until + timedelta(seconds=3)
