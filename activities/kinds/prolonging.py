"""Prolong: the expiry date tells whether it was done. The new one is the upstream's word, never our arithmetic."""

from datetime import date, timedelta

from activities.job import Job
from activities.kinds.base import Obstacle, Request, Sent
from activities.kinds.item import attention, item_number, judge_by_form, read
from models.database import Database
from models.enums import FailureClass, UpstreamStatus
from models.parameters import EXPIRES_BEFORE
from orders.settlement import Judgement
from upstreams.port import Quote, Upstream, UpstreamItem


class Prolonging:
    async def quote(self, job: Job, upstream: Upstream) -> Quote | None:
        quoted = await upstream.quote_prolong(job.service.product_type, item_number(job), job.upstream_period())
        return Quote(price=quoted.price or job.cost, unreadable=quoted.unreadable)

    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        item = await read(job, upstream)
        if item.status is UpstreamStatus.DELETED:
            return Obstacle(attention(f"item {item.number} is deleted at the upstream", FailureClass.REJECTED))
        before = item.expires_on.isoformat() if item.expires_on else ""
        return Request(
            fields={"elid": item.number, "period": str(job.upstream_period())},
            before={"expires_on": [before], "status": [item.status.name.lower()]},
            target={EXPIRES_BEFORE: before},
        )

    async def send(self, job: Job, upstream: Upstream) -> Sent:
        answer = await upstream.prolong(item_number(job), job.upstream_period())
        announced = answer.new_expires_on.isoformat() if answer.new_expires_on else ""
        return Sent(item_number(job), answer.unpaid, announced)

    async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
        before = job.operation.parameters.get(EXPIRES_BEFORE, "")

        def grown(item: UpstreamItem | None) -> bool:
            if item is None or item.expires_on is None:
                return False
            return not before or item.expires_on > date.fromisoformat(before)

        return await judge_by_form(job, upstream, window, grown)
