"""Open: the set-up request. There is no item yet; afterwards it is known by our mark (orders.settlement.lookup)."""

from datetime import timedelta

from models.columns import utc_now
from models.database import Database
from models.enums import FailureClass, Knowledge
from models.messages import Submission, SubmitResult
from orders.operations.base import Obstacle, Request, Sent
from orders.operations.item import told_no_before
from orders.operations.job import Job
from orders.operations.numbers import numbers, shared_numbers
from orders.settlement.gathering import notes_before, notes_of_what_was_seen
from orders.settlement.leftovers import balance_before
from orders.settlement.lookup import ever_sent, find_out, keep_evidence, left_behind
from orders.settlement.verdicts import Judgement, Verdict
from upstreams.port import Quote, Upstream

WATCHED_LATELY = timedelta(minutes=2)
"""What the poller saw last is taken for what is there, if it has read the account so lately."""


class Opening:
    async def quote(self, job: Job, upstream: Upstream) -> Quote | None:
        return await upstream.quote(job.order_spec())

    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        obstacle = await self._clear_the_way(database, job, upstream)
        if obstacle is not None:
            return obstacle
        spec = job.order_spec()
        plain = spec.model_dump(mode="json", exclude={"parameters", "extras", "addons"})
        fields = {name: str(value) for name, value in plain.items() if value is not None}
        fields |= {f"parameters.{name}": value for name, value in (spec.extras | spec.parameters).items()}
        fields |= {f"addons.{name}": value for name, value in spec.addons.items()}
        return Request(fields=fields, before=await self._notes(database, job, upstream))

    async def send(self, job: Job, upstream: Upstream) -> Sent:
        answer = await upstream.order(job.order_spec(), key=job.key)
        return Sent(answer.upstream_number, answer.unpaid)

    async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
        return await find_out(database, job, upstream, window)

    async def _clear_the_way(self, database: Database, job: Job, upstream: Upstream) -> Obstacle | None:
        """Before a request is repeated: whatever an earlier one left behind must be known and out of the way."""
        if job.intent is None or not await ever_sent(database, job):
            return None
        obstacle = told_no_before(job)
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
        for a while, or never to its end; and where the mark alone may not tell the items of one name apart, its last
        look is not enough. Then the numbers are collected here."""
        watched = job.listed_at is not None and utc_now() - job.listed_at < WATCHED_LATELY
        told_apart = job.service.name_is_ours or job.account.lists_return_mark is Knowledge.YES
        if watched and told_apart:
            return notes_of_what_was_seen(job) | balance_before(job)
        kind = job.service.product_type
        there = await (shared_numbers(upstream, kind) if told_apart else numbers(upstream, kind))
        async with database.read() as session:
            return await notes_before(session, job, there) | balance_before(job)


def _items(numbers: tuple[str, ...]) -> str:
    return f"item {', '.join(numbers)} with our mark is at the upstream already"
