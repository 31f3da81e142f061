"""Prolong: the expiry date shows whether it was done. The new one is the upstream's word, our arithmetic where it says
nothing."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.database import Database
from models.enums import (
    AtEndOfTerm,
    EventKind,
    FailureClass,
    IncidentKind,
    IntentState,
    OperationKind,
    Stage,
    UpstreamStatus,
)
from models.messages import Submission, SubmitResult
from models.order import Operation, Service
from models.parameters import Renewal
from models.periods import period_in_words
from models.product_types import ALL_TYPES
from orders.audit import OURSELVES
from orders.days import check_day
from orders.errors import Refused
from orders.incidents.conditions import end_one
from orders.money.expectation import period_terms
from orders.money.prices import PriceTerms
from orders.operations.base import Ending, Obstacle, OperationType, Request, Sent
from orders.operations.item import (
    already_so,
    attention,
    evidence_of_form,
    item_number,
    read,
    read_if_there,
    refused_before,
    status_at_rest,
)
from orders.operations.item import unknown_since as since
from orders.operations.job import Job
from orders.operations.requests import Charged, CheckedRequest, Option, Route, Rules
from orders.operations.seen import Seen
from orders.operations.term_guard import check_term, renewal_of
from orders.services import expiry, mappings
from orders.settlement.item_verdicts import Term, differs, judge_term
from orders.settlement.other_terms import report_other_term, show_real_cost
from orders.settlement.second_terms import report_second_term
from orders.settlement.verdicts import Judgement, Verdict
from orders.webhooks import outbox
from upstreams.answers import Quote
from upstreams.errors import UpstreamError
from upstreams.port import Upstream, UpstreamItem

AT_ONCE = timedelta(0)


class Prolongation(Charged):
    kind: ClassVar = OperationKind.PROLONG
    NOT_BOUGHT = frozenset({"expires_on"})

    period_months: Annotated[int, Option("--period", metavar="MONTHS", help="months; one of the plan's periods")] = (
        Field(strict=True, description="months; one of the plan's periods", examples=[1])
    )
    expires_on: Annotated[
        date | None,
        BeforeValidator(check_day),
        Option(metavar="DATE", help="the day on which its term ends; refused if that term is prolonged already"),
    ] = Field(
        default=None,
        description="the day on which its term ends, as you know it. If somebody prolongs this term already, or has "
        "done it, this request is refused (409), whatever its key",
    )

    def identity(self) -> dict[str, object]:
        """Where no term is named, what older versions have hashed."""
        found = super().identity()
        return found if self.expires_on is not None else {k: v for k, v in found.items() if k != "expires_on"}


class Prolong(OperationType[Prolongation, Renewal]):
    kind = OperationKind.PROLONG
    request_model = Prolongation
    product_types = ALL_TYPES
    parameters = Renewal
    charges = True
    buys_term = True
    done_twice = "the item was probably prolonged, and charged, twice"
    event = EventKind.PROLONGED
    if_silent = "ask the upstream what it was charged for"
    route = Route(
        path="/prolong",
        name="prolong_service",
        details="The new expiry date is the upstream's word; the service shows it when the operation is completed.\n\n"
        "Name the end of the term, `expires_on`, so that it is prolonged once although several of your programs ask "
        "for it, each with a key of its own.",
        present_participle="prolonging",
        bodies={
            "month": ("By a month", {"period_months": 1}),
            "limit": (
                "For at most 6.00 EUR",
                {"period_months": 1, "agreed_cost_limit": {"amount": "6.00", "currency": "EUR"}},
            ),
            "term": ("This term, once", {"period_months": 1, "expires_on": "2026-03-31"}),
        },
        parameters={"period_months": "1"},
        cost={"amount": "5.00", "currency": "EUR"},
    )

    async def check(self, session: AsyncSession, service: Service, asked: Prolongation, rules: Rules) -> CheckedRequest:
        mapping, period = await mappings.mapped_period(session, service, service.plan_id, asked.period_months)
        await mappings.check_prolongable(session, service, mapping, period)
        if service.at_end_of_term is AtEndOfTerm.CLOSE:
            raise Refused(
                f"service {service.id} is to be closed at the end of its term ({service.expires_on}); take that back "
                "first (renew: true)"
            )
        named = asked.expires_on
        if named is not None:
            expiry.check_expiry("expires_on", named)
            await check_term(session, service, named)
        title = f"Prolong service {service.id} by {period_in_words(asked.period_months)}"
        parameters = Renewal(period_months=asked.period_months, expires_on=named.isoformat() if named else None)
        return CheckedRequest(parameters, title, period.cost if period else None)

    def goes_before(self, running: Operation, service: Service) -> bool:
        """A service whose term is over is resumed by another term."""
        if running.kind is not OperationKind.RESUME:
            return False
        expired = service.expires_on is not None and service.expires_on < utc_now().date()
        return expired or running.stage is Stage.NEEDS_ATTENTION

    def is_met(self, asked: Renewal, seen: Seen) -> bool:
        before = asked.expires_on if asked.expires_before is None else asked.expires_before
        if before is None or seen.status is UpstreamStatus.PROCESSING or seen.expires_on is None:
            return False
        return not before or seen.expires_on > date.fromisoformat(before)

    def goal_proves_manual_work(self, asked: Renewal) -> bool:
        """The expiry before was noted when the task was opened; else `is_met` is false."""
        return True

    def missing(self, asked: Renewal, seen: Seen) -> str:
        return f"it ends on {seen.expires_on}, as before" if seen.expires_on is not None else ""

    def terms(self, job: Job) -> PriceTerms:
        return period_terms(job, renewing=True)

    async def steps(self, session: AsyncSession, service: Service, asked: Renewal) -> list[str]:
        return [
            f"Prolong it by {period_in_words(asked.months(service.period_months))}; it expires {service.expires_on}."
        ]

    def handed_over(self, row: dict[str, str], service: Service) -> dict[str, str]:
        """The poller sees it done, where there is an item."""
        if service.expires_on is None:
            return row
        return {**Renewal(expires_before=service.expires_on.isoformat()).row(), **row}

    def new_term(self, asked: Renewal, service: Service) -> tuple[date, int] | None:
        """None also where an item showed the new date before the person said that it is done."""
        before, months = asked.expires_before, asked.months(service.period_months)
        is_seen = bool(before) and service.expires_on is not None and service.expires_on.isoformat() > str(before)
        return None if is_seen or months <= 0 else (service.expires_on or utc_now().date(), months)

    async def apply(self, ending: Ending, asked: Renewal) -> None:
        ended = asked.expires_on or asked.expires_before
        if not ended:
            return
        about = renewal_of(ending.service.id, ended)
        await end_one(ending.session, IncidentKind.RENEWAL_FAILED, about)
        if ending.operation.actor == OURSELVES:
            outbox.renewal_done(ending.session, ending.service, ending.operation, utc_now().date())

    async def compare(self, ending: Ending) -> None:
        announced = _date(self.asked(ending.operation).expires_announced)
        as_announced = announced is not None and not differs(announced, ending.service.expires_on)
        if not as_announced and not await report_second_term(ending.session, ending.service):
            await report_other_term(ending.session, ending.service, ending.operation)
        await show_real_cost(ending.session, ending.service, ending.operation, ending.snapshot)

    async def quote(self, job: Job, upstream: Upstream) -> Quote | None:
        return await upstream.quote_prolong(job.service.product_type, item_number(job), job.upstream_period())

    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        obstacle = refused_before(job)
        if obstacle is not None:
            return obstacle
        item = await read(job, upstream)
        if item.status is UpstreamStatus.DELETED:
            return Obstacle(attention(f"item {item.number} is deleted at the upstream", FailureClass.REJECTED))
        asked = self.asked(job.operation)
        if not _has_history(job) and _is_over(asked, item):
            reason = (
                f"item {item.number} ends on {item.expires_on}: its term until {asked.expires_on} is prolonged already"
            )
            return Obstacle(already_so(job, reason))
        if _has_history(job):
            # An earlier call counts as not done. What has happened to the item since may be its late effect.
            found = judge_term(_term(job, item, AT_ONCE))
            if found.verdict in (Verdict.DONE, Verdict.CANNOT_TELL):
                return Obstacle(
                    SubmitResult(outcome=Submission.UNKNOWN, failure=FailureClass.EXISTS, reason=found.reason)
                )
        target = _kept(job) or await self._notes(job, item, upstream)
        return Request(
            fields={"item": item.number, "period": str(job.upstream_period())},
            before={"expires_on": [target.expires_before or ""], "status": [item.status.name.lower()]},
            target=target.row(),
        )

    async def send(self, job: Job, upstream: Upstream) -> Sent:
        answer = await upstream.prolong(item_number(job), job.upstream_period(), key=job.key, quote=job.named_quote)
        announced = answer.new_expires_on.isoformat() if answer.new_expires_on else ""
        return Sent(item_number(job), answer.unpaid, announced=announced)

    async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
        found = await read_if_there(job, upstream)
        evidence = evidence_of_form(job, found) | {"announced": self.asked(job.operation).expires_announced or ""}
        if found is None or found.status is UpstreamStatus.DELETED:
            number = item_number(job)
            return Judgement(Verdict.CANNOT_TELL, (number,), f"item {number} does not exist any more", evidence)
        return replace(judge_term(_term(job, found, window)), evidence=evidence)

    async def _notes(self, job: Job, item: UpstreamItem, upstream: Upstream) -> Renewal:
        """What shows later whether it was done: the expiry now, and where the renewal form says that it leads."""
        before = item.expires_on.isoformat() if item.expires_on else ""
        notes = Renewal(expires_before=before, expires_announced="")
        if job.capabilities.holds_quotes:
            return notes  # its quotes are for the request, and announce no date
        try:
            quoted = await upstream.quote_prolong(job.service.product_type, item.number, job.upstream_period())
        except UpstreamError:
            return notes  # the request itself will say what is wrong; the calendar has to do
        # An announcement made from another expiry than the form's is none.
        fits = quoted.expires_on is None or quoted.expires_on == item.expires_on
        if quoted.new_expires_on is None or not fits:
            return notes
        return notes.model_copy(update={"expires_announced": quoted.new_expires_on.isoformat()})


def _has_history(job: Job) -> bool:
    """An earlier call of this operation may have reached the upstream, and no person has vouched for it since."""
    return (
        job.intent is not None
        and not job.intent.never_left
        and job.intent.state is not IntentState.ABANDONED
        and Renewal.of(job.operation.parameters).expires_before is not None
    )


def _is_over(asked: Renewal, item: UpstreamItem) -> bool:
    """Somebody else has prolonged the term that was named: the upstream, its staff, or an operation before this one."""
    named = _date(asked.expires_on)
    return named is not None and item.expires_on is not None and item.expires_on > named


def _kept(job: Job) -> Renewal | None:
    """The notes of the first attempt, which those that follow are judged by, too."""
    if not _has_history(job):
        return None
    asked = Renewal.of(job.operation.parameters)
    return Renewal(expires_before=asked.expires_before, expires_announced=asked.expires_announced or "")


def _term(job: Job, item: UpstreamItem, window: timedelta) -> Term:
    asked = Renewal.of(job.operation.parameters)
    return Term(
        number=item.number,
        before=_date(asked.expires_before),
        announced=_date(asked.expires_announced),
        months=asked.months(job.service.period_months) if job.upstream_period() > 0 else 0,
        sent_on=job.intent.created_at.date() if job.intent is not None else utc_now().date(),
        shown=item.expires_on,
        status=status_at_rest(item),
        unknown_since=since(job),
        now=utc_now(),
        window=window,
        anchor_day=job.service.anchor_day,
        requests=job.intent.attempt if job.intent is not None else 1,
    )


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


OPERATION = Prolong()
