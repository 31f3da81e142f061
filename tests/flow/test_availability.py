"""Whether a plan can be had: what the poller reads of the price list, and what a refused order says at once."""

from typing import Any

import pytest

from models.columns import utc_now
from models.enums import Availability, AvailabilityCause, Stage
from models.renewal_terms import RenewalTerms
from models.tariffs import TariffState
from orders.access.roles import OPERATOR
from orders.operations.requests import Rules
from orders.plans import tariffs
from orders.plans.availability_views import AvailabilityView
from orders.plans.tariffs import Place, Verdict
from orders.plans.views import find_plan
from tests.flow.shop import Shop, Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer

LIST = "*.order.pricelist"


async def shown(shop: Shop, plan: str = "VDS-1") -> AvailabilityView:
    async with shop.database.read() as session:
        return (await find_plan(session, plan, OPERATOR, Rules(), RenewalTerms())).availability


async def until(
    shop: Shop, status: Availability, cause: AvailabilityCause | None = None, plan: str = "VDS-1"
) -> AvailabilityView:
    async def so() -> AvailabilityView | None:
        found = await shown(shop, plan)
        return found if (found.status, found.cause) == (status, cause) else None

    found = await assert_eventually(so, timeout=30, message=f"{plan} is {status} because of {cause}")
    assert found is not None
    return found


@pytest.mark.proof
async def test_the_price_list_says_whether_a_plan_can_be_had_and_since_when(
    shop_database: str, temporal_server: TemporalServer, upstream: Upstream
) -> None:
    """Withdrawn and back again, its data centre closed and open again, an account without the right to see it."""
    async with open_shop(shop_database, temporal_server, upstream, price_list_interval=0.3) as shop:
        before = utc_now()
        available = await until(shop, Availability.AVAILABLE)
        assert available.known_since is not None
        assert available.known_since >= before

        await upstream.admin("PATCH", "/pricelists/58", {"active": False})
        gone = await until(shop, Availability.UNAVAILABLE, AvailabilityCause.TARIFF_WITHDRAWN)
        assert gone.known_since is not None
        assert gone.known_since > available.known_since
        later = await assert_eventually(lambda: _checked_after(shop, gone), timeout=30, message="it is read again")
        assert later is not None
        assert later.known_since == gone.known_since, "since when it is so, not since it was looked at"
        assert (await shown(shop, "VDS-2")).status is Availability.AVAILABLE

        await upstream.admin("PATCH", "/pricelists/58", {"active": True})
        await until(shop, Availability.AVAILABLE)
        await upstream.set(closed_datacenters=[1])
        await until(shop, Availability.UNAVAILABLE, AvailabilityCause.NO_DATA_CENTRE)
        await upstream.set(closed_datacenters=[])
        await until(shop, Availability.AVAILABLE)
        await upstream.admin("PATCH", "/pricelists/58", {"datacenters": [2]})
        await until(shop, Availability.UNAVAILABLE, AvailabilityCause.NO_DATA_CENTRE)
        await upstream.admin("PATCH", "/pricelists/58", {"datacenters": [1, 2], "prices": {"12": "50"}})
        await upstream.set(price_list_period="chosen", price_list_centre="first")
        await until(shop, Availability.AVAILABLE)
        await upstream.set(price_list_rights="access")
        await until(shop, Availability.UNKNOWN)
        async with shop.database.read() as session:
            account = await shop.account(session)
        assert not account.unhealthy_reason
        order = await shop.order()
        await shop.until(order, Stage.COMPLETED)


async def _checked_after(shop: Shop, before: AvailabilityView) -> AvailabilityView | None:
    found = await shown(shop)
    assert before.checked_at is not None
    return found if found.checked_at is not None and found.checked_at > before.checked_at else None


@pytest.mark.proof
async def test_a_refused_order_says_it_at_once_and_has_the_price_list_read(
    shop_database: str, temporal_server: TemporalServer, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was read before, and would not be for ten minutes: the order's refusal is what says it."""
    async with open_shop(shop_database, temporal_server, upstream, price_list_interval=600) as shop:
        await upstream.admin("PATCH", "/pricelists/58", {"active": False})
        order = await shop.order()
        await shop.until(order, Stage.NEEDS_ATTENTION)
        refused = await shown(shop)
        assert refused.status is Availability.UNAVAILABLE
        assert refused.cause in (AvailabilityCause.ORDER_REFUSED, AvailabilityCause.TARIFF_WITHDRAWN)
        await until(shop, Availability.UNAVAILABLE, AvailabilityCause.TARIFF_WITHDRAWN)
        assert len(await upstream.requests(LIST)) <= 8


async def test_a_tariff_whose_order_was_refused_lately_is_not_available_by_the_price_list_alone(shop: Shop) -> None:
    place = Place("vds", "1")
    async with shop.database.write() as session:
        session.add(
            TariffState(
                account_id=1,
                product_type="vds",
                tariff="58",
                location="1",
                status=Availability.UNAVAILABLE,
                cause=AvailabilityCause.ORDER_REFUSED,
                refused_at=utc_now(),
            )
        )
    await tariffs.record(shop.database, 1, place, {"58": Verdict(Availability.AVAILABLE)})
    assert (await shown(shop)).cause is AvailabilityCause.ORDER_REFUSED
    async with shop.database.write() as session:
        row = await session.get_one(TariffState, (1, "vds", "58", "1"))
        row.refused_at = utc_now() - tariffs.REFUSAL_COUNTS
        session.add(row)
    await tariffs.record(shop.database, 1, place, {"58": Verdict(Availability.AVAILABLE)})
    assert (await shown(shop)).status is Availability.AVAILABLE


@pytest.mark.proof
async def test_nothing_is_asked_of_an_upstream_for_the_document(shop_without_worker: Shop) -> None:
    asked: list[Any] = await shop_without_worker.upstream.requests()
    assert (await shown(shop_without_worker)).status is Availability.UNKNOWN
    assert await shop_without_worker.upstream.requests() == asked
