"""What an upstream shows of its services: one item, a row of a list, the end of a list, its head."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pydantic import Field

from models.enums import Knowledge, SuspendReason, UpstreamStatus
from models.money import Money
from upstreams.answers import Value
from upstreams.lazy import LazySequence

KEY_READY = "key_ready"
"""What `UpstreamItem.raw` has of a licence's key: whether there is one, `yes` or `no`."""


class UpstreamItem(Value):
    """One service as the upstream shows it. None or empty where this upstream (or this call) does not show a thing."""

    number: str
    product_type: str
    status: UpstreamStatus
    status_detail: str = ""
    """The upstream's own key for the cause of its state, for people to look up."""
    cause: str = ""
    """The cause of its state in words, where the adapter knows it: "it is being opened"."""
    dead_end: bool = False
    """The upstream does not go on with it automatically: its staff has to do something first. Of an item that is active
    or suspended: it has called off what it had accepted last, and nothing is under way."""
    bought: bool | None = None
    """Whether the order of an item that is deleted was carried out before, and charged. False: it was called off in
    time, so nothing was charged. None: this answer does not show it."""
    at_work: bool = False
    """The upstream has accepted something about the item that it has not finished, whatever the status shows."""
    suspend_reason: SuspendReason | None = None
    name: str = ""
    """Its host name, domain or licence name."""
    mark: str | None = None
    """Ours, as it comes back. None: this answer has no place for it. Empty text: the place is there and empty."""
    expires_on: date | None = None
    tariff: str = ""
    """Text of the tariff as shown: its name in lists, its id in forms."""
    tariff_id: str = ""
    """What a mapping calls the tariff, where it is shown beside the name."""
    period: str = ""
    """Months, or the number of a special one (`models.periods`); empty where it is not shown."""
    cost: Money | None = None
    """Price of the item's whole period. What is shown as the price of a month is none (unless the period is one)."""
    ip: str = ""
    renewal: str | None = None
    """How the upstream renews it: the months, or another code of the adapter's. Empty: the place for it is empty.
    None: this answer does not show it."""
    renews: bool | None = None
    """Whether the upstream renews it automatically. None: this answer does not show it for certain."""
    unreadable: dict[str, str] = Field(default_factory=dict)
    """What is shown and can't be true (a cost of 10^30, a name of 9,000 characters), by the field it is missing from: a
    part of it, for people to see."""
    raw: dict[str, str] = Field(default_factory=dict)
    """Every plain field as received, secrets (passwords, keys) left out. Fields that the catalogue names are there by
    that name, and of a form the host name or domain under `domain`. Of a licence's form also `key_ready`: `yes` or
    `no`; absent where the form has no place for a key."""


class UnusableRow(ValueError):
    """A row that can be no item. Its message says why, in words that follow "held back: "."""


@dataclass(frozen=True, slots=True)
class ListedRow:
    """One row of a list, read as far as it takes to know it again."""

    number: str
    digest: str
    """The same for the same row, whatever else the list shows; another one when any field of it differs, or when the
    adapter has come to read rows in another way."""
    item: Callable[[], UpstreamItem]
    """Reads the row. To be called before the next page is asked for, if at all. Raises UnusableRow."""


class ListedPage(LazySequence[ListedRow]):
    """The rows of one page: a page on which nothing has changed is known again by `digests`, without any row."""

    def __init__(self, count: int, row: Callable[[int], ListedRow], digests: Mapping[str, str]) -> None:
        """`digests`: number -> digest of all its rows; empty if rows of one number differ."""
        super().__init__(count, row)
        self.digests = digests


TakeRows = Callable[[Sequence[ListedRow], int | None], Awaitable[None]]
"""Takes the rows of one page, and the total that the upstream names, if it does."""


class ListEnd(Value):
    """What is known of a list when its last page has been read."""

    complete: bool
    """True only if every page was read, the number of rows agrees with the total that the upstream named, and no filter
    narrows the list."""
    incomplete_because: str = ""
    """Why it may not be all, in words for a person, to follow "the list may not be complete: "; empty where it is."""
    pages: int
    shows_marks: Knowledge
    """Whether rows have a place for our mark; unknown for an empty list."""


class Listing(ListEnd):
    """All items of a product type, ordered by number."""

    items: tuple[UpstreamItem, ...]


@dataclass(frozen=True)
class Head:
    """The newest items of a product type, in order of their numbers, the highest first."""

    rows: tuple[ListedRow, ...]
    """Rows of the list, as `walk_items` hands them on."""
    in_order: bool
    """The answer was seen to be what was asked for: numbers descending, no more rows than asked for, no filter. That
    there is nothing newer can't be seen."""
    because: str = ""
    """Why it is not, in words."""
