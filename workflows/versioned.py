"""The workflows that run for ever, for workers with a build id: they move to the current version at their next task.

An order stays with the version that began it, which is the default of such a worker. Each of these laps would last
until its activity ends, and for ever if its version had no worker any more.

The server refuses a behaviour from a worker without a build id, so it is not written at the workflows themselves.
"""

from temporalio import workflow
from temporalio.common import VersioningBehavior

from models.messages import PollInput, RenewalBatch, SendInput, ServiceSweepInput, SweepInput
from workflows.event_poller import EventPoller
from workflows.order_sweep import OrderSweep
from workflows.renewals import Renewals
from workflows.service_sweep import ServiceSweep
from workflows.webhook_sender import WebhookSender

_MOVES_UP = VersioningBehavior.AUTO_UPGRADE


@workflow.defn(name="EventPoller", versioning_behavior=_MOVES_UP)
class VersionedEventPoller(EventPoller):
    @workflow.run
    async def run(self, poller: PollInput) -> None:
        await super().run(poller)


@workflow.defn(name="OrderSweep", versioning_behavior=_MOVES_UP)
class VersionedOrderSweep(OrderSweep):
    @workflow.run
    async def run(self, sweep: SweepInput) -> None:
        await super().run(sweep)


@workflow.defn(name="WebhookSender", versioning_behavior=_MOVES_UP)
class VersionedWebhookSender(WebhookSender):
    @workflow.run
    async def run(self, sender: SendInput) -> None:
        await super().run(sender)


@workflow.defn(name="ServiceSweep", versioning_behavior=_MOVES_UP)
class VersionedServiceSweep(ServiceSweep):
    @workflow.run
    async def run(self, sweep: ServiceSweepInput) -> int:
        return await super().run(sweep)


@workflow.defn(name="Renewals", versioning_behavior=_MOVES_UP)
class VersionedRenewals(Renewals):
    @workflow.run
    async def run(self, batch: RenewalBatch) -> int:
        return await super().run(batch)


MOVES_UP: dict[type, type] = {
    EventPoller: VersionedEventPoller,
    OrderSweep: VersionedOrderSweep,
    WebhookSender: VersionedWebhookSender,
    ServiceSweep: VersionedServiceSweep,
    Renewals: VersionedRenewals,
}
"""A workflow → what a worker with a build id runs under its name."""
