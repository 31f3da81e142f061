"""Set parameters and add-ons: the values that the form then shows tell."""

from datetime import timedelta

from activities.job import Job
from activities.kinds.base import Kind, Obstacle, Request, Sent
from activities.kinds.item import already_so, item_number, judge_by_form, read
from activities.kinds.secret import GivingSecret, NewKey, NewPassword
from models.database import Database
from models.parameters import NEW_KEY, NEW_PASSWORD
from orders.goals import NOTHING, Seen, differences
from orders.settlement import Judgement
from upstreams.port import Quote, Upstream, UpstreamItem

RENEWAL = "autoprolong"


class _SettingFields:
    async def quote(self, job: Job, upstream: Upstream) -> Quote | None:
        fields = _without_renewal(job)
        if not fields:
            return None
        return await upstream.quote_parameters(job.service.product_type, item_number(job), fields)

    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        item = await read(job, upstream)
        if self._is_so(job, item):
            return Obstacle(already_so(job, f"item {item.number} has these values already"))
        wanted = job.wanted_fields()
        before = {name: [item.raw.get(name, "")] for name in wanted}
        return Request(fields={"elid": item.number, **wanted}, before=before)

    async def send(self, job: Job, upstream: Upstream) -> Sent:
        product_type, number, fields = job.service.product_type, item_number(job), _without_renewal(job)
        renewal = job.wanted_fields().get(RENEWAL)
        if renewal is not None:  # first, because it costs nothing and may be repeated
            await upstream.set_autoprolong(product_type, number, None if renewal == NOTHING else int(renewal))
        if not fields:
            return Sent(number)
        answer = await upstream.set_parameters(product_type, number, fields)
        return Sent(number, answer.unpaid)

    async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
        def has_values(item: UpstreamItem | None) -> bool:
            return item is not None and self._is_so(job, item)

        return await judge_by_form(job, upstream, window, has_values)

    def _is_so(self, job: Job, item: UpstreamItem) -> bool:
        return not differences(job.operation.kind, job.operation.parameters, Seen.of_form(item))


class SettingParameters:
    """Values of the form, a new password, a new licence key: ways of one kind of operation."""

    def __init__(self) -> None:
        self._fields = _SettingFields()
        self._secrets = {NEW_PASSWORD: GivingSecret(NewPassword()), NEW_KEY: GivingSecret(NewKey())}

    async def quote(self, job: Job, upstream: Upstream) -> Quote | None:
        return await self._way(job).quote(job, upstream)

    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        return await self._way(job).prepare(database, job, upstream)

    async def send(self, job: Job, upstream: Upstream) -> Sent:
        return await self._way(job).send(job, upstream)

    async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
        return await self._way(job).find_out(database, job, upstream, window)

    def _way(self, job: Job) -> Kind:
        asked = job.operation.parameters
        return next((way for name, way in self._secrets.items() if name in asked), self._fields)


def _without_renewal(job: Job) -> dict[str, str]:
    """The upstream has a call of its own for who renews."""
    return {name: value for name, value in job.wanted_fields().items() if name != RENEWAL}
