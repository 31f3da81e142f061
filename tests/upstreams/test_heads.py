"""The head of a list, newest first: taken only as far as the answer is seen to be one."""

from collections.abc import Sequence

import pytest

from tests.upstreams.panel import Answerer, Panel, doc
from upstreams.billmanager import BillmanagerUpstream


def page(numbers: Sequence[object], inner: str = "") -> Answerer:
    rows = "".join(f"<elem><id>{number}</id><status>2</status></elem>" for number in numbers)
    return doc(f"{inner}{rows}")


async def test_it_is_one_request_sorted_by_number_backwards(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(page([12, 11, 9]))
    head = await upstream.newest_items("vds", 3)
    assert ([row.number for row in head.rows], head.in_order, head.because) == (["12", "11", "9"], True, "")
    [request] = panel.requests
    asked = {name: request.fields[name] for name in ("func", "p_col", "p_num", "p_cnt")}
    assert asked == {"func": "vds", "p_col": "-id", "p_num": "1", "p_cnt": "3"}


async def test_a_page_of_the_upstreams_own_size_is_a_shorter_head(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(page([12, 11], "<p_elems>30</p_elems><p_cnt>2</p_cnt>"))
    assert len((await upstream.newest_items("vds", 50)).rows) == 2


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (page([9, 11, 12]), "order of number"),
        (page([99, 9, 89]), "order of number"),
        (page([12, 12, 11]), "no number of their own"),
        (page([12, "", 11]), "no number of their own"),
        (page(["a12", "a11"]), "no number of their own"),
        (page([12, 11, 10, 9]), "4 rows were sent where 3 were asked for"),
        (page([12, 11], "<p_filter>Status = 2</p_filter>"), "a filter narrows it: Status = 2"),
    ],
)
async def test_what_is_no_head_has_no_rows(
    panel: Panel, upstream: BillmanagerUpstream, answer: Answerer, why: str
) -> None:
    panel.answers(answer)
    head = await upstream.newest_items("vds", 3)
    assert (head.rows, head.in_order) == ((), False)
    assert why in head.because
