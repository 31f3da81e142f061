"""What an upstream pays back is found in its lists, in whatever form, and written to the operation; or to nobody's."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from sqlmodel import col, select

from activities.poller import refunds
from activities.poller.watch import Watch
from models.audit import AuditEntry
from models.catalogue import ProcessingModule, TariffPlan, UpstreamAccount
from models.columns import of_units, units, utc_now
from models.database import Database
from models.enums import (
    IncidentKind,
    MessageType,
    OperationKind,
    RefundSource,
    RefundState,
    ReservationState,
    Role,
    ServiceStatus,
    Stage,
)
from models.incident import Incident
from models.order import Operation, Reservation, Service
from models.refund import Refund
from models.watch_limits import Limits
from models.webhooks import WebhookMessage
from orders.access.roles import OPERATOR, Requester
from orders.errors import InvalidField, Refused
from orders.money.refunds.deciding import assign, ignore
from orders.money.refunds.watched import due
from orders.views import PageRequest, WorkflowLinks, find_operation, list_history
from orders.watch.looking import look
from settings import Settings
from tests.flow.shop import PASSWORD, PASSWORD_VARIABLE, USER, Upstream, open_upstream
from tests.orders.test_owners import ACCOUNT
from upstreams.connections import Connections

FIVE, TWO = Decimal("5.00"), Decimal("2.00")
SHOP = Requester(Role.STOREFRONT, "shop")


@pytest_asyncio.fixture(scope="session")
async def simulator() -> AsyncIterator[Upstream]:
    async with open_upstream() as upstream:
        yield upstream


@dataclass
class Desk:
    """The books of one account beside its panel."""

    database: Database
    panel: Upstream
    settings: Settings

    async def bought(self, *, item: int | None = None) -> tuple[int, str]:
        """A service that was ordered and charged 5.00; its number and its item's."""
        async with self.database.write() as session:
            plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == "VDS-1"))).one()
            module = (await session.exec(select(ProcessingModule).where(ProcessingModule.name == "main-vds"))).one()
            mark = f"rf-t-{os.urandom(4).hex()}"
            answer = await self.panel.call(
                "v2.vds.order.param",
                pricelist="58", order_period="1", datacenter="1", skipbasket="on", sok="ok",
                remoteid=mark, domain=f"{mark}.example.com",
            )  # fmt: skip
            number = answer["item.id"]["$"]
            service = Service(
                customer="c-1", owner="shop", plan_id=plan.id, product_type="vds", module_id=module.id,
                account_id=ACCOUNT, status=ServiceStatus.ACTIVE, name=f"{mark}.example.com", mark=mark,
                upstream_number=number, period_months=1,
            )  # fmt: skip
            session.add(service)
            await session.flush()
            await self._done(session, service.id, OperationKind.OPEN, FIVE)
            return service.id, number

    async def _done(self, session: Any, service: int, kind: OperationKind, cost: Decimal | None) -> int:
        operation = Operation(
            service_id=service, kind=kind, upstream_name="main", stage=Stage.COMPLETED, ended_at=utc_now(),
            cost_amount=cost, cost_currency="EUR" if cost else None,
        )  # fmt: skip
        session.add(operation)
        await session.flush()
        if cost is not None:
            account = await session.get_one(UpstreamAccount, ACCOUNT)
            account.charged += units(cost)
            account.release_count += 1
            released = Reservation(
                operation_id=operation.id, account_id=ACCOUNT, state=ReservationState.RELEASED, amount=cost,
                release_number=account.release_count, released_at=utc_now(),
            )  # fmt: skip
            session.add_all([account, released])
        return operation.id

    async def closed(self, service: int, item: str, **knobs: object) -> int:
        """Close it, by an operation; its number."""
        await self.panel.set(**knobs)
        await self.panel.call("vds.delete", elid=item, sok="ok")
        async with self.database.write() as session:
            row = await session.get_one(Service, service)
            row.status, row.status_since = ServiceStatus.CLOSED, utc_now()
            session.add(row)
            return await self._done(session, service, OperationKind.CLOSE, None)

    async def look(self) -> None:
        """One look at the lists, as the poller has it."""
        async with self.database.read() as session:
            account = await session.get_one(UpstreamAccount, ACCOUNT)
        watch = Watch.of(account, self.settings)
        await refunds.look_for_ended(self.database, watch, self.settings)
        async with Connections.of(self.settings) as connections:
            await refunds.read_ledger(self.database, watch, await connections.to(account))
        async with self.database.write() as session:  # the next look comes at once
            account = await session.get_one(UpstreamAccount, ACCOUNT)
            if account.refunds_read_at is not None:
                account.refunds_read_at -= timedelta(days=1)
            session.add(account)

    async def refunds(self) -> list[Refund]:
        async with self.database.read() as session:
            return list((await session.exec(select(Refund).order_by(col(Refund.id)))).all())

    async def the_refund(self) -> Refund:
        [one] = await self.refunds()
        return one

    async def account(self) -> UpstreamAccount:
        async with self.database.read() as session:
            return await session.get_one(UpstreamAccount, ACCOUNT)

    async def incidents(self) -> dict[IncidentKind, str]:
        await look(self.database, Limits(), utc_now())
        async with self.database.read() as session:
            found = await session.exec(select(Incident).where(col(Incident.closed_at).is_(None)))
            return {one.kind: one.message for one in found.all() if "refund" in one.kind.value}

    async def books_are_right(self) -> bool:
        """To the cent: what the panel has charged, less what came back, is what we have counted."""
        account = await self.account()
        there = sum((Decimal(one["amount"]) for one in await self.panel.charges()), Decimal(0))
        return there == of_units(account.charged - account.refunded)


@pytest.fixture
async def desk(database: Database, simulator: Upstream, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    await simulator.admin("POST", "/reset")
    await simulator.set(opening_delay=0)
    async with database.write() as session:
        account = await session.get_one(UpstreamAccount, ACCOUNT)
        account.url = simulator.url
        session.add(account)
    return Desk(database, simulator, Settings(refund_interval=60.0))


@pytest.mark.parametrize("sign", ["charges_above", "charges_below"])
async def test_an_expense_that_came_back_is_written_to_the_closing_once(desk: Desk, sign: str) -> None:
    service, item = await desk.bought()
    closing = await desk.closed(service, item, refunds="expense", refund_percent=40, expense_sign=sign)
    for _ in range(3):
        await desk.look()
    one = await desk.the_refund()
    assert (one.state, one.operation_id, one.amount, one.source) == (
        RefundState.WRITTEN, closing, TWO, RefundSource.EXPENSE,
    )  # fmt: skip
    assert await desk.books_are_right()
    assert await desk.incidents() == {}
    async with desk.database.read() as session:
        links = WorkflowLinks("http://ui", "ns")
        shown = await find_operation(session, links, closing)
        assert [str(sum_) for sum_ in shown.refunded] == ["2.00 EUR"]
        assert (await find_operation(session, links, closing, SHOP)).refunded == []
        messages = await session.exec(
            select(WebhookMessage).where(WebhookMessage.kind == MessageType.OPERATION_REFUNDED)
        )
        [message] = messages.all()
        assert (message.data["operation"], message.data["amount"]) == (closing, "2.00 EUR")
        history = (await list_history(session, PageRequest(), OPERATOR, service=service)).items
        [entry] = [entry for entry in history if entry.action == "refunded"]
        assert (entry.operation, entry.actor) == (closing, "upstream main")
        assert "2.00 EUR" in (entry.note or "")
        seen_by_shop = (await list_history(session, PageRequest(), SHOP, service=service)).items
        assert "refunded" not in [entry.action for entry in seen_by_shop]


@pytest.mark.parametrize("names", ["item", "mark"])
async def test_a_payment_that_came_back_is_written_to_the_closing(desk: Desk, names: str) -> None:
    service, item = await desk.bought()
    closing = await desk.closed(service, item, refunds="payment", refund_percent=40, refunds_name=names)
    await desk.look()
    one = await desk.the_refund()
    assert (one.state, one.operation_id, one.amount) == (RefundState.WRITTEN, closing, TWO)
    assert one.source is RefundSource.PAYMENT


async def test_money_that_comes_days_later_in_two_parts_is_added_up(desk: Desk) -> None:
    service, item = await desk.bought()
    closing = await desk.closed(service, item)
    await desk.look()
    assert await desk.refunds() == []
    for amount in ("2.00", "1.50"):
        await desk.panel.admin("POST", "/clock", {"advance_days": 3})
        await desk.panel.admin("POST", f"/items/{item}/refund", {"amount": amount})
        await desk.look()
    async with desk.database.read() as session:
        shown = await find_operation(session, WorkflowLinks("http://ui", "ns"), closing)
    assert [str(sum_) for sum_ in shown.refunded] == ["3.50 EUR"]
    assert await desk.books_are_right()


async def test_a_charge_that_was_lowered_is_money_back_for_what_it_charged(desk: Desk) -> None:
    service, item = await desk.bought()
    await desk.closed(service, item, refunds="reduced", refund_percent=40)
    await desk.look()
    one = await desk.the_refund()
    assert (one.state, one.amount, one.source) == (RefundState.WRITTEN, TWO, RefundSource.LOWERED_EXPENSE)
    assert one.operation_id is not None
    assert await desk.books_are_right()
    await desk.panel.admin("POST", f"/items/{item}/refund", {"amount": "1.00", "form": "reduced"})
    await desk.look()
    assert [(row.amount, row.operation_id) for row in await desk.refunds()] == [
        (TWO, one.operation_id), (Decimal(1), one.operation_id),
    ]  # fmt: skip
    assert await desk.books_are_right()


async def test_a_charge_that_is_gone_counts_once_two_looks_have_missed_it(desk: Desk) -> None:
    await desk.bought()
    other, item_of_other = await desk.bought()
    await desk.closed(other, item_of_other)
    await desk.look()
    service, item = await desk.bought()
    await desk.closed(service, item, refunds="gone")
    await desk.look()
    assert (await desk.the_refund()).state is RefundState.DOUBTFUL
    assert not await desk.books_are_right()
    await desk.look()
    one = await desk.the_refund()
    assert (one.state, one.service_id, one.amount) == (RefundState.WRITTEN, service, FIVE)
    assert await desk.books_are_right()


async def test_a_charge_that_was_missed_once_and_is_there_again_is_nothing(desk: Desk) -> None:
    service, item = await desk.bought()
    await desk.closed(service, item)
    await desk.look()
    await desk.panel.admin("PATCH", f"/accounts/{USER}", {"filters": {"expense": {"item": "1"}}})
    await desk.look()
    assert await desk.refunds() == [], "a list that a filter narrows proves nothing"
    assert "filter" in (await desk.incidents())[IncidentKind.REFUNDS_UNREADABLE]
    await desk.panel.admin("PATCH", f"/accounts/{USER}", {"filters": {}})
    await desk.look()
    assert await desk.incidents() == {}


async def test_another_currency_is_shown_and_not_converted(desk: Desk) -> None:
    service, item = await desk.bought()
    closing = await desk.closed(service, item)
    await desk.panel.admin("PATCH", f"/accounts/{USER}", {"currency": "USD", "balance": "0"})
    await desk.panel.admin("POST", f"/items/{item}/refund", {"amount": "1.10", "currency": "USD"})
    await desk.look()
    async with desk.database.read() as session:
        shown = await find_operation(session, WorkflowLinks("http://ui", "ns"), closing)
    assert [str(sum_) for sum_ in shown.refunded] == ["1.10 USD"]
    assert (await desk.account()).refunded == 0, "the money is in another purse"


async def test_what_is_nobodys_is_listed_for_a_person_and_never_guessed(desk: Desk) -> None:
    service, item = await desk.bought()
    closing = await desk.closed(service, item, refunds="expense", refunds_name="domain", refund_percent=40)
    theirs = await desk.panel.bought_by_hand("theirs.example.com")
    await desk.panel.admin("POST", f"/items/{theirs['id']}/refund", {"amount": "3.00"})
    await desk.panel.admin("POST", f"/items/{theirs['id']}/refund", {"amount": "4.00", "names": "nothing"})
    await desk.look()
    named, foreign, nothing = await desk.refunds()
    async with desk.database.read() as session:
        mark = (await session.get_one(Service, service)).mark
    assert mark in named.text  # its name begins with the mark, so this one is proven
    assert (named.state, named.operation_id) == (RefundState.WRITTEN, closing)
    assert [one.state for one in (foreign, nothing)] == [RefundState.OPEN, RefundState.OPEN]
    assert f"item {theirs['id']} is no service of ours" in foreign.why
    message = (await desk.incidents())[IncidentKind.REFUND_UNMATCHED]
    assert "2 sums" in message
    assert "resell refunds --unmatched" in message

    before = (await desk.account()).refunded
    async with desk.database.write() as session:
        await assign(session, foreign.id, closing, actor="ann", reason="their support says so")
        await ignore(session, nothing.id, actor="ann", reason="a server that I bought by hand")
    assert (await desk.account()).refunded == before + units(Decimal(3))
    assert await desk.incidents() == {}
    await desk.look()
    assert [one.state for one in await desk.refunds()][1:] == [RefundState.WRITTEN, RefundState.IGNORED]
    async with desk.database.write() as session:
        with pytest.raises(Refused, match=f"is written to operation {closing} by ann"):
            await assign(session, foreign.id, closing, actor="bob", reason="again")
        audited = await session.exec(select(AuditEntry.action).where(AuditEntry.subject == "refund"))
        assert set(audited.all()) == {"refund_written", "refund_ignored"}


async def test_a_name_alone_proves_nothing(desk: Desk) -> None:
    service, item = await desk.bought()
    async with desk.database.write() as session:
        row = await session.get_one(Service, service)
        row.name = "shared.example.com"
        session.add(row)
    await desk.panel.admin("PATCH", f"/items/{item}", {"domain": "shared.example.com", "name": "shared.example.com"})
    await desk.closed(service, item, refunds="expense", refunds_name="domain")
    await desk.look()
    one = await desk.the_refund()
    assert (one.state, one.service_id, one.operation_id) == (RefundState.OPEN, None, None)
    assert f"has the name of service {service}" in one.why


async def test_more_than_was_charged_is_for_a_person(desk: Desk) -> None:
    service, item = await desk.bought()
    closing = await desk.closed(service, item)
    await desk.panel.admin("POST", f"/items/{item}/refund", {"amount": "5.01"})
    await desk.look()
    one = await desk.the_refund()
    assert (one.state, one.operation_id) == (RefundState.OPEN, None)
    assert "5.01 would be back in all, and 5.00 was charged" in one.why
    async with desk.database.write() as session:
        with pytest.raises(InvalidField):
            await assign(session, one.id, 4711, actor="ann", reason="a slip of the pen")
        await assign(session, one.id, closing, actor="ann", reason="a present")
    assert (await desk.the_refund()).operation_id == closing


async def test_a_living_service_has_nothing_to_explain_money_back(desk: Desk) -> None:
    service, item = await desk.bought()
    other, item_of_other = await desk.bought()
    await desk.closed(other, item_of_other)
    await desk.panel.admin("POST", f"/items/{item}/refund", {"amount": "1.00"})
    await desk.look()
    one = await desk.the_refund()
    assert (one.state, one.service_id, one.operation_id) == (RefundState.OPEN, service, None)


async def test_a_refused_list_is_said_loudly(desk: Desk) -> None:
    service, item = await desk.bought()
    await desk.closed(service, item)
    await desk.panel.set(money_lists="access")
    await desk.look()
    assert IncidentKind.REFUNDS_UNREADABLE in await desk.incidents()
    await desk.panel.set(money_lists="readable")
    await desk.look()
    assert await desk.incidents() == {}


async def test_nothing_is_read_while_nothing_has_ended_or_it_was_read_just_now(desk: Desk) -> None:
    hour, month = timedelta(hours=1), timedelta(days=30)
    service, item = await desk.bought()
    async with desk.database.read() as session:
        assert await due(session, ACCOUNT, hour, month) is None
    await desk.closed(service, item)
    async with desk.database.read() as session:
        assert await due(session, ACCOUNT, hour, month) is not None
        assert await due(session, ACCOUNT, hour, timedelta(0)) is None, "it ended too long ago"
    async with desk.database.write() as session:
        account = await session.get_one(UpstreamAccount, ACCOUNT)
        account.refunds_read_at = utc_now()
        session.add(account)
    async with desk.database.read() as session:
        assert await due(session, ACCOUNT, hour, month) is None
