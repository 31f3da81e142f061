"""Setting values of an item's form: the values in the form afterwards show whether it was done."""

import logging
from collections.abc import Collection
from datetime import timedelta

from models.database import Database
from models.parameters import NO_RENEWAL, Values
from orders.operations.base import Obstacle, Request, Sent
from orders.operations.item import already_so, item_number, judge_by_form, read
from orders.operations.job import Job
from orders.operations.seen import Compared, Seen, differing
from orders.services.meaning import same_renewal, same_value
from orders.settlement.verdicts import Judgement
from upstreams.answers import Quote
from upstreams.errors import UpstreamError
from upstreams.port import Upstream, UpstreamItem

log = logging.getLogger(__name__)

RENEWAL = "renewal"
"""How what the upstream is to renew it by is called beside the fields."""


class SettingValues:
    """Values that cost or can be refused go first, and who renews goes last.

    So a refused change leaves the upstream as it was, and there is no time at which both renew. What the first call did
    is done, whatever becomes of the second: where that fails, the end of the operation asks for another one
    (`orders.operations.followups`).
    """

    async def quote(self, job: Job, upstream: Upstream) -> Quote | None:
        fields = _asked(job).fields
        if not fields:
            return None
        return await upstream.quote_parameters(job.service.product_type, item_number(job), fields)

    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        item = await read(job, upstream)
        missing = fields_missing(_asked(job), Seen.of_form(item))
        if not missing:
            return Obstacle(already_so(job, f"item {item.number} has these values already"))
        shown = item.raw | {RENEWAL: item.renewal or ""}
        before = {name: [shown.get(name, "")] for name in missing}
        return Request(fields={"item": item.number, **missing}, before=before)

    async def send(self, job: Job, upstream: Upstream) -> Sent:
        """What the form showed already, before this call, is not sent again: it may have been paid."""
        product_type, number = job.service.product_type, item_number(job)
        asked = _asked(job)
        missing: Collection[str] = asked.fields if job.intent is None else job.intent.before
        fields = {name: value for name, value in asked.fields.items() if name in missing}
        if not fields:
            await self._set_renewal(upstream, product_type, number, asked)
            return Sent(number)
        quote = job.named_quote if fields == asked.fields else ""  # it is of all that was asked for
        answer = await upstream.set_parameters(product_type, number, fields, key=job.key, quote=quote)
        if answer.unpaid is None:
            try:
                await self._set_renewal(upstream, product_type, number, asked)
            except UpstreamError as error:
                log.warning("operation %s: its values are set, but who renews is not: %s", job.number, error.message)
        return Sent(number, answer.unpaid)

    async def _set_renewal(self, upstream: Upstream, product_type: str, number: str, asked: Values) -> None:
        if asked.renewal is not None:
            period = None if asked.renewal == NO_RENEWAL else int(asked.renewal)
            await upstream.set_renewal(product_type, number, period)

    async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
        def has_values(item: UpstreamItem | None) -> bool:
            return item is not None and not not_shown(_asked(job), Seen.of_form(item))

        return await judge_by_form(job, upstream, window, has_values)


def not_shown(asked: Values, seen: Seen) -> str:
    """The values that were asked for and that the form does not show (yet), in words.

    Who renews is a call of its own, made after the rest is accepted; it is a proof only if nothing else was asked for.
    Values are compared by meaning: `4 GB` is 4, a name in punycode is the one in Unicode.
    """
    compared = [_compared(name, seen.form.get(name), value) for name, value in asked.fields.items()]
    if not compared and asked.renewal is not None:
        compared = [Compared(RENEWAL, seen.renewal, asked.renewal, same_renewal(seen.renewal, asked.renewal))]
    return differing(compared)


def fields_missing(asked: Values, seen: Seen) -> dict[str, str]:
    """Those whose values the form does not show (yet), who renews among them."""
    missing = {name: value for name, value in asked.fields.items() if not same_value(seen.form.get(name), value)}
    if asked.renewal is not None and not same_renewal(seen.renewal, asked.renewal):
        missing[RENEWAL] = asked.renewal
    return missing


def _asked(job: Job) -> Values:
    return Values.of(job.operation.parameters)


def _compared(name: str, shown: str | None, asked: str) -> Compared:
    return Compared(name, shown or "", asked, same_value(shown, asked))
