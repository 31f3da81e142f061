"""Upstreams as they are shown: how they do, their money, what they can do."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from pydantic import Field
from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import ProcessingModule, UpstreamAccount
from models.circuits import ACCOUNT, CircuitState, read_notes
from models.columns import utc_now
from models.enums import Knowledge, ReservationState
from models.events import HELD_BACK_AT_MOST, UpstreamHint, UpstreamList, UpstreamSnapshot
from models.invariants import required
from models.money import Money
from models.order import Reservation
from orders.errors import InvalidField, NotFound
from orders.events import failing_lists_of, is_orphan
from orders.money.balance import is_low
from orders.money.funds import charged_since_reading
from orders.reading.documents import Document, money
from upstreams.kinds import UnknownKind, adapter_of

HELD_BACK_SHOWN = 10


class UpstreamHealth(StrEnum):
    WELL = "well"
    PARTLY = "partly"
    """Some of its lists have not been readable for a minute or longer; `failing_lists` says which, and why."""
    UNREACHABLE = "unreachable"
    """No read has been answered for a minute or longer. Orders wait, and continue automatically once it answers."""
    UNHEALTHY = "unhealthy"
    """No call that costs money is made until a read succeeds again."""
    UNKNOWN = "unknown"
    """Never read yet."""


class UpstreamFunds(Document):
    """Money of the account at the last reading of its balance."""

    balance: Money
    balance_at: datetime | None
    credit_limit: Money
    reserved: Money = Field(description="set aside for orders in flight")
    free: Money = Field(description="balance + credit limit - reserved")
    waiting: Money = Field(description="the sum that the orders in line still need")
    waiting_orders: int


class UpstreamCapabilities(Document):
    """What is known about this upstream's behaviour, from `resell upstream check` and from orders."""

    dialect: int | None = Field(description="BILLmanager generation spoken: 5 or 6; null: it is no BILLmanager")
    balance_call: str | None = Field(description="the call that reports the balance here")
    lists_show_remoteid: Knowledge
    forms_show_remoteid: Knowledge
    lists_return_mark: Knowledge = Field(description="proven: a mark that we sent comes back in the list")
    lists_return_name: Knowledge
    orders_return_number: Knowledge
    absent: dict[str, str] = Field(
        description="what this kind of upstream can't do, and what follows from that; empty: it can do everything",
        examples=[{"balance": "the balance can't be read, so no order waits for money here"}],
    )
    checked_at: datetime | None


class ProcessingModuleView(Document):
    """How operations on services of one product type are carried out there."""

    name: str
    product_type: str
    department: str
    priority: int
    minimal_balance: Money | None
    low_balance: bool = Field(description="less is free on the account than the minimal balance of this module")


class HintsView(Document):
    """Push hints: changes that the upstream reported without being asked."""

    last_received_at: datetime | None = Field(description="of the last day")
    unread: int = Field(description="not followed yet; they wait for a worker")
    unread_since: datetime | None


class HeldBackRow(Document):
    """A row of which nothing, or not all, was believed."""

    number: str = Field(description="as the list shows it")
    why: str = Field(description="what it shows that can't be true: a part of it")


class HeldBackView(Document):
    """Rows of one list that were held back, whole or in part, at the last look. All others count."""

    product_type: str
    rows: int = Field(description=f"how many; no more than {HELD_BACK_AT_MOST} are counted")
    examples: list[HeldBackRow] = Field(description=f"the first {HELD_BACK_SHOWN}")


class FailingListView(Document):
    """A list that can't be read. Changes in it are not seen."""

    product_type: str
    since: datetime
    reason: str


class CircuitView(Document):
    """A circuit breaker that is not closed: requests have not been answered lately."""

    of: str = Field(
        description="`account`: all requests; `read` and a function of the upstream: what is read by it; otherwise "
        "the kind of operation that is sent, or `pay`",
        examples=["account"],
    )
    state: CircuitState = Field(
        description="`open`: nothing goes before `next_try`; `half_open`: one request is under way to try it"
    )
    since: datetime
    reason: str = Field(description="what came instead of the last answer")
    next_try: datetime = Field(description="when the next request goes; a time that has passed waits for one")


class PauseView(Document):
    """A person wants nothing sent to the upstream. Reads go on, and what was sent before goes on to its end."""

    since: datetime
    by: str
    reason: str


class UpstreamView(Document):
    """Our customer account at a selling system."""

    name: str
    kind: str
    url: str
    currency: str
    health: UpstreamHealth
    unhealthy_reason: str | None
    unhealthy_since: datetime | None
    unreachable_reason: str | None = Field(description="what came instead of a usable answer")
    unreachable_since: datetime | None
    paused: PauseView | None = Field(description="null: it is not paused")
    failing_lists: list[FailingListView] = Field(description="lists that can't be read; empty: all can be read")
    left_alone_until: datetime | None = Field(
        description="the upstream wants no calls before this time; null: calls are allowed"
    )
    circuit: CircuitState = Field(description="the circuit breaker of the account; `closed`: requests go")
    circuits: list[CircuitView] = Field(
        description="circuit breakers that are not closed, of the account or of one function; empty: there are none"
    )
    polled_at: datetime | None = Field(description="the last look for events")
    funds: UpstreamFunds | None = Field(description="null until the balance has been read")
    low_balance: bool = Field(description="less is free than some processing module's minimal balance")
    low_balance_since: datetime | None = Field(description="since when that is known; it was reported then")
    processing_modules: list[ProcessingModuleView]
    capabilities: UpstreamCapabilities
    problems: list[str] = Field(description="what the last check found wrong")
    orphans: int = Field(description="items at the upstream that are no service of ours")
    held_back: list[HeldBackView] = Field(description="lists with rows that can't be true; empty: there are none")
    hints: HintsView | None = Field(description="null: no secret for push hints is set up")


async def known_upstream(session: AsyncSession, name: str) -> str:
    """The name, for use as a filter. Raises InvalidField if there is no such upstream."""
    if (await session.exec(select(UpstreamAccount.id).where(UpstreamAccount.name == name))).one_or_none() is None:
        raise InvalidField("upstream", f"there is no upstream {name!r}")
    return name


async def list_upstreams(session: AsyncSession) -> list[UpstreamView]:
    """All of them, by name: there are few."""
    accounts = (await session.exec(select(UpstreamAccount).order_by(UpstreamAccount.name))).all()
    return [await _show(session, account) for account in accounts]


async def find_upstream(session: AsyncSession, name: str) -> UpstreamView:
    """Raises NotFound."""
    return await _show(session, await account_named(session, name))


async def account_named(session: AsyncSession, name: str) -> UpstreamAccount:
    """Raises NotFound."""
    account = (await session.exec(select(UpstreamAccount).where(UpstreamAccount.name == name))).one_or_none()
    if account is None:
        raise NotFound("upstream", name)
    return account


async def _show(session: AsyncSession, account: UpstreamAccount) -> UpstreamView:
    modules = (
        await session.exec(
            select(ProcessingModule)
            .where(ProcessingModule.account_id == account.id)
            .order_by(col(ProcessingModule.priority), col(ProcessingModule.id))
        )
    ).all()
    money_there = await _funds(session, account)
    shown = [_module(account, module, money_there) for module in modules]
    orphans = await session.exec(select(func.count()).select_from(UpstreamSnapshot).where(is_orphan(account.id)))
    rests = account.rests_until is not None and account.rests_until > utc_now()
    circuits = read_notes(account.circuits)
    return UpstreamView(
        name=account.name,
        kind=account.kind,
        url=account.url,
        currency=account.currency,
        health=health_of(account),
        unhealthy_reason=account.unhealthy_reason,
        unhealthy_since=account.unhealthy_since,
        unreachable_reason=account.unreachable_reason,
        unreachable_since=account.unreachable_since,
        paused=_pause(account),
        failing_lists=[
            FailingListView(product_type=product_type, since=one.since, reason=one.why)
            for product_type, one in failing_lists_of(account).items()
        ],
        left_alone_until=account.rests_until if rests else None,
        circuit=circuits[ACCOUNT].state if ACCOUNT in circuits else CircuitState.CLOSED,
        circuits=[
            CircuitView(of=name, state=one.state, since=one.since, reason=one.why, next_try=one.next_try)
            for name, one in circuits.items()
        ],
        polled_at=account.polled_at,
        funds=money_there,
        low_balance=any(module.low_balance for module in shown),
        low_balance_since=account.low_balance_since,
        processing_modules=shown,
        capabilities=_capabilities(account),
        problems=account.problems,
        orphans=orphans.one(),
        held_back=await _held_back(session, account),
        hints=await _hints(session, account),
    )


def _capabilities(account: UpstreamAccount) -> UpstreamCapabilities:
    known = {
        "dialect": account.settings.get("dialect"),
        "balance_call": account.learned.get("balance_call"),
        "lists_show_remoteid": account.lists_show_marks,
        "forms_show_remoteid": account.forms_show_marks,
        "lists_return_mark": account.lists_return_mark,
        "lists_return_name": account.lists_return_name,
        "orders_return_number": account.orders_return_number,
        "absent": _absent(account),
        "checked_at": account.checked_at,
    }
    return UpstreamCapabilities.model_validate(known)


def _absent(account: UpstreamAccount) -> dict[str, str]:
    """What the account's kind of upstream can't do. Empty also where this program has no adapter for it."""
    try:
        return dict(adapter_of(account.kind).capabilities.absent())
    except UnknownKind:
        return {}


def health_of(account: UpstreamAccount) -> UpstreamHealth:
    if account.unhealthy_reason:
        return UpstreamHealth.UNHEALTHY
    if account.unreachable_reason:
        return UpstreamHealth.UNREACHABLE
    if account.failing_lists:
        return UpstreamHealth.PARTLY
    return UpstreamHealth.UNKNOWN if account.polled_at is None else UpstreamHealth.WELL


def _pause(account: UpstreamAccount) -> PauseView | None:
    if account.paused_since is None:
        return None
    return PauseView(since=account.paused_since, by=account.paused_by or "", reason=account.paused_reason or "")


async def _held_back(session: AsyncSession, account: UpstreamAccount) -> list[HeldBackView]:
    lists = (await session.exec(select(UpstreamList).where(UpstreamList.account_id == account.id))).all()
    return [
        HeldBackView(
            product_type=one.product_type,
            rows=len(one.held_back),
            examples=[
                HeldBackRow(number=number, why=why) for number, why in list(one.held_back.items())[:HELD_BACK_SHOWN]
            ],
        )
        for one in sorted(lists, key=lambda row: row.product_type)
        if one.held_back
    ]


async def _hints(session: AsyncSession, account: UpstreamAccount) -> HintsView | None:
    if not (account.hint_secret_env or account.hint_secret_file):
        return None
    of_account = UpstreamHint.account_id == account.id
    last = await session.exec(select(func.max(UpstreamHint.received_at)).where(of_account))
    unread = await session.exec(
        select(func.count(), func.min(UpstreamHint.received_at)).where(of_account, col(UpstreamHint.read_at).is_(None))
    )
    count, since = unread.one()
    return HintsView(last_received_at=last.one(), unread=count, unread_since=since)


def _module(account: UpstreamAccount, module: ProcessingModule, there: UpstreamFunds | None) -> ProcessingModuleView:
    return ProcessingModuleView(
        name=module.name,
        product_type=module.product_type,
        department=module.department,
        priority=module.priority,
        minimal_balance=money(module.minimal_balance, account.currency),
        low_balance=there is not None and is_low(module, there.free.amount),
    )


async def _funds(session: AsyncSession, account: UpstreamAccount) -> UpstreamFunds | None:
    if account.balance is None:
        return None
    rows = await session.exec(
        select(Reservation).where(
            Reservation.account_id == account.id,
            col(Reservation.state).in_([ReservationState.WAITING, ReservationState.GRANTED]),
        )
    )
    by_state: dict[ReservationState, list[Decimal]] = defaultdict(list)
    for row in rows.all():
        by_state[row.state].append(row.amount)
    waiting = by_state[ReservationState.WAITING]
    # What was charged after the balance was read is missing from it, so it is as good as reserved still.
    reserved = _total(by_state[ReservationState.GRANTED]) + await charged_since_reading(session, account)

    def exact(amount: Decimal) -> Money:
        return required(money(amount, account.currency), "the amount")

    return UpstreamFunds(
        balance=exact(account.balance),
        balance_at=account.balance_at,
        credit_limit=exact(account.credit_limit),
        reserved=exact(reserved),
        free=exact(account.balance + account.credit_limit - reserved),
        waiting=exact(_total(waiting)),
        waiting_orders=len(waiting),
    )


def _total(amounts: Sequence[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
