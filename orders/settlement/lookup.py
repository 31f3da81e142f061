"""Looking for an order at the upstream: lists, forms of the items that may be it, and what the verdicts say of them."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlmodel import select

from models.database import Database
from models.enums import UpstreamStatus
from models.order import Intent
from orders.operations.job import Job
from orders.settlement.evidence import Evidence, Row, Shown, accounted_for
from orders.settlement.gathering import IN_QUESTION, REMOVED, VOUCHED, listed, shown, vouched_for, what_is_known
from orders.settlement.verdicts import Judgement, Verdict, judge
from upstreams.errors import ConnectionUnhealthy, OutcomeUnknown, Rejected, Scope
from upstreams.port import Upstream, UpstreamItem

FORMS_AT_MOST = 20
"""Forms that are read in one look, the newest items first: the item that is looked for is new."""
ROWS_IN_WORDS = 30
"""Items that are kept in the evidence that people read."""
AT_ONCE = timedelta(0)


async def find_out(database: Database, job: Job, upstream: Upstream, window: timedelta) -> Judgement:
    """One look at the upstream, and what it proves. Raises the errors of `upstreams.errors`.

    Absence is believed only of two listings in a row: a row may slip from page to page while they are read.
    """
    forms = _Forms.remembered(job.intent)
    judgement = await _look(database, job, upstream, window, forms)
    if judgement.verdict is Verdict.NOT_DONE:
        forms.read_again = True
        judgement = await _look(database, job, upstream, window, forms)
    return judgement


async def left_behind(database: Database, job: Job, upstream: Upstream) -> Judgement:
    """What the calls of this order that are over have left there. No call may be under way."""
    return await find_out(database, job, upstream, AT_ONCE)


async def leftover_of(database: Database, job: Job, upstream: Upstream) -> UpstreamItem | None:
    """The form of the item that an earlier request of this order left behind; None: there is certainly none.

    Raises OutcomeUnknown where that cannot be known.
    """
    found = await left_behind(database, job, upstream)
    match found.verdict:
        case Verdict.DONE:
            return await upstream.read_item(job.service.product_type, found.numbers[0])
        case Verdict.NOT_DONE:
            return None
        case Verdict.WAIT | Verdict.READ_FORMS | Verdict.CANNOT_TELL:
            raise OutcomeUnknown(
                f"Resellflow can't tell whether anything of operation {job.number} is there: {found.reason}"
            )


async def keep_evidence(database: Database, intent: Intent, evidence: dict[str, object]) -> None:
    """Write down what a verdict rests on, with the call that it is about."""
    async with database.write() as session:
        stored = await session.get_one(Intent, intent.id, populate_existing=True)
        stored.evidence = evidence
        session.add(stored)


async def ever_sent(database: Database, job: Job) -> bool:
    """Whether any request of this operation may have reached the upstream."""
    async with database.read() as session:
        calls = await session.exec(select(Intent).where(Intent.operation_id == job.number))
        return any(not call.never_left for call in calls.all())


async def _look(database: Database, job: Job, upstream: Upstream, window: timedelta, forms: "_Forms") -> Judgement:
    listing = await upstream.list_items(job.service.product_type)
    async with database.read() as session:
        evidence = await what_is_known(session, job, listing, window)
    seen = forms.put_to(evidence)
    judgement = judge(seen)
    if judgement.verdict is Verdict.READ_FORMS:
        newest_first = sorted(judgement.numbers, key=_age, reverse=True)
        unread_first = sorted(newest_first, key=lambda number: number in forms.read)
        for number in unread_first[:FORMS_AT_MOST]:
            forms.read[number] = await _form(job, upstream, number, evidence.now)
        forms.read_again = False
        seen = forms.put_to(evidence)
        judgement = judge(seen)
    if judgement.verdict is Verdict.READ_FORMS:
        left = len(judgement.numbers)
        words = f"{left} items there are new and may be this order; their forms are still to be read"
        judgement = Judgement(Verdict.WAIT, judgement.numbers, words)
    return replace(judgement, evidence=_in_words(seen, judgement, forms, job.intent))


async def _form(job: Job, upstream: Upstream, number: str, at: datetime) -> "_Read":
    try:
        item = await upstream.read_item(job.service.product_type, number)
    except Rejected:
        return _Read(None, at)
    except ConnectionUnhealthy as error:
        if error.scope is Scope.ACCOUNT:
            raise
        return _Read(None, at)
    return _Read(shown(item), at, item.status)


@dataclass(frozen=True)
class _Read:
    """One form as it was read."""

    form: Shown | None
    """None: the upstream does not let us read it, so what the list shows has to do."""
    at: datetime
    status: UpstreamStatus | None = None


@dataclass
class _Forms:
    """Forms read for this call, in this look and before."""

    read: dict[str, _Read]
    read_again: bool = True
    """Forms of items that were being opened are wanted anew; False once they were read in this look."""

    @classmethod
    def remembered(cls, intent: Intent | None) -> "_Forms":
        kept = intent.evidence.get("forms") if intent is not None else None
        read: dict[str, _Read] = {}
        for number, form in (kept if isinstance(kept, dict) else {}).items():
            seen = None if form.get("refused") else Shown(form["name"], form["mark"])
            status = UpstreamStatus[form.get("status", "unknown").upper()] if seen is not None else None
            read[number] = _Read(seen, datetime.fromisoformat(form["at"]), status)
        return cls(read)

    def put_to(self, evidence: Evidence) -> Evidence:
        """The evidence with the forms that still count.

        A form that did not say whose the item is, is read again if that may have changed since: it was read while the
        request may have been under way, and that time is over; or while the item was being opened.
        """
        rows = []
        for row in evidence.rows:
            if row.number not in self.read:
                rows.append(row)
                continue
            read = self.read[row.number]
            known = replace(row, form=read.form, form_refused=read.form is None, form_status=read.status)
            early = read.at < evidence.window_ends <= evidence.now
            changing = self.read_again and read.form is not None and not known.was_settled_in_form
            rows.append(row if (early or changing) and not accounted_for(evidence, known) else known)
        return replace(evidence, rows=tuple(rows))

    def in_words(self) -> dict[str, object]:
        return {
            number: {"at": read.at.isoformat(), **({"refused": "yes"} if read.form is None else _shown(read.form))}
            | ({"status": read.status.name.lower()} if read.status is not None else {})
            for number, read in self.read.items()
        }


def _in_words(evidence: Evidence, judgement: Judgement, forms: _Forms, intent: Intent | None) -> dict[str, object]:
    """What the verdict rests on, for people to read and for the next look."""
    new = [row for row in evidence.rows if row.number not in evidence.linked | evidence.known_before]
    new.sort(key=lambda row: _age(row.number), reverse=True)
    words: dict[str, object] = {
        "verdict": judgement.verdict.value,
        "reason": judgement.reason,
        "looked_at": evidence.now.isoformat(timespec="seconds"),
        "looked_for": {"marks": list(evidence.marks), "names": list(evidence.names)},
        "list": {
            "rows": len(evidence.rows),
            "complete": evidence.complete,
            "incomplete_because": evidence.incomplete_because,
        },
        "unknown_since": evidence.unknown_since.isoformat(timespec="seconds"),
        "not_believed_absent_before": evidence.window_ends.isoformat(timespec="seconds"),
        "new_items": [_row_in_words(evidence, row) for row in new[:ROWS_IN_WORDS]],
        IN_QUESTION: list(judgement.numbers),
        "forms": forms.in_words(),
    }
    if intent is None:
        return words
    carried = {VOUCHED: list(dict.fromkeys(vouched_for(intent))), REMOVED: listed(intent.evidence.get(REMOVED))}
    return words | {name: numbers for name, numbers in carried.items() if numbers}


def _row_in_words(evidence: Evidence, row: Row) -> dict[str, object]:
    words: dict[str, object] = {"number": row.number, "status": row.status.name.lower(), "list": _shown(row.listed)}
    if row.form is not None:
        words["form"] = _shown(row.form)
    elif row.form_refused:
        words["form"] = "refused"
    whose = accounted_for(evidence, row)
    return words | {"not_ours_because": whose}


def _shown(one: Shown) -> dict[str, object]:
    return {"name": one.name, "mark": one.mark}


def _age(number: str) -> int:
    return int(number) if number.isdigit() else 0
