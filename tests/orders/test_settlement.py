"""Was it done? Every way in which what the upstream shows decides, or does not decide, about a lost answer."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from models.enums import Knowledge, UpstreamStatus
from orders.settlement import INCOMPLETE_AT_MOST, Evidence, Row, Verdict, judge

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MARK, NAME = "rf-abcde-1042", "rf-abcde-1042.servers.internal"
ACTIVE, DELETED = UpstreamStatus.ACTIVE, UpstreamStatus.DELETED
YES, NO, UNKNOWN = Knowledge.YES, Knowledge.NO, Knowledge.UNKNOWN

EMPTY = Evidence(
    mark=MARK,
    name=NAME,
    name_is_ours=True,
    rows=(),
    complete=True,
    linked=frozenset(),
    known_before=frozenset(),
    names_of_others=frozenset(),
    marks_of_others=frozenset(),
    lists_return_mark=YES,
    lists_return_name=YES,
    name_shared=False,
    accepted=False,
    unknown_since=NOON,
    now=NOON + timedelta(minutes=5),
    window=timedelta(minutes=1),
)
"""A complete list without any item, read well after the window has passed, of an upstream that shows everything."""

BLIND = replace(EMPTY, lists_return_mark=UNKNOWN, lists_return_name=UNKNOWN)
"""The same of an upstream of which nothing is proven."""
THEIRS = replace(EMPTY, name="shop.example.com", name_is_ours=False)
"""A name that the customer chose."""


def row(
    number: str = "17",
    name: str = NAME,
    remoteid: str | None = MARK,
    status: UpstreamStatus = UpstreamStatus.PROCESSING,
) -> Row:
    return Row(number, name, remoteid, status)


SEEN = frozenset({"17"})
LATE = NOON + max(10 * EMPTY.window, INCOMPLETE_AT_MOST)
"""Until then a list that can't be read completely is tried again."""
STRANGER = row("50", "stranger.example.com", None)

CASES = [
    # Done: our mark is there, or a name that only this order can have made.
    ("our mark", replace(EMPTY, rows=(row(),)), Verdict.DONE, ("17",)),
    ("our mark, before the window has passed", replace(EMPTY, rows=(row(),), now=NOON), Verdict.DONE, ("17",)),
    ("our mark in an incomplete list", replace(EMPTY, rows=(row(),), complete=False), Verdict.DONE, ("17",)),
    ("our mark under another name", replace(EMPTY, rows=(row(name="other"),)), Verdict.DONE, ("17",)),
    ("our mark among others'", replace(EMPTY, rows=(row("3", "x", "other"), row())), Verdict.DONE, ("17",)),
    ("our mark at an upstream never seen to show marks", replace(BLIND, rows=(row(),)), Verdict.DONE, ("17",)),
    ("our mark, accepted without a number", replace(EMPTY, rows=(row(),), accepted=True), Verdict.DONE, ("17",)),
    ("our mark twice: the older first", replace(EMPTY, rows=(row("100"), row("99"))), Verdict.DONE, ("99", "100")),
    ("numbers that are no numbers come last", replace(EMPTY, rows=(row("x9"), row("9"))), Verdict.DONE, ("9", "x9")),
    ("suspended, but ours", replace(EMPTY, rows=(row(status=UpstreamStatus.SUSPENDED),)), Verdict.DONE, ("17",)),
    (
        "ordered and not paid, but ours",
        replace(EMPTY, rows=(row(status=UpstreamStatus.ORDERED),)),
        Verdict.DONE,
        ("17",),
    ),
    ("our own name where marks are not shown", replace(BLIND, rows=(row(remoteid=None),)), Verdict.DONE, ("17",)),
    ("our own name where the mark is blank", replace(BLIND, rows=(row(remoteid=""),)), Verdict.DONE, ("17",)),
    (
        "the customer's name, new and nobody else's",
        replace(THEIRS, rows=(row(name="shop.example.com", remoteid=None),), forms_read=True),
        Verdict.DONE,
        ("17",),
    ),
    ("a mark proves more than a name", replace(BLIND, rows=(row("3", NAME, None), row("17"))), Verdict.DONE, ("17",)),
    (
        "our mark, seen before by another clock",
        replace(EMPTY, rows=(row(),), known_before=SEEN),
        Verdict.DONE,
        ("17",),
    ),
    (
        "our mark alone, seen before by another clock",
        replace(EMPTY, rows=(row(name="other"),), known_before=SEEN),
        Verdict.DONE,
        ("17",),
    ),
    (
        "our own name, seen before by another clock",
        replace(BLIND, rows=(row(remoteid=None),), known_before=SEEN),
        Verdict.DONE,
        ("17",),
    ),
    (
        "our own name, and in the mark's field something of the upstream's own",
        replace(BLIND, rows=(row(remoteid="auto-9"),)),
        Verdict.DONE,
        ("17",),
    ),
    # Not done: the whole list, long enough after, and nothing in it that could be this order.
    ("nothing at all", EMPTY, Verdict.NOT_DONE, ()),
    ("nothing at all at an unknown upstream", BLIND, Verdict.NOT_DONE, ()),
    ("another's mark", replace(EMPTY, rows=(row(name="x", remoteid="else"),)), Verdict.NOT_DONE, ()),
    (
        "our own name with another's mark, forms read",
        replace(EMPTY, rows=(row(remoteid="else"),), forms_read=True),
        Verdict.NOT_DONE,
        (),
    ),
    (
        "the mark of another service of ours, where nothing is proven",
        replace(BLIND, rows=(row(name="x", remoteid="rf-abcde-1"),), marks_of_others=frozenset({"rf-abcde-1"})),
        Verdict.NOT_DONE,
        (),
    ),
    (
        "our own name with the mark of another service of ours",
        replace(BLIND, rows=(row(remoteid="rf-abcde-1"),), marks_of_others=frozenset({"rf-abcde-1"})),
        Verdict.NOT_DONE,
        (),
    ),
    (
        "the customer's name, there before the request",
        replace(THEIRS, rows=(row(name="shop.example.com", remoteid=None),), known_before=SEEN, forms_read=True),
        Verdict.NOT_DONE,
        (),
    ),
    ("nothing, where lists show names", replace(EMPTY, lists_return_mark=NO), Verdict.NOT_DONE, ()),
    ("nothing, where lists show marks", replace(EMPTY, lists_return_name=NO), Verdict.NOT_DONE, ()),
    (
        "our mark, deleted there and dealt with before",
        replace(EMPTY, rows=(row(status=DELETED),), known_before=SEEN),
        Verdict.NOT_DONE,
        (),
    ),
    ("a blank mark where ours would show", replace(EMPTY, rows=(row(name="x", remoteid=""),)), Verdict.NOT_DONE, ()),
    ("another name where ours would show", replace(EMPTY, rows=(STRANGER,)), Verdict.NOT_DONE, ()),
    (
        "ours by mark, but another service's",
        replace(BLIND, rows=(STRANGER,), linked=frozenset({"50"})),
        Verdict.NOT_DONE,
        (),
    ),
    (
        "there before the request",
        replace(BLIND, rows=(STRANGER,), known_before=frozenset({"50"})),
        Verdict.NOT_DONE,
        (),
    ),
    ("a deleted stranger", replace(BLIND, rows=(replace(STRANGER, status=DELETED),)), Verdict.NOT_DONE, ()),
    (
        "exactly at the end of the window",
        replace(EMPTY, now=NOON + timedelta(minutes=1)),
        Verdict.NOT_DONE,
        (),
    ),
    (
        "a name that we made up for another service",
        replace(BLIND, rows=(STRANGER,), names_of_others=frozenset({STRANGER.name})),
        Verdict.NOT_DONE,
        (),
    ),
    # Wait: too early, or not everything was read.
    ("nothing, too early", replace(EMPTY, now=NOON + timedelta(seconds=59)), Verdict.WAIT, ()),
    ("nothing, in an incomplete list", replace(EMPTY, complete=False), Verdict.WAIT, ()),
    ("nothing, in an incomplete list, for long", replace(EMPTY, complete=False, now=LATE), Verdict.WAIT, ()),
    (
        "nothing, in an incomplete list, for less than ten windows",
        replace(EMPTY, complete=False, window=timedelta(hours=1), now=NOON + timedelta(hours=10)),
        Verdict.WAIT,
        (),
    ),
    ("accepted, not shown yet", replace(EMPTY, accepted=True, now=NOON), Verdict.WAIT, ()),
    ("accepted, list incomplete", replace(EMPTY, accepted=True, complete=False), Verdict.WAIT, ()),
    (
        "a stranger, forms read, too early",
        replace(BLIND, rows=(STRANGER,), forms_read=True, now=NOON),
        Verdict.WAIT,
        (),
    ),
    # Read forms: an item that may be it, and its form may tell.
    ("a stranger", replace(BLIND, rows=(STRANGER,)), Verdict.READ_FORMS, ("50",)),
    ("a stranger, too early", replace(BLIND, rows=(STRANGER,), now=NOON), Verdict.READ_FORMS, ("50",)),
    (
        "a stranger without a name where names show",
        replace(EMPTY, lists_return_mark=UNKNOWN, rows=(row("50", "", None),)),
        Verdict.READ_FORMS,
        ("50",),
    ),
    (
        "marks show, but this list has no such field",
        replace(EMPTY, lists_return_name=UNKNOWN, rows=(STRANGER,)),
        Verdict.READ_FORMS,
        ("50",),
    ),
    (
        "a blank mark where it is not proven that ours would show",
        replace(BLIND, lists_return_mark=NO, rows=(row("50", "x", ""),)),
        Verdict.READ_FORMS,
        ("50",),
    ),
    (
        "the customer's name twice",
        replace(THEIRS, rows=(row("1", "shop.example.com", None), row("2", "shop.example.com", None))),
        Verdict.READ_FORMS,
        ("1", "2"),
    ),
    (
        "the customer's name, which another unsettled order has too",
        replace(THEIRS, name_shared=True, rows=(row("1", "shop.example.com", None),)),
        Verdict.READ_FORMS,
        ("1",),
    ),
    (
        "the customer's name, whose form may show another mark",
        replace(THEIRS, rows=(row("1", "shop.example.com", None),)),
        Verdict.READ_FORMS,
        ("1",),
    ),
    (
        "our own name with another's mark: its form may tell",
        replace(EMPTY, rows=(row(remoteid="else"),)),
        Verdict.READ_FORMS,
        ("17",),
    ),
    (
        "the customer's name with a mark that means nothing yet",
        replace(BLIND, name="n", name_is_ours=False, rows=(row("1", "n", "auto-9"),)),
        Verdict.READ_FORMS,
        ("1",),
    ),
    # Cannot tell: a person has to look.
    (
        "the customer's name with a mark of something else, forms read",
        replace(BLIND, name="n", name_is_ours=False, rows=(row("1", "n", "auto-9"),), forms_read=True),
        Verdict.CANNOT_TELL,
        ("1",),
    ),
    (
        "nothing, where lists show neither marks nor names",
        replace(EMPTY, lists_return_mark=NO, lists_return_name=NO),
        Verdict.CANNOT_TELL,
        (),
    ),
    ("never read completely", replace(EMPTY, complete=False, now=LATE + timedelta(seconds=1)), Verdict.CANNOT_TELL, ()),
    (
        "the customer's name twice, forms read",
        replace(THEIRS, forms_read=True, rows=(row("1", "shop.example.com", None), row("2", "shop.example.com", None))),
        Verdict.CANNOT_TELL,
        ("1", "2"),
    ),
    (
        "the customer's name, forms read, which another unsettled order has too",
        replace(THEIRS, forms_read=True, name_shared=True, rows=(row("1", "shop.example.com", None),)),
        Verdict.CANNOT_TELL,
        ("1",),
    ),
    ("a stranger, forms read", replace(BLIND, rows=(STRANGER,), forms_read=True), Verdict.CANNOT_TELL, ("50",)),
    ("accepted, and nothing shown", replace(EMPTY, accepted=True), Verdict.CANNOT_TELL, ()),
    (
        "accepted, and a stranger",
        replace(BLIND, accepted=True, rows=(STRANGER,), forms_read=True),
        Verdict.CANNOT_TELL,
        ("50",),
    ),
    ("our mark, deleted there", replace(EMPTY, rows=(row(status=DELETED),)), Verdict.CANNOT_TELL, ("17",)),
    (
        "our mark, deleted, too early",
        replace(EMPTY, rows=(row(status=DELETED),), now=NOON),
        Verdict.CANNOT_TELL,
        ("17",),
    ),
]


@pytest.mark.parametrize(
    ("evidence", "verdict", "numbers"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_what_is_shown_decides(evidence: Evidence, verdict: Verdict, numbers: tuple[str, ...]) -> None:
    judgement = judge(evidence)
    assert (judgement.verdict, judgement.numbers) == (verdict, numbers)


def test_every_verdict_is_among_the_cases() -> None:
    assert {case[2] for case in CASES} == set(Verdict)


@pytest.mark.parametrize("evidence", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_an_item_of_another_service_is_never_adopted(evidence: Evidence) -> None:
    everything = frozenset(item.number for item in evidence.rows)
    assert judge(replace(evidence, linked=everything)).verdict is not Verdict.DONE


@pytest.mark.parametrize("evidence", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_an_item_from_before_is_adopted_only_if_nobody_else_can_have_made_it(evidence: Evidence) -> None:
    everything = frozenset(item.number for item in evidence.rows)
    adopted = judge(replace(evidence, known_before=everything))
    if adopted.verdict is Verdict.DONE:
        proof = {row.number for row in evidence.rows if row.remoteid == MARK or (row.name == NAME == evidence.name)}
        assert set(adopted.numbers) <= proof


@pytest.mark.parametrize("evidence", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_nothing_is_sent_again_before_the_window_or_on_an_incomplete_list_or_after_a_yes(evidence: Evidence) -> None:
    for doubtful in (
        replace(evidence, now=evidence.unknown_since + evidence.window - timedelta(microseconds=1)),
        replace(evidence, complete=False),
        replace(evidence, accepted=True),
    ):
        assert judge(doubtful).verdict is not Verdict.NOT_DONE


@pytest.mark.parametrize("forms_read", [False, True])
def test_nothing_is_sent_again_while_one_new_item_is_unexplained(forms_read: bool) -> None:
    blind = replace(BLIND, marks_of_others=frozenset({"other"}))
    for also in ((), (row("3", "x", "other"),), (row("4", "y", "another", DELETED),)):
        found = judge(replace(blind, rows=(*also, STRANGER), forms_read=forms_read))
        assert found.verdict in (Verdict.READ_FORMS, Verdict.CANNOT_TELL)
        assert found.numbers == ("50",)


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (EMPTY, "the complete list shows no item that could be this order"),
        (replace(EMPTY, now=NOON), "nothing with our mark is there yet"),
        (replace(EMPTY, complete=False), "could not be read completely"),
        (replace(EMPTY, accepted=True), f"accepted the order but shows no item with the mark {MARK}"),
        (replace(BLIND, rows=(STRANGER,), forms_read=True), "not known to show our mark; .*look at 50"),
        (replace(EMPTY, rows=(row(status=DELETED),)), "item 17 carries our mark but is deleted"),
    ],
)
def test_a_person_is_told_why(evidence: Evidence, words: str) -> None:
    assert re.search(words, judge(evidence).reason)


def test_a_person_is_not_told_more_numbers_than_can_be_looked_at() -> None:
    crowd = tuple(row(str(number), f"n{number}", None) for number in range(30))
    reason = judge(replace(BLIND, rows=crowd, forms_read=True)).reason
    assert reason.endswith("(look at 0, 1, 2, 3, 4)")
