"""Suspend: the customer can't use the service any more, and it is kept."""

from typing import Annotated, ClassVar

from pydantic import Field
from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import EventKind, OperationKind, ServiceStatus, UpstreamStatus
from models.order import Service
from models.parameters import Parameters
from models.product_types import SWITCHED_TYPES
from orders.access.roles import Right
from orders.operations.requests import CheckedRequest, Option, Route, Rules
from orders.operations.switching import Switch, Switching
from upstreams.port import Upstream


class Suspension(Switch):
    kind: ClassVar = OperationKind.SUSPEND

    urgent: Annotated[bool, Option(help="do it before everything else that waits for this service")] = Field(
        default=False, strict=True, description="do it before everything else of the service; operators only"
    )

    @property
    def right(self) -> tuple[Right, str] | None:
        return (Right.DECIDE, "suspending urgently") if self.urgent else None

    def identity(self) -> dict[str, object]:
        return {"urgent": self.urgent, "reason": self.reason or ""}


class Suspend(Switching[Suspension]):
    kind = OperationKind.SUSPEND
    request_model = Suspension
    product_types = SWITCHED_TYPES
    call = "suspend"
    goal_status = UpstreamStatus.SUSPENDED
    leaves_usable = False
    event = EventKind.SUSPENDED
    past_participle = "suspended"
    if_silent = "its staff may have to do it"
    checklist = ("Suspend it.",)
    status_by_hand = ServiceStatus.SUSPENDED
    route = Route(
        path="/suspend",
        name="suspend_service",
        details="In turn. With `urgent` it comes before everything else that waits for this service; storefronts may "
        "not use that. The body is optional.",
        present_participle="suspending",
        may_lack_body=True,
        bodies={
            "unpaid": ("In its turn", {"reason": "the invoice is not paid"}),
            "abuse": ("At once, by an operator", {"urgent": True, "reason": "it sends spam"}),
        },
    )

    async def check(self, session: AsyncSession, service: Service, asked: Suspension, rules: Rules) -> CheckedRequest:
        title = f"Suspend service {service.id}"
        return CheckedRequest(Parameters(), title, urgent=asked.urgent)

    async def switch(self, upstream: Upstream, product_type: str, number: str, key: str) -> None:
        await upstream.suspend(product_type, number, key=key)


OPERATION = Suspend()
