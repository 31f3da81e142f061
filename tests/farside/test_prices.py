"""What the distributor sells it for is known before anything is sent, and what it was sold for is shown afterwards."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from models.catalogue import TariffPlan, TariffPlanPrice
from models.enums import FailureClass, IncidentKind, OperationKind, ServiceStatus, Stage
from models.incident import Incident
from models.messages import Decision, DecisionKind
from models.money import Money
from orders.operations.set_parameters import ServiceChange
from tests.farside.installations import Pair, orders
from tests.infrastructure.eventually import assert_eventually
from upstreams.resellflow import adapter as of_the_adapter
from upstreams.resellflow import quotes as of_quotes

PAID = Decision(actor="olga", reason="seen")


def eur(amount: str) -> Money:
    return Money.of(amount, "EUR")


async def sell_for(pair: Pair, plan: str, amount: str) -> None:
    """The distributor sells the plan for this from now on."""
    async with pair.distributor.database.write() as session:
        found = (await session.exec(select(TariffPlan).where(TariffPlan.name == plan))).one()
        price = await session.get_one(TariffPlanPrice, (found.id, 1))
        price.amount = Decimal(amount)
        session.add(price)


async def incidents(pair: Pair) -> list[Incident]:
    async with pair.reseller.database.read() as session:
        found = await session.exec(select(Incident).where(col(Incident.kind) == IncidentKind.OTHER_TERM))
        return list(found.all())


async def costs(pair: Pair, number: int, amount: str) -> None:
    async def shown() -> bool:
        return (await pair.reseller.service(number)).cost_amount == Decimal(amount)

    await assert_eventually(shown, message=f"the service costs {amount}")


@pytest.mark.proof
async def test_a_change_of_plan_above_the_agreed_limit_is_not_sent_before_a_person_has_accepted_its_price(
    pair: Pair,
) -> None:
    number = (await pair.bought()).id or 0
    sent = pair.line.sent(orders)
    order = await pair.reseller.resellflow.change_plan(number, "L", key="c", agreed_cost_limit=eur("10.00"))
    asked = await pair.reseller.until(order, Stage.NEEDS_ATTENTION)
    assert asked.failure_class is FailureClass.PRICE_CHANGED
    assert "the upstream asks 15.80 EUR, but at most 10.00 EUR is agreed" in asked.reason
    assert pair.line.sent(orders) == sent, "nothing is sent"
    await pair.reseller.resellflow.decide(order.operation, DecisionKind.ACCEPT_PRICE, PAID)
    there = await pair.stands_there(Stage.AWAITING_MANUAL_TASK)
    assert there.price["selling"] == "15.80 EUR"
    [sold] = await pair.sold()
    await pair.panel.admin("PATCH", f"/items/{sold.upstream_number}", {"pricelist": 59})
    await pair.completed(order)
    await costs(pair, number, "15.80")
    assert await incidents(pair) == []


@pytest.mark.proof
async def test_a_prolongation_that_is_dearer_by_now_is_not_sent_before_a_person_has_accepted_its_price(
    pair: Pair,
) -> None:
    service = await pair.bought()
    await sell_for(pair, "VDS-1", "11.90")
    order = await pair.reseller.resellflow.prolong(service.id or 0, 1, key="p", agreed_cost_limit=eur("8.00"))
    asked = await pair.reseller.until(order, Stage.NEEDS_ATTENTION)
    assert "the upstream asks 11.90 EUR, but at most 8.00 EUR is agreed" in asked.reason
    await pair.reseller.resellflow.decide(order.operation, DecisionKind.ACCEPT_PRICE, PAID)
    await pair.completed(order)
    await costs(pair, order.service, "11.90")
    assert (await pair.reseller.operation(order.operation)).cost == eur("11.90")
    assert await incidents(pair) == []


@pytest.mark.proof
async def test_add_ons_cost_what_the_distributor_sells_them_for(pair: Pair) -> None:
    async with pair.distributor.database.write() as session:
        plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == "VDS-1"))).one()
        plan.addon_prices = {"ram": "1.50 EUR above 2"}
        session.add(plan)
    number = (await pair.bought()).id or 0
    change = ServiceChange(addons={"ram": 4}, agreed_cost_limit=eur("2.00"))
    order = await pair.reseller.resellflow.change_parameters(number, change, key="a")
    asked = await pair.reseller.until(order, Stage.NEEDS_ATTENTION)
    assert "the upstream asks 3.00 EUR, but at most 2.00 EUR is agreed" in asked.reason
    await pair.reseller.resellflow.decide(order.operation, DecisionKind.ACCEPT_PRICE, PAID)
    await pair.completed(order)
    await costs(pair, number, "10.90")


@pytest.mark.proof
async def test_what_the_distributor_has_no_price_for_is_named_here(pair: Pair) -> None:
    """Its catalogue does not say what an add-on costs."""
    order = await pair.reseller.order("S", addons={"ram": 4})
    await pair.completed(order)
    said = "the upstream shows no price before the request, and names as missing: the price of ram"
    assert said in (await pair.reseller.operation(order.operation)).price["skipped"]
    shop, limit = pair.reseller.resellflow, eur("8.00")
    more = ServiceChange(addons={"ram": 6}, agreed_cost_limit=limit)
    for limited in (
        await shop.change_parameters(order.service, more, key="a"),
        await shop.prolong((await pair.bought(addons={"ram": 4})).id or 0, 1, key="p", agreed_cost_limit=limit),
        await shop.change_plan(
            (await pair.bought(addons={"ram": 4})).id or 0, "L", key="c", agreed_cost_limit=eur("1.00")
        ),
    ):
        operation = await pair.reseller.until(limited, Stage.NEEDS_ATTENTION, Stage.COMPLETED)
        assert "names as missing: the price of ram" in operation.price["skipped"], operation.kind
        if limited.kind is not OperationKind.PROLONG:
            assert "no price is shown (the upstream names as missing: the price of ram)" in operation.reason


@pytest.mark.proof
async def test_a_price_that_is_not_held_and_rises_while_the_order_waits_there_is_an_incident_with_both_amounts(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_quotes, "ADDRESS", "/v1/no-such-address")
    number = (await pair.bought()).id or 0
    await pair.panel.set_balance("0.00")
    order = await pair.reseller.resellflow.prolong(number, 1, key="p", agreed_cost_limit=eur("8.00"))
    await pair.stands_there(Stage.WAITING_FOR_FUNDS)
    await pair.reseller.until(order, Stage.AWAITING_CONFIRMATION)
    async with pair.distributor.database.write() as session:
        there = (await pair.operations_there())[-1]
        session.add(there)
        there.price = {**there.price, "quoted_at": (there.created_at - timedelta(hours=1)).isoformat()}
    await sell_for(pair, "VDS-1", "11.90")
    await pair.panel.set_balance("50.00")
    await pair.completed(order)
    await costs(pair, number, "11.90")
    [incident] = await assert_eventually(lambda: incidents(pair), message="it is an incident")
    assert (incident.operation_id, incident.detail) == (order.operation, {"expected": "7.90 EUR", "shown": "11.90 EUR"})
    assert "(at most 8.00 EUR was agreed): the upstream quoted that before" in incident.message


@pytest.mark.proof
async def test_a_distributor_of_an_older_version_shows_its_price_afterwards(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in ((of_the_adapter, "_PRICES"), (of_quotes, "ADDRESS")):
        monkeypatch.setattr(module, name, "/v1/no-such-address")
    number = (await pair.bought()).id or 0
    await sell_for(pair, "VDS-1", "11.90")
    order = await pair.reseller.resellflow.prolong(number, 1, key="p", agreed_cost_limit=eur("8.00"))
    await pair.completed(order)
    await costs(pair, number, "11.90")
    [incident] = await assert_eventually(lambda: incidents(pair), message="it is an incident")
    assert "the upstream showed no price before" in incident.message


@pytest.mark.proof
async def test_a_distributor_that_sells_in_another_currency_is_asked_for_nothing(pair: Pair) -> None:
    await _sell_in_dollars(pair)
    order = await pair.reseller.order("S")
    asked = await pair.reseller.until(order, Stage.NEEDS_ATTENTION)
    assert "it costs 7.90 USD and the account is kept in EUR" in asked.reason
    assert await pair.counts() == (0, 0, 0)


@pytest.mark.proof
async def test_an_item_in_another_currency_from_an_older_version_is_an_incident(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in ((of_the_adapter, "_PRICES"), (of_quotes, "ADDRESS")):
        monkeypatch.setattr(module, name, "/v1/no-such-address")
    await _sell_in_dollars(pair)
    service = await pair.bought()
    assert service.status is ServiceStatus.ACTIVE
    [incident] = await assert_eventually(lambda: incidents(pair), message="the price is read with the item")
    assert (incident.service_id, incident.detail) == (service.id, {"expected": "EUR", "shown": "7.90 USD"})


async def _sell_in_dollars(pair: Pair) -> None:
    async with pair.distributor.database.write() as session:
        await session.exec(update(TariffPlanPrice).values(currency="USD"))
