"""The calls of the port that change something, and how reading tells afterwards whether they were carried out."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

from models.enums import UpstreamStatus
from tests.upstreams.bench import Bench
from upstreams.errors import NoSuchItem
from upstreams.port import ListedRow, ListEnd, Upstream, UpstreamItem

MARK, KEY = "rf-1042-7-a1", "1042-open-7"
"""Our mark on the order, and the key that every attempt of the operation has."""


@dataclass(frozen=True)
class Subject:
    """What a call is about: an item of ours, or an order with a mark. `before`: the item as it was."""

    bench: Bench
    before: UpstreamItem | None = None

    @property
    def number(self) -> str:
        assert self.before is not None
        return self.before.number


@dataclass(frozen=True)
class Change:
    """A call that changes something, and how reading tells afterwards whether it was carried out."""

    make: Callable[[Upstream, Subject], Awaitable[object]]
    done: Callable[[Upstream, Subject], Awaitable[bool]]
    charges: bool = True
    about_an_item: bool = True


async def order(upstream: Upstream, about: Subject) -> object:
    return await upstream.order(about.bench.spec(MARK), key=KEY)


async def is_ordered(upstream: Upstream, about: Subject) -> bool:
    found = [item for item in (await listed(upstream, about.bench)).values() if item.mark == MARK]
    assert len(found) <= 1, "one order is one item"
    return bool(found)


async def prolong(upstream: Upstream, about: Subject) -> object:
    return await upstream.prolong(about.number, 1, key=KEY)


async def is_prolonged(upstream: Upstream, about: Subject) -> bool:
    before, now = about.before, await form(upstream, about)
    assert before is not None
    assert before.expires_on is not None
    assert now.expires_on is not None
    return now.expires_on >= before.expires_on + timedelta(days=28)


async def change_plan(upstream: Upstream, about: Subject) -> object:
    return await upstream.change_plan(about.number, about.bench.other_plan, 1, key=KEY)


async def is_on_other_plan(upstream: Upstream, about: Subject) -> bool:
    return about.bench.is_on_other_plan(await form(upstream, about))


async def set_parameters(upstream: Upstream, about: Subject) -> object:
    asked = about.bench.dearer_parameters
    return await upstream.set_parameters(about.bench.product_type, about.number, asked, key=KEY)


async def has_parameters(upstream: Upstream, about: Subject) -> bool:
    return about.bench.has_dearer_parameters(await form(upstream, about))


async def suspend(upstream: Upstream, about: Subject) -> None:
    await upstream.suspend(about.bench.product_type, about.number, key=KEY)


async def is_suspended(upstream: Upstream, about: Subject) -> bool:
    return (await form(upstream, about)).status is UpstreamStatus.SUSPENDED


async def resume(upstream: Upstream, about: Subject) -> None:
    await upstream.resume(about.bench.product_type, about.number, key=f"{KEY}-resume")


async def is_active(upstream: Upstream, about: Subject) -> bool:
    return (await form(upstream, about)).status is UpstreamStatus.ACTIVE


async def close(upstream: Upstream, about: Subject) -> None:
    await upstream.delete(about.bench.product_type, about.number, key=KEY)


async def is_closed(upstream: Upstream, about: Subject) -> bool:
    try:
        return (await form(upstream, about)).status is UpstreamStatus.DELETED
    except NoSuchItem:
        return True


OPEN = "open"
CHANGES: dict[str, Change] = {
    OPEN: Change(order, is_ordered, about_an_item=False),
    "prolong": Change(prolong, is_prolonged),
    "change of plan": Change(change_plan, is_on_other_plan),
    "parameters": Change(set_parameters, has_parameters),
    "suspend": Change(suspend, is_suspended, charges=False),
    "close": Change(close, is_closed, charges=False),
}
RESUME = Change(resume, is_active, charges=False)


async def form(upstream: Upstream, about: Subject) -> UpstreamItem:
    return await upstream.read_item(about.bench.product_type, about.number)


async def listed(upstream: Upstream, bench: Bench) -> dict[str, UpstreamItem]:
    """The list, which must be complete, by number."""
    listing = await upstream.list_items(bench.product_type)
    assert listing.complete, listing.incomplete_because
    return {item.number: item for item in listing.items}


async def digests(upstream: Upstream, bench: Bench) -> tuple[dict[str, str], ListEnd]:
    """The list as it is walked: each row's digest by its number, and its end."""
    found: dict[str, str] = {}

    async def take(rows: Sequence[ListedRow], _total: int | None) -> None:
        for row in rows:
            assert row.item().number == row.number
            found[row.number] = row.digest

    end = await upstream.walk_items(bench.product_type, take)
    return found, end


async def subject(bench: Bench, change: Change) -> Subject:
    """What the change is about, made at the far side before anything goes wrong."""
    if not change.about_an_item:
        return Subject(bench)
    async with aclosing(bench.connect()) as upstream:
        await upstream.order(bench.spec("rf-1041-6-a1"), key="an earlier order")
        await bench.carry_out()
        [item] = (await listed(upstream, bench)).values()
        found = Subject(bench, await upstream.read_item(bench.product_type, item.number))
    assert found.before is not None
    assert found.before.status is UpstreamStatus.ACTIVE
    return found
