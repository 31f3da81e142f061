"""What an operation costs, asked of the upstream right before its money is set aside, and again after every wait.

Orders of the same tariff, period and add-ons that ask within the same four seconds share one answer; whoever asks while
a question is under way waits for that one. What happens to an existing service has its own price and is never shared.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from models.columns import utc_now
from models.database import Database
from models.enums import FailureClass, OperationKind, ReservationState
from models.messages import Submission, SubmitResult
from models.rates import NO_RATES, Rates
from orders.carts import paying
from orders.carts.paying import ToPay
from orders.lifecycle.stages import locked_operation
from orders.money import funds, held_prices, prices
from orders.money.prices import PriceJudgement
from orders.operations.job import Job
from orders.operations.place import place_of
from orders.operations.registry import operation_type
from upstreams.answers import Quote
from upstreams.errors import AlreadyExists, NotEnoughMoney, NotYet, Rejected, SetupFault, UpstreamError
from upstreams.port import Upstream

QUOTE_AGE = timedelta(seconds=5)
"""A quote that is older is asked for again before anything is sent."""
SHARED_AGE = timedelta(seconds=4)
"""A quote serves those who ask within so long of it; so they have some time to send before it is too old."""

_SAID_BY_THE_REQUEST = (Rejected, SetupFault, AlreadyExists, NotYet, NotEnoughMoney)
"""Refusals of a quote that the request itself will meet again, with the right field."""


@dataclass(frozen=True)
class QuoteAnswer:
    """What the upstream said of the price, and when it was asked."""

    quote: Quote | None
    asked_at: datetime
    refusal: UpstreamError | None = None
    """Why the upstream would not quote; the request itself will meet the same."""

    @property
    def refused(self) -> str:
        return self.refusal.message if self.refusal is not None else ""


@dataclass(frozen=True)
class Priced:
    judgement: PriceJudgement
    asked_at: datetime | None
    """None: nobody was asked; what was judged before stands."""
    refusal: UpstreamError | None = None
    """The upstream was asked, and would not say a price: the request itself will meet the same."""


class Pricing:
    """One instance per worker: it shares answers between orders."""

    def __init__(self, database: Database, rates: Rates = NO_RATES) -> None:
        self._database = database
        self._rates = rates
        self._asking: dict[tuple[object, ...], tuple[datetime, asyncio.Task[QuoteAnswer]]] = {}

    async def price(self, job: Job, upstream: Upstream) -> Priced:
        """Ask what it costs, and judge that. Raises the errors of `upstreams.errors` where the upstream is away.

        Once it lies in the upstream's cart, only that says what it costs: a quote would say what it costs a second
        time, or that there is nothing left to buy. A request that is repeated with its quote has the price of before.
        """
        if held_prices.is_repeated(job.intent):
            return Priced(PriceJudgement(job.operation.cost, job.operation.price), None)
        owed = await self._to_pay(job)
        if owed is not None and owed.price is None:
            return Priced(PriceJudgement(job.operation.cost, job.operation.price), None)
        if owed is not None:
            answer = QuoteAnswer(Quote(price=owed.price), utc_now())
        else:
            answer = await self._answer(job, upstream)
        terms = operation_type(job.operation.kind).terms(job)
        row = owed.row or "what was ordered" if owed is not None else ""
        judgement = prices.judge(
            terms, answer.quote, utc_now().date(), self._rates, refused=answer.refused, in_cart=row
        )
        return Priced(judgement, answer.asked_at, answer.refusal)

    async def _to_pay(self, job: Job) -> ToPay | None:
        """What an earlier request left unpaid."""
        if job.intent is None:
            return None
        async with self._database.read() as session:
            return await paying.to_pay(session, job.number)

    async def before_sending(self, job: Job, upstream: Upstream) -> SubmitResult | None:
        """Ask again if the quote is old: the order has waited since. None: the money set aside covers the price.

        Otherwise nothing may be sent: a dearer order goes back to the line for money, one that is too dear to a person.
        """
        if is_good(job.operation.price, job, utc_now()):
            return None
        priced = await self.price(job, upstream)
        judgement = priced.judgement
        async with self._database.write() as session:
            operation = await locked_operation(session, job.number)
            if not operation.stage.is_running:
                return None  # nothing will be sent: the intent is refused
            prices.note(operation, judgement, priced.asked_at)
            session.add(operation)
            if judgement.objection is not None:
                return SubmitResult(
                    outcome=Submission.ATTENTION,
                    reason=judgement.objection.reason,
                    failure=judgement.objection.failure,
                )
            if judgement.cost is None or not job.capabilities.balance:
                await funds.release(session, job.number)
                return None
            place = place_of(job.operation, job.service)
            entry = await funds.request(session, job.account_id, job.number, judgement.cost, place)
            if entry.state is ReservationState.GRANTED:
                return None
        reason = f"the price is {judgement.cost} by now; more money has to be set aside"
        return SubmitResult(outcome=Submission.FUNDS, failure=FailureClass.FUNDS, reason=reason)

    async def _answer(self, job: Job, upstream: Upstream) -> QuoteAnswer:
        if not job.capabilities.quotes:
            return QuoteAnswer(Quote(price=None), utc_now())
        key = _shared_by(job)
        if key is None:
            return await _ask(job, upstream)
        now = utc_now()
        self._asking = {k: asking for k, asking in self._asking.items() if _is_of_use(asking, now)}
        if key not in self._asking:
            task = asyncio.create_task(_ask(job, upstream))
            task.add_done_callback(_retrieved)
            self._asking[key] = (now, task)
        return await asyncio.shield(self._asking[key][1])


def is_fresh(quoted_at: str, now: datetime, age: timedelta | None = None) -> bool:
    """The quote was asked for not longer ago than that. One of the future was written by a clock that is wrong."""
    if not quoted_at:
        return False
    return timedelta(0) <= now - datetime.fromisoformat(quoted_at).astimezone(UTC) <= (age or QUOTE_AGE)


def is_good(price: Mapping[str, str], job: Job, now: datetime) -> bool:
    """The price was asked for just now, or the upstream holds it."""
    return is_fresh(price.get("quoted_at", ""), now) or held_prices.is_held(price, job.intent, now)


async def _ask(job: Job, upstream: Upstream) -> QuoteAnswer:
    asked_at = utc_now()
    try:
        return QuoteAnswer(await operation_type(job.operation.kind).quote(job, upstream), asked_at)
    except _SAID_BY_THE_REQUEST as error:
        return QuoteAnswer(Quote(price=None), asked_at, refusal=error)


def _shared_by(job: Job) -> tuple[object, ...] | None:
    """What orders have in common that cost the same. A price that is held is held for one order."""
    if job.operation.kind is not OperationKind.OPEN or job.capabilities.holds_quotes:
        return None
    spec = job.order_spec()
    templates = tuple(sorted(value for name, value in spec.parameters.items() if name in _PRICED_PARAMETERS))
    return (
        job.account_id,
        job.mapping.id,
        spec.tariff,
        spec.period,
        spec.location,
        tuple(sorted(spec.addons.items())),
        templates,
    )


_PRICED_PARAMETERS = frozenset({"template", "recipe"})
"""Parameters of an order, besides add-ons, on which its price may hang. What the mapping adds is the same for all."""


def _is_of_use(asking: tuple[datetime, asyncio.Task[QuoteAnswer]], now: datetime) -> bool:
    """Asked not long ago, and not failed. Nobody joins one that hangs: the gate says who asks next."""
    began, task = asking
    failed = task.done() and (task.cancelled() or task.exception() is not None)
    return not failed and timedelta(0) <= now - began <= SHARED_AGE


def _retrieved(task: asyncio.Task[QuoteAnswer]) -> None:
    """An error counts as seen even if all who asked have been cancelled meanwhile."""
    if not task.cancelled():
        task.exception()
