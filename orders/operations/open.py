"""Open: the set-up request. There is no item yet; afterwards it is known by our mark (orders.settlement.lookup)."""

from collections.abc import Mapping
from datetime import date, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import TariffPlan
from models.columns import utc_now
from models.database import Database
from models.enums import EventKind, FailureClass, Knowledge, OperationKind, ServiceStatus, UpstreamStatus
from models.messages import Submission, SubmitResult
from models.order import Operation, Service
from models.parameters import Term
from models.periods import period_in_words
from models.product_types import ALL_TYPES, PRODUCT_TYPES
from orders.carts.leftovers import balance_before
from orders.errors import InvalidField, Refused
from orders.money.expectation import period_terms
from orders.money.prices import PriceTerms
from orders.operations.base import Correction, Ending, Obstacle, OperationType, Request, Sent
from orders.operations.item import refused_before
from orders.operations.job import Job
from orders.operations.numbers import numbers, shared_numbers
from orders.operations.requests import OperationRequest
from orders.operations.seen import Seen
from orders.services.forms import check_parameters
from orders.services.naming import check_name
from orders.settlement.gathering import notes_before, notes_of_what_was_seen
from orders.settlement.lookup import ever_sent, find_out, keep_evidence, left_behind
from orders.settlement.other_terms import show_real_cost
from orders.settlement.verdicts import Judgement, Verdict
from upstreams.answers import Quote
from upstreams.port import Upstream

DOMAIN = "domain"
WATCHED_LATELY = timedelta(minutes=2)
"""What the poller saw last is taken for what is there, if it has read the account so lately."""


class Open(OperationType[OperationRequest, Term]):
    """Asked for with `orders.lifecycle.intake`: only an order makes a service."""

    kind = OperationKind.OPEN
    request_model = OperationRequest
    product_types = ALL_TYPES
    parameters = Term
    charges = True
    buys_term = True
    done_twice = "a second item was probably bought"
    # Suspended: it was opened, and suspended before anybody looked.
    goal = frozenset({UpstreamStatus.ACTIVE, UpstreamStatus.SUSPENDED})
    sets_addons = True
    goal_proves_it = True
    correctable = True
    event = EventKind.OPENED
    status_by_hand = ServiceStatus.ACTIVE
    begins = True

    def outcome(self, row: Mapping[str, str], seen: Seen) -> bool | None:
        return False if seen.dead_end else super().outcome(row, seen)

    async def correct(self, operation: Operation, asked: Term, correction: Correction) -> None:
        """All that its order said."""
        service, parameters = correction.service, correction.parameters
        product_type = PRODUCT_TYPES[service.product_type]
        if correction.mapping is None:
            raise Refused("the catalogue does not map this plan any more; map it again first, or cancel the order")
        own = {name: value for name, value in parameters.items() if name != DOMAIN}
        checked = check_parameters(own, product_type, correction.mapping)
        if DOMAIN in parameters:
            try:
                service.name = check_name(product_type, parameters[DOMAIN])
            except ValueError as error:
                raise InvalidField(DOMAIN, str(error)) from error
            service.name_is_ours = False
        service.parameters = {**service.parameters, **checked}
        service.addons = {**service.addons, **correction.addons}

    def terms(self, job: Job) -> PriceTerms:
        return period_terms(job, renewing=False)

    async def steps(self, session: AsyncSession, service: Service, asked: Term) -> list[str]:
        plan = await session.get_one(TariffPlan, service.plan_id)
        details = [f"{name} {value}" for name, value in {**service.parameters, **service.addons}.items()]
        with_ = f", with {', '.join(details)}" if details else ""
        period = period_in_words(asked.months(service.period_months))
        return [f"Set up {plan.name} for {period}{with_}.", "See that it runs."]

    def new_term(self, asked: Term, service: Service) -> tuple[date, int] | None:
        months = asked.months(service.period_months)
        return (utc_now().date(), months) if months > 0 else None

    async def compare(self, ending: Ending) -> None:
        await show_real_cost(ending.session, ending.service, ending.operation, ending.snapshot)

    async def quote(self, job: Job, upstream: Upstream) -> Quote | None:
        return await upstream.quote(job.order_spec())

    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        obstacle = await self._check_earlier_request(database, job, upstream)
        if obstacle is not None:
            return obstacle
        spec = job.order_spec()
        plain = spec.model_dump(mode="json", exclude={"parameters", "extras", "addons"})
        fields = {name: str(value) for name, value in plain.items() if value is not None}
        fields |= {f"parameters.{name}": value for name, value in (spec.extras | spec.parameters).items()}
        fields |= {f"addons.{name}": value for name, value in spec.addons.items()}
        return Request(fields=fields, before=await self._notes(database, job, upstream))

    async def send(self, job: Job, upstream: Upstream) -> Sent:
        answer = await upstream.order(job.order_spec(), key=job.key, quote=job.named_quote)
        return Sent(answer.upstream_number, answer.unpaid)

    async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
        return await find_out(database, job, upstream, window)

    async def _check_earlier_request(self, database: Database, job: Job, upstream: Upstream) -> Obstacle | None:
        """Before a request is repeated: whatever an earlier one left behind must be known and out of the way."""
        if job.intent is None or not await ever_sent(database, job):
            return None
        obstacle = refused_before(job)
        if obstacle is not None:
            return obstacle
        found = await left_behind(database, job, upstream)
        if found.verdict is Verdict.NOT_DONE:
            return None
        if job.intent is not None:
            await keep_evidence(database, job.intent, found.evidence)
        # By an earlier request of this order, after all, or perhaps: to be settled, not sent again.
        reason = f"before it was sent again: {found.reason or _items(found.numbers)}"
        return Obstacle(SubmitResult(outcome=Submission.UNKNOWN, failure=FailureClass.EXISTS, reason=reason))

    async def _notes(self, database: Database, job: Job, upstream: Upstream) -> dict[str, list[str]]:
        """What is there before the first request. The poller knows it, unless it has not read the list of this type
        for a while, or never to its end; and where the mark alone may not distinguish the items of one name, its last
        look is not enough. Then the numbers are collected here."""
        watched = job.listed_at is not None and utc_now() - job.listed_at < WATCHED_LATELY
        distinguishable = job.service.name_is_ours or job.account.lists_return_mark is Knowledge.YES
        if watched and distinguishable:
            return notes_of_what_was_seen(job) | balance_before(job)
        product_type = job.service.product_type
        there = await (shared_numbers(upstream, product_type) if distinguishable else numbers(upstream, product_type))
        async with database.read() as session:
            return await notes_before(session, job, there) | balance_before(job)


def _items(numbers: tuple[str, ...]) -> str:
    return f"item {', '.join(numbers)} with our mark is at the upstream already"


OPERATION = Open()
