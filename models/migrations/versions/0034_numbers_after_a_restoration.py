"""numbers after a restoration

What a database gave after `resell restored` is told from what it had lost by rows, not by sequences: those of a dump
may be ahead of its rows.

Revision: 0034, after: 0033.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "restoration", sa.Column("next_numbers", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=True)
    )


def downgrade() -> None:
    op.drop_column("restoration", "next_numbers")
