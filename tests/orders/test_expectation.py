"""What an operation may cost, as the catalogue and the last look at the item say it."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete
from sqlmodel import select

from models.catalogue import MappedPeriod, PlanMapping, TariffPlan, TariffPlanPrice
from models.database import Database
from models.events import UpstreamSnapshot
from models.money import Money
from models.order import Service
from orders.lifecycle import requests
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.money.prices import PriceTerms
from orders.operations.change_plan import PlanChange
from orders.operations.job import load_job
from orders.operations.prolong import Prolongation
from orders.operations.registry import operation_type
from orders.operations.set_parameters import ServiceChange


def eur(amount: str) -> Money:
    return Money.of(amount, "EUR")


async def opened(database: Database, **addons: int) -> AcceptedOrder:
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1", addons=addons)
    return await accept_order(database, request, client="t", key="k", hostname_suffix="s.internal")


async def prolonged(database: Database, **addons: int) -> AcceptedOrder:
    return await requests.ask(
        database, (await opened(database, **addons)).service, Prolongation(period_months=1), client="t", key="p"
    )


async def terms(database: Database, order: AcceptedOrder) -> PriceTerms:
    job = await load_job(database, order.operation)
    found: PriceTerms = operation_type(job.operation.kind).terms(job)
    return found


async def catalogue(database: Database, **values: Any) -> None:
    """Set what the catalogue says of VDS-1 for a month."""
    async with database.write() as session:
        plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == "VDS-1"))).one()
        mapping = (await session.exec(select(PlanMapping).where(PlanMapping.plan_id == plan.id))).one()
        rows = [
            plan,
            mapping,
            await session.get_one(MappedPeriod, (mapping.id, 1)),
            await session.get_one(TariffPlanPrice, (plan.id, 1)),
        ]
        for name, value in values.items():
            for row in rows:
                if hasattr(row, name):
                    setattr(row, name, value)
                    session.add(row)


async def shown(database: Database, order: AcceptedOrder, cost: str | None, currency: str | None = "EUR") -> None:
    """The item as the upstream last showed it."""
    async with database.write() as session:
        service = await session.get_one(Service, order.service)
        service.upstream_number = "17"
        session.add(service)
        session.add(
            UpstreamSnapshot(
                account_id=1,
                product_type="vds",
                number="17",
                status=2,
                cost_amount=Decimal(cost) if cost is not None else None,
                cost_currency=currency,
            )
        )


RENEWALS = {
    "renewal_cost_amount": Decimal("6.00"),
    "renewal_cost_currency": "EUR",
    "renewal_amount": Decimal("8.90"),
    "renewal_currency": "EUR",
}
ADDONS = {"addon_costs": {"ram": "1.00 EUR above 2"}, "addon_prices": {"ram": "1.60 EUR above 2"}}


async def test_an_opening_is_expected_to_cost_the_period_and_its_add_ons(database: Database) -> None:
    order = await opened(database, ram=4)
    await catalogue(database, **ADDONS)
    found = await terms(database, order)
    assert (found.expected.money, found.expected.missing) == (eur("7.00"), "")
    assert (found.selling.money, found.selling.missing) == (eur("11.10"), "")
    assert found.is_period, "the cost is compared with the selling price"


async def test_what_the_catalogue_does_not_know_of_an_add_on_is_said(database: Database) -> None:
    found = await terms(database, await opened(database, ram=4))
    assert found.expected.missing == "the cost of ram"
    assert found.selling.missing == "the selling price of ram"


async def test_a_renewal_is_expected_to_cost_what_the_catalogue_says_of_renewals(database: Database) -> None:
    order = await prolonged(database, ram=3)
    await shown(database, order, "9.00")
    await catalogue(database, **ADDONS, **RENEWALS)
    found = await terms(database, order)
    assert (found.expected.money, found.selling.money) == (eur("7.00"), eur("10.50"))


async def test_what_a_renewal_costs_and_is_sold_for_is_no_matter_of_an_opening(shelf: Database) -> None:
    order = await opened(shelf)
    await catalogue(shelf, **RENEWALS)
    found = await terms(shelf, order)
    assert (found.expected.money, found.selling.money) == (eur("5.00"), eur("7.90"))


async def test_after_a_change_of_add_ons_the_service_is_sold_at_the_price_of_a_renewal_and_its_add_ons(
    shelf: Database,
) -> None:
    service = (await opened(shelf)).service
    await catalogue(shelf, **RENEWALS)
    order = await requests.ask(shelf, service, ServiceChange(addons={"ram": 4}), client="t", key="a")
    assert (await terms(shelf, order)).selling.missing == "the selling price of ram"
    await catalogue(shelf, **ADDONS)
    found = (await terms(shelf, order)).selling
    assert (found.money, found.missing) == (eur("12.10"), "")


async def test_a_period_that_the_plan_is_not_sold_for_any_more_has_no_selling_price(shelf: Database) -> None:
    opening = await opened(shelf)
    change = await requests.ask(shelf, opening.service, ServiceChange(addons={"ram": 4}), client="t", key="a")
    async with shelf.write() as session:
        await session.exec(delete(TariffPlanPrice))
    for order in (opening, change):
        found = (await terms(shelf, order)).selling
        assert (found.money, found.missing) == (None, "the plan has no selling price for this period")


async def test_else_what_the_upstream_last_showed_for_the_item_add_ons_and_all(database: Database) -> None:
    order = await prolonged(database, ram=4)
    await shown(database, order, "6.80")
    found = await terms(database, order)
    assert (found.expected.money, found.expected.missing) == (eur("6.80"), "")


@pytest.mark.parametrize("period", [1, 12])
async def test_else_what_the_period_costs(database: Database, period: int) -> None:
    order = await prolonged(database)
    if period == 12:  # the item is renewed for another period than its own: what it shows tells nothing of that
        await shown(database, order, "60.00")
        async with database.write() as session:
            service = await session.get_one(Service, order.service)
            service.period_months = 12
            session.add(service)
    found = await terms(database, order)
    assert found.expected.money == eur("5.00")
    assert "catalogue" in found.expected.source


@pytest.mark.parametrize(("cost", "currency"), [(None, "EUR"), ("0", "EUR"), ("6.80", None)])
async def test_an_item_that_shows_no_whole_price_tells_nothing_of_its_renewal(
    shelf: Database, cost: str | None, currency: str | None
) -> None:
    order = await prolonged(shelf)
    await shown(shelf, order, cost, currency)
    assert (await terms(shelf, order)).expected.money == eur("5.00")


@pytest.mark.parametrize(("had", "asked", "more"), [(2, 4, "2.00"), (4, 6, "2.00"), (1, 2, "0"), (6, 4, "0")])
async def test_without_a_quote_the_catalogue_s_cost_of_what_is_added_stands_in(
    database: Database, had: int, asked: int, more: str
) -> None:
    service = (await opened(database, ram=had)).service
    change = ServiceChange(addons={"ram": asked})
    order = await requests.ask(database, service, change, client="t", key="a")
    assert (await terms(database, order)).stand_in.missing == "the cost of ram"
    await catalogue(database, **ADDONS)
    assert (await terms(database, order)).stand_in.money == eur(more)


async def test_an_add_on_that_the_service_did_not_have_is_added_in_full(shelf: Database) -> None:
    service = (await opened(shelf)).service
    await catalogue(shelf, addon_costs={"ram": "1.00 EUR"})
    order = await requests.ask(shelf, service, ServiceChange(addons={"ram": 2}), client="t", key="a")
    assert (await terms(shelf, order)).stand_in.money == eur("2.00")


async def test_a_change_of_what_is_no_add_on_is_not_taken_for_free(shelf: Database) -> None:
    service = (await opened(shelf)).service
    order = await requests.ask(shelf, service, ServiceChange(domain="new.example.test"), client="t", key="a")
    found = (await terms(shelf, order)).stand_in
    assert (found.money, found.missing) == (None, "the catalogue says nothing of it")


async def test_other_plans_and_add_ons_have_no_expectation_but_the_limit(database: Database) -> None:
    service = (await opened(database)).service
    limit = eur("3.00")
    change = ServiceChange(addons={"ram": 4}, agreed_cost_limit=limit)
    plan = await requests.ask(database, service, PlanChange(plan="VDS-2", agreed_cost_limit=limit), client="t", key="c")
    for order in (plan, await requests.ask(database, service, change, client="t", key="a")):
        found = await terms(database, order)
        assert (found.expected.money, found.stand_in.money, found.is_period) == (None, None, False)
        assert found.agreed == limit
    assert (await terms(database, plan)).selling.money == eur("15.80"), "shown, and not compared"
