"""Unpaid rows: which may be removed, and whether one that was removed had been paid for just before."""

from decimal import Decimal

import pytest

from models.enums import Knowledge, UpstreamStatus
from orders.carts.leftovers import Ours, Remedy, remedy_for
from orders.carts.removing import doubt
from upstreams.port import UpstreamItem

YES, NO, UNKNOWN = Knowledge.YES, Knowledge.NO, Knowledge.UNKNOWN
MARK, LONGER, NAME, OTHER = "rf-abcde-1", "rf-abcde-10", "a1.example.test", "b2.example.test"
OURS = Ours(marks=(MARK,), name=NAME)
BESIDE = Ours((MARK,), NAME, marks_of_others=frozenset({LONGER}), names_of_others=frozenset({OTHER}))
"""Ours, and another service whose mark begins with ours."""


def form(mark: str | None, name: str, status: UpstreamStatus = UpstreamStatus.ORDERED) -> UpstreamItem:
    return UpstreamItem(number="7", product_type="vds", status=status, name=name, mark=mark)


@pytest.mark.parametrize(
    ("ours", "shown", "remedy"),
    [
        (OURS, form(MARK, "anything"), Remedy.REMOVE),
        (OURS, form(MARK.upper(), ""), Remedy.REMOVE),
        (OURS, form(MARK, NAME, UpstreamStatus.ACTIVE), Remedy.ASK),
        (OURS, form(MARK, NAME, UpstreamStatus.PROCESSING), Remedy.ASK),
        (OURS, form("", NAME), Remedy.ASK),
        (OURS, form(None, NAME), Remedy.ASK),
        (OURS, form("rf-abcde", NAME), Remedy.ASK),
        (BESIDE, form(MARK, OTHER), Remedy.ASK),
        (BESIDE, form(MARK, "c3.example.test"), Remedy.ASK),
        (BESIDE, form(MARK, ""), Remedy.ASK),
        (BESIDE, form(MARK, NAME.upper()), Remedy.REMOVE),
        (Ours((MARK,), OTHER, frozenset({LONGER}), frozenset({OTHER})), form(MARK, OTHER), Remedy.ASK),
        (Ours((LONGER,), OTHER, frozenset({MARK}), frozenset({NAME})), form(LONGER, "anything"), Remedy.REMOVE),
    ],
)
def test_only_an_unpaid_row_that_is_certainly_ours_is_removed(ours: Ours, shown: UpstreamItem, remedy: Remedy) -> None:
    assert remedy_for(shown, ours) is remedy


@pytest.mark.parametrize(
    ("charged", "before", "after", "others", "words"),
    [
        (UNKNOWN, "12.00", "12.00", "0", ""),
        (UNKNOWN, "12.00", "507.00", "0", "went from 12.00 to 507.00"),  # a top-up of 500, and 5 for the row
        (UNKNOWN, "12.00", "7.00", "0", "went from 12.00 to 7.00"),
        (UNKNOWN, "12.00", "7.00", "5.00", ""),
        (UNKNOWN, "12.00", "12.00", "5.00", ""),
        (UNKNOWN, "12.00", "2.00", "5.00", "went from 12.00 to 2.00"),
        (UNKNOWN, "12.00", None, "0", "can't be read"),
        (UNKNOWN, None, "12.00", "0", "can't be read"),
        (NO, "12.00", "512.00", "0", ""),
        (NO, None, None, "0", ""),
        (YES, "12.00", "12.00", "0", "expenses show"),  # topped up by its price to the cent
    ],
)
def test_a_row_that_was_removed_is_in_doubt_unless_it_was_certainly_not_charged(
    charged: Knowledge, before: str | None, after: str | None, others: str, words: str
) -> None:
    why = doubt(charged, Decimal(before) if before else None, Decimal(after) if after else None, Decimal(others))
    assert words in why
    assert bool(words) == bool(why)
