"""Open: the set-up request. There is no item yet; afterwards it is known by our mark (activities.lookup)."""

import asyncio
from datetime import timedelta

from activities.job import Job, load_job
from activities.kinds.base import Obstacle, Request, Sent
from activities.kinds.item import attention
from activities.leftovers import remove_unpaid
from activities.lookup import ever_sent, find_out, leftover_of
from models.columns import utc_now
from models.database import Database
from models.enums import FailureClass, Knowledge, UpstreamStatus
from models.messages import Submission, SubmitResult
from orders.settlement import Judgement
from upstreams.port import Quote, Upstream

REFUSAL_QUIET = timedelta(seconds=5)
"""After a refusal for want of money nothing is sent for so long: the upstream may list an unpaid remainder late."""


class Opening:
    async def quote(self, job: Job, upstream: Upstream) -> Quote | None:
        return await upstream.quote(job.order_spec())

    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        obstacle = await self._clear_the_way(database, job, upstream)
        if obstacle is not None:
            return obstacle
        job = await load_job(database, job.number)  # its mark may be a new one now
        spec = job.order_spec()
        plain = spec.model_dump(mode="json", exclude={"parameters", "addons"})
        fields = {name: str(value) for name, value in plain.items() if value is not None}
        fields |= {f"parameters.{name}": value for name, value in spec.parameters.items()}
        fields |= {f"addons.{name}": value for name, value in spec.addons.items()}
        return Request(fields=fields, before=await self._same_name(job, upstream))

    async def send(self, job: Job, upstream: Upstream) -> Sent:
        answer = await upstream.order(job.order_spec())
        return Sent(answer.upstream_number, answer.unpaid)

    async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
        return await find_out(database, job, upstream, window)

    async def _clear_the_way(self, database: Database, job: Job, upstream: Upstream) -> Obstacle | None:
        """Before a request is repeated: whatever an earlier one left behind must be known and out of the way."""
        if job.intent is None or not await ever_sent(database, job):
            return None
        if job.intent.failure_class is FailureClass.FUNDS and job.intent.settled_at is not None:
            quiet = job.intent.settled_at + REFUSAL_QUIET - utc_now()
            await asyncio.sleep(max(0.0, quiet.total_seconds()))
        found = await leftover_of(database, job, upstream)
        if found is None:
            return None
        unpaid = found.status is UpstreamStatus.ORDERED and job.intent.failure_class is FailureClass.FUNDS
        if not unpaid:
            # Done after all, by an earlier request of this order: to be adopted, not sent again.
            reason = f"item {found.number} with our mark is at the upstream already"
            return Obstacle(SubmitResult(outcome=Submission.UNKNOWN, failure=FailureClass.EXISTS, reason=reason))
        if await remove_unpaid(database, job, upstream, found.number):
            return None
        reason = f"item {found.number}, ordered and unpaid, is left at the upstream and can't be removed"
        return Obstacle(attention(reason, FailureClass.EXISTS))

    async def _same_name(self, job: Job, upstream: Upstream) -> dict[str, list[str]]:
        """Numbers that carry the name already. Only asked for where the mark alone may not tell them apart later."""
        if job.service.name_is_ours or job.account.lists_return_mark is Knowledge.YES:
            return {}
        listing = await upstream.list_items(job.service.product_type)
        return {"same_name": [item.number for item in listing.items if item.name == job.service.name]}
