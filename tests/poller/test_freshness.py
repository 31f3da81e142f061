"""Of two looks at an item the one that may be older is dropped."""

from activities.poller.freshness import Freshness


async def test_a_look_is_overtaken_by_what_was_written_down_since_it_was_asked_for() -> None:
    freshness = Freshness()
    async with freshness.reading() as first, freshness.reading() as second:
        assert not freshness.is_stale(first, "vds", "17")
        freshness.recorded("vds", ["17"])
        assert freshness.is_stale(first, "vds", "17")
        assert freshness.is_stale(second, "vds", "17"), "which of the two is newer is not known"
        assert not freshness.is_stale(first, "vds", "18")
        assert not freshness.is_stale(first, "soft", "17")
        async with freshness.reading() as later:
            assert not freshness.is_stale(later, "vds", "17")


async def test_nothing_is_remembered_that_no_look_can_be_older_than() -> None:
    freshness = Freshness()
    async with freshness.reading() as long:
        async with freshness.reading():
            freshness.recorded("vds", ["17"])
        assert freshness.is_stale(long, "vds", "17"), "a shorter look has ended meanwhile"
    assert freshness._items == {}
