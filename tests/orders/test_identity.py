"""A number that is used again belongs to the service that lives; an item that comes back under another number is linked
anew once the old one is proven gone."""

import pytest
from sqlmodel import col, select

from models.audit import AuditEntry
from models.catalogue import UpstreamAccount
from models.database import Database
from models.enums import OperationKind, ServiceStatus, Stage
from models.events import UpstreamSnapshot
from models.incident import Incident
from models.order import Operation, Service
from orders.audit import OURSELVES
from orders.errors import Refused
from orders.events import record_absence
from orders.services.history import Origin
from orders.settlement import intents
from tests.orders.test_owners import ACCOUNT, MARK, NAME, add_service, item, listed, reports


async def service(database: Database, number: int) -> Service:
    async with database.read() as session:
        return await session.get_one(Service, number)


async def closed(database: Database, item_number: str = "17") -> int:
    number = await add_service(database, item_number)
    await listed(database, item(item_number, mark=MARK, name=NAME), item("1"))
    await record_absence(database, ACCOUNT, "vds", item_number)
    assert (await service(database, number)).status is ServiceStatus.CLOSED
    return number


async def another(database: Database, upstream_number: str | None = None) -> int:
    """A second service, of another mark and name."""
    async with database.write() as session:
        first = (await session.exec(select(Service).order_by(col(Service.id)))).first()
        assert first is not None
        values = first.model_dump(exclude={"id", "mark", "name", "status", "upstream_number"})
        made = Service(**values, mark="rf-test-99", name="s99.internal", upstream_number=upstream_number)
        session.add(made)
        await session.flush()
        assert made.id is not None
        session.add(
            Operation(service_id=made.id, kind=OperationKind.OPEN, stage=Stage.SUBMITTING, upstream_name="main")
        )
        return made.id


async def test_a_number_that_is_used_again_goes_to_the_order_that_got_it(shelf: Database) -> None:
    old = await closed(shelf)
    new = await another(shelf)
    async with shelf.write() as session:
        await intents.link(session, await session.get_one(Service, new), "17", Origin(OURSELVES, "linked"))
    assert [(await service(shelf, one)).upstream_number for one in (old, new)] == [None, "17"]
    async with shelf.read() as session:
        (snapshot,) = [one for one in (await session.exec(select(UpstreamSnapshot))).all() if one.number == "17"]
    assert snapshot.service_id == new


async def test_a_number_of_a_service_that_lives_is_nobody_elses(shelf: Database) -> None:
    await add_service(shelf, "17")
    new = await another(shelf)
    async with shelf.write() as session:
        two = await session.get_one(Service, new)
        with pytest.raises(Refused, match="belongs to service 1"):
            await intents.link(session, two, "17", Origin(OURSELVES, "linked"))


@pytest.mark.parametrize("other", [{"account": "away"}, {"product_type": "vhost"}, {"upstream_number": "18"}])
async def test_the_same_number_of_another_account_or_type_is_another_item(
    shelf: Database, other: dict[str, str]
) -> None:
    """Neither that service nor what was seen of its item changes. To link the same item twice is no fault."""
    first = await add_service(shelf, "17")
    new = await another(shelf)
    async with shelf.write() as session:
        account = UpstreamAccount(name="away", kind="billmanager", url="http://away.invalid", currency="EUR")
        session.add(account)
        await session.flush()
        theirs = await session.get_one(Service, first)
        theirs.account_id = account.id if "account" in other else ACCOUNT
        theirs.product_type = other.get("product_type", theirs.product_type)
        theirs.upstream_number = number = other.get("upstream_number", "17")
        kept = UpstreamSnapshot(
            account_id=theirs.account_id, product_type=theirs.product_type, number=number, status=2, service_id=first
        )
        ours = UpstreamSnapshot(account_id=ACCOUNT, product_type="vds", number="17", status=2)
        session.add_all([theirs, kept, ours])
    for _ in range(2):
        async with shelf.write() as session:
            await intents.link(session, await session.get_one(Service, new), "17", Origin(OURSELVES, "linked"))
    assert [(await service(shelf, one)).upstream_number for one in (first, new)] == [number, "17"]
    async with shelf.read() as session:
        rows = (await session.exec(select(UpstreamSnapshot).order_by(col(UpstreamSnapshot.id)))).all()
    assert {one.service_id: one.number for one in rows} == {first: number, new: "17"}


@pytest.mark.parametrize(
    ("mark", "name"), [("rf-test-99", "s99.internal"), ("", "s99.internal"), (None, "s99.internal")]
)
async def test_a_list_that_shows_the_number_again_revives_nobody_else(
    shelf: Database, mark: str | None, name: str
) -> None:
    old = await closed(shelf)
    new = await another(shelf)
    await listed(shelf, item("17", mark=mark, name=name, ip="192.0.2.99"), item("1"))
    before, now = await service(shelf, old), await service(shelf, new)
    assert (before.status, before.upstream_number, before.ip) == (ServiceStatus.CLOSED, None, "")
    assert now.upstream_number is None, "its order is told the number by the answer or by the proof"
    async with shelf.read() as session:
        found = await session.exec(select(AuditEntry).where(AuditEntry.action == "number_used_again"))
        assert found.one().changes == {"upstream_number": ["17", ""]}


async def test_an_item_that_comes_back_as_it_was_is_the_same_service(shelf: Database) -> None:
    old = await closed(shelf)
    await listed(shelf, item("17", mark=MARK, name=NAME), item("1"))
    assert (await service(shelf, old)).status is ServiceStatus.ACTIVE


async def test_an_item_under_another_number_is_a_second_one_until_the_first_is_proven_gone(shelf: Database) -> None:
    number = await add_service(shelf, "17")
    await listed(shelf, item("17", mark=MARK, name=NAME), item("1"))
    moved = item("42", mark=MARK, name=NAME, ip="192.0.2.42")
    await listed(shelf, item("17", mark=MARK, name=NAME), moved, item("1"))
    assert await reports(shelf) == ["17 → also 42"]
    for _ in range(3):  # no list shows it any more, which proves nothing yet
        await listed(shelf, moved, item("1"))
    assert (await service(shelf, number)).upstream_number == "17"
    await record_absence(shelf, ACCOUNT, "vds", "17")
    await listed(shelf, moved, item("1"))
    now = await service(shelf, number)
    assert (now.upstream_number, now.status, now.ip) == ("42", ServiceStatus.ACTIVE, "192.0.2.42")
    async with shelf.read() as session:
        rows = {one.number: one.service_id for one in (await session.exec(select(UpstreamSnapshot))).all()}
        [told] = (await session.exec(select(Incident.message))).all()
    assert rows == {"17": None, "42": number, "1": None}
    assert f"service {number} was item 17, which is gone from the upstream, and is item 42 now" in told
    assert "delete the one" not in told


async def test_what_was_to_be_closed_is_not_revived_by_a_second_item(shelf: Database) -> None:
    number = await closed(shelf)
    async with shelf.write() as session:
        stage = Stage.COMPLETED
        session.add(Operation(service_id=number, kind=OperationKind.CLOSE, upstream_name="main", stage=stage))
    await listed(shelf, item("42", mark=MARK, name=NAME), item("1"))
    now = await service(shelf, number)
    assert (now.upstream_number, now.status) == ("17", ServiceStatus.CLOSED)
    assert await reports(shelf) == ["17 → also 42"]


async def test_the_item_that_a_service_gives_up_is_nobody_s(shelf: Database) -> None:
    number = await add_service(shelf, "17")
    await listed(shelf, item("17", mark=MARK, name=NAME), item("1"))
    assert await owners(shelf) == {"17": number, "1": None}
    async with shelf.write() as session:
        await intents.unlink(session, await session.get_one(Service, number), Origin(OURSELVES, "another item"))
    assert await owners(shelf) == {"17": None, "1": None}
    assert (await service(shelf, number)).upstream_number is None


async def owners(database: Database) -> dict[str, int | None]:
    async with database.read() as session:
        return {one.number: one.service_id for one in (await session.exec(select(UpstreamSnapshot))).all()}
