"""A new password, or a new licence key: shown by the upstream only, kept nowhere here.

Nothing that can be read tells whether it was done. It costs nothing, so after a lost answer another one is sent.
"""

import secrets
from datetime import timedelta
from typing import Protocol

from pydantic import SecretStr

from activities.job import Job
from activities.kinds.base import Obstacle, Request, Sent
from activities.kinds.item import attention, item_number, judge_by_form, read
from activities.kinds.switching import SHORT_WINDOW
from models.database import Database
from models.enums import FailureClass, UpstreamStatus
from orders.settlement import Judgement
from upstreams.errors import Rejected
from upstreams.port import NotAllowed, Quote, Upstream

BYTES = 15


class Secret(Protocol):
    @property
    def fields(self) -> dict[str, str]:
        """What is sent, as far as it may be written down."""
        ...

    async def send(self, job: Job, upstream: Upstream) -> None: ...


class NewPassword:
    """Made up when it is sent."""

    @property
    def fields(self) -> dict[str, str]:
        return {"passwd": "(made up, kept nowhere)"}

    async def send(self, job: Job, upstream: Upstream) -> None:
        await upstream.change_password(item_number(job), SecretStr(secrets.token_urlsafe(BYTES)))


class NewKey:
    """Made by the upstream, perhaps later."""

    @property
    def fields(self) -> dict[str, str]:
        return {"clicked_button": "newkey"}

    async def send(self, job: Job, upstream: Upstream) -> None:
        await upstream.new_licence_key(job.service.product_type, item_number(job))


class GivingSecret:
    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    async def quote(self, job: Job, upstream: Upstream) -> Quote | None:
        return None

    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        item = await read(job, upstream)
        if item.status is UpstreamStatus.DELETED:
            return Obstacle(attention(f"item {item.number} is deleted at the upstream", FailureClass.REJECTED))
        return Request(fields={"elid": item.number, **self._secret.fields})

    async def send(self, job: Job, upstream: Upstream) -> Sent:
        try:
            await self._secret.send(job, upstream)
        except NotAllowed as refused:
            # Not a task for a person: nobody could be seen to have done it.
            raise Rejected(refused.message, function=refused.function, error_type=refused.error_type) from refused
        return Sent(item_number(job))

    async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
        return await judge_by_form(job, upstream, min(window, SHORT_WINDOW), lambda item: False)
