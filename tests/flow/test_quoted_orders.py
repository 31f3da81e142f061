"""An order by a quote: the upstream's price of the moment, and never more than that."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from models.enums import FailureClass, Role, Stage
from orders.access.roles import OPERATOR, Requester
from orders.lifecycle.intake import ServiceRequest
from orders.operations.prolong import Prolongation
from orders.operations.set_parameters import ServiceChange
from orders.quotes import making
from orders.quotes.views import MoneyThere, QuoteRules, QuoteView, quote_change, quote_order
from tests.flow.shop import Shop
from upstreams.connections import Connections

ORDER: dict[str, Any] = {"plan": "VDS-1", "period_months": 1, "customer": "c-17", "addons": {"ram": 4}}


async def quoted(shop: Shop, ask: Callable[[Connections, QuoteRules], Awaitable[QuoteView]]) -> QuoteView:
    async with Connections.of(shop.settings) as connections:
        return await ask(connections, QuoteRules.of(shop.settings))


async def of_order(shop: Shop, **changes: Any) -> QuoteView:
    order = ServiceRequest(**{**ORDER, **changes})
    return await quoted(shop, lambda one, rules: quote_order(shop.database, one, rules, order, OPERATOR))


async def price(shop: Shop, amount: str) -> None:
    await shop.upstream.admin("PATCH", "/pricelists/58", {"prices": {"1": amount}})


@pytest.mark.proof
async def test_the_upstream_is_asked_and_the_order_costs_what_was_quoted(shop: Shop) -> None:
    await price(shop, "5.20")
    quote = await of_order(shop)
    assert (quote.upstream_asked, quote.upstream_said) == (True, "")
    assert quote.cost is not None
    assert quote.cost.amount == Decimal("7.20"), "two of the four are included"
    assert quote.price is not None
    assert quote.price["source"] == "quote"
    assert await shop.upstream.charges() == [], "nothing is bought"
    order = await shop.resellflow.place_order(ServiceRequest(**ORDER, quote=quote.id), key="k")
    operation = await shop.until(order, Stage.COMPLETED)
    assert (operation.quote, operation.cost_amount) == (quote.id, Decimal("7.20"))
    [charge] = await shop.upstream.charges()
    assert Decimal(charge["amount"]) == Decimal("7.20")


@pytest.mark.proof
async def test_a_dearer_price_waits_for_a_person_although_the_catalogue_would_tolerate_it(shop: Shop) -> None:
    quote = await of_order(shop)
    assert quote.cost is not None
    await price(shop, "5.01")
    order = await shop.resellflow.place_order(ServiceRequest(**ORDER, quote=quote.id), key="k")
    operation = await shop.until(order, Stage.NEEDS_ATTENTION)
    assert operation.failure_class is FailureClass.PRICE_CHANGED
    assert f"at most {quote.cost} is agreed" in operation.reason
    assert await shop.upstream.charges() == []


@pytest.mark.proof
async def test_a_renewal_is_held_to_its_quote_too(shop: Shop) -> None:
    opened = await shop.order()
    await shop.until(opened, Stage.COMPLETED)
    service = await shop.service(opened.service)
    asked = Prolongation(period_months=1)
    quote = await quoted(
        shop, lambda one, rules: quote_change(shop.database, one, rules, opened.service, asked, OPERATOR)
    )
    assert quote.upstream_asked
    assert quote.next_expiry is not None
    assert service.expires_on is not None
    assert quote.next_expiry > service.expires_on
    await price(shop, "5.01")
    again = Prolongation(period_months=1, quote=quote.id)
    order = await shop.resellflow.ask(opened.service, again, key="dearer")
    assert (await shop.until(order, Stage.NEEDS_ATTENTION)).failure_class is FailureClass.PRICE_CHANGED


async def test_an_upstream_that_hangs_delays_a_quote_by_its_limit_and_no_longer(
    shop_without_worker: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "ASK_SECONDS", 0.2)
    await shop_without_worker.upstream.fault(function="*.order.param", kind="hang")
    quote = await of_order(shop_without_worker)
    assert quote.possible
    assert not quote.upstream_asked
    assert "did not say its price within" in quote.upstream_said
    assert quote.price is not None
    assert quote.price["source"] == "catalogue"


async def test_a_price_that_the_upstream_refuses_to_say_is_not_one_that_it_said(shop_without_worker: Shop) -> None:
    shop = shop_without_worker
    await shop.upstream.admin("PATCH", "/pricelists/58", {"active": False})
    quote = await of_order(shop)
    assert quote.price is not None
    assert (quote.possible, quote.upstream_asked, quote.price["source"]) == (True, False, "catalogue")
    assert "the tariff cannot be ordered" in quote.upstream_said
    assert (quote.needs_person, quote.why_a_person) == (True, [quote.upstream_said])
    order = ServiceRequest(**ORDER)
    for_shop = await quoted(
        shop, lambda one, rules: quote_order(shop.database, one, rules, order, Requester(Role.STOREFRONT, "shop"))
    )
    assert (for_shop.upstream_asked, for_shop.needs_person) == (False, True)
    assert for_shop.why_a_person == [for_shop.upstream_said] == ["the upstream would refuse this at the moment"]


@pytest.mark.proof
async def test_money_is_there_for_what_costs_nothing(shop: Shop) -> None:
    opened = await shop.order()
    await shop.until(opened, Stage.COMPLETED)
    asked = ServiceChange(password="new")
    quote = await quoted(
        shop, lambda one, rules: quote_change(shop.database, one, rules, opened.service, asked, OPERATOR)
    )
    assert (quote.cost, quote.money) == (None, MoneyThere.ENOUGH)


@pytest.mark.proof
async def test_whether_the_money_is_there_is_said_by_the_last_reading(shop: Shop) -> None:
    first = await shop.order()
    await shop.until(first, Stage.COMPLETED)
    assert (await of_order(shop)).money is MoneyThere.ENOUGH
    async with shop.database.write() as session:
        account = await shop.account(session)
        account.balance = Decimal("1.00")
        session.add(account)
    assert (await of_order(shop)).money in (MoneyThere.SHORT, MoneyThere.ENOUGH), "the poller may have read it again"
