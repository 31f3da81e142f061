"""Our token at the distributor's is replaced by that of another storefront, and the settings name none."""

import re

import pytest
from sqlmodel import col, select

from catalogue.loading import load
from models.catalogue import UpstreamAccount
from models.enums import Stage
from models.events import UpstreamSnapshot
from tests.farside.installations import OTHER_STOREFRONT, OTHER_TOKEN, RESELLER, TOKEN_VARIABLE, Pair, orders
from tests.infrastructure.eventually import assert_eventually


async def _account(pair: Pair) -> UpstreamAccount:
    async with pair.reseller.database.read() as session:
        return (await session.exec(select(UpstreamAccount))).one()


async def _gone(pair: Pair) -> list[str]:
    """Numbers of the items that the reseller takes for gone."""
    async with pair.reseller.database.read() as session:
        return list(
            (await session.exec(select(UpstreamSnapshot.number).where(col(UpstreamSnapshot.gone).is_(True)))).all()
        )


async def _confirm_storefront(pair: Pair, name: str) -> None:
    """The operator names the storefront in the account's entry, and loads the catalogue."""
    text = pair.catalogue.read_text().replace('kind = "resellflow"', f'kind = "resellflow"\nstorefront = "{name}"')
    pair.catalogue.write_text(text)
    await load(pair.reseller.database, pair.catalogue, actor="olga")


@pytest.mark.proof
async def test_with_the_token_of_another_storefront_nothing_is_bought_until_an_operator_confirms_it(
    resting_pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = resting_pair
    async with pair.distributor.working():
        async with pair.reseller.working():
            await pair.bought()
        monkeypatch.setenv(TOKEN_VARIABLE, OTHER_TOKEN)
        sent = pair.line.sent(orders)
        async with pair.reseller.working():
            order = await pair.reseller.order("S")

            async def is_unhealthy() -> str:
                return (await _account(pair)).unhealthy_reason or ""

            reason = await assert_eventually(is_unhealthy, message="the account is unhealthy")
            assert re.search(f"that of {RESELLER}.* that of {OTHER_STOREFRONT}", reason), reason
            await pair.reseller.until(order, Stage.RETRYING)
            assert pair.line.sent(orders) == sent
            assert not await _gone(pair)
            await _confirm_storefront(pair, OTHER_STOREFRONT)
            await pair.completed(order)
    assert [service.owner for service in await pair.sold()] == [RESELLER, OTHER_STOREFRONT]
