"""Tables of what is seen at the upstream: the last snapshot of every item, and every change between two snapshots."""

from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from models.columns import amount_column, empty_dict, empty_list, enum_column, json_column, utc_column, utc_now
from models.enums import EventKind

HELD_BACK_AT_MOST = 500
TO_JUDGE = "row_digest = ''"
"""Snapshots whose row in the list is judged whatever it shows."""
_NO_SERVICE_ON_SQLITE = "service_id IS NULL AND gone IS 0"
_NO_SERVICE = "service_id IS NULL AND gone IS false"


class UpstreamSnapshot(SQLModel, table=True):
    """One item as last seen at the upstream. Without a service it is an orphan."""

    __tablename__ = "upstream_snapshot"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "product_type", "number"),
        sa.Index("upstream_snapshot_first_seen", "account_id", "product_type", "first_seen_at"),
        sa.Index(
            "upstream_snapshot_to_judge",
            "account_id",
            "product_type",
            sqlite_where=sa.text(TO_JUDGE),
            postgresql_where=sa.text(TO_JUDGE),
        ),
        sa.Index(
            "upstream_snapshot_orphans",
            "account_id",
            "id",
            sqlite_where=sa.text(_NO_SERVICE_ON_SQLITE),
            postgresql_where=sa.text(_NO_SERVICE),
        ),
        sa.Index(
            "upstream_snapshot_strangers",
            "account_id",
            "product_type",
            "first_seen_at",
            sqlite_where=sa.text(_NO_SERVICE_ON_SQLITE),
            postgresql_where=sa.text(_NO_SERVICE),
        ),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="upstream_account.id")
    product_type: str = Field(max_length=32)
    number: str = Field(max_length=64)
    service_id: int | None = Field(default=None, foreign_key="service.id", index=True)
    status: int
    settled_status: int | None = None
    """The last status that was not `processing`: distinguishes an opening from a resumption."""
    version: int = 1
    """Counts the changes seen; part of the event ids."""
    status_detail: str = ""
    cause: str = ""
    """Why it is in this state, in words; empty where the adapter does not know."""
    dead_end: bool = False
    """Its upstream does not go on with it automatically."""
    suspend_reason: str | None = None
    name: str = Field(default="", index=True)
    mark: str | None = Field(default=None, index=True)
    expires_on: date | None = None
    tariff: str = ""
    tariff_id: str = ""
    """The tariff's number, where the upstream distinguishes it from the tariff's name."""
    tariff_unexplained: str = ""
    """Another name of the tariff that a list shows without a number: renamed, or another tariff? The form shows it."""
    cost_amount: Decimal | None = Field(default=None, sa_column=amount_column(nullable=True))
    cost_currency: str | None = Field(default=None, max_length=3)
    ip: str = ""
    renewal: str = ""
    renews: bool | None = None
    """Whether the upstream renews it automatically, as its form last showed; lists may show a localised word."""
    renews_since: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    """Since when the form shows it."""
    raw: dict[str, str] = Field(default_factory=empty_dict, sa_column=json_column())
    listed: list[str] = Field(default_factory=empty_list, sa_column=json_column())
    """Fields that the list shows. A form may write the same thing another way, so for these the list alone counts."""
    held_back: dict[str, str] = Field(default_factory=empty_dict, sa_column=json_column())
    """Values shown by the upstream that cannot be right, reported once: field -> value."""
    form_tariff: str = ""
    """The tariff's number (its name where no number is shown) as the form last showed."""
    form_mark: str = ""
    """Our mark as the form last showed."""
    form_renewal: str = ""
    """How the upstream renews it, as the form last showed."""
    form: dict[str, str] = Field(default_factory=empty_dict, sa_column=json_column())
    """Plain fields of the form as last read, secrets left out."""
    row_digest: str | None = Field(default="", max_length=64)
    """Digest of the list's row that was judged last. Empty: the next row is judged whatever it shows, because something
    other than a list has changed this snapshot. None: it is gone, and the poller knows."""
    misses: int = 0
    """Complete listings in a row that did not show it."""
    gone: bool = False
    first_seen_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    changed_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())


class UpstreamList(SQLModel, table=True):
    """How far the list of one product type of an account is known."""

    __tablename__ = "upstream_list"

    account_id: int = Field(foreign_key="upstream_account.id", primary_key=True)
    product_type: str = Field(max_length=32, primary_key=True)
    loaded_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    """Since when every item that was there at first is known. Until then an item that is not known is not new."""
    listed_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    """When it was last read to the end; written down every few seconds."""
    audit_entry: int = 0
    """Changes of services up to this entry of the audit, and …"""
    stage_entry: int = 0
    """… stages of operations up to this entry, have been heeded in judging rows."""
    held_back: dict[str, str] = Field(default_factory=empty_dict, sa_column=json_column())
    """Rows that were held back, whole or in part: number -> why. At most HELD_BACK_AT_MOST of them."""


_UNDELIVERED = "delivered_at IS NULL AND operation_id IS NOT NULL"
_FOR_AN_OPERATION = "operation_id IS NOT NULL"


class UpstreamEvent(SQLModel, table=True):
    """One change seen at the upstream, and what became of it."""

    __tablename__ = "upstream_event"
    __table_args__ = (
        sa.Index("upstream_event_by_account", "account_id", "id"),
        sa.Index("upstream_event_by_kind", "account_id", "kind", "id"),
        sa.Index("upstream_event_by_service", "service_id", "id"),
        sa.Index(
            "upstream_event_of_operation",
            "operation_id",
            sqlite_where=sa.text(_FOR_AN_OPERATION),
            postgresql_where=sa.text(_FOR_AN_OPERATION),
        ),
        sa.Index(
            "upstream_event_undelivered",
            "account_id",
            "id",
            sqlite_where=sa.text(_UNDELIVERED),
            postgresql_where=sa.text(_UNDELIVERED),
        ),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    event_id: str = Field(unique=True, max_length=64)
    """Sent as request_id of the signal, so that the server drops repeats."""
    account_id: int = Field(foreign_key="upstream_account.id")
    product_type: str = Field(max_length=32)
    upstream_number: str = Field(max_length=64, index=True)
    kind: EventKind = Field(sa_column=enum_column(EventKind))
    changes: dict[str, list[str]] = Field(default_factory=empty_dict, sa_column=json_column())
    """Field -> [before, after], as text."""
    raw: dict[str, str] = Field(default_factory=empty_dict, sa_column=json_column())
    status: int
    """The item's status after the change."""
    service_id: int | None = Field(default=None, foreign_key="service.id")
    operation_id: int | None = Field(default=None, foreign_key="operation.id")
    """The operation that waits for it, if any: it gets a signal."""
    met: bool | None = None
    """Whether the goal of that operation is reached, or (false) out of reach."""
    cause: str = ""
    """Why the goal is out of reach, in the upstream's words. Empty where it is reached, or where nobody says why."""
    seen_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    applied_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    delivered_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    delivery_note: str = ""


_UNREAD = "read_at IS NULL"


class UpstreamHint(SQLModel, table=True):
    """An item that the upstream says has changed, to be read by the poller soon. Nothing else of a hint is believed."""

    __tablename__ = "upstream_hint"
    __table_args__ = (
        sa.Index(
            "upstream_hint_waiting",
            "account_id",
            "id",
            sqlite_where=sa.text(_UNREAD),
            postgresql_where=sa.text(_UNREAD),
        ),
        sa.Index("upstream_hint_received", "account_id", "received_at"),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="upstream_account.id")
    product_type: str = Field(default="", max_length=32)
    """Empty when the hint did not say."""
    upstream_number: str = Field(max_length=64)
    received_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    read_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    outcome: str = ""
