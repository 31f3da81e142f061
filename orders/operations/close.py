"""Close: the item is deleted at the upstream, and the service is over."""

from dataclasses import replace
from typing import ClassVar

from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import EventKind, OperationKind, ServiceStatus, UpstreamStatus
from models.order import Service
from models.parameters import Parameters
from models.product_types import ALL_TYPES
from orders.operations.base import Ending
from orders.operations.requests import CheckedRequest, Route, Rules
from orders.operations.switching import Switch, Switching
from upstreams.port import Upstream


class Closing(Switch):
    kind: ClassVar = OperationKind.CLOSE


class Close(Switching[Closing]):
    kind = OperationKind.CLOSE
    request_model = Closing
    product_types = ALL_TYPES
    call = "delete"
    goal_status = UpstreamStatus.DELETED
    ends_service = True
    leaves_usable = False
    event = EventKind.CLOSED
    past_participle = "closed"
    if_silent = "it may want a phone call first, or a minimum term that is not over"
    checklist = ("Delete it; the upstream may want a phone call.",)
    status_by_hand = ServiceStatus.CLOSED
    route = Route(
        path="",
        name="close_service",
        method="DELETE",
        details="Deletes the item at the upstream, before everything else that waits for this service. What is "
        "queued for it after that ends without effect.\n\n"
        "A service that is still being opened is called off: nothing more of its opening is sent. If nothing had been "
        "sent, the answer already says that both operations are `cancelled` and the service `closed`. If an earlier "
        "request may have left something at the upstream, that is removed first; then both end, without a charge. "
        "What the upstream has accepted and may not have bought yet is called off there, if this kind of upstream can "
        "do that. A request under way is waited for: if it had no effect, both end; otherwise the service is deleted "
        "once it is open. `waits_for` says which case it is. A storefront may call off only what it requested itself, "
        "as with cancelling; an open service may be closed by its owner.",
        present_participle="closing",
        may_lack_body=True,
        help="Its item is deleted at the upstream.\n\nIf the service is still being opened, the opening is called off, "
        "and what was not sent is not bought.",
    )

    async def check(self, session: AsyncSession, service: Service, asked: Closing, rules: Rules) -> CheckedRequest:
        return replace(await super().check(session, service, asked, rules), urgent=True)

    async def switch(self, upstream: Upstream, product_type: str, number: str, key: str) -> None:
        await upstream.delete(product_type, number, key=key)

    async def apply(self, ending: Ending, asked: Parameters) -> None:
        service = ending.service
        if service.status is not ServiceStatus.CLOSED:
            service.status, service.status_since = ServiceStatus.CLOSED, utc_now()


OPERATION = Close()
