"""Was it done? Every way in which what the upstream shows decides, or does not decide, about a lost answer."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from models.enums import Knowledge, UpstreamStatus
from orders.settlement.evidence import Evidence, Row, Shown
from orders.settlement.verdicts import INCOMPLETE_AT_MOST, Verdict, judge

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MARK, NAME = "rf-abcde-1042", "rf-abcde-1042.servers.internal"
ACTIVE, DELETED = UpstreamStatus.ACTIVE, UpstreamStatus.DELETED
YES, NO, UNKNOWN = Knowledge.YES, Knowledge.NO, Knowledge.UNKNOWN

EMPTY = Evidence(
    marks=(MARK,),
    names=(NAME,),
    name_is_ours=True,
    rows=(),
    complete=True,
    incomplete_because="",
    linked=frozenset(),
    known_before=frozenset(),
    names_of_others=frozenset(),
    marks_of_others=frozenset(),
    lists_return_mark=YES,
    forms_return_mark=YES,
    lists_return_name=YES,
    name_shared=False,
    accepted=False,
    unknown_since=NOON,
    now=NOON + timedelta(minutes=5),
    window=timedelta(minutes=1),
)
"""A complete list without any item, read well after the window has passed, of an upstream that shows everything."""

BLIND = replace(
    EMPTY,
    lists_return_mark=UNKNOWN,
    forms_return_mark=UNKNOWN,
    lists_return_name=UNKNOWN,
)
"""The same of an upstream of which nothing is proven."""
THEIRS = replace(EMPTY, names=("shop.example.com",), name_is_ours=False)
"""A name that the customer chose."""


def row(
    number: str = "17",
    name: str = NAME,
    mark: str | None = MARK,
    status: UpstreamStatus = UpstreamStatus.PROCESSING,
    form: Shown | None = None,
) -> Row:
    return Row(number, Shown(name, mark), status, form)


def read(
    number: str = "17",
    name: str = NAME,
    mark: str | None = MARK,
    listed: Shown | None = None,
    status: UpstreamStatus = ACTIVE,
) -> Row:
    """One whose form was read, and shows the same as the list, unless that is said."""
    shown = Shown(name, mark)
    return Row(number, listed or shown, status, shown, form_status=status)


SEEN = frozenset({"17"})
SOON = timedelta(minutes=2)
"""After the window, and before what is being opened there is given up."""
LATE = NOON + max(10 * EMPTY.window, INCOMPLETE_AT_MOST)
"""Until then a list that can't be read completely is tried again."""
STRANGER = row("50", "stranger.example.com", None)
READ = read("50", "stranger.example.com", None)
"""The stranger, and its form tells nothing more."""
HOST = "shop.example.com"

CASES = [
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
def test_what_is_shown_decides(evidence: Evidence, verdict: Verdict, numbers: tuple[str, ...]) -> None:
    judgement = judge(evidence)
    assert (judgement.verdict, judgement.numbers) == (verdict, numbers)


def test_every_verdict_is_among_the_cases() -> None:
    assert {case[2] for case in CASES} == set(Verdict)


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
