"""Everything about a panel that can be set, above all what nobody outside knows for certain."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from simulator.entities import SuspendReason
from simulator.money import MoneyStyle


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
        """Knobs from a state file: those that this simulator does not have are left out."""
        if not isinstance(given, dict):
            return given
        return {name: value for name, value in given.items() if name in cls.model_fields}

    # Time
    latency_ms: float = Field(default=0, ge=0)
    opening_delay: float = Field(default=1.0, ge=0)
    processing_delay: float = Field(default=0, ge=0)
    commit_delay: float = Field(default=0, ge=0)
    licence_key_delay: float = Field(default=0, ge=0)
    certificate_delay: float = Field(default=0, ge=0)
    operation_delay: float = Field(default=0, ge=0)

    # Ordering
    dialects: list[Literal[5, 6]] = [5, 6]
    opening: Opening = Opening.AUTO
    skipbasket: Literal["honoured", "ignored"] = "honoured"
    cart_answer: Literal["number", "bare", "item"] = "number"
    orders_return: OrderAnswer = OrderAnswer.ID
    licence_orders_return: OrderAnswer = OrderAnswer.ID
    remoteid_unique: bool = False
    not_enough_money: Literal["nothing", "ordered_row"] = "nothing"
    unknown_addon: Literal["refuse", "ignore"] = "refuse"
    quote: Literal["full", "text"] = "full"
    default_autoprolong: Literal["period", "off"] = "period"
    licence_agreement_required: bool = False
    domain_contacts: Literal["optional", "needed"] = "optional"

    # Reading
    remoteid_in_lists: bool = True
    remoteid_in_forms: bool = True
    remoteid_filter: bool = False
    domain_in_lists: bool = True
    deleted_rows: Literal["listed", "vanish"] = "listed"
    max_page: int | None = Field(default=None, ge=1)
    total_shown: bool = True
    status_columns: Literal["code", "word", "real"] = "code"
    single_row: Literal["bare", "array"] = "bare"
    bjson_error_text: Literal["string", "object"] = "string"

    combined_list: Literal["absent", "present"] = "absent"

    # Money calls
    subaccount: Literal["readable", "access"] = "readable"
    whoami: Literal["readable", "no_balance", "access"] = "readable"
    dashboard: Literal["readable", "no_balance", "access"] = "readable"
    notify: Literal["readable", "no_balance", "access"] = "readable"
    money_style: MoneyStyle = MoneyStyle.PLAIN
    money_iso_columns: bool = False

    # Getting in
    authinfo: Literal["allowed", "refused"] = "allowed"
    networks: list[str] | None = None
    network_refusal: Literal["auth", "access"] = "auth"
    extraconfirm: bool = False
    captcha: Captcha = Captcha.NONE
    session_minutes: float = Field(default=60, gt=0)
    session_newkey: Literal["allowed", "access"] = "access"
    unknown_function: Literal["missed", "access", "not_implemented"] = "missed"

    # Life cycle
    change_quote: Literal["shown", "absent"] = "shown"
    suspend_resume: Literal["allowed", "access"] = "allowed"
    suspend_needs_sok: bool = False
    client_suspend_reason: SuspendReason = SuspendReason.STAFF
    disk_change: Literal["automatic", "manual", "refused"] = "manual"
    delete: Literal["allowed", "confirmation", "minimum_term"] = "allowed"
    prolong_not_before_days: int | None = Field(default=None, ge=0)
    expiry: Literal["ignored", "enforced"] = "ignored"

    # The queue of events (an invention)
    event_queue: Literal["off", "on"] = "off"
    event_delay: float = Field(default=0, ge=0)
    event_fault: Literal["none", "lose", "twice", "shuffled"] = "none"
