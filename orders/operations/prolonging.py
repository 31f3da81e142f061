"""Prolong: the expiry date tells whether it was done. The new one is the upstream's word, our arithmetic where it says
nothing."""

from dataclasses import replace
from datetime import date, timedelta

from models.columns import utc_now
from models.database import Database
from models.enums import FailureClass, IntentState, UpstreamStatus
from models.messages import Submission, SubmitResult
from models.parameters import EXPIRES_ANNOUNCED, EXPIRES_BEFORE, PERIOD_MONTHS
from orders.operations.base import Obstacle, Request, Sent
from orders.operations.item import attention, evidence_of_form, item_number, read, read_if_there, told_no_before
from orders.operations.item import unknown_since as since
from orders.operations.job import Job
from orders.settlement.item_verdicts import Term, judge_term
from orders.settlement.verdicts import Judgement, Verdict
from upstreams.errors import UpstreamError
from upstreams.port import Quote, Upstream, UpstreamItem

AT_ONCE = timedelta(0)


class Prolonging:
    async def quote(self, job: Job, upstream: Upstream) -> Quote | None:
        quoted = await upstream.quote_prolong(job.service.product_type, item_number(job), job.upstream_period())
        return Quote(price=quoted.price, unreadable=quoted.unreadable, foreign=quoted.foreign)

    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        obstacle = told_no_before(job)
        if obstacle is not None:
            return obstacle
        item = await read(job, upstream)
        if item.status is UpstreamStatus.DELETED:
            return Obstacle(attention(f"item {item.number} is deleted at the upstream", FailureClass.REJECTED))
        if _has_history(job):
            # An earlier call counts as not done. What has happened to the item since may be its late effect.
            found = judge_term(_term(job, item, AT_ONCE))
            if found.verdict in (Verdict.DONE, Verdict.CANNOT_TELL):
                return Obstacle(
                    SubmitResult(outcome=Submission.UNKNOWN, failure=FailureClass.EXISTS, reason=found.reason)
                )
        target = _kept(job) or await self._notes(job, item, upstream)
        return Request(
            fields={"elid": item.number, "period": str(job.upstream_period())},
            before={"expires_on": [target[EXPIRES_BEFORE]], "status": [item.status.name.lower()]},
            target=target,
        )

    async def send(self, job: Job, upstream: Upstream) -> Sent:
        answer = await upstream.prolong(item_number(job), job.upstream_period(), key=job.key)
        announced = answer.new_expires_on.isoformat() if answer.new_expires_on else ""
        return Sent(item_number(job), answer.unpaid, announced=announced)

    async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
        found = await read_if_there(job, upstream)
        evidence = evidence_of_form(job, found) | {"announced": job.operation.parameters.get(EXPIRES_ANNOUNCED, "")}
        if found is None or found.status is UpstreamStatus.DELETED:
            number = item_number(job)
            return Judgement(Verdict.CANNOT_TELL, (number,), f"item {number} does not exist any more", evidence)
        return replace(judge_term(_term(job, found, window)), evidence=evidence)

    async def _notes(self, job: Job, item: UpstreamItem, upstream: Upstream) -> dict[str, str]:
        """What tells later whether it was done: the expiry now, and where the renewal form says that it leads."""
        notes = {EXPIRES_BEFORE: item.expires_on.isoformat() if item.expires_on else "", EXPIRES_ANNOUNCED: ""}
        try:
            quoted = await upstream.quote_prolong(job.service.product_type, item.number, job.upstream_period())
        except UpstreamError:
            return notes  # the request itself will say what is wrong; the calendar has to do
        # An announcement made from another expiry than the form's is none.
        fits = quoted.expires_on is None or quoted.expires_on == item.expires_on
        if quoted.new_expires_on is not None and fits:
            notes[EXPIRES_ANNOUNCED] = quoted.new_expires_on.isoformat()
        return notes


def _has_history(job: Job) -> bool:
    """An earlier call of this operation may have reached the upstream, and no person has vouched for it since."""
    return (
        job.intent is not None
        and not job.intent.never_left
        and job.intent.state is not IntentState.ABANDONED
        and EXPIRES_BEFORE in job.operation.parameters
    )


def _kept(job: Job) -> dict[str, str]:
    """The notes of the first attempt, which those that follow are judged by, too."""
    if not _has_history(job):
        return {}
    asked = job.operation.parameters
    return {name: asked.get(name, "") for name in (EXPIRES_BEFORE, EXPIRES_ANNOUNCED)}


def _term(job: Job, item: UpstreamItem, window: timedelta) -> Term:
    asked = job.operation.parameters
    months = int(asked.get(PERIOD_MONTHS, job.service.period_months)) if job.upstream_period() > 0 else 0
    return Term(
        number=item.number,
        before=_date(asked.get(EXPIRES_BEFORE, "")),
        announced=_date(asked.get(EXPIRES_ANNOUNCED, "")),
        months=months,
        sent_on=job.intent.created_at.date() if job.intent is not None else utc_now().date(),
        shown=item.expires_on,
        status=item.status,
        unknown_since=since(job),
        now=utc_now(),
        window=window,
        anchor_day=job.service.anchor_day,
    )


def _date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
