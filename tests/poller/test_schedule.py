"""When is what read, by a clock that the test sets."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from activities.poller import schedule
from activities.poller.schedule import LIST_SHARE, PeriodicJob, Schedule
from models.enums import OperationKind, Stage
from orders.events import WaitingOperation
from settings import Settings

IDLE = 15.0


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(schedule, "time", SimpleNamespace(monotonic=lambda: self.now))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def due() -> Schedule:
    return Schedule(Settings(idle_interval=IDLE, hot_interval=1.0))


def _listed(due: Schedule, clock: Clock, took: float) -> float:
    """Returns when it was begun."""
    begun = clock.now
    due.list_begins("vds")
    clock.now += took
    due.list_ended("vds")
    return begun


@pytest.mark.parametrize(
    ("takes_hints", "list_due_in", "rest"),
    [
        pytest.param(False, 15.0, schedule.CALM_SECONDS, id="until the next look"),
        pytest.param(True, 15.0, schedule.HINTS_SECONDS, id="until the next look for hints"),
        pytest.param(False, 0.6, 0.6, id="until the next list"),
        pytest.param(False, -5.0, schedule.TICK_SECONDS, id="never shorter than a tick"),
    ],
)
def test_while_nothing_waits_the_poller_rests_until_something_is_due(
    due: Schedule, clock: Clock, takes_hints: bool, list_due_in: float, rest: float
) -> None:
    begun = _listed(due, clock, took=0.0)
    clock.now = begun + IDLE - list_due_in
    due.look_again(young=False)
    due.postpone(PeriodicJob.HINTS, schedule.HINTS_SECONDS)
    assert due.calm_rest(["vds"], takes_hints=takes_hints) == pytest.approx(rest)


def test_a_short_list_is_read_at_the_idle_interval(due: Schedule, clock: Clock) -> None:
    assert due.types_due(["soft", "vds"]) == ["soft", "vds"]
    begun = _listed(due, clock, took=0.1)
    clock.now = begun + IDLE - 0.01
    assert due.types_due(["vds"]) == []
    clock.now = begun + IDLE
    assert due.types_due(["vds"]) == ["vds"]


@pytest.mark.parametrize("wish", ["interval", "a form shows more", "a hint"])
def test_a_long_list_never_takes_more_than_a_tenth_of_the_time_whoever_wants_it(
    due: Schedule, clock: Clock, wish: str
) -> None:
    begun = _listed(due, clock, took=20.0)
    if wish == "a form shows more":
        due.list_now("vds")
    elif wish == "a hint":
        due.list_soon("vds")
    clock.now = begun + LIST_SHARE * 20 - 0.01
    assert (due.types_due(["vds"]), due.may_list("vds")) == ([], False)
    clock.now = begun + 200
    assert (due.types_due(["vds"]), due.may_list("vds")) == (["vds"], True)


def test_a_long_list_that_an_order_waits_for_is_read_after_twice_its_time_and_then_no_oftener_than_before(
    due: Schedule, clock: Clock
) -> None:
    begun = _listed(due, clock, took=20.0)
    due.list_now("vds", awaited=True)
    clock.now = begun + 2 * 20 - 0.01
    assert (due.types_due(["vds"]), due.may_list("vds")) == ([], False)
    clock.now = begun + 2 * 20
    assert (due.types_due(["vds"]), due.may_list("vds")) == (["vds"], True)
    begun = _listed(due, clock, took=20.0)
    due.list_now("vds")
    clock.now = begun + LIST_SHARE * 20 - 0.01
    assert due.types_due(["vds"]) == []


def test_a_list_wanted_soon_is_read_before_its_interval_is_over(due: Schedule, clock: Clock) -> None:
    begun = _listed(due, clock, took=0.01)
    due.list_soon("vds")
    clock.now = begun + schedule.LISTED_FOR_HINTS_SECONDS
    assert due.types_due(["vds"]) == ["vds"]


@pytest.mark.parametrize(("waited", "interval"), [(1.0, 1.0), (121.0, 2.0), (3601.0, IDLE)])
def test_what_waits_long_is_looked_at_less_often(due: Schedule, clock: Clock, waited: float, interval: float) -> None:
    operation = WaitingOperation(1, 1, OperationKind.OPEN, "17", "vds", waited)
    assert due.operations_due([operation]) == [operation]
    due.looked_at(operation)
    clock.now += interval - 0.01
    assert due.operations_due([operation]) == []
    clock.now += 0.01
    assert due.operations_due([operation]) == [operation]


@pytest.mark.parametrize(
    ("stage", "waited", "interval"),
    [
        (Stage.AWAITING_MANUAL_TASK, 1e6, IDLE),
        (Stage.NEEDS_ATTENTION, 1.0, IDLE),
        (Stage.NEEDS_ATTENTION, 100 * IDLE, 5 * IDLE),
        (Stage.NEEDS_ATTENTION, 1e9, schedule.ATTENTION_AT_MOST_SECONDS),
    ],
)
def test_what_a_person_was_asked_about_long_ago_is_looked_at_seldom(
    due: Schedule, clock: Clock, stage: Stage, waited: float, interval: float
) -> None:
    operation = WaitingOperation(1, 1, OperationKind.SET_PARAMETERS, "17", "vds", waited, stage=stage)
    assert due.tasks_due([operation]) == [operation]
    clock.now += interval - 0.01
    assert due.tasks_due([operation]) == []
    clock.now += 0.02
    assert due.tasks_due([operation]) == [operation]


def test_a_head_that_is_no_use_rests(due: Schedule, clock: Clock) -> None:
    assert due.may_read_head("vds")
    due.skip_head("vds")
    assert (due.may_read_head("vds"), due.may_read_head("soft")) == (False, True)
    clock.now += schedule.HEAD_AGAIN_SECONDS
    assert due.may_read_head("vds")


def test_keys_and_strangers_are_looked_for_seldom_unless_something_is_new(due: Schedule, clock: Clock) -> None:
    due.postpone(PeriodicJob.KEYS, schedule.NOTHING_NEW_SECONDS)
    due.something_is_new()
    assert not due.is_due(PeriodicJob.KEYS)
    clock.now += schedule.KEYS_SECONDS
    assert due.is_due(PeriodicJob.KEYS)


def test_lists_are_read_less_often_while_the_upstreams_own_list_of_changes_works(due: Schedule, clock: Clock) -> None:
    begun = _listed(due, clock, took=0.1)
    clock.now = begun + IDLE
    due.feed_works()
    assert due.types_due(["vds"]) == []
    assert due.longest_rest() == schedule.FED_LISTS * IDLE
    clock.now = begun + schedule.FED_LISTS * IDLE - 0.01
    due.feed_works()
    assert due.types_due(["vds"]) == []
    clock.now += 0.01
    assert due.types_due(["vds"]) == ["vds"]


def test_a_list_of_changes_that_falls_silent_leaves_the_lists_at_their_usual_pace(due: Schedule, clock: Clock) -> None:
    begun = _listed(due, clock, took=0.1)
    due.feed_works()
    clock.now = begun + IDLE
    assert due.types_due(["vds"]) == []
    clock.now = begun + schedule.FED_SECONDS + 1
    assert due.types_due(["vds"]) == ["vds"]


@pytest.mark.parametrize("ask", [Schedule.list_now, Schedule.list_soon, Schedule.continue_first_scan])
def test_who_asks_for_a_list_gets_it_all_the_same(
    due: Schedule, clock: Clock, ask: Callable[[Schedule, str], None]
) -> None:
    begun = _listed(due, clock, took=0.1)
    due.feed_works()
    ask(due, "vds")
    clock.now = begun + 1.5
    assert due.types_due(["vds"]) == ["vds"]


def test_while_nothing_waits_the_list_of_changes_is_looked_into_in_time(due: Schedule, clock: Clock) -> None:
    _listed(due, clock, took=0.0)
    due.postpone(PeriodicJob.LOOK, 5.0)
    due.postpone(PeriodicJob.FEED, 0.5)
    assert due.calm_rest(["vds"], takes_hints=False, has_feed=True) == pytest.approx(0.5)
