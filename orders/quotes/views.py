"""Quotes as they are shown: to operators with costs, to storefronts without."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol, Self

from pydantic import Field
from sqlmodel.ext.asyncio.session import AsyncSession

from models.database import Database
from models.enums import OperationKind
from models.money import Money
from models.quote import StoredQuote
from models.rates import Rates
from orders.access.roles import Requester
from orders.errors import InvalidField, NoMapping, Refused
from orders.lifecycle import intake, requests
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.intake import ServiceRequest
from orders.money.funds import BalanceReading, free
from orders.operations.requests import OperationRequest, Rules
from orders.quotes import making
from orders.quotes.making import Draft, Priced, Selling
from orders.reading.documents import Document, money
from upstreams.connections import Connections
from upstreams.errors import Rejected, SetupFault


class MoneyThere(StrEnum):
    """Whether the reseller's account has the money, by its last reading."""

    ENOUGH = "enough"
    SHORT = "short"
    """The order would wait for money."""
    UNKNOWN = "unknown"


class QuoteProblem(Document):
    """Why the order would be refused."""

    field: str | None = Field(description="path of the field; null: it is about the service as it is")
    detail: str


class SellingPart(Document):
    what: str = Field(examples=["VDS-1 for 1 month"])
    price: Money | None = Field(description="null: the catalogue has none")


class SellingPrice(Document):
    """What it is sold for, by the catalogue."""

    total: Money | None = Field(description="null: `missing` says why")
    parts: list[SellingPart]
    missing: str = Field(description="what the catalogue does not say; empty: nothing is missing")
    is_for: str = Field(
        description="`this`: for what is asked for; `each_period`: for each period of the service once it is done"
    )


class QuoteView(Document):
    """What a request would cost, when the service would end, and what stands in the way. Nothing is ordered."""

    id: str | None = Field(description="name it as `quote` in the order; null: the order would be refused")
    kind: OperationKind
    service: int | None = Field(description="null: a new one")
    possible: bool = Field(description="an order like this would be accepted")
    problems: list[QuoteProblem] = Field(description="why it would be refused; empty: it would be accepted")
    selling: SellingPrice | None = Field(description="null: it is not possible")
    cost: Money | None = Field(description="what the upstream charges; null: not known, or you are a storefront")
    margin: Money | None = Field(
        description="selling price less cost, where both are for the same period and in one currency; null for "
        "storefronts"
    )
    price: dict[str, str] | None = Field(description="how `cost` came about, as in an operation; null for storefronts")
    next_expiry: date | None = Field(
        description="when the service would end, by the calendar; null: never, not possible, or only the upstream "
        "knows (a trial)"
    )
    money: MoneyThere = Field(description="`short`: the order would wait until the reseller has topped up its account")
    needs_person: bool = Field(description="a person would have to act before it is done")
    why_a_person: list[str]
    upstream_asked: bool = Field(description="the upstream has said its price just now")
    upstream_said: str = Field(
        description="why it has not said one; its cost is the catalogue's then. Empty: it has, or it has no prices"
    )
    valid_until: datetime | None = Field(description="null: the order would be refused")


class SaysHow(Protocol):
    """The settings that quotes need."""

    @property
    def hostname_suffix(self) -> str: ...

    @property
    def manual_plan_changes(self) -> dict[str, list[str]] | None: ...

    @property
    def quote_validity(self) -> float: ...

    def rates(self) -> Rates: ...


@dataclass(frozen=True)
class QuoteRules:
    """What the settings say of quotes and orders."""

    hostname_suffix: str
    rules: Rules
    rates: Rates
    valid_seconds: float

    @classmethod
    def of(cls, settings: SaysHow) -> Self:
        rules = Rules(settings.manual_plan_changes)
        return cls(settings.hostname_suffix, rules, settings.rates(), settings.quote_validity)


_CLIENT, _KEY = "quote", "rehearsal"
"""The key with which a request is tried out: nothing is ever stored under it."""


async def quote_order(
    database: Database, connections: Connections, rules: QuoteRules, order: ServiceRequest, requester: Requester
) -> QuoteView:
    """What an order would cost. Nothing is ordered."""

    async def accept(session: AsyncSession) -> AcceptedOrder:
        once = intake.key_of(order, _CLIENT, _KEY)
        return await intake.accept_in(
            session, order, once, hostname_suffix=rules.hostname_suffix, owner=requester.owner
        )

    about = _About(OperationKind.OPEN, None, intake.quoted_hash(order), accept)
    return await _quote(database, connections, rules, about, requester)


async def quote_change(
    database: Database,
    connections: Connections,
    rules: QuoteRules,
    service: int,
    asked: OperationRequest,
    requester: Requester,
) -> QuoteView:
    """What an operation on a service would cost. Raises NotFound for a service that the requester may not see."""

    async def accept(session: AsyncSession) -> AcceptedOrder:
        once = requests.key_of(service, asked, _CLIENT, _KEY)
        return await requests.accept_in(session, service, asked, once, rules.rules, requester)

    about = _About(asked.kind, service, requests.quoted_hash(service, asked), accept)
    return await _quote(database, connections, rules, about, requester)


@dataclass(frozen=True)
class _About:
    kind: OperationKind
    service: int | None
    body_hash: str
    accept: Callable[[AsyncSession], Awaitable[AcceptedOrder]]


async def _quote(
    database: Database, connections: Connections, rules: QuoteRules, about: _About, requester: Requester
) -> QuoteView:
    try:
        draft = await making.draft(database, about.accept)
    except InvalidField as problem:
        return refused(about.kind, about.service, problem.field, problem.message)
    except (Refused, NoMapping) as problem:
        return refused(about.kind, about.service, None, str(problem))
    if not requester.is_staff:  # whether its limit is enough would tell a shop what we pay
        draft.operation.agreed_limit_amount = draft.operation.agreed_limit_currency = None
    priced = await making.price(draft, database, connections, rules.rates)
    stored = await making.keep(
        database, about.kind, about.body_hash, requester.owner, draft, priced, rules.valid_seconds
    )
    return quoted(stored, about.service, draft, priced, requester)


def refused(kind: OperationKind, service: int | None, field: str | None, detail: str) -> QuoteView:
    return QuoteView(
        id=None,
        kind=kind,
        service=service,
        possible=False,
        problems=[QuoteProblem(field=field, detail=detail)],
        selling=None,
        cost=None,
        margin=None,
        price=None,
        next_expiry=None,
        money=MoneyThere.UNKNOWN,
        needs_person=False,
        why_a_person=[],
        upstream_asked=False,
        upstream_said="",
        valid_until=None,
    )


def quoted(stored: StoredQuote, service: int | None, draft: Draft, priced: Priced, requester: Requester) -> QuoteView:
    staff = requester.is_staff
    cost = priced.judgement.cost if priced.judgement is not None else None
    why = _why_a_person(draft, priced, staff=staff)
    costs: dict[str, Any] = {"cost": None, "margin": None, "price": None}
    if staff:
        row = priced.judgement.price if priced.judgement is not None else {}
        costs = {"cost": _shown(cost), "margin": _margin(draft.selling, cost), "price": row}
    return QuoteView(
        id=stored.name,
        kind=stored.kind,
        service=service,
        possible=True,
        problems=[],
        selling=_selling(draft.selling),
        next_expiry=draft.next_expiry,
        money=_money(draft, priced),
        needs_person=bool(why),
        why_a_person=why,
        upstream_asked=priced.asked,
        upstream_said=priced.why_not if staff else _for_shops(priced),
        valid_until=stored.valid_until,
        **costs,
    )


def _selling(selling: Selling) -> SellingPrice:
    return SellingPrice(
        total=_shown(selling.total),
        parts=[SellingPart(what=one.what, price=_shown(one.price)) for one in selling.parts],
        missing=selling.missing,
        is_for="this" if selling.for_this else "each_period",
    )


def _shown(exact: Money | None) -> Money | None:
    return None if exact is None else money(exact.amount, exact.currency)


def _margin(selling: Selling, cost: Money | None) -> Money | None:
    if not selling.for_this or selling.total is None or cost is None or selling.total.currency != cost.currency:
        return None
    return _shown(selling.total - cost)


def _money(draft: Draft, priced: Priced) -> MoneyThere:
    """By the last reading of the balance: nothing is asked for it."""
    job, judgement = draft.job, priced.judgement
    if judgement is not None and judgement.is_for_nothing:
        return MoneyThere.ENOUGH
    cost = judgement.cost if judgement is not None else None
    if job is None or cost is None or not job.capabilities.balance:
        return MoneyThere.UNKNOWN
    if cost.amount <= 0:
        return MoneyThere.ENOUGH
    account = job.account
    if account.balance is None or cost.currency != account.currency:
        return MoneyThere.UNKNOWN
    reading = BalanceReading(Money(amount=account.balance, currency=account.currency), account.charged)
    if account.waiting or free(account, reading) < cost.amount:
        return MoneyThere.SHORT
    return MoneyThere.ENOUGH


def _why_a_person(draft: Draft, priced: Priced, *, staff: bool) -> list[str]:
    why = [draft.by_hand] if draft.by_hand else []
    objection = priced.judgement.objection if priced.judgement is not None else None
    if objection is not None:
        why.append(objection.reason if staff else "its price has to be looked at by a person")
    if isinstance(priced.refusal, Rejected | SetupFault):
        why.append(priced.refusal.message if staff else _WOULD_REFUSE)
    return why


_WOULD_REFUSE = "the upstream would refuse this at the moment"


def _for_shops(priced: Priced) -> str:
    if priced.refusal is not None:
        return _WOULD_REFUSE
    return "the upstream can't be asked at the moment" if priced.why_not else ""
