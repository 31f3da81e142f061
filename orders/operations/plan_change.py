"""Change of plan, where the upstream can do it by itself: the tariff that its form then shows tells."""

from datetime import timedelta

from models.database import Database
from models.enums import FailureClass, UpstreamStatus
from models.messages import Submission, SubmitResult
from models.parameters import BY_HAND
from orders.operations.base import Obstacle, Request, Sent
from orders.operations.goals import Seen, differences
from orders.operations.item import already_so, attention, item_number, judge_by_form, read
from orders.operations.job import Job
from orders.settlement.verdicts import Judgement
from upstreams.port import Quote, Upstream, UpstreamItem


class ChangingPlan:
    async def quote(self, job: Job, upstream: Upstream) -> Quote | None:
        quoted = await upstream.quote_plan_change(item_number(job), job.mapping.tariff, job.upstream_period())
        return Quote(price=quoted.price, unreadable=quoted.unreadable, foreign=quoted.foreign)

    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        item = await read(job, upstream)
        if self._is_so(job, item):
            return Obstacle(already_so(job, f"item {item.number} has tariff {item.tariff} already"))
        by_hand = job.operation.parameters.get(BY_HAND)
        if by_hand:
            return Obstacle(SubmitResult(outcome=Submission.MANUAL, reason=by_hand))
        if item.status is UpstreamStatus.DELETED:
            return Obstacle(attention(f"item {item.number} is deleted at the upstream", FailureClass.REJECTED))
        return Request(
            fields={"elid": item.number, "pricelist": job.mapping.tariff, "period": str(job.upstream_period())},
            before={"pricelist": [item.tariff]},
        )

    async def send(self, job: Job, upstream: Upstream) -> Sent:
        answer = await upstream.change_plan(item_number(job), job.mapping.tariff, job.upstream_period(), key=job.key)
        return Sent(item_number(job), answer.unpaid)

    async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
        def changed(item: UpstreamItem | None) -> bool:
            return item is not None and item.tariff == job.mapping.tariff

        return await judge_by_form(job, upstream, window, changed)

    def _is_so(self, job: Job, item: UpstreamItem) -> bool:
        return not differences(job.operation.kind, job.operation.parameters, Seen.of_form(item))
