"""who may send, and at what price

Leases, late answers and steps of intents; quotes, limits and costs of renewals and add-ons; incidents. What is there
keeps its meaning: an intent written before has no lease, a plan without further keys is sold as it was.

Revision: 0002, after: 0001.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from models.columns import Amount, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _json() -> sa.JSON:
    return sa.JSON().with_variant(JSONB(), "postgresql")


def _word() -> sa.String:
    return sa.String(length=32)


def _columns() -> dict[str, list[sa.Column[object]]]:
    """Table -> what it gets. A column that must not be empty brings a default for the rows that are there."""
    return {
        "intent": [
            sa.Column("step", _word(), nullable=False, server_default="send"),
            sa.Column("send_until", UtcDateTime(), nullable=True),
            sa.Column("unpaid_kind", _word(), nullable=True),
            sa.Column("unpaid_number", sa.String(length=64), nullable=True),
            sa.Column("evidence", _json(), nullable=False, server_default="{}"),
            sa.Column("late_yes", sa.String(), nullable=True),
            sa.Column("late_yes_at", UtcDateTime(), nullable=True),
        ],
        "operation": [
            sa.Column("price", _json(), nullable=False, server_default="{}"),
            sa.Column("agreed_limit_amount", Amount(), nullable=True),
            sa.Column("agreed_limit_currency", sa.String(length=3), nullable=True),
            sa.Column("called_off_at", UtcDateTime(), nullable=True),
            sa.Column("called_off_by", sa.String(length=64), nullable=False, server_default=""),
        ],
        "upstream_account": [
            sa.Column("cart_holder", sa.Integer(), nullable=True),
            sa.Column("cart_held_since", UtcDateTime(), nullable=True),
        ],
        "tariff_plan": [sa.Column("addon_prices", _json(), nullable=False, server_default="{}")],
        "tariff_plan_price": [
            sa.Column("renewal_amount", Amount(), nullable=True),
            sa.Column("renewal_currency", sa.String(length=3), nullable=True),
        ],
        "plan_mapping": [
            sa.Column("addon_forms", _json(), nullable=False, server_default="{}"),
            sa.Column("addon_costs", _json(), nullable=False, server_default="{}"),
            sa.Column("price_tolerance", Amount(), nullable=False, server_default="10"),
            sa.Column("unquoted", _word(), nullable=False, server_default="ask"),
            sa.Column("above_price", _word(), nullable=False, server_default="ask"),
        ],
        "mapped_period": [
            sa.Column("renewal_cost_amount", Amount(), nullable=True),
            sa.Column("renewal_cost_currency", sa.String(length=3), nullable=True),
        ],
        "upstream_snapshot": [
            sa.Column("pricelist_id", sa.String(), nullable=False, server_default=""),
            sa.Column("pricelist_unexplained", sa.String(), nullable=False, server_default=""),
            sa.Column("renews", sa.Boolean(), nullable=True),
            sa.Column("renews_since", UtcDateTime(), nullable=True),
        ],
    }


def upgrade() -> None:
    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column)
    op.create_table(
        "incident",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", _word(), nullable=False),
        sa.Column("fingerprint", sa.String(length=255), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("service_id", sa.Integer(), nullable=True),
        sa.Column("operation_id", sa.Integer(), nullable=True),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("detail", _json(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("closed_by", sa.String(length=64), nullable=False),
        sa.Column("closing_note", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["upstream_account.id"]),
        sa.ForeignKeyConstraint(["operation_id"], ["operation.id"]),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("fingerprint"),
        sqlite_autoincrement=True,
    )
    for name in ("account_id", "service_id", "operation_id"):
        op.create_index(f"ix_incident_{name}", "incident", [name])
    op.create_index("operation_called_off", "operation", ["called_off_at"])


def downgrade() -> None:
    op.drop_index("operation_called_off", "operation")
    op.drop_table("incident")
    for table, columns in _columns().items():
        for column in columns:
            op.drop_column(table, column.name)
