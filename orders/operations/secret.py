"""A new password, or a new licence key: shown by the upstream only, kept nowhere here.

A request for it is refused if this kind of upstream lacks the capability (`orders.operations.set_parameters`).
Nothing that can be read shows whether it was done. It costs nothing, so after a lost answer another one is sent, once;
if that answer is lost, too, a person has to look.
"""

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

from pydantic import SecretStr
from sqlmodel import col, select

from models.database import Database
from models.enums import FailureClass, IntentState, UpstreamStatus
from models.order import Intent
from orders.operations.base import Obstacle, Request, Sent
from orders.operations.item import attention, item_number, judge_by_form, read
from orders.operations.job import Job
from orders.operations.switching import SHORT_WINDOW
from orders.settlement.verdicts import Judgement, Verdict
from upstreams.answers import Quote
from upstreams.errors import NotAllowed, Rejected
from upstreams.port import Upstream

BYTES = 15
SENT_AT_MOST = 2
"""Requests without any answer, at most; then a person has to look."""


class Secret(Protocol):
    @property
    def name(self) -> str:
        """What it is, in words."""
        ...

    @property
    def fields(self) -> dict[str, str]:
        """What is sent, as far as it may be written down."""
        ...

    async def send(self, job: Job, upstream: Upstream) -> None: ...


class NewPassword:
    """Made up when it is sent."""

    name = "a new password"

    @property
    def fields(self) -> dict[str, str]:
        return {"password": "(made up, kept nowhere)"}

    async def send(self, job: Job, upstream: Upstream) -> None:
        await upstream.change_password(item_number(job), SecretStr(secrets.token_urlsafe(BYTES)))


class NewKey:
    """Made by the upstream, perhaps later."""

    name = "a new licence key"

    @property
    def fields(self) -> dict[str, str]:
        return {"licence_key": "new"}

    async def send(self, job: Job, upstream: Upstream) -> None:
        await upstream.new_licence_key(job.service.product_type, item_number(job), key=job.key)


class GivingSecret:
    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    async def quote(self, job: Job, upstream: Upstream) -> Quote | None:
        return None

    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        item = await read(job, upstream)
        if item.status is UpstreamStatus.DELETED:
            return Obstacle(attention(f"item {item.number} is deleted at the upstream", FailureClass.REJECTED))
        return Request(fields={"item": item.number, **self._secret.fields})

    async def send(self, job: Job, upstream: Upstream) -> Sent:
        try:
            await self._secret.send(job, upstream)
        except NotAllowed as refused:
            # Not a task for a person: nobody could be seen to have done it.
            raise Rejected(refused.message, function=refused.function, error_type=refused.error_type) from refused
        return Sent(item_number(job))

    async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
        judgement = await judge_by_form(job, upstream, min(window, SHORT_WINDOW), lambda item: False)
        sent = await _times_unanswered(database, job)
        if not sent and judgement.verdict is Verdict.WAIT:
            reason = "every request was refused, so the item is worked on for something else"
            return replace(judgement, verdict=Verdict.NOT_DONE, reason=reason)
        if judgement.verdict is not Verdict.NOT_DONE:
            return judgement
        evidence = judgement.evidence | {"sent": sent}
        if sent < SENT_AT_MOST:
            reason = "nothing shows whether it was done; it costs nothing, so it is sent once more"
            return replace(judgement, reason=reason, evidence=evidence)
        words = (
            f"{self._secret.name} was requested {sent} times and no answer came, so it may have been made: look at "
            f"item {item_number(job)} at the upstream"
        )
        return Judgement(Verdict.CANNOT_TELL, (item_number(job),), words, evidence)


async def _times_unanswered(database: Database, job: Job) -> int:
    """How many requests may have arrived, and no answer came, since a person last vouched. A refusal is an answer."""
    async with database.read() as session:
        found = await session.exec(
            select(Intent).where(Intent.operation_id == job.number).order_by(col(Intent.id).desc())
        )
        unanswered = 0
        for intent in found.all():
            if intent.state is IntentState.ABANDONED:
                break
            unanswered += not (intent.never_left or intent.state is IntentState.REFUSED)
        return unanswered
