"""Looking for an order at the upstream by its mark: gathers the evidence that orders.settlement judges."""

from datetime import timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from activities.job import Job
from models.columns import utc_now
from models.database import Database
from models.enums import IntentState, Knowledge, UpstreamStatus
from models.events import UpstreamSnapshot
from models.order import Intent, Service
from orders import intents
from orders.intents import learn
from orders.settlement import Evidence, Judgement, Row, Verdict, judge
from upstreams.errors import ConnectionUnhealthy, OutcomeUnknown, Rejected
from upstreams.port import Listing, Upstream, UpstreamItem

PROOFS_AT_MOST = 50
"""So many of our own services tell what a list shows."""
FORMS_AT_MOST = 20
"""So many forms are read in one look, the newest items first: the one that is looked for is new."""


async def find_out(database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
    """One look at the upstream, and what it proves. Raises the errors of `upstreams.errors`.

    Absence is believed only of two listings in a row: a row may slip from page to page while they are read.
    """
    judgement = await _look(database, job, upstream, window)
    if judgement.verdict is Verdict.NOT_DONE:
        judgement = await _look(database, job, upstream, window)
    return judgement


async def _look(database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
    listing = await upstream.list_items(job.service.product_type)
    evidence = await _evidence(database, job, listing, window)
    judgement = judge(evidence)
    if judgement.verdict is not Verdict.READ_FORMS:
        return judgement
    rows = {row.number: row for row in evidence.rows}
    newest_first = sorted(judgement.numbers, key=_age, reverse=True)
    for number in newest_first[:FORMS_AT_MOST]:
        try:
            form = await upstream.read_item(job.service.product_type, number)
        except Rejected:
            continue  # no right to this form: the row stays as listed
        except ConnectionUnhealthy as error:
            if error.error_type != "access":
                raise
            continue
        rows[number] = _row(form, listed=rows[number])
    return judge(_with_forms(evidence, tuple(rows.values())))


async def leftover_of(database: Database, job: Job, upstream: Upstream) -> UpstreamItem | None:
    """A live item with our mark that is not ours by number: what an earlier request of this order left behind.

    Raises OutcomeUnknown if the list can't be read completely: then nothing is known to be absent.
    """
    listing = await upstream.list_items(job.service.product_type)
    if not listing.complete:
        raise OutcomeUnknown(
            f"the list of {job.service.product_type} at {job.account.name} could not be read completely"
        )
    evidence = await _evidence(database, job, listing, timedelta(0))
    for item in listing.items:
        if item.number in evidence.linked or item.status is UpstreamStatus.DELETED:
            continue
        if item.remoteid == job.service.mark or (
            job.service.name_is_ours and item.name == job.service.name and item.remoteid not in evidence.marks_of_others
        ):
            return item
    return None


async def ever_sent(database: Database, job: Job) -> bool:
    """Whether any request of this operation may have reached the upstream."""
    async with database.read() as session:
        found = await session.exec(
            select(Intent.id)
            .where(Intent.operation_id == job.number, col(Intent.state) != IntentState.NOT_SENT)
            .limit(1)
        )
        return found.first() is not None


async def _evidence(database: Database, job: Job, listing: Listing, window: timedelta) -> Evidence:
    async with database.read() as session:
        first = (
            await session.exec(
                select(Intent).where(Intent.operation_id == job.number).order_by(col(Intent.id)).limit(1)
            )
        ).one()
        linked = await session.exec(
            select(Service.upstream_number).where(
                Service.account_id == job.account_id,
                Service.id != job.service.id,
                col(Service.upstream_number).is_not(None),
            )
        )
        seen_before = await session.exec(
            select(UpstreamSnapshot.number).where(
                UpstreamSnapshot.account_id == job.account_id,
                UpstreamSnapshot.product_type == job.service.product_type,
                UpstreamSnapshot.first_seen_at < first.created_at,
            )
        )
        names = await session.exec(
            select(Service.name).where(
                Service.account_id == job.account_id,
                Service.id != job.service.id,
                col(Service.name_is_ours).is_(True),
            )
        )
        names_of_others = frozenset(names.all())
        marks = await session.exec(
            select(Service.mark).where(Service.account_id == job.account_id, Service.id != job.service.id)
        )
        marks_of_others = frozenset(marks.all())
        returned = await _returned_by_lists(session, job)
        shared = await intents.looking_for_name(session, job.account_id, job.service.name, job.number)
        latest = await intents.latest(session, job.number)
        assert latest is not None  # noqa: S101 - there is a first one
        same_name = latest.before.get("same_name", first.before.get("same_name", []))
        known_before = {*seen_before.all(), *same_name}
        linked_numbers = frozenset(number for number in linked.all() if number)
    accepted = latest.state is IntentState.ACCEPTED
    return Evidence(
        mark=job.service.mark,
        name=job.service.name,
        name_is_ours=job.service.name_is_ours,
        rows=tuple(_row(item) for item in listing.items),
        complete=listing.complete,
        linked=linked_numbers,
        known_before=frozenset(known_before),
        names_of_others=names_of_others,
        marks_of_others=marks_of_others,
        lists_return_mark=returned[0],
        lists_return_name=returned[1],
        name_shared=bool(shared),
        accepted=accepted,
        unknown_since=(latest.settled_at if accepted else latest.unknown_since) or latest.created_at,
        now=utc_now(),
        window=window,
    )


async def _returned_by_lists(session: AsyncSession, job: Job) -> tuple[Knowledge, Knowledge]:
    """Whether the list of this product type shows marks and names: proven by our own services of this type.

    What holds for one type need not hold for another, so the account's knowledge counts only with such a proof.
    """
    ours = await session.exec(
        select(UpstreamSnapshot, Service)
        .join(Service, col(UpstreamSnapshot.service_id) == col(Service.id))
        .where(
            UpstreamSnapshot.account_id == job.account_id,
            UpstreamSnapshot.product_type == job.service.product_type,
            col(UpstreamSnapshot.gone).is_(False),
        )
        .order_by(col(UpstreamSnapshot.id).desc())
        .limit(PROOFS_AT_MOST)
    )
    mark = name = Knowledge.UNKNOWN
    for snapshot, service in ours.all():
        mark = learn(_seen("remoteid" in snapshot.listed and snapshot.remoteid == service.mark), mark)
        name = learn(_seen("name" in snapshot.listed and snapshot.name == service.name), name)
    return mark, name


def _seen(comes_back: bool) -> Knowledge:
    return Knowledge.YES if comes_back else Knowledge.NO


def _age(number: str) -> int:
    return int(number) if number.isdigit() else 0


def _row(item: UpstreamItem, listed: Row | None = None) -> Row:
    if listed is None:
        return Row(item.number, item.name, item.remoteid, item.status)
    remoteid = item.remoteid if item.remoteid is not None else listed.remoteid
    return Row(item.number, item.name or listed.name, remoteid, item.status)


def _with_forms(evidence: Evidence, rows: tuple[Row, ...]) -> Evidence:
    return Evidence(**{**evidence.__dict__, "rows": rows, "forms_read": True})
