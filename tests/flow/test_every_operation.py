"""Every operation under every fault: the table of docs/operations.md, counted at the upstream and not in our rows.

One test a fault; the operations run side by side, each on a service of its own. Whatever happens, each ends
automatically, with exactly the intended effect and the intended charges.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from dateutil.relativedelta import relativedelta

from models.enums import OperationKind, Stage
from models.order import Service
from orders.lifecycle.acceptance import AcceptedOrder
from orders.operations.set_parameters import ServiceChange
from tests.flow.shop import Shop, Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.gate import Gate
from tests.infrastructure.temporal import TemporalServer

KINDS = tuple(OperationKind)
FUNCTIONS = {
    OperationKind.OPEN: "*.order.param",
    OperationKind.PROLONG: "service.prolong",
    OperationKind.SUSPEND: "vds.suspend",
    OperationKind.RESUME: "vds.resume",
    OperationKind.CLOSE: "vds.delete",
    OperationKind.CHANGE_PLAN: "service.changepricelist",
    OperationKind.SET_PARAMETERS: "vds.edit",
}
WITHOUT_SOK = (OperationKind.SUSPEND, OperationKind.RESUME, OperationKind.CLOSE)
FREE = WITHOUT_SOK
STATUS = {OperationKind.SUSPEND: 3, OperationKind.CLOSE: 4}

Begin = Callable[[Shop, int], Awaitable[AcceptedOrder]]
BEGIN: dict[OperationKind, Begin] = {
    OperationKind.PROLONG: lambda shop, n: shop.resellflow.prolong(n, 1, key="prolong"),
    OperationKind.SUSPEND: lambda shop, n: shop.resellflow.suspend(n, key="suspend"),
    OperationKind.RESUME: lambda shop, n: shop.resellflow.resume(n, key="resume"),
    OperationKind.CLOSE: lambda shop, n: shop.resellflow.close_service(n, key="close"),
    OperationKind.CHANGE_PLAN: lambda shop, n: shop.resellflow.change_plan(n, "VDS-2", key="plan"),
    OperationKind.SET_PARAMETERS: lambda shop, n: shop.resellflow.change_parameters(
        n, ServiceChange(addons={"ram": 4}), key="addons"
    ),
}


class Table:
    """A shop in which every kind of operation has something to do."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.services: dict[OperationKind, Service] = {}
        self.items_before: dict[str, dict[str, Any]] = {}
        self.charges_before = 0
        self.orders: dict[OperationKind, AcceptedOrder] = {}

    async def prepare(self) -> None:
        orders = {kind: await self.shop.order() for kind in BEGIN}
        await asyncio.gather(*(self.shop.until(order, Stage.COMPLETED) for order in orders.values()))
        to_resume = orders[OperationKind.RESUME].service
        await self.shop.until(await self.shop.resellflow.suspend(to_resume, key="first"), Stage.COMPLETED)
        for kind, order in orders.items():
            self.services[kind] = await self.shop.service(order.service)
        self.items_before = await self._items()
        self.charges_before = len(await self.shop.upstream.charges())

    async def begin(self) -> None:
        for kind in KINDS:
            begin = BEGIN.get(kind)
            service = self.services.get(kind)
            if begin is None or service is None:
                self.orders[kind] = await self.shop.order()
            else:
                self.orders[kind] = await begin(self.shop, service.id or 0)

    async def faults(self, **fault: object) -> None:
        for kind, function in FUNCTIONS.items():
            sok = None if kind in WITHOUT_SOK else True
            await self.shop.upstream.fault(function=function, sok=sok, times=1, **fault)

    async def all_completed(self, timeout: float = 30) -> None:
        await asyncio.gather(
            *(self.shop.until(order, Stage.COMPLETED, timeout=timeout) for order in self.orders.values())
        )

    async def has_exactly_the_intended_effect(self) -> None:
        items = await self._items()
        new = items.keys() - self.items_before.keys()
        assert len(new) == 1, f"one item was to be opened: {new}"
        charges = (await self.shop.upstream.charges())[self.charges_before :]
        paid = sorted((charge["operation"], str(charge["item"])) for charge in charges)
        wanted = sorted(
            [
                ("open", new.pop()),
                ("prolong", self._number(OperationKind.PROLONG)),
                ("changepricelist", self._number(OperationKind.CHANGE_PLAN)),
                ("setparam", self._number(OperationKind.SET_PARAMETERS)),
            ]
        )
        assert paid == wanted
        for kind, service in self.services.items():
            number = service.upstream_number or ""
            before, after = self.items_before[number], items[number]
            assert after["status"] == STATUS.get(kind, 2), kind
            assert after["pricelist"] == (59 if kind is OperationKind.CHANGE_PLAN else 58), kind
            months = 1 if kind is OperationKind.PROLONG else 0
            if kind is not OperationKind.CHANGE_PLAN:
                expected = date.fromisoformat(before["expiredate"]) + relativedelta(months=months)
                assert date.fromisoformat(after["expiredate"]) == expected, kind
            ours = await self.shop.service(service.id or 0)
            assert ours.expires_on == date.fromisoformat(after["expiredate"]), kind
        assert (await self.shop.service(self.services[OperationKind.SET_PARAMETERS].id or 0)).addons == {"ram": 4}

    def _number(self, kind: OperationKind) -> str:
        return self.services[kind].upstream_number or ""

    async def _items(self) -> dict[str, dict[str, Any]]:
        return {str(item["id"]): item for item in await self.shop.upstream.items()}


@pytest.fixture
async def table(shop_database: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Table]:
    async with _open_table(shop_database, temporal_server, upstream) as table, table.shop.working():
        await table.prepare()
        yield table


@asynccontextmanager
async def _open_table(database: str, temporal: TemporalServer, upstream: Upstream) -> AsyncIterator[Table]:
    await upstream.set(disk_change="automatic", opening_delay=0.1)
    automatic: dict[str, Any] = {"manual_plan_changes": {}}
    async with open_shop(database, temporal, upstream, worker=False, **automatic) as shop:
        shop.worker_settings["RESELL_MANUAL_PLAN_CHANGES"] = "{}"
        yield Table(shop)


@pytest.mark.proof
async def test_clean(table: Table) -> None:
    await table.begin()
    await table.all_completed()
    await table.has_exactly_the_intended_effect()
    events = len((await table.shop.handle(table.orders[OperationKind.PROLONG]).fetch_history()).events)
    assert events <= 30


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "cut", "when": "after"}, id="answer-lost-after-commit"),
        pytest.param({"kind": "http_502", "when": "before"}, id="502"),
    ],
)
@pytest.mark.proof
async def test_an_answer_that_never_came(table: Table, fault: dict[str, Any]) -> None:
    await table.faults(**fault)
    await table.begin()
    await table.all_completed()
    await table.has_exactly_the_intended_effect()


@pytest.mark.proof
async def test_refused_connections(shop_database: str, temporal_server: TemporalServer, upstream: Upstream) -> None:
    async with Gate(upstream.root) as gate, _open_table(shop_database, temporal_server, upstream) as table:
        async with table.shop.database.write() as session:
            account = await table.shop.account(session)
            account.url = f"{gate.url}/billmgr"
            session.add(account)
        async with table.shop.working():
            await table.prepare()
            await gate.close()
            await table.begin()
            for order in table.orders.values():
                await table.shop.until(order, Stage.RETRYING)
            await gate.open()
            await table.all_completed()
            await table.has_exactly_the_intended_effect()


@pytest.mark.proof
async def test_no_money(table: Table) -> None:
    await table.shop.upstream.set(change_quote="absent")  # the harder way: only the refusal says that it costs
    await table.shop.upstream.set_balance("0.00")
    await table.begin()
    for kind, order in table.orders.items():
        await table.shop.until(order, Stage.COMPLETED if kind in FREE else Stage.WAITING_FOR_FUNDS)
    assert len(await table.shop.upstream.charges()) == table.charges_before
    await table.shop.upstream.set_balance("100.00")
    await table.all_completed()
    await table.has_exactly_the_intended_effect()
    assert await table.shop.upstream.balance() >= Decimal(0)


async def test_a_worker_killed_after_sending(
    shop_database: str, temporal_server: TemporalServer, upstream: Upstream
) -> None:
    async with _open_table(shop_database, temporal_server, upstream) as table:
        async with table.shop.working():
            await table.prepare()
        await table.faults(kind="stall", when="after", seconds=3)
        worker = table.shop.start_worker()
        await table.begin()

        async def all_are_out() -> bool:
            hits = [fault["hits"] for fault in (await table.shop.upstream.admin("GET", "/faults"))["faults"]]
            assert all(hits), hits
            return True

        await assert_eventually(all_are_out, timeout=30, message="every request is at the upstream, no answer is back")
        worker.kill()
        table.shop.start_worker()
        await table.all_completed(timeout=45)
        await table.has_exactly_the_intended_effect()
