"""Tables of the catalogue: whom we buy from, how operations are carried out, what can be ordered and its mapping."""

from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from models.columns import amount_column, empty_dict, empty_list, enum_column, json_column, units_column, utc_column
from models.enums import AbovePrice, Knowledge, ModuleKind, RenewalOwner, RenewalSide, Unquoted
from models.money import Money
from models.renewal import owner_of, stored


class UpstreamAccount(SQLModel, table=True):
    """Our customer account at an upstream, what we learned about that upstream, and how it is doing.

    Never shared with another reselling system. Its secret is not here: only where it comes from.
    """

    __tablename__ = "upstream_account"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=64)
    kind: str = Field(max_length=32)
    url: str
    settings: dict[str, object] = Field(default_factory=empty_dict, sa_column=json_column())
    """What else the catalogue says of it. Its adapter alone reads it: `Adapter.account_settings`."""
    hint_secret_env: str | None = None
    """Where the secret comes from that push hints of this upstream are signed with; without one there are none."""
    hint_secret_file: str | None = None
    currency: str = Field(max_length=3)
    credit_limit: Decimal = Field(default=Decimal(0), sa_column=amount_column())

    learned: dict[str, object] = Field(default_factory=empty_dict, sa_column=json_column())
    """What its adapter found out about the upstream for its own use: `Adapter.learned`."""
    lists_show_marks: Knowledge = Field(default=Knowledge.UNKNOWN, sa_column=enum_column(Knowledge))
    """Rows have a field for our mark."""
    forms_show_marks: Knowledge = Field(default=Knowledge.UNKNOWN, sa_column=enum_column(Knowledge))
    lists_return_mark: Knowledge = Field(default=Knowledge.UNKNOWN, sa_column=enum_column(Knowledge))
    """Proven by a service of ours: the mark that we sent comes back in the list. (More than: the field is there.)"""
    lists_return_name: Knowledge = Field(default=Knowledge.UNKNOWN, sa_column=enum_column(Knowledge))
    """The same for the name: whether that is proven."""
    orders_return_number: Knowledge = Field(default=Knowledge.UNKNOWN, sa_column=enum_column(Knowledge))
    problems: list[str] = Field(default_factory=empty_list, sa_column=json_column())
    checked_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))

    unhealthy_reason: str | None = None
    """Set: no money call of this account is made until a read succeeds again."""
    unhealthy_since: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    unreachable_reason: str | None = None
    """Set: for a while no read has been answered in a way that can be used."""
    unreachable_since: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    failing_lists: dict[str, dict[str, str]] = Field(default_factory=empty_dict, sa_column=json_column())
    """Product type -> `since` (ISO, UTC) and `why`, of lists that could not be read for a while."""
    paused_since: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    """Set: a person wants nothing sent to it. Reads go on; see orders.accounts.pausing."""
    paused_by: str | None = Field(default=None, max_length=64)
    paused_reason: str | None = None
    rests_until: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    """The upstream has asked to be left alone until then. Each worker process learns it from here."""
    rests_because: str = ""
    """In whose words it asked for that."""
    limits: dict[str, int | float] = Field(default_factory=empty_dict, sa_column=json_column())
    """What the catalogue says of its limits: `upstreams.limits.AccountLimits`."""
    circuits: dict[str, dict[str, str]] = Field(default_factory=empty_dict, sa_column=json_column())
    """Breakers that are not closed: `models.circuits`. Each worker process writes those that it knows."""
    balance: Decimal | None = Field(default=None, sa_column=amount_column(nullable=True))
    balance_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    low_balance_since: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    """Since when less is free than the minimal balance of some processing module; people were notified of it then."""
    polled_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    cart_holder: int | None = None
    """The operation whose rows are being paid in this account's cart: one at a time."""
    cart_held_since: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    release_count: int = 0
    """Counts reservations released because they were charged."""
    set_aside: int = Field(default=0, sa_column=units_column())
    """What is granted to orders and not charged yet, in ten-thousandths of the currency; see orders.money.funds."""
    charged: int = Field(default=0, sa_column=units_column())
    """All that was ever granted and then charged, in ten-thousandths. It only grows: a reading of the balance notes it.
    """
    waiting: int = 0
    """How many orders are in line for money."""
    refunded: int = Field(default=0, sa_column=units_column(server_default="0"))
    """What was paid back of it, in ten-thousandths: the sum of the refunds that are written to operations."""
    refunds_read_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    """When the lists of expenses and payments were last read for what was paid back."""
    refunds_unreadable: str | None = None
    """Set: why they can't be read, in whole or in part."""
    feed_cursor: str | None = Field(default=None, max_length=255)
    """Up to where the upstream's list of changes was read; None: it was not, or there is none."""
    charges_below_zero: bool | None = None
    """Whether its list of expenses shows charges below zero; None: no charge of ours was seen in it yet."""


class ProcessingModule(SQLModel, table=True):
    """How operations on a service are carried out: an upstream account and product type, or by hand."""

    __tablename__ = "processing_module"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=64)
    kind: ModuleKind = Field(default=ModuleKind.UPSTREAM, sa_column=enum_column(ModuleKind))
    account_id: int | None = Field(default=None, foreign_key="upstream_account.id", index=True)
    product_type: str = Field(max_length=32)
    department: str = Field(max_length=64)
    minimal_balance: Decimal | None = Field(default=None, sa_column=amount_column(nullable=True))
    """In the account's currency. While less is free people are notified; orders are not held back by it."""
    priority: int = 0
    """If several modules can open a plan, the lowest number is taken first."""


class TariffPlan(SQLModel, table=True):
    """What can be ordered."""

    __tablename__ = "tariff_plan"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=64)
    product_type: str = Field(max_length=32)
    resources: dict[str, int] = Field(default_factory=empty_dict, sa_column=json_column())
    addon_prices: dict[str, str | dict[str, str]] = Field(default_factory=empty_dict, sa_column=json_column())
    """Selling price of add-ons; see orders.money.addonprices for the shape."""
    renewal_lead_days: int | None = None
    """How long before the end of their terms its services are renewed automatically; None: as the settings say."""
    active: bool = True


class TariffPlanPrice(SQLModel, table=True):
    """Selling price of a plan for a period."""

    __tablename__ = "tariff_plan_price"

    plan_id: int = Field(foreign_key="tariff_plan.id", primary_key=True)
    period_months: int = Field(primary_key=True)
    amount: Decimal = Field(sa_column=amount_column())
    currency: str = Field(max_length=3)
    renewal_amount: Decimal | None = Field(default=None, sa_column=amount_column(nullable=True))
    renewal_currency: str | None = Field(default=None, max_length=3)
    """Selling price of a renewal by this period, where it is another one."""
    retired: bool = False
    """It was removed from the catalogue while services had it. They keep it, and it is sold to nobody else."""

    @property
    def price(self) -> Money:
        return Money(amount=self.amount, currency=self.currency)

    @property
    def renewal_price(self) -> Money | None:
        if self.renewal_amount is None or self.renewal_currency is None:
            return None
        return Money(amount=self.renewal_amount, currency=self.renewal_currency)


class PlanMapping(SQLModel, table=True):
    """A plan's counterpart at the upstream of one processing module."""

    __tablename__ = "plan_mapping"
    __table_args__ = (sa.UniqueConstraint("plan_id", "module_id"), {"sqlite_autoincrement": True})

    id: int = Field(default=None, primary_key=True)
    plan_id: int = Field(foreign_key="tariff_plan.id")
    module_id: int = Field(foreign_key="processing_module.id")
    tariff: str
    location: str | None = None
    addons: dict[str, str] = Field(default_factory=empty_dict, sa_column=json_column())
    """Our add-on name -> the upstream's field, e.g. ram -> addon_61."""
    templates: dict[str, str] = Field(default_factory=empty_dict, sa_column=json_column())
    """Our template name -> the upstream's key for it."""
    resource_fields: dict[str, str] = Field(default_factory=empty_dict, sa_column=json_column())
    """Our resource -> the field of the upstream's form that shows it, e.g. disk_gb -> resource_disk."""
    order_parameters: dict[str, str] = Field(default_factory=empty_dict, sa_column=json_column())
    """Further fields that this upstream wants in every order of this tariff."""
    renewal_owner: RenewalSide = Field(default=RenewalSide.RESELLFLOW, sa_column=enum_column(RenewalSide))
    """The side alone, in the words of older versions. `renewed_by` says who renews it."""
    renews_automatically: bool = False
    addon_forms: dict[str, dict[str, object]] = Field(default_factory=empty_dict, sa_column=json_column())
    """What may be ordered of an add-on: limits of a quantity, a switch, or choices; see catalogue.entries."""
    addon_costs: dict[str, str | dict[str, str]] = Field(default_factory=empty_dict, sa_column=json_column())
    """What add-ons cost us; see orders.money.addonprices for the shape."""
    price_tolerance: Decimal = Field(default=Decimal(10), sa_column=amount_column())
    """Per cent by which a quote may be dearer than the expected cost."""
    unquoted: Unquoted = Field(default=Unquoted.ASK, sa_column=enum_column(Unquoted))
    above_price: AbovePrice = Field(default=AbovePrice.ASK, sa_column=enum_column(AbovePrice))
    settings: dict[str, object] = Field(default_factory=empty_dict, sa_column=json_column())
    """The keys of the kind of upstream alone, as its adapter's `mapping_settings` has them."""

    @property
    def renewed_by(self) -> RenewalOwner:
        return owner_of(self.renewal_owner, self.renews_automatically)

    @renewed_by.setter
    def renewed_by(self, owner: RenewalOwner) -> None:
        self.renewal_owner, self.renews_automatically = stored(owner)


class MappedPeriod(SQLModel, table=True):
    """Our period, the upstream's, and what it is expected to cost there."""

    __tablename__ = "mapped_period"

    mapping_id: int = Field(foreign_key="plan_mapping.id", primary_key=True)
    period_months: int = Field(primary_key=True)
    upstream_period: int
    cost_amount: Decimal = Field(sa_column=amount_column())
    cost_currency: str = Field(max_length=3)
    renewal_cost_amount: Decimal | None = Field(default=None, sa_column=amount_column(nullable=True))
    renewal_cost_currency: str | None = Field(default=None, max_length=3)
    retired: bool = False
    """The same: these services keep it, and it is sold to nobody else."""

    @property
    def cost(self) -> Money:
        return Money(amount=self.cost_amount, currency=self.cost_currency)

    @property
    def renewal_cost(self) -> Money | None:
        """What a renewal by this period costs us, where the catalogue says it."""
        if self.renewal_cost_amount is None or self.renewal_cost_currency is None:
            return None
        return Money(amount=self.renewal_cost_amount, currency=self.renewal_cost_currency)
