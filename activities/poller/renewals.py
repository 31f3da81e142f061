"""Services that we and the upstream both renew, or neither: the form is read, which raises the alarm; then it is put
back, if that is wanted."""

import time

from temporalio import activity

from activities.poller import schedule
from activities.poller.schedule import PeriodicJob
from activities.poller.watch import Watch
from models.database import Database
from models.enums import RenewalOwner
from orders.audit import OURSELVES
from orders.errors import InvalidField, Refused
from orders.lifecycle import requests
from orders.operations.set_parameters import ServiceChange
from orders.services import renewal
from orders.services.renewal import Mismatch
from settings import Settings


async def look_at_renewals(database: Database, watch: Watch, settings: Settings) -> None:
    if not watch.schedule.claim(PeriodicJob.RENEWALS, settings.idle_interval):
        return
    async with database.read() as session:
        found = await renewal.mismatches(session, watch.account_id)
    await _look_at_forms_alone(database, watch, settings)
    for one in found:
        if not one.reported:
            watch.to_read_soon(one.product_type, one.number)
        elif one.owner is not RenewalOwner.UPSTREAM and settings.put_back_renewal and not one.put_back:
            await _put_back(database, one)


async def _look_at_forms_alone(database: Database, watch: Watch, settings: Settings) -> None:
    """Where lists do not say who renews, every form has its moment in a period; a few are read at a time."""
    period, now = settings.renewal_look_interval, time.time()
    step = max(period / schedule.RENEWAL_STEPS, settings.idle_interval)
    if watch.schedule.claim(PeriodicJob.RENEWAL_FORMS, step):
        since = watch.renewal_forms_since or now - step  # what runs anew has looked until about then
        async with database.read() as session:
            items = await renewal.known_from_forms_alone(session, watch.account_id)
        watch.renewal_forms |= dict.fromkeys(renewal.due_between(items, since, now, period))
        watch.renewal_forms_since = now
    for item in list(watch.renewal_forms)[: schedule.RENEWALS_AT_ONCE]:
        del watch.renewal_forms[item]
        watch.to_read_soon(*item)


async def _put_back(database: Database, found: Mismatch) -> None:
    change = ServiceChange(renewal_owner=found.owner)
    try:
        await requests.ask(database, found.service, change, client=OURSELVES, key=found.key)
    except (Refused, InvalidField) as refusal:
        activity.logger.warning("service %s: its renewal can't be switched back: %s", found.service, refusal)
