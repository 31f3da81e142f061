"""The header Retry-After, however strange."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upstreams.retry_after import retry_after

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("0", 0),
        ("Fri, 27 Nov 2026 08:02:00 GMT", 120),
        ("Fri, 27 Nov 2026 08:02:00 -0000", 120),
        ("Fri, 27 Nov 2026 09:02:00 +0100", 120),
        ("Fri, 27 Nov 2026 07:00:00 GMT", 0),
        ("", 0),
        ("-5", 0),
        ("5.5", 0),
        ("nan", 0),
        ("inf", 0),
        ("1e9", 0),
        ("²", 0),
        ("١٢", 0),
        ("9" * 20, 999_999_999),
        ("9" * 70_000, 0),
        ("Fri, 20 Nov 99999999999999999999 10:00:00 GMT", 0),
        ("Fri, 20 Nov 2026 10:00:00 +99999999999999999999", 0),
        ("Fri, 20 Nov 0000 10:00:00 GMT", 0),
    ],
)
def test_seconds_or_a_date_and_nothing_else(told: str, seconds: float) -> None:
    assert retry_after(told, NOW) == seconds


@given(
    st.one_of(
        st.text(), st.from_regex(r"[A-Z][a-z]{2}, \d{1,25} Nov \d{1,25} \d+:\d+:\d+ ([+-]\d+|GMT)", fullmatch=True)
    )
)
def test_no_text_raises_and_no_time_is_negative(told: str) -> None:
    assert retry_after(told, NOW) >= 0
