"""Whatever an upstream answers: no crash, no hang, nothing out of bounds, and what can be read is read as it stands."""

from collections.abc import Callable
from random import Random
from xml.etree.ElementTree import Element, SubElement, tostring

from hypothesis import given
from hypothesis import strategies as some

from tests.fuzz.amount import at_once, tries
from tests.fuzz.documents import NAMES, document
from tests.fuzz.texts import anything, in_xml, shown
from upstreams.billmanager import prices, tariffs
from upstreams.billmanager.answers import judge
from upstreams.billmanager.bounds import MOST_MONEY, TEXT_CHARACTERS
from upstreams.billmanager.calls import Call
from upstreams.billmanager.carts import cart
from upstreams.billmanager.failures import failure
from upstreams.billmanager.items import item
from upstreams.billmanager.trees import NotADocument
from upstreams.billmanager.wire import Document
from upstreams.errors import UpstreamError
from upstreams.httpcalls import Effect
from upstreams.port import UnusableRow

TYPES = ("vds", "dedic", "vhost", "soft", "certificate", "domain")

names = some.sampled_from(NAMES)
kinds = some.sampled_from(["text/xml", "text/html"])
calls = some.builds(
    Call,
    upstream=some.just("main"),
    function=some.just("v2.vds.order.param"),
    effect=some.sampled_from(list(Effect)),
    item=some.sampled_from(["", "17"]),
    product_type=some.sampled_from(TYPES),
    currency=some.just("EUR"),
)


documents = some.builds(
    lambda seed, texts: document(Random(seed), texts),  # noqa: S311
    some.integers(0, 2**64),
    some.lists(shown | in_xml, min_size=1, max_size=12),
)


@some.composite
def broken(draw: some.DrawFn) -> bytes:
    """A document with some bytes of it lost, doubled or replaced."""
    whole = draw(documents)
    start, end = sorted((draw(some.integers(0, len(whole))), draw(some.integers(0, len(whole)))))
    return whole[:start] + draw(some.sampled_from([b"", whole[start:end] * 2]) | some.binary(max_size=20)) + whole[end:]


def read_by_everybody(call: Call, document: Document) -> None:
    """All that is made of an answer somewhere. Raises only what says that it is none."""
    for name in dir(Document):
        if not name.startswith("_") and isinstance(getattr(Document, name), property):
            getattr(document, name)
    for row in document.raw_rows:
        item(row.fields, call.product_type, row.number, "EUR")
    for name in ("id", "item", "list", "x"):
        document.counter(name), document.table_rows(name), document.choices(name), document.words(name)
        document.leaf(name), document.children(name), document.table_names(name)
    list(document.notes())
    readers: tuple[Callable[[], object], ...] = (
        lambda: prices.shown_price(document, "EUR"),
        lambda: tariffs.offered(call, document, "17"),
        lambda: tariffs.quoted(call, document, ("1", "2"), "EUR"),
        lambda: tariffs.accepted(call, document),
        lambda: cart(call, document, "EUR"),
    )
    for read in readers:
        try:
            read()
        except (UpstreamError, UnusableRow):
            continue
    if document.error is not None:
        assert isinstance(failure(call, document.error), UpstreamError)


@given(calls, documents)
@tries(40)
def test_whatever_a_document_holds_it_is_read_or_refused(call: Call, body: bytes) -> None:
    with at_once():
        read_by_everybody(call, Document.parse(body))


@given(calls, broken() | some.binary(max_size=200), some.integers(100, 599), kinds)
@tries(40)
def test_whatever_comes_is_a_document_or_an_outcome(call: Call, body: bytes, status: int, kind: str) -> None:
    with at_once():
        try:
            document = judge(call, status, kind, "", body)
        except UpstreamError:
            return
        read_by_everybody(call, document)


@given(some.lists(some.dictionaries(some.sampled_from(["id", "name", "domain", "ip", "status"]), in_xml), max_size=4))
@tries(40)
def test_rows_are_read_as_they_stand(rows: list[dict[str, str]]) -> None:
    root = Element("doc")
    for row in rows:
        elem = SubElement(root, "elem")
        for name, text in row.items():
            SubElement(elem, name).text = text

    document = Document.parse(tostring(root, "utf-8"))

    assert [{name: field.text for name, field in one.items()} for one in document.rows] == [
        {name: text.strip() for name, text in row.items()} for row in rows
    ]


@given(some.dictionaries(names, shown | in_xml, max_size=12), some.sampled_from(TYPES))
@tries(60)
def test_an_item_has_nothing_that_no_column_holds(texts: dict[str, str], product_type: str) -> None:
    root = Element("doc")
    elem = SubElement(root, "elem")
    for name, text in texts.items():
        SubElement(elem, name).text = text
    (row,) = Document.parse(tostring(root, "utf-8")).rows

    with at_once():
        found = item(row, product_type, "17", "EUR")

    for text in (found.name, found.mark or "", found.ip, found.tariff, found.tariff_id, found.renewal or ""):
        assert len(text) <= TEXT_CHARACTERS
        assert "\0" not in text
    assert found.cost is None or 0 <= found.cost.amount < MOST_MONEY
    assert "password" not in found.raw


@given(anything.map(lambda text: text.encode("utf-8", "surrogatepass")))
@tries(20)
def test_what_is_no_document_is_none(body: bytes) -> None:
    with at_once():
        try:
            Document.parse(body)
        except NotADocument:
            pass
        else:
            raise AssertionError(body)
