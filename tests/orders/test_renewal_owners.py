"""Who renews a service: three owners in two columns, of which processes of older versions know the first."""

from enum import StrEnum

import pytest
from pydantic import BaseModel
from sqlalchemy import text
from sqlmodel import col, select

from models.catalogue import MappedPeriod, PlanMapping, TariffPlanPrice
from models.database import Database
from models.enums import RenewalOwner, RenewalSide, Stage
from models.order import Operation, Service
from models.parameters import NO_RENEWAL, Values, public
from models.periods import FOR_EVER, TRIAL
from models.renewal import owner_of, stored
from orders.errors import InvalidField
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.lifecycle.requests import ask
from orders.lifecycle.stages import enter
from orders.operations import pending
from orders.operations.set_parameters import ServiceChange


class OldOwner(StrEnum):
    """What a version of before knows."""

    RESELLFLOW = "resellflow"
    UPSTREAM = "upstream"


async def ordered(database: Database) -> AcceptedOrder:
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    return await accept_order(database, request, client="t", key="k", hostname_suffix="s.internal")


class OldValues(BaseModel):
    renewal_owner: OldOwner | None = None


def test_the_old_word_means_the_storefront() -> None:
    assert RenewalOwner("resellflow") is RenewalOwner.STOREFRONT
    with pytest.raises(ValueError):
        RenewalOwner("us")


@pytest.mark.parametrize("owner", RenewalOwner)
def test_only_the_upstream_is_the_upstreams_side(owner: RenewalOwner) -> None:
    side, _ = stored(owner)
    assert owner_of(*stored(owner)) is owner
    assert (side is RenewalSide.UPSTREAM) is (owner is RenewalOwner.UPSTREAM)


@pytest.mark.parametrize("owner", RenewalOwner)
def test_a_change_is_written_so_that_the_version_before_can_read_it(owner: RenewalOwner) -> None:
    row = Values().to_be_renewed_by(owner).row()
    assert Values.of(row).renewed_by is owner
    assert public(row) == {"renewal_owner": owner.value}
    told = OldValues.model_validate(row).renewal_owner
    assert told is (OldOwner.UPSTREAM if owner is RenewalOwner.UPSTREAM else OldOwner.RESELLFLOW)


def test_a_change_of_the_version_before_gives_it_to_the_storefront() -> None:
    assert Values.of({"renewal_owner": "resellflow"}).renewed_by is RenewalOwner.STOREFRONT
    assert public({"renewal_owner": "resellflow", "addon.ram": "2"}) == {
        "renewal_owner": "storefront",
        "addon.ram": "2",
    }
    assert Values.of({"addon.ram": "2"}).renewed_by is None


@pytest.mark.parametrize("owner", RenewalOwner)
async def test_a_change_switches_the_upstreams_renewal_on_for_it_alone(database: Database, owner: RenewalOwner) -> None:
    order = await ordered(database)
    async with database.read() as session:
        service = await session.get_one(Service, order.service)
        period = await pending.renewal_period(session, service, service.plan_id, owner)
    assert (period == NO_RENEWAL) is (owner is not RenewalOwner.UPSTREAM)


@pytest.mark.parametrize("owner", RenewalOwner)
async def test_a_new_service_has_the_owner_of_its_mapping(database: Database, owner: RenewalOwner) -> None:
    async with database.write() as session:
        for mapping in (await session.exec(select(PlanMapping))).all():
            mapping.renewed_by = owner
            session.add(mapping)
    order = await ordered(database)
    async with database.read() as session:
        assert (await session.get_one(Service, order.service)).renewed_by is owner


async def test_what_the_version_before_writes_is_understood(database: Database) -> None:
    """It writes the side alone. A service that it gives to the upstream is nobody else's."""
    order = await ordered(database)
    for automatic, side, owner in (
        (True, "upstream", RenewalOwner.UPSTREAM),
        (False, "upstream", RenewalOwner.UPSTREAM),
        (False, "resellflow", RenewalOwner.STOREFRONT),
        (True, "resellflow", RenewalOwner.AUTOMATIC),
    ):
        async with database.write() as session:
            connection = await session.connection()
            await connection.execute(text("UPDATE service SET renews_automatically = :so"), {"so": automatic})
            await connection.execute(text("UPDATE service SET renewal_owner = :side"), {"side": side})
        async with database.read() as session:
            assert (await session.get_one(Service, order.service)).renewed_by is owner


async def test_what_was_there_before_belongs_to_the_storefront(database: Database) -> None:
    order = await ordered(database)
    async with database.read() as session:
        found = await session.exec(select(Service).where(col(Service.renews_automatically).is_(True)))
        assert found.all() == []
        assert (await session.get_one(Service, order.service)).renewed_by is RenewalOwner.STOREFRONT


@pytest.mark.parametrize("months", [TRIAL, FOR_EVER])
async def test_what_has_no_next_term_is_never_automatic(database: Database, months: int) -> None:
    order = await ordered(database)
    async with database.write() as session:
        (await session.get_one(Service, order.service)).period_months = months
        operation = await session.get_one(Operation, order.operation)
        await enter(session, operation, Stage.CANCELLED)
    asked = ServiceChange(renewal_owner=RenewalOwner.AUTOMATIC)
    with pytest.raises(InvalidField, match="has no next term") as refused:
        await ask(database, order.service, asked, client="t", key="change")
    assert refused.value.field == "renewal_owner"


@pytest.mark.parametrize(
    ("months", "theirs", "automatic"),
    [(TRIAL, TRIAL, False), (FOR_EVER, FOR_EVER, False), (1, TRIAL, False), (1, 1, True)],
)
async def test_a_mapping_makes_automatic_only_what_has_a_next_term(
    shelf: Database, months: int, theirs: int, automatic: bool
) -> None:
    async with shelf.write() as session:
        for mapping in (await session.exec(select(PlanMapping))).all():
            mapping.renewed_by = RenewalOwner.AUTOMATIC
        for row in [*await session.exec(select(MappedPeriod)), *await session.exec(select(TariffPlanPrice))]:
            if row.period_months == 1:
                row.period_months = months
                if isinstance(row, MappedPeriod):
                    row.upstream_period = theirs
    request = ServiceRequest(plan="VDS-1", period_months=months, customer="c-1")
    order = await accept_order(shelf, request, client="t", key="k", hostname_suffix="s.internal")
    async with shelf.read() as session:
        assert (await session.get_one(Service, order.service)).renews_automatically is automatic
