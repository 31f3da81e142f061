"""What an adapter has found out of its upstream is kept with the account."""

import asyncio

from models.catalogue import UpstreamAccount
from models.database import Database
from orders.accounts.notes import keep_first
from upstreams.resellflow import ResellflowLearned


async def test_of_two_processes_that_find_out_different_things_both_get_what_the_first_has_found(
    database: Database,
) -> None:
    async with database.read() as session:
        account = await session.get_one(UpstreamAccount, 1)
    found = [ResellflowLearned(storefront=name) for name in ("shop", "rival")]
    kept = await asyncio.gather(*(keep_first(database, account, one) for one in found))
    assert kept[0] == kept[1]
    assert kept[0] in found
    async with database.read() as session:
        assert (await session.get_one(UpstreamAccount, 1)).learned == kept[0].model_dump()
