"""What the distributor has accepted and not finished, seen from a reseller who never heard the answer."""

from datetime import timedelta

from models.enums import Stage
from tests.farside.installations import Pair, orders
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.proxy import Answer, Reaches


async def test_a_lost_yes_to_a_prolongation_that_waits_there_for_money_is_neither_repeated_nor_given_up(
    pair: Pair,
) -> None:
    service = await pair.bought()
    assert service.expires_on is not None
    await pair.panel.set_balance("0.00")
    pair.line.lay(Answer.CUT, Reaches.BEFORE, chosen=orders)
    order = await pair.reseller.resellflow.prolong(service.id or 0, 1, key="p")

    async def waits_there() -> bool:
        return (await pair.operations_there())[-1].stage is Stage.WAITING_FOR_FUNDS

    await assert_eventually(waits_there, timeout=20, message="the distributor waits for money")
    await pair.reseller.until(order, Stage.OUTCOME_UNKNOWN)

    async def is_waited_for() -> bool:
        calls = await pair.reseller.intents(order.operation)
        return "is being worked on" in str(calls[-1].evidence)

    await assert_eventually(is_waited_for, timeout=20, message="what is under way there is seen")
    sent = pair.line.sent(orders)
    await pair.panel.set_balance("50.00")
    after = await pair.completed(order)
    assert after.expires_on is not None
    assert timedelta(days=28) <= after.expires_on - service.expires_on <= timedelta(days=31)
    assert [charge["operation"] for charge in await pair.panel.charges()] == ["open", "prolong"]
    assert pair.line.sent(orders) == sent, "nothing was sent again"
