"""A page of a list that comes as it was is not parsed; whatever is wanted of it is read right all the same."""

from collections.abc import Sequence

import pytest

from tests.upstreams.panel import Answerer, Panel, doc
from upstreams.billmanager import BillmanagerUpstream, pages
from upstreams.billmanager.wire import Document
from upstreams.errors import UpstreamError
from upstreams.port import ListedRow, ListEnd


def page(**names: str) -> Answerer:
    rows = "".join(
        f"<elem><id>{k[1:]}</id><domain>{name}</domain><status>2</status></elem>" for k, name in names.items()
    )
    return doc(f"{rows}<p_elems>{len(names)}</p_elems>")


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Bodies of pages, as often as they were parsed."""
    seen: list[bytes] = []
    parse = Document.parse

    class Watched(Document):
        @classmethod
        def parse(cls, body: bytes) -> Document:
            seen.append(body)
            return parse(body)

    monkeypatch.setattr(pages, "Document", Watched)
    return seen


class Look:
    def __init__(self, upstream: BillmanagerUpstream) -> None:
        self._upstream = upstream
        self.rows: list[ListedRow] = []
        self.domains: dict[str, str | None] = {}
        self.end: ListEnd | None = None

    async def take(self, reading: Sequence[str] = ()) -> "Look":
        async def take(rows: Sequence[ListedRow], _total: int | None) -> None:
            self.rows += rows
            self.domains |= {row.number: row.item().name for row in rows if row.number in reading}

        self.end = await self._upstream.walk_items("vds", take)
        return self

    @property
    def known_by(self) -> list[tuple[str, str]]:
        return [(row.number, row.digest) for row in self.rows]


async def test_it_is_known_again_without_being_parsed(
    panel: Panel, upstream: BillmanagerUpstream, parsed: list[bytes]
) -> None:
    panel.answers(*[page(_7="a.example", _8="b.example")] * 2)
    first, second = await Look(upstream).take(), await Look(upstream).take()
    assert len(parsed) == 1
    assert first.known_by == second.known_by
    assert [number for number, _ in first.known_by] == ["7", "8"]
    assert first.end == second.end
    assert second.end is not None
    assert second.end.complete


async def test_the_fields_of_its_rows_are_read_when_they_are_wanted(
    panel: Panel, upstream: BillmanagerUpstream, parsed: list[bytes]
) -> None:
    panel.answers(*[page(_7="a.example", _8="b.example")] * 2)
    await Look(upstream).take()
    again = await Look(upstream).take(reading=["7", "8"])
    assert again.domains == {"7": "a.example", "8": "b.example"}
    assert len(parsed) == 2, "once the first time, and once for both rows"


async def test_a_change_of_any_byte_is_a_new_page(
    panel: Panel, upstream: BillmanagerUpstream, parsed: list[bytes]
) -> None:
    panel.answers(page(_7="a.example"), page(_7="b.example"), page(_7="a.example"))
    looks = [await Look(upstream).take(reading=["7"]) for _ in range(3)]
    assert [look.domains["7"] for look in looks] == ["a.example", "b.example", "a.example"]
    assert len(parsed) == 3


async def test_a_refusal_is_not_remembered_as_a_page(panel: Panel, upstream: BillmanagerUpstream) -> None:
    refused = doc('<error type="missed" object="x"/>')
    panel.answers(page(_7="a.example"), refused, refused, page(_7="a.example"))
    await Look(upstream).take()
    for _ in range(2):
        with pytest.raises(UpstreamError):
            await Look(upstream).take()
    assert (await Look(upstream).take(reading=["7"])).domains == {"7": "a.example"}


async def test_a_head_is_no_page_of_the_list(panel: Panel, upstream: BillmanagerUpstream, parsed: list[bytes]) -> None:
    """Both ask for the first page, in another order."""
    panel.answers(page(_7="a.example", _8="b.example"), page(_8="b.example", _7="a.example"))
    listed = await Look(upstream).take()
    head = await upstream.newest_items("vds", 50)
    assert head.in_order
    assert [row.number for row in head.rows] == ["8", "7"]
    assert {row.number: row.digest for row in head.rows} == dict(listed.known_by)
