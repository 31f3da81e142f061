"""What a person orders at the distributor's by hand becomes a service here."""

from collections.abc import AsyncIterator

import pytest
from sqlmodel import select

from models.enums import RenewalOwner, ServiceStatus
from models.incident import Incident
from models.money import Money
from models.order import Service
from orders.errors import Refused
from orders.linking.linker import Linker
from orders.linking.requests import AdoptRequest, Outcome
from tests.farside.installations import Pair
from tests.infrastructure.eventually import assert_eventually
from upstreams.connections import Connections


@pytest.fixture
async def linker(pair: Pair) -> AsyncIterator[Linker]:
    async with Connections.of(pair.reseller.settings) as connections:
        yield Linker(pair.reseller.database, connections)


async def _order_by_hand(pair: Pair, customer: str) -> Service:
    """With the reseller's token, past its installation."""
    answer = await pair.distributor_api.shop.post(
        "/v1/services",
        headers={"Idempotency-Key": customer},
        json={"plan": "VDS-1", "period_months": 1, "customer": customer, "parameters": {"template": "debian-12"}},
    )
    assert answer.status_code == 201, answer.text

    async def is_open() -> Service | None:
        sold = (await pair.sold())[-1]
        return sold if sold.status is ServiceStatus.ACTIVE and sold.expires_on else None

    opened = await assert_eventually(is_open, message="the distributor has opened it")
    assert opened is not None
    return opened


async def _adopt(linker: Linker, sold: Service) -> Outcome:
    request = AdoptRequest(plan="S", customer="anna")
    return await linker.adopt(
        str(sold.id), request, upstream="distributor", actor="olga", client="cli", key=f"adopted {sold.id}"
    )


@pytest.mark.proof
async def test_what_was_ordered_there_by_hand_is_adopted_without_force_and_goes_on_as_any_service(
    pair: Pair, linker: Linker
) -> None:
    sold = await _order_by_hand(pair, "for anna")
    outcome = await _adopt(linker, sold)
    assert (outcome.done, outcome.differences) == (True, [])
    service = await pair.reseller.service(outcome.service or 0)
    assert (service.customer, service.status, service.upstream_number) == ("anna", ServiceStatus.ACTIVE, str(sold.id))
    assert (service.expires_on, service.period_months) == (sold.expires_on, 1)
    assert service.renewed_by is RenewalOwner.STOREFRONT
    assert Money(amount=service.cost_amount, currency=service.cost_currency) == Money.of("7.90", "EUR")
    after = await pair.completed(await pair.reseller.resellflow.prolong(outcome.service or 0, 1, key="p"))
    assert after.expires_on == (await pair.sold())[0].expires_on != sold.expires_on
    assert [charge["operation"] for charge in await pair.panel.charges()] == ["open", "prolong"]
    async with pair.reseller.database.read() as session:
        assert not (await session.exec(select(Incident))).all()


@pytest.mark.proof
async def test_what_another_installation_of_ours_has_bought_there_is_not_adopted_without_force(
    pair: Pair, linker: Linker
) -> None:
    sold = await _order_by_hand(pair, "rf-other-12")
    with pytest.raises(Refused, match="it carries the mark rf-other-12, which is of no service here"):
        await _adopt(linker, sold)
