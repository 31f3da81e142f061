"""The Temporal Schedules of an installation, of the sweep and of renewals: made or updated whenever a worker starts."""

import logging
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError

from models.messages import RenewalBatch, ServiceSweepInput
from orders.services import naming
from workflows.renewals import Renewals
from workflows.service_sweep import ServiceSweep

log = logging.getLogger(__name__)

CATCHUP = timedelta(hours=1)
"""A run that Temporal could not start is made up for if it is no older than this."""
RPC_TIMEOUT = timedelta(seconds=10)


async def keep_service_sweep(client: Client, task_queue: str, every: timedelta) -> None:
    """The schedule of the sweep."""
    action = ScheduleActionStartWorkflow(
        ServiceSweep.run,
        ServiceSweepInput(),
        id=naming.SERVICE_SWEEP_ID,
        task_queue=task_queue,
        static_summary="compares all services with their upstreams",
    )
    await _keep(client, action, every)


async def keep_renewals(client: Client, task_queue: str, every: timedelta) -> None:
    """The schedule of renewals. A run that was missed is made up for by the next: what is due is in the database."""
    action = ScheduleActionStartWorkflow(
        Renewals.run,
        RenewalBatch(),
        id=naming.RENEWALS_ID,
        task_queue=task_queue,
        static_summary="tells storefronts of terms that end, and prolongs what is renewed automatically",
    )
    await _keep(client, action, every)


async def _keep(client: Client, action: ScheduleActionStartWorkflow, every: timedelta) -> None:
    """Make the schedule, or bring it up to date; it is named as its workflow. A pause that a person has made stays.
    Never raises RPCError: without the schedule a worker still works, `resell sweep` too, and the watch reports that a
    sweep is overdue."""
    name = action.id
    wanted = Schedule(
        action=action,
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCHUP),
    )

    def updated(now: ScheduleUpdateInput) -> ScheduleUpdate:
        wanted.state = now.description.schedule.state
        return ScheduleUpdate(wanted)

    try:
        try:
            await client.create_schedule(name, wanted, rpc_timeout=RPC_TIMEOUT)
        except ScheduleAlreadyRunningError:
            handle = client.get_schedule_handle(name)
            await handle.update(updated, rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        log.warning("the schedule %s can't be made or updated: %s; the next start of a worker tries", name, error)
