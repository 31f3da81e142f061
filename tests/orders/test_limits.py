"""The most that a caller agrees to: written down with the order, in the currency of the account, part of its key."""

import hashlib
import json

import pytest
from pydantic import TypeAdapter, ValidationError

from models.database import Database
from models.money import Money
from models.order import IntakeKey, Operation
from orders.errors import InvalidField, KeyReused
from orders.lifecycle import requests
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.money.limits import CostLimit
from orders.operations.change_plan import PlanChange
from orders.operations.prolong import Prolongation
from orders.operations.set_parameters import ServiceChange

LIMIT = Money.of("6.00", "EUR")
BODY_WITHOUT = {
    "plan": "VDS-1",
    "period_months": 1,
    "customer": "c-1",
    "domain": None,
    "parameters": {},
    "addons": {},
}


async def accept(database: Database, limit: Money | str | None, key: str = "k") -> AcceptedOrder:
    request = ServiceRequest.model_validate(
        {"plan": "VDS-1", "period_months": 1, "customer": "c-1", "agreed_cost_limit": limit}
    )
    return await accept_order(database, request, client="t", key=key, hostname_suffix="s.internal")


async def limit_of(database: Database, operation: int) -> Money | None:
    async with database.read() as session:
        return (await session.get_one(Operation, operation)).agreed_limit


async def test_every_request_that_may_cost_something_takes_a_limit(database: Database) -> None:
    opened = await accept(database, LIMIT)
    service = opened.service
    change = ServiceChange(addons={"ram": 3}, agreed_cost_limit=LIMIT)
    operations = [
        opened,
        await requests.ask(
            database, service, Prolongation(period_months=1, agreed_cost_limit=LIMIT), client="t", key="p"
        ),
        await requests.ask(database, service, PlanChange(plan="VDS-2", agreed_cost_limit=LIMIT), client="t", key="c"),
        await requests.ask(database, service, change, client="t", key="s"),
    ]
    for one in operations:
        assert await limit_of(database, one.operation) == LIMIT, one.kind
    without = await requests.ask(database, service, Prolongation(period_months=1), client="t", key="p2")
    assert await limit_of(database, without.operation) is None


async def test_a_limit_that_could_not_be_compared_is_refused_at_once(database: Database) -> None:
    with pytest.raises(
        InvalidField, match="is in RUB, but the upstream charges in EUR; state the limit in EUR"
    ) as refused:
        await accept(database, Money.of("600", "RUB"))
    assert refused.value.field == "agreed_cost_limit"
    opened = await accept(database, None)
    asked = Prolongation(period_months=1, agreed_cost_limit=Money.of("600", "RUB"))
    with pytest.raises(InvalidField, match="in RUB"):
        await requests.ask(database, opened.service, asked, client="t", key="p")


async def test_a_key_is_used_with_one_limit(database: Database) -> None:
    first = await accept(database, LIMIT)
    assert (await accept(database, "6.0000 EUR")).operation == first.operation
    for other in (None, Money.of("6.01", "EUR")):
        with pytest.raises(KeyReused):
            await accept(database, other)


async def test_a_key_from_before_there_were_limits_gives_the_same_order(database: Database) -> None:
    await accept(database, None)
    canonical = json.dumps(BODY_WITHOUT, sort_keys=True, ensure_ascii=False)
    async with database.read() as session:
        assert (await session.get_one(IntakeKey, ("t", "k"))).body_hash == hashlib.sha256(
            canonical.encode()
        ).hexdigest()


@pytest.mark.parametrize("given", ["0 EUR", "0.0001 EUR", "99999999999999.9999 EUR"])
def test_what_is_a_limit_is_taken(given: str) -> None:
    """Zero, too: it must cost nothing."""
    assert TypeAdapter(CostLimit).validate_python(given) == Money.parse(given)


@pytest.mark.parametrize(
    "given",
    ["6", "EUR 6", "6,00 EUR", "-1 EUR", "NaN EUR", "0.00001 EUR", "100000000000000 EUR", {"amount": "6"}, 6],
)
def test_what_is_no_limit_is_refused(given: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(CostLimit).validate_python(given)
