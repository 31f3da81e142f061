"""Set parameters and add-ons: the values that the form then shows tell."""

import logging
from collections.abc import Collection
from datetime import timedelta

from models.database import Database
from models.parameters import NEW_KEY, NEW_PASSWORD
from orders.operations.base import Kind, Obstacle, Request, Sent
from orders.operations.goals import Seen, differences, fields_missing
from orders.operations.item import already_so, item_number, judge_by_form, read
from orders.operations.job import Job
from orders.operations.secret import GivingSecret, NewKey, NewPassword
from orders.services.meaning import RENEWAL_FIELD, is_no
from orders.settlement.verdicts import Judgement
from upstreams.errors import UpstreamError
from upstreams.port import Quote, Upstream, UpstreamItem

log = logging.getLogger(__name__)


class _SettingFields:
    """Values that cost or can be refused go first, and who renews goes last.

    So a refused change leaves the upstream as it was, and there is no time at which both renew. What the first call did
    is done, whatever becomes of the second: where that fails, the end of the operation asks for another one
    (`orders.lifecycle.followups`).
    """

    async def quote(self, job: Job, upstream: Upstream) -> Quote | None:
        fields = _without_renewal(job.wanted_fields())
        if not fields:
            return None
        return await upstream.quote_parameters(job.service.product_type, item_number(job), fields)

    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        item = await read(job, upstream)
        missing = fields_missing(job.operation.parameters, Seen.of_form(item))
        if not missing:
            return Obstacle(already_so(job, f"item {item.number} has these values already"))
        before = {name: [item.raw.get(name, "")] for name in missing}
        return Request(fields={"elid": item.number, **missing}, before=before)

    async def send(self, job: Job, upstream: Upstream) -> Sent:
        """What the form showed already, before this call, is not sent again: it may have been paid."""
        product_type, number = job.service.product_type, item_number(job)
        asked = job.wanted_fields()
        missing: Collection[str] = asked if job.intent is None else job.intent.before
        fields = {name: value for name, value in _without_renewal(asked).items() if name in missing}
        renewal = asked.get(RENEWAL_FIELD)
        if not fields:
            if renewal is not None:
                await self._set_renewal(upstream, product_type, number, renewal)
            return Sent(number)
        answer = await upstream.set_parameters(product_type, number, fields, key=job.key)
        if renewal is not None and answer.unpaid is None:
            try:
                await self._set_renewal(upstream, product_type, number, renewal)
            except UpstreamError as error:
                log.warning("operation %s: its values are set, who renews is not: %s", job.number, error.message)
        return Sent(number, answer.unpaid)

    async def _set_renewal(self, upstream: Upstream, product_type: str, number: str, renewal: str) -> None:
        await upstream.set_renewal(product_type, number, None if is_no(renewal) else int(renewal))

    async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
        def has_values(item: UpstreamItem | None) -> bool:
            return item is not None and not differences(
                job.operation.kind, job.operation.parameters, Seen.of_form(item)
            )

        return await judge_by_form(job, upstream, window, has_values)


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


def _without_renewal(fields: dict[str, str]) -> dict[str, str]:
    """The upstream has a call of its own for who renews."""
    return {name: value for name, value in fields.items() if name != RENEWAL_FIELD}
