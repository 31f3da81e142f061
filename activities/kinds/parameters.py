"""Set parameters and add-ons: the values that the form then shows tell."""

from datetime import timedelta

from activities.job import Job
from activities.kinds.base import Obstacle, Request, Sent
from activities.kinds.item import already_so, item_number, judge_by_form, read
from models.database import Database
from models.money import Money
from orders.settlement import Judgement
from upstreams.port import Upstream, UpstreamItem


class SettingParameters:
    async def quote(self, job: Job, upstream: Upstream) -> Money | None:
        return await upstream.quote_parameters(job.service.product_type, item_number(job), job.wanted_fields())

    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        item = await read(job, upstream)
        wanted = job.wanted_fields()
        if self._is_so(item, wanted):
            return Obstacle(already_so(job, f"item {item.number} has these values already"))
        before = {name: [item.raw.get(name, "")] for name in wanted}
        return Request(fields={"elid": item.number, **wanted}, before=before)

    async def send(self, job: Job, upstream: Upstream) -> Sent:
        answer = await upstream.set_parameters(job.service.product_type, item_number(job), job.wanted_fields())
        return Sent(item_number(job), answer.billorder or "")

    async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
        wanted = job.wanted_fields()

        def has_values(item: UpstreamItem | None) -> bool:
            return item is not None and self._is_so(item, wanted)

        return await judge_by_form(job, upstream, window, has_values)

    def _is_so(self, item: UpstreamItem, wanted: dict[str, str]) -> bool:
        return all(item.raw.get(name) == value for name, value in wanted.items())
