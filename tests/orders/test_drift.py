"""Where our record and the upstream differ: reported once, decided by a person, and over when both agree."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import col, select

from models.audit import AuditEntry, Installation
from models.columns import utc_now
from models.database import Database
from models.drift import Drift
from models.enums import (
    DriftKind,
    DriftState,
    IncidentKind,
    OperationKind,
    RenewalOwner,
    ServiceStatus,
    Source,
    Stage,
    UpstreamStatus,
)
from models.events import UpstreamSnapshot
from models.incident import Incident
from models.money import Money
from models.order import Operation, Service
from orders.drift import deciding
from orders.drift.comparing import compare
from orders.errors import Refused
from orders.services.history import Origin, changing
from tests.orders.test_owners import ACCOUNT, MARK, add_service, item, listed, read

SOUND: dict[str, Any] = {
    "mark": MARK,
    "expires_on": date(2027, 3, 1),
    "cost": Money(amount=Decimal("5.00"), currency="EUR"),
    "tariff": "VDS Start",
}


async def agreed(database: Database) -> int:
    """A service that is as its item shows."""
    number = await add_service(database, "17")
    await listed(database, item(**SOUND))
    return number


async def change(database: Database, number: int, values: Mapping[str, object]) -> None:
    """Something has changed our record, and no event came of it."""
    async with database.write() as session:
        service = await session.get_one(Service, number)
        async with changing(session, service, Origin("anna", "corrected", source=Source.PERSON)):
            for name, value in values.items():
                setattr(service, name, value)


async def drift(database: Database, *, complete: bool = True) -> list[Drift]:
    await compare(database, ACCOUNT, "vds", complete=complete)
    async with database.read() as session:
        return list((await session.exec(select(Drift).order_by(col(Drift.id)))).all())


async def incidents(database: Database) -> list[tuple[bool, str]]:
    async with database.read() as session:
        found = await session.exec(
            select(Incident).where(Incident.kind == IncidentKind.DRIFT).order_by(col(Incident.id))
        )
        return [(one.closed_at is None, one.message) for one in found.all()]


async def decide(database: Database, number: int, *, approve: bool) -> None:
    async with database.write() as session:
        decision = deciding.approve if approve else deciding.ignore
        await decision(session, number, actor="anna", reason="their price list of May")


CASES: dict[DriftKind, tuple[dict[str, object], tuple[str, str]]] = {
    DriftKind.PRICE: ({"cost_amount": Decimal("4.00")}, ("4.00 EUR", "5.00 EUR")),
    DriftKind.TERM: ({"expires_on": date(2027, 2, 1)}, ("2027-02-01", "2027-03-01")),
    DriftKind.STATUS: ({"status": ServiceStatus.SUSPENDED}, ("suspended", "active")),
}


AS_SHOWN = {"cost_amount": Decimal("5.00"), "expires_on": date(2027, 3, 1), "status": ServiceStatus.ACTIVE}


@pytest.mark.parametrize("kind", CASES)
async def test_a_difference_is_reported_and_approved(database: Database, kind: DriftKind) -> None:
    number = await agreed(database)
    assert await drift(database) == []
    values, (ours, theirs) = CASES[kind]
    await change(database, number, values)
    [found] = await drift(database)
    assert (found.kind, found.ours, found.theirs, found.service_id) == (kind, ours, theirs, number)
    [(is_open, message)] = await incidents(database)
    assert is_open
    assert f"({kind.value}: 1)" in message
    await decide(database, found.id, approve=True)
    async with database.read() as session:
        service = await session.get_one(Service, number)
        entries = (await session.exec(select(AuditEntry).where(AuditEntry.subject == "drift"))).all()
    assert {name: getattr(service, name) for name in values} == {name: AS_SHOWN[name] for name in values}
    assert [(one.actor, one.action, one.detail["theirs"]) for one in entries] == [("anna", "drift_approved", theirs)]
    assert [is_open for is_open, _ in await incidents(database)] == [False]
    assert [one.state for one in await drift(database)] == [DriftState.APPROVED]


async def test_what_is_ignored_is_silent_until_a_value_changes(shelf: Database) -> None:
    number = await agreed(shelf)
    await change(shelf, number, {"cost_amount": Decimal("4.00")})
    [found] = await drift(shelf)
    await decide(shelf, found.id, approve=False)
    assert [one.state for one in await drift(shelf)] == [DriftState.IGNORED]
    assert [is_open for is_open, _ in await incidents(shelf)] == [False]
    await change(shelf, number, {"cost_amount": Decimal("3.00")})
    [found] = await drift(shelf)
    assert (found.state, found.ours) == (DriftState.OPEN, "3.00 EUR")
    assert [is_open for is_open, _ in await incidents(shelf)] == [False, True]
    await change(shelf, number, {"cost_amount": Decimal("5.00")})
    assert [one.state for one in await drift(shelf)] == [DriftState.OVER]
    assert [is_open for is_open, _ in await incidents(shelf)] == [False, False]


async def test_items_of_others_are_told_apart_and_can_not_be_approved(shelf: Database) -> None:
    await agreed(shelf)
    async with shelf.read() as session:
        tag = (await session.get_one(Installation, 1)).tag
    others = [
        item("18", mark="rf-zzzzz-4"),
        item("19", name="by-hand.example.com"),
        item("20", mark=f"rf-{tag}-999"),
        item("21", mark=MARK),
    ]
    await listed(shelf, item(**SOUND), *others)
    found = await drift(shelf)
    assert {one.item: one.kind for one in found} == {
        "18": DriftKind.FOREIGN_MARK,
        "19": DriftKind.NOBODYS_ITEM,
        "20": DriftKind.NOBODYS_ITEM,
        "21": DriftKind.SECOND_ITEM,
    }
    [(_, message)] = await incidents(shelf)
    assert "(foreign_mark: 1, nobodys_item: 2)" in message, "a second item has an incident of its own"
    for one in found:
        with pytest.raises(Refused, match="no service of ours"):
            await decide(shelf, one.id, approve=True)


async def test_a_service_whose_item_is_gone_is_closed_when_a_person_approves(shelf: Database) -> None:
    number = await add_service(shelf, "17")
    await listed(shelf, item("18"))
    assert DriftKind.GONE not in {one.kind for one in await drift(shelf, complete=False)}, "a filter may hide it"
    gone = next(one for one in await drift(shelf) if one.kind is DriftKind.GONE)
    await decide(shelf, gone.id, approve=True)
    async with shelf.read() as session:
        assert (await session.get_one(Service, number)).status is ServiceStatus.CLOSED


async def test_who_renews_is_taken_over(shelf: Database) -> None:
    number = await agreed(shelf)
    await read(shelf, item(**SOUND, renewal="auto", renews=True))
    [found] = await drift(shelf)
    assert (found.kind, found.ours, found.theirs) == (
        DriftKind.RENEWAL,
        "renewed by storefront",
        "renewed by the upstream",
    )
    assert await incidents(shelf) == [], "it has an incident of its own"
    await decide(shelf, found.id, approve=True)
    async with shelf.read() as session:
        assert (await session.get_one(Service, number)).renewed_by is RenewalOwner.UPSTREAM


async def test_nothing_is_approved_that_has_changed_since_it_was_shown(shelf: Database) -> None:
    number = await agreed(shelf)
    await change(shelf, number, {"status": ServiceStatus.SUSPENDED})
    [found] = await drift(shelf)
    async with shelf.write() as session:
        row = (await session.exec(select(UpstreamSnapshot).where(UpstreamSnapshot.number == "17"))).one()
        row.status = int(UpstreamStatus.DELETED)
        session.add(row)
    with pytest.raises(Refused, match="not what they were"):
        await decide(shelf, found.id, approve=True)


async def test_an_ignored_difference_stays_so_over_an_operation_of_its_service(shelf: Database) -> None:
    number = await agreed(shelf)
    await change(shelf, number, {"cost_amount": Decimal("4.00")})
    [found] = await drift(shelf)
    await decide(shelf, found.id, approve=False)
    async with shelf.write() as session:
        operation = Operation(service_id=number, kind=OperationKind.PROLONG, upstream_name="main")
        session.add(operation)
    for ended in (False, True):
        async with shelf.write() as session:
            row = await session.get_one(Operation, operation.id)
            row.stage, row.ended_at = (Stage.COMPLETED, utc_now()) if ended else (Stage.SUBMITTING, None)
        assert [one.state for one in await drift(shelf)] == [DriftState.IGNORED]
    async with shelf.write() as session:
        (await session.get_one(Service, number)).status = ServiceStatus.CLOSED
    assert [one.state for one in await drift(shelf)] == [DriftState.OVER], "a closed service is compared no more"


async def test_a_comparison_reads_no_difference_that_has_ended(shelf: Database) -> None:
    """Their number grows with the years."""
    number = await agreed(shelf)
    await change(shelf, number, {"cost_amount": Decimal("4.00")})
    await listed(shelf, item(**SOUND), item("19"))
    async with shelf.write() as session:
        for one in range(100, 400):
            kind = DriftKind.NOBODYS_ITEM if one % 2 else DriftKind.TERM
            service = None if one % 2 else number
            state = DriftState.OVER if one % 3 else DriftState.APPROVED
            session.add(
                Drift(
                    account_id=ACCOUNT,
                    product_type="vds",
                    item=str(one),
                    kind=kind,
                    service_id=service,
                    ours="",
                    theirs="",
                    state=state,
                )
            )
    read: list[Drift] = []

    def loaded(row: Drift, _context: object) -> None:
        read.append(row)

    event.listen(Drift, "load", loaded)
    try:
        await compare(shelf, ACCOUNT, "vds", complete=True)
        assert read == [], "all that is found is new"
        await compare(shelf, ACCOUNT, "vds", complete=True)
    finally:
        event.remove(Drift, "load", loaded)
    assert {(row.item, row.kind) for row in read} == {("17", DriftKind.PRICE), ("19", DriftKind.NOBODYS_ITEM)}
