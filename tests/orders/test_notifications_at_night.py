"""Quiet hours are those of the wall clock where the people are: over midnight, and when the clocks change."""

from datetime import UTC, datetime, timedelta

import pytest

from models.columns import CLOCK
from models.database import Database
from models.enums import IncidentKind
from models.notifications import NotificationChannel
from orders.notifications import digest
from tests.orders.test_notifications import channel, close, happen, look, messages
from tests.webhooks.receiver import receiving

ZONE = "Europe/Amsterdam"
SPRING, AUTUMN = "2026-03-28T12:00+00:00", "2026-10-24T12:00+00:00"
"""Noon before the night in which the clocks change, at 01:00 UTC."""
QUARTER = timedelta(minutes=15)


def quiet_quarters(quiet: str, noon: str) -> list[datetime]:
    """The quarters of an hour within a day that are quiet."""
    one = channel(quiet=quiet, time_zone=ZONE)
    begin = datetime.fromisoformat(noon)
    return [moment for n in range(96) if one.is_quiet(moment := begin + n * QUARTER)]


@pytest.mark.parametrize(
    ("quiet", "noon", "first", "last", "hours"),
    [
        ("22:00-07:00", "2026-06-01T12:00+00:00", "20:00", "04:45", 9),
        ("22:00-07:00", SPRING, "21:00", "04:45", 8),
        ("22:00-07:00", AUTUMN, "20:00", "05:45", 10),
        ("02:30-03:30", SPRING, "01:00", "01:15", 0.5),  # half past two does not exist
        ("02:30-03:30", AUTUMN, "00:30", "02:15", 1.5),  # half past two comes twice
        ("00:00-00:00", AUTUMN, "12:00", "11:45", 24),
    ],
)
def test_quiet_hours_when_the_clocks_change(quiet: str, noon: str, first: str, last: str, hours: float) -> None:
    found = quiet_quarters(quiet, noon)
    assert (f"{found[0]:%H:%M}", f"{found[-1]:%H:%M}") == (first, last)
    assert len(found) == hours * 4


@pytest.mark.parametrize(("noon", "at"), [(SPRING, "01:00"), (AUTUMN, "00:30")])
def test_a_digest_in_the_hour_that_is_left_out_or_comes_twice_is_one(noon: str, at: str) -> None:
    one = channel(digest="02:30", time_zone=ZONE)
    begin = datetime.fromisoformat(noon)
    state = NotificationChannel(name="office", digest_of=one.local(begin).date())
    sent = []
    for moment in (begin + n * QUARTER for n in range(90)):
        if digest.is_due(one, state, moment):
            sent.append(f"{moment:%H:%M}")
            state.digest_of = one.local(moment).date()
    assert sent == [at]


def now_is(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    monkeypatch.setattr(CLOCK, "ahead", datetime.fromisoformat(moment) - datetime.now(UTC))


async def test_a_night_with_one_hour_more(shelf: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only money wakes people; the morning has what is left of the night, as one message."""
    with receiving() as receiver:
        office = channel(receiver, quiet="22:00-07:00", time_zone=ZONE)
        now_is(monkeypatch, "2026-10-24T19:58+00:00")
        evening = await happen(shelf, about="in the evening")
        assert await look(shelf, office)
        now_is(monkeypatch, "2026-10-25T01:30+00:00")
        await happen(shelf, about="at night")
        gone = await happen(shelf, about="over before the morning")
        await happen(shelf, IncidentKind.SHORT_OF_MONEY, "the account")
        assert await look(shelf, office)
        assert not await look(shelf, office)
        now_is(monkeypatch, "2026-10-25T05:58+00:00")
        await happen(shelf, about="before seven")
        await close(shelf, gone)
        await close(shelf, evening)
        assert not await look(shelf, office)
        now_is(monkeypatch, "2026-10-25T06:00+00:00")
        assert await look(shelf, office)
        assert not await look(shelf, office)
        first, money, morning = messages(receiver)
    assert "in the evening" in first
    assert "short_of_money" in money
    assert "at night" not in money
    assert "2 new, 1 over" in morning
    assert "at night" in morning
    assert "before seven" in morning
    assert "02:30 CET" in morning
    assert "over before the morning" not in morning
