"""In which order those are woken that waited for an upstream, after a pause or once a breaker has closed."""

from datetime import timedelta

import pytest

from models.columns import utc_now
from models.enums import Stage
from models.order import Operation
from temporal import waking
from tests.storefront.api import client_of_nothing, stocked_api


async def test_the_oldest_is_woken_first_whenever_each_would_have_come(
    migrated_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the number of the operation. Which is sent first is left to the workers: one may overtake its neighbours."""
    woken: list[int] = []

    async def note(client: object, operation: Operation) -> waking.Waking:
        woken.append(operation.id)
        return waking.Waking.WOKEN

    monkeypatch.setattr(waking, "_try_now", note)
    monkeypatch.setattr(waking, "WOKEN_PER_SECOND", 1000)
    monkeypatch.setattr(waking, "SOON", timedelta(milliseconds=1))
    monkeypatch.setattr(waking, "LOOKS", 1)
    client = await client_of_nothing()
    async with stocked_api(migrated_database_url, client) as api:
        for number in range(1, 6):
            await api.order(f"cart-{number}")
            await api.enter(number, Stage.RETRYING, "paused")
        async with api.database.write() as session:
            for number in (5, 1, 4, 2, 3):
                operation = await session.get_one(Operation, number)
                operation.next_try_at = utc_now() + timedelta(minutes=10 - number)
        assert await waking.wake(client, api.database, "main") == 5
    assert woken == [1, 2, 3, 4, 5]
