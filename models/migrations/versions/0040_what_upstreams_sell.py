"""what upstreams sell

Whether each tariff that the catalogue maps could be had when the upstream's price list was read.

Revision: 0040, after: 0039.
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tariff_state",
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("upstream_account.id"), nullable=False),
        sa.Column("product_type", sa.String(32), nullable=False),
        sa.Column("tariff", sa.String(), nullable=False),
        sa.Column("location", sa.String(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("cause", sa.String(32), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "product_type", "tariff", "location"),
    )


def downgrade() -> None:
    op.drop_table("tariff_state")
