"""What a price list says of a tariff: in both dialects, and in each way that panels have."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from pydantic import SecretStr

from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.enums import Availability, AvailabilityCause
from orders.plans.tariffs import Place, judged
from tests.simulator.inside import PASSWORD, USER, InsideSimulator, serving_simulator
from tests.upstreams.farside import running_far_side
from tests.upstreams.panel import Panel, doc
from upstreams.answers import OnSale
from upstreams.billmanager import (
    ADAPTER,
    BillmanagerConnection,
    BillmanagerLearned,
    BillmanagerSettings,
    BillmanagerUpstream,
)
from upstreams.errors import NotAllowed
from upstreams.gate import Gate
from upstreams.port import Upstream


@pytest_asyncio.fixture(scope="module")
async def simulator() -> AsyncIterator[InsideSimulator]:
    async with serving_simulator() as inside:
        yield inside


def connected(simulator: InsideSimulator, dialect: Literal[5, 6]) -> Upstream:
    connection = BillmanagerConnection(
        name="main",
        settings=BillmanagerSettings(url=simulator.url, dialect=dialect, username=USER, password_env="PASSWORD"),
        secret=SecretStr(PASSWORD),
        currency="EUR",
        learned=BillmanagerLearned(),
    )
    return ADAPTER.connect(connection, Gate())


@pytest.fixture(params=[5, 6])
def dialect(request: pytest.FixtureRequest) -> Literal[5, 6]:
    number: Literal[5, 6] = request.param
    return number


async def test_the_tariffs_of_a_place_and_the_places_are_read(
    simulator: InsideSimulator, dialect: Literal[5, 6]
) -> None:
    simulator.anew()
    async with aclosing(connected(simulator, dialect)) as upstream:
        first, second = await upstream.on_sale("vds", "1"), await upstream.on_sale("vds", "2")
        licences = await upstream.on_sale("soft", None)
    assert (first.tariffs, first.locations) == (frozenset({"58", "59", "60"}), frozenset({"1", "2"}))
    assert second.tariffs == frozenset({"58", "59"})
    assert licences.tariffs == frozenset({"3541", "3542"})


async def test_a_withdrawn_tariff_is_left_out_or_shown_as_such(
    simulator: InsideSimulator, dialect: Literal[5, 6]
) -> None:
    world = simulator.anew()
    world.pricelists[58].active = False
    async with aclosing(connected(simulator, dialect)) as upstream:
        assert (await upstream.on_sale("vds", "1")).tariffs == frozenset({"59", "60"})
        world.change_settings(world.settings.model_copy(update={"withdrawn_tariffs": "shown"}))
        answer = await upstream.on_sale("vds", "1")
    assert (answer.tariffs, [*answer.withheld]) == (frozenset({"59", "60"}), ["58"])


async def test_a_closed_data_centre_is_not_offered_and_refused(
    simulator: InsideSimulator, dialect: Literal[5, 6]
) -> None:
    simulator.anew(closed_datacenters=[1])
    async with aclosing(connected(simulator, dialect)) as upstream:
        assert (await upstream.on_sale("vds", "2")).locations == frozenset({"2"})
        refused = await upstream.on_sale("vds", "1")
    assert refused.location_refused
    verdict = judged("58", Place("vds", "1"), refused)
    assert (verdict.status, verdict.cause) == (Availability.UNAVAILABLE, AvailabilityCause.NO_DATA_CENTRE)


async def test_a_right_that_is_missing_is_no_trouble_of_the_account(
    simulator: InsideSimulator, dialect: Literal[5, 6]
) -> None:
    simulator.anew(price_list_rights="access")
    async with aclosing(connected(simulator, dialect)) as upstream:
        with pytest.raises(NotAllowed):
            await upstream.on_sale("vds", "1")
        assert (await upstream.balance()).amount.amount == 100


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "<id>58</id>",
        '<list name="other"><elem><id>58</id></elem></list>',
        '<list name="pricelist"><elem><title>VPS</title></elem></list>',
    ],
)
async def test_an_answer_without_a_table_of_tariffs_says_nothing(
    panel: Panel, upstream: BillmanagerUpstream, answer: str
) -> None:
    panel.answers(doc(answer))
    found = await upstream.on_sale("vds", "1")
    assert found.tariffs is None
    assert judged("58", Place("vds", "1"), found).status is Availability.UNKNOWN


async def test_an_empty_table_has_no_tariffs(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(doc('<list name="tariflist"/>'))
    assert (await upstream.on_sale("vds", "1")).tariffs == frozenset()


@pytest.mark.parametrize(
    ("answer", "elsewhere", "status", "cause"),
    [
        (OnSale(tariffs=frozenset({"58"}), locations=frozenset({"1", "2"})), [], "available", None),
        (OnSale(tariffs=frozenset({"58"}), locations=frozenset({"2"})), [], "unavailable", "no_data_centre"),
        (OnSale(tariffs=frozenset({"58"})), [], "available", None),
        (OnSale(tariffs=frozenset()), [], "unavailable", "tariff_withdrawn"),
        (OnSale(tariffs=frozenset()), [OnSale(tariffs=frozenset({"58"}))], "unavailable", "no_data_centre"),
        (OnSale(tariffs=frozenset(), withheld={"58": "why"}), [], "unavailable", "tariff_withdrawn"),
        (OnSale(tariffs=None), [], "unknown", None),
    ],
)
def test_what_an_answer_means_for_a_tariff(
    answer: OnSale, elsewhere: list[OnSale], status: str, cause: str | None
) -> None:
    verdict = judged("58", Place("vds", "1"), answer, elsewhere)
    assert (verdict.status.value, verdict.cause and verdict.cause.value) == (status, cause)
    assert bool(verdict.reason) is (status != "available")


async def test_a_distributors_plans_are_its_price_list(tmp_path: Path, migrated_sqlite_template: Path) -> None:
    async with running_far_side(migrated_sqlite_template, tmp_path) as far:
        answer = await far.upstream.on_sale("vds", None)
        assert (answer.tariffs, [*answer.withheld]) == (frozenset({"VDS-1"}), ["VDS-2"])
        assert "not mapped to any processing module" in answer.withheld["VDS-2"]
        assert (await far.upstream.on_sale("soft", None)).tariffs == frozenset()
        async with far.api.database.write() as session:
            row = await session.get_one(UpstreamAccount, 1)
            row.unhealthy_reason, row.unhealthy_since = "wrong password", utc_now()
            session.add(row)
        answer = await far.upstream.on_sale("vds", None)
        assert answer.withheld["VDS-1"].startswith("their plan is not available: the upstream takes no orders")
