"""What the panel keeps: accounts, services, orders in the cart, payments and charges."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum

from pydantic import BaseModel, Field

from simulator.itemtypes import ItemType


class Status(IntEnum):
    """The ``status`` column of a service."""

    CANCELLED = 0
    ORDERED = 1
    ACTIVE = 2
    SUSPENDED = 3
    DELETED = 4
    PROCESSING = 5


class Operation(StrEnum):
    """What is being done to a service in processing, or what a charge was for."""

    OPEN = "open"
    PROLONG = "prolong"
    SUSPEND = "suspend"
    RESUME = "resume"
    CLOSE = "close"
    SETPARAM = "setparam"
    CHANGEPRICELIST = "changepricelist"
    REFUND = "refund"


class SuspendReason(StrEnum):
    """Why a service is suspended; also the tail of its message key."""

    AUTO = "autosuspend"
    STAFF = "employeesuspend"
    ABUSE = "abusesuspend"


class Subaccount(BaseModel):
    """The money of an account in one currency."""

    id: int
    currency: str
    balance: Decimal
    credit_limit: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)

    @property
    def available(self) -> Decimal:
        """What may be spent."""
        return self.balance + self.credit_limit - self.reserved


class Account(BaseModel):
    """A customer of the panel."""

    id: int
    name: str
    password: str
    realname: str
    email: str
    subaccounts: list[Subaccount]
    login_key: str | None = None
    filters: dict[str, dict[str, str]] = Field(default_factory=dict)
    """List filters that are kept for the user, from the interface or from a call, by the list's name."""

    def purse(self, currency: str) -> Subaccount:
        """The subaccount of a currency, or the first one."""
        return next((sub for sub in self.subaccounts if sub.currency == currency), self.subaccounts[0])


class HistoryEntry(BaseModel):
    """One line of a service's history."""

    time: datetime
    action: str
    user: str


class Pending(BaseModel):
    """A step that the panel will take automatically, or that waits for a person (no due time).

    The rest is what the service will have when it is done.
    """

    operation: Operation
    due: datetime | None = None
    expiredate: date | None = None
    pricelist: int | None = None
    reason: SuspendReason | None = None
    addons: dict[int, str] | None = None


class Item(BaseModel):
    """A service."""

    id: int
    account: int
    type: ItemType
    pricelist: int
    period: int
    status: Status
    createdate: datetime
    cost: Decimal
    currency: str
    name: str = ""
    domain: str = ""
    licname: str = ""
    ip: str = ""
    username: str = ""
    password: str = ""
    lickey: str = ""
    lickey_due: datetime | None = None
    datacenter: int = 1
    ostempl: str = ""
    recipe: str = "null"
    addons: dict[int, str] = Field(default_factory=dict)
    autoprolong: str = "null"
    remoteid: str = ""
    opendate: date | None = None
    expiredate: date | None = None
    cause: str = ""
    """Tail of the message key while processing, such as ``5_open``."""
    reason: SuspendReason | None = None
    suspended_by_client: bool = False
    pending: Pending | None = None
    visible_from: datetime | None = None
    listed_from: datetime | None = None
    """Lists show it later than its form does."""
    unpaid: bool = False
    """Ordered, refused for want of money, and left there."""
    stopped: bool = False
    """Switched off by its owner, though it is paid for."""
    details: dict[str, str] = Field(default_factory=dict)
    """What only this product type has: name servers, contacts, a request to be signed, a status of its own."""
    refund_due: datetime | None = None
    """When what is paid back for its end comes."""
    billdaily: bool = False
    """Charged by the day: the list has a phrase for the expiry, and the date apart."""
    resources: dict[str, str] = Field(default_factory=dict)
    """What differs from the tariff's: a disk, say, that nobody has made larger yet."""
    history: list[HistoryEntry] = Field(default_factory=list)

    @property
    def label(self) -> str:
        """The name by which a customer knows it."""
        return self.licname or self.domain or self.name


class Payment(BaseModel):
    """Money that came in."""

    id: int
    account: int
    amount: Decimal
    currency: str
    created: datetime
    status: int = 4
    refund: bool = False
    """Money that went back: its number begins with ``return/``."""
    text: str = ""
    """What it was for, in words."""
    item: int = 0
    """The service that it was for; 0: the list does not say."""


class Charge(BaseModel):
    """Money that was taken (or, negative, given back) for a service."""

    id: int
    account: int
    item: int
    operation: Operation
    amount: Decimal
    currency: str
    remoteid: str
    description: str
    time: datetime
    names_item: bool = True
    """Whether the list shows the service's number."""


class Event(BaseModel):
    """A change that waits in an account's queue to be taken."""

    id: int
    account: int
    item: int
    action: str
    time: datetime


class CartRow(BaseModel):
    """An order that waits in the cart to be paid: a ``lineitem`` that belongs to a ``billorder``."""

    id: int
    account: int
    item: int
    operation: Operation
    amount: Decimal
    currency: str
    period: int
    created: datetime
    addons: dict[int, str] = Field(default_factory=dict)
    """For a change of add-ons: the values once it is paid."""
    billorder: int = 0
    """The number under which it is paid in the old way, perhaps with others; 0: its own."""

    @property
    def bill(self) -> int:
        """The ``billorder`` it belongs to."""
        return self.billorder or self.id
