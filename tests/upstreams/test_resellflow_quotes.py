"""A price that the distributor holds: the quote is named with the order, and whatever happens to it, one is bought."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from models.catalogue import TariffPlan, TariffPlanPrice
from models.columns import utc_now
from models.database import Database
from models.money import Money
from models.order import Operation
from models.quote import StoredQuote
from tests.infrastructure.proxy import Answer, Proxy, Reaches, Request
from tests.upstreams.farside import FarSide, connection, running_far_side, spec
from upstreams.answers import Quote
from upstreams.errors import AlreadyExists, NotYet, OutcomeUnknown
from upstreams.port import OrderSpec
from upstreams.resellflow import ResellflowUpstream, quotes

ASKED = Money.of("10.00", "EUR")
PLAIN = spec(addons={})


@pytest.fixture
async def far_side(migrated_sqlite_template: Path, tmp_path: Path) -> AsyncIterator[FarSide]:
    async with running_far_side(migrated_sqlite_template, tmp_path) as running:
        yield running


@pytest.fixture
async def line(far_side: FarSide) -> AsyncIterator[Proxy]:
    async with Proxy(far_side.api.address) as line:
        far_side.upstream = ResellflowUpstream(connection(line.url))
        yield line
        await far_side.upstream.aclose()


def of_quotes(request: Request) -> bool:
    return request.path == "/v1/quotes"


async def sell_for(database: Database, amount: str) -> None:
    async with database.write() as session:
        plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == "VDS-1"))).one()
        row = await session.get_one(TariffPlanPrice, (plan.id, 1))
        row.amount = Decimal(amount)
        session.add(row)


async def end_quotes(database: Database) -> None:
    async with database.write() as session:
        for one in (await session.exec(select(StoredQuote))).all():
            one.valid_until = utc_now() - timedelta(seconds=1)
            session.add(one)


async def held(far_side: FarSide, what: OrderSpec = PLAIN) -> Quote:
    quote = await far_side.upstream.quote(what)
    assert quote.held_as
    assert quote.held_until is not None
    assert quote.held_until > utc_now() + timedelta(minutes=5)
    return quote


async def operations(far_side: FarSide) -> list[Operation]:
    async with far_side.api.database.read() as session:
        return list((await session.exec(select(Operation).order_by(Operation.id))).all())  # type: ignore[arg-type]


async def test_an_order_is_sold_for_what_was_quoted_although_it_is_dearer_by_now(far_side: FarSide) -> None:
    quote = await held(far_side)
    assert quote.price == ASKED
    await sell_for(far_side.api.database, "11.90")
    await far_side.upstream.order(PLAIN, key="k", quote=quote.held_as)
    [operation] = await operations(far_side)
    assert (operation.quote, operation.price) == (quote.held_as, {"sold_by_quote": str(ASKED)})
    shown = (await far_side.api.shop.get("/v1/operations/1")).json()["price"]
    assert shown == {"selling": str(ASKED)}


async def test_a_quote_that_has_ended_buys_nothing_and_the_same_key_may_be_used_without_it(far_side: FarSide) -> None:
    quote = await held(far_side)
    await end_quotes(far_side.api.database)
    for name in (quote.held_as, "q-of-nobody"):
        with pytest.raises(NotYet, match="not held any more"):
            await far_side.upstream.order(PLAIN, key="k", quote=name)
    assert await far_side.services() == 0
    await far_side.upstream.order(PLAIN, key="k")
    assert await far_side.services() == 1


async def test_the_same_order_again_is_the_same_one_even_when_its_quote_has_ended(
    far_side: FarSide, line: Proxy
) -> None:
    quote = await held(far_side)
    line.lay(Answer.CUT, Reaches.BEFORE, chosen=lambda request: request.path == "/v1/services")
    with pytest.raises(OutcomeUnknown):
        await far_side.upstream.order(PLAIN, key="k", quote=quote.held_as)
    await end_quotes(far_side.api.database)
    assert (await far_side.upstream.order(PLAIN, key="k", quote=quote.held_as)).upstream_number == "1"
    with pytest.raises(AlreadyExists):
        await far_side.upstream.order(PLAIN, key="k", quote="q-of-another-time")
    assert await far_side.services() == 1


@pytest.mark.parametrize("reaches", [Reaches.BEFORE, Reaches.NEVER])
async def test_an_answer_with_a_quote_that_is_lost_has_bought_nothing(
    far_side: FarSide, line: Proxy, reaches: Reaches
) -> None:
    line.lay(Answer.CUT, reaches, chosen=of_quotes, times=3)
    with pytest.raises(OutcomeUnknown):
        await far_side.upstream.quote(PLAIN)
    line.mend()
    await held(far_side)
    assert await far_side.services() == 0


async def test_a_version_without_quotes_is_asked_for_its_price_list_and_not_for_quotes_each_time(
    far_side: FarSide, line: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotes, "ADDRESS", "/v1/no-such-address")
    number = await far_side.open(addons={})
    for quote in (
        await far_side.upstream.quote(PLAIN),
        await far_side.upstream.quote_prolong("vds", number, 1),
        await far_side.upstream.quote_plan_change(number, "VDS-1", 1),
    ):
        assert (quote.price, quote.held_as, quote.held_until) == (ASKED, "", None)
    assert line.sent(lambda request: request.path == "/v1/no-such-address") == 1
    monkeypatch.setattr(quotes, "ADDRESS", "/v1/quotes")
    monkeypatch.setattr("upstreams.resellflow.quotes.monotonic", lambda: 1e12)
    await held(far_side)


async def test_what_happens_to_a_service_is_quoted_as_it_is_asked_for(far_side: FarSide) -> None:
    async with far_side.api.database.write() as session:
        plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == "VDS-1"))).one()
        plan.addon_prices = {"ram": "1.00 EUR above 2"}
        session.add(plan)
    upstream, number = far_side.upstream, await far_side.open(addons={})
    asked: list[tuple[Quote, str, Any]] = [
        (
            await upstream.quote_prolong("vds", number, 1),
            "10.00",
            lambda name: upstream.prolong(number, 1, key="p", quote=name),
        ),
        (
            await upstream.quote_parameters("vds", number, {"ram": "6"}),
            "4.00",
            lambda name: upstream.set_parameters("vds", number, {"ram": "6"}, key="s", quote=name),
        ),
    ]
    for quote, price, send in asked:
        assert (quote.price, bool(quote.held_as)) == (Money.of(price, "EUR"), True)
        await send(quote.held_as)
        await far_side.finish(number)
    assert [one.quote for one in await operations(far_side)][1:] == [quote.held_as for quote, _, _ in asked]


async def test_a_request_that_would_be_refused_has_no_quote_and_says_so_itself(far_side: FarSide) -> None:
    quote = await far_side.upstream.quote(spec(addons={"ram": "99"}))
    assert quote.held_as == ""
