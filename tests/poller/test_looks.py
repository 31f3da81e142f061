"""Of two looks at an item the one that may be older is dropped."""

from activities.poller.looks import Looks


async def test_a_look_is_overtaken_by_what_was_written_down_since_it_was_asked_for() -> None:
    looks = Looks()
    async with looks.asking() as first, looks.asking() as second:
        assert not looks.overtaken(first, "vds", "17")
        looks.wrote("vds", ["17"])
        assert looks.overtaken(first, "vds", "17")
        assert looks.overtaken(second, "vds", "17"), "which of the two is newer is not known"
        assert not looks.overtaken(first, "vds", "18")
        assert not looks.overtaken(first, "soft", "17")
        async with looks.asking() as later:
            assert not looks.overtaken(later, "vds", "17")


async def test_nothing_is_remembered_that_no_look_can_be_older_than() -> None:
    looks = Looks()
    async with looks.asking() as long:
        async with looks.asking():
            looks.wrote("vds", ["17"])
        assert looks.overtaken(long, "vds", "17"), "a shorter look has ended meanwhile"
    assert looks._items == {}
