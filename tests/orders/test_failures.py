"""What a failure means for Temporal: when it is tried again, and what an operator reads."""

from datetime import timedelta

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError, OperationalError
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.failures import after_failed_read, database_in_words, look_again, retry_later
from models.enums import FailureClass
from upstreams.errors import ConnectionUnhealthy, NotSent, OutcomeUnknown

NETWORK = [1, 2, 3, 5, 8, 12, 12, 12]
ACCOUNT = [5, 10, 15, 20, 20, 20, 20, 20]
SCHEDULE: dict[FailureClass, list[int]] = {
    FailureClass.NOT_SENT: NETWORK,
    FailureClass.OUTCOME_UNKNOWN: NETWORK,
    FailureClass.UNHEALTHY: ACCOUNT,
    FailureClass.FUNDS: NETWORK,
    FailureClass.NOT_YET: NETWORK,
    FailureClass.EXISTS: NETWORK,
    FailureClass.REJECTED: NETWORK,
    FailureClass.SETUP_FAULT: NETWORK,
    FailureClass.PRICE_CHANGED: NETWORK,
}
"""Seconds before the next attempt, by attempt: one row for each class of failure."""


def test_every_class_has_its_row() -> None:
    assert set(SCHEDULE) == set(FailureClass)


@pytest.mark.parametrize("failure", SCHEDULE)
def test_a_failure_is_tried_again_after_the_delays_of_its_class(failure: FailureClass) -> None:
    errors = [retry_later(failure, "the reason", attempt) for attempt in range(1, 9)]
    assert [error.next_retry_delay for error in errors] == [timedelta(seconds=s) for s in SCHEDULE[failure]]


@pytest.mark.parametrize("failure", SCHEDULE)
@pytest.mark.parametrize("attempt", [1, 100, 100_000])
def test_no_failure_is_the_last_and_none_is_an_alarm(failure: FailureClass, attempt: int) -> None:
    error = retry_later(failure, "the reason", attempt)
    assert not error.non_retryable
    assert error.type == failure.value
    assert error.category is ApplicationErrorCategory.BENIGN


def test_what_happened_comes_first_and_what_happens_next_is_said() -> None:
    error = retry_later(FailureClass.NOT_SENT, "connection refused", 3)
    assert (error.failure_class, error.reason) == (FailureClass.NOT_SENT, "connection refused")
    assert error.message == ("connection refused; it is tried again automatically in 3 s")


@pytest.mark.parametrize(
    ("age", "delay"),
    [(0, 1), (9.9, 1), (10, 2), (29, 2), (30, 5), (119, 5), (120, 15), (599, 15), (600, 30), (1e6, 30)],
)
def test_an_unknown_outcome_is_looked_for_often_at_first(age: float, delay: float) -> None:
    error = look_again("nothing with our mark is there yet", timedelta(seconds=age))
    assert error.next_retry_delay == timedelta(seconds=delay)
    assert error.message == (
        f"nothing with our mark is there yet; Resellflow looks again in {delay:g} s, nothing is sent meanwhile"
    )
    assert (error.type, error.non_retryable, error.category) == ("StillUnknown", False, ApplicationErrorCategory.BENIGN)


@pytest.mark.parametrize("kind", [NotSent, OutcomeUnknown, ConnectionUnhealthy])
def test_a_failed_read_is_repeated_whatever_its_class(kind: type[NotSent]) -> None:
    error = after_failed_read(kind("the list can't be read"), 1)
    assert error.type == kind.failure_class.value
    assert error.next_retry_delay == timedelta(seconds=SCHEDULE[kind.failure_class][0])


@pytest.mark.parametrize(
    "away",
    [
        OperationalError("SELECT", {}, psycopg.OperationalError("connection failed: 10.0.0.7")),
        ConnectionRefusedError(),
    ],
)
def test_a_database_that_is_away_is_said_in_words_without_its_address(away: Exception) -> None:
    with pytest.raises(ApplicationError) as caught, database_in_words():
        raise away
    assert caught.value.type == "DatabaseUnavailable"
    assert caught.value.message == "the database can't be reached; it is tried again automatically, nothing is lost"
    assert not caught.value.non_retryable


@pytest.mark.parametrize("mistake", [IntegrityError("INSERT", {}, Exception("unique")), ValueError("ours")])
def test_a_mistake_of_ours_is_not_hidden_behind_the_database(mistake: Exception) -> None:
    with pytest.raises(type(mistake)), database_in_words():
        raise mistake


def test_what_only_a_person_can_mend_is_said_and_is_an_alarm() -> None:
    full = OperationalError("INSERT", {}, psycopg.errors.DiskFull("could not extend file"))
    with pytest.raises(ApplicationError, match="disk is full; make room; it is tried") as caught, database_in_words():
        raise full
    assert caught.value.category is ApplicationErrorCategory.UNSPECIFIED
