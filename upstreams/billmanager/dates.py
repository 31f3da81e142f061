"""Dates as an upstream writes them: `2026-02-01`, also with a time behind it, `2026/02/01`, `01.02.2026`.

The first is documented; the others are assumed of panels that show dates by the country of their user. A text that can
be read in two ways is refused, never guessed: `01/02/2026` is a day in January or in February.
"""

import re
from datetime import date

_YEAR_FIRST = re.compile(r"(?P<year>\d{4})[/.](?P<month>\d\d?)[/.](?P<day>\d\d?)(?!\d)")
_DAY_FIRST = re.compile(r"(?P<day>\d\d?)\.(?P<month>\d\d?)\.(?P<year>\d{4})(?!\d)")
_DATE_LIKE = re.compile(r"\d++([-/.])\d++\1\d")
_NONE = re.compile(r"(?:0000[-/.]00[-/.]00|00\.00\.0000)(?!\d)")


def read_date(text: str) -> date:
    """The date that the text begins with. Raises ValueError for one that is none, or may be another."""
    shape = _YEAR_FIRST.match(text) or _DAY_FIRST.match(text)
    if shape is None:
        return date.fromisoformat(text[:10])
    return date(int(shape["year"]), int(shape["month"]), int(shape["day"]))


def is_no_date(text: str) -> bool:
    """It looks like a date and can't be read as one: a year 0 or 99999, a month 13, `01/02/2026`.

    `0000-00-00` is the upstream's word for none.
    """
    if not _DATE_LIKE.match(text) or _NONE.match(text):
        return False
    try:
        read_date(text)
    except ValueError:
        return True
    return False
