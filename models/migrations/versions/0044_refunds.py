"""refunds

What the upstreams pay back, and for which operations.

Revision: 0044, after: 0043.
"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

_CLOSED = "status = 'closed'"


def upgrade() -> None:
    op.create_table(
        "refund",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("upstream_account.id"), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("row", sa.String(128), nullable=False),
        sa.Column("item", sa.String(64), nullable=False),
        sa.Column("text", sa.String(255), nullable=False),
        sa.Column("amount", sa.Numeric(18, 4).with_variant(sa.String(32), "sqlite"), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("service_id", sa.Integer(), sa.ForeignKey("service.id"), nullable=True),
        sa.Column("operation_id", sa.Integer(), sa.ForeignKey("operation.id"), nullable=True),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "source", "row"),
        sqlite_autoincrement=True,
    )
    op.create_index("refund_by_state", "refund", ["state", "id"])
    op.create_index("refund_of_service", "refund", ["service_id", "id"])
    op.create_index("refund_of_operation", "refund", ["operation_id", "id"])
    op.add_column("upstream_account", sa.Column("refunded", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("upstream_account", sa.Column("refunds_read_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("upstream_account", sa.Column("refunds_unreadable", sa.String(), nullable=True))
    op.add_column("upstream_account", sa.Column("charges_below_zero", sa.Boolean(), nullable=True))
    op.create_index(
        "service_closed",
        "service",
        ["account_id", "status_since"],
        sqlite_where=sa.text(_CLOSED),
        postgresql_where=sa.text(_CLOSED),
    )


def downgrade() -> None:
    op.drop_index("service_closed", "service")
    for name in ("charges_below_zero", "refunds_unreadable", "refunds_read_at", "refunded"):
        op.drop_column("upstream_account", name)
    op.drop_table("refund")
