"""Numbers of thousands of digits, nesting without end, and texts that make a pattern go back and forth."""

import threading
import time
from collections.abc import Callable

import pytest

from upstreams.billmanager import answers, bounds, dates, heads, moneytext, ordering, periods, prices, renewal
from upstreams.billmanager.basket import is_number
from upstreams.billmanager.calls import Call
from upstreams.billmanager.failures import _seconds
from upstreams.billmanager.numbers import natural, whole
from upstreams.billmanager.pages import Page
from upstreams.billmanager.trees import DEPTH, MARKUP, ROWS, NotADocument
from upstreams.billmanager.wire import Document, WireError
from upstreams.httpcalls import Effect

LONG = "9" * 8_000
CALL = Call("main", "vds", Effect.READ)


@pytest.mark.parametrize("depth", [DEPTH, 1_000, 200_000])
def test_nesting_without_end_is_no_document(depth: int) -> None:
    with pytest.raises(NotADocument, match="inside each other"):
        Document.parse(b"<doc>" + b"<a>" * depth + b"</a>" * depth + b"</doc>")


def test_nesting_within_the_bound_is_read() -> None:
    most = DEPTH - 1
    document = Document.parse(b"<doc>" + b"<a>" * (most - 1) + b"<id>7</id>" + b"</a>" * (most - 1) + b"</doc>")
    found = document.leaf("id")
    assert found is not None
    assert found.text == "7"


@pytest.mark.parametrize(
    ("what", "times"), [(b"<elem/>", ROWS + 1), (b"<a/>", MARKUP), (b"<elem><id>1</id></elem>", MARKUP // 4)]
)
def test_a_page_of_rows_without_end_is_no_document(what: bytes, times: int) -> None:
    with pytest.raises(NotADocument, match="more than"):
        Document.parse(b"<doc>" + what * times + b"</doc>")


def test_others_go_on_while_a_long_document_is_parsed() -> None:
    body = b"<doc>" + (b"<elem>" + b"<field>value</field>" * 30 + b"</elem>") * 20_000 + b"</doc>"
    gaps = [0.0]
    parsing = threading.Thread(target=lambda: Document.parse(body))
    begun = last = time.monotonic()
    parsing.start()
    while parsing.is_alive():
        time.sleep(0)
        now = time.monotonic()
        gaps, last = [max(gaps[0], now - last)], now
    assert gaps[0] < (time.monotonic() - begun) / 2


def test_a_number_is_read_up_to_what_a_column_holds() -> None:
    assert [whole(text) for text in ("-50", "0", "9" * 18)] == [-50, 0, 10**18 - 1]
    assert [whole(text) for text in ("", "-", "--1", "1.5", "²", "٣", "9" * 19, LONG, f"-{LONG}")] == [None] * 9
    assert natural("-1") is None


def test_numbers_of_thousands_of_digits_are_none() -> None:
    assert not is_number(LONG)
    assert periods.months(LONG) is None
    assert periods.months(f"{'9' * 100} months") is None
    assert periods.renewal(LONG) == ""
    form = Document.parse(
        f'<doc><id>1</id><slist name="period"><val key="{LONG}">a</val><val key="1">b</val></slist></doc>'.encode()
    )
    assert renewal.quoted(CALL, form, "1", 1, "EUR").periods == (1,)
    assert _seconds(WireError("throttle", "", {"value": LONG}, "")) == 60
    assert heads.out_of_order(Page.of(Document.parse(f"<doc><elem><id>{LONG}</id></elem></doc>".encode())), 5)


def _money(text: str) -> None:
    try:
        moneytext.parse_money(text, "EUR")
    except moneytext.UnreadableMoney:
        return


def _leads_to(text: str) -> None:
    escaped = text.replace("<", "&lt;")
    ordering._step_of_the_order(Document.parse(f"<doc><ok>func={escaped}</ok></doc>".encode()))


READERS: dict[str, Callable[[str], object]] = {
    "page": lambda text: answers._page(CALL, text.encode()),
    "months": periods.months,
    "price_and_unit": periods.price_and_unit,
    "renewal": periods.renewal,
    "money": _money,
    "price_in_words": lambda text: prices.price_in_words(text, "EUR"),
    "sum_to_pay": lambda text: prices.sum_to_pay(text, "EUR"),
    "lines": lambda text: prices._in_lines(text, "EUR"),
    "leads_to": _leads_to,
    "has_amount": prices._has_amount,
    "is_no_date": dates.is_no_date,
    "is_no_price": bounds.is_no_price,
    "clean": lambda text: CALL.clean(text, 100),
}
PIECES = [
    "order.",
    "x.order.",
    "<title>",
    "<title",
    "<b ",
    "<",
    " ",
    ", ",
    "1",
    "1-",
    "1 ",
    "111 ",
    "111,",
    "total ",
    "total: 1 ",
    "a ",
    ".",
    "-",
    "'",
]


@pytest.mark.parametrize("reader", READERS)
def test_reading_a_text_takes_time_in_proportion_to_its_length(reader: str) -> None:
    """Eight times the text takes at most some thirty times as long, where a square would be sixty-four; what is done
    in a few milliseconds is not compared."""
    read = READERS[reader]
    for piece in PIECES:
        short, long = (_seconds_of(read, (piece * size)[:size] + "!") for size in (8_000, 64_000))
        assert long < max(30 * short, 0.05), (piece, short, long)


def _seconds_of(read: Callable[[str], object], text: str) -> float:
    """Of the quickest of three: the processor is shared."""
    times = []
    for _ in range(3):
        start = time.thread_time()
        read(text)
        times.append(time.thread_time() - start)
        if times[-1] < 0.02:
            break
    return min(times)


DEAR = ("price_in_words", "sum_to_pay", "has_amount")
"""They search for the same amounts as `lines`, which costs half a second of a processor each."""


@pytest.mark.parametrize(
    "reader", [pytest.param(name, marks=[pytest.mark.proof] if name in DEAR else []) for name in READERS]
)
def test_a_text_of_the_greatest_length_that_is_read_is_read_at_once(reader: str) -> None:
    for piece in PIECES:
        for size in (100, 199, 3_999):
            assert _seconds_of(READERS[reader], (piece * size)[:size]) < 0.5, (piece, size)
