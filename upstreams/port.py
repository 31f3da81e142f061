"""What Resellflow needs from any upstream, in Resellflow's words. An adapter translates and never decides.

Every method raises the exceptions of `upstreams.errors` and no others. An adapter makes one HTTP request per call it is
asked for (listing: one per page) and never repeats one by itself, except to renew a dead session.
"""

from datetime import date
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from models.enums import Dialect, Knowledge, RenewalOwner, SuspendReason, UpstreamStatus
from models.money import Money


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Connection(_Value):
    """How to reach an upstream account. `url` includes the path, e.g. `https://host:1500/billmgr`."""

    name: str
    url: str
    dialect: Dialect
    username: str
    password: SecretStr
    currency: str
    read_timeout: float = 12.0
    """Seconds for a call that only reads."""
    order_timeout: float = 30.0
    """Seconds for a call that changes or costs."""
    balance_call: str | None = None
    """The balance call that worked last time, tried first."""


class Balance(_Value):
    """What the account holds, without the credit limit (the upstream does not tell it; it is a setting of ours)."""

    amount: Money
    read_by: str
    """Name of the upstream function that answered."""


class OrderSpec(_Value):
    """A set-up request in the upstream's terms; everything is mapped and checked before it gets here."""

    product_type: str
    pricelist: str
    datacenter: str | None
    period: int
    """The upstream's period in months (its special values: -100 trial, -50 day, 0 for ever)."""
    name: str
    """Goes where this product type carries its name: domain or licname."""
    remoteid: str
    """Our mark."""
    parameters: dict[str, str] = Field(default_factory=dict)
    """Upstream field -> value: ostempl, recipe, ip, ..."""
    addons: dict[str, str] = Field(default_factory=dict)
    """Upstream field -> value: addon_61 -> 2."""
    renewal_owner: RenewalOwner = RenewalOwner.RESELLFLOW


class OrderAccepted(_Value):
    """The upstream said yes. Some answers carry no number; then the item has to be found by its mark."""

    upstream_number: str | None


class UpstreamItem(_Value):
    """One service as the upstream shows it. None or empty where this upstream (or this call) does not show a thing."""

    number: str
    product_type: str
    status: UpstreamStatus
    status_detail: str = ""
    """Raw finer status, e.g. item_status_5_open."""
    suspend_reason: SuspendReason | None = None
    name: str = ""
    """Domain or licname."""
    remoteid: str | None = None
    """None: this answer has no such field. Empty text: the field is there and empty."""
    expires_on: date | None = None
    created_on: date | None = None
    pricelist: str = ""
    """Text of the tariff as shown: its name in lists, its id in forms."""
    period: str = ""
    cost: Money | None = None
    ip: str = ""
    autoprolong: str = ""
    raw: dict[str, str] = Field(default_factory=dict)
    """Every plain field as received, secrets (passwords, keys) left out."""


class Listing(_Value):
    """All items of a product type, in pages ordered by number."""

    items: tuple[UpstreamItem, ...]
    complete: bool
    """True only if every page was read and the number of rows agrees with the total that the upstream named."""
    pages: int
    shows_remoteid: Knowledge
    """Whether rows carry the remoteid field; unknown for an empty list."""


class Capabilities(_Value):
    """What `resell upstream check` finds out; what cannot be known yet is unknown, and learned later."""

    balance_call: str | None = None
    balance: Money | None = None
    lists_show_remoteid: Knowledge = Knowledge.UNKNOWN
    forms_show_remoteid: Knowledge = Knowledge.UNKNOWN
    orders_return_number: Knowledge = Knowledge.UNKNOWN
    listable_types: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    """Sentences for the operator."""


class Upstream(Protocol):
    """A selling system."""

    async def check(self, product_types: tuple[str, ...]) -> Capabilities:
        """Try the connection and find out what this upstream can do, by reading only.

        Raises NotSent, OutcomeUnknown or ConnectionUnhealthy if it cannot be talked to at all.
        """
        ...

    async def balance(self) -> Balance:
        """Balance of the account in the connection's currency."""
        ...

    async def quote(self, spec: OrderSpec) -> Money | None:
        """What this order would cost, from the order form; None if this upstream does not say it readably."""
        ...

    async def order(self, spec: OrderSpec) -> OrderAccepted:
        """Send the set-up request, once, charging the account. OutcomeUnknown: it may or may not have happened."""
        ...

    async def list_items(self, product_type: str) -> Listing:
        """Every item of this type, deleted ones included where the upstream shows them."""
        ...

    async def read_item(self, product_type: str, number: str) -> UpstreamItem:
        """The full form of one item. Raises NoSuchItem."""
        ...

    async def delete_unpaid(self, product_type: str, number: str) -> None:
        """Remove an ordered but unpaid item (status 1), left behind by an order that lacked money."""
        ...

    async def aclose(self) -> None:
        """Close the connection pool."""
        ...
