"""What suspend, resume and close share: the status shows whether it was done.

It is read first, and the request is sent only when needed; sending it twice would cost nothing.
"""

from abc import abstractmethod
from datetime import timedelta
from typing import ClassVar, TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession

from models.database import Database
from models.enums import FailureClass, UpstreamStatus
from models.order import Service
from models.parameters import Parameters
from orders.operations.base import Obstacle, OperationType, Request, Sent
from orders.operations.item import already_so, attention, item_number, judge_by_form, read
from orders.operations.job import Job
from orders.operations.requests import CheckedRequest, OperationRequest, Rules
from orders.operations.seen import Seen
from orders.settlement.verdicts import Judgement
from upstreams.errors import NoSuchItem
from upstreams.port import Upstream, UpstreamItem

SHORT_WINDOW = timedelta(seconds=10)
"""These cost nothing, so absence need not be proven for as long as a charge would ask for."""


A = TypeVar("A", bound=OperationRequest)


class Switch(OperationRequest):
    def identity(self) -> dict[str, object]:
        """All three are hashed alike."""
        return {"urgent": False, "reason": ""}


class Switching(OperationType[A, Parameters]):
    parameters = Parameters
    goal_proves_it = True
    call: ClassVar[str]
    """What the intent says was asked for."""
    goal_status: ClassVar[UpstreamStatus]

    async def check(self, session: AsyncSession, service: Service, asked: A, rules: Rules) -> CheckedRequest:
        return CheckedRequest(Parameters(), f"{self.kind.value.capitalize()} service {service.id}")

    def is_met(self, asked: Parameters, seen: Seen) -> bool:
        return seen.status is self.goal_status

    async def prepare(self, database: Database, job: Job, upstream: Upstream) -> Request | Obstacle:
        try:
            item: UpstreamItem | None = await read(job, upstream)
        except NoSuchItem:
            item = None
        if self._is_so(item):
            return Obstacle(already_so(job, f"item {item_number(job)} is {self.goal_status.name.lower()} already"))
        if item is None or item.status is UpstreamStatus.DELETED:
            return Obstacle(attention(f"item {item_number(job)} is deleted at the upstream", FailureClass.REJECTED))
        why = self.why_not(item)
        if why:
            return Obstacle(attention(why, FailureClass.REJECTED))
        return Request(fields={"item": item.number, "call": self.call}, before={"status": [item.status.name.lower()]})

    def why_not(self, item: UpstreamItem) -> str:
        """What stands in the way, in words; empty: nothing."""
        return ""

    async def send(self, job: Job, upstream: Upstream) -> Sent:
        number = item_number(job)
        await self.switch(upstream, job.service.product_type, number, job.key)
        return Sent(number)

    @abstractmethod
    async def switch(self, upstream: Upstream, product_type: str, number: str, key: str) -> None: ...

    async def find_out(self, database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
        return await judge_by_form(job, upstream, min(window, SHORT_WINDOW), self._is_so)

    def _is_so(self, item: UpstreamItem | None) -> bool:
        return self.ends_service if item is None else item.status is self.goal_status
