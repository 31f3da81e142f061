"""Whose item is it, and what our own items teach about an upstream's lists."""

from datetime import date
from typing import Any

import pytest
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry
from models.catalogue import ProcessingModule, TariffPlan, UpstreamAccount
from models.database import Database
from models.enums import Knowledge, OperationKind, ServiceStatus, Stage, UpstreamStatus
from models.events import UpstreamSnapshot
from models.order import Operation, Service
from orders import events
from tests.flow.shop import stock_catalogue
from tests.infrastructure.databases import Stock
from tests.infrastructure.listing import record_items
from upstreams.port import UpstreamItem

ACCOUNT = 1
MARK, NAME = "rf-abcde-1", "rf-abcde-1.servers.internal"
SECOND = "second_item_with_our_mark"


async def add_service(database: Database, number: str | None, *, waits: bool = False) -> int:
    async with database.write() as session:
        plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == "VDS-1"))).one()
        module = (await session.exec(select(ProcessingModule).where(ProcessingModule.name == "main-vds"))).one()
        service = Service(
            customer="c-1",
            plan_id=plan.id or 0,
            product_type="vds",
            module_id=module.id or 0,
            account_id=ACCOUNT,
            status=ServiceStatus.ACTIVE,
            name=NAME,
            mark=MARK,
            upstream_number=number,
            period_months=1,
        )
        session.add(service)
        await session.flush()
        assert service.id is not None
        if waits:
            stage = Stage.AWAITING_CONFIRMATION
            session.add(Operation(service_id=service.id, kind=OperationKind.OPEN, upstream_name="main", stage=stage))
        return service.id


def item(number: str = "17", product_type: str = "vds", **fields: Any) -> UpstreamItem:
    made = UpstreamItem(number=number, product_type=product_type, status=UpstreamStatus.ACTIVE)
    return made.model_copy(update=fields)


async def listed(database: Database, *items: UpstreamItem) -> events.PollResult:
    kind = items[0].product_type
    return await record_items(database, ACCOUNT, kind, items, complete=True)


async def read(database: Database, form: UpstreamItem) -> events.PollResult:
    return await record_items(database, ACCOUNT, form.product_type, [form], complete=False, from_form=True)


async def learned(database: Database) -> tuple[Knowledge, Knowledge]:
    async with database.read() as session:
        account = await session.get_one(UpstreamAccount, ACCOUNT)
        return account.lists_return_mark, account.lists_return_name


async def reports(database: Database) -> list[str]:
    async with database.read() as session:
        found = await session.exec(select(AuditEntry).where(AuditEntry.action == SECOND).order_by(col(AuditEntry.id)))
        return [entry.detail["item"] for entry in found.all()]


@pytest.mark.parametrize("waits", [False, True], ids=["known", "awaited"])
async def test_a_form_teaches_nothing_about_lists(shelf: Database, waits: bool) -> None:
    await add_service(shelf, "17", waits=waits)
    await read(shelf, item(mark=MARK, name=NAME))
    assert await learned(shelf) == (Knowledge.UNKNOWN, Knowledge.UNKNOWN)


async def test_a_row_without_the_mark_that_the_form_shows_is_no_proof_of_it(shelf: Database) -> None:
    await add_service(shelf, "17", waits=True)
    await listed(shelf, item(name=NAME, status=UpstreamStatus.PROCESSING))
    await read(shelf, item(mark=MARK, name=NAME))
    assert await learned(shelf) == (Knowledge.NO, Knowledge.YES)


async def test_a_row_teaches_also_when_the_form_had_told_everything_before(shelf: Database) -> None:
    await add_service(shelf, "17")
    await read(shelf, item(mark=MARK, name=NAME))
    assert (await listed(shelf, item(mark=MARK, name=NAME))).events == 1, "the first look, and nothing of the item"
    assert await learned(shelf) == (Knowledge.YES, Knowledge.YES)
    async with shelf.read() as session:
        [snapshot] = (await session.exec(select(UpstreamSnapshot))).all()
    assert sorted(snapshot.listed) == ["mark", "name"]


async def test_an_item_of_another_type_with_the_same_number_is_not_this_service(shelf: Database) -> None:
    number = await add_service(shelf, "17")
    await listed(shelf, item(product_type="soft", ip="203.0.113.9", status=UpstreamStatus.SUSPENDED))
    async with shelf.read() as session:
        service = await session.get_one(Service, number)
        [snapshot] = (await session.exec(select(UpstreamSnapshot))).all()
    assert (service.ip, service.status, snapshot.service_id) == ("", ServiceStatus.ACTIVE, None)


async def test_an_item_of_another_type_is_no_second_one(shelf: Database) -> None:
    await add_service(shelf, "17")
    await listed(shelf, item("18", product_type="soft", mark=MARK))
    assert await reports(shelf) == []


async def test_a_second_item_is_reported_once(shelf: Database) -> None:
    await add_service(shelf, "17")
    for ip in ("192.0.2.1", "192.0.2.2"):
        await listed(shelf, item(mark=MARK), item("18", mark=MARK, ip=ip))
    assert await reports(shelf) == ["17 → also 18"]


async def test_a_second_item_seen_before_the_link_is_reported_too(shelf: Database) -> None:
    number = await add_service(shelf, None, waits=True)
    both = [one.model_copy(update={"status": UpstreamStatus.PROCESSING}) for one in (item(), item("18", mark=MARK))]
    await listed(shelf, *both)
    assert await reports(shelf) == []
    async with shelf.write() as session:
        service = await session.get_one(Service, number)
        service.upstream_number = "17"
        session.add(service)
    await read(shelf, item())
    assert await reports(shelf) == ["17 → also 18"]


async def test_an_item_that_is_linked_while_it_is_looked_up_is_no_second_one(
    postgres_stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its order writes the link down between two statements of the poller. Only PostgreSQL lets it: SQLite has one
    writer at a time."""
    with postgres_stock.lent() as url:
        database = Database(url)
        await stock_catalogue(database, "http://upstream.invalid/billmgr")
        number = await add_service(database, None, waits=True)
        first = AsyncSession.exec

        async def overtaken(session: AsyncSession, statement: Any, **options: Any) -> Any:
            found = await first(session, statement, **options)
            if "upstream_number IN" in str(statement):
                monkeypatch.setattr(AsyncSession, "exec", first)
                async with database.write() as other:
                    service = await other.get_one(Service, number)
                    service.upstream_number = "17"
                    other.add(service)
            return found

        monkeypatch.setattr(AsyncSession, "exec", overtaken)
        await listed(database, item(mark=MARK))
        assert AsyncSession.exec is first, "it was overtaken"
        assert await reports(database) == []
        async with database.read() as session:
            assert (await session.exec(select(UpstreamSnapshot.service_id))).all() == [number]
        await database.close()


async def test_a_form_with_a_later_expiry_asks_for_the_list_once(shelf: Database) -> None:
    await add_service(shelf, "17")
    await listed(shelf, item(expires_on=date(2026, 5, 1)))
    form = item(expires_on=date(2026, 6, 1), raw={"expiredate": "2026-06-01"})
    assert (await read(shelf, form)).list_again
    assert not (await read(shelf, form)).list_again
