"""Orders whose version nobody runs any more are moved to the current version; what can't be moved is an incident.

The current version can run them: every change of a workflow is patched, and tests replay recorded histories. If it can
not, because an older version has become current again, the tasks of the order fail, and the sweep begins it anew from
the database (`temporal.healing`).
"""

import logging
from datetime import timedelta

from temporalio.client import Client
from temporalio.service import RPCError

from models.columns import utc_now
from models.database import Database
from models.enums import IncidentKind
from orders.incidents.conditions import Condition, report
from settings import Settings
from temporal.outage import note
from temporal.versions.deployment import (
    Deployment,
    builds_at_work,
    count_orders,
    find_deployment,
    ids_of_orders,
    move,
)

log = logging.getLogger(__name__)

SILENT_AFTER = timedelta(minutes=3)
"""A worker asks for work at least once a minute, and the server remembers for five minutes who asked."""
MOST_AT_ONCE = 500
"""Orders that are moved in one look; the next look moves more."""
_KINDS = (IncidentKind.VERSION_WITHOUT_WORKERS,)


class VersionWatch:
    """`look` is to be awaited every half minute by workers. Several may look: each step may be repeated."""

    def __init__(self, database: Database, client: Client, settings: Settings) -> None:
        self._database = database
        self._client = client
        self._name = settings.deployment
        self._queue = settings.task_queue
        self._may_be_reported = True
        """Unknown: an earlier process may have reported something."""

    async def look(self, silent_after: timedelta | None = None) -> None:
        """Nothing if no worker has ever said a build id. Never raises RPCError: the next look tries again.

        `silent_after`: SILENT_AFTER if it is not given.
        """
        try:
            deployment = await find_deployment(self._client, self._name)
            lasting = [] if deployment is None else await self._lasting(deployment, silent_after or SILENT_AFTER)
        except RPCError as error:
            note(error, "looking at the versions of the workers")
            return
        if lasting or self._may_be_reported:
            async with self._database.write() as session:
                await report(session, _KINDS, lasting)
        self._may_be_reported = bool(lasting)

    async def _lasting(self, deployment: Deployment, silent_after: timedelta) -> list[Condition]:
        """Move what can be moved; what can't is returned."""
        at_work = await builds_at_work(self._client, deployment.name, self._queue, silent_after)
        lasting = []
        if deployment.current not in at_work:
            lasting.append(self._without_workers(deployment.current, "is current, so new orders are not begun"))
        ramping = deployment.ramping
        if ramping is not None and ramping not in at_work:
            share = f"gets {deployment.percentage:g} % of the new orders, and these are not begun"
            lasting.append(self._without_workers(ramping, share))
        for version in deployment.versions:
            began_just_now = version.since > utc_now() - silent_after
            if version.build_id in at_work or version.build_id == deployment.current or began_just_now:
                continue
            if deployment.current in at_work:
                await self._move_all(version.build_id, deployment.current)
            elif waiting := await count_orders(self._client, deployment.name, version.build_id):
                lasting.append(self._without_workers(version.build_id, f"has {waiting} orders that wait for it"))
        return lasting

    async def _move_all(self, build_id: str, to: str) -> None:
        ids = [one async for one in ids_of_orders(self._client, self._name, build_id, at_most=MOST_AT_ONCE)]
        moved = sum([await move(self._client, one, self._name, to) for one in ids])
        if moved:
            log.warning("%s orders of %s, which no worker runs, go on with %s", moved, _named(build_id), _named(to))

    def _without_workers(self, build_id: str, what: str) -> Condition:
        message = (
            f"No worker runs {_named(build_id)} with all roles, and it {what}. Start its workers again, or make a "
            "version current that is run: resell versions, resell versions current BUILD_ID"
        )
        detail = {"deployment": self._name, "build_id": build_id}
        return Condition(IncidentKind.VERSION_WITHOUT_WORKERS, f"{self._name}|{build_id}", message, detail=detail)


def _named(build_id: str) -> str:
    return f"version {build_id}" if build_id else "the version without a build id"
