"""What no verdict may say, whatever the upstream shows: random items, forms, names and marks."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from models.enums import Knowledge, UpstreamStatus
from orders.services.naming import canonical, same_name
from orders.settlement.evidence import Evidence, Row, Shown
from orders.settlement.item_verdicts import TOLERANCE, State, Term, expected, judge_state, judge_term
from orders.settlement.verdicts import Verdict, judge

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MARK, EARLIER, LONGER = "rf-abcde-1042", "rf-abcde-10", "rf-abcde-10427"
OWN, CUSTOMERS, OTHERS = "rf-abcde-1042.servers.internal", "xn--b1afb6bcb.example.test", "shop.example.com"
SETTLED = (UpstreamStatus.ACTIVE, UpstreamStatus.SUSPENDED, UpstreamStatus.DELETED)
MANY = settings(max_examples=300, deadline=None, derandomize=True)

spellings = some.sampled_from(
    [
        "", OWN, OWN.upper(), f"{OWN}.", OWN[:12], CUSTOMERS, "сервер.example.test", "СЕРВЕР.example.test",
        "сервер.exam…", "??????.example.test", "VPS (сервер.example.test)", OTHERS, "foreign.example.net",
        "auto-4707.example.net",
    ]
)  # fmt: skip
marks = some.sampled_from([None, "", MARK, MARK.upper(), MARK[:9], EARLIER, "rf-abcde-7", "whmcs-1", "auto-9", "rf"])
knowledge = some.sampled_from(list(Knowledge))
shown = some.builds(Shown, spellings, marks)
numbers = some.integers(1, 12).map(str)
rows = some.lists(
    some.builds(
        Row,
        number=numbers,
        listed=shown,
        status=some.sampled_from(list(UpstreamStatus)),
        form=some.none() | shown,
        form_refused=some.booleans(),
        form_status=some.none() | some.sampled_from(list(UpstreamStatus)),
    ),
    max_size=5,
    unique_by=lambda row: row.number,
).map(tuple)
evidences = some.builds(
    Evidence,
    marks=some.just((MARK,)),
    names=some.sampled_from([(OWN,), (CUSTOMERS,)]),
    name_is_ours=some.booleans(),
    rows=rows,
    complete=some.booleans(),
    incomplete_because=some.just(""),
    linked=some.frozensets(numbers, max_size=3),
    known_before=some.frozensets(numbers, max_size=3),
    names_of_others=some.sampled_from([frozenset[str](), frozenset({canonical(OTHERS)})]),
    marks_of_others=some.sampled_from([frozenset[str](), frozenset({EARLIER, "rf-abcde-7"}), frozenset({LONGER})]),
    lists_return_mark=knowledge,
    forms_return_mark=knowledge,
    lists_return_name=knowledge,
    name_shared=some.booleans(),
    accepted=some.booleans(),
    unknown_since=some.just(NOON),
    now=some.sampled_from([NOON, NOON + timedelta(minutes=1), NOON + timedelta(hours=1)]),
    window=some.just(timedelta(minutes=1)),
    names_linked=some.sampled_from([frozenset[str](), frozenset({canonical(CUSTOMERS)})]),
    vouched=some.booleans(),
).map(lambda one: replace(one, name_is_ours=one.names == (OWN,)))


@MANY
@given(evidences)
def test_not_done_is_never_said_of_what_may_have_been_done(evidence: Evidence) -> None:
    """Not before its time, not of a list that may lack something, unless a person vouched; not after a yes."""
    if judge(evidence).verdict is Verdict.NOT_DONE:
        assert evidence.complete or evidence.vouched
        assert not evidence.accepted or evidence.vouched
        assert evidence.now >= evidence.unknown_since + evidence.window


@MANY
@given(evidences)
def test_not_done_is_never_said_while_a_row_is_there_that_could_be_this_orders(evidence: Evidence) -> None:
    """Each new item has the whole mark, or the name, of another service of ours; or its form, read when nothing of it
    changes any more, shows a mark that is not ours and not under a name that may be ours."""
    if judge(evidence).verdict is Verdict.NOT_DONE:
        for row in evidence.rows:
            if row.number in evidence.linked | evidence.known_before:
                continue
            if set(row.marks) & evidence.marks_of_others or {canonical(name) for name in row.names} & (
                evidence.names_of_others
            ):
                continue
            assert not any(mark.casefold() == MARK for mark in row.marks)
            assert not any(same_name(name, ours) for name in row.names for ours in evidence.names)
            assert row.form is not None
            assert row.form.mark
            assert row.status in SETTLED
            assert row.form_status in (None, *SETTLED)


anything_but_ours = some.sampled_from([OTHERS, "foreign.example.net", "auto-4707.example.net", "v60842.hoster.test"])


@pytest.mark.proof
@MANY
@given(
    evidences,
    numbers,
    anything_but_ours,
    some.none() | anything_but_ours,
    some.sampled_from([None, ""]),
    some.sampled_from(list(UpstreamStatus)),
    some.sampled_from(["whmcs-1", "", None]),
)
def test_an_item_of_another_name_whose_form_shows_no_mark_is_never_passed_over(
    evidence: Evidence,
    number: str,
    name: str,
    in_form: str | None,
    blank: str | None,
    status: UpstreamStatus,
    listed_mark: str | None,
) -> None:
    """Whatever is known of other items of this upstream: its tariff may give names of its own and show no marks."""
    form = Shown(in_form, blank) if in_form is not None else None
    hidden = Row(number, Shown(name, listed_mark), status, form, form_refused=form is None, form_status=status)
    there = replace(
        evidence,
        rows=(*[row for row in evidence.rows if row.number != number], hidden),
        linked=evidence.linked - {number},
        known_before=evidence.known_before - {number},
        names_of_others=frozenset(),
    )
    assert judge(there).verdict is not Verdict.NOT_DONE


@pytest.mark.proof
@MANY
@given(evidences, numbers, some.sampled_from([UpstreamStatus.ORDERED, UpstreamStatus.PROCESSING]))
def test_an_item_that_is_being_opened_is_never_passed_over_for_what_it_shows_by_then(
    evidence: Evidence, number: str, status: UpstreamStatus
) -> None:
    opening = Row(number, Shown("tmp-1"), status, Shown("tmp-1.hoster.test", "tmp-1"), form_status=status)
    there = replace(
        evidence,
        rows=(*[row for row in evidence.rows if row.number != number], opening),
        linked=evidence.linked - {number},
        known_before=evidence.known_before - {number},
    )
    assert judge(there).verdict is not Verdict.NOT_DONE


@MANY
@given(evidences)
def test_a_done_order_is_never_said_to_be_anothers(evidence: Evidence) -> None:
    judgement = judge(evidence)
    if judgement.verdict is not Verdict.DONE:
        return
    by_number = {row.number: row for row in evidence.rows}
    for number in judgement.numbers:
        row = by_number[number]
        assert number not in evidence.linked
        assert row.status is not UpstreamStatus.DELETED
        named = any(same_name(name, ours) for name in row.names for ours in evidence.names)
        if any(mark.casefold() == MARK for mark in row.marks):
            # Where another service's mark begins with ours, it may be that one, cut short: the name must be ours, too.
            assert named or LONGER not in evidence.marks_of_others
            continue
        assert named
        assert not set(row.marks) & (evidence.marks_of_others - {EARLIER})
        if not evidence.name_is_ours:
            assert number not in evidence.known_before
            assert row.looked_at
            assert not evidence.name_shared
            # The beginning of our mark may be another service's whole one, unless that one has another name.
            others_name = evidence.names_linked | evidence.names_of_others
            assert not set(row.marks) & {EARLIER} & evidence.marks_of_others or not (
                {canonical(name) for name in row.names} & others_name
            )


@pytest.mark.proof
@MANY
@given(evidences)
def test_reading_more_never_turns_a_person_away(evidence: Evidence) -> None:
    """A form is asked for only of an item that nothing else explains, and only once."""
    judgement = judge(evidence)
    if judgement.verdict is Verdict.READ_FORMS:
        by_number = {row.number: row for row in evidence.rows}
        assert judgement.numbers
        assert not any(by_number[number].looked_at for number in judgement.numbers)
        assert not set(judgement.numbers) & (evidence.linked | evidence.known_before)


days = some.dates(date(2026, 1, 1), date(2028, 1, 1))
terms = some.builds(
    Term,
    number=some.just("7"),
    before=some.none() | days,
    announced=some.none() | days,
    months=some.sampled_from([0, 1, 3, 12]),
    sent_on=days,
    shown=some.none() | days,
    status=some.sampled_from([UpstreamStatus.ACTIVE, UpstreamStatus.PROCESSING, UpstreamStatus.SUSPENDED]),
    unknown_since=some.just(NOON),
    now=some.sampled_from([NOON, NOON + timedelta(hours=1)]),
    window=some.just(timedelta(minutes=1)),
)


@MANY
@given(terms)
def test_a_prolongation_is_done_only_at_the_expiry_that_was_asked_for(term: Term) -> None:
    match judge_term(term).verdict:
        case Verdict.DONE:
            assert term.shown is not None
            assert any(abs(term.shown - one) <= TOLERANCE for one in expected(term))
            assert term.before is None or term.shown > term.before
        case Verdict.NOT_DONE:
            assert term.shown == term.before
            assert term.status is not UpstreamStatus.PROCESSING
            assert term.now >= term.unknown_since + term.window
        case _:
            pass


@pytest.mark.proof
@MANY
@given(terms, some.integers(2, 400))
def test_a_term_that_is_neither_the_old_one_nor_the_one_asked_for_goes_to_a_person(term: Term, days_off: int) -> None:
    if term.before is None or not expected(term):
        return
    late = replace(term, now=NOON + timedelta(hours=1), status=UpstreamStatus.ACTIVE)
    other = max(expected(late)) + timedelta(days=days_off)
    judgement = judge_term(replace(late, shown=other if other != late.before else other + timedelta(days=1)))
    assert judgement.verdict is Verdict.CANNOT_TELL
    assert str(term.before) in judgement.reason


states = some.builds(
    State,
    number=some.just("7"),
    status=some.none() | some.sampled_from(list(UpstreamStatus)),
    done=some.booleans(),
    tariff_before=some.sampled_from(["", "58"]),
    tariff=some.sampled_from(["", "58", "59", "60"]),
    unknown_since=some.just(NOON),
    now=some.sampled_from([NOON, NOON + timedelta(hours=1)]),
    window=some.just(timedelta(minutes=1)),
)


@MANY
@given(states)
def test_a_change_counts_as_not_done_only_of_an_item_that_is_as_it_was(state: State) -> None:
    match judge_state(state).verdict:
        case Verdict.DONE:
            assert state.done
        case Verdict.NOT_DONE:
            assert state.status not in (None, UpstreamStatus.DELETED, UpstreamStatus.PROCESSING)
            assert state.tariff_before in ("", state.tariff)
            assert state.now >= state.unknown_since + state.window
        case _:
            assert not state.done
