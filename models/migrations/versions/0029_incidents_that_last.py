"""incidents that last

An incident may be about a condition that lasts. It is updated while that lasts and closed automatically. The sweep has
its own table: for each list, when it was asked for and what it found.

Revision: 0029, after: 0028.
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("incident", sa.Column("condition", sa.String(255), nullable=True))
    op.add_column("incident", sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("incident_condition", "incident", ["condition"], unique=True)
    op.create_table(
        "list_sweep",
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("upstream_account.id"), nullable=False),
        sa.Column("product_type", sa.String(32), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("compared", sa.Integer(), nullable=True),
        sa.Column("missed", sa.Integer(), nullable=True),
        sa.Column("unlisted", sa.Integer(), nullable=True),
        sa.Column("missed_in_all", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("account_id", "product_type"),
    )


def downgrade() -> None:
    op.drop_table("list_sweep")
    op.drop_index("incident_condition", table_name="incident")
    op.drop_column("incident", "updated_at")
    op.drop_column("incident", "condition")
