"""What the upstream sells: its price list is read at a calm rate, and at once when an order of a tariff was refused.

Whether the price list can be read says nothing of the account: neither orders nor the health of the account wait for
it.
"""

from collections.abc import Sequence
from datetime import timedelta

from temporalio import activity

from activities.poller import schedule
from activities.poller.schedule import PeriodicJob
from activities.poller.watch import Watch
from models.database import Database
from models.enums import Availability
from orders.plans import tariffs
from orders.plans.tariffs import Place, Verdict, Wanted
from settings import Settings
from upstreams.answers import OnSale
from upstreams.errors import ConnectionUnhealthy, NotAllowed, NotSent, OutcomeUnknown, UpstreamError
from upstreams.port import Upstream


async def look_for_tariffs(database: Database, watch: Watch, settings: Settings) -> None:
    """Find out which price lists are to be read."""
    interval = settings.price_list_interval
    if not watch.shows_prices or not watch.schedule.claim(PeriodicJob.TARIFFS, min(interval, schedule.TARIFFS_SECONDS)):
        return
    async with database.read() as session:
        watch.price_lists = await tariffs.due(session, watch.account_id, timedelta(seconds=interval))


async def read_price_lists(database: Database, watch: Watch, upstream: Upstream, settings: Settings) -> None:
    """Read those that are due, one after the other. After a failure the rest waits for a whole interval."""
    while watch.price_lists:
        wanted = watch.price_lists.pop(0)
        try:
            verdicts = await _ask(upstream, wanted)
        except NotAllowed as refusal:
            verdicts = dict.fromkeys(wanted.tariffs, Verdict(Availability.UNKNOWN, reason=refusal.message))
        except (NotSent, OutcomeUnknown, ConnectionUnhealthy) as error:
            _put_off(watch, settings, error)
            return
        except UpstreamError as error:
            activity.logger.info("poller %s: a price list can't be read: %s", watch.name, error)
            verdicts = dict.fromkeys(wanted.tariffs, Verdict(Availability.UNKNOWN, reason=error.message))
        await tariffs.record(database, watch.account_id, wanted.place, verdicts)


def _put_off(watch: Watch, settings: Settings, error: UpstreamError) -> None:
    activity.logger.info("poller %s: its price lists are read later: %s", watch.name, error)
    watch.price_lists.clear()
    watch.schedule.postpone(PeriodicJob.TARIFFS, settings.price_list_interval)


async def _ask(upstream: Upstream, wanted: Wanted) -> dict[str, Verdict]:
    place = wanted.place
    answer = await upstream.on_sale(place.product_type, place.location)
    if answer.tariffs is None or answer.location_refused:
        return {tariff: tariffs.judged(tariff, place, answer) for tariff in wanted.tariffs}
    missing = wanted.tariffs.keys() - answer.tariffs - answer.withheld.keys()
    answer = await _with_other_periods(upstream, wanted, answer, missing)
    missing -= answer.tariffs or frozenset()
    elsewhere = await _elsewhere(upstream, place, answer) if missing and place.location else []
    return {tariff: tariffs.judged(tariff, place, answer, elsewhere) for tariff in wanted.tariffs}


async def _with_other_periods(upstream: Upstream, wanted: Wanted, answer: OnSale, missing: set[str]) -> OnSale:
    """Some price lists show what is sold for one period only: tariffs that are missing are looked for in theirs."""
    found = answer.tariffs or frozenset()
    periods = {period for tariff in missing for period in wanted.tariffs[tariff]}
    for period in sorted(periods)[: schedule.PRICE_LISTS_AT_ONCE]:
        more = await upstream.on_sale(wanted.place.product_type, wanted.place.location, period)
        found |= more.tariffs or frozenset()
    return answer.model_copy(update={"tariffs": found})


async def _elsewhere(upstream: Upstream, place: Place, answer: OnSale) -> Sequence[OnSale]:
    """The price lists of other places: is the tariff withdrawn, or only not there?"""
    others = sorted(answer.locations - {place.location or ""})[: schedule.PRICE_LISTS_AT_ONCE]
    return [await upstream.on_sale(place.product_type, one) for one in others]
