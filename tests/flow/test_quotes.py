"""However an upstream shows its prices: read where that is possible, else a person looks or the catalogue stands in."""

import pytest
from sqlmodel import select

from models.catalogue import PlanMapping
from models.enums import FailureClass, Stage, Unquoted
from models.messages import DecisionKind
from models.money import Money
from tests.flow.shop import Shop
from tests.flow.test_prices import WHY, accept, charged, price, sent

FURTHER = [pytest.param(quote, marks=pytest.mark.proof) for quote in ("text", "nested_everywhere", "flat")]


@pytest.mark.proof
@pytest.mark.parametrize("quote", ["nested", *FURTHER])
async def test_a_readable_price_is_the_price(shop: Shop, quote: str) -> None:
    await shop.upstream.set(quote=quote)
    await price(shop.upstream, "5.40")
    done = await shop.until(await shop.order(), Stage.COMPLETED)
    assert (done.cost, done.price["source"]) == (Money.of("5.40", "EUR"), "quote")


@pytest.mark.proof
async def test_where_no_price_is_shown_the_catalogue_s_cost_stands_in_and_the_row_says_so(shop: Shop) -> None:
    await shop.upstream.set(quote="absent")
    done = await shop.until(await shop.order(), Stage.COMPLETED)
    assert (done.cost, done.price["source"]) == (Money.of("5.00", "EUR"), "catalogue")
    assert "no price" in done.price["skipped"]


@pytest.mark.proof
async def test_a_price_that_can_t_be_read_is_for_a_person(shop: Shop) -> None:
    await shop.upstream.set(quote="unreadable")
    order = await shop.order()
    operation = await shop.until(order, Stage.NEEDS_ATTENTION)
    assert operation.failure_class is FailureClass.PRICE_CHANGED
    assert "can't be read" in operation.reason
    assert await sent(shop) == []
    await accept(shop, order)
    await shop.until(order, Stage.COMPLETED)
    assert len(await charged(shop)) == 1


@pytest.mark.proof
async def test_the_mapping_may_allow_what_can_t_be_read(shop: Shop) -> None:
    await shop.upstream.set(quote="unreadable")
    order = await shop.order()
    await shop.until(order, Stage.NEEDS_ATTENTION)
    async with shop.database.write() as session:
        for mapping in (await session.exec(select(PlanMapping))).all():
            mapping.unquoted = Unquoted.ALLOW
            session.add(mapping)
    await shop.resellflow.decide(order.operation, DecisionKind.RETRY, WHY)
    done = await shop.until(order, Stage.COMPLETED)
    assert (done.cost, done.price["source"]) == (Money.of("5.00", "EUR"), "catalogue")
