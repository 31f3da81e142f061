"""What every adapter must do with lists. A part of `contract.Contract`, which adapters' tests are made of."""

from collections.abc import Sequence
from contextlib import aclosing, suppress

import pytest

from tests.infrastructure.proxy import Answer
from tests.upstreams.bench import Bench
from tests.upstreams.changes import (
    KEY,
    RESUME,
    digests,
    form,
    listed,
    subject,
)
from upstreams.errors import (
    OutcomeUnknown,
    UpstreamError,
)
from upstreams.port import ListedRow


class ContractOfLists:
    """One method for each promise."""

    async def test_every_page_of_a_list_is_read_and_each_item_is_there_once(self, bench: Bench) -> None:
        await bench.many(25)
        async with aclosing(bench.connect()) as upstream:
            seen: list[str] = []

            async def take(rows: Sequence[ListedRow], _total: int | None) -> None:
                seen.extend(row.number for row in rows)

            end = await upstream.walk_items(bench.product_type, take)
            listing = await upstream.list_items(bench.product_type)
        assert (end.complete, end.incomplete_because) == (True, "")
        assert end.pages > 1
        assert (len(seen), len(set(seen))) == (25, 25)
        assert {item.number for item in listing.items} == set(seen)

    async def test_a_list_has_the_items_of_its_product_type_alone(self, bench: Bench) -> None:
        await bench.many(3)
        await bench.one_of_another_type()
        async with aclosing(bench.connect()) as upstream:
            ours = await listed(upstream, bench)
            walked, _ = await digests(upstream, bench)
            head = await upstream.newest_items(bench.product_type, 5)
            others = (await upstream.list_items(bench.other_type)).items
        assert (len(ours), len(others)) == (3, 1)
        assert walked.keys() == ours.keys()
        assert {row.number for row in head.rows} <= ours.keys()
        assert {item.product_type for item in others} == {bench.other_type}
        assert {item.product_type for item in ours.values()} == {bench.product_type}

    async def test_a_list_that_shows_less_than_the_total_is_not_complete(self, bench: Bench) -> None:
        if not bench.names_totals:
            return
        await bench.many(25)
        bench.proxy.alter = bench.one_row_more
        async with aclosing(bench.connect()) as upstream:
            _, end = await digests(upstream, bench)
            listing = await upstream.list_items(bench.product_type)
        assert len(listing.items) == 25
        assert not end.complete
        assert not listing.complete
        assert end.incomplete_because
        assert listing.incomplete_because

    async def test_a_document_that_is_no_answer_raises_errors_of_the_port_only(self, bench: Bench) -> None:
        about = await subject(bench, RESUME)
        async with aclosing(bench.connect()) as upstream:
            await listed(upstream, bench)
            for document in bench.odd_documents:
                bench.proxy.alter = lambda _, document=document: document
                with suppress(UpstreamError):
                    await upstream.list_items(bench.product_type)
                with suppress(UpstreamError):
                    await form(upstream, about)
                with suppress(UpstreamError):
                    await upstream.balance()
                with suppress(UpstreamError):
                    await upstream.newest_items(bench.product_type, 5)

    async def test_an_empty_list_is_complete(self, bench: Bench) -> None:
        async with aclosing(bench.connect()) as upstream:
            assert await digests(upstream, bench) == ({}, (await digests(upstream, bench))[1])
            assert await listed(upstream, bench) == {}

    async def test_a_row_that_has_not_changed_has_the_same_digest_and_one_that_has_another(self, bench: Bench) -> None:
        await bench.many(25)
        async with aclosing(bench.connect()) as upstream:
            before, _ = await digests(upstream, bench)
            changed = max(before)
            await upstream.suspend(bench.product_type, changed, key=KEY)
            await bench.carry_out()
            after, _ = await digests(upstream, bench)
        async with aclosing(bench.connect()) as another:
            assert (await digests(another, bench))[0] == after, "another adapter (another worker) sees the same"
        assert {number for number in before if before[number] != after[number]} == {changed}

    async def test_a_list_of_which_a_page_is_missing_is_never_complete(self, bench: Bench) -> None:
        await bench.many(25)
        async with aclosing(bench.connect()) as upstream:
            await digests(upstream, bench)
            pages = iter(range(1_000_000))
            bench.proxy.lay(Answer.CUT, chosen=lambda _: next(pages) == 1)
            with pytest.raises(OutcomeUnknown):
                await digests(upstream, bench)

    async def test_the_newest_items_come_first_or_not_at_all(self, bench: Bench) -> None:
        await bench.many(25)
        async with aclosing(bench.connect()) as upstream:
            numbers = sorted(map(int, await listed(upstream, bench)), reverse=True)
            head = await upstream.newest_items(bench.product_type, 5)
        if head.in_order:
            assert [int(row.number) for row in head.rows] == numbers[:5]
        else:
            assert head.because
            assert not head.rows
