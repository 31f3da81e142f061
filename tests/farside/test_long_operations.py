"""What the distributor has accepted and not finished, seen from a reseller who never heard the answer."""

from datetime import timedelta

import pytest

from models.enums import Stage
from tests.farside.installations import Pair, orders
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.proxy import Answer, Reaches


@pytest.mark.proof
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

    await assert_eventually(waits_there, message="the distributor waits for money")
    await pair.reseller.until(order, Stage.OUTCOME_UNKNOWN)

    async def is_waited_for() -> bool:
        calls = await pair.reseller.intents(order.operation)
        return "is being worked on" in str(calls[-1].evidence)

    await assert_eventually(is_waited_for, message="what is under way there is seen")
    sent = pair.line.sent(orders)
    await pair.panel.set_balance("50.00")
    after = await pair.completed(order)
    assert after.expires_on is not None
    assert timedelta(days=28) <= after.expires_on - service.expires_on <= timedelta(days=31)
    assert [charge["operation"] for charge in await pair.panel.charges()] == ["open", "prolong"]
    assert pair.line.sent(orders) == sent, "nothing was sent again"


@pytest.mark.parametrize("pair", [{"slow_at_least": 1.0}], indirect=True)
@pytest.mark.proof
async def test_what_an_opening_waits_for_there_is_shown_here_after_a_while(pair: Pair) -> None:
    """Their list does not show it: the order reads its item when it takes long."""
    await pair.panel.set_balance("0.00")
    order = await pair.reseller.order("S")
    await pair.stands_there(Stage.WAITING_FOR_FUNDS)

    async def is_said() -> bool:
        answer = await pair.reseller_api.operator.get(f"/v1/operations/{order.operation}")
        said = str(answer.json()["upstream_says"])
        assert "their open 1 is in stage waiting_for_funds: money on the upstream account" in said, said
        return True

    await assert_eventually(is_said, timeout=30, message="the cause is shown")
