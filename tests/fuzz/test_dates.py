"""Dates: months from an anchor, and what is plausible."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as some

from orders.errors import InvalidField
from orders.services.expiry import EARLIEST, anchor_after, check_expiry, months_later, on_anchor, why_implausible
from tests.fuzz.amount import tries

days = some.dates(date(2000, 1, 1), date(2060, 12, 31))
months = some.integers(1, 240)


@given(days, months)
@tries(100)
def test_so_many_months_later_is_that_day_or_the_month_s_last(day: date, number: int) -> None:
    later = months_later(day, number, day.day)

    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == number
    assert on_anchor(later, day.day)
    assert later.day <= day.day


@given(days, months, months)
@tries(100)
def test_in_one_step_or_in_two_it_is_the_same_day(day: date, first: int, second: int) -> None:
    between = months_later(day, first, day.day)
    anchor = anchor_after(day.day, between)

    assert anchor == day.day
    assert months_later(between, second, anchor) == months_later(day, first + second, day.day)


@given(some.dates())
@tries(100)
def test_a_date_is_plausible_or_said_not_to_be(day: date) -> None:
    why = why_implausible(day)

    assert why or day >= EARLIEST
    if not why:
        check_expiry("expires_on", day)
        return
    with pytest.raises(InvalidField, match=str(day)) as refused:
        check_expiry("expires_on", day)
    assert refused.value.field == "expires_on"
