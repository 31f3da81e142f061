"""Resume: a suspended service runs again."""

from typing import ClassVar

from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import EventKind, OperationKind, ServiceStatus, UpstreamStatus
from models.order import Service
from models.product_types import SWITCHED_TYPES
from orders.operations.requests import CheckedRequest, Route, Rules
from orders.operations.switching import Switch, Switching
from orders.services import mappings
from orders.services.expiry import is_implausible
from upstreams.port import Upstream, UpstreamItem


class Resumption(Switch):
    kind: ClassVar = OperationKind.RESUME


class Resume(Switching[Resumption]):
    kind = OperationKind.RESUME
    request_model = Resumption
    product_types = SWITCHED_TYPES
    call = "resume"
    goal_status = UpstreamStatus.ACTIVE
    event = EventKind.RESUMED
    past_participle = "resumed"
    if_silent = "whoever suspended it may have to resume it"
    checklist = ("Resume it; if it was suspended for abuse, clear that with the upstream first.",)
    status_by_hand = ServiceStatus.ACTIVE
    route = Route(
        path="/resume",
        name="resume_service",
        details="If the upstream does not allow it (for example after a suspension for abuse), it becomes a task for a "
        "person.",
        present_participle="resuming",
        may_lack_body=True,
    )

    async def check(self, session: AsyncSession, service: Service, asked: Resumption, rules: Rules) -> CheckedRequest:
        await mappings.check_resumable(session, service)
        return await super().check(session, service, asked, rules)

    def why_not(self, item: UpstreamItem) -> str:
        return f"item {item.number} {mappings.expired(str(item.expires_on))}" if is_over(item) else ""

    async def switch(self, upstream: Upstream, product_type: str, number: str, key: str) -> None:
        await upstream.resume(product_type, number, key=key)


def is_over(item: UpstreamItem) -> bool:
    """Its term has ended, and that is why it is suspended or could be."""
    return (
        item.status is UpstreamStatus.SUSPENDED
        and item.expires_on is not None
        and item.expires_on < utc_now().date()
        and not is_implausible(item.expires_on)
    )


OPERATION = Resume()
