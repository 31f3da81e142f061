"""What Resellflow needs from any upstream, in Resellflow's words. An adapter translates and never decides.

Every method raises the exceptions of `upstreams.errors`, and no others. An adapter makes one
HTTP request per call it is asked for (where it makes more, the method says so) and never repeats one on its own, except
to renew a dead session.

A call that changes or costs has happened once it returns, has not happened once it raises any exception but
OutcomeUnknown, and must be settled by reading after OutcomeUnknown before anything is sent again.

Such a call takes a `key`: the caller's name of what is asked for, the same in every attempt of one operation. An
upstream with idempotency keys gets it, and then does the same thing once. Other adapters leave it. A call that costs
takes a `quote`, too: `Quote.held_as` of a quote of exactly this request, where the upstream holds its prices. Empty:
none. It raises NotYet, and has not happened, where the upstream does not hold that price any more; its time is
the present one, because another quote is to be had at once.

How sure what a docstring says is: documented by the vendor, seen in code of public clients, or assumed; sources are in
the adapter's page under docs/.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from models.enums import Knowledge, RenewalOwner, UnpaidKind
from models.money import Money
from upstreams.answers import (
    News,
    OnSale,
    OrderAccepted,
    ParametersAccepted,
    PlanChangeAccepted,
    PlanChangeQuote,
    ProlongAccepted,
    ProlongQuote,
    Quote,
    Value,
)
from upstreams.carts import Cart, Expenses, Payment
from upstreams.items import (
    KEY_READY,
    Head,
    ListedPage,
    ListedRow,
    ListEnd,
    Listing,
    TakeRows,
    UnusableRow,
    UpstreamItem,
)
from upstreams.ledger import LedgerEnd, TakeLedger

__all__ = [
    "KEY_READY",
    "NO_SETTINGS",
    "Balance",
    "Findings",
    "Head",
    "Learned",
    "ListEnd",
    "ListedPage",
    "ListedRow",
    "Listing",
    "OrderSpec",
    "TakeRows",
    "UnusableRow",
    "Upstream",
    "UpstreamItem",
]

NO_SETTINGS: Mapping[str, object] = MappingProxyType({})
"""The mapping has no keys of this kind of upstream alone."""


class Balance(Value):
    """What the account holds, without the credit limit (the upstream does not show it; it is a setting of ours)."""

    amount: Money
    read_by: str
    """Name of the upstream function that answered."""


class OrderSpec(Value):
    """A set-up request in the upstream's terms; everything is mapped and checked before it gets here."""

    product_type: str
    tariff: str
    location: str | None
    period: int
    """Months, or a special one (`models.periods`)."""
    name: str
    """What it is called: a host name, domain or licence name."""
    mark: str
    """Our mark."""
    parameters: dict[str, str] = Field(default_factory=dict)
    """Parameter of the product type (`models.product_types`) -> value; of a template the upstream's key for it."""
    extras: dict[str, str] = Field(default_factory=dict)
    """Upstream field -> value, which the mapping adds to every order of it; a parameter for the same field wins."""
    addons: dict[str, str] = Field(default_factory=dict)
    """Upstream field -> value: addon_61 -> 2."""
    renewal_owner: RenewalOwner = RenewalOwner.STOREFRONT
    settings: dict[str, object] = Field(default_factory=dict)
    """What the mapping says in keys of this kind of upstream alone (`Adapter.mapping_settings`), as JSON."""


class Findings(Value):
    """What `resell upstream check` finds out; what cannot be known yet is unknown, and learned later."""

    balance: Money | None = None
    """None: it can't be read; `problems` says why."""
    lists_show_marks: Knowledge = Knowledge.UNKNOWN
    forms_show_marks: Knowledge = Knowledge.UNKNOWN
    orders_return_number: Knowledge = Knowledge.UNKNOWN
    """Known before the first order only where the interface promises it."""
    listable_types: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    """Sentences for the operator."""
    stops_orders: bool = False
    """One of the problems prevents every order."""


class Learned(BaseModel):
    """What an adapter has found out about its upstream and is given at the next start.

    It is kept with the account as JSON, and forgotten when the account moves to another address. Nobody but the adapter
    acts on it, so it may hold what it likes; a stored value that can't be read any more counts as nothing learned.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)


class Upstream(Protocol):
    """A selling system."""

    @property
    def learned(self) -> Learned:
        """What it knows of its upstream by now, to be kept."""
        ...

    @property
    def carts(self) -> tuple[UnpaidKind, ...]:
        """Where something may wait to be paid, the likeliest first; empty: nothing ever does."""
        ...

    async def check(self, product_types: tuple[str, ...]) -> Findings:
        """Try the connection and find out what this upstream can do, by reading only.

        Raises NotSent, OutcomeUnknown or ConnectionUnhealthy if it cannot be talked to at all.
        """
        ...

    async def balance(self) -> Balance:
        """Balance of the account in the connection's currency."""
        ...

    async def quote(self, spec: OrderSpec) -> Quote:
        """What this order would cost, from the order form; reads only."""
        ...

    async def on_sale(self, product_type: str, location: str | None, period: int | None = None) -> OnSale:
        """The upstream's price list for this place (None: without saying a place), reads only.

        `period`: some price lists show only what is sold for the period that is chosen; None: whatever is shown first.
        Seen in code.
        """
        ...

    async def order(self, spec: OrderSpec, *, key: str, quote: str = "") -> OrderAccepted:
        """Send the set-up request, once, charging the account. OutcomeUnknown: it may or may not have happened."""
        ...

    async def list_items(self, product_type: str) -> Listing:
        """Every item of this type, deleted ones included where the upstream shows them."""
        ...

    async def walk_items(self, product_type: str, take: TakeRows) -> ListEnd:
        """The same page by page, in memory of one page, each row unread until it is asked for.

        Rows that the upstream moves while it is read may come twice. Raises what `take` raises, too.
        """
        ...

    async def newest_items(self, product_type: str, count: int) -> Head:
        """The head of the list sorted by number, newest first: at most `count` rows, in one request.

        Whether an upstream sorts is seen on each answer; no rows where it does not.
        """
        ...

    async def news(self, cursor: str | None) -> News:
        """What has changed since `cursor`, the one of the answer before. None, or one that is refused: nothing, and a
        cursor of now. Reads only; two requests where the cursor is refused.

        Raises NoSuchItem where this version of the upstream has no such list.
        """
        ...

    async def read_item(self, product_type: str, number: str) -> UpstreamItem:
        """The full form of one item. Raises NoSuchItem."""
        ...

    async def delete_unpaid(self, product_type: str, number: str) -> None:
        """Remove an ordered but unpaid item, left behind by an order that lacked money."""
        ...

    async def quote_prolong(self, product_type: str, number: str, period: int) -> ProlongQuote:
        """What prolonging by `period` months would cost and where it would lead; reads only.

        Raises NotYet where the upstream refuses the form until a date, NoSuchItem, NotAllowed. Seen in code.
        """
        ...

    async def prolong(self, number: str, period: int, *, key: str, quote: str = "") -> ProlongAccepted:
        """Prolong by `period` months, once, charging the account.

        A repetition charges again (assumed): after OutcomeUnknown compare the expiry with the one before. Raises NotYet
        with the start of the day from which renewal is allowed, aware UTC; the upstream says "after", so that day may
        still be too early. NotEnoughMoney (assumed: the same type as for orders), NoSuchItem, NotAllowed, Rejected.
        Seen in code.
        """
        ...

    async def suspend(self, product_type: str, number: str, *, key: str) -> None:
        """Suspend. Accepted is not yet suspended: settled by the item's status. May be repeated.

        Raises NotAllowed for every definite no (but NoSuchItem). Seen in code; whether a customer has the right to it
        differs per upstream and product type.
        """
        ...

    async def resume(self, product_type: str, number: str, *, key: str) -> None:
        """Resume what we suspended, in the same way. NotAllowed also after a suspension for abuse or by staff
        (assumed).

        NotEnoughMoney where the upstream wants to be paid first.
        """
        ...

    async def delete(self, product_type: str, number: str, *, key: str) -> None:
        """Close for good, whatever its status: the caller has looked. Settled by status deleted, or by NoSuchItem.

        Raises NotAllowed where a confirmation by phone is wanted or a minimum term runs (documented that it happens,
        not how it looks), and for every other definite no but NoSuchItem.
        """
        ...

    async def call_off(self, product_type: str, number: str, *, key: str) -> None:
        """The order that made this item is not wanted any more. If it is not bought yet, it never is; else the item is
        closed once it is open.

        Accepted is not yet called off: settled by status deleted, and `UpstreamItem.bought` says which of the two it
        was. May be repeated with the same key. Raises NoSuchItem, NotAllowed.
        """
        ...

    async def quote_plan_change(
        self,
        number: str,
        tariff: str,
        period: int,
        *,
        settings: Mapping[str, object] = NO_SETTINGS,
        drop_addons: bool = False,
    ) -> PlanChangeQuote:
        """Which tariffs the item may be changed to, and what this one would cost now; one or two reads.

        `settings`: of the new plan's mapping, as in `OrderSpec`. `drop_addons`: as in `change_plan`.

        Seen in code.
        """
        ...

    async def change_plan(
        self,
        number: str,
        tariff: str,
        period: int,
        *,
        key: str,
        settings: Mapping[str, object] = NO_SETTINGS,
        drop_addons: bool = False,
        quote: str = "",
    ) -> PlanChangeAccepted:
        """Change the tariff, once, charging or refunding the account. Settled by the tariff in the item's form.

        `drop_addons`: it is agreed that the item loses add-ons that it can't have with the new one. An upstream that
        does not ask drops them anyway.

        One request; three where the upstream has no such function in one shot (a definite no, so nothing has been done)
        and the wizard is walked instead. After an unclear answer nothing else is tried. A change may go on for a while
        at the upstream, or wait there for a person. Seen in code.
        """
        ...

    async def quote_parameters(self, product_type: str, number: str, fields: Mapping[str, str]) -> Quote:
        """What the form shows as the total with these fields (upstream field -> value); reads only.

        No price where the form does not show them taken over, or no readable total. It may be the price of a whole
        period rather than the extra charge (not known), so take it for the most that is charged. Raises SetupFault for
        a field that cannot be set.
        """
        ...

    async def set_parameters(
        self, product_type: str, number: str, fields: Mapping[str, str], *, key: str, quote: str = ""
    ) -> ParametersAccepted:
        """Change parameters and add-ons (upstream field -> value), once; extra cost may be charged or billed.

        `domain` is the name. Settled by the values in the item's form, secrets aside. Raises SetupFault before sending
        for a field that steers the call or has a method of its own (tariff, period, mark, renewal). Seen in code.
        """
        ...

    async def set_mark(self, product_type: str, number: str, mark: str) -> None:
        """Put our mark on an item, in place of the one it has. May be repeated. Seen in code for licences."""
        ...

    async def set_renewal(self, product_type: str, number: str, period: int | None) -> None:
        """Let the upstream renew automatically by `period` months, or not (None). May be repeated.

        Documented for licences, seen in code for others.
        """
        ...

    async def change_password(self, number: str, password: SecretStr) -> None:
        """Give the item a new password. Cannot be settled by reading; the same password may be sent again.

        The password is in no message of any exception. Seen in code.
        """
        ...

    async def read_licence_key(self, product_type: str, number: str) -> SecretStr | None:
        """The item's key; None while it has not arrived, which may take a while after the order. Raises NoSuchItem.

        Seen in code.
        """
        ...

    async def new_licence_key(self, product_type: str, number: str, *, key: str) -> None:
        """Have the upstream make another key for the item; it may take a while to arrive. Free, as far as is known.

        Cannot be settled by reading, as keys are kept nowhere; it may be sent again. Raises NotAllowed, Rejected. Seen
        in code.
        """
        ...

    async def read_cart(self, unpaid_kind: UnpaidKind) -> Cart:
        """What waits to be paid: rows of the new cart, or orders of the old one; reads only. Seen in code.

        NotAllowed, SetupFault: this upstream (or this account) has no such thing.
        """
        ...

    async def confirm_cart(self, rows: Sequence[str]) -> Payment:
        """Turn these rows of the cart into an order paid from the balance, once. Documented; the answer names no item.

        NotEnoughMoney: the rows stay. NotAllowed, SetupFault, Rejected: nothing was paid.
        """
        ...

    async def pay(self, order: str) -> Payment:
        """Pay an order from the balance, once. Seen in code. Refusals as for `confirm_cart`."""
        ...

    async def expenses(self, since: date) -> Expenses:
        """Charges since that day, to find out about a payment whose answer was lost; reads only. Documented."""
        ...

    async def walk_ledger(self, since: date, until: date | None, take: TakeLedger) -> LedgerEnd:
        """Expenses, and payments that say that they are refunds, page by page from one day up to another one (None: up
        to now, and only then payments); reads only. Several requests, one after the other.

        A list that is refused is a problem of the answer. Documented; what a refund looks like is assumed.
        """
        ...

    async def remove_cart_row(self, unpaid_kind: UnpaidKind, number: str) -> None:
        """Take one row out of the cart, ours by proof: the caller has looked. Never empties it. Documented."""
        ...

    async def aclose(self) -> None:
        """Close the connection pool."""
        ...
