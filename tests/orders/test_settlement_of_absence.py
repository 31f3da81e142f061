"""Was it not done, or can nobody tell? What an upstream shows that has no item with our mark."""

from dataclasses import replace
from datetime import timedelta

import pytest

from models.enums import UpstreamStatus
from orders.settlement.evidence import Evidence, Shown
from orders.settlement.verdicts import Verdict, judge
from tests.orders.settlement_evidence import (
    BLIND,
    BY_ABSENCE,
    DELETED,
    EMPTY,
    HOST,
    LATE,
    MARK,
    NAME,
    NO,
    NOON,
    READ,
    SEEN,
    SOON,
    STRANGER,
    THEIRS,
    Case,
    read,
    row,
)

CASES: list[Case] = [
    # Not done: the whole list, long enough after, and every new item is accounted for.
    (
        "our own name, and in its form the mark of another service of ours, which the list does not show",
        replace(
            BLIND,
            rows=(read("17", NAME, "rf-abcde-7", listed=Shown(NAME, "")),),
            marks_of_others=frozenset({"rf-abcde-7"}),
        ),
        Verdict.NOT_DONE,
        (),
    ),
    (
        "the mark of another service of ours in the form, and something else in the list, while it is being opened",
        replace(
            BLIND,
            rows=(read("50", "y", "rf-abcde-7", Shown("y", "auto-9"), UpstreamStatus.PROCESSING),),
            marks_of_others=frozenset({"rf-abcde-7"}),
            now=NOON + SOON,
        ),
        Verdict.NOT_DONE,
        (),
    ),
    ("nothing at all", EMPTY, Verdict.NOT_DONE, ()),
    ("nothing at all at an unknown upstream", BLIND, Verdict.NOT_DONE, ()),
    ("another's mark and name, in the form", replace(BLIND, rows=(read("5", "x", "else"),)), Verdict.NOT_DONE, ()),
    (
        "another's mark in the form, where ours would show, and no name",
        replace(EMPTY, rows=(read("5", "", "else"),)),
        Verdict.NOT_DONE,
        (),
    ),
    (
        "the mark of another service of ours, where nothing is proven",
        replace(BLIND, rows=(row(name="x", mark="rf-abcde-1x"),), marks_of_others=frozenset({"rf-abcde-1x"})),
        Verdict.NOT_DONE,
        (),
    ),
    (
        "the mark of another service of ours, in a form",
        replace(
            BLIND,
            rows=(read("50", "y", "rf-abcde-7", listed=Shown("y")),),
            marks_of_others=frozenset({"rf-abcde-7"}),
        ),
        Verdict.NOT_DONE,
        (),
    ),
    (
        "our own name with the mark of another service of ours",
        replace(BLIND, rows=(row(mark="rf-abcde-7"),), marks_of_others=frozenset({"rf-abcde-7"})),
        Verdict.NOT_DONE,
        (),
    ),
    (
        "another service's mark that is the beginning of ours, under that service's name",
        replace(
            BLIND,
            rows=(read("50", "other.example.com", "rf-abcde-1"),),
            marks_of_others=frozenset({"rf-abcde-1"}),
        ),
        Verdict.NOT_DONE,
        (),
    ),
    (
        "the customer's name, there before the request",
        replace(THEIRS, rows=(read("17", HOST, None),), known_before=SEEN),
        Verdict.NOT_DONE,
        (),
    ),
    ("nothing, where lists show names", replace(EMPTY, lists_return_mark=NO), Verdict.NOT_DONE, ()),
    ("nothing, where lists show marks", replace(EMPTY, lists_return_name=NO), Verdict.NOT_DONE, ()),
    (
        "our mark, deleted there and vouched for",
        replace(EMPTY, rows=(row(status=DELETED),), known_before=SEEN),
        Verdict.NOT_DONE,
        (),
    ),
    (
        "an earlier call's mark, deleted by us",
        replace(EMPTY, marks=(f"{MARK}-2", MARK), rows=(row(status=DELETED),)),
        Verdict.NOT_DONE,
        (),
    ),
    (
        "another name and a foreign mark in the form, where nothing is proven",
        replace(BLIND, rows=(read("50", "x.example.com", "whmcs-7", listed=Shown("x.example.com")),)),
        Verdict.NOT_DONE,
        (),
    ),
    (
        "nothing new, where lists show nothing, and a person vouched for it",
        replace(EMPTY, lists_return_mark=NO, lists_return_name=NO, vouched=True),
        Verdict.NOT_DONE,
        (),
    ),
    (
        "nothing new in a list that is never complete, and a person vouched for it",
        replace(EMPTY, complete=False, vouched=True),
        Verdict.NOT_DONE,
        (),
    ),
    ("ours by mark, but another service's", replace(BLIND, rows=(row(),), linked=SEEN), Verdict.NOT_DONE, ()),
    (
        "there before the request",
        replace(BLIND, rows=(STRANGER,), known_before=frozenset({"50"})),
        Verdict.NOT_DONE,
        (),
    ),
    (
        "a deleted stranger with a mark of its own",
        replace(BLIND, rows=(read("50", "x.example.com", "whmcs-7", status=DELETED),)),
        Verdict.NOT_DONE,
        (),
    ),
    ("exactly at the end of the window", replace(EMPTY, now=NOON + timedelta(minutes=1)), Verdict.NOT_DONE, ()),
    (
        "the name of another service of ours",
        replace(BLIND, rows=(STRANGER,), names_of_others=frozenset({"stranger.example.com"})),
        Verdict.NOT_DONE,
        (),
    ),
    (
        "a restored database, and what is new there has another mark, where ours would show",
        replace(EMPTY, suspected=True, rows=(read("5", "x", "else"),)),
        Verdict.NOT_DONE,
        (),
    ),
    (
        "a restored database, and what is new there has another mark in its form, where forms show ours",
        replace(EMPTY, suspected=True, lists_return_mark=NO, rows=(read("5", "x", "else", Shown("x")),)),
        Verdict.NOT_DONE,
        (),
    ),
    (
        "a restored database, and all that is there was there before or is another service's",
        replace(BLIND, suspected=True, rows=(READ, row("9")), known_before=frozenset({"50"}), linked=frozenset({"9"})),
        Verdict.NOT_DONE,
        (),
    ),
    # Cannot tell: a person has to look.
    (
        "no name, and a mark that is another service's or the beginning of ours",
        replace(BLIND, rows=(read("5", "", "rf-abcde-1"),), marks_of_others=frozenset({"rf-abcde-1"})),
        Verdict.CANNOT_TELL,
        ("5",),
    ),
    (
        "an earlier call's mark, which may be another service's cut short, and another name",
        replace(
            THEIRS,
            marks=(f"{MARK}-2", MARK),
            rows=(read("1", "b2.example.com", MARK),),
            marks_of_others=frozenset({f"{MARK}7"}),
        ),
        Verdict.CANNOT_TELL,
        ("1",),
    ),
    (
        "a restored database, and something new with another mark, where marks are not known to show",
        replace(BLIND, suspected=True, rows=(read("5", "x", "else"),)),
        Verdict.CANNOT_TELL,
        ("5",),
    ),
    (
        "a restored database, and an item of the customer's name, which a lost order may have had",
        replace(THEIRS, suspected=True, rows=(read("17", HOST, None),)),
        Verdict.CANNOT_TELL,
        ("17",),
    ),
    (
        "a stranger, while another service's item is being opened",
        replace(BLIND, rows=(READ, row("9", "y", None)), linked=frozenset({"9"}), now=NOON + SOON),
        Verdict.CANNOT_TELL,
        ("50",),
    ),
    (
        "another name and a mark that may be the beginning of ours",
        replace(BLIND, rows=(read("50", "x.example.com", "rf-a"),)),
        Verdict.CANNOT_TELL,
        ("50",),
    ),
    (
        "another name in the list alone, and a foreign mark in the form",
        replace(BLIND, rows=(read("50", "", "else", Shown("x.example.com")),)),
        Verdict.CANNOT_TELL,
        ("50",),
    ),
    (
        "no name, and a foreign mark in the form, where nothing is proven",
        replace(BLIND, rows=(read("5", "", "else"),)),
        Verdict.CANNOT_TELL,
        ("5",),
    ),
    (
        "our whole mark, which may be another service's cut short, our name, and in the form another mark",
        replace(
            THEIRS,
            rows=(read("1", HOST, "else", Shown(HOST, MARK)),),
            marks_of_others=frozenset({f"{MARK}7"}),
        ),
        Verdict.CANNOT_TELL,
        ("1",),
    ),
    (
        "our whole mark, which may be another service's cut short, and a name that another unsettled order has too",
        replace(THEIRS, rows=(read("1", HOST, MARK),), marks_of_others=frozenset({f"{MARK}7"}), name_shared=True),
        Verdict.CANNOT_TELL,
        ("1",),
    ),
    (
        "the customer's name twice, and one of them has no mark where ours would show",
        replace(THEIRS, rows=(read("1", HOST, None), read("2", HOST, ""))),
        Verdict.CANNOT_TELL,
        ("1", "2"),
    ),
    (
        "the customer's name, and no mark in the form, where ours would show",
        replace(THEIRS, rows=(read("1", HOST, "", Shown(HOST)),)),
        Verdict.CANNOT_TELL,
        ("1",),
    ),
    (
        "the customer's name, and no mark in the list, where ours would show",
        replace(THEIRS, rows=(read("1", HOST, None, Shown(HOST, "")),)),
        Verdict.CANNOT_TELL,
        ("1",),
    ),
    (
        "the customer's name with a mark of something else, forms read",
        replace(BLIND, names=("n",), name_is_ours=False, rows=(read("1", "n", "auto-9"),)),
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
        replace(THEIRS, rows=(read("1", HOST, None), read("2", HOST, None))),
        Verdict.CANNOT_TELL,
        ("1", "2"),
    ),
    (
        "the customer's name, which another unsettled order has too",
        replace(THEIRS, name_shared=True, rows=(read("1", HOST, None),)),
        Verdict.CANNOT_TELL,
        ("1",),
    ),
    (
        "the customer's name, and no mark where ours would show",
        replace(THEIRS, rows=(read("1", HOST, ""),)),
        Verdict.CANNOT_TELL,
        ("1",),
    ),
    (
        "the customer's name, which another service has too, and our mark cut to what is that one's whole one",
        replace(
            THEIRS,
            rows=(read("1", HOST, "rf-abcde-1"),),
            marks_of_others=frozenset({"rf-abcde-1"}),
            names_linked=frozenset({HOST}),
        ),
        Verdict.CANNOT_TELL,
        ("1",),
    ),
    (
        "our whole mark, which may be another service's cut short, and another name",
        replace(THEIRS, rows=(read("1", "b2.example.com", MARK),), marks_of_others=frozenset({f"{MARK}7"})),
        Verdict.CANNOT_TELL,
        ("1",),
    ),
    (
        "our whole mark, which may be another service's cut short, and the name of that one",
        replace(
            THEIRS,
            rows=(read("1", HOST, MARK),),
            marks_of_others=frozenset({f"{MARK}7"}),
            names_of_others=frozenset({HOST}),
        ),
        Verdict.CANNOT_TELL,
        ("1",),
    ),
    (
        "another name, where the names of other items of ours show",
        replace(EMPTY, rows=(READ,)),
        Verdict.CANNOT_TELL,
        ("50",),
    ),
    (
        "another name and no mark where ours of other items show",
        replace(THEIRS, rows=(read("50", "x.example.com", ""),)),
        Verdict.CANNOT_TELL,
        ("50",),
    ),
    (
        "a deleted item of another name and no mark",
        replace(BLIND, rows=(read("50", "x.example.com", "", status=DELETED),)),
        Verdict.CANNOT_TELL,
        ("50",),
    ),
    (
        "the name of a service of ours that is another item",
        replace(EMPTY, rows=(READ,), names_linked=frozenset({"stranger.example.com"})),
        Verdict.CANNOT_TELL,
        ("50",),
    ),
    (
        "our own name with another's mark, in the form too",
        replace(EMPTY, rows=(read(mark="else"),)),
        Verdict.CANNOT_TELL,
        ("17",),
    ),
    (
        "another's mark and name in the form of an item that stays in opening",
        replace(BLIND, rows=(read("5", "x", "else", status=UpstreamStatus.PROCESSING),)),
        Verdict.CANNOT_TELL,
        ("5",),
    ),
    (
        "a new stranger since a person vouched",
        replace(BLIND, rows=(READ,), vouched=True),
        Verdict.CANNOT_TELL,
        ("50",),
    ),
    (
        "another name and a foreign mark, where our marks are known not to come back",
        replace(BLIND, lists_return_mark=NO, forms_return_mark=NO, rows=(read("50", "x.example.com", "auto-9"),)),
        Verdict.CANNOT_TELL,
        ("50",),
    ),
    (
        "a form that is refused",
        replace(BLIND, rows=(replace(STRANGER, form_refused=True),)),
        Verdict.CANNOT_TELL,
        ("50",),
    ),
    (
        "our name cut short, in the form too",
        replace(THEIRS, rows=(read("50", "shop.exam…", ""),)),
        Verdict.CANNOT_TELL,
        ("50",),
    ),
    ("our name in words", replace(THEIRS, rows=(read("50", f"VPS ({HOST})", ""),)), Verdict.CANNOT_TELL, ("50",)),
    (
        "a name with letters lost",
        replace(THEIRS, rows=(read("50", "????.example.com", ""),)),
        Verdict.CANNOT_TELL,
        ("50",),
    ),
    ("a stranger, form read", replace(BLIND, rows=(READ,)), Verdict.CANNOT_TELL, ("50",)),
    ("accepted, and nothing shown", replace(EMPTY, accepted=True), Verdict.CANNOT_TELL, ()),
    ("accepted, and a stranger", replace(BLIND, accepted=True, rows=(READ,)), Verdict.CANNOT_TELL, ("50",)),
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
def test_what_is_not_shown_decides(evidence: Evidence, verdict: Verdict, numbers: tuple[str, ...]) -> None:
    judgement = judge(evidence)
    assert (judgement.verdict, judgement.numbers) == (verdict, numbers)


def test_every_verdict_by_absence_is_among_the_cases() -> None:
    assert {case[2] for case in CASES} >= BY_ABSENCE
