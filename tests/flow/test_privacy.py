"""What people write and what upstreams say stays in the database; histories hold none of it that is private."""

import pytest
from sqlmodel import select
from temporalio.api.sdk.v1 import WorkflowMetadata

from models.audit import AuditEntry
from models.decision import PendingDecision
from models.enums import Stage
from models.messages import Decision, DecisionKind, TaskCompletion
from models.order import Task
from orders.errors import InvalidField
from orders.lifecycle.acceptance import AcceptedOrder
from tests.flow.shop import Shop
from tests.infrastructure.histories import look_through

MAIL, PHONE = "anna.muster@kunde.example", "+49 170 1234567"
NAME = "muster.kunde.example"
SAYS = f"{NAME}: {MAIL} is taken, call {PHONE}; password=hunter22"
TOLD = "‹name›: ‹e-mail address› is taken, call ‹telephone number›; password=‹secret›"
WHY = f"Mrs Muster wrote from {MAIL}, phone {PHONE}"


async def _audit(shop: Shop) -> list[AuditEntry]:
    async with shop.database.read() as session:
        return list((await session.exec(select(AuditEntry))).all())


async def _text_of_histories(shop: Shop, *orders: AcceptedOrder) -> bytes:
    events = [event for order in orders for event in (await shop.handle(order).fetch_history()).events]
    return b"\n".join(event.SerializeToString() for event in events)


@pytest.mark.proof
async def test_corrections_and_notes_travel_as_references_and_what_upstreams_say_is_veiled(calm_shop: Shop) -> None:
    shop = calm_shop
    await shop.upstream.fault(
        function="*.order.param", sok=True, times=1, kind="error", error={"type": "value", "object": "x", "text": SAYS}
    )
    order = await shop.order(customer="c-4711", domain=NAME)
    stopped = await shop.until(order, Stage.NEEDS_ATTENTION)
    assert SAYS in stopped.reason, "people read it whole, in our own database"
    details = await shop.handle(order).query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    assert TOLD in details.current_details

    typo = Decision(actor="olga.operator", reason=WHY, parameters={"template": "anna.muster@kunde"})
    with pytest.raises(InvalidField, match=r"anna\.muster@kunde"):
        await shop.resellflow.decide(order.operation, DecisionKind.CORRECT_AND_RETRY, typo)
    corrected = Decision(actor="olga.operator", reason=WHY, parameters={"domain": "muster.example.com"})
    await shop.resellflow.decide(order.operation, DecisionKind.CORRECT_AND_RETRY, corrected)
    await shop.until(order, Stage.COMPLETED)
    assert (await shop.service(order.service)).name == "muster.example.com"

    by_hand = await shop.resellflow.change_plan(order.service, "VDS-2", key="up")
    await shop.until_left_to_people(by_hand.operation)
    [item] = await shop.upstream.items()
    await shop.upstream.admin("PATCH", f"/items/{item['id']}", {"pricelist": 59})
    async with shop.database.read() as session:
        task = (await session.exec(select(Task).where(Task.operation_id == by_hand.operation))).one()
    await shop.resellflow.complete_task(task.id or 0, TaskCompletion(actor="otto.operator", note=WHY))
    await shop.until(by_hand, Stage.COMPLETED)
    await shop.handle(by_hand).result()

    kept = await _audit(shop)
    assert ("olga.operator", "correct_and_retry", WHY) in [
        (one.actor, one.action, one.detail.get("reason")) for one in kept
    ]
    assert ("otto.operator", "completed", WHY) in [(one.actor, one.action, one.detail.get("note")) for one in kept]
    async with shop.database.read() as session:
        assert (await session.exec(select(PendingDecision))).all() == [], "they are in the audit now"
    assert await look_through(shop.client) == []
    told = await _text_of_histories(shop, order, by_hand)
    assert b"correct_and_retry" in told
    assert [word for word in (b"olga", b"otto", b"Muster", b"muster@", b"muster.", b"hunter22") if word in told] == []
