"""An operation ends while the poller reads what concerns its item. On PostgreSQL each statement sees its own moment."""

import asyncio

import pytest
import sqlalchemy as sa
from sqlmodel import select

from models.catalogue import PlanMapping, TariffPlan
from models.database import Database
from models.enums import Knowledge, ServiceStatus, UpstreamStatus
from models.incident import Incident
from models.order import Service
from orders.audit import OURSELVES
from orders.events import Known, ListScan
from orders.lifecycle import requests
from orders.lifecycle.completion import complete
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.operations.change_plan import PlanChange
from orders.services.history import Origin
from orders.settlement import intents
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.listing import record_items, rows_of
from upstreams.port import ListEnd, UpstreamItem

ACCOUNT = 1
ITEM = UpstreamItem(number="17", product_type="vds", status=UpstreamStatus.ACTIVE, name="v1.example.com")
_BLOCKED = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'operation'::regclass")


pytestmark = pytest.mark.parametrize("migrated_database_url", ["postgresql"], indirect=True)
"""On SQLite, a transaction that writes is alone."""


async def _changed_to_larger_plan(database: Database) -> tuple[int, int]:
    """A service with an add-on, and its change to a plan without. Another plan is the same tariff there."""
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1", addons={"ram": 4})
    order = await accept_order(database, request, client="t", key="k", hostname_suffix="s.internal")
    async with database.write() as session:
        for mapping in (await session.exec(select(PlanMapping))).all():
            if mapping.tariff == "59":
                mapping.addons = {}
                twin = TariffPlan(name="VDS-2-TWIN", product_type="vds")
                session.add(twin)
                await session.flush()
                session.add(PlanMapping(plan_id=twin.id or 0, module_id=mapping.module_id, tariff="59"))
        service = await session.get_one(Service, order.service)
        await intents.link(session, service, "17", Origin(OURSELVES, "linked"))
        service.status = ServiceStatus.ACTIVE
        await complete(session, order.operation)
    await _lists(database, "58")
    await _shows(database, "58", addon_61="4")
    asked = PlanChange(plan="VDS-2", drop_addons=True)
    change = await requests.ask(database, order.service, asked, client=OURSELVES, key="c")
    return order.service, change.operation


async def _lists(database: Database, tariff: str) -> None:
    await record_items(database, ACCOUNT, "vds", [_item(tariff)], complete=True)


async def _shows(database: Database, tariff: str, **form: str) -> None:
    await record_items(database, ACCOUNT, "vds", [_item(tariff, **form)], complete=False, from_form=True)


def _item(tariff: str, **form: str) -> UpstreamItem:
    return ITEM.model_copy(update={"tariff": tariff, "tariff_id": tariff, "raw": {"pricelist": tariff, **form}})


async def test_a_change_of_plan_that_ends_between_two_statements_of_the_poller_is_no_news_to_it(
    database: Database,
) -> None:
    number, operation = await _changed_to_larger_plan(database)
    await _shows(database, "59")
    scan = ListScan(database, await Known.load(database, ACCOUNT, "vds"))
    await scan.begin()
    await scan.rows(rows_of([_item("59")]))
    async with database.write() as session:
        await (await session.connection()).execute(sa.text("LOCK TABLE operation IN ACCESS EXCLUSIVE MODE"))
        reading = asyncio.create_task(scan.end(ListEnd(complete=True, pages=1, shows_marks=Knowledge.UNKNOWN)))

        async def blocked() -> bool:
            async with database.read() as other:
                return bool((await (await other.connection()).execute(_BLOCKED)).scalar_one())

        await assert_eventually(blocked, timeout=30, message="the poller asks for the operations")
        await complete(session, operation)
    await reading
    async with database.read() as session:
        service = await session.get_one(Service, number)
        plan = await session.get_one(TariffPlan, service.plan_id)
        incidents = (await session.exec(select(Incident))).all()
    assert (plan.name, service.addons, [one.message for one in incidents]) == ("VDS-2", {}, [])
