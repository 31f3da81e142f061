"""Lists: every page, each row once, and complete only if that is proven."""

import asyncio
from collections.abc import Sequence

import pytest

from models.enums import Knowledge
from tests.upstreams.panel import Answerer, Panel, cut_before_answer, doc, refusal
from upstreams.billmanager import BillmanagerUpstream
from upstreams.port import Listing


def row(number: int, inner: str = "") -> str:
    return f"<elem><id>{number}</id><domain>s{number}.example.test</domain><status>2</status>{inner}</elem>"


def page(numbers: Sequence[int], total: int | None = None, size: int | None = None, inner: str = "") -> Answerer:
    counters = "" if total is None else f"<p_elems>{total}</p_elems>"
    counters += "" if size is None else f"<p_cnt>{size}</p_cnt>"
    return doc(counters + "".join(row(number, inner) for number in numbers))


async def listed(panel: Panel, upstream: BillmanagerUpstream, *pages: Answerer) -> tuple[list[int], bool, int]:
    """Numbers, completeness and pages; asserts that each scripted page was asked for and no other."""
    panel.answers(*pages)
    listing = await upstream.list_items("vds")
    if not listing.items:  # then the menu is asked for lists of sub-types
        assert panel.requests.pop().function == "menu"
    assert len(panel.requests) == listing.pages == len(pages)
    assert [request.fields["p_num"] for request in panel.requests] == [str(n + 1) for n in range(len(pages))]
    return [int(item.number) for item in listing.items], listing.complete, listing.pages


async def test_one_page(panel: Panel, upstream: BillmanagerUpstream) -> None:
    assert await listed(panel, upstream, page([1, 2, 3], 3)) == ([1, 2, 3], True, 1)


async def test_an_empty_list(panel: Panel, upstream: BillmanagerUpstream) -> None:
    assert await listed(panel, upstream, page([], 0)) == ([], True, 1)


async def test_pages_until_the_total_is_reached(panel: Panel, upstream: BillmanagerUpstream) -> None:
    pages = page(range(1, 501), 1100), page(range(501, 1001), 1100), page(range(1001, 1101), 1100)
    assert await listed(panel, upstream, *pages) == (list(range(1, 1101)), True, 3)


async def test_a_page_size_capped_by_the_upstream(panel: Panel, upstream: BillmanagerUpstream) -> None:
    pages = page(range(1, 51), 120, 50), page(range(51, 101), 120, 50), page(range(101, 121), 120, 50)
    assert await listed(panel, upstream, *pages) == (list(range(1, 121)), True, 3)


async def test_all_rows_at_once_in_spite_of_the_page_size(panel: Panel, upstream: BillmanagerUpstream) -> None:
    assert await listed(panel, upstream, page(range(1, 701), 700)) == (list(range(1, 701)), True, 1)


async def test_page_numbers_ignored_by_the_upstream(panel: Panel, upstream: BillmanagerUpstream) -> None:
    same = page(range(1, 51), 120, 50)
    assert await listed(panel, upstream, same, same) == (list(range(1, 51)), False, 2)


async def looked_at_again(
    panel: Panel, upstream: BillmanagerUpstream, pages: Sequence[Answerer], first_again: Answerer
) -> Listing:
    """Reads the scripted pages; asserts that the first one is read once more after the last."""
    panel.answers(*pages, first_again)
    listing = await upstream.list_items("vds")
    numbers = [*range(1, len(pages) + 1), 1]
    assert [request.fields["p_num"] for request in panel.requests] == [str(number) for number in numbers]
    return listing


NEWEST_FIRST = page(range(120, 70, -1), 120, 50), page(range(70, 20, -1), 120, 50), page(range(20, 0, -1), 120, 50)


async def test_a_list_newest_first_is_complete_if_its_first_page_stayed_as_it_was(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    listing = await looked_at_again(panel, upstream, NEWEST_FIRST, NEWEST_FIRST[0])
    assert (listing.complete, listing.incomplete_because) == (True, "")
    assert [item.number for item in listing.items] == [str(number) for number in range(1, 121)]


async def test_a_new_row_that_came_on_top_of_a_list_newest_first_is_noticed(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    # 121 came and 15 went while the list was read: the total is the same, and as many rows are known.
    listing = await looked_at_again(panel, upstream, NEWEST_FIRST, page(range(121, 71, -1), 120, 50))
    assert (listing.complete, listing.incomplete_because) == (False, "the list changed while it was read page by page")


async def test_a_new_row_on_top_is_noticed_without_a_total_too(panel: Panel, upstream: BillmanagerUpstream) -> None:
    pages = page(range(60, 10, -1)), page(range(11, 0, -1)), page([])
    listing = await looked_at_again(panel, upstream, pages, page(range(61, 11, -1)))
    assert not listing.complete


async def test_a_row_seen_twice_because_rows_shifted(panel: Panel, upstream: BillmanagerUpstream) -> None:
    listing = await looked_at_again(panel, upstream, [page([1, 2, 3], 5), page([3, 4, 5], 5)], page([1, 2, 3], 5))
    assert ([item.number for item in listing.items], listing.complete) == (["1", "2", "3", "4", "5"], True)


async def test_a_total_that_is_only_that_of_the_page_is_found_out(panel: Panel, upstream: BillmanagerUpstream) -> None:
    pages = page(range(1, 51), 50, 50), page(range(51, 71), 50, 50)
    numbers, complete, _ = await listed(panel, upstream, *pages)
    assert (len(numbers), complete) == (70, False)


async def test_a_full_page_of_the_upstreams_own_size_is_the_whole_list_if_the_next_has_nothing_new(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    pages = page(range(1, 51), 50, 50), page([], 50, 50)
    assert await listed(panel, upstream, *pages) == (list(range(1, 51)), True, 2)


async def test_a_page_behind_the_end_need_not_name_the_total(panel: Panel, upstream: BillmanagerUpstream) -> None:
    assert await listed(panel, upstream, page([*range(1, 51)], 50, 50), page([])) == (list(range(1, 51)), True, 2)
    panel.requests.clear()
    assert await listed(panel, upstream, page([1, 2], 3), page([])) == ([1, 2], False, 2)


async def test_a_row_deleted_between_pages_leaves_a_gap_that_is_noticed(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    # Row 1 is gone when page 2 is read, so row 4 has moved to page 1; 5 rows are known, as many as the new total.
    assert await listed(panel, upstream, page([1, 2, 3], 6), page([5, 6], 5)) == ([1, 2, 3, 5, 6], False, 2)


async def test_a_row_added_between_pages(panel: Panel, upstream: BillmanagerUpstream) -> None:
    assert await listed(panel, upstream, page([1, 2, 3], 5), page([4, 5, 6], 6)) == ([1, 2, 3, 4, 5, 6], False, 2)


async def test_fewer_rows_than_the_total_promises(panel: Panel, upstream: BillmanagerUpstream) -> None:
    assert await listed(panel, upstream, page([1, 2], 3), page([], 3)) == ([1, 2], False, 2)


async def test_more_rows_than_the_total_says(panel: Panel, upstream: BillmanagerUpstream) -> None:
    assert await listed(panel, upstream, page([1, 2], 0)) == ([1, 2], False, 1)


async def test_without_total_until_an_empty_page(panel: Panel, upstream: BillmanagerUpstream) -> None:
    pages = page(range(1, 51)), page(range(51, 61)), page([])
    listing = await looked_at_again(panel, upstream, pages, page(range(1, 51)))
    assert (len(listing.items), listing.complete, listing.pages) == (60, True, 3)


async def test_without_total_a_repeated_short_page_is_the_end(panel: Panel, upstream: BillmanagerUpstream) -> None:
    assert await listed(panel, upstream, page([1, 2, 3]), page([1, 2, 3])) == ([1, 2, 3], True, 2)


@pytest.mark.parametrize(("count", "size"), [(50, 50), (500, None)])
async def test_without_total_a_repeated_full_page_proves_nothing(
    panel: Panel, upstream: BillmanagerUpstream, count: int, size: int | None
) -> None:
    same = page(range(1, count + 1), size=size)
    assert await listed(panel, upstream, same, same) == (list(range(1, count + 1)), False, 2)


@pytest.mark.parametrize("sign", ["<p_cnt>500</p_cnt>", "<p_num>1</p_num>", '<metadata type="list"/>'])
async def test_without_total_an_empty_answer_is_complete_if_it_is_a_list(
    panel: Panel, upstream: BillmanagerUpstream, sign: str
) -> None:
    assert await listed(panel, upstream, doc(sign)) == ([], True, 1)


async def test_an_answer_that_does_not_look_like_a_list_is_not_complete(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    assert await listed(panel, upstream, doc("<tparams/>")) == ([], False, 1)


async def test_a_total_that_comes_and_goes_is_not_trusted(panel: Panel, upstream: BillmanagerUpstream) -> None:
    assert await listed(panel, upstream, page([1, 2], 3), page([3]), page([])) == ([1, 2, 3], False, 3)


async def test_a_row_without_a_number_makes_the_list_incomplete(panel: Panel, upstream: BillmanagerUpstream) -> None:
    panel.answers(doc("<p_elems>2</p_elems><elem><id>1</id></elem><elem><domain>x</domain></elem>"), page([], 2))
    listing = await upstream.list_items("vds")
    assert ([item.number for item in listing.items], listing.complete) == (["1"], False)


@pytest.mark.parametrize(
    ("sign", "complete"),
    [
        ("<p_filter>Status: Active</p_filter>", False),
        ("<p_filter>Status: Active</p_filter><p_filter>Tariff: VPS-2</p_filter>", False),
        ("<p_filter><name>status</name><value>2</value></p_filter>", False),
        ("<p_filter/>", True),
        ("<filter>on</filter>", False),
        ("<filter><status>2</status></filter>", False),
        ("<filter>off</filter>", True),
    ],
)
async def test_a_list_narrowed_by_a_filter_is_not_complete(
    panel: Panel, upstream: BillmanagerUpstream, sign: str, complete: bool
) -> None:
    assert await listed(panel, upstream, doc(f"{sign}<p_elems>1</p_elems>{row(1)}")) == ([1], complete, 1)


async def test_a_filter_is_named_for_the_person_who_is_to_remove_it(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    filtered = "<p_filter>Status:\n Active</p_filter><p_filter>Tariff: VPS-2</p_filter>"
    panel.answers(doc(f"<p_elems>0</p_elems>{filtered}"))
    listing = await upstream.list_items("vds")
    assert not listing.complete
    assert listing.incomplete_because == (
        "a filter stored in the panel for this user narrows the list: Status: Active; Tariff: VPS-2; remove it there"
    )


@pytest.mark.parametrize(
    ("pages", "because"),
    [
        ([page([1], 1)], ""),
        ([page([1, 2], 3), page([], 3)], "the upstream names 3 rows in all and shows 2"),
        ([page([1, 2], 0)], "the upstream names 0 rows in all and shows 2"),
        ([page([1, 2], 3), page([3, 4], 4)], "the upstream named 3 rows in all, then 4: the list changed"),
        ([doc("<p_elems>1</p_elems><elem><domain>x</domain></elem>")], "1 of its rows have no number"),
        ([doc("<tparams/>")], "the answer has no row and nothing else of a list"),
        ([page(range(500)), page(range(500))], "the same full page for every page number"),
    ],
)
async def test_why_a_list_may_not_be_complete_is_said(
    panel: Panel, upstream: BillmanagerUpstream, pages: list[Answerer], because: str
) -> None:
    panel.answers(*pages)
    listing = await upstream.list_items("vds")
    assert listing.complete is (not because)
    assert because in listing.incomplete_because


async def test_rows_are_ordered_by_number_even_if_the_upstream_does_not(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    assert await listed(panel, upstream, page([10, 9, 100], 3)) == ([9, 10, 100], True, 1)


async def test_the_stored_filter_is_never_used(panel: Panel, upstream: BillmanagerUpstream) -> None:
    await listed(panel, upstream, page([1], 1))
    assert panel.requests[0].fields.keys() == {"func", "out", "lang", "authinfo", "p_cnt", "p_num", "p_col"}
    assert panel.functions == ["vds"]


@pytest.mark.parametrize(
    ("numbers", "inner", "known"),
    [
        ([1, 2], "<remoteid>a</remoteid>", Knowledge.YES),
        ([1, 2], "<remoteid/>", Knowledge.YES),
        ([1, 2], "", Knowledge.NO),
        ([], "", Knowledge.UNKNOWN),
    ],
)
async def test_whether_rows_show_remoteid(
    panel: Panel, upstream: BillmanagerUpstream, numbers: list[int], inner: str, known: Knowledge
) -> None:
    panel.answers(page(numbers, len(numbers), inner=inner))
    assert (await upstream.list_items("vds")).shows_marks is known


async def test_an_upstream_that_never_ends_its_pages_is_left(
    panel: Panel, upstream: BillmanagerUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("upstreams.billmanager.listing._MOST_PAGES", 5)

    async def endless(writer: asyncio.StreamWriter) -> bool:
        return await page([len(panel.requests)])(writer)

    panel.standing["vds"] = endless
    listing = await upstream.list_items("vds")
    assert (listing.pages, listing.complete) == (5, False)
    assert "more than 5 pages" in listing.incomplete_because


MENU = (
    '<mainmenu><node name="mainmenuservice" type="group"><node name="vds" type="list" action="vds"/>'
    '<node name="vds.vps" type="list" action="vds.vps"/><node name="cloud" type="list" action="vds.cloud"/>'
    '<node name="vds.order" type="form" action="vds.order"/><node name="dedic" action="dedic"/></node></mainmenu>'
)


async def test_a_type_whose_list_is_empty_is_looked_for_in_the_lists_of_its_sub_types(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    panel.standing = {
        "vds": page([], 0),
        "menu": doc(MENU),
        "vds.vps": page([2, 1], 2),
        "vds.cloud": page([3], 1),
    }
    listing = await upstream.list_items("vds")
    assert [(item.number, item.product_type) for item in listing.items] == [("1", "vds"), ("2", "vds"), ("3", "vds")]
    assert listing.complete
    assert panel.functions == ["vds", "menu", "vds.vps", "vds.cloud"]
    await upstream.list_items("vds")
    assert panel.functions.count("menu") == 1, "the menu is kept for a while"


async def test_an_incomplete_list_of_a_sub_type_makes_the_whole_incomplete(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    panel.standing = {"vds": page([], 0), "menu": doc(MENU), "vds.vps": page([1], 2), "vds.cloud": page([3], 1)}
    listing = await upstream.list_items("vds")
    assert (listing.complete, listing.incomplete_because) == (False, "the upstream names 2 rows in all and shows 1")


@pytest.mark.parametrize("menu", [refusal("access"), refusal("missed", "func"), doc('<ok type="list">func=x</ok>')])
async def test_a_panel_without_a_menu_has_no_sub_types(
    panel: Panel, upstream: BillmanagerUpstream, menu: Answerer
) -> None:
    panel.answers(page([], 0), menu)
    assert (await upstream.list_items("vds")).complete


async def test_an_empty_list_proves_nothing_while_the_menu_cannot_be_read(
    panel: Panel, upstream: BillmanagerUpstream
) -> None:
    panel.answers(page([], 0), cut_before_answer)
    listing = await upstream.list_items("vds")
    assert not listing.complete
    assert "whether there are lists of sub-types is not known" in listing.incomplete_because
