"""What operations on an existing item have in common: its form is read before, and shows afterwards what was done."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from models.columns import utc_now
from models.enums import FailureClass, UpstreamStatus
from models.messages import Submission, SubmitResult
from models.public_words import public
from models.untrusted_text import shortened
from orders.operations.base import Obstacle
from orders.operations.job import Job
from orders.settlement.item_verdicts import State, judge_state
from orders.settlement.verdicts import Judgement
from upstreams.errors import NoSuchItem, SetupFault
from upstreams.port import Upstream, UpstreamItem

TARIFF = public("tariff")
"""The tariff before, in what an intent notes and in its evidence. It is in rows, and seen by people."""


def item_number(job: Job) -> str:
    """Raises SetupFault for a service that was never tied to an item."""
    if not job.service.upstream_number:
        raise SetupFault(f"service {job.service.id} has no item at the upstream; link it first")
    return job.service.upstream_number


async def read(job: Job, upstream: Upstream) -> UpstreamItem:
    return await upstream.read_item(job.service.product_type, item_number(job))


def already_so(job: Job, reason: str) -> SubmitResult:
    """Nothing needs to be sent: the upstream is as it should be."""
    return SubmitResult(outcome=Submission.ALREADY, upstream_number=item_number(job), reason=reason)


def attention(reason: str, failure: FailureClass) -> SubmitResult:
    return SubmitResult(outcome=Submission.ATTENTION, reason=reason, failure=failure)


def refused_before(job: Job) -> Obstacle | None:
    """An upstream may say no and do it all the same: before the request is sent again it is looked up, as after a lost
    answer. None: there was no such answer, or it is proven by now that nothing was done."""
    if job.intent is None or not job.intent.was_refused:
        return None
    reason = (
        f"the upstream refused it ({shortened(job.intent.message, 200)}); Resellflow looks for proof that nothing was "
        "done before it sends again"
    )
    return Obstacle(SubmitResult(outcome=Submission.UNKNOWN, failure=job.intent.failure_class, reason=reason))


def unknown_since(job: Job) -> datetime:
    """When the outcome of the latest call became unknown."""
    if job.intent is None:
        return utc_now()
    return job.intent.unknown_since or job.intent.created_at


def evidence_of_form(job: Job, found: UpstreamItem | None) -> dict[str, object]:
    """What the item's form showed, for people to read."""
    if found is None:
        return {"form": f"item {item_number(job)} does not exist"}
    return {
        "form": {
            "number": found.number,
            "status": found.status.name.lower(),
            "expires_on": found.expires_on.isoformat() if found.expires_on else "",
            TARIFF: found.tariff,
        },
        "before": dict(job.intent.before) if job.intent is not None else {},
    }


async def read_if_there(job: Job, upstream: Upstream) -> UpstreamItem | None:
    try:
        return await read(job, upstream)
    except NoSuchItem:
        return None


def status_at_rest(item: UpstreamItem) -> UpstreamStatus:
    """Its status; `processing` while the upstream has something about it under way: what is not shown yet proves
    nothing then."""
    return UpstreamStatus.PROCESSING if item.at_work else item.status


async def judge_by_form(
    job: Job, upstream: Upstream, window: timedelta, done: Callable[[UpstreamItem | None], bool]
) -> Judgement:
    """Done, not done after the window, or still being worked on: by what the item's form shows."""
    found = await read_if_there(job, upstream)
    before = job.intent.before.get(TARIFF, []) if job.intent is not None else []
    state = State(
        number=item_number(job),
        status=status_at_rest(found) if found is not None else None,
        done=done(found),
        tariff_before=before[0] if before else "",
        tariff=found.tariff if found is not None else "",
        unknown_since=unknown_since(job),
        now=utc_now(),
        window=window,
    )
    return replace(judge_state(state), evidence=evidence_of_form(job, found))
