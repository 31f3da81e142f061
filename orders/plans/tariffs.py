"""What is known of the tariffs that the catalogue maps: which are to be asked for, and what an answer means.

The poller asks; a refused opening has its tariff asked for at once.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import MappedPeriod, PlanMapping, ProcessingModule, TariffPlan
from models.columns import utc_now
from models.database import Database
from models.enums import Availability, AvailabilityCause, OperationKind
from models.tariffs import TariffState
from models.untrusted_text import shortened
from orders.operations.job import Job
from upstreams.answers import OnSale
from upstreams.errors import Rejected, SetupFault

REFUSAL_COUNTS = timedelta(hours=1)
"""After a refused order the tariff counts as unavailable for this time, although the price list shows it."""
_LONGEST_REASON = 300


@dataclass(frozen=True)
class Place:
    """Where tariffs of a type are looked for: one question to the upstream."""

    product_type: str
    location: str | None


@dataclass(frozen=True)
class Wanted:
    """The tariffs of one place, and the upstream's periods that the catalogue maps of each."""

    place: Place
    tariffs: Mapping[str, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    status: Availability
    cause: AvailabilityCause | None = None
    reason: str = ""


UNREADABLE = Verdict(Availability.UNKNOWN, reason="the upstream's price list can't be read")


async def due(session: AsyncSession, account_id: int, age: timedelta) -> list[Wanted]:
    """The places of which a tariff was not asked for since `age`; of each all tariffs that plans on sale have there."""
    wanted = await _wanted(session, account_id)
    found = await session.exec(select(TariffState).where(TariffState.account_id == account_id))
    known = {(one.product_type, one.location, one.tariff): one.checked_at for one in found.all()}
    before = utc_now() - age

    def is_old(place: Place, tariff: str) -> bool:
        checked_at = known.get((place.product_type, place.location or "", tariff))
        return checked_at is None or checked_at <= before

    return [
        Wanted(place, tariffs) for place, tariffs in wanted.items() if any(is_old(place, tariff) for tariff in tariffs)
    ]


async def _wanted(session: AsyncSession, account_id: int) -> dict[Place, dict[str, list[int]]]:
    rows = await session.exec(
        select(ProcessingModule.product_type, PlanMapping.location, PlanMapping.tariff, MappedPeriod.upstream_period)
        .join(PlanMapping, col(PlanMapping.module_id) == col(ProcessingModule.id))
        .join(TariffPlan, col(TariffPlan.id) == col(PlanMapping.plan_id))
        .join(MappedPeriod, col(MappedPeriod.mapping_id) == col(PlanMapping.id))
        .where(ProcessingModule.account_id == account_id, TariffPlan.active, col(MappedPeriod.retired).is_(False))
    )
    wanted: dict[Place, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for product_type, location, tariff, period in rows.all():
        wanted[Place(product_type, location)][tariff].append(period)
    return wanted


def judged(tariff: str, place: Place, answer: OnSale, elsewhere: Iterable[OnSale] = ()) -> Verdict:
    """What the price list of its place says of a tariff. `elsewhere`: those of other places, where it is not in it."""
    if answer.location_refused or (answer.locations and place.location and place.location not in answer.locations):
        reason = f"the upstream does not offer the data centre {place.location}"
        return Verdict(Availability.UNAVAILABLE, AvailabilityCause.NO_DATA_CENTRE, reason)
    if answer.tariffs is None:
        return UNREADABLE
    if tariff in answer.tariffs:
        return Verdict(Availability.AVAILABLE)
    if tariff in answer.withheld:
        return Verdict(Availability.UNAVAILABLE, AvailabilityCause.TARIFF_WITHDRAWN, answer.withheld[tariff])
    if any(other.tariffs is not None and tariff in other.tariffs for other in elsewhere):
        reason = f"the price list has tariff {tariff} in other data centres, and not in {place.location}"
        return Verdict(Availability.UNAVAILABLE, AvailabilityCause.NO_DATA_CENTRE, reason)
    reason = f"the price list does not have tariff {tariff}"
    return Verdict(Availability.UNAVAILABLE, AvailabilityCause.TARIFF_WITHDRAWN, reason)


async def record(database: Database, account_id: int, place: Place, verdicts: Mapping[str, Verdict]) -> None:
    """Write down what was read just now. An order that was refused lately counts more than a price list with its
    tariff."""
    now = utc_now()
    async with database.write() as session:
        for tariff, verdict in sorted(verdicts.items()):
            row = await _row(session, account_id, place, tariff)
            row.checked_at = now
            refused = row.refused_at is not None and now - row.refused_at < REFUSAL_COUNTS
            if not (refused and verdict.status is Availability.AVAILABLE):
                _put(row, verdict, now)
            session.add(row)


async def note_refusal(database: Database, job: Job, error: Rejected | SetupFault) -> None:
    """An opening was refused for good: its tariff is asked for at once. A fault of the set-up is one of the tariff."""
    if job.operation.kind is not OperationKind.OPEN or not job.capabilities.price_list:
        return
    now = utc_now()
    async with database.write() as session:
        row = await _row(
            session, job.account_id, Place(job.service.product_type, job.mapping.location), job.mapping.tariff
        )
        row.checked_at = None
        if isinstance(error, SetupFault):
            row.refused_at = now
            reason = shortened(error.message, _LONGEST_REASON)
            _put(row, Verdict(Availability.UNAVAILABLE, AvailabilityCause.ORDER_REFUSED, reason), now)
        session.add(row)


def _put(row: TariffState, verdict: Verdict, now: datetime) -> None:
    if (row.status, row.cause) != (verdict.status, verdict.cause):
        row.since = now
    row.status, row.cause, row.reason = verdict.status, verdict.cause, verdict.reason


async def _row(session: AsyncSession, account_id: int, place: Place, tariff: str) -> TariffState:
    key = (account_id, place.product_type, tariff, place.location or "")
    found = await session.get(TariffState, key, with_for_update=True)
    if found is not None:
        return found
    return TariffState(
        account_id=account_id, product_type=place.product_type, tariff=tariff, location=place.location or ""
    )
