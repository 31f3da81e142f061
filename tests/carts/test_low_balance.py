"""A minimal balance is told of when less is free, whether anybody orders or not."""

from decimal import Decimal

import pytest
from sqlmodel import col, select

from models.catalogue import ProcessingModule, UpstreamAccount
from models.enums import MessageType
from models.webhooks import WebhookMessage
from tests.carts.bench import Bench


async def change(bench: Bench, *, minimal: str | None = None, credit: str | None = None) -> None:
    async with bench.database.write() as session:
        if minimal is not None:
            module = (await session.exec(select(ProcessingModule).where(ProcessingModule.product_type == "vds"))).one()
            module.minimal_balance = Decimal(minimal)
            session.add(module)
        if credit is not None:
            account = await session.get_one(UpstreamAccount, 1)
            account.credit_limit = Decimal(credit)
            session.add(account)


async def told(bench: Bench) -> list[tuple[str, str]]:
    kinds = [MessageType.UPSTREAM_BALANCE_LOW, MessageType.UPSTREAM_BALANCE_ENOUGH]
    async with bench.database.read() as session:
        found = await session.exec(
            select(WebhookMessage).where(col(WebhookMessage.kind).in_(kinds)).order_by(col(WebhookMessage.id))
        )
        return [(one.kind.split(".")[2], one.data["free"]) for one in found.all()]


async def since(bench: Bench) -> object:
    async with bench.database.read() as session:
        return (await session.get_one(UpstreamAccount, 1)).low_balance_since


async def test_people_are_told_once_when_less_is_free_and_once_when_it_is_enough(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await change(bench, minimal="50.00")
    await bench.activities.funds.watch_balance(1)
    assert (await told(bench), await since(bench)) == ([], None)
    await bench.upstream.set_balance("40.00")
    for _ in range(3):
        await bench.activities.funds.watch_balance(1)
    assert await told(bench) == [("balance_low", "40.00 EUR")]
    assert await since(bench) is not None
    assert "wants 50.00 EUR: top it up" in caplog.text
    await change(bench, credit="20.00")
    await bench.activities.funds.watch_balance(1)
    assert await told(bench) == [("balance_low", "40.00 EUR"), ("balance_enough", "60.00 EUR")]
    assert await since(bench) is None


async def test_what_is_set_aside_is_not_free(bench: Bench) -> None:
    balance = await bench.upstream.balance()
    await change(bench, minimal=str(balance - 4))
    await bench.reserve(await bench.order())
    await bench.activities.funds.watch_balance(1)
    assert await told(bench) == [("balance_low", f"{balance - 5} EUR")]
    await change(bench, minimal=str(balance - 5))
    await bench.activities.funds.watch_balance(1)
    assert [kind for kind, _ in await told(bench)] == ["balance_low", "balance_enough"], "as much will do"
