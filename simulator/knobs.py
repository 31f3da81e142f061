"""Everything about a panel that can be set, above all what nobody outside knows for certain."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulator.entities import SuspendReason
from simulator.itemtypes import COMMON_TYPES, ItemType
from simulator.money import CurrencyStyle, MoneyStyle


class Opening(StrEnum):
    """How a paid order becomes an active service."""

    AUTO = "auto"
    MANUAL = "manual"
    """It stays in processing until somebody finishes it by hand."""
    NO_MODULE = "no_module"
    """It stays in processing with the message that no module can open it."""
    REFUSED = "refused"
    """After the delay the service is deleted and the money given back."""


class OrderAnswer(StrEnum):
    """Which element of a paid order's answer carries the number of the service."""

    ID = "id"
    ITEM_ID = "item.id"
    NONE = "none"


class Quote(StrEnum):
    """How an order form shows what the order would cost."""

    NESTED = "nested"
    """Tables whose sums are nodes within nodes, in the new forms; flat tables in the old ones."""
    NESTED_EVERYWHERE = "nested_everywhere"
    FLAT = "flat"
    TEXT = "text"
    """Only in the sentence ``orderinfo``."""
    UNREADABLE = "unreadable"
    """A table whose sum is no number."""
    ABSENT = "absent"


class CartAnswer(StrEnum):
    """What an order that went into the cart answers with."""

    NUMBER = "number"
    """``lineitem.id`` in the new forms, ``billorder.id`` in the old ones."""
    BILLORDER = "billorder"
    OK = "ok"
    """No number: an ``ok`` that leads to the cart."""
    PAYMENT = "payment"
    """No number: an ``ok`` that leads to the payment."""
    BARE = "bare"
    """A plain ``ok``, which says nothing of a cart."""
    ITEM = "item"
    """The number of the service (``item.id``), as if it were bought."""


class IntoCart(StrEnum):
    """When a renewal, or a change that costs more, goes into the cart instead of being done at once."""

    ASKED = "asked"
    """Only with ``clicked_button=basket``."""
    WITHOUT_SKIPBASKET = "without_skipbasket"
    ALWAYS = "always"


class Names(StrEnum):
    """How lists and forms spell domain names."""

    AS_SENT = "as_sent"
    UNICODE = "unicode"
    PUNYCODE = "punycode"
    UPPER = "upper"
    TRAILING_DOT = "trailing_dot"
    WITHOUT_WWW = "without_www"


class AddonsOnChange(StrEnum):
    """What becomes of add-ons when the tariff is changed."""

    LOST = "lost"
    MAPPED = "mapped"
    """The new tariff's add-ons of the same name take their values."""
    KEPT = "kept"
    """They stay beside those of the new tariff, under their old numbers, and are paid on."""


class Refunds(StrEnum):
    """How what is paid back for a service is listed."""

    NONE = "none"
    """Nothing is paid back."""
    EXPENSE = "expense"
    """An expense below zero."""
    PAYMENT = "payment"
    """A payment whose number begins with ``return/``."""
    REDUCED = "reduced"
    """The last charge of the service is lowered."""
    GONE = "gone"
    """The last charge of the service is not listed any more."""


class Captcha(StrEnum):
    """An anti-robot layer in front of the panel."""

    NONE = "none"
    ERROR = "error"
    HTML = "html"


class Settings(BaseModel):
    """The knobs, with the defaults of a friendly panel. ``docs/simulator.md`` says what each stands for."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def known(cls, given: object) -> object:
        """Knobs from a state file: those, and those choices, that this simulator does not have are left out."""
        if not isinstance(given, dict):
            return given
        known = {name: value for name, value in given.items() if name in cls.model_fields}
        try:
            cls.model_validate(known)
        except ValidationError as error:
            unknown = {problem["loc"][0] for problem in error.errors()}
            return {name: value for name, value in known.items() if name not in unknown}
        return known

    # Time
    latency_ms: float = Field(default=0, ge=0)
    opening_delay: float = Field(default=1.0, ge=0)
    processing_delay: float = Field(default=0, ge=0)
    commit_delay: float = Field(default=0, ge=0)
    licence_key_delay: float = Field(default=0, ge=0)
    certificate_delay: float = Field(default=0, ge=0)
    operation_delay: float = Field(default=0, ge=0)
    operation_shown: bool = True

    list_lag: float = Field(default=0, ge=0)

    # Ordering
    types: list[ItemType] = COMMON_TYPES
    dialects: list[Literal[5, 6]] = [5, 6]
    opening: Opening = Opening.AUTO
    orders_return: OrderAnswer = OrderAnswer.ITEM_ID
    licence_orders_return: OrderAnswer = OrderAnswer.ID
    autoprolong_flag: Literal["strict", "lenient"] = "strict"
    remoteid_unique: bool = False
    remoteid_length: int | None = Field(default=None, ge=1)
    not_enough_money: Literal["nothing", "ordered_row"] = "nothing"
    withdrawn_tariffs: Literal["left_out", "shown"] = "left_out"
    price_list_centre: Literal["every", "first"] = "every"
    price_list_period: Literal["every", "chosen"] = "every"
    price_list_rights: Literal["allowed", "access"] = "allowed"
    closed_datacenters: list[int] = []
    unknown_addon: Literal["refuse", "ignore"] = "refuse"
    quote: Quote = Quote.NESTED
    discount_percent: Decimal = Field(default=Decimal(0), ge=0, lt=100)
    autoprolong_in_lists: Literal["word", "empty_when_off", "absent"] = "word"
    default_autoprolong: Literal["period", "off"] = "period"
    licence_agreement_required: bool = False
    domain_contacts: Literal["optional", "needed"] = "optional"
    external_renewal: Literal["free", "as_ordered"] = "free"

    # Carts
    skipbasket: Literal["honoured", "ignored"] = "honoured"
    cart_answer: CartAnswer = CartAnswer.NUMBER
    billorder: Literal["shared", "own"] = "shared"
    cart_elid: Literal["item", "lineitem"] = "item"
    confirm_pays: Literal["named", "whole_cart"] = "named"
    prolong_cart: IntoCart = IntoCart.ASKED
    addon_cart: IntoCart = IntoCart.ASKED
    unpaid_rows: Literal["payable", "loose"] = "loose"
    top_up_pays: Literal["nothing", "unpaid"] = "nothing"
    taken_out: Literal["vanish", "deleted"] = "vanish"

    # Reading
    language: Literal["asked", "ru"] = "asked"
    columns: Literal["live", "plain"] = "live"
    remoteid_in_lists: bool = True
    remoteid_in_forms: bool = True
    remoteid_filter: bool = False
    filters_shown: Literal["stored", "every", "none"] = "stored"
    domain_in_lists: bool = True
    names: Names = Names.AS_SENT
    deleted_rows: Literal["listed", "vanish"] = "listed"
    list_order: Literal["oldest_first", "newest_first"] = "oldest_first"
    sorting: Literal["honoured", "ignored", "as_text"] = "honoured"
    page_size: Literal["honoured", "ignored"] = "honoured"
    max_page: int | None = Field(default=None, ge=1)
    total_shown: bool = True
    status_columns: Literal["code", "word", "real"] = "code"
    processing_shown: Literal["status", "special_status"] = "status"
    single_row: Literal["bare", "array"] = "bare"
    sjson_values: Literal["array", "object"] = "array"
    bjson_error_text: Literal["string", "object"] = "string"
    combined_list: Literal["absent", "present"] = "absent"
    server_list: Literal["vds", "vds.vps"] = "vds"

    # Money calls
    subaccount: Literal["readable", "access"] = "readable"
    whoami: Literal["readable", "no_balance", "access"] = "readable"
    dashboard: Literal["readable", "no_balance", "access"] = "readable"
    notify: Literal["readable", "no_balance", "access"] = "readable"
    money_style: MoneyStyle = MoneyStyle.PLAIN
    money_iso_columns: bool = False
    currency_style: CurrencyStyle = CurrencyStyle.CODE

    refunds: Refunds = Refunds.NONE
    refund_percent: Decimal = Field(default=Decimal(100), gt=0, le=100)
    refund_delay: float = Field(default=0, ge=0)
    refunds_name: Literal["item", "mark", "domain", "nothing"] = "item"
    expense_sign: Literal["charges_above", "charges_below"] = "charges_above"
    money_lists: Literal["readable", "access"] = "readable"

    # Getting in
    authinfo: Literal["allowed", "refused"] = "allowed"
    networks: list[str] | None = None
    network_refusal: Literal["auth", "access"] = "auth"
    extraconfirm: bool = False
    two_factor: bool = False
    two_factor_authinfo: Literal["half_open", "works", "extraconfirm"] = "half_open"
    captcha: Captcha = Captcha.NONE
    login_lock: int | None = Field(default=None, ge=1)
    login_lock_minutes: float = Field(default=60, gt=0)
    session_minutes: float = Field(default=60, gt=0)
    session_newkey: Literal["allowed", "access"] = "access"
    unknown_function: Literal["missed", "access", "not_implemented", "not_loaded"] = "missed"

    # Life cycle
    change_quote: Literal["shown", "absent"] = "shown"
    newkey_answer: Literal["lickey", "lickey_and_ok", "ok"] = "lickey"
    suspend_resume: Literal["allowed", "access"] = "allowed"
    suspend_refused_for: list[ItemType] = []
    suspend_needs_sok: bool = False
    client_suspend_reason: SuspendReason = SuspendReason.STAFF
    tariff_change: Literal["one_shot", "wizard"] = "one_shot"
    addons_on_change: AddonsOnChange = AddonsOnChange.LOST
    disk_change: Literal["automatic", "manual", "refused"] = "manual"
    delete: Literal["allowed", "confirmation", "minimum_term"] = "allowed"
    delete_needs_sok: bool = True
    prolong_not_before_days: int | None = Field(default=None, ge=0)
    expiry: Literal["ignored", "enforced"] = "ignored"

    # The queue of events (an invention)
    event_queue: Literal["off", "on"] = "off"
    event_delay: float = Field(default=0, ge=0)
    event_fault: Literal["none", "lose", "twice", "shuffled"] = "none"
