"""Was it done? What the upstream shows proves it, or does not decide yet; and the words for a person."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from models.enums import UpstreamStatus
from orders.settlement.evidence import Evidence, Shown
from orders.settlement.verdicts import Verdict, judge
from tests.orders.settlement_evidence import (
    ACTIVE,
    BLIND,
    BY_PRESENCE,
    DELETED,
    EMPTY,
    HOST,
    LATE,
    MARK,
    NAME,
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
    # Done: our mark is there, or a name that only this order can have made.
    ("our mark", replace(EMPTY, rows=(row(),)), Verdict.DONE, ("17",)),
    ("our mark, before the window has passed", replace(EMPTY, rows=(row(),), now=NOON), Verdict.DONE, ("17",)),
    ("our mark in an incomplete list", replace(EMPTY, rows=(row(),), complete=False), Verdict.DONE, ("17",)),
    ("our mark under another name", replace(EMPTY, rows=(row(name="other"),)), Verdict.DONE, ("17",)),
    ("our mark in capitals", replace(EMPTY, rows=(row(mark=MARK.upper()),)), Verdict.DONE, ("17",)),
    ("our mark among others'", replace(EMPTY, rows=(row("3", "x", "other"), row())), Verdict.DONE, ("17",)),
    ("our mark at an upstream never seen to show marks", replace(BLIND, rows=(row(),)), Verdict.DONE, ("17",)),
    ("our mark, accepted without a number", replace(EMPTY, rows=(row(),), accepted=True), Verdict.DONE, ("17",)),
    ("our mark twice: the older first", replace(EMPTY, rows=(row("100"), row("99"))), Verdict.DONE, ("99", "100")),
    ("numbers that are no numbers come last", replace(EMPTY, rows=(row("x9"), row("9"))), Verdict.DONE, ("9", "x9")),
    ("suspended, but ours", replace(EMPTY, rows=(row(status=UpstreamStatus.SUSPENDED),)), Verdict.DONE, ("17",)),
    ("ordered, but ours", replace(EMPTY, rows=(row(status=UpstreamStatus.ORDERED),)), Verdict.DONE, ("17",)),
    ("our mark in the form alone", replace(BLIND, rows=(read(listed=Shown("x")),)), Verdict.DONE, ("17",)),
    (
        "the mark of an earlier call of this order",
        replace(EMPTY, marks=(f"{MARK}-2", MARK), rows=(row(name="x"),)),
        Verdict.DONE,
        ("17",),
    ),
    ("our own name where marks are not shown", replace(BLIND, rows=(row(mark=None),)), Verdict.DONE, ("17",)),
    ("our own name where the mark is blank", replace(BLIND, rows=(row(mark=""),)), Verdict.DONE, ("17",)),
    (
        "our own name in capitals, with a dot",
        replace(BLIND, rows=(row(name=f"{NAME.upper()}.", mark=None),)),
        Verdict.DONE,
        ("17",),
    ),
    (
        "the customer's name, new and nobody else's",
        replace(THEIRS, rows=(read("17", HOST, None),)),
        Verdict.DONE,
        ("17",),
    ),
    (
        "our mark cut short, and the customer's name",
        replace(THEIRS, rows=(read("17", HOST, MARK[:10]),)),
        Verdict.DONE,
        ("17",),
    ),
    (
        "the customer's name, and our mark cut to what is the whole one of a service of another name",
        replace(THEIRS, rows=(read("1", HOST, "rf-abcde-1"),), marks_of_others=frozenset({"rf-abcde-1"})),
        Verdict.DONE,
        ("1",),
    ),
    (
        "our whole mark, which may be another service's cut short, and our name",
        replace(THEIRS, rows=(row("1", HOST.upper(), MARK),), marks_of_others=frozenset({f"{MARK}7"})),
        Verdict.DONE,
        ("1",),
    ),
    (
        "our mark cut short tells one of two of the same name",
        replace(THEIRS, rows=(read("17", HOST, MARK[:10]), read("18", HOST, None))),
        Verdict.DONE,
        ("17",),
    ),
    ("a mark proves more than a name", replace(BLIND, rows=(row("3", NAME, None), row("17"))), Verdict.DONE, ("17",)),
    ("our mark, seen before", replace(EMPTY, rows=(row(),), known_before=SEEN), Verdict.DONE, ("17",)),
    (
        "our own name, seen before",
        replace(BLIND, rows=(row(mark=None),), known_before=SEEN),
        Verdict.DONE,
        ("17",),
    ),
    (
        "our own name, and in the mark's field something of the upstream's own",
        replace(BLIND, rows=(row(mark="auto-9"),)),
        Verdict.DONE,
        ("17",),
    ),
    (
        "the customer's name, new, and its form is refused",
        replace(THEIRS, rows=(replace(row("1", HOST, None, ACTIVE), form_refused=True),)),
        Verdict.DONE,
        ("1",),
    ),
    (
        "the customer's name with a blank mark, where forms are not known to show ours",
        replace(BLIND, names=(HOST,), name_is_ours=False, rows=(read("1", HOST, ""),)),
        Verdict.DONE,
        ("1",),
    ),
    (
        "the customer's name, new, which another service that has its item has, too",
        replace(THEIRS, rows=(read("17", HOST, None),), names_linked=frozenset({HOST})),
        Verdict.DONE,
        ("17",),
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
        "another's mark and name, while it is being opened",
        replace(BLIND, rows=(read("5", "x", "else", status=UpstreamStatus.PROCESSING),), now=NOON + SOON),
        Verdict.WAIT,
        ("5",),
    ),
    (
        "another's mark and name, while it is being opened, shortly before that is given up",
        replace(
            BLIND,
            rows=(read("5", "x", "else", status=UpstreamStatus.PROCESSING),),
            now=NOON + timedelta(minutes=4, seconds=30),
        ),
        Verdict.WAIT,
        ("5",),
    ),
    (
        "another's mark and name in a form that says that it is open, and the list does not",
        replace(
            BLIND,
            rows=(replace(read("5", "x", "else", status=UpstreamStatus.PROCESSING), form_status=ACTIVE),),
            now=NOON + SOON,
        ),
        Verdict.WAIT,
        ("5",),
    ),
    (
        "its form was read while it was being opened, and the list says that it is open",
        replace(
            BLIND,
            rows=(replace(read("5", "x", "else"), form_status=UpstreamStatus.PROCESSING),),
            now=NOON + SOON,
        ),
        Verdict.CANNOT_TELL,
        ("5",),
    ),
    ("a stranger, form read, too early", replace(BLIND, rows=(READ,), now=NOON), Verdict.WAIT, ("50",)),
    # Read forms: an item that may be it, and its form may tell.
    ("a stranger", replace(BLIND, rows=(STRANGER,)), Verdict.READ_FORMS, ("50",)),
    ("a stranger, too early", replace(BLIND, rows=(STRANGER,), now=NOON), Verdict.READ_FORMS, ("50",)),
    (
        "another name, though lists are known to show names",
        replace(EMPTY, rows=(STRANGER,)),
        Verdict.READ_FORMS,
        ("50",),
    ),
    (
        "the same name by meaning, however the list spells it",
        replace(THEIRS, rows=(row("1", "SHOP.example.com.", None),)),
        Verdict.READ_FORMS,
        ("1",),
    ),
    ("another's mark in the list", replace(EMPTY, rows=(row("5", "x", "else"),)), Verdict.READ_FORMS, ("5",)),
    ("our own name with another's mark", replace(EMPTY, rows=(row(mark="else"),)), Verdict.READ_FORMS, ("17",)),
    ("a deleted stranger", replace(BLIND, rows=(replace(STRANGER, status=DELETED),)), Verdict.READ_FORMS, ("50",)),
    ("a blank mark where ours would show", replace(EMPTY, rows=(row("50", "x", ""),)), Verdict.READ_FORMS, ("50",)),
    ("a stranger without a name", replace(EMPTY, rows=(row("50", "", None),)), Verdict.READ_FORMS, ("50",)),
    (
        "the customer's name twice",
        replace(THEIRS, rows=(row("1", HOST, None), row("2", HOST, None))),
        Verdict.READ_FORMS,
        ("1", "2"),
    ),
    (
        "the customer's name, whose form may show another mark",
        replace(THEIRS, rows=(row("1", HOST, None),)),
        Verdict.READ_FORMS,
        ("1",),
    ),
    (
        "the customer's name with a mark that means nothing yet",
        replace(BLIND, names=("n",), name_is_ours=False, rows=(row("1", "n", "auto-9"),)),
        Verdict.READ_FORMS,
        ("1",),
    ),
    ("one form of two is read", replace(BLIND, rows=(READ, row("51", "y", None))), Verdict.READ_FORMS, ("51",)),
]


@pytest.mark.parametrize(
    ("evidence", "verdict", "numbers"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_what_is_shown_decides(evidence: Evidence, verdict: Verdict, numbers: tuple[str, ...]) -> None:
    judgement = judge(evidence)
    assert (judgement.verdict, judgement.numbers) == (verdict, numbers)


def test_every_verdict_by_presence_is_among_the_cases() -> None:
    assert {case[2] for case in CASES} >= BY_PRESENCE


@pytest.mark.parametrize(
    "spelling", ["сервер.example.test", "СЕРВЕР.Example.TEST.", "xn--b1afb6bcb.example.test", "сервер.example.test "]
)
@pytest.mark.parametrize("sent", ["xn--b1afb6bcb.example.test"])
def test_a_name_is_compared_by_meaning_however_the_list_spells_it(spelling: str, sent: str) -> None:
    there = read("17", spelling, None)
    assert judge(replace(THEIRS, names=(sent,), rows=(there,))).verdict is Verdict.DONE


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (EMPTY, "the complete list shows no item that could be this order"),
        (replace(EMPTY, now=NOON), "nothing with our mark is there yet"),
        (
            replace(EMPTY, complete=False, incomplete_because="a filter is active"),
            "not be read completely: a filter is",
        ),
        (replace(EMPTY, accepted=True), f"accepted the order but shows no item with the mark {MARK}"),
        (replace(BLIND, rows=(READ,)), "appeared there since .* it may be this order .*look at 50"),
        (replace(EMPTY, rows=(row(status=DELETED),)), "item 17 carries our mark but is deleted"),
    ],
)
def test_a_person_is_told_why(evidence: Evidence, words: str) -> None:
    assert re.search(words, judge(evidence).reason)


def test_a_person_is_not_told_more_numbers_than_can_be_looked_at() -> None:
    crowd = tuple(read(str(number), f"n{number}", None) for number in range(30))
    reason = judge(replace(BLIND, rows=crowd)).reason
    assert reason.endswith("(look at 0, 1, 2, 3, 4)")
