"""Only the owner `upstream` switches the upstream's own renewal on; every other one has it off. For each kind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from models.database import Database
from models.enums import AtEndOfTerm, RenewalOwner
from models.order import Service
from models.parameters import NO_RENEWAL
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.operations import pending
from tests.flow.shop import stock_catalogue
from tests.infrastructure.databases import copy_of
from tests.upstreams.farside import FarSide, running_far_side, spec
from tests.upstreams.panel import Panel, doc
from upstreams.billmanager import BillmanagerUpstream
from upstreams.billmanager.settings import Dialect
from upstreams.errors import CapabilityAbsent
from upstreams.port import OrderSpec

SWITCHED_OFF = {"off", "null"}
FORMS = {
    "a flag": '<slist name="autoprolong"><val key="on">On</val><val key="off">Off</val></slist>',
    "periods": '<slist name="autoprolong"><val key="null">No</val><val key="1">Month</val></slist>',
    "nothing": "",
}


@pytest.fixture
async def far_side(migrated_sqlite_template: Path, tmp_path: Path) -> AsyncIterator[FarSide]:
    async with running_far_side(migrated_sqlite_template, tmp_path) as running:
        yield running


@pytest.fixture
async def shelf(migrated_sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(copy_of(migrated_sqlite_template, tmp_path))
    await stock_catalogue(database, "http://upstream.invalid/billmgr")
    yield database
    await database.close()


async def period_asked_for(database: Database, owner: RenewalOwner) -> int | None:
    """What a change of the owner asks of the upstream: the period by which it renews, or None."""
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    order = await accept_order(database, request, client="t", key="k", hostname_suffix="s.internal")
    async with database.read() as session:
        service = await session.get_one(Service, order.service)
        period = await pending.renewal_period(session, service, service.plan_id, owner)
    return None if period == NO_RENEWAL else int(period)


@pytest.mark.parametrize("product_type", ["vds", "soft"])
@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("owner", RenewalOwner)
async def test_an_order_at_a_billmanager(
    panel: Panel, owner: RenewalOwner, dialect: Dialect, product_type: str
) -> None:
    order = OrderSpec(
        product_type=product_type,
        tariff="58",
        location=None,
        period=1,
        name="v1.example.com",
        mark="rf-1-1",
        parameters={},
        addons={},
        renewal_owner=owner,
    )
    panel.answers(doc("<ok/>"))
    async with BillmanagerUpstream(panel.connection(dialect=dialect)) as upstream:
        await upstream.order(order)
    [request] = panel.requests
    assert (request.fields["autoprolong"] in SWITCHED_OFF) is (owner is not RenewalOwner.UPSTREAM)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("owner", RenewalOwner)
async def test_a_change_of_the_owner_at_a_billmanager(
    panel: Panel, shelf: Database, owner: RenewalOwner, dialect: Dialect, form: str
) -> None:
    shown = [doc(f"<elid>4711</elid>{FORMS[form]}")] if dialect is Dialect.SIX else []
    panel.answers(*shown, doc("<ok/>"))
    period = await period_asked_for(shelf, owner)
    async with BillmanagerUpstream(panel.connection(dialect=dialect)) as upstream:
        await upstream.set_renewal("vds", "4711", period)
    saved = panel.requests[-1].fields
    assert saved["sok"] == "ok"
    assert (saved["autoprolong"] in SWITCHED_OFF) is (owner is not RenewalOwner.UPSTREAM)


@pytest.mark.parametrize("owner", RenewalOwner)
async def test_a_resellflow_is_never_asked_to_renew(far_side: FarSide, owner: RenewalOwner) -> None:
    """Whether it renews is in the plan there, so that a wish of ours that it does is refused before it is sent."""
    accepted = await far_side.upstream.order(spec(renewal_owner=owner), key="k")
    async with far_side.api.database.read() as session:
        service = await session.get_one(Service, int(accepted.upstream_number or 0))
        assert service.renewed_by is RenewalOwner.STOREFRONT
    for period in (None, 1):
        with pytest.raises(CapabilityAbsent):
            await far_side.upstream.set_renewal("vds", str(accepted.upstream_number), period)


@pytest.mark.parametrize(
    "at_end", [pytest.param(one, marks=[pytest.mark.proof] if number else []) for number, one in enumerate(AtEndOfTerm)]
)
@pytest.mark.parametrize("theirs", RenewalOwner)
async def test_what_renews_at_a_resellflow_is_seen(
    far_side: FarSide, theirs: RenewalOwner, at_end: AtEndOfTerm
) -> None:
    number = await far_side.open()
    await far_side.finish(number, renewed_by=theirs, at_end_of_term=at_end)
    item = await far_side.upstream.read_item("vds", number)
    assert item.renews is (theirs is not RenewalOwner.STOREFRONT and at_end is AtEndOfTerm.RENEW)
