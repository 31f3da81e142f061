"""What an activity reads before it works for an operation."""

import pytest
from sqlmodel import delete, select

from models.catalogue import MappedPeriod, PlanMapping
from models.database import Database
from orders.errors import NotFound
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.operations.job import load_job


async def order(database: Database) -> int:
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    accepted = await accept_order(database, request, client="shop", key="k", hostname_suffix="example.test")
    return accepted.operation


async def test_everything_about_an_operation_is_read(database: Database) -> None:
    number = await order(database)
    job = await load_job(database, number)
    assert (job.number, job.account_id, job.account.name) == (number, 1, "main")
    assert (job.service.id, job.mapping.tariff, str(job.period.cost)) == (1, "58", "5.00 EUR")
    assert job.intent is None
    assert job.order_spec().mark == job.service.mark
    assert job.key == f"{job.service.mark}.{number}"


async def test_what_a_mapping_says_for_the_adapter_alone_is_in_the_order(database: Database) -> None:
    number = await order(database)
    async with database.write() as session:
        for mapping in (await session.exec(select(PlanMapping))).all():
            mapping.settings = {"region": "fr-1"}
            session.add(mapping)
    assert (await load_job(database, number)).order_spec().settings == {"region": "fr-1"}


async def test_an_unknown_operation_is_said(database: Database) -> None:
    with pytest.raises(NotFound, match="operation 4711"):
        await load_job(database, 4711)


async def test_a_plan_that_lost_its_period_or_mapping_is_said(database: Database) -> None:
    number = await order(database)
    async with database.write() as session:
        await session.exec(delete(MappedPeriod))
    with pytest.raises(NotFound, match="for 1 month; put it back with `resell setup`"):
        await load_job(database, number)
    async with database.write() as session:
        for mapping in (await session.exec(select(PlanMapping))).all():
            await session.delete(mapping)
    with pytest.raises(NotFound, match="for 1 month; put it back with `resell setup`"):
        await load_job(database, number)
