"""The adapter for another Resellflow keeps the contract: on its real API, over a real database.

What a worker does there is done by the bench, in the database; `tests/farside` has whole installations.
"""

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from dateutil.relativedelta import relativedelta
from sqlmodel import col, select

from models.columns import utc_now
from models.database import Database
from models.enums import OperationKind, Role, ServiceStatus, Stage
from models.order import Operation, Service
from orders.access import tokens
from orders.lifecycle.completion import complete
from tests.flow.shop import stock_catalogue
from tests.infrastructure.databases import copy_of
from tests.infrastructure.proxy import Proxy, Request
from tests.storefront.api import Api, api_settings, client_of_nothing, running_api
from tests.upstreams.bench import PATIENT_SECONDS
from tests.upstreams.contract import Contract
from tests.upstreams.farside import connection
from upstreams.errors import OutcomeUnknown, UpstreamError
from upstreams.gate import Gate
from upstreams.port import OrderSpec, Upstream, UpstreamItem
from upstreams.resellflow import ADAPTER
from upstreams.resellflow import session as of_the_session
from upstreams.resellflow.quotes import ADDRESS as QUOTES

_CHARGING = (OperationKind.OPEN, OperationKind.PROLONG, OperationKind.CHANGE_PLAN, OperationKind.SET_PARAMETERS)
_STATUS = {
    OperationKind.OPEN: ServiceStatus.ACTIVE,
    OperationKind.SUSPEND: ServiceStatus.SUSPENDED,
    OperationKind.RESUME: ServiceStatus.ACTIVE,
    OperationKind.CLOSE: ServiceStatus.CLOSED,
}


@dataclass
class ApiBench:
    """One storefront of its own at an API that all tests share."""

    api: Api
    proxy: Proxy
    owner: str
    token: str
    has_money: bool = True

    product_type, other_type = "vds", "soft"
    number_of_nobody = "987654"
    throttled: type[UpstreamError] = OutcomeUnknown
    capabilities = ADAPTER.capabilities
    other_plan = "VDS-2"
    dearer_parameters: dict[str, str] = field(default_factory=lambda: {"ram": "4"})

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.token,)

    def connect(self, *, seconds: float = PATIENT_SECONDS, wrong_credentials: bool = False) -> Upstream:
        token = self.token[::-1] if wrong_credentials else self.token
        return ADAPTER.connect(connection(self.proxy.url, token, seconds), Gate())

    def spec(self, mark: str) -> OrderSpec:
        return OrderSpec(
            product_type="vds", tariff="VDS-1", location=None, period=1, name=f"{mark}.example.test", mark=mark
        )

    async def carry_out(self) -> None:
        while self.has_money and (waiting := await self._operations(Stage.ACCEPTED)):
            async with self.api.database.write() as session:
                for operation in waiting:
                    service = await session.get_one(Service, operation.service_id)
                    _done(service, operation)
                    session.add(service)
                    await complete(session, operation.id or 0)

    async def one_of_another_type(self) -> None:
        await self.many(1, self.other_type)

    names_totals = False
    odd_documents = (
        b"{}",
        b"[]",
        b"null",
        b'"a text"',
        b'{"items": null, "next_cursor": null}',
        b'{"items": [{}], "next_cursor": null}',
        b'{"items": [{"number": "x", "product_type": "vds"}], "next_cursor": null}',
        b'{"items": [{"number": [1], "product_type": {}}], "next_cursor": 7}',
        b'{"items": ["1"], "next_cursor": null}',
    )

    def one_row_more(self, body: bytes) -> bytes:
        raise NotImplementedError

    async def many(self, count: int, product_type: str = product_type) -> None:
        async with self.api.database.write() as session:
            plan = (await session.exec(select(Service))).first()
            assert plan is not None
            for number in range(count):
                name = f"{self.owner}-{product_type}-{number}"
                values = plan.model_dump(exclude={"id"}) | {"owner": self.owner, "mark": name, "name": name}
                values |= {"status": ServiceStatus.ACTIVE, "upstream_number": name, "product_type": product_type}
                session.add(Service.model_validate(values))

    async def without_money(self) -> None:
        self.has_money = False

    def commits(self, request: Request) -> bool:
        return request.method != "GET" and request.path != QUOTES

    async def charges(self) -> int:
        return sum(1 for one in await self._operations(Stage.COMPLETED) if one.kind in _CHARGING)

    async def count_items(self) -> int:
        async with self.api.database.read() as session:
            return len((await session.exec(select(Service).where(Service.owner == self.owner))).all())

    def is_on_other_plan(self, item: UpstreamItem) -> bool:
        return item.tariff == self.other_plan

    def has_dearer_parameters(self, item: UpstreamItem) -> bool:
        return self.dearer_parameters.items() <= item.raw.items()

    async def _operations(self, stage: Stage) -> list[Operation]:
        owned = select(Operation).join(Service, col(Service.id) == col(Operation.service_id))
        wanted = owned.where(Service.owner == self.owner, Operation.stage == stage).order_by(col(Operation.id))
        async with self.api.database.read() as session:
            return list((await session.exec(wanted)).all())


def _done(service: Service, operation: Operation) -> None:
    """What a poller would have seen at the far side's own upstream."""
    months = relativedelta(months=int(operation.parameters.get("period_months", "0")))
    if operation.kind is OperationKind.OPEN:
        service.upstream_number, service.expires_on = f"item-{service.id}", utc_now().date() + months
    elif operation.kind is OperationKind.PROLONG and service.expires_on is not None:
        service.expires_on += months
    if operation.kind in _STATUS:
        service.status, service.status_since = _STATUS[operation.kind], utc_now()


@pytest_asyncio.fixture(scope="module")
async def api(migrated_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """One API for all tests; each is another storefront there. It has no Temporal, and accepts all the same."""
    url = copy_of(migrated_sqlite_template, tmp_path_factory.mktemp("far-side"))
    database = Database(url)
    try:
        await stock_catalogue(database, "http://127.0.0.1:9/billmgr")
        async with running_api(database, await client_of_nothing(), api_settings(url)) as running:
            await running.order()
            yield running
    finally:
        await database.close()


_numbers = itertools.count(1)


class TestResellflow(Contract):
    @pytest.fixture
    async def bench(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ApiBench]:
        monkeypatch.setattr(of_the_session, "PAGE_SIZE", 10)
        owner = f"reseller-{next(_numbers)}"
        async with api.database.write() as session:
            made = await tokens.add(session, owner, Role.STOREFRONT, actor="test", of_settings={})
        api.callers.forget()
        async with Proxy(api.address) as proxy:
            yield ApiBench(api, proxy, owner, made.secret)
