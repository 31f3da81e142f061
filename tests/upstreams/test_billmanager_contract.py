"""The adapter for BILLmanager keeps the contract: on the simulator, over HTTP, in both dialects."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from decimal import Decimal

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from tests.infrastructure.proxy import Proxy, Request
from tests.simulator.inside import PASSWORD, USER, InsideSimulator, serving_simulator
from tests.upstreams.bench import PATIENT_SECONDS
from tests.upstreams.changes import OPEN
from tests.upstreams.contract import Contract
from upstreams.billmanager import (
    ADAPTER,
    BillmanagerConnection,
    BillmanagerLearned,
    BillmanagerSettings,
)
from upstreams.billmanager.settings import Dialect
from upstreams.errors import OutcomeUnknown, UpstreamError
from upstreams.gate import Gate
from upstreams.port import OrderSpec, Upstream, UpstreamItem


@dataclass
class PanelBench:
    simulator: InsideSimulator
    proxy: Proxy
    dialect: Dialect

    product_type, other_type = "vds", "soft"
    number_of_nobody = "4711"
    throttled: type[UpstreamError] = OutcomeUnknown
    secrets = (PASSWORD,)
    capabilities = ADAPTER.capabilities
    other_plan = "60"
    dearer_parameters: dict[str, str] = field(default_factory=lambda: {"addon_61": "4"})

    def connect(self, *, seconds: float = PATIENT_SECONDS, wrong_credentials: bool = False) -> Upstream:
        connection = BillmanagerConnection(
            name="main",
            settings=BillmanagerSettings(
                url=f"{self.proxy.url}/billmgr", dialect=self.dialect.value, username=USER, password_env="PASSWORD"
            ),
            secret=SecretStr(PASSWORD[::-1] if wrong_credentials else PASSWORD),
            currency="EUR",
            read_timeout=seconds,
            order_timeout=seconds,
            learned=BillmanagerLearned(),
        )
        return ADAPTER.connect(connection, Gate())

    def spec(self, mark: str) -> OrderSpec:
        name = f"{mark}.example.test"
        return OrderSpec(product_type="vds", tariff="58", location="1", period=1, name=name, mark=mark)

    async def carry_out(self) -> None:
        """It does what is asked before it answers."""

    async def many(self, count: int) -> None:
        knobs = {"max_page": 10}
        items = {"account": USER, "type": "vds", "pricelist": 58, "domain": "v.example.test", "count": count}
        async with httpx.AsyncClient(base_url=self.simulator.admin) as admin:
            (await admin.patch("/settings", json=knobs)).raise_for_status()
            (await admin.post("/items/many", json=items)).raise_for_status()

    async def one_of_another_type(self) -> None:
        item = {"account": USER, "type": self.other_type, "pricelist": 3541, "domain": "L-1", "count": 1}
        async with httpx.AsyncClient(base_url=self.simulator.admin) as admin:
            (await admin.post("/items/many", json=item)).raise_for_status()

    names_totals = True
    odd_documents = (
        b"<doc/>",
        b"<other/>",
        b"<doc><elem/></doc>",
        b"<doc><elem><id>x</id><status>none</status></elem><p_elems>many</p_elems></doc>",
        b"<doc><elem><id>-1</id><cost>dear</cost></elem><p_elems>-7</p_elems><p_cnt>0</p_cnt></doc>",
        b"<doc><elid>x</elid><status><a/></status><user balance='much'/></doc>",
    )

    def one_row_more(self, body: bytes) -> bytes:
        return re.sub(rb"<p_elems>(\d+)<", lambda found: b"<p_elems>%d<" % (int(found[1]) + 1), body)

    async def without_money(self) -> None:
        for account in self.simulator.world.accounts.values():
            account.subaccounts[0].balance = Decimal(0)

    def commits(self, request: Request) -> bool:
        return "sok" in request.form

    async def charges(self) -> int:
        return len(self.simulator.world.charges)

    async def count_items(self) -> int:
        return len(self.simulator.world.items)

    def is_on_other_plan(self, item: UpstreamItem) -> bool:
        return item.tariff == self.other_plan

    def has_dearer_parameters(self, item: UpstreamItem) -> bool:
        return self.dearer_parameters.items() <= item.raw.items()


@pytest_asyncio.fixture(scope="module")
async def simulator() -> AsyncIterator[InsideSimulator]:
    async with serving_simulator() as simulator:
        yield simulator


@pytest.fixture
async def proxy(simulator: InsideSimulator) -> AsyncIterator[Proxy]:
    async with Proxy(simulator.url) as proxy:
        yield proxy


@pytest.fixture
def open_bench(simulator: InsideSimulator, proxy: Proxy) -> Callable[[Dialect], PanelBench]:
    """A bench on a panel that speaks this dialect and none that is newer."""

    def open_one(dialect: Dialect) -> PanelBench:
        simulator.anew(dialects=[one.value for one in Dialect if one.value <= dialect.value])
        return PanelBench(simulator, proxy, dialect)

    return open_one


class TestVersionSix(Contract):
    @pytest.fixture
    def bench(self, open_bench: Callable[[Dialect], PanelBench]) -> PanelBench:
        return open_bench(Dialect.SIX)


class TestVersionFive(Contract):
    changes = (OPEN,)
    """Only orders are sent in another way."""

    @pytest.fixture
    def bench(self, open_bench: Callable[[Dialect], PanelBench]) -> PanelBench:
        return open_bench(Dialect.FIVE)
