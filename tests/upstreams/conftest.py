from collections.abc import AsyncIterator

import pytest

from tests.upstreams.panel import Panel
from upstreams.billmanager import BillmanagerUpstream
from upstreams.port import OrderSpec


@pytest.fixture
async def panel() -> AsyncIterator[Panel]:
    panel = await Panel.start()
    yield panel
    await panel.stop()


@pytest.fixture
async def upstream(panel: Panel) -> AsyncIterator[BillmanagerUpstream]:
    async with BillmanagerUpstream(panel.connection()) as upstream:
        yield upstream


@pytest.fixture
def spec() -> OrderSpec:
    return OrderSpec(
        product_type="vds", pricelist="58", datacenter="1", period=1, name="s1042.example.test", remoteid="rf-1042-7-a1"
    )
