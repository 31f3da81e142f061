"""What the contract suite needs of an adapter's far side: a real server on loopback that can be looked into."""

from collections.abc import Collection
from typing import Protocol

from tests.infrastructure.proxy import Proxy, Request
from upstreams.capabilities import Capabilities
from upstreams.errors import UpstreamError
from upstreams.port import OrderSpec, Upstream, UpstreamItem

PATIENT_SECONDS = 10.0
"""Time-out of calls that are answered: also on a slow machine."""
QUICK_SECONDS = 0.3
"""Time-out of calls that are not answered, for which the test waits."""


class Bench(Protocol):
    """One far side, as new for each test, and adapters that speak to it through a proxy.

    The far side has money for some ten orders, and its items are of one product type until `one_of_another_type`.
    """

    proxy: Proxy
    """Between adapter and far side. Adapters reach the far side through it only."""
    product_type: str
    other_type: str
    """Another product type that the far side has."""
    number_of_nobody: str
    """A number that no item has."""
    throttled: type[UpstreamError]
    """What a call that charges raises for a 429 of which it is not known who answered it."""
    secrets: Collection[str]
    """Parts of the credentials that must be in no message."""
    capabilities: Capabilities
    """The adapter's."""

    def connect(self, *, seconds: float = PATIENT_SECONDS, wrong_credentials: bool = False) -> Upstream:
        """An adapter with a gate of its own and this time-out for every call. The caller closes it."""
        ...

    def spec(self, mark: str) -> OrderSpec:
        """An order that the far side accepts, with this mark of ours; the same mark makes the same order."""
        ...

    async def carry_out(self) -> None:
        """Return once the far side has done what it was asked for; it may wait for money all the same."""
        ...

    async def many(self, count: int) -> None:
        """So many items, more than fit on two pages of what `connect` reads."""
        ...

    async def one_of_another_type(self) -> None:
        """An item of `other_type`, newer than all others."""
        ...

    names_totals: bool
    """Lists say how many rows there are in all."""

    def one_row_more(self, body: bytes) -> bytes:
        """The body of a list whose total is one more than it was. Not called where lists name no total."""
        ...

    odd_documents: Collection[bytes]
    """Documents in the far side's language that are no answer to anything, or lack what an answer must have."""

    async def without_money(self) -> None:
        """From now on the account at the far side can pay for nothing."""
        ...

    def commits(self, request: Request) -> bool:
        """Whether this request changes something or costs, rather than reads."""
        ...

    async def charges(self) -> int:
        """How many times the far side has charged the account."""
        ...

    async def count_items(self) -> int:
        """How many items were ever made at the far side, deleted ones included."""
        ...

    other_plan: str
    """A tariff in the far side's terms that an item can be changed to, and that costs more."""

    def is_on_other_plan(self, item: UpstreamItem) -> bool: ...

    dearer_parameters: dict[str, str]
    """Parameters in the far side's terms that an item does not have yet, and that cost something."""

    def has_dearer_parameters(self, item: UpstreamItem) -> bool: ...
