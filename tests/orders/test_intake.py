"""Accepting an order: all of it or nothing, once for each key, whoever posts it and however often."""

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError
from sqlmodel import SQLModel, col, delete, func, select, update

from models.audit import AuditEntry, Installation
from models.catalogue import MappedPeriod, PlanMapping, ProcessingModule, TariffPlan
from models.database import Database
from models.enums import ServiceStatus, Stage, TaskState
from models.order import IntakeKey, Operation, Service, Task
from orders.errors import InvalidField, KeyReused
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.views import stages_after

pytestmark = pytest.mark.dialects

WRITTEN = (Service, Operation, Task, IntakeKey, AuditEntry)


def request(**details: Any) -> ServiceRequest:
    return ServiceRequest.model_validate({"plan": "VDS-1", "period_months": 1, "customer": "c-17"} | details)


async def accept(database: Database, key: str = "cart-1", client: str = "shop", **details: Any) -> AcceptedOrder:
    return await accept_order(database, request(**details), client=client, key=key, hostname_suffix="servers.internal")


async def rows(database: Database, table: type[SQLModel]) -> int:
    async with database.read() as session:
        return (await session.exec(select(func.count()).select_from(table))).one()


async def test_twenty_identical_posts_at_once_make_one_service(database: Database) -> None:
    orders = await asyncio.gather(*(accept(database, domain="v1.example.com") for _ in range(20)))
    assert len({(order.service, order.operation, order.workflow_id) for order in orders}) == 1
    assert [order.created for order in orders].count(True) == 1
    assert [await rows(database, table) for table in WRITTEN] == [1] * len(WRITTEN)


async def test_twenty_posts_with_keys_of_their_own_at_once_make_twenty(database: Database) -> None:
    orders = await asyncio.gather(*(accept(database, key=f"cart-{number}") for number in range(20)))
    assert len({order.service for order in orders}) == 20
    assert all(order.created for order in orders)
    async with database.read() as session:
        services = (await session.exec(select(Service))).all()
    assert len({service.mark for service in services}) == len({service.name for service in services}) == 20


async def test_a_client_with_the_longest_name_may_post_many_at_once(database: Database) -> None:
    orders = await asyncio.gather(*(accept(database, key=f"k-{number}", client="x" * 64) for number in range(8)))
    assert len({order.service for order in orders}) == 8


async def test_two_different_posts_with_one_key_at_once_make_one_and_a_refusal(database: Database) -> None:
    answers = await asyncio.gather(
        *(accept(database, customer=customer) for customer in ("anna", "boris") * 5), return_exceptions=True
    )
    accepted = [answer for answer in answers if isinstance(answer, AcceptedOrder)]
    refused = [answer for answer in answers if isinstance(answer, KeyReused)]
    assert (len(accepted), len(refused)) == (5, 5)
    assert await rows(database, Service) == 1


async def test_a_key_gives_the_same_numbers_after_the_order_has_ended(database: Database) -> None:
    first = await accept(database)
    async with database.write() as session:
        await session.exec(update(Operation).values(stage=Stage.COMPLETED))
        await session.exec(update(TariffPlan).values(active=False))
    again = await accept(database)
    assert (again.service, again.operation, again.created) == (first.service, first.operation, False)


async def test_a_key_belongs_to_the_client_who_brought_it(database: Database) -> None:
    ours, theirs = await accept(database, client="shop"), await accept(database, client="other")
    assert ours.service != theirs.service


async def test_a_key_with_another_body_is_refused_and_names_the_first(database: Database) -> None:
    first = await accept(database)
    changes: list[dict[str, Any]] = [
        {"customer": "somebody else"},
        {"period_months": 12},
        {"domain": "v2.example.com"},
        {"parameters": {"template": "debian-12"}},
        {"addons": {"ram": 1}},
    ]
    for change in changes:
        with pytest.raises(KeyReused, match=f"was used for operation {first.operation} with another body"):
            await accept(database, **change)


async def test_the_order_of_keys_in_a_body_makes_no_other_body(database: Database) -> None:
    one = await accept(database, addons={"ram": 1}, parameters={"template": "debian-12", "recipe": "r"})
    two = await accept(database, parameters={"recipe": "r", "template": "debian-12"}, addons={"ram": 1})
    assert one.operation == two.operation


async def test_an_accepted_order_is_complete(database: Database) -> None:
    order = await accept(database, domain="Bücher.Example", parameters={"template": "debian-12"}, addons={"ram": 2})
    async with database.read() as session:
        tag = (await session.get_one(Installation, 1)).tag
        service = await session.get_one(Service, order.service)
        operation = await session.get_one(Operation, order.operation)
        task = (await session.exec(select(Task))).one()
        [stage] = await stages_after(session, order.operation)
        audit = (await session.exec(select(AuditEntry))).one()
    assert (service.name, service.name_is_ours) == ("xn--bcher-kva.example", False)
    assert service.mark == f"rf-{tag}-{service.id}"
    assert service.status is ServiceStatus.ORDERED
    assert (service.parameters, service.addons) == ({"template": "debian-12"}, {"ram": 2})
    assert (operation.stage, stage.stage, stage.at) == (Stage.ACCEPTED, Stage.ACCEPTED, operation.created_at)
    assert operation.waits_for
    assert operation.next_step
    assert operation.upstream_name == order.upstream == "main"
    assert (task.operation_id, task.service_id, task.state) == (order.operation, order.service, TaskState.OPEN)
    assert str(order.service) in task.title
    assert (audit.actor, audit.action, audit.subject_number) == ("shop", "order_accepted", order.operation)


async def test_a_server_without_a_domain_gets_a_name_of_its_own(database: Database) -> None:
    order = await accept(database)
    async with database.read() as session:
        service = await session.get_one(Service, order.service)
    assert service.name_is_ours
    assert service.name == f"{service.mark}.servers.internal"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"plan": "VDS-99"}, "plan"),
    ({"period_months": 7}, "period_months"),
    ({"period_months": 0}, "period_months"),
    ({"domain": "localhost"}, "domain"),
    ({"parameters": {"colour": "red"}}, "parameters.colour"),
    ({"parameters": {"template": "windows-95"}}, "parameters.template"),
    ({"parameters": {"recipe": "  "}}, "parameters.recipe"),
    ({"addons": {"gold": 1}}, "addons.gold"),
    ({"addons": {"ram": -1}}, "addons.ram"),
    ({"plan": "LIC-1", "parameters": {"ip": "192.0.2.1"}, "domain": "a.example"}, "domain"),
    ({"plan": "LIC-1"}, "parameters.ip"),
]
"""What can't be had, and the field to blame."""


async def test_what_can_not_be_had_is_refused_by_its_field_and_nothing_is_written(database: Database) -> None:
    for details, field in REFUSED:
        with pytest.raises(InvalidField) as refused:
            await accept(database, **details)
        assert refused.value.field == field, details
        assert refused.value.message
    assert [await rows(database, table) for table in WRITTEN] == [0] * len(WRITTEN)
    assert (await accept(database)).created, "and the key is free for the right order"


@pytest.mark.parametrize(
    "details",
    [
        {"plan": ""},
        {"plan": "VDS-1\x00"},
        {"customer": "   "},
        {"customer": "x" * 201},
        {"period_months": "1"},
        {"period_months": True},
        {"period_months": 1.5},
        {"addons": {"ram": "2"}},
        {"addons": {"ram": 1.0}},
        {"domain": "v1.exam\nple.com"},
        {"colour": "red"},
    ],
)
def test_a_body_of_the_wrong_shape_is_refused(details: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        request(**details)


async def test_a_plan_out_of_sale_or_without_a_mapping_can_not_be_ordered(database: Database) -> None:
    async with database.write() as session:
        await session.exec(update(TariffPlan).where(col(TariffPlan.name) == "VDS-1").values(active=False))
        plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == "LIC-1"))).one()
        mapping = (await session.exec(select(PlanMapping).where(PlanMapping.plan_id == plan.id))).one()
        await session.exec(delete(MappedPeriod).where(col(MappedPeriod.mapping_id) == mapping.id))
        await session.delete(mapping)
    with pytest.raises(InvalidField, match="'VDS-1' is not on sale any more"):
        await accept(database)
    with pytest.raises(InvalidField, match="not mapped to any processing module"):
        await accept(database, plan="LIC-1", parameters={"ip": "192.0.2.1"})


async def test_of_several_modules_the_first_by_priority_is_taken(database: Database) -> None:
    async with database.write() as session:
        home = (await session.exec(select(ProcessingModule).where(ProcessingModule.name == "main-vds"))).one()
        mapping = (await session.exec(select(PlanMapping).where(PlanMapping.module_id == home.id))).first()
        assert mapping is not None
        better = ProcessingModule(
            name="better", account_id=home.account_id, product_type="vds", department="support", priority=-1
        )
        session.add(better)
        await session.flush()
        assert better.id is not None
        await session.exec(update(PlanMapping).where(col(PlanMapping.id) == mapping.id).values(module_id=better.id))
        expected = better.id
    order = await accept(database)
    async with database.read() as session:
        assert (await session.get_one(Service, order.service)).module_id == expected
