"""What a kind of operation must be able to do so that it can be carried out once in effect."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from models.database import Database
from models.messages import SubmitResult
from orders.operations.job import Job
from orders.settlement.verdicts import Judgement
from upstreams.port import Quote, Unpaid, Upstream


@dataclass(frozen=True)
class Request:
    """What is about to be sent, flat and without secrets, and the state before; both go into the intent."""

    fields: dict[str, str]
    before: dict[str, list[str]] = field(default_factory=dict)
    target: dict[str, str] = field(default_factory=dict)
    """Facts that tell later whether it was done; added to the operation's parameters."""


@dataclass(frozen=True)
class Obstacle:
    """Nothing is to be sent; this is the outcome."""

    result: SubmitResult


@dataclass(frozen=True)
class Sent:
    """The upstream said yes."""

    number: str | None
    """The item's, where the answer (or we) know it."""
    unpaid: Unpaid | None = None
    """What the upstream made of it and did not charge to the account."""
    announced: str = ""
    """What the answer says that will be so, e.g. the new expiry."""


class Kind(Protocol):
    """Stateless. Every method raises the errors of `upstreams.errors` and no others."""

    async def quote(self, job: Job, upstream: Upstream) -> Quote | None:
        """What it will cost as the upstream says, None where it costs nothing."""
        ...

    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        """Look before sending: what stands in the way, what is to be sent, what is so before."""
        ...

    async def send(self, job: Job, upstream: Upstream) -> Sent:
        """Send it, once."""
        ...

    async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
        """After a lost answer: was it done?"""
        ...
