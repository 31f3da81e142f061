"""What our database knows of an order whose outcome is to be judged: the evidence, but for what forms show."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import FINAL_STAGES, IntentState, Knowledge, OperationKind, UpstreamStatus
from models.events import UpstreamSnapshot
from models.order import Intent, Operation, Service
from orders.operations.job import Job
from orders.restoration.before import is_suspected
from orders.restoration.marks import lost_marks
from orders.services.naming import canonical, same_mark, same_name
from orders.settlement.evidence import Evidence, Row, Shown
from orders.settlement.intents import SEEN_UP_TO, THERE, learn
from upstreams.port import Listing, UpstreamItem

PROOFS_AT_MOST = 50
"""Services of ours that are read at most to learn what a list shows."""
IN_QUESTION, VOUCHED, REMOVED = "in_question", "vouched_for", "removed"
"""In the evidence of a call: numbers of the items that may be the order; of those that a person vouched for since; of
unpaid rows that it left and that were removed."""


async def what_is_known(session: AsyncSession, job: Job, listing: Listing, window: timedelta) -> Evidence:
    calls = await _calls(session, job.number)
    services = (await session.exec(select(Service).where(Service.account_id == job.account_id))).all()
    others = [one for one in services if one.id != job.service.id]
    knowledge = await _knowledge(session, job)
    latest = calls[-1]
    accepted = latest.state is IntentState.ACCEPTED
    since = latest.settled_at if accepted or latest.was_refused else latest.unknown_since
    mark = job.service.mark
    marks = tuple(dict.fromkeys([mark, *(call.mark for call in reversed(calls))]))
    ordered_as = [job.service.name, *(call.request.get("name", "") for call in reversed(calls))]
    return Evidence(
        marks=marks,
        names=tuple(dict.fromkeys(name for name in ordered_as if name)),
        name_is_ours=job.service.name_is_ours,
        rows=tuple(Row(item.number, shown(item), item.status) for item in listing.items),
        complete=listing.complete,
        incomplete_because=listing.incomplete_because,
        linked=frozenset(
            one.upstream_number
            for one in others
            if one.upstream_number and one.product_type == job.service.product_type  # each type may number separately
        ),
        known_before=await _known_before(session, job, calls, listing.items),
        names_of_others=frozenset(canonical(one.name) for one in others if one.name and not one.upstream_number),
        names_linked=frozenset(canonical(one.name) for one in others if one.name and one.upstream_number),
        marks_of_others=frozenset(one.mark for one in others) | await lost_marks(session),
        lists_return_mark=knowledge["list mark"],
        forms_return_mark=knowledge["form mark"],
        lists_return_name=knowledge["list name"],
        name_shared=await _name_shared(session, job),
        accepted=accepted,
        unknown_since=since or latest.created_at,
        now=utc_now(),
        window=window,
        suspected=is_suspected(latest),
        vouched=latest.state is IntentState.ABANDONED,
    )


def shown(item: UpstreamItem) -> Shown:
    return Shown(item.name, item.mark)


def notes_of_what_was_seen(job: Job) -> dict[str, list[str]]:
    """What is to be remembered of the time before the first call, where the poller's looks suffice.

    By number, as clocks of two hosts may differ. What was written since the job was read counts as seen later: that
    leaves more to be looked at, never less.
    """
    return {SEEN_UP_TO: [str(job.seen_up_to)]}


async def notes_before(session: AsyncSession, job: Job, there: list[str]) -> dict[str, list[str]]:
    """The same with the numbers of all items that a list shows just now."""
    last = (await session.exec(select(func.max(UpstreamSnapshot.id)))).one()
    notes = {SEEN_UP_TO: [str(last or 0)]}
    known = await session.exec(
        select(UpstreamSnapshot.number).where(
            UpstreamSnapshot.account_id == job.account_id,
            UpstreamSnapshot.product_type == job.service.product_type,
            col(UpstreamSnapshot.id) <= (last or 0),
        )
    )
    seen = set(known.all())
    return notes | {THERE: [number for number in there if number not in seen]}


async def _calls(session: AsyncSession, operation: int) -> list[Intent]:
    found = await session.exec(select(Intent).where(Intent.operation_id == operation).order_by(col(Intent.id)))
    return list(found.all())


async def _known_before(
    session: AsyncSession, job: Job, calls: list[Intent], items: Iterable[UpstreamItem]
) -> frozenset[str]:
    """Numbers that were there before the first call was sent; those that a person vouched for; what we removed.

    What an earlier call of the same order left behind was not there before: it is what is looked for.
    """
    first = calls[0]
    query = select(UpstreamSnapshot.number).where(
        UpstreamSnapshot.account_id == job.account_id,
        UpstreamSnapshot.product_type == job.service.product_type,
    )
    if SEEN_UP_TO in first.before:
        query = query.where(col(UpstreamSnapshot.id) <= int(first.before[SEEN_UP_TO][0]))
    else:  # written by an earlier version
        query = query.where(col(UpstreamSnapshot.first_seen_at) < first.created_at)
    numbers = {*(await session.exec(query)).all(), *first.before.get(THERE, first.before.get("same_name", []))}
    removed: set[str] = set()
    for call in calls:
        numbers.update(vouched_for(call))
        removed.update(listed(call.evidence.get(REMOVED)))
    return frozenset(
        numbers | {item.number for item in items if item.number in removed and item.status is UpstreamStatus.DELETED}
    )


def vouched_for(call: Intent) -> list[str]:
    """Numbers of the items that a person knew to be in question when they vouched that nothing was bought."""
    asked = listed(call.evidence.get(IN_QUESTION)) if call.state is IntentState.ABANDONED else []
    return [*listed(call.evidence.get(VOUCHED)), *asked]


def listed(value: object) -> list[str]:
    """A list of texts in a document that we wrote."""
    return [str(one) for one in value] if isinstance(value, list) else []


async def _name_shared(session: AsyncSession, job: Job) -> bool:
    """Another order that has not found its item yet may have made one of the same name."""
    others = await session.exec(
        select(Intent, Service.name)
        .join(Operation, col(Intent.operation_id) == col(Operation.id))
        .join(Service, col(Operation.service_id) == col(Service.id))
        .where(
            Intent.account_id == job.account_id,
            Intent.operation_id != job.number,
            Operation.kind == OperationKind.OPEN,
            col(Operation.stage).not_in(FINAL_STAGES),
            Service.product_type == job.service.product_type,
            col(Service.upstream_number).is_(None),
        )
    )
    return any(not call.never_left and same_name(name, job.service.name) for call, name in others.all())


async def _knowledge(session: AsyncSession, job: Job) -> dict[str, Knowledge]:
    """Whether lists and forms of this product type show marks and names: proven by our own services of this type.

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
    known = dict.fromkeys(("list mark", "form mark", "list name"), Knowledge.UNKNOWN)
    for snapshot, service in ours.all():
        by_name = _comes_back("name" in snapshot.listed and same_name(snapshot.name, service.name))
        known["list name"] = learn(by_name, known["list name"])
        by_mark = "mark" in snapshot.listed and same_mark(snapshot.mark or "", service.mark)
        known["list mark"] = learn(_comes_back(by_mark), known["list mark"])
        if snapshot.form:
            by_form = same_mark(snapshot.form_mark, service.mark)
            known["form mark"] = learn(_comes_back(by_form), known["form mark"])
    return known


def _comes_back(seen: bool) -> Knowledge:
    return Knowledge.YES if seen else Knowledge.NO
