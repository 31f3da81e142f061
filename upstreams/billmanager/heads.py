"""The head of a list sorted by number, newest first, and whether an answer is one.

Sorting by `p_col` is documented (GUIDE6), its `-` for backwards seen in code; whether an upstream honours it, and sorts
numbers as numbers, is not known, so it is looked at on each answer. Descending numbers may still not be the newest,
where they are sorted as text: who looks for an item and does not find it there has to look elsewhere.
"""

import re
from itertools import pairwise

from upstreams.billmanager.bounds import NUMBER_CHARACTERS
from upstreams.billmanager.numbers import natural
from upstreams.billmanager.pages import Page


def newest_fields(count: int) -> dict[str, str]:
    return {"p_cnt": str(count), "p_num": "1", "p_col": "-id"}


def out_of_order(page: Page, count: int) -> str:
    """Why these rows are not the first `count` of a list by number, newest first, in words; empty where they may be.

    Fewer rows than asked for are a shorter head: the upstream may have its own largest page.
    """
    rows = page.rows
    texts = dict.fromkeys(row.number for row in rows)
    numbers = [number for text in texts if (number := natural(text, NUMBER_CHARACTERS)) is not None]
    if page.filters:
        words = re.sub(r"\s+", " ", "; ".join(page.filters)).strip()
        return f"a filter narrows it: {words[:120]}"
    if len(rows) > count:
        return f"{len(rows)} rows were sent where {count} were asked for"
    if len(numbers) < len(rows):
        return "some of its rows have no number of their own"
    if any(later >= earlier for earlier, later in pairwise(numbers)):
        return "its rows do not come in order of number, newest first"
    return ""
