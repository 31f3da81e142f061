"""Suspend, resume, close: the status tells. Read first, sent only when needed; sending twice would cost nothing."""

from datetime import timedelta
from typing import Literal

from models.columns import utc_now
from models.database import Database
from models.enums import FailureClass, UpstreamStatus
from orders.operations.base import Obstacle, Request, Sent
from orders.operations.item import already_so, attention, item_number, judge_by_form, read
from orders.operations.job import Job
from orders.services.expiry import is_implausible
from orders.services.periods import expired
from orders.settlement.verdicts import Judgement
from upstreams.errors import NoSuchItem
from upstreams.port import Quote, Upstream, UpstreamItem

SHORT_WINDOW = timedelta(seconds=10)
"""These cost nothing, so absence need not be proven for as long as a charge would ask for."""


def is_over(item: UpstreamItem) -> bool:
    """Its term has ended, and that is why it is suspended or could be."""
    return (
        item.status is UpstreamStatus.SUSPENDED
        and item.expires_on is not None
        and item.expires_on < utc_now().date()
        and not is_implausible(item.expires_on)
    )


class Switching:
    def __init__(self, call: Literal["suspend", "resume", "delete"], wanted: UpstreamStatus) -> None:
        self._call = call
        self._wanted = wanted

    async def quote(self, job: Job, upstream: Upstream) -> Quote | None:
        return None

    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        try:
            item: UpstreamItem | None = await read(job, upstream)
        except NoSuchItem:
            item = None
        if self._is_so(item):
            return Obstacle(already_so(job, f"item {item_number(job)} is {self._wanted.name.lower()} already"))
        if item is None or item.status is UpstreamStatus.DELETED:
            return Obstacle(attention(f"item {item_number(job)} is deleted at the upstream", FailureClass.REJECTED))
        if self._call == "resume" and is_over(item):
            reason = f"item {item.number} {expired(str(item.expires_on))}"
            return Obstacle(attention(reason, FailureClass.REJECTED))
        return Request(fields={"elid": item.number, "call": self._call}, before={"status": [item.status.name.lower()]})

    async def send(self, job: Job, upstream: Upstream) -> Sent:
        number = item_number(job)
        match self._call:
            case "suspend":
                await upstream.suspend(job.service.product_type, number, key=job.key)
            case "resume":
                await upstream.resume(job.service.product_type, number, key=job.key)
            case "delete":
                await upstream.delete(job.service.product_type, number, key=job.key)
        return Sent(number)

    async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
        return await judge_by_form(job, upstream, min(window, SHORT_WINDOW), self._is_so)

    def _is_so(self, item: UpstreamItem | None) -> bool:
        if item is None:
            return self._wanted is UpstreamStatus.DELETED
        return item.status is self._wanted
