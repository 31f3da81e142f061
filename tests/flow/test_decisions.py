"""What a machine can't finish waits for a person, and goes on as they decide."""

import pytest
from sqlmodel import select

from models.audit import AuditEntry
from models.enums import ServiceStatus, Stage
from models.messages import Decision, DecisionKind
from orders.errors import InvalidField, Refused
from orders.lifecycle.acceptance import AcceptedOrder
from tests.flow.shop import Shop

WHY = Decision(actor="anna", reason="seen to")


async def _rejected_order(shop: Shop) -> AcceptedOrder:
    await shop.upstream.fault(
        function="*.order.param",
        sok=True,
        times=1,
        kind="error",
        error={"type": "value", "object": "ostempl", "params": {"value": "Debian-12"}},
    )
    order = await shop.order(parameters={"template": "debian-12"})
    operation = await shop.until(order, Stage.NEEDS_ATTENTION)
    assert "ostempl" in operation.waits_for
    return order


async def _audit(shop: Shop, order: AcceptedOrder) -> list[tuple[str, str]]:
    async with shop.database.read() as session:
        found = await session.exec(
            select(AuditEntry).where(AuditEntry.subject == "operation", AuditEntry.subject_number == order.operation)
        )
        return [(entry.actor, entry.action) for entry in found.all()]


@pytest.mark.proof
async def test_retry_sends_it_again(shop: Shop) -> None:
    order = await _rejected_order(shop)
    await shop.resellflow.decide(order.operation, DecisionKind.RETRY, WHY)
    await shop.until(order, Stage.COMPLETED)
    assert ("anna", "retry") in await _audit(shop, order)
    assert len(await shop.upstream.charges()) == 1


@pytest.mark.proof
async def test_correct_and_retry_sends_the_new_parameters(shop: Shop) -> None:
    order = await _rejected_order(shop)
    with pytest.raises(InvalidField, match="template"):
        await shop.resellflow.decide(
            order.operation,
            DecisionKind.CORRECT_AND_RETRY,
            WHY.model_copy(update={"parameters": {"template": "windows-95"}}),
        )
    corrected = WHY.model_copy(update={"parameters": {"domain": "other.example.com"}})
    await shop.resellflow.decide(order.operation, DecisionKind.CORRECT_AND_RETRY, corrected)
    await shop.until(order, Stage.COMPLETED)
    [item] = await shop.upstream.items()
    assert item["domain"] == "other.example.com"


@pytest.mark.proof
async def test_mark_done_links_the_item_and_sends_nothing(shop: Shop) -> None:
    order = await _rejected_order(shop)
    body = {
        "account": "reseller",
        "type": "vds",
        "pricelist": 58,
        "period": 1,
        "status": 2,
        "domain": "by.hand.example",
    }
    item = await shop.upstream.admin("POST", "/items", body)
    with pytest.raises(InvalidField, match="upstream_number"):
        await shop.resellflow.decide(order.operation, DecisionKind.MARK_DONE, WHY)
    done = WHY.model_copy(update={"upstream_number": str(item["id"])})
    await shop.resellflow.decide(order.operation, DecisionKind.MARK_DONE, done)
    await shop.until(order, Stage.COMPLETED)
    service = await shop.service(order.service)
    assert service.upstream_number == str(item["id"])
    assert service.status is ServiceStatus.ACTIVE
    assert (await shop.handle(order).result())["stage"] == "completed"


@pytest.mark.proof
async def test_cancel_ends_the_order_and_frees_its_money(shop: Shop) -> None:
    await shop.upstream.set_balance("1.00")
    first = await shop.order()
    await shop.until(first, Stage.WAITING_FOR_FUNDS)
    second = await shop.order()
    await shop.until(second, Stage.WAITING_FOR_FUNDS)
    result = await shop.resellflow.decide(first.operation, DecisionKind.CANCEL, WHY)
    assert result.stage is Stage.CANCELLED
    assert (await shop.service(first.service)).status is ServiceStatus.CLOSED
    await shop.upstream.set_balance("5.00")
    await shop.until(second, Stage.COMPLETED)
    with pytest.raises(Refused):
        await shop.resellflow.decide(second.operation, DecisionKind.CANCEL, WHY)


@pytest.mark.proof
async def test_an_order_whose_outcome_is_unknown_is_not_cancelled_unless_a_person_vouches(shop: Shop) -> None:
    await shop.upstream.set(remoteid_in_lists=False, remoteid_in_forms=False, domain_in_lists=False)
    await shop.upstream.fault(function="*.order.param", sok=True, times=1, kind="cut", when="before")
    order = await shop.order()
    await shop.until(order, Stage.OUTCOME_UNKNOWN)
    await shop.upstream.bought_by_hand("x.example")  # and nobody can tell the two apart
    await shop.until(order, Stage.NEEDS_ATTENTION)
    with pytest.raises(Refused, match="nothing_was_bought"):
        await shop.resellflow.decide(order.operation, DecisionKind.CANCEL, WHY)
    assert (await shop.operation(order.operation)).stage is Stage.NEEDS_ATTENTION
    vouched = WHY.model_copy(update={"nothing_was_bought": True})
    await shop.resellflow.decide(order.operation, DecisionKind.RETRY, vouched)
    await shop.until(order, Stage.COMPLETED)
    assert len(await shop.upstream.charges()) == 1
