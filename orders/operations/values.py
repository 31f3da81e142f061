"""Setting values of an item's form: the values that it then shows tell whether it was done."""

import logging
from collections.abc import Collection
from datetime import timedelta

from models.database import Database
from models.parameters import Values
from orders.operations.base import Obstacle, Request, Sent
from orders.operations.item import already_so, item_number, judge_by_form, read
from orders.operations.job import Job
from orders.operations.seen import Compared, Seen, differing
from orders.services.meaning import RENEWAL_FIELD, is_no, same_value
from orders.settlement.verdicts import Judgement
from upstreams.errors import UpstreamError
from upstreams.port import Quote, Upstream, UpstreamItem

log = logging.getLogger(__name__)


class SettingValues:
    """Values that cost or can be refused go first, and who renews goes last.

    So a refused change leaves the upstream as it was, and there is no time at which both renew. What the first call did
    is done, whatever becomes of the second: where that fails, the end of the operation asks for another one
    (`orders.operations.followups`).
    """

    async def quote(self, job: Job, upstream: Upstream) -> Quote | None:
        fields = _without_renewal(_asked(job).fields)
        if not fields:
            return None
        return await upstream.quote_parameters(job.service.product_type, item_number(job), fields)

    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        item = await read(job, upstream)
        missing = fields_missing(_asked(job), Seen.of_form(item))
        if not missing:
            return Obstacle(already_so(job, f"item {item.number} has these values already"))
        before = {name: [item.raw.get(name, "")] for name in missing}
        return Request(fields={"elid": item.number, **missing}, before=before)

    async def send(self, job: Job, upstream: Upstream) -> Sent:
        """What the form showed already, before this call, is not sent again: it may have been paid."""
        product_type, number = job.service.product_type, item_number(job)
        asked = _asked(job).fields
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
            return item is not None and not not_shown(_asked(job), Seen.of_form(item))

        return await judge_by_form(job, upstream, window, has_values)


def not_shown(asked: Values, seen: Seen) -> str:
    """What of the values that tell whether it was done the form does not show (yet), in words.

    Who renews is a call of its own, made after the rest is accepted; it tells only where nothing else was asked for.
    Values are compared by meaning: `4 GB` is 4, a name in punycode is the one in Unicode.
    """
    telling = _without_renewal(asked.fields) or asked.fields
    found = ((name, value, seen.form.get(name)) for name, value in telling.items())
    return differing(Compared(name, shown or "", value, same_value(name, shown, value)) for name, value, shown in found)


def fields_missing(asked: Values, seen: Seen) -> dict[str, str]:
    """Those whose values the form does not show (yet), who renews among them."""
    return {name: value for name, value in asked.fields.items() if not same_value(name, seen.form.get(name), value)}


def _asked(job: Job) -> Values:
    return Values.of(job.operation.parameters)


def _without_renewal(fields: dict[str, str]) -> dict[str, str]:
    """The upstream has a call of its own for who renews."""
    return {name: value for name, value in fields.items() if name != RENEWAL_FIELD}
